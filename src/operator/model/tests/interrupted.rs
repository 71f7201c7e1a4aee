//! Trouble in the midst of something else: what was good stays good, and what broke concerns one object alone.

use serde_json::json;

use super::super::World;
use super::super::operator::Flight;
use super::minutes;
use super::ownership::in_order;
use crate::auth::{Call, Class, Scope};
use crate::cluster::secrets::WriteRefused;
use crate::operator::effect::{Effect, Outcome, WriteFailed};
use crate::operator::turns::Turn;

/// The answer to a renewal's write is lost, and the API server is away: nobody knows what the Secret holds now, but both the
/// token before and the one that may be there are good.
#[test]
fn a_write_without_an_answer_makes_no_good_token_bad() {
    let (mut world, _, request) = in_order();
    world.renew(&request, "now");
    world.now += minutes(1);
    world.server.lose_answer = Some(WriteRefused::Timeout);
    world.server.refuse_reads = true;
    world.pass(minutes(5));
    assert!(world.server.journal.contains(&"look interview-token".to_owned()));
    assert_eq!(world.ready(&request), "True Issued", "{}", world.message(&request));
    world.server.refuse_reads = false;
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 2, "nothing was issued twice");
}

/// Before a Secret that vanished is put back, its owner is looked at: where that gives no answer, not again before the delay is over.
#[test]
fn an_owner_that_cannot_be_read_is_asked_for_ever_more_rarely() {
    let (mut world, partner, _) = in_order();
    let calls = world.service.total();
    world.server.refuse_reads = true;
    world.server.delete_secret("legal", "partner-access-token");
    world.pass(minutes(5));
    let asked = world.server.journal.iter().filter(|it| **it == "confirm owner partner").count();
    assert!((30..=60).contains(&asked), "{asked}");
    assert_eq!(world.status(&partner)["failure"]["step"], "ConfirmOwner");
    world.server.refuse_reads = false;
    world.pass(minutes(1));
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
    assert!(world.value("legal", "partner-access-token", "access_token").is_some());
    assert_eq!(world.service.total(), calls);
}

/// The operator is stopped when nobody knows what became of a write: that is looked at, and written if it is not there.
#[test]
fn a_token_whose_write_was_lost_is_written_when_the_operator_ends() {
    let (mut world, _, request) = in_order();
    world.renew(&request, "now");
    world.now += minutes(1);
    let before = world.value("web", "interview-token", "access_token");
    while !matches!(world.operator.flights.get(&request), Some(Flight::Leaving(_, Effect::Write { .. }))) {
        assert!(world.step(&request), "it never came to a write");
    }
    let Some(Flight::Leaving(ticket, _)) = world.operator.take_flight(&request) else { unreachable!() };
    // Others have every place.
    for _ in 0..64 {
        world.operator.turns.slots.begin(&"elsewhere".into());
    }
    let held =
        world.operator.turns.state.object(&request).and_then(|it| it.work.held.as_ref()).expect("a token");
    let (record, lost) = (held.record.clone(), WriteRefused::Timeout);
    let failed = WriteFailed { refused: lost, right_is_missing: false };
    let outcome = Outcome::Written { record, rendering: 0, again: false, result: Err(failed) };
    world.operator.land(ticket, outcome, world.now);
    assert!(world.operator.flights.is_empty(), "it stands in line");
    let mut turns = world.operator.turns.last_writes(world.now);
    while let Some(turn) = turns.pop() {
        if let Turn::Act(ticket, effect) = turn {
            let outcome = world.server.execute(*effect);
            turns.push(world.operator.turns.land_last(ticket, outcome, world.now));
        }
    }
    assert_ne!(world.value("web", "interview-token", "access_token"), before);
}

/// A renewal may wait for hours; the garbage that somebody wrote over the token must not.
#[test]
fn an_edit_is_undone_while_a_renewal_waits_at_the_gate() {
    let (mut world, _, request) = in_order();
    world.service.fail(Call::ServiceToken, Some((Class::Transient, Scope::Endpoint)));
    world.request("another", json!({}));
    world.pass(minutes(1));
    world.renew(&request, "now");
    world.settle();
    let token = world.value("web", "interview-token", "access_token");
    world.edit_secret("web", "interview-token", |secret| secret["data"]["added"] = json!("AAAA"));
    world.settle();
    assert_eq!(world.value("web", "interview-token", "added"), None);
    assert_eq!(world.value("web", "interview-token", "access_token"), token);
    assert_eq!(world.ready(&request), "True Issued");
}

/// Behaviour §4.6.
#[test]
fn a_panic_is_told_on_its_object_tried_ever_more_rarely_and_stops_nothing_else() {
    let (mut world, _, request) = in_order();
    let other = world.request("other", json!({}));
    world.settle();
    let mut panics = 0;
    world.renew(&request, "now");
    world.now += minutes(1);
    let end = world.now + minutes(30);
    while world.now < end {
        // Whatever is done outside for this one panics, but for its status.
        while world.deliver_all() || world.operator.turn_next(world.now) || !world.operator.flights.is_empty()
        {
            let first = world.operator.flights.keys().next().cloned();
            match first.and_then(|key| world.operator.flights.remove(&key).map(|flight| (key, flight))) {
                Some((key, Flight::Leaving(ticket, effect)))
                    if key == request && !matches!(effect, Effect::Status { .. }) =>
                {
                    panics += 1;
                    world.operator.flights.insert(key, Flight::Coming(ticket, Outcome::Panicked));
                }
                Some((key, flight)) => {
                    world.operator.flights.insert(key.clone(), flight);
                    world.advance(&key);
                }
                None => {}
            }
        }
        world.now = world.operator.turns.next_look(world.now).map_or(end, |at| at.max(world.now).min(end));
    }
    assert!((5..=15).contains(&panics), "2 s doubling to 5 min: {panics} in half an hour");
    assert_eq!(world.status(&request)["failure"]["step"], "Internal");
    assert_eq!(world.ready(&other), "True Issued");
    world.pass(minutes(6));
    assert!(world.status(&request)["failure"].is_null(), "{}", world.status(&request));
}

/// The same of what is read for it: it is not read again and again.
#[test]
fn a_panic_over_a_secret_that_is_read_is_no_hot_loop() {
    let mut world = World::new();
    let partner = world.partner();
    let mut panics = 0;
    let end = world.now + minutes(30);
    while world.now < end {
        while world.deliver_all() || !world.operator.busy().is_empty() || world.operator.turn_next(world.now)
        {
            for (secret, flight) in std::mem::take(&mut world.operator.reads) {
                let (Flight::Leaving(ticket, _) | Flight::Coming(ticket, _)) = flight;
                panics += 1;
                world.operator.reads.insert(secret, Flight::Coming(ticket, Outcome::Panicked));
            }
            for key in world.operator.busy() {
                world.advance(&key);
            }
        }
        world.now = world.operator.turns.next_look(world.now).map_or(end, |at| at.max(world.now).min(end));
    }
    assert!((5..=15).contains(&panics), "2 s doubling to 5 min: {panics} in half an hour");
    assert_eq!(world.status(&partner)["failure"]["step"], "Internal");
    world.pass(minutes(6));
    assert_eq!(world.ready(&partner), "True Issued");
}

/// What another service said of a login says nothing of it at this one.
#[test]
fn an_exchanging_app_that_was_refused_elsewhere_is_not_refused_here() {
    let mut world = World::new();
    world.partner();
    world.login("legal", "front-login", "front", "wrong");
    let front =
        world.credential("front", json!({"appType": "Frontend", "allowedNamespaces": {"from": "All"}}));
    world.settle();
    let exchange = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    world.request("interview", exchange);
    world.settle();
    assert_eq!(world.ready(&front), "False InvalidClient");
    world.edit(&front, json!({"environment": "Production"}));
    world.settle();
    assert_eq!(world.ready(&front), "True Available", "{}", world.message(&front));
}

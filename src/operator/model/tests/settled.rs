//! What the watch shows to be done, or to be wanted no more, is over, whatever was answered.

use serde_json::json;

use super::super::World;
use super::super::operator::Flight;
use super::minutes;
use super::ownership::in_order;
use crate::auth::Call;
use crate::cluster::owner::OwnerNow;
use crate::cluster::secrets::WriteRefused;
use crate::cluster::watch::Watched;
use crate::decision::{Key, ResourceVersion};
use crate::operator::effect::{Effect, Outcome};

/// Whether the token of a request is still in memory.
fn holds(world: &World, key: &Key) -> bool {
    world.operator.turns.state.object(key).is_some_and(|it| it.work.held.is_some())
}

/// A write is refused, and the next one is done, though its answer is lost or says otherwise.
#[test]
fn a_write_that_was_done_whatever_was_answered_fails_no_more() {
    for lost in [WriteRefused::Timeout, WriteRefused::Unavailable { retry_after: None }] {
        let (mut world, partner, request) = in_order();
        world.now += minutes(1);
        for key in [&partner, &request] {
            world.server.refuse_writes = Some(WriteRefused::Quota);
            world.renew(key, "now");
            world.settle();
            assert_eq!(world.status(key)["failure"]["reason"], "SecretWriteRefused");
            world.server.refuse_writes = None;
            world.server.lose_answer = Some(lost);
            world.pass(minutes(10));
            assert!(world.server.lose_answer.is_none(), "it was written");
            assert_eq!(world.ready(key), "True Issued");
            assert!(world.status(key)["failure"].is_null(), "{lost:?}: {}", world.message(key));
        }
        assert!(!holds(&world, &request));
        world.pass(minutes(8 * 60));
        assert_eq!(world.operator.restored, 0, "renewals restore nothing");
    }
}

/// The token that is there is held as well, for those who wait for it: the next one is rehearsed all the same.
#[test]
fn a_rehearsal_that_is_refused_stands() {
    let (mut world, partner, _) = in_order();
    world.server.refuse_writes = Some(WriteRefused::Quota);
    world.now += minutes(1);
    world.renew(&partner, "now");
    world.settle();
    assert_eq!(world.service.count(Call::AccessToken), 2);
    for n in 0..3 {
        world.restart();
        world.request(&format!("waits-{n}"), json!({}));
        world.pass(minutes(10));
        assert!(holds(&world, &partner));
        assert_eq!(world.status(&partner)["failure"]["reason"], "SecretWriteRefused");
    }
    assert_eq!(world.service.count(Call::AccessToken), 2);
}

/// What refused the token is forgotten by a restart; that its write was refused is not.
#[test]
fn a_token_that_was_refused_is_not_replaced_without_a_rehearsal_after_a_restart() {
    let (mut world, partner, _) = in_order();
    world.pass(minutes(5));
    world.server.refuse_writes = Some(WriteRefused::Quota);
    world.service.live.clear();
    world.request("refused", json!({}));
    world.settle();
    assert_eq!(world.status(&partner)["failure"]["reason"], "SecretWriteRefused");
    let before = world.service.count(Call::AccessToken);
    for n in 0..3 {
        world.restart();
        world.service.live.clear();
        world.request(&format!("waits-{n}"), json!({}));
        world.pass(minutes(10));
    }
    assert_eq!(world.service.count(Call::AccessToken), before);
    world.server.refuse_writes = None;
    world.pass(minutes(10));
    assert_eq!(world.ready(&partner), "True Issued");
}

/// The looks that were to tell what became of a write failed, and the watch tells it first.
#[test]
fn a_look_that_is_wanted_no_more_fails_no_more() {
    let (mut world, _, request) = in_order();
    world.renew(&request, "now");
    world.now += minutes(1);
    world.server.journal.clear();
    world.server.lose_answer = Some(WriteRefused::Timeout);
    world.server.refuse_reads = true;
    world.step_until(&request, "write interview-token");
    let late = world.server.feeds.remove(&Watched::ManagedSecrets).expect("what was written");
    world.pass(minutes(2));
    assert_eq!(world.status(&request)["failure"]["step"], "ReadManagedSecret");
    world.server.feeds.insert(Watched::ManagedSecrets, late);
    world.settle();
    assert!(world.status(&request)["failure"].is_null(), "{}", world.message(&request));
    assert!(!holds(&world, &request));
}

/// An answer that is not true: the watch shows the object still, and it is asked after again.
#[test]
fn an_owner_that_one_answer_calls_gone_gets_its_secret_back() {
    for lie in
        [OwnerNow::Absent, OwnerNow::Present { uid: "".into(), version: ResourceVersion(1), deleting: false }]
    {
        let (mut world, partner, _) = in_order();
        world.server.delete_secret("legal", "partner-access-token");
        while !matches!(
            world.operator.flights.get(&partner),
            Some(Flight::Leaving(_, Effect::ConfirmOwner { .. }))
        ) {
            assert!(world.step(&partner), "it never asked");
        }
        let Some(Flight::Leaving(ticket, _)) = world.operator.take_flight(&partner) else { unreachable!() };
        world.operator.put_flight(Flight::Coming(ticket, Outcome::Owner(Ok(lie))));
        world.pass(minutes(1));
        assert_eq!(world.ready(&partner), "True Issued");
        assert!(world.value("legal", "partner-access-token", "access_token").is_some());
    }
}

/// Behaviour §4.6.
#[test]
fn a_panic_over_a_status_is_no_hot_loop() {
    let (mut world, _, request) = in_order();
    let mut panics = 0;
    world.renew(&request, "now");
    world.now += minutes(1);
    let end = world.now + minutes(5);
    while world.now < end {
        while world.deliver_all() || world.operator.turn_next(world.now) || !world.operator.busy().is_empty()
        {
            let Some(key) = world.operator.busy().first().cloned() else { continue };
            match world.operator.take_flight(&key) {
                Some(Flight::Leaving(ticket, Effect::Status { .. })) => {
                    panics += 1;
                    assert!(panics < 100, "and so on");
                    world.operator.put_flight(Flight::Coming(ticket, Outcome::Panicked));
                }
                Some(flight) => {
                    world.operator.put_flight(flight);
                    world.advance(&key);
                }
                None => {}
            }
        }
        world.now = world.operator.turns.next_look(world.now).map_or(end, |at| at.max(world.now).min(end));
    }
    assert!((5..=60).contains(&panics), "{panics}");
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "True Issued");
}

//! What is said of the next attempt, and how often is that written? That nothing is named that is over, every other walk of this
//! world shows too, whenever it comes to rest.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::cluster::status::StatusRefused;
use crate::decision::Key;

fn with_partner() -> (World, Key) {
    let mut world = World::new();
    let partner = world.partner();
    world.settle();
    (world, partner)
}

/// A request with its token.
fn with_request() -> (World, Key) {
    let (mut world, _) = with_partner();
    let request = world.request("interview", json!({}));
    world.settle();
    (world, request)
}

/// Somebody deletes its Secret.
fn lose(world: &mut World) {
    world.server.delete_secret("web", "interview-token");
    world.settle();
}

/// How often the status of the object of this name was written since the journal was cleared.
fn written(world: &World, name: &str) -> usize {
    let entry = format!("status {name}");
    world.server.journal.iter().filter(|it| **it == entry).count()
}

fn named(world: &World, key: &Key) -> Option<Timestamp> {
    world.status(key)["failure"]["nextAttemptAt"].as_str().map(|it| it.parse().unwrap())
}

/// Five minutes, half an hour, then hourly: the status is written as often.
#[test]
fn a_refusal_names_its_next_attempt_and_is_written_once_for_each() {
    let (mut world, partner) = with_partner();
    world.service.apps.insert("app".into(), "another".into());
    world.renew(&partner, "now");
    world.pass(minutes(1));
    world.server.journal.clear();
    let before = world.service.total();
    for _ in 0..6 * 60 {
        let next = named(&world, &partner).expect("an instant");
        let said =
            format!("they are tried as soon as it changes, and at {}.", next.strftime("%Y-%m-%dT%H:%M:%SZ"));
        assert!(world.message(&partner).ends_with(&said), "{}", world.message(&partner));
        world.pass(minutes(1));
    }
    let calls = world.service.total() - before;
    assert!((6..=8).contains(&calls), "{calls}");
    assert_eq!(written(&world, "partner"), calls);
}

#[test]
fn attempts_that_come_often_are_not_named_and_told_four_times_an_hour() {
    for (class, says) in [
        (Class::Transient, "It is tried again at least every five minutes."),
        (
            Class::QuotaExhausted,
            "It is tried again when the service allows it, and at least every 15 minutes.",
        ),
    ] {
        let mut world = World::new();
        world.service.fail(Call::AccessToken, Some((class, Scope::Credential)));
        let partner = world.partner();
        world.settle();
        world.server.journal.clear();
        for _ in 0..6 * 60 {
            world.pass(minutes(1));
            assert!(
                named(&world, &partner).is_none() && world.message(&partner).ends_with(says),
                "{}",
                world.status(&partner)
            );
        }
        assert!(world.service.total() > 24, "{} calls", world.service.total());
        let written = written(&world, "partner");
        assert!(written <= 4 * 6, "{class:?}: {written}");
        assert!(world.status(&partner)["failure"]["count"].as_i64() > Some(20), "{}", world.status(&partner));
    }
}

/// No instant is not "never".
#[test]
fn what_named_no_attempt_is_tried_at_once_after_a_restart_and_counts_on() {
    let mut world = World::new();
    world.service.fail(Call::AccessToken, Some((Class::Transient, Scope::Credential)));
    let partner = world.partner();
    world.pass(hours(1));
    let count = |world: &World| world.status(&partner)["failure"]["count"].as_i64();
    let (before, calls) = (count(&world), world.service.total());
    world.restart();
    world.settle();
    assert_eq!(world.service.total(), calls + 1);
    assert!(count(&world) > before);
    world.pass(minutes(3));
    assert_eq!(world.service.total(), calls + 1, "it does not begin anew at two seconds");
}

/// A Frontend app exchanges for requests only: while none asks, its time passes without an attempt.
#[test]
fn an_attempt_that_nobody_makes_is_due() {
    let (mut world, _) = with_partner();
    world.service.apps.insert("front".into(), "f".into());
    world.login("legal", "front-login", "front", "wrong");
    let front =
        world.credential("front", json!({"appType": "Frontend", "allowedNamespaces": {"from": "All"}}));
    let exchange = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    let request = world.request("interview", exchange);
    world.settle();
    assert!(named(&world, &front).is_some());
    world.server.delete_object(&request);
    world.settle();
    world.server.journal.clear();
    world.pass(hours(3));
    assert_eq!(named(&world, &front), None);
    assert_eq!(world.ready(&front), "False InvalidClient");
    assert_eq!(written(&world, "front"), 1);
}

/// Its time comes while the gate of its endpoint rests for a moment that nobody is told of.
#[test]
fn an_attempt_that_waits_in_line_is_due() {
    let (mut world, partner) = with_partner();
    world.service.apps.insert("other".into(), "s3cret".into());
    world.login("legal", "other-login", "other", "s3cret");
    let other = world.credential("other", json!({}));
    world.pass(minutes(1));
    world.service.apps.insert("app".into(), "another".into());
    world.renew(&partner, "now");
    world.settle();
    let next = named(&world, &partner).expect("an instant");
    world.pass(world.now.duration_until(next) - SignedDuration::from_secs(1));
    world.service.fail(Call::AccessToken, Some((Class::Transient, Scope::Endpoint)));
    for value in ["now", "again"] {
        world.renew(&other, value);
        world.settle();
    }
    let calls = world.service.total();
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.service.total(), calls, "it waits");
    assert_eq!(named(&world, &partner), None);
    assert_eq!(world.ready(&partner), "True Issued");
}

/// Behaviour §1.6, §5.1: told once, with when it ends and what one can do; and it comes back without a person.
#[test]
fn a_secret_that_is_deleted_again_says_so_until_it_is_put_back() {
    let (mut world, request) = with_request();
    lose(&mut world);
    assert_eq!(world.ready(&request), "True Issued");
    world.server.journal.clear();
    lose(&mut world);
    assert_eq!(world.ready(&request), "False SecretContested");
    assert_eq!(world.condition(&request, "Reconciling")["status"], "True");
    let until = world.now + minutes(10);
    assert_eq!(named(&world, &request), Some(until));
    // A restart does not forget it.
    world.restart();
    let (_, calls) = world.watch(|world| world.pass(minutes(9)));
    assert_eq!((calls, written(&world, "interview")), (0, 0));
    assert_eq!(world.ready(&request), "False SecretContested");
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "True Issued");
    assert!(world.status(&request)["failure"].is_null());
    // What put it back is a repair, whoever did it.
    let (_, calls) = world.watch(|world| {
        lose(world);
        world.pass(minutes(9));
    });
    assert_eq!((calls, &*world.ready(&request)), (0, "False SecretContested"));
}

/// Nor does a status that cannot be written: what was arranged comes when it was to come.
#[test]
fn a_status_that_is_refused_postpones_no_renewal() {
    for refusal in
        [StatusRefused::Unavailable { retry_after: Some(Duration::from_mins(15)) }, StatusRefused::Forbidden]
    {
        let mut world = World::new();
        world.service.life = minutes(10);
        let partner = world.partner();
        world.settle();
        world.server.refuse_status = Some(refusal);
        world.edit(&partner, json!({"spec": {"renewal": {"renewBefore": "4m"}}}));
        world.server.journal.clear();
        for _ in 0..6 * 60 {
            world.pass(minutes(1));
            let record = world.secret("legal", "partner-access-token").record.expect("a record");
            assert!(record.expires_at > world.now, "{refusal:?}: it ended at {}", record.expires_at);
        }
        let tries = written(&world, "partner");
        assert!((20..=160).contains(&tries), "{refusal:?}: {tries} tries in 6 hours");
    }
}

/// Who asks for a renewal wants it now, at most once in 30 seconds.
#[test]
fn a_renewal_by_hand_puts_a_contested_secret_back() {
    let (mut world, request) = with_request();
    world.renew(&request, "before");
    world.pass(minutes(1));
    lose(&mut world);
    lose(&mut world);
    assert_eq!(named(&world, &request), Some(world.now + minutes(10)), "what was asked before is answered");
    let (_, calls) = world.watch(|world| {
        world.renew(&request, "now");
        world.pass(SignedDuration::from_secs(29));
    });
    assert_eq!(calls, 0);
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.status(&request)["lastHandledRenewRequest"], "now");
    lose(&mut world);
    assert_eq!(named(&world, &request), Some(world.now + minutes(10)), "once for each time it is asked");
}

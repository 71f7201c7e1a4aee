//! What does it cost many requests when what they share fails for hours? A handful of calls an hour, and of each no status
//! but these: when its renewal is overdue, when it met the failure itself, when its token ends, and when all is
//! well again (behaviour §4.2).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::decision::Key;
use crate::operator::gate::{Gates, Limits};

const MANY: usize = 200;
/// An overdue renewal, what one that probed was answered, an expiry, the recovery: each told once.
const TOLD: usize = 4;
/// What a revoked key may cost in an hour, however many need it.
const A_HOUR: usize = 12;
/// Issues that are under way at once.
const AT_ONCE: usize = 16;

/// A partner with many requests in order.
fn in_order() -> (World, Vec<Key>) {
    let mut world = World::new();
    world.partner();
    let requests: Vec<Key> = (0..MANY).map(|n| world.request(&format!("r{n}"), json!({}))).collect();
    world.settle();
    for request in &requests {
        assert_eq!(world.ready(request), "True Issued");
    }
    world.server.journal.clear();
    (world, requests)
}

pub(super) fn fail_all(world: &mut World, fault: Option<(Class, Scope)>) {
    for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
        world.service.fail(call, fault);
    }
}

/// Lets hours pass; returns the calls that each of them cost.
fn calls_each_hour(world: &mut World, n: i64) -> Vec<usize> {
    let hour = |world: &mut World| {
        let before = world.service.total();
        world.pass(hours(1));
        world.service.total() - before
    };
    (0..n).map(|_| hour(world)).collect()
}

/// The most statuses that one request wrote since the journal was cleared.
fn most_statuses(world: &World) -> usize {
    let mut counts = BTreeMap::<&str, usize>::new();
    for name in world.server.journal.iter().filter_map(|entry| entry.strip_prefix("status r")) {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

fn recovers(world: &mut World, requests: &[Key]) {
    world.pass(minutes(70));
    for request in requests {
        assert_eq!(world.ready(request), "True Issued", "{}", world.message(request));
    }
    assert!(most_statuses(world) <= TOLD, "{}", most_statuses(world));
}

#[test]
fn a_dead_endpoint_costs_many_requests_a_probe_at_a_time_and_4_statuses_each() {
    let (mut world, requests) = in_order();
    fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
    let calls = calls_each_hour(&mut world, 12);
    assert!(calls.iter().all(|it| *it <= 32), "{calls:?} calls in each hour");
    for request in &requests {
        assert_eq!(world.ready(request), "False ServiceUnavailable", "{}", world.message(request));
    }
    fail_all(&mut world, None);
    recovers(&mut world, &requests);
}

#[test]
fn a_revoked_key_costs_many_requests_12_calls_an_hour_and_4_statuses_each() {
    let (mut world, requests) = in_order();
    let secret = world.service.apps.remove("app").unwrap();
    world.service.live.clear();
    let calls = calls_each_hour(&mut world, 12);
    // The hour in which somebody notices has those that were under way when the token was refused.
    let noticed = calls.iter().position(|it| *it > 0).expect("somebody needs it");
    assert!(calls[noticed] <= A_HOUR + AT_ONCE, "{calls:?} calls in each hour");
    assert!(calls[noticed + 1..].iter().all(|it| (1..=A_HOUR).contains(it)), "{calls:?} calls in each hour");
    for request in &requests {
        assert_eq!(world.ready(request), "False CredentialNotReady", "{}", world.message(request));
    }
    world.service.apps.insert("app".into(), secret);
    recovers(&mut world, &requests);
}

/// A restart in the middle of an outage is no reason to say the same again, or to ask more often.
#[test]
fn restarts_during_an_outage_write_nothing_and_probe_once() {
    let (mut world, requests) = in_order();
    fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
    world.pass(hours(12));
    for _ in 0..3 {
        world.server.journal.clear();
        let before = world.service.total();
        world.restart();
        world.pass(minutes(1));
        let calls = world.service.total() - before;
        assert!(calls <= 16 + 5, "what is in flight when the first fails, and a few probes: {calls}");
        assert_eq!(most_statuses(&world), 0);
    }
    fail_all(&mut world, None);
    recovers(&mut world, &requests);
}

/// After an outage of an hour, at the rate that the limiter allows. Somebody's last minute has the endpoint asked soon after it is
/// back; whoever had tried it before is not put off until its own next attempt.
#[test]
fn once_the_endpoint_is_back_all_are_served_those_who_tried_it_too() {
    let limits = Limits::default();
    for many in [3, MANY] {
        let mut world = World::new();
        world.service.life = minutes(61);
        let hurried = [world.partner(), world.request("hurried", json!({}))];
        world.settle();
        world.operator.turns.gates = Gates::new(limits);
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        let requests: Vec<Key> = (0..many).map(|n| world.request(&format!("r{n}"), json!({}))).collect();
        world.pass(hours(1));
        fail_all(&mut world, None);
        let origin = "https://api-sandbox.rocketlawyer.com".parse().expect("an origin");
        while world.operator.turns.gates.parked(&origin).is_some() {
            world.pass(SignedDuration::from_secs(1));
        }
        let calls = 2 * many + 2 * limits.burst as usize;
        let seconds = i64::try_from(calls / limits.per_second as usize).expect("few");
        world.pass(SignedDuration::from_secs(seconds));
        for key in requests.iter().chain(&hurried) {
            assert_eq!(world.ready(key), "True Issued", "one of {many}: {}", world.message(key));
        }
        assert!(most_statuses(&world) <= TOLD, "{}", most_statuses(&world));
    }
}

/// A partner and a few requests whose tokens live for a minute; none is due yet.
fn with_one_minute_tokens() -> (World, Vec<Key>) {
    let mut world = World::new();
    world.service.life = minutes(1);
    let mut keys = vec![world.partner()];
    keys.extend((0..5).map(|n| world.request(&format!("r{n}"), json!({}))));
    world.settle();
    world.pass(SignedDuration::from_secs(29));
    (world, keys)
}

/// Lets time pass until `over`; panics if one of the tokens ends meanwhile.
fn live_on(world: &mut World, keys: &[Key], mut over: impl FnMut(&World) -> bool) {
    while !over(world) {
        world.pass(SignedDuration::from_millis(200));
        for key in keys {
            let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap();
            let ends = world.secret(&key.namespace, name).record.unwrap().expires_at;
            assert!(ends > world.now, "{key:?} is without a token at {}", world.now);
        }
    }
}

/// Behaviour §4.3: an attempt comes within a quarter of the life that is left, and that until two seconds are left.
#[test]
fn an_outage_that_ends_before_the_tokens_do_leaves_nobody_without_one() {
    for seconds in 2..=28 {
        let (mut world, keys) = with_one_minute_tokens();
        let begun = world.now;
        let until = |n| move |world: &World| world.now >= begun + SignedDuration::from_secs(n);
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        live_on(&mut world, &keys, until(seconds));
        fail_all(&mut world, None);
        live_on(&mut world, &keys, until(50));
    }
}

/// The credential has no token that could end; those who wait for it have, and it has their deadlines.
#[test]
fn a_credential_without_a_token_is_as_hurried_as_those_who_wait_for_it() {
    for seconds in 2..=28 {
        let (mut world, keys) = with_one_minute_tokens();
        let begun = world.now;
        let until = |n| move |world: &World| world.now >= begun + SignedDuration::from_secs(n);
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        world.server.delete_secret("legal", "partner-access-token");
        world.restart();
        live_on(&mut world, &keys[1..], until(seconds));
        fail_all(&mut world, None);
        live_on(&mut world, &keys[1..], until(50));
        assert_eq!(world.ready(&keys[0]), "True Issued", "after {seconds} s");
    }
}

/// What the demo has people try.
#[test]
fn an_outage_of_six_calls_leaves_no_one_minute_token_to_end() {
    let (mut world, keys) = with_one_minute_tokens();
    let before = world.service.total();
    fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
    live_on(&mut world, &keys, |world| world.service.total() >= before + 6);
    fail_all(&mut world, None);
    let end = world.now + minutes(1);
    live_on(&mut world, &keys, |world| world.now >= end);
}

/// The attempts that their ends had hurried do not make the later ones rare: no more is lost than the outage took.
#[test]
fn tokens_that_ended_in_an_outage_are_replaced_before_as_much_time_has_passed_again() {
    for seconds in [35, 60, 100, 200] {
        let (mut world, keys) = with_one_minute_tokens();
        let before = world.service.total();
        world.server.journal.clear();
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        world.pass(SignedDuration::from_secs(seconds));
        let calls = world.service.total() - before;
        assert!(calls <= 25, "{calls} calls");
        assert!(most_statuses(&world) < TOLD, "{}: each call is no news", most_statuses(&world));
        fail_all(&mut world, None);
        world.pass(SignedDuration::from_secs(seconds));
        for key in &keys {
            assert_eq!(world.ready(key), "True Issued", "after {seconds} s: {}", world.message(key));
        }
    }
}

/// One life of a minute among many of ten hours: a call every two seconds at most, and only while it lasts.
#[test]
fn one_short_life_among_many_has_the_endpoint_asked_a_little_more_often_until_it_ends() {
    let calls = |life| {
        let (mut world, _) = in_order();
        world.service.life = life;
        world.request("hurried", json!({}));
        world.settle();
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        let before = world.service.total();
        let minute = |world: &mut World| {
            world.pass(minutes(1));
            world.service.total() - before
        };
        (minute(&mut world), calls_each_hour(&mut world, 1)[0])
    };
    let (minute, hour) = calls(minutes(1));
    assert!((8..=14).contains(&minute), "{minute} calls while it ended");
    assert!(hour <= 32, "{hour} calls in the next hour");
    assert_eq!(calls(hours(10)).0, 0, "nothing was due");
}

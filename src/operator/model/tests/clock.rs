//! Clocks that differ, and clocks that are set.

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::ownership::in_order;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};

/// Behaviour §2.1, §1.5: a difference of the clocks is said, also after a restart, until there is none.
#[test]
fn a_service_that_tells_another_time_is_named_until_it_tells_the_same() {
    let mut world = World::new();
    world.service.clock_ahead = SignedDuration::from_secs(-605);
    let partner = world.partner();
    world.settle();
    assert_eq!(world.status(&partner)["clockSkewSeconds"], -600);
    assert!(world.message(&partner).contains("10 minutes behind"), "{}", world.message(&partner));
    let (asked, calls) = world.watch(|world| {
        world.restart();
        world.settle();
    });
    assert_eq!((calls, asked), (0, ["read partner-login".to_owned()].into()));
    world.service.clock_ahead = SignedDuration::from_secs(90);
    world.pass(hours(8));
    assert!(world.status(&partner)["clockSkewSeconds"].is_null());
    assert!(!world.message(&partner).contains("clock"), "{}", world.message(&partner));
}

/// Behaviour §2.1: what is asked for is asked for in the service's time, also right after a step of the local clock, which no
/// answer has told of yet.
#[test]
fn a_clock_that_is_set_leaves_the_services_where_they_were() {
    let (mut world, partner, _) = in_order();
    for (step, skew) in [(hours(1), -3600), (hours(-1), 0), (hours(-1), 3600), (hours(25), -86_400)] {
        world.now += step;
        world.service.clock_ahead -= step;
        world.operator.turns.clock_was_set(step);
        world.settle();
        assert_eq!(world.status(&partner)["clockSkewSeconds"].as_i64().unwrap_or_default(), skew, "{step}");
        world.request(&format!("at-{}", world.now.as_second()), json!({"serviceTokenTTL": "2h"}));
        world.settle();
        let asked = world.service.asked.expect("a service token was asked for");
        assert_eq!(asked, (world.now + world.service.clock_ahead + hours(2)).as_second(), "{step}");
    }
}

/// By a clock that was set back it lives for longer than it does.
#[test]
fn a_token_ends_when_it_does_whatever_the_clock_was_set_to() {
    for step in [SignedDuration::from_secs(-90), hours(-1)] {
        let (mut world, partner, request) = in_order();
        for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
            world.service.fail(call, Some((Class::Transient, Scope::Endpoint)));
        }
        // Both live for ten hours.
        world.pass(hours(10) - minutes(1));
        assert_eq!(world.ready(&partner), "True Issued", "{step}");
        world.now += step;
        world.operator.turns.clock_was_set(step);
        world.pass(minutes(1));
        for key in [&partner, &request] {
            assert!(world.ready(key).starts_with("False"), "{step}: {} of {}", world.ready(key), key.name);
        }
    }
}

/// Of which nothing else is to be looked at before: the look that was arranged for its end comes too late by then.
#[test]
fn a_token_that_nobody_renews_ends_when_it_does_though_the_clock_was_set_back_a_little() {
    let (mut world, partner, request) = in_order();
    for key in [&partner, &request] {
        world.edit(key, json!({"suspend": true}));
    }
    world.pass(hours(10) - minutes(1));
    let step = SignedDuration::from_secs(-4);
    world.now += step;
    world.operator.turns.clock_was_set(step);
    world.pass(minutes(1));
    for key in [&partner, &request] {
        assert!(world.ready(key).starts_with("False"), "{} of {}", world.ready(key), key.name);
    }
}

/// What a person reads is what this clock will show.
#[test]
fn what_is_said_of_a_token_follows_a_clock_that_was_set() {
    let (mut world, partner, request) = in_order();
    let step = hours(-1);
    // Or what was issued last would be of a time to come.
    world.pass(hours(2));
    world.now += step;
    world.operator.turns.clock_was_set(step);
    for key in [&partner, &request] {
        // It is looked at again, and says something new anyway.
        world.edit(key, json!({"secret": {"labels": {"team": "web"}}}));
    }
    world.settle();
    let mut due = Vec::new();
    for key in [&partner, &request] {
        let said = world.message(key);
        assert!(said.starts_with("The token is good until 2026-11-24T21:00:00Z"), "{said}");
        let renewed = world.status(key)["token"]["renewAt"].as_str().expect("a time");
        assert!(said.contains(renewed), "{said} {renewed}");
        let until = renewed.parse::<jiff::Timestamp>().unwrap();
        due.push((key, until));
    }
    due.sort_by_key(|(_, until)| *until);
    for (key, until) in due {
        let before = world.status(key)["token"]["issuedAt"].clone();
        world.pass(until.duration_since(world.now) - minutes(1));
        assert_eq!(world.status(key)["token"]["issuedAt"], before);
        world.pass(minutes(2));
        assert_ne!(world.status(key)["token"]["issuedAt"], before, "at {until}");
    }
}

/// Somebody edited it while the operator was away.
#[test]
fn a_status_that_tells_of_absurd_clocks_is_not_believed() {
    for seconds in [i64::MIN, i64::MAX, -49 * 3600, 49 * 3600] {
        let (mut world, partner, _) = in_order();
        world.server.objects.get_mut(&partner).unwrap().status["clockSkewSeconds"] = json!(seconds);
        world.restart();
        world.settle();
        assert_eq!(world.ready(&partner), "True Issued");
        assert!(world.status(&partner)["clockSkewSeconds"].is_null(), "{seconds}");
    }
}

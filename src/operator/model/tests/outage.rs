//! What does it cost many requests when what they share fails for hours? A handful of calls an hour, and of each no status
//! but these: when its renewal is overdue, when it met the failure itself, when its token ends, and when all is
//! well again (behaviour §4.2).

use std::collections::BTreeMap;

use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::decision::Key;

const MANY: usize = 200;
/// An overdue renewal, what one that probed was answered, an expiry, the recovery: each told once.
const TOLD: usize = 4;

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

fn fail_all(world: &mut World, fault: Option<(Class, Scope)>) {
    for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
        world.service.fail(call, fault);
    }
}

/// Lets hours pass; returns the most calls that one of them cost.
fn most_calls_an_hour(world: &mut World, n: i64) -> usize {
    let hour = |world: &mut World| {
        let before = world.service.total();
        world.pass(hours(1));
        world.service.total() - before
    };
    (0..n).map(|_| hour(world)).max().unwrap_or_default()
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
    let calls = most_calls_an_hour(&mut world, 12);
    assert!(calls <= 32, "{calls} calls in an hour");
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
    let calls = most_calls_an_hour(&mut world, 12);
    assert!(calls <= 12 + 16, "{calls} calls in an hour");
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

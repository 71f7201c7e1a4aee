//! What becomes of requests that are answered in nobody's words: one of them, some, or all?

use serde_json::json;

use super::super::World;
use super::minutes;
use crate::auth::{Call, Class, Scope};
use crate::decision::{Key, Kind};

fn with_partner() -> (World, Key) {
    let mut world = World::new();
    let partner = world.partner();
    world.settle();
    (world, partner)
}

/// Behaviour §4.2: a firewall that blocks every request costs one call at each retry time, and is told by the credential.
#[test]
fn a_page_that_every_request_meets_costs_constant_calls() {
    for call in [Call::ServiceToken, Call::Exchange] {
        let (mut world, partner) = with_partner();
        world.service.fail(call, Some((Class::Unexpected, Scope::Request)));
        let requests: Vec<Key> =
            (0..200).map(|n| world.request(&format!("interview-{n}"), json!({}))).collect();
        world.pass(minutes(1));
        assert!(world.service.count(call) < 60, "{}", world.service.count(call));
        assert_eq!(world.status(&partner)["failure"]["reason"], "UnexpectedResponse");
        assert_eq!(world.ready(&partner), "True Issued", "its own token is as good as before");
        for key in &requests {
            assert_eq!(world.ready(key), "False CredentialNotReady");
        }
        let before = world.service.count(call);
        let (asked, _) = world.watch(|world| world.pass(minutes(60)));
        let calls = world.service.count(call) - before;
        assert!((10..=24).contains(&calls), "2 s doubling to 5 min: {calls} in an hour");
        let writes = asked.iter().filter(|it| it.starts_with("status interview")).count();
        assert!(writes <= calls, "only of those who tried: {writes}");

        world.restart();
        let (_, calls) = world.watch(|world| world.pass(minutes(60)));
        assert!(calls <= 48, "after a restart as before: {calls}");

        world.service.fail(call, None);
        world.pass(minutes(6));
        for key in &requests {
            assert_eq!(world.ready(key), "True Issued");
        }
        assert!(world.status(&partner)["failure"].is_null());
    }
}

/// What one request claims, or a few, and nobody else.
#[test]
fn what_some_requests_are_blocked_for_holds_up_no_other() {
    let (mut world, partner) = with_partner();
    let blocked: Vec<Key> = (0..9)
        .map(|n| {
            world.service.blocked.insert(format!("drop-table-{n}"));
            world.request(&format!("drop-table-{n}"), json!({}))
        })
        .collect();
    world.pass(minutes(60));
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    for key in &blocked {
        assert_eq!(world.ready(key), "False UnexpectedResponse");
    }
    let good = world.request("good", json!({}));
    world.settle();
    assert_eq!(world.ready(&good), "True Issued", "at once");
}

/// So many of them that it looks like everybody: who has not met it yet is the next to try.
#[test]
fn requests_that_are_blocked_in_numbers_delay_another_by_minutes_at_most() {
    let mut world = blocked(12);
    let good = ["a-good-one", "z-good-one"].map(|name| world.request(name, json!({})));
    world.pass(minutes(6));
    for key in &good {
        assert_eq!(world.ready(key), "True Issued");
    }
}

/// A namespace that has more of them than ever get to try delays its neighbours no more than that.
#[test]
fn a_namespace_full_of_blocked_requests_delays_another_by_minutes_at_most() {
    let mut world = blocked(200);
    let neighbour = Key::new(Kind::Request, "apps", "z-good-one");
    let spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": "good"});
    world.create(neighbour.clone(), spec);
    world.pass(minutes(6));
    assert_eq!(world.ready(&neighbour), "True Issued");
}

/// So many requests of one namespace are blocked, for an hour.
fn blocked(many: u32) -> World {
    let (mut world, partner) = with_partner();
    for n in 0..many {
        world.service.blocked.insert(format!("drop-table-{n}"));
        world.request(&format!("drop-table-{n}"), json!({}));
    }
    world.pass(minutes(60));
    assert_eq!(world.status(&partner)["failure"]["reason"], "UnexpectedResponse");
    world
}

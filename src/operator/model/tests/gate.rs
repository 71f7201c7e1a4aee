//! An endpoint that is unwell is asked once at a time, whoever needs it (behaviour §4.2).

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Fault, Scope};
use crate::decision::{Key, Kind};
use crate::operator::gate::{Gates, Limits};
use crate::operator::turns::Turn;

/// Requests that are under way together: each needs two of the 32 permits.
const IN_FLIGHT: usize = 16;

/// A partner, and so many requests whose tokens are still to be issued.
fn with_requests(n: u32) -> (World, Vec<Key>) {
    let mut world = World::new();
    world.partner();
    world.settle();
    let requests = (0..n).map(|n| world.request(&format!("interview-{n}"), json!({}))).collect();
    (world, requests)
}

#[test]
fn a_dead_endpoint_costs_one_probe_at_a_time() {
    let (mut world, requests) = with_requests(100);
    world.service.fail(Call::ServiceToken, Some((Class::Transient, Scope::Endpoint)));
    world.settle();
    let begun = world.service.count(Call::ServiceToken);
    assert_eq!(begun, IN_FLIGHT + 1, "what was under way when the second failed");
    world.pass(hours(1));
    let calls = world.service.count(Call::ServiceToken) - begun;
    assert!((12..=24).contains(&calls), "2 s doubling to 5 min: {calls} in an hour");
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(6));
    for request in requests {
        assert_eq!(world.ready(&request), "True Issued");
    }
}

#[test]
fn a_throttling_endpoint_is_left_alone_for_up_to_15_minutes() {
    let (mut world, requests) = with_requests(20);
    world.service.fail(Call::Exchange, Some((Class::Throttled, Scope::Endpoint)));
    world.pass(hours(2));
    let calls = world.service.count(Call::Exchange) - IN_FLIGHT;
    assert!((8..=16).contains(&calls), "1 min doubling to 15: {calls} in two hours");
    world.service.fail(Call::Exchange, None);
    world.pass(minutes(16));
    for request in requests {
        assert_eq!(world.ready(&request), "True Issued");
    }
}

/// A used-up quota, a refused content: the service is well, and others are not held up.
#[test]
fn what_is_one_apps_own_failure_closes_no_gate() {
    for class in [Class::QuotaExhausted, Class::CredentialRefused, Class::Unexpected] {
        let (mut world, _) = with_requests(1);
        world.service.fail(Call::ServiceToken, Some((class, Scope::Credential)));
        world.settle();
        assert_eq!(world.service.count(Call::ServiceToken), 1);
        let access = world.service.count(Call::AccessToken);
        world.login("legal", "other-login", "app", "s3cret");
        let other = world.credential("other", json!({}));
        world.settle();
        assert_eq!(world.ready(&other), "True Issued", "{class:?}");
        assert_eq!(world.service.count(Call::AccessToken), access + 1);
    }
}

/// A delivered service token is one call, so twice as many are under way as of those that are exchanged.
#[test]
fn a_service_token_that_is_delivered_takes_one_permit() {
    let mut world = World::new();
    world.partner();
    world.settle();
    for n in 0..50 {
        world.request(&format!("interview-{n}"), json!({"deliver": "ServiceToken"}));
    }
    world.service.fail(Call::ServiceToken, Some((Class::Transient, Scope::Endpoint)));
    world.settle();
    assert_eq!(
        world.service.count(Call::ServiceToken),
        2 * IN_FLIGHT + 1,
        "under way when the second failed"
    );
}

/// A CA bundle that does not fit is its credential's own trouble, and no word of the service that it is well.
#[test]
fn who_did_not_reach_the_service_opens_no_gate() {
    let (mut world, _) = with_requests(3);
    let origin = "https://api-sandbox.rocketlawyer.com".parse().expect("an origin");
    let of = |scope| Fault {
        class: Class::Transient,
        scope,
        http_status: None,
        error_code: None,
        retry_after: None,
    };
    world.service.faults.insert(Call::ServiceToken.as_str(), of(Scope::Endpoint));
    world.settle();
    world.service.faults.insert(Call::ServiceToken.as_str(), of(Scope::Credential));
    let before = world.service.count(Call::ServiceToken);
    world.pass(minutes(1));
    assert!(world.service.count(Call::ServiceToken) > before, "somebody probed");
    assert!(
        world.operator.turns.gates.parked(&origin).is_some(),
        "{:?}",
        world.operator.turns.gates.occupancy().collect::<Vec<_>>()
    );
}

/// Tokens of a minute that are to be renewed ten seconds before their end, and more of them than the gate lets through: that they
/// are short puts them before nobody, and that they are late not before everybody for good.
#[test]
fn a_namespace_of_short_tokens_keeps_nobody_else_from_the_gate() {
    const RATE: u32 = 2;
    let mut world = World::new();
    world.partner();
    world.operator.turns.gates = Gates::new(Limits { per_second: RATE, ..Limits::default() });
    world.settle();
    let short =
        json!({"deliver": "ServiceToken", "serviceTokenTTL": "1m", "renewal": {"renewBefore": "10s"}});
    for n in 0..70 * RATE {
        world.request(&format!("short-{n}"), short.clone());
    }
    world.pass(minutes(5));
    let neighbour = |world: &mut World, name: &str, more: serde_json::Value| {
        let mut spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": name, "deliver": "ServiceToken"});
        spec.as_object_mut().expect("a spec").extend(more.as_object().expect("more of it").clone());
        world.create(Key::new(Kind::Request, "apps", name), spec)
    };
    // One that is renewed twice a minute, and a new one every ten seconds.
    let renewing = neighbour(&mut world, "renewing", json!({"serviceTokenTTL": "1m"}));
    for n in 0..12 {
        let new = neighbour(&mut world, &format!("new-{n}"), json!({}));
        world.pass(SignedDuration::from_secs(10));
        assert_eq!(world.ready(&new), "True Issued", "{n}");
        assert_eq!(world.ready(&renewing), "True Issued", "{n}");
    }
}

/// Another uid each time, so that no failure of its own holds it back.
fn poison(world: &mut World, n: usize) -> Key {
    let reference = json!({"name": "partner", "namespace": "legal"});
    let spec = json!({"credentialRef": reference, "interviewId": "poison", "deliver": "ServiceToken"});
    world.create(Key::new(Kind::Request, "web", format!("poison-{}", n % 3)), spec)
}

/// What the service answers with 5xx may be somebody's request, and no word about the service.
#[test]
fn a_request_that_the_service_chokes_on_made_anew_without_end_slows_nobody_down() {
    const RATE: u32 = 5;
    const SECONDS: usize = 60;
    let mut world = World::new();
    world.partner();
    world.settle();
    world.operator.turns.gates = Gates::new(Limits { per_second: RATE, ..Limits::default() });
    world.service.chokes_on.insert("poison".into());
    let spec = |name: &str| json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": name, "deliver": "ServiceToken"});
    let names = (0..RATE as usize * SECONDS).map(|n| (format!("team-{}", n % 3), format!("r{n}")));
    let others: Vec<Key> = names
        .map(|(namespace, name)| world.create(Key::new(Kind::Request, namespace, name.as_str()), spec(&name)))
        .collect();
    for n in 0..SECONDS / 2 {
        let request = poison(&mut world, n);
        world.pass(SignedDuration::from_secs(2));
        world.server.delete_object(&request);
    }
    let served = others.iter().filter(|key| world.ready(key) == "True Issued").count();
    assert!(
        served >= others.len() * 85 / 100,
        "{served} of {}: one call in ten was the poison's",
        others.len()
    );
}

/// Nobody else calls, so nothing speaks for the endpoint. Whoever comes finds out, and does not wait for minutes.
#[test]
fn what_one_namespace_alone_has_met_makes_nobody_of_another_wait() {
    let mut world = World::new();
    world.partner();
    world.settle();
    world.service.chokes_on.insert("poison".into());
    for n in 0..60 {
        let request = poison(&mut world, n);
        world.pass(SignedDuration::from_secs(10));
        world.server.delete_object(&request);
    }
    let origin = "https://api-sandbox.rocketlawyer.com".parse().expect("an origin");
    let parked = world.operator.turns.gates.parked(&origin).expect("it looks unwell");
    assert!(
        parked.count > 3 && world.now.duration_until(parked.next_probe) > SignedDuration::from_secs(5),
        "{parked:?}"
    );
    let reference = json!({"name": "partner", "namespace": "legal"});
    let request =
        world.create(Key::new(Kind::Request, "apps", "interview"), json!({"credentialRef": reference}));
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
}

/// Calls that hang at three endpoints, as many as their gates let through: everything else goes on.
#[test]
fn calls_that_hang_leave_all_the_room_to_other_work() {
    let mut world = World::new();
    world.partner();
    let url = json!({"url": "https://gateway.example.com/auth"});
    for (name, more) in [
        ("second", json!({"environment": "Production"})),
        ("third", json!({"environment": "Custom", "endpoint": url})),
    ] {
        world.login("legal", &format!("{name}-login"), "app", "s3cret");
        let key = world.credential(name, json!({"allowedNamespaces": {"from": "All"}}));
        world.edit(&key, more);
    }
    world.settle();
    for n in 0..3 * 2 * IN_FLIGHT + 10 {
        let name = ["partner", "second", "third"][n % 3];
        let reference = json!({"name": name, "namespace": "legal"});
        world.request(&format!("r{n}"), json!({"deliver": "ServiceToken", "credentialRef": reference}));
    }
    while world.deliver_all() || world.operator.turn_next(world.now) {}
    assert_eq!(world.operator.flights.len(), 3 * 2 * IN_FLIGHT, "all are out, and none is back");
    let lost = json!({"name": "nobody"});
    world.request("lost", json!({"credentialRef": lost}));
    while world.deliver_all() {}
    let (turns, _) = world.operator.turns.next_few(world.now);
    let acts: Vec<&Turn> = turns.iter().filter(|turn| matches!(turn, Turn::Act(..))).collect();
    assert!(matches!(acts[..], [Turn::Act(ticket, _)] if &*ticket.key.name == "lost"), "{acts:?}");
}

/// Many objects change at once: whom the gate calls meanwhile is not behind them.
#[test]
fn whom_the_gate_calls_waits_for_nobody_else() {
    let (mut world, requests) = with_requests(200);
    while world.operator.flights.len() < IN_FLIGHT {
        assert!(world.deliver_all() || world.operator.turn_next(world.now));
    }
    while world.operator.turn_next(world.now) {}
    // Whoever came last is the first to be decided anew.
    for request in requests.iter().rev() {
        world.renew(request, "now");
    }
    while world.deliver_all() {}
    let called = |world: &World| world.operator.flights.keys().cloned().collect::<BTreeSet<_>>();
    let before = called(&world);
    let first = before.first().expect("a call is out").clone();
    // Its call is made and comes back, and its permits call another.
    world.advance(&first);
    world.advance(&first);
    assert!(world.operator.turn_next(world.now));
    let news: Vec<Key> = called(&world).difference(&before).cloned().collect();
    assert_eq!(news.len(), 1, "the very next turn");
}

/// Made and deleted as fast as can be while the gate lets nobody through: what is gone is nowhere in line.
#[test]
fn who_is_deleted_leaves_every_line() {
    let mut world = World::new();
    world.partner();
    world.settle();
    world.operator.turns.gates = Gates::new(Limits { per_second: 1, ..Limits::default() });
    for n in 0..100 {
        let request = world.request(&format!("request-{n}"), json!({}));
        world.settle();
        world.server.delete_object(&request);
    }
    world.settle();
    let waiting: usize = world.operator.turns.gates.occupancy().map(|(_, load)| load.waiting).sum();
    assert_eq!(waiting, 0);
    assert_eq!(world.operator.turns.queue.load(), (0, 1, 0), "the credential's next look");
}

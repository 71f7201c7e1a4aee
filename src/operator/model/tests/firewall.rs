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

/// What the service says of one request in its own shape, and in no word that is known, may be of what it asks for: an interview
/// that does not exist, a claim that is not allowed, somebody else's service token.
const OF_ITS_OWN: [(Call, u16, &str); 9] = [
    (Call::ServiceToken, 401, r#"{"status":401,"error":"Unauthorized","path":"/p"}"#),
    (Call::ServiceToken, 401, r#"{"fault":{"detail":{"errorcode":"Unauthorized"}}}"#),
    (Call::ServiceToken, 403, r#"{"status":403,"error":"FORBIDDEN","path":"/p"}"#),
    (Call::ServiceToken, 404, r#"{"status":404,"error":"NOT_FOUND","path":"/p"}"#),
    (Call::ServiceToken, 405, r#"{"fault":{"detail":{"errorcode":"never.heard.of"}}}"#),
    (Call::ServiceToken, 410, r#"{"error":"gone"}"#),
    (Call::Exchange, 401, r#"{"status":401,"error":"Unauthorized","path":"/p"}"#),
    (Call::Exchange, 401, r#"{"fault":{"detail":{"errorcode":"never.heard.of"}}}"#),
    (Call::Exchange, 404, r#"{"status":404,"error":"NOT_FOUND","path":"/p"}"#),
];

#[test]
fn what_a_few_requests_are_told_without_a_code_holds_up_no_other() {
    for answer in OF_ITS_OWN {
        let (mut world, partner) = with_partner();
        let front = world.front();
        let spec = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
        let told: Vec<Key> = (0..9)
            .map(|n| {
                world.service.answers.insert(format!("not-there-{n}"), answer);
                world.request(&format!("not-there-{n}"), spec.clone())
            })
            .collect();
        for (n, later) in [10, 120, 10].into_iter().enumerate() {
            world.pass(minutes(later));
            let good = world.request(&format!("good-{n}"), spec.clone());
            world.settle();
            assert_eq!(world.ready(&good), "True Issued", "at once: {answer:?}");
            for key in [&partner, &front] {
                assert!(world.status(key)["failure"].is_null(), "{answer:?} {}", world.status(key));
                assert!(world.ready(key).starts_with("True"), "{answer:?}: {}", world.ready(key));
                assert_ne!(world.condition(key, "CredentialsValid")["status"], "False", "{answer:?}");
            }
        }
        for key in &told {
            let reasons = ["AccessDenied", "RequestRejected", "UnexpectedResponse"];
            let ready = world.ready(key);
            assert!(reasons.into_iter().any(|it| ready == format!("False {it}")), "{answer:?} {ready}");
        }
        let tokens = world.service.count(Call::AccessToken);
        assert!(tokens <= 5, "one for each of their attempts, which come ever more rarely: {tokens}");
    }
}

/// If it is everybody's after all: as of a credential that is refused, a handful of calls an hour (behaviour §4.2).
#[test]
fn what_every_request_is_told_without_a_code_costs_constant_calls() {
    for (call, status, body) in OF_ITS_OWN.into_iter().step_by(2) {
        let (mut world, partner) = with_partner();
        let requests: Vec<Key> = (0..40)
            .map(|n| {
                world.service.answers.insert(format!("interview-{n}"), (call, status, body));
                world.request(&format!("interview-{n}"), json!({}))
            })
            .collect();
        world.pass(minutes(1));
        let told = world.service.count(call);
        assert_eq!(world.ready(&requests[39]), "False CredentialNotReady");
        assert_eq!(world.status(&partner)["failure"]["httpStatus"], status, "{}", world.status(&partner));
        world.pass(minutes(120));
        let (calls, tokens) = (world.service.count(call) - told, world.service.count(Call::AccessToken));
        assert!(
            (3..=30).contains(&calls) && tokens <= 4,
            "{call:?} {status} in two hours: {calls}, {tokens}"
        );
        world.service.answers.clear();
        world.pass(minutes(61));
        for key in &requests {
            assert_eq!(world.ready(key), "True Issued");
        }
        assert!(world.status(&partner)["failure"].is_null());
    }
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
    let spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": "good"});
    let neighbour = world.create(Key::new(Kind::Request, "apps", "z-good-one"), spec);
    world.pass(minutes(6));
    assert_eq!(world.ready(&neighbour), "True Issued");
}

#[test]
fn a_namespace_full_of_requests_told_without_a_code_delays_another_by_minutes_at_most() {
    for answer in OF_ITS_OWN {
        let (mut world, partner) = with_partner();
        for n in 0..40 {
            world.service.answers.insert(format!("not-there-{n}"), answer);
            world.request(&format!("not-there-{n}"), json!({}));
        }
        world.settle();
        assert!(world.status(&partner)["failure"].is_object(), "{answer:?}");
        let spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": "good"});
        let neighbour = world.create(Key::new(Kind::Request, "www", "good-one"), spec);
        world.pass(minutes(5));
        assert_eq!(world.ready(&neighbour), "True Issued", "{answer:?}");
    }
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

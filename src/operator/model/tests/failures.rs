//! What failed, how often, and whose failure it is.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::cluster::secrets::WriteRefused;
use crate::cluster::watch::Watched;
use crate::decision::Key;

fn with_partner() -> (World, Key) {
    let mut world = World::new();
    let partner = world.partner();
    world.settle();
    (world, partner)
}

/// A read at a restart, and the write of a token: its `Retry-After` counts for the next attempt of each.
#[test]
fn the_api_server_is_left_alone_for_as_long_as_it_asks() {
    let (mut world, partner) = with_partner();
    let two_minutes = Some(std::time::Duration::from_mins(2));
    let asks = |world: &mut World, what: &str, seconds| {
        let (asked, _) = world.watch(|world| world.pass(SignedDuration::from_secs(seconds)));
        asked.iter().any(|it| it.starts_with(what))
    };
    world.server.refuse_reads = true;
    world.server.retry_after = two_minutes;
    world.restart();
    assert!(asks(&mut world, "read", 1));
    assert!(!asks(&mut world, "read", 115));
    world.server.refuse_reads = false;
    assert!(asks(&mut world, "read", 15));
    world.server.refuse_writes = Some(WriteRefused::Unavailable { retry_after: two_minutes });
    let request = world.request("interview", json!({}));
    assert!(asks(&mut world, "write", 1));
    assert!(!asks(&mut world, "write", 115));
    world.server.refuse_writes = None;
    assert!(asks(&mut world, "write", 15));
    assert_eq!(
        (world.ready(&partner).as_str(), world.ready(&request).as_str()),
        ("True Issued", "True Issued")
    );
}

fn failure(world: &World, key: &Key) -> String {
    let failure = &world.status(key)["failure"];
    format!("{} {} {}", failure["step"], failure["reason"], failure["count"]).replace('"', "")
}

/// Behaviour §3.4, §4.3: one new token at once, then after 5 and 30 minutes and hourly; and nobody is told between that all
/// is well.
#[test]
fn a_token_that_is_refused_again_and_again_is_replaced_ever_more_rarely() {
    let (mut world, partner) = with_partner();
    world.pass(SignedDuration::from_secs(1));
    world.service.fail(Call::ServiceToken, Some((Class::OurTokenRefused, Scope::Credential)));
    let request = world.request("interview", json!({}));
    world.settle();
    assert_eq!(world.service.count(Call::AccessToken), 2, "one new token at once");
    for _ in 0..240 {
        world.pass(minutes(1));
        assert_eq!(world.ready(&partner), "False AccessDenied");
    }
    let tokens = world.service.count(Call::AccessToken);
    assert!((6..=8).contains(&tokens), "5 min, 30 min, hourly: {tokens} in four hours");
    assert_eq!(failure(&world, &partner), format!("ServiceToken AccessDenied {}", tokens - 1));

    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(61));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
}

#[test]
fn trouble_with_the_api_server_does_not_hide_a_refusal_nor_void_its_delay() {
    let (mut world, partner) = with_partner();
    world.service.apps.insert("app".into(), "another".into());
    world.renew(&partner, "now");
    world.pass(minutes(1));
    let calls = world.service.count(Call::AccessToken);
    assert_eq!(failure(&world, &partner), "AccessToken InvalidClient 1");
    world.restart();
    world.server.refuse_reads = true;
    world.pass(minutes(1));
    assert_eq!(failure(&world, &partner), "AccessToken InvalidClient 1");
    world.server.refuse_reads = false;
    world.pass(minutes(3));
    assert_eq!(world.service.count(Call::AccessToken), calls, "the refusal's five minutes stand");
    world.pass(minutes(2));
    assert_eq!(world.service.count(Call::AccessToken), calls + 1);
    assert_eq!(failure(&world, &partner), "AccessToken InvalidClient 2");
}

#[test]
fn touching_a_client_secret_is_no_reason_to_try_again() {
    let (mut world, partner) = with_partner();
    world.service.apps.insert("app".into(), "another".into());
    world.renew(&partner, "now");
    world.pass(minutes(1));
    let calls = world.service.count(Call::AccessToken);
    for _ in 0..5 {
        world.login("legal", "partner-login", "app", "s3cret");
        world.settle();
    }
    assert_eq!(world.service.count(Call::AccessToken), calls);
    assert_eq!(failure(&world, &partner), "AccessToken InvalidClient 1");
    world.login("legal", "partner-login", "app", "another");
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued", "a change of what it holds is tried at once");
    assert_eq!(world.service.count(Call::AccessToken), calls + 1);
}

/// The request's calls were on their way when its credential was deleted and created anew.
#[test]
fn what_a_request_met_is_not_said_of_a_later_credential_of_that_name() {
    let (mut world, partner) = with_partner();
    world.service.fail(Call::ServiceToken, Some((Class::Forbidden, Scope::Credential)));
    let request = world.request("interview", json!({}));
    while !world.operator.flights.contains_key(&request) {
        assert!(world.deliver(Watched::Requests) || world.operator.turn_next(world.now));
    }
    world.advance(&request);
    world.service.fail(Call::ServiceToken, None);
    world.server.delete_object(&partner);
    world.server.collect_garbage();
    world.credential("partner", json!({"allowedNamespaces": {"from": "All"}}));
    while world.deliver(Watched::Credentials) || world.deliver(Watched::ManagedSecrets) {}
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    assert_eq!(world.ready(&request), "True Issued");
}

/// The request's calls were on their way when its credential moved to another endpoint.
#[test]
fn what_a_request_met_is_not_said_of_another_endpoint() {
    let (mut world, partner) = with_partner();
    world.service.fail(Call::ServiceToken, Some((Class::Forbidden, Scope::Credential)));
    let request = world.request("interview", json!({}));
    while !world.operator.flights.contains_key(&request) {
        assert!(world.deliver(Watched::Requests) || world.operator.turn_next(world.now));
    }
    world.advance(&request);
    world.service.fail(Call::ServiceToken, None);
    let endpoint = json!({"url": "https://gateway.example.com"});
    world.edit(&partner, json!({"environment": "Custom", "endpoint": endpoint}));
    world.deliver(Watched::Credentials);
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    assert_eq!(world.ready(&request), "True Issued");
}

/// An API server that answers every write with a conflict, and every look with what was known already.
#[test]
fn conflicts_that_do_not_end_are_no_loop() {
    let (mut world, _) = with_partner();
    world.server.refuse_writes = Some(WriteRefused::Conflict);
    let request = world.request("interview", json!({}));
    world.pass(minutes(10));
    let writes = world.server.journal.iter().filter(|it| *it == "write interview-token").count();
    assert!((50..=90).contains(&writes), "at most every ten seconds: {writes} in ten minutes");
    world.server.refuse_writes = None;
    world.pass(SignedDuration::from_secs(10));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
}

#[test]
fn a_hiccup_of_the_api_server_is_not_told_and_an_outage_is() {
    let (mut world, partner) = with_partner();
    world.restart();
    world.server.refuse_reads = true;
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
    world.server.delete_secret("legal", "partner-access-token");
    world.pass(SignedDuration::from_secs(1));
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    world.pass(minutes(1));
    assert!(failure(&world, &partner).starts_with("Read"), "{}", world.status(&partner));
    world.server.refuse_reads = false;
    world.pass(minutes(6));
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
}

/// A partner whose credential the service denied the call that two requests made at once.
fn denied_to_two() -> (World, Key, [Key; 2]) {
    let (mut world, partner) = with_partner();
    world.service.fail(Call::ServiceToken, Some((Class::Forbidden, Scope::Credential)));
    let requests = ["a", "b"].map(|name| world.request(name, json!({})));
    world.settle();
    assert_eq!(world.ready(&requests[1]), "False CredentialNotReady");
    assert_eq!(failure(&world, &partner), "ServiceToken AccessDenied 1");
    world.service.fail(Call::ServiceToken, None);
    (world, partner, requests)
}

/// Behaviour §4.3: what requests met at their credential is tried again at its time, and not at its next look only.
#[test]
fn a_refusal_at_the_credential_is_tried_again_in_time() {
    let (mut world, partner, [first, second]) = denied_to_two();
    world.pass(minutes(6));
    assert_eq!(world.ready(&first), "True Issued");
    assert_eq!(world.ready(&second), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
}

/// Behaviour §4.2: a revoked key with two thousand requests costs one call at each retry time.
#[test]
fn a_shared_failure_costs_constant_calls() {
    let (mut world, partner) = with_partner();
    let front = world.front();
    world.service.apps.insert("front".into(), "revoked".into());
    let through_front = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    let requests: Vec<Key> =
        (0..200).map(|n| world.request(&format!("interview-{n}"), through_front.clone())).collect();
    world.settle();
    let first = world.service.count(Call::Exchange);
    assert_eq!(world.ready(&front), "False InvalidClient");
    let (asked, calls) = world.watch(|world| world.pass(minutes(60)));
    assert!(calls <= 12, "{calls} calls in an hour");
    assert!(world.service.count(Call::Exchange) > first, "somebody tries");
    let writes = asked.iter().filter(|it| it.starts_with("status interview")).count();
    assert_eq!(writes, 0, "{asked:?}");

    world.service.apps.insert("front".into(), "f".into());
    world.pass(minutes(61));
    for key in &requests {
        assert_eq!(world.ready(key), "True Issued");
    }
    assert_eq!(world.ready(&front), "True Available");
    assert_eq!(world.ready(&partner), "True Issued");
}

/// A request that was refused for its own sake waits for that, and its credential for somebody who may try.
#[test]
fn who_waits_for_its_own_next_attempt_tries_nothing_out_for_others() {
    let (mut world, partner) = with_partner();
    world.pass(minutes(1));
    world.service.fail(Call::Exchange, Some((Class::RequestRefused, Scope::Request)));
    let refused = world.request("refused", json!({}));
    world.pass(minutes(6));
    assert_eq!(world.service.count(Call::Exchange), 2, "the next attempt is half an hour away");
    world.service.fail(Call::Exchange, None);
    world.service.fail(Call::ServiceToken, Some((Class::Forbidden, Scope::Credential)));
    let met = world.request("met", json!({}));
    world.settle();
    assert_eq!(failure(&world, &partner), "ServiceToken AccessDenied 1");
    world.service.fail(Call::ServiceToken, None);
    world.server.delete_object(&met);
    let (asked, calls) = world.watch(|world| world.pass(minutes(20)));
    assert_eq!(calls, 0, "{asked:?}");
    assert!(world.server.journal.len() < 20, "{:?}", world.server.journal);
    world.pass(minutes(10));
    assert_eq!(world.ready(&refused), "True Issued", "at the time of its own next attempt");
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
}

/// Whoever is to try may be suspended: then another one tries.
#[test]
fn somebody_else_tries_where_the_one_who_was_to_cannot() {
    let (mut world, _, [first, second]) = denied_to_two();
    world.edit(&first, json!({"suspend": true}));
    world.pass(minutes(6));
    assert_eq!(world.ready(&first), "False Suspended");
    assert_eq!(world.ready(&second), "True Issued");
}

/// It could use no token, so it finds out nothing for others, and nothing is read for it.
#[test]
fn who_is_suspended_neither_tries_a_credential_nor_waits_for_it() {
    let (mut world, partner, [first, second]) = denied_to_two();
    world.edit(&first, json!({"suspend": true}));
    world.settle();
    let waiting = |world: &World| {
        let session = &world.operator.turns.state.credential(&partner).expect("it is there").session;
        session.waiting.in_turn(None).cloned().collect::<Vec<_>>()
    };
    assert_eq!(waiting(&world), std::slice::from_ref(&second));
    world.pass(minutes(6));
    assert_eq!(world.ready(&second), "True Issued");
    world.restart();
    let recalled = "read partner-access-token";
    let (asked, _) = world.watch(|world| world.pass(minutes(1)));
    assert!(!asked.contains(recalled), "{asked:?}");
    world.edit(&first, json!({"suspend": false}));
    let (asked, _) = world.watch(World::settle);
    assert!(asked.contains(recalled), "{asked:?}");
    assert_eq!(world.ready(&first), "True Issued");
}

/// What was told by a clock that was wrong does not keep the next word back.
#[test]
fn a_failure_is_told_anew_when_the_clock_is_set_back() {
    let mut world = World::new();
    let partner = world.partner();
    world.service.fail(Call::AccessToken, Some((Class::CredentialRefused, Scope::Credential)));
    world.settle();
    world.now -= hours(24);
    world.pass(minutes(1));
    let failure = &world.status(&partner)["failure"];
    assert_eq!((world.service.count(Call::AccessToken), &failure["count"]), (2, &json!(2)));
    let next: Timestamp = failure["nextAttemptAt"].as_str().unwrap().parse().unwrap();
    assert!(next > world.now && next < world.now + hours(1), "{next}, and it is {}", world.now);
}

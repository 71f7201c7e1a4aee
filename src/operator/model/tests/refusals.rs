//! Writes that are refused, answers that are lost, reads that fail.

use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::cluster::secrets::WriteRefused;
use crate::cluster::watch::Watched;
use crate::decision::Key;

fn with_partner() -> World {
    let mut world = World::new();
    world.partner();
    world.settle();
    world
}

#[test]
fn a_namespace_out_of_quota_keeps_the_token_and_tries_only_the_write() {
    let mut world = with_partner();
    world.server.refuse_writes = Some(WriteRefused::Quota);
    let request = world.request("interview", json!({}));
    world.pass(minutes(60));
    assert_eq!(world.ready(&request), "False SecretWriteRefused");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    let writes = world.server.journal.iter().filter(|it| *it == "write interview-token").count();
    assert!((12..=18).contains(&writes), "10 s doubling to 5 min: {writes} in an hour");
    world.server.refuse_writes = None;
    world.pass(minutes(5));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    assert!(world.status(&request)["failure"].is_null());
}

#[test]
fn after_a_restart_a_refused_write_is_rehearsed_before_a_token_is_spent() {
    let mut world = with_partner();
    world.server.refuse_writes = Some(WriteRefused::Quota);
    let request = world.request("interview", json!({}));
    world.pass(minutes(1));
    world.restart();
    let (asked, calls) = world.watch(|world| world.pass(minutes(30)));
    assert_eq!(calls, 0, "{asked:?}");
    assert!(asked.contains("rehearse interview-token"), "{asked:?}");
    world.server.refuse_writes = None;
    let (_, calls) = world.watch(|world| world.pass(minutes(6)));
    assert_eq!(calls, 2);
    assert_eq!(world.ready(&request), "True Issued");
}

/// The write was done and its answer lost: the look finds it, and nothing is issued twice.
#[test]
fn a_lost_answer_issues_nothing_twice() {
    let mut world = with_partner();
    world.server.lose_answer = Some(WriteRefused::Timeout);
    let request = world.request("interview", json!({}));
    world.settle();
    assert!(world.server.journal.contains(&"look interview-token".to_owned()));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.server.feeds.clear();
    world.pass(minutes(30));
    assert_eq!(world.service.count(Call::ServiceToken), 1);
}

#[test]
fn a_failed_read_is_forgotten_when_it_works_again() {
    let mut world = with_partner();
    world.restart();
    world.settle();
    world.server.refuse_reads = true;
    let request = world.request("interview", json!({}));
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "False CredentialNotReady");
    world.server.refuse_reads = false;
    world.pass(minutes(10));
    assert_eq!(world.ready(&request), "True Issued");
    let partner = world.server.objects.keys().find(|key| &*key.name == "partner").unwrap().clone();
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    assert!(!world.message(&partner).contains("cannot be renewed"), "{}", world.message(&partner));
}

/// A failure that an earlier process left counts until the first change is seen.
#[test]
fn an_inherited_failure_is_void_when_the_spec_or_the_renew_request_changes() {
    for by_hand in [true, false] {
        let mut world = with_partner();
        world.service.fail(Call::Exchange, Some((Class::RequestRefused, Scope::Request)));
        let request = world.request("interview", json!({}));
        world.settle();
        assert_eq!(world.ready(&request), "False RequestRejected");
        world.restart();
        let (_, calls) = world.watch(|world| world.pass(minutes(3)));
        assert_eq!(calls, 0, "a crash loop gets no fresh attempts");
        world.service.fail(Call::Exchange, None);
        if by_hand {
            world.renew(&request, "now");
        } else {
            world.edit(&request, json!({"serviceTokenTTL": "2h"}));
        }
        world.settle();
        assert_eq!(world.ready(&request), "True Issued", "tried at once");
    }
}

/// A Frontend app whose client Secret is another one now is not refused for the one before.
#[test]
fn a_refusal_is_of_the_client_secret_that_was_tried() {
    let mut world = with_partner();
    world.service.apps.insert("front".into(), "f".into());
    world.login("legal", "front-login", "front", "wrong");
    world.login("legal", "corrected", "front", "f");
    let spec = json!({"appType": "Frontend", "allowedNamespaces": {"from": "All"}});
    let front = world.credential("front", spec);
    let exchange = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    let request = world.request("interview", exchange);
    world.settle();
    assert_eq!(world.ready(&front), "False InvalidClient");
    world.edit(&front, json!({"clientSecretRef": {"name": "corrected"}}));
    world.settle();
    assert_eq!(world.ready(&front), "True Available");
    assert_eq!(world.ready(&request), "True Issued");
}

/// The client Secret that was refused is deleted, and the operator starts without it: what comes then was never tried.
#[test]
fn a_refusal_before_a_restart_is_of_no_client_secret_that_came_after_it() {
    let mut world = with_partner();
    let front = world.front();
    world.login("legal", "front-login", "front", "wrong");
    let exchange = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    let request = world.request("interview", exchange);
    world.settle();
    assert_eq!(world.ready(&front), "False InvalidClient");
    world.server.delete_object(&request);
    world.server.delete_secret("legal", "front-login");
    world.restart();
    world.settle();
    assert_eq!(world.ready(&front), "False ClientSecretNotFound");
    world.login("legal", "front-login", "front", "f");
    world.settle();
    assert_eq!(world.ready(&front), "True Available");
    assert!(world.status(&front)["failure"].is_null(), "{}", world.status(&front));
}

/// A request's exchange with a Frontend app's first client secret is answered after the second one was read.
fn answered_after_a_change(first: &str, second: &str) -> (World, Key, Key) {
    let mut world = with_partner();
    world.service.apps.insert("front".into(), "f".into());
    world.login("legal", "front-login", "front", first);
    let spec = json!({"appType": "Frontend", "allowedNamespaces": {"from": "All"}});
    let front = world.credential("front", spec);
    world.settle();
    let exchange = json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}});
    let request = world.request("interview", exchange);
    while !world.operator.flights.contains_key(&request) {
        assert!(world.deliver(Watched::Requests) || world.operator.turn_next(world.now));
    }
    world.advance(&request);
    world.login("legal", "front-login", "front", second);
    world.deliver(Watched::OtherSecrets);
    while world.operator.turn_next(world.now) || world.advance(&front) {}
    world.settle();
    (world, front, request)
}

#[test]
fn a_late_refusal_of_an_old_client_secret_is_not_held_against_the_new_one() {
    let (world, front, request) = answered_after_a_change("wrong", "f");
    assert_eq!(world.ready(&front), "True Available");
    assert_eq!(world.ready(&request), "True Issued");
}

#[test]
fn a_late_success_of_an_old_client_secret_does_not_vouch_for_the_new_one() {
    let (world, front, request) = answered_after_a_change("f", "wrong");
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.condition(&front, "CredentialsValid")["status"], "Unknown");
}

#[test]
fn a_terminating_namespace_ends_quietly() {
    let mut world = with_partner();
    world.server.refuse_writes = Some(WriteRefused::NamespaceTerminating);
    let request = world.request("interview", json!({}));
    let (asked, calls) = world.watch(|world| world.pass(minutes(60)));
    assert_eq!(calls, 2);
    assert_eq!(asked, ["write interview-token".to_owned()].into());
    assert_eq!(world.ready(&request), "Unknown Pending");
}

/// A policy may say what it likes, and once.
#[test]
fn a_namespace_that_does_not_go_has_its_token_written_later_and_one_that_ended_told() {
    let mut world = with_partner();
    let request = world.request("interview", json!({}));
    world.settle();
    world.server.refuse_writes = Some(WriteRefused::NamespaceTerminating);
    world.renew(&request, "now");
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "True Issued");
    world.pass(hours(11));
    assert!(world.ready(&request).starts_with("False"), "its token has ended: {}", world.ready(&request));
    world.server.refuse_writes = None;
    world.pass(minutes(15));
    assert_eq!(world.ready(&request), "True Issued");
}

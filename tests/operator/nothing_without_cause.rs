//! Is nothing issued, and nothing written, without a cause? Counted by the emulator and from the audit log.

use std::collections::BTreeMap;

use rocketlawyer_operator::decision::{InputsHash, Kind as Owned};
use rocketlawyer_operator::emulator::{AppScope, Call};
use serde_json::{Value, json};

use super::drift::write_as_the_operator;
use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::World;

#[test]
fn a_restart_issues_nothing_and_writes_nothing() {
    let mut world = one_of_each("restart");
    let (calls, mark) = (world.auth_calls(), world.mark());
    assert!(world.operator.stop().success());
    world.operator.start();
    world.settle();
    world.operator.kill();
    world.operator.start();
    world.settle();
    assert_eq!(world.writes_since(mark), BTreeMap::new());
    assert_eq!(world.auth_calls(), calls);
}

#[test]
fn labels_and_annotations_of_an_object_cause_nothing() {
    let world = one_of_each("labels");
    let (calls, mark) = (world.auth_calls(), world.mark());
    let change =
        json!({"metadata": {"labels": {"team": "legal"}, "annotations": {"example.com/note": "yes"}}});
    for (kind, name) in OBJECTS {
        world.edit(*kind, name, change.clone());
    }
    world.settle();
    assert_eq!(world.writes_since(mark), BTreeMap::new());
    assert_eq!(world.auth_calls(), calls);
}

#[test]
fn a_renewal_setting_that_leaves_the_renewal_in_the_future_is_told_and_no_more() {
    let world = one_of_each("later");
    let (calls, mark) = (world.auth_calls(), world.mark());
    let change = json!({"spec": {"renewal": {"renewBefore": "1h"}}});
    let before = world.get(Kind::Credential, "partner");
    for (kind, name) in [(Kind::Credential, "partner"), (Kind::Request, "interview")] {
        world.edit(kind, name, change.clone());
        world.wait_ready(kind, name);
    }
    world.settle();
    let expected = [
        ("patch rocketlawyercredentials/status partner", 1),
        ("patch scopedtokenrequests/status interview", 1),
    ];
    assert_eq!(world.writes_since(mark), counts(&expected));
    assert_eq!(world.auth_calls(), calls);
    let after = world.get(Kind::Credential, "partner");
    let renews = |it: &Value| told::instant(&it["status"]["token"]["renewAt"]);
    assert!(renews(&after) > renews(&before));
}

#[test]
fn an_upgrade_from_another_version_of_the_inputs_hash_issues_nothing() {
    let mut world = World::running("upgrade");
    world.partner(json!({}));
    world.wait_for_event("partner", "Issued");
    assert!(world.operator.stop().success());
    let before = world.secret("partner-access-token");
    // The version of its inputs hash alone differs.
    write_as_the_operator(&world, Owned::Credential, &before, &data(&before, "access_token"), |record| {
        record.inputs = InputsHash::Other("v0:of-another-version".into());
    });
    let older = world.secret("partner-access-token");
    assert_eq!(annotation(&older, "inputs-hash"), "v0:of-another-version");
    assert_eq!(older["data"], before["data"]);

    let mark = world.mark();
    world.operator.start();
    world.settle();
    assert_eq!(world.writes_since(mark), BTreeMap::new());
    assert_eq!(world.auth_calls(), 1);
    assert_eq!(told::version(&world.secret("partner-access-token")), told::version(&older));
}

#[test]
fn an_issue_costs_two_writes_and_one_event_and_a_new_login_two_writes() {
    let world = World::running("exactly");
    let app = world.login("client", AppScope::Backend);
    let mark = world.mark();
    world.credential("partner", json!({}));
    world.wait_ready(Kind::Credential, "partner");
    world.wait_for_event("partner", "Issued");
    world.settle();
    let first = [
        ("create secrets partner-access-token", 1),
        ("patch rocketlawyercredentials/status partner", 1),
        ("create events", 1),
    ];
    assert_eq!(world.writes_since(mark), counts(&first));

    let mark = world.mark();
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.wait_for_event("interview", "Issued");
    world.settle();
    let request = [
        ("create secrets interview-token", 1),
        ("patch scopedtokenrequests/status interview", 1),
        ("create events", 1),
    ];
    assert_eq!(world.writes_since(mark), counts(&request));

    // The request is not touched by its credential's renewal.
    let (mark, before) = (world.mark(), world.secret("partner-access-token"));
    world.change_secret(&app, "another");
    world.wait_renewed("partner-access-token", &before);
    world.settle();
    let renewal =
        [("update secrets partner-access-token", 1), ("patch rocketlawyercredentials/status partner", 1)];
    assert_eq!(world.writes_since(mark), counts(&renewal));
    assert_eq!(world.auth_calls(), 2 + 2);
}

#[test]
fn a_renewal_costs_two_writes_and_no_event() {
    let mut world = World::running("costs");
    world.emulator.set_lifetimes(40, 40);
    world.login("client", AppScope::Backend);
    let mark = world.mark();
    world.credential("partner", json!({"renewal": {"renewBeforePercentage": 90}}));
    world.request("interview", json!({"renewal": {"renewBeforePercentage": 90}}));
    world.wait_for_calls(Call::AccessToken, 3);
    world.wait_for_calls(Call::Exchange, 3);
    world.wait_for_event("partner", "Issued");
    world.wait_for_event("interview", "Issued");
    // What is in flight is finished; a status that is still to be written then is not.
    assert!(world.operator.stop().success());

    let writes = world.writes_since(mark);
    let count = |write: &str| writes.get(write).copied().unwrap_or_default();
    let chains = [
        ("rocketlawyercredentials/status partner", "partner-access-token", Call::AccessToken, 0),
        ("scopedtokenrequests/status interview", "interview-token", Call::Exchange, 1),
    ];
    for (status, secret, call, waiting) in chains {
        let issued = usize::try_from(world.emulator.calls(call)).expect("a count");
        assert_eq!(count(&format!("create secrets {secret}")), 1, "{writes:#?}");
        assert_eq!(count(&format!("update secrets {secret}")), issued - 1, "{writes:#?}");
        // A request that has to wait for its credential may say so once.
        let told = count(&format!("patch {status}"));
        assert!((issued - 1..=issued + waiting).contains(&told), "{writes:#?}");
    }
    assert_eq!(count("create events"), 2, "{writes:#?}");
    assert_eq!(world.emulator.calls(Call::ServiceToken), world.emulator.calls(Call::Exchange));
}

const OBJECTS: &[(Kind, &str)] = &[
    (Kind::Credential, "partner"),
    (Kind::Credential, "partner-frontend"),
    (Kind::Request, "interview"),
    (Kind::Request, "by-frontend"),
    (Kind::Request, "embedded"),
];

/// Objects of every sort, all in order.
fn one_of_each(name: &str) -> World {
    let world = World::running(name);
    world.partner(json!({}));
    world.login("frontend", AppScope::Frontend);
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner-frontend", frontend);
    world.request("interview", json!({}));
    world.request("by-frontend", json!({"exchangeCredentialRef": {"name": "partner-frontend"}}));
    world.request("embedded", json!({"deliver": "ServiceToken"}));
    for name in ["interview", "by-frontend", "embedded"] {
        world.wait_ready(Kind::Request, name);
        world.wait_for_event(name, "Issued");
    }
    world.wait_for_event("partner", "Issued");
    world.wait_for(Kind::Credential, "partner-frontend", |it| {
        told::is(it, "True/Available") && told::condition(it, "CredentialsValid") == "True/Accepted"
    });
    world.settle();
    world
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(write, count)| ((*write).to_owned(), *count)).collect()
}

//! Further claims to a managed Secret's name, of both kinds: who has it, what was issued for it, and what does the loser say?

use rocketlawyer_operator::emulator::{AppScope, Call};
use serde_json::{Value, json};

use super::server::Kind;
use super::told::{self, condition, data, text};
use super::world::{Wishes, World};

const SECRET: &str = "partner-access-token";
const INTERVIEW: &str = "interview-token";

#[test]
fn a_request_leaves_a_foreign_secret_alone_until_its_name_is_free() {
    let world = World::running("str-foreign");
    world.partner(json!({}));
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let theirs = json!({
        "metadata": {"name": "machine-token", "annotations": account}, "type": "bootstrap.kubernetes.io/token",
    });
    let theirs = [
        world.create(Kind::Secret, theirs),
        world.create(Kind::Secret, json!({"metadata": {"name": INTERVIEW}, "type": "Opaque"})),
    ];
    for name in ["machine", "interview"] {
        world.request(name, json!({}));
        let request = world.wait_told(Kind::Request, name, "False/SecretNotOwned");
        assert_eq!(condition(&request, "Stalled"), "True/SecretNotOwned");
        let message = told::message(&request, "Ready");
        assert!(message.contains(&format!("\"{name}-token\"")) && message.contains("Delete or rename it"));
    }
    world.settle();
    for secret in &theirs {
        assert_eq!(world.secret(text(&secret["metadata"]["name"])), *secret);
    }
    assert_eq!(world.auth_calls(), 1);

    world.delete(Kind::Secret, INTERVIEW);
    world.wait_ready(Kind::Request, "interview");
    assert_eq!(world.secret("machine-token"), theirs[0]);
    assert_eq!(world.auth_calls(), 1 + 2);
}

#[test]
fn a_secret_of_a_service_account_is_left_alone() {
    let world = World::running("account");
    world.login("client", AppScope::Backend);
    let annotations = json!({"kubernetes.io/service-account.name": "builder"});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "builder", "namespace": world.namespace}});
    world.control_plane.apply(&account.to_string()).expect("an account");
    let token = json!({
        "metadata": {"name": SECRET, "annotations": annotations}, "type": "kubernetes.io/service-account-token",
    });
    world.create(Kind::Secret, token);
    let filled = world.wait_for(Kind::Secret, SECRET, |it| it["data"]["token"].is_string());
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    assert!(told::message(&credential, "Ready").contains("Delete or rename it"));
    world.settle();
    assert_eq!(world.secret(SECRET), filled);
    assert_eq!(world.auth_calls(), 0);
}

#[test]
fn a_credential_does_not_take_what_a_request_has() {
    let world = World::running("kinds");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let before = world.secret(INTERVIEW);
    // Of the same name even, but of the other kind.
    world.credential("interview", json!({"secret": {"name": INTERVIEW}}));
    let credential = world.wait_told(Kind::Credential, "interview", "False/SecretNotOwned");
    assert_eq!(condition(&credential, "Stalled"), "True/SecretNotOwned");
    world.settle();
    assert_eq!(world.secret(INTERVIEW), before);
    assert_eq!(world.auth_calls(), 1 + 2);

    world.delete(Kind::Request, "interview");
    world.wait_ready(Kind::Credential, "interview");
    let secret = world.secret(INTERVIEW);
    assert_eq!(secret["metadata"]["ownerReferences"][0]["kind"], "RocketLawyerCredential");
    assert!(world.opens("access", &data(&secret, "authorization")));
    assert_eq!(world.auth_calls(), 1 + 2 + 1);
}

#[test]
fn two_objects_created_at_once_with_one_secret_name_cost_one_token_each_at_most() {
    let mut world = World::running("at-once");
    world.login("client", AppScope::Backend);
    assert!(world.operator.stop().success());
    for name in ["left", "right"] {
        world.credential(name, json!({"secret": {"name": SECRET}}));
    }
    world.operator.start();
    let secret = world.wait_for(Kind::Secret, SECRET, |it| !it.is_null());
    let winner = text(&secret["metadata"]["ownerReferences"][0]["name"]).to_owned();
    let loser = if winner == "left" { "right" } else { "left" };
    world.wait_ready(Kind::Credential, &winner);
    world.wait_told(Kind::Credential, loser, "False/SecretNotOwned");
    world.settle();
    assert_eq!(told::version(&world.secret(SECRET)), told::version(&secret));
    let calls = world.auth_calls();
    assert!(calls <= 2, "{calls} calls");

    // The loser's token, if it has one, is good for when the name is free.
    world.delete(Kind::Credential, &winner);
    world.wait_ready(Kind::Credential, loser);
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn a_secret_of_our_type_whose_owner_never_was_is_not_taken_before_it_is_collected() {
    let world = World::running("stranger");
    world.login("client", AppScope::Backend);
    let owner = json!([{
        "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "RocketLawyerCredential", "name": "somebody",
        "uid": "00000000-0000-0000-0000-000000000002", "controller": true,
    }]);
    let metadata = json!({"name": SECRET, "ownerReferences": owner, "finalizers": ["example.com/hold"]});
    world.create(
        Kind::Secret,
        json!({"metadata": metadata, "type": "auth.rocketlawyer.com/token", "stringData": {"a": "b"}}),
    );
    world.credential("partner", json!({}));
    world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    let leaving = |it: &Value| !it["metadata"]["deletionTimestamp"].is_null();
    let held = world.wait_for(Kind::Secret, SECRET, leaving);
    world.settle();
    assert_eq!(world.secret(SECRET)["data"], held["data"]);
    assert_eq!(world.auth_calls(), 0);

    world.edit(Kind::Secret, SECRET, json!({"metadata": {"finalizers": null}}));
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 1);
}

/// A uid alone makes nobody an owner: it is of another object, or was copied.
#[test]
fn a_secret_with_our_uid_under_another_name_or_kind_is_left_alone() {
    let mut world = World::new("same-uid", &Wishes::default());
    world.login("client", AppScope::Backend);
    let theirs = [
        ("renamed", "RocketLawyerCredential", "somebody"),
        ("of-another-kind", "ScopedTokenRequest", "of-another-kind"),
    ]
    .map(|(credential, kind, owner)| {
        let uid = world.credential(credential, json!({}))["metadata"]["uid"].clone();
        let owner = json!([{
            "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": kind, "name": owner, "uid": uid, "controller": true,
        }]);
        let name = format!("{credential}-access-token");
        // There is no such owner, so it is about to be collected.
        let metadata = json!({"name": name, "ownerReferences": owner, "finalizers": ["example.com/hold"]});
        let secret = world.create(
            Kind::Secret,
            json!({"metadata": metadata, "type": "auth.rocketlawyer.com/token", "stringData": {"a": "b"}}),
        );
        (credential, name, secret)
    });
    world.operator.start();
    for (name, secret, _) in &theirs {
        let credential = world.wait_told(Kind::Credential, name, "False/SecretNotOwned");
        assert_eq!(condition(&credential, "Stalled"), "True/SecretNotOwned");
        let sentence = format!("Secret \"{secret}\" exists and does not belong to this object");
        assert!(told::message(&credential, "Ready").starts_with(&sentence), "{credential:#}");
    }
    world.settle();
    assert_eq!(world.auth_calls(), 0);
    for (credential, name, before) in &theirs {
        let now = world.secret(name);
        assert_eq!(now["data"], before["data"]);
        assert_eq!(now["metadata"]["ownerReferences"], before["metadata"]["ownerReferences"]);
        assert_eq!(now["metadata"]["annotations"], before["metadata"]["annotations"]);
        world.delete(Kind::Secret, name);
        world.edit(Kind::Secret, name, json!({"metadata": {"finalizers": null}}));
        world.wait_ready(Kind::Credential, credential);
    }
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn an_owner_that_no_longer_controls_is_made_the_controller_again() {
    let world = World::running("demoted");
    let (_, credential) = world.partner(json!({}));
    let before = world.secret(SECRET);
    let owner = json!([{
        "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "RocketLawyerCredential", "name": "partner",
        "uid": credential["metadata"]["uid"], "controller": false,
    }]);
    world.edit(Kind::Secret, SECRET, json!({"metadata": {"ownerReferences": owner}}));
    let after =
        world.wait_for(Kind::Secret, SECRET, |it| it["metadata"]["ownerReferences"][0]["controller"] == true);
    assert_eq!(after["metadata"]["ownerReferences"], before["metadata"]["ownerReferences"]);
    assert_eq!(after["data"], before["data"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn nothing_is_issued_for_a_secret_that_somebody_made_immutable() {
    let world = World::running("fixed");
    let (app, _) = world.partner(json!({}));
    let before = world.edit(Kind::Secret, SECRET, json!({"immutable": true}));
    // A changed secret asks for a new token, which could not be written.
    world.change_secret(&app, "another");
    let says_so = |it: &Value| {
        let message = told::message(it, "Ready");
        told::is(it, "True/Issued") && message.contains("immutable") && message.contains("Delete it")
    };
    world.wait_for(Kind::Credential, "partner", says_so);
    world.settle();
    assert_eq!(world.secret(SECRET), before);
    assert_eq!(world.auth_calls(), 1);

    world.delete(Kind::Secret, SECRET);
    world.wait_renewed(SECRET, &before);
    world.wait_ready(Kind::Credential, "partner");
    world.settle();
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn an_immutable_orphan_is_not_issued_for() {
    let mut world = World::running("fixed-orphan");
    world.login("client", AppScope::Backend);
    let orphan = json!({
        "metadata": {"name": SECRET}, "type": "auth.rocketlawyer.com/token", "immutable": true,
        "stringData": {"access_token": "of an earlier life"},
    });
    let orphan = world.create(Kind::Secret, orphan);
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretWriteRefused");
    assert_eq!(condition(&credential, "Stalled"), "True/SecretWriteRefused");
    assert!(told::message(&credential, "Ready").contains("Delete it"));
    world.operator.kill();
    world.operator.start();
    world.settle();
    assert_eq!(world.secret(SECRET), orphan);
    assert_eq!(world.auth_calls(), 0);

    world.delete(Kind::Secret, SECRET);
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_lost_scoped_token_is_replaced_by_issuing_once_and_not_again_at_once() {
    let world = World::running("str-lost");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let first = world.secret(INTERVIEW);
    world.delete(Kind::Secret, INTERVIEW);
    let second = world.wait_renewed(INTERVIEW, &first);
    assert!(world.opens("scoped", &data(&second, "authorization")));
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    assert_eq!(world.emulator.calls(Call::Exchange), 2);

    // Whoever deletes it again is told off before more tokens are burnt.
    world.delete(Kind::Secret, INTERVIEW);
    let says_so = |it: &Value| told::message(it, "Ready").contains("Find out who does that");
    let request = world.wait_for(Kind::Request, "interview", says_so);
    assert_eq!(condition(&request, "Reconciling"), "True/SecretContested");
    world.wait_for_event("interview", "SecretContested");
    world.settle();
    assert_eq!(world.emulator.calls(Call::Exchange), 2);

    // Who renews by hand wants it now.
    world.ask_for_renewal(Kind::Request, "interview", "now");
    world.wait_ready(Kind::Request, "interview");
    assert!(world.opens("scoped", &data(&world.secret(INTERVIEW), "authorization")));
    assert_eq!(world.emulator.calls(Call::Exchange), 3);
}

#[test]
fn an_orphaned_scoped_token_is_adopted_only_by_a_request_for_the_same_subject() {
    let world = World::running("str-orphan");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let first = world.secret(INTERVIEW);
    let leave_the_secret = || {
        super::server::delete(Kind::Request, &world.namespace, "interview", "Orphan");
        world.wait_for(Kind::Request, "interview", Value::is_null);
        world.wait_for(Kind::Secret, INTERVIEW, |it| it["metadata"]["ownerReferences"].is_null());
    };
    leave_the_secret();
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    assert_eq!(data(&world.secret(INTERVIEW), "access_token"), data(&first, "access_token"));
    assert_eq!(world.emulator.calls(Call::Exchange), 1, "it is kept");
    leave_the_secret();
    world.request("interview", json!({"interviewId": "another-customer"}));
    let second = world.wait_renewed(INTERVIEW, &first);
    assert_ne!(data(&second, "access_token"), data(&first, "access_token"));
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    assert_eq!(world.emulator.calls(Call::Exchange), 2);
    assert_eq!(world.emulator.calls(Call::AccessToken), 1);
}

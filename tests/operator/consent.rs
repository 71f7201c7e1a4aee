//! Who may use a credential of another namespace? Only whom it allows; and nobody can tell "absent" from "not for you".

use serde_json::{Value, json};

use super::api_proxy::{Fault, How};
use super::server::{self, Kind};
use super::told;
use super::world::{Wishes, World};

#[test]
fn no_other_namespace_may_use_a_credential_that_does_not_say_so() {
    let world = with_guest("deny", false);
    world.partner(json!({}));
    let guest = &world.others[0];
    world.request_in(guest, "interview", json!({}));
    world.wait_in(guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    assert_eq!(server::list(Kind::Secret, guest), Vec::<Value>::new());
}

#[test]
fn absent_and_not_consenting_cannot_be_told_apart() {
    let world = with_guest("apart", false);
    world.partner(json!({"allowedNamespaces": {"from": "Selected", "names": ["somebody-else"]}}));
    let guest = &world.others[0];
    let told_of = |credential: &str| {
        let mark = world.mark();
        let reference = json!({"name": credential, "namespace": world.namespace});
        world.request_in(guest, credential, json!({"credentialRef": reference}));
        let request =
            world.wait_in(guest, Kind::Request, credential, |it| told::is(it, "False/CredentialNotFound"));
        world.settle();
        let mut status = request["status"].to_string();
        for condition in request["status"]["conditions"].as_array().expect("conditions") {
            status = status.replace(told::text(&condition["lastTransitionTime"]), "WHEN");
        }
        let asked = world.asked_since(mark);
        let asked = asked.into_iter().filter(|it| it.namespace == *guest);
        let asked: Vec<_> = asked.map(|it| json!([it.verb, it.resource, it.subresource, it.code])).collect();
        (status.replace(credential, "NAME"), json!(asked).to_string().replace(credential, "NAME"))
    };
    let refused = told_of("partner");
    let absent = told_of("nobody");
    assert_eq!(refused, absent);
    assert!(refused.1.contains("patch"), "{}", refused.1);
    // Nothing of the guest's reaches the credential's own status either.
    assert!(!world.get(Kind::Credential, "partner").to_string().contains(guest.as_str()));
}

#[test]
fn a_credential_may_allow_namespaces_by_name_and_take_it_back() {
    let world = with_guest("names", false);
    let guest = world.others[0].clone();
    world.partner(json!({}));
    world.request_in(&guest, "interview", json!({}));
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));

    let names = json!({"from": "Selected", "names": [guest]});
    world.edit(Kind::Credential, "partner", json!({"spec": {"allowedNamespaces": names}}));
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    assert!(!server::get(Kind::Secret, &guest, "interview-token").is_null());
    assert!(world.get(Kind::Secret, "interview-token").is_null());

    world.edit(Kind::Credential, "partner", json!({"spec": {"allowedNamespaces": null}}));
    world.wait_ready(Kind::Credential, "partner");
    world.request_in(&guest, "late", json!({}));
    world.wait_in(&guest, Kind::Request, "late", |it| told::is(it, "False/CredentialNotFound"));
    // A token that was issued with consent lives out.
    world.settle();
    assert!(told::is(&server::get(Kind::Request, &guest, "interview"), "True/Issued"));
}

#[test]
fn a_credential_may_allow_every_namespace() {
    let world = with_guest("everybody", false);
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let guest = &world.others[0];
    world.request_in(guest, "interview", json!({}));
    world.wait_in(guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
}

#[test]
fn a_credential_may_allow_namespaces_by_label() {
    let world = with_guest("labelled", true);
    let guest = &world.others[0];
    let selector = json!({"matchLabels": {"legal-tokens": "true"}});
    world.partner(json!({"allowedNamespaces": {"from": "Selected", "selector": selector}}));
    world.request_in(guest, "interview", json!({}));
    world.wait_in(guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));
    world.kubectl(&["label", "namespace", guest, "legal-tokens=true"]);
    world.wait_in(guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));

    world.kubectl(&["label", "namespace", guest, "legal-tokens-"]);
    world.settle();
    world.request_in(guest, "late", json!({}));
    world.wait_in(guest, Kind::Request, "late", |it| told::is(it, "False/CredentialNotFound"));
}

#[test]
fn without_the_right_to_read_namespaces_a_selector_is_said_to_be_out_of_reach() {
    let world = with_guest("unlabelled", false);
    world.login("client", rocketlawyer_operator::emulator::AppScope::Backend);
    let guest = &world.others[0];
    let selector = json!({"matchLabels": {"legal-tokens": "true"}});
    let both = json!({"from": "Selected", "names": [guest], "selector": selector});
    world.credential("partner", json!({"allowedNamespaces": both}));
    let says_so = |it: &Value| told::message(it, "Ready").contains("read namespaces");
    world.wait_for(Kind::Credential, "partner", says_so);
    // By name it is allowed all the same.
    world.request_in(guest, "interview", json!({}));
    world.wait_in(guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
}

/// An operator of two namespaces.
fn with_guest(name: &str, selectors: bool) -> World {
    let guest = format!("{name}-guest");
    let wishes = Wishes { others: &[&guest], selectors, ..Wishes::default() };
    let mut world = World::new(name, &wishes);
    world.operator.start();
    world
}

/// The right was there when the operator asked for it, and is not when it lists.
#[test]
fn namespaces_that_may_not_be_listed_keep_only_those_waiting_who_are_chosen_by_label() {
    let wishes = Wishes { others: &["no-labels-guest"], selectors: true, proxied: true, ..Wishes::default() };
    let mut world = World::new("no-labels", &wishes);
    world.refusals = true;
    let guest = world.others[0].clone();
    let forbidden = How::Answer { status: 403, retry_after: None };
    world.proxy().add(Fault { on: "LIST namespaces".into(), times: None, how: forbidden });
    world.operator.start();
    world.partner(json!({}));
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": guest}});
    world.credential("choosy", json!({"allowedNamespaces": {"from": "Selected", "selector": selector}}));
    let reference = json!({"name": "choosy", "namespace": world.namespace});
    world.request_in(&guest, "interview", json!({"credentialRef": reference}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let choosy = world.wait_ready(Kind::Credential, "choosy");
    assert!(told::message(&choosy, "Ready").contains("may not read namespaces"), "{choosy:#}");
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));

    world.proxy().clear();
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    world.wait_for(Kind::Credential, "choosy", |it| !told::message(it, "Ready").contains("namespaces"));
}

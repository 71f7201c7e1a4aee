//! Which two credentials may a request name, and from where? What does not fit costs no call, and what is not allowed tells
//! nothing.

use rocketlawyer_operator::emulator::{AppScope, Call, Emulator, Settings};
use serde_json::{Value, json};

use super::server::{self, Kind};
use super::told::{self, condition};
use super::world::{Wishes, World};

#[test]
fn two_credentials_that_do_not_fit_each_other_are_said_without_a_call() {
    let world = World::running("two-misfit");
    world.partner(json!({}));
    world.login("frontend", AppScope::Frontend);
    world.credential("other-backend", json!({}));
    world.wait_ready(Kind::Credential, "other-backend");
    let elsewhere = json!({
        "environment": "Sandbox", "endpoint": null, "appType": "Frontend", "clientSecretRef": {"name": "frontend"},
    });
    world.credential("sandbox", elsewhere);
    for (exchanger, says) in [
        ("other-backend", "names a Backend app. Name a Frontend credential"),
        ("sandbox", "different endpoints. Name two of the same environment"),
    ] {
        world.request(exchanger, json!({"exchangeCredentialRef": {"name": exchanger}}));
        let request = world.wait_told(Kind::Request, exchanger, "False/InvalidSpec");
        assert_eq!(condition(&request, "Stalled"), "True/InvalidSpec");
        assert!(told::message(&request, "Ready").contains(says), "{request:#}");
    }
    world.settle();
    assert_eq!(world.emulator.calls(Call::ServiceToken), 0);
    assert_eq!(world.emulator.calls(Call::Exchange), 0);

    // Put right, it goes on.
    world.edit(Kind::Request, "sandbox", json!({"spec": {"exchangeCredentialRef": null}}));
    world.wait_ready(Kind::Request, "sandbox");
}

#[test]
fn both_credentials_must_allow_the_purpose() {
    let world = World::running("two-purposes");
    world.partner(json!({}));
    world.login("frontend", AppScope::Frontend);
    let other = json!(["api.rocketlawyer.com/binder-party-access"]);
    let frontend =
        json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}, "allowedPurposes": other});
    world.credential("partner-frontend", frontend);
    world.request("interview", json!({"exchangeCredentialRef": {"name": "partner-frontend"}}));
    let request = world.wait_told(Kind::Request, "interview", "False/PurposeNotAllowed");
    let message = told::message(&request, "Ready");
    assert!(
        message.contains("\"api.rocketlawyer.com/rocketdoc\"") && message.contains("spec.allowedPurposes"),
        "{message}"
    );
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    world.edit(Kind::Credential, "partner-frontend", json!({"spec": {"allowedPurposes": null}}));
    world.wait_ready(Kind::Request, "interview");
}

#[test]
fn the_exchanging_credential_is_used_across_namespaces_only_with_its_own_consent() {
    let mut world = with_guest("two-consents");
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    world.login("frontend", AppScope::Frontend);
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner-frontend", frontend);
    world.wait_told(Kind::Credential, "partner-frontend", "True/Available");
    let guest = world.others[0].clone();
    let exchange = json!({"name": "partner-frontend", "namespace": world.namespace});
    world.request_in(&guest, "interview", json!({"exchangeCredentialRef": exchange}));
    let request =
        world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));
    // The message names the one that is out of reach, not the one that is there.
    let message = told::message(&request, "Ready");
    assert!(message.contains(&format!("{}/partner-frontend\"", world.namespace)), "{message}");
    assert_eq!(world.auth_calls(), 1);

    let consent = json!({"spec": {"allowedNamespaces": {"from": "Selected", "names": [guest]}}});
    world.edit(Kind::Credential, "partner-frontend", consent);
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    let mut exchanges = world.emulator.log();
    exchanges.retain(|it| it.call == Call::Exchange);
    assert_eq!(exchanges[0].client_id.as_deref(), Some("frontend-key"));
    assert_eq!(exchanges.len(), 1);
}

#[test]
fn who_may_not_use_a_credential_learns_nothing_of_it_whatever_it_is() {
    let mut world = with_guest("blind");
    world.operator.start();
    world.partner(json!({"allowedPurposes": ["api.rocketlawyer.com/binder-party-access"]}));
    world.login("frontend", AppScope::Frontend);
    world.credential("asleep", json!({"suspend": true, "maxServiceTokenTTL": "1m"}));
    world.wait_told(Kind::Credential, "asleep", "False/Suspended");
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner-frontend", frontend);
    world.wait_told(Kind::Credential, "partner-frontend", "True/Available");
    let guest = world.others[0].clone();
    let told_of = |credential: &str| {
        let reference = json!({"name": credential, "namespace": world.namespace});
        let spec = json!({"credentialRef": reference, "deliver": "ServiceToken"});
        world.request_in(&guest, credential, spec);
        let request =
            world.wait_in(&guest, Kind::Request, credential, |it| told::is(it, "False/CredentialNotFound"));
        said(&request, credential)
    };
    let absent = told_of("nobody");
    assert!(absent.contains("NAME") && !absent.contains("nobody"), "{absent}");
    for credential in ["partner", "asleep", "partner-frontend"] {
        assert_eq!(told_of(credential), absent, "{credential}");
    }
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn consent_that_is_withdrawn_ends_renewal_but_not_the_token() {
    let mut world = with_guest("withdrawn");
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let guest = world.others[0].clone();
    world.emulator.set_lifetimes(36_000, 30);
    let request = world.request_in(&guest, "interview", json!({"renewal": {"renewBeforePercentage": 60}}));
    world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    world.edit(Kind::Credential, "partner", json!({"spec": {"allowedNamespaces": {"from": "Same"}}}));
    world.wait_ready(Kind::Credential, "partner");
    let before = server::get(Kind::Secret, &guest, "interview-token");

    // While it lives it is in service; then it is not replaced.
    let ended =
        world.wait_in(&guest, Kind::Request, "interview", |it| told::is(it, "False/CredentialNotFound"));
    assert_eq!(ended["metadata"]["uid"], request["metadata"]["uid"]);
    let after = server::get(Kind::Secret, &guest, "interview-token");
    let expires = told::instant(&json!(told::annotation(&after, "expires-at")));
    assert!(rocketlawyer_operator::clock::now() >= expires);
    assert_eq!(told::version(&after), told::version(&before));
    assert_eq!(world.emulator.calls(Call::Exchange), 1);
}

/// A token of one place is never shown to another.
#[test]
fn an_endpoint_that_changes_under_a_live_token_gets_tokens_of_its_own() {
    let mut world = World::new("moved", &Wishes::default());
    let loopback = ([127, 0, 0, 1], 0).into();
    let there =
        server::runtime().block_on(Emulator::start(Settings::default(), loopback)).expect("an emulator");
    world.operator.argument("--allow-endpoint", &format!("http://{}", there.address()));
    world.operator.start();
    let (app, _) = world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    there.put_app(app);
    let before = ["partner-access-token", "interview-token"].map(|name| (name, world.secret(name)));

    world.edit(Kind::Credential, "partner", json!({"spec": {"endpoint": {"url": there.base_url()}}}));
    for (name, secret) in &before {
        world.wait_renewed(name, secret);
    }
    world.wait_ready(Kind::Credential, "partner");
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    let made = there.log();
    let origin = format!("http://{}", there.address());
    world.further_calls.extend(made.iter().map(|it| (it.clone(), origin.clone())));
    assert!(made.iter().all(|it| it.status == 200), "{made:#?}");
    let calls: Vec<Call> = made.iter().map(|it| it.call).collect();
    assert_eq!(calls, [Call::AccessToken, Call::ServiceToken, Call::Exchange]);
    assert_eq!(world.auth_calls(), 3, "of the first place nothing more was asked");
}

/// Whoever may write a credential could have such a token sent wherever its endpoint is.
#[test]
fn a_token_is_not_taken_for_a_client_secret() {
    let world = World::running("no-login");
    world.partner(json!({}));
    let account = json!({"kubernetes.io/service-account.name": "default"});
    let of_account = json!({
        "metadata": {"name": "account", "annotations": account}, "type": "kubernetes.io/service-account-token",
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": world.namespace}});
    world.control_plane.apply(&account.to_string()).expect("an account");
    world.create(Kind::Secret, of_account);
    world.wait_for(Kind::Secret, "account", |it| it["data"]["token"].is_string());
    for (name, secret, id, value) in [
        ("own", "partner-access-token", "token_type", "access_token"),
        ("accounts", "account", "namespace", "token"),
    ] {
        let login = json!({"name": secret, "clientIdKey": id, "clientSecretKey": value});
        world.credential(name, json!({"clientSecretRef": login}));
        world.wait_told(Kind::Credential, name, "False/ClientSecretIncomplete");
    }
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

/// The whole status, without the name that was asked for and the instants.
fn said(request: &Value, name: &str) -> String {
    let mut status = request["status"].to_string();
    for condition in request["status"]["conditions"].as_array().expect("conditions") {
        status = status.replace(told::text(&condition["lastTransitionTime"]), "WHEN");
    }
    status.replace(&format!("{name}\\\""), "NAME")
}

/// An operator of two namespaces, that does not run yet.
fn with_guest(name: &str) -> World {
    let guest = format!("{name}-guest");
    let wishes = Wishes { others: &[&guest], ..Wishes::default() };
    World::new(name, &wishes)
}

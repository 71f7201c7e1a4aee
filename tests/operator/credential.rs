//! What does a `RocketLawyerCredential` get, and what follows from a change of anything it depends on?

use rocketlawyer_operator::emulator::{App, AppScope, Call};
use serde_json::json;

use super::server::Kind;
use super::told::{self, annotation, condition, data, text};
use super::world::World;

#[test]
fn a_token_is_issued_into_a_secret_and_status_says_so() {
    let world = World::running("issue");
    let (app, credential) = world.partner(json!({
        "secret": {"labels": {"team": "legal"}, "annotations": {"example.com/note": "yes"}},
    }));
    assert_eq!(world.auth_calls(), 1);

    let secret = world.secret("partner-access-token");
    let token = data(&secret, "access_token");
    assert_eq!(secret["data"].as_object().map(serde_json::Map::len), Some(4));
    assert_eq!(data(&secret, "token_type"), "Bearer");
    assert_eq!(data(&secret, "authorization"), format!("Bearer {token}"));
    assert!(world.opens("access", &data(&secret, "authorization")));
    assert!(!world.opens("scoped", &data(&secret, "authorization")));
    assert_eq!(secret["type"], "auth.rocketlawyer.com/token");
    let labels = json!({"app.kubernetes.io/managed-by": "rocketlawyer-operator", "team": "legal"});
    assert_eq!(secret["metadata"]["labels"], labels);
    assert_eq!(secret["metadata"]["annotations"]["example.com/note"], "yes");
    for name in ["issued-at", "expires-at", "inputs-hash", "content-hash"] {
        assert_ne!(annotation(&secret, name), "", "annotation {name}");
    }
    let owner = json!([{
        "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "RocketLawyerCredential",
        "name": "partner", "uid": credential["metadata"]["uid"], "controller": true,
    }]);
    assert_eq!(secret["metadata"]["ownerReferences"], owner);

    assert_eq!(world.emulator.calls(Call::AccessToken), 1);
    assert_ne!(app.client_id, "");
    assert_eq!(app.scope, AppScope::Backend);
    status_says_so(&world, &credential, &secret);
}

fn status_says_so(world: &World, credential: &serde_json::Value, secret: &serde_json::Value) {
    let status = &credential["status"];
    assert_eq!(condition(credential, "CredentialsValid"), "True/Accepted");
    assert_eq!(condition(credential, "Reconciling") + &condition(credential, "Stalled"), "");
    assert_eq!(status["token"]["secretName"], "partner-access-token");
    let expires = told::instant(&status["token"]["expiresAt"]);
    assert_eq!(told::instant(&json!(data(secret, "expires_at"))).as_second(), expires.as_second());
    let issued = told::instant(&status["token"]["issuedAt"]);
    let renews = told::instant(&status["token"]["renewAt"]);
    let share = issued.duration_until(renews).as_secs_f64() / issued.duration_until(expires).as_secs_f64();
    assert!((0.499..0.668).contains(&share), "renewed after {share} of its life");
    assert_eq!(status["application"]["organization"], "rocketlawyer");
    assert_eq!(status["failure"], json!(null));

    let columns = world.kubectl(&["get", "rlc", "partner", "--no-headers", "-o", "wide"]);
    let columns: Vec<_> = columns.split_whitespace().collect();
    let expected = ["partner", "True", "Issued", text(&status["token"]["expiresAt"])];
    assert_eq!(columns[..4], expected);
    assert_eq!(columns[4..7], [text(&status["token"]["renewAt"]), "partner-access-token", "Custom"]);
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let world = World::running("renew");
    world.emulator.set_lifetimes(40, 40);
    world.partner(json!({"renewal": {"renewBeforePercentage": 90}}));
    let first = world.secret("partner-access-token");

    let second = world.wait_renewed("partner-access-token", &first);
    let issued = told::instant(&json!(annotation(&second, "issued-at")));
    assert!(issued < told::instant(&json!(annotation(&first, "expires-at"))));
    assert_ne!(data(&first, "access_token"), data(&second, "access_token"));
    assert!(world.opens("access", &data(&second, "authorization")));
    let shown = json!(issued.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let credential =
        world.wait_for(Kind::Credential, "partner", |it| it["status"]["token"]["issuedAt"] == shown);
    assert_eq!(condition(&credential, "Ready"), "True/Issued");
    world.wait_renewed("partner-access-token", &second);
}

/// Or what is written would be called made up as soon as it is seen, and replaced without end.
#[test]
fn a_token_that_is_said_to_live_for_years_is_issued_once() {
    const YEAR: i64 = 366 * 86_400;
    let world = World::running("years");
    world.emulator.set_lifetimes(5 * YEAR, 5 * YEAR);
    let (_, credential) = world.partner(json!({}));
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    let told = |name: &str| told::instant(&credential["status"]["token"][name]);
    assert_eq!(told("issuedAt").duration_until(told("expiresAt")).as_secs(), YEAR);
}

#[test]
fn a_changed_client_secret_is_noticed_at_once() {
    let world = World::running("rotated");
    let (app, _) = world.partner(json!({}));
    let before = world.secret("partner-access-token");

    world.change_secret(&app, "another");
    let after = world.wait_renewed("partner-access-token", &before);
    assert!(world.opens("access", &data(&after, "authorization")));
    world.settle();
    assert_eq!(world.auth_calls(), 2);
    let credential = world.get(Kind::Credential, "partner");
    assert_eq!(condition(&credential, "CredentialsValid"), "True/Accepted");
    assert!(told::is(&credential, "True/Issued"));
}

#[test]
fn a_refused_client_secret_leaves_the_token_in_service_until_it_is_set_back() {
    let world = World::running("refused");
    let (app, _) = world.partner(json!({}));
    let before = world.secret("partner-access-token");

    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": "mistyped"}}));
    let credential = world.wait_for(Kind::Credential, "partner", |it| {
        condition(it, "CredentialsValid") == "False/InvalidClient"
    });
    assert!(told::is(&credential, "True/Issued"), "{credential:#}");
    assert_eq!(condition(&credential, "Stalled"), "");
    let failure = &credential["status"]["failure"];
    assert_eq!((&failure["reason"], &failure["httpStatus"]), (&json!("InvalidClient"), &json!(401)));
    assert!(told::message(&credential, "CredentialsValid").contains("\"client\""));
    assert_eq!(told::version(&world.secret("partner-access-token")), told::version(&before));
    world.settle();
    assert_eq!(world.auth_calls(), 2);

    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": app.client_secret}}));
    let credential = world
        .wait_for(Kind::Credential, "partner", |it| condition(it, "CredentialsValid") == "True/Accepted");
    assert_eq!(credential["status"]["failure"], json!(null));
    world.settle();
    assert_eq!(world.auth_calls(), 2);
    assert_eq!(told::version(&world.secret("partner-access-token")), told::version(&before));
}

/// Nothing turns false, so nothing else shows it to those who are told of events.
#[test]
fn a_client_secret_that_is_lost_or_spoilt_while_the_token_lives_is_an_event() {
    let world = World::running("lost-login");
    let (app, _) = world.partner(json!({}));
    world.delete(Kind::Secret, "client");
    world.wait_for_event("partner", "ClientSecretNotFound");
    let credential = world.get(Kind::Credential, "partner");
    assert!(told::is(&credential, "True/Issued"), "{credential:#}");
    assert_eq!(credential["status"]["failure"]["reason"], "ClientSecretNotFound");

    world.client_secret("client", &json!({"client_id": app.client_id}));
    world.wait_for_event("partner", "ClientSecretIncomplete");
    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": "mistyped"}}));
    world.wait_for_event("partner", "InvalidClient");
    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": app.client_secret}}));
    world.wait_for_event("partner", "Recovered");
    let credential = world.get(Kind::Credential, "partner");
    assert!(told::is(&credential, "True/Issued"), "{credential:#}");
    assert_eq!(credential["status"]["failure"], json!(null));
}

#[test]
fn a_suspended_credential_keeps_its_token_and_issues_nothing_until_it_is_resumed() {
    let world = World::running("suspend");
    let (app, _) = world.partner(json!({}));
    let before = world.secret("partner-access-token");

    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": true}}));
    let credential = world.wait_told(Kind::Credential, "partner", "True/Suspended");
    assert_eq!(credential["status"]["token"]["renewAt"], json!(null));
    world.change_secret(&app, "another");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    assert_eq!(told::version(&world.secret("partner-access-token")), told::version(&before));

    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": false}}));
    world.wait_renewed("partner-access-token", &before);
    world.wait_told(Kind::Credential, "partner", "True/Issued");
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn a_credential_created_suspended_waits_for_a_person() {
    let world = World::running("asleep");
    world.login("client", AppScope::Backend);
    world.credential("partner", json!({"suspend": true}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/Suspended");
    assert_eq!(condition(&credential, "Stalled"), "True/Suspended");
    assert_eq!(world.auth_calls(), 0);

    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": false}}));
    world.wait_ready(Kind::Credential, "partner");
}

#[test]
fn a_renewal_asked_for_by_annotation_comes_once_and_is_recorded() {
    let mut world = World::running("by-hand");
    world.partner(json!({}));
    let before = world.secret("partner-access-token");

    world.ask_for_renewal(Kind::Credential, "partner", "first wish");
    world.settle();
    assert_eq!(world.auth_calls(), 1, "it is too soon after the issue");
    let after = world.wait_renewed("partner-access-token", &before);
    assert_eq!(annotation(&after, "renew-request-handled"), "first wish");
    let told = |it: &serde_json::Value| it["status"]["lastHandledRenewRequest"] == "first wish";
    world.wait_for(Kind::Credential, "partner", told);
    let [first, second] = [&before, &after].map(|it| told::instant(&json!(annotation(it, "issued-at"))));
    assert!(first.duration_until(second).as_secs_f64() >= 30.0);

    assert!(world.operator.stop().success());
    world.operator.start();
    world.settle();
    assert_eq!(world.auth_calls(), 2);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

#[test]
fn key_names_labels_and_annotations_are_rendered_anew_without_issuing() {
    let mut world = World::running("rendered");
    world.partner(json!({}));
    let token = data(&world.secret("partner-access-token"), "access_token");
    let secret = json!({
        "keys": {"accessToken": "TOKEN", "expiresAt": "until"},
        "labels": {"team": "legal"}, "annotations": {"example.com/note": "yes"},
    });

    world.edit(Kind::Credential, "partner", json!({"spec": {"secret": secret}}));
    let after = world.wait_for(Kind::Secret, "partner-access-token", |it| it["data"]["TOKEN"].is_string());
    assert_eq!(data(&after, "TOKEN"), token);
    let keys: Vec<_> = after["data"].as_object().expect("data").keys().cloned().collect();
    assert_eq!(keys, ["TOKEN", "authorization", "token_type", "until"]);
    assert_eq!(after["metadata"]["labels"]["team"], "legal");
    assert_eq!(after["metadata"]["annotations"]["example.com/note"], "yes");

    // A process that has not issued the token itself.
    world.operator.kill();
    world.edit(
        Kind::Credential,
        "partner",
        json!({"spec": {"secret": {"keys": null, "labels": {"team": "web"}}}}),
    );
    world.operator.start();
    let after =
        world.wait_for(Kind::Secret, "partner-access-token", |it| it["data"]["access_token"].is_string());
    assert_eq!(data(&after, "access_token"), token);
    assert_eq!(after["data"]["TOKEN"], json!(null));
    assert_eq!(after["metadata"]["labels"]["team"], "web");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_frontend_credential_is_ready_when_its_client_secret_is_complete() {
    let world = World::running("frontend");
    world.login("client", AppScope::Frontend);
    world.credential("partner", json!({"appType": "Frontend"}));
    let credential = world.wait_told(Kind::Credential, "partner", "True/Available");
    assert_eq!(condition(&credential, "CredentialsValid"), "Unknown/Pending");
    assert_eq!(credential["status"]["token"], json!(null));
    world.settle();
    assert_eq!(world.auth_calls(), 0);
    assert_eq!(world.get(Kind::Secret, "partner-access-token"), json!(null));
}

#[test]
fn a_client_secret_that_is_missing_or_incomplete_is_said_and_awaited() {
    let world = World::running("incomplete");
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/ClientSecretNotFound");
    assert_eq!(condition(&credential, "Reconciling"), "True/ClientSecretNotFound");

    world.client_secret("client", &json!({"client_id": "client-key"}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/ClientSecretIncomplete");
    assert_eq!(condition(&credential, "Stalled"), "True/ClientSecretIncomplete");
    assert_eq!(condition(&credential, "Reconciling"), "");
    let app = App::new("client-key", "right", AppScope::Backend);
    world.emulator.put_app(app);
    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": "ri\u{7}ght"}}));
    world.wait_for(Kind::Credential, "partner", |it| {
        told::message(it, "Ready").contains("control characters")
    });

    // The line's end that editors leave is forgiven.
    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": "right\n"}}));
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn no_secret_is_sent_to_an_endpoint_that_the_operator_was_not_started_with() {
    let world = World::running("elsewhere");
    world.login("client", AppScope::Backend);
    let other = format!("{}x", world.emulator.base_url()).replace("127.0.0.1", "localhost");
    world.credential("partner", json!({"endpoint": {"url": other}}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/EndpointNotAllowed");
    assert_eq!(condition(&credential, "Stalled"), "True/EndpointNotAllowed");
    let origin = format!("http://localhost:{}", world.emulator.address().port());
    let message = told::message(&credential, "Ready");
    assert!(message.contains(&format!("--allow-endpoint {origin}")), "{message}");
    world.settle();
    assert_eq!(world.auth_calls(), 0);

    let right = world.emulator.base_url();
    world.edit(Kind::Credential, "partner", json!({"spec": {"endpoint": {"url": right}}}));
    world.wait_ready(Kind::Credential, "partner");
}

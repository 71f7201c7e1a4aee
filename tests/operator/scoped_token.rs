//! What does a `ScopedTokenRequest` get, what does it wait for, and when does it end?

use jiff::SignedDuration;
use rocketlawyer_operator::emulator::{AppScope, Call, Entry};
use serde_json::{Value, json};

use super::server::Kind;
use super::told::{self, annotation, condition, data, text};
use super::world::{COLLECTED, Wishes, World};

#[test]
fn a_scoped_token_is_issued_for_an_interview() {
    let world = World::running("scoped");
    world.partner(json!({}));
    world.request("interview", json!({"partnerEndUserId": "customer-77", "serviceTokenTTL": "1h"}));
    let request = world.wait_ready(Kind::Request, "interview");

    let asked = asked(&world, Call::ServiceToken);
    let subject = json!({
        "purpose": "api.rocketlawyer.com/rocketdoc",
        "interviewId": "interview-interview", "partnerEndUserId": "customer-77",
    });
    assert_eq!(json!(asked[0].subject), subject);
    let secret = world.secret("interview-token");
    assert!(world.opens("scoped", &data(&secret, "authorization")));
    assert!(!world.opens("access", &data(&secret, "authorization")));
    assert_eq!(secret["data"].as_object().map(serde_json::Map::len), Some(4));
    assert_eq!(secret["type"], "auth.rocketlawyer.com/token");
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("ScopedTokenRequest"), &json!("interview")));

    // It ends with the service token that it came from, an hour after it was asked for, not after the ten of its own.
    let token = &request["status"]["token"];
    let life = told::instant(&token["issuedAt"]).duration_until(told::instant(&token["expiresAt"]));
    assert!((3590..=3601).contains(&life.as_secs()), "{life}");
    assert_eq!(token["secretName"], "interview-token");
    assert_eq!(condition(&request, "CredentialsValid"), "");
    let columns = world.kubectl(&["get", "str", "interview", "--no-headers", "-o", "wide"]);
    for column in
        ["True", "Issued", "interview-token", "partner", "interview-interview", text(&token["renewAt"])]
    {
        assert!(columns.split_whitespace().any(|it| it == column), "{column} in {columns}");
    }
    assert_eq!(world.auth_calls(), 3);
}

#[test]
fn each_purpose_is_asked_for_with_its_claims() {
    let wishes = Wishes { purposes: &["example.com/signing=envelope,language?"], ..Wishes::default() };
    let mut world = World::new("purposes", &wishes);
    world.operator.start();
    world.partner(json!({}));
    let party = json!({"interviewId": null, "purpose": "api.rocketlawyer.com/binder-party-access", "upid": "party-1"});
    world.request("party", party);
    let claims = json!({"envelope": "e-1", "language": "nl"});
    world
        .request("signing", json!({"interviewId": null, "purpose": "example.com/signing", "claims": claims}));
    for name in ["party", "signing"] {
        world.wait_ready(Kind::Request, name);
        let secret = world.secret(&format!("{name}-token"));
        assert!(world.opens("scoped", &data(&secret, "authorization")));
    }
    let asked: Vec<_> = asked(&world, Call::ServiceToken).iter().map(|it| json!(it.subject)).collect();
    for subject in [
        json!({"purpose": "api.rocketlawyer.com/binder-party-access", "upid": "party-1"}),
        json!({"purpose": "example.com/signing", "envelope": "e-1", "language": "nl"}),
    ] {
        assert!(asked.contains(&subject), "{asked:#?}");
    }

    // One that the service does not know is rejected, and a person must act.
    world.request("unknown", json!({"purpose": "example.com/unknown"}));
    let request = world.wait_told(Kind::Request, "unknown", "False/RequestRejected");
    assert_eq!(condition(&request, "Stalled"), "True/RequestRejected");
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

#[test]
fn a_service_token_is_delivered_as_it_is_for_as_long_as_the_credential_allows() {
    let world = World::running("deliver");
    world.partner(json!({"maxServiceTokenTTL": "30m"}));
    world.request("embedded", json!({"deliver": "ServiceToken", "serviceTokenTTL": "1h"}));
    let request = world.wait_told(Kind::Request, "embedded", "False/ServiceTokenTTLNotAllowed");
    assert_eq!(condition(&request, "Stalled"), "True/ServiceTokenTTLNotAllowed");
    assert_eq!(world.auth_calls(), 1);

    world.edit(Kind::Credential, "partner", json!({"spec": {"maxServiceTokenTTL": "1h"}}));
    let request = world.wait_ready(Kind::Request, "embedded");
    let secret = world.secret("embedded-token");
    let keys: Vec<_> = secret["data"].as_object().expect("data").keys().cloned().collect();
    assert_eq!(keys, ["authorization", "expires_at", "service_token", "token_type"]);
    assert_eq!(data(&secret, "authorization"), format!("Bearer {}", data(&secret, "service_token")));
    let token = &request["status"]["token"];
    let life = told::instant(&token["issuedAt"]).duration_until(told::instant(&token["expiresAt"]));
    assert!((3590..=3601).contains(&life.as_secs()), "{life}");
    assert_eq!((world.emulator.calls(Call::ServiceToken), world.emulator.calls(Call::Exchange)), (1, 0));

    // Another lifetime is another token.
    world.edit(Kind::Request, "embedded", json!({"spec": {"serviceTokenTTL": "10m"}}));
    world.wait_renewed("embedded-token", &secret);
    assert_eq!(world.emulator.calls(Call::ServiceToken), 2);
}

#[test]
fn a_frontend_credential_exchanges_where_the_request_says_so() {
    let world = World::running("exchange");
    world.partner(json!({}));
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner-frontend", frontend);
    world.request("interview", json!({"exchangeCredentialRef": {"name": "partner-frontend"}}));
    let request = world.wait_told(Kind::Request, "interview", "False/CredentialNotReady");
    assert!(told::message(&request, "Ready").contains("partner-frontend"));

    world.login("frontend", AppScope::Frontend);
    world.wait_ready(Kind::Request, "interview");
    let clients = |call| asked(&world, call).iter().map(|it| it.client_id.clone()).collect::<Vec<_>>();
    assert_eq!(clients(Call::ServiceToken), [Some("client-key".to_owned())]);
    assert_eq!(clients(Call::Exchange), [Some("frontend-key".to_owned())]);
    let secret = world.secret("interview-token");
    assert!(world.opens("scoped", &data(&secret, "authorization")));
    world.wait_for(Kind::Credential, "partner-frontend", |it| {
        condition(it, "CredentialsValid") == "True/Accepted"
    });
}

#[test]
fn credentials_that_do_not_fit_the_request_are_said() {
    let world = World::running("misfit");
    world.partner(json!({"allowedPurposes": ["api.rocketlawyer.com/binder-party-access"]}));
    world.login("frontend", AppScope::Frontend);
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner-frontend", frontend);
    world.request("purpose", json!({}));
    world.request("frontend", json!({"credentialRef": {"name": "partner-frontend"}}));
    let request = world.wait_told(Kind::Request, "purpose", "False/PurposeNotAllowed");
    assert_eq!(condition(&request, "Stalled"), "True/PurposeNotAllowed");
    let request = world.wait_told(Kind::Request, "frontend", "False/InvalidSpec");
    assert_eq!(condition(&request, "Stalled"), "True/InvalidSpec");
    assert_eq!(world.auth_calls(), 1);

    world.edit(Kind::Credential, "partner", json!({"spec": {"allowedPurposes": null}}));
    world.wait_ready(Kind::Request, "purpose");
}

#[test]
fn a_request_waits_for_its_credential_and_is_woken_by_it() {
    let world = World::running("woken");
    world.request("interview", json!({}));
    let request = world.wait_told(Kind::Request, "interview", "False/CredentialNotFound");
    assert_eq!(condition(&request, "Reconciling"), "True/CredentialNotFound");
    world.credential("partner", json!({}));
    let request = world.wait_told(Kind::Request, "interview", "False/CredentialNotReady");
    assert_eq!(condition(&request, "Reconciling"), "True/CredentialNotReady");
    world.login("client", AppScope::Backend);
    world.wait_ready(Kind::Request, "interview");
    assert_eq!(world.auth_calls(), 3);
}

#[test]
fn a_refused_shared_token_leads_to_exactly_one_new_one() {
    let world = World::running("revoked");
    world.partner(json!({}));
    world.request("first", json!({}));
    world.wait_ready(Kind::Request, "first");
    let before = world.secret("partner-access-token");

    world.emulator.revoke("client-key");
    for name in ["a", "b", "c", "d", "e"] {
        world.request(name, json!({}));
    }
    for name in ["a", "b", "c", "d", "e"] {
        world.wait_ready(Kind::Request, name);
    }
    let after = world.wait_renewed("partner-access-token", &before);
    assert!(world.opens("access", &data(&after, "authorization")));
    world.settle();
    assert_eq!(world.emulator.calls(Call::AccessToken), 2);
    assert_eq!(world.emulator.calls(Call::Exchange), 1 + 5);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

#[test]
fn a_scoped_token_is_renewed_before_it_expires() {
    let world = World::running("str-renew");
    world.emulator.set_lifetimes(36_000, 40);
    world.partner(json!({}));
    world.request("interview", json!({"renewal": {"renewBeforePercentage": 90}}));
    world.wait_ready(Kind::Request, "interview");
    let first = world.secret("interview-token");
    let second = world.wait_renewed("interview-token", &first);
    let issued = told::instant(&json!(annotation(&second, "issued-at")));
    assert!(issued < told::instant(&json!(annotation(&first, "expires-at"))));
    assert!(world.opens("scoped", &data(&second, "authorization")));
    world.wait_renewed("interview-token", &second);
    assert_eq!(world.emulator.calls(Call::AccessToken), 1);
}

#[test]
fn after_renew_until_the_token_lives_out_and_the_request_is_removed() {
    let world = World::running("until");
    world.emulator.set_lifetimes(36_000, 30);
    world.partner(json!({}));
    let until = in_seconds(8);
    let spec = json!({
        "renewUntil": until, "ttlSecondsAfterFinished": 5, "renewal": {"renewBeforePercentage": 50},
    });
    world.request("interview", spec);
    let request = world.wait_ready(Kind::Request, "interview");
    let expires = told::instant(&request["status"]["token"]["expiresAt"]);
    assert_eq!(request["status"]["token"]["renewAt"], json!(null));
    world.wait_told(Kind::Request, "interview", "True/RenewalEnded");
    let request = world.wait_told(Kind::Request, "interview", "False/Expired");
    assert!(rocketlawyer_operator::clock::now() >= expires);
    assert_eq!(condition(&request, "Stalled"), "True/Expired");
    world.wait_for(Kind::Request, "interview", Value::is_null);
    assert!(rocketlawyer_operator::clock::now() >= expires + SignedDuration::from_secs(5));
    world.wait_within(COLLECTED, Kind::Secret, "interview-token", Value::is_null);
    assert_eq!(world.emulator.calls(Call::Exchange), 1);
}

#[test]
fn a_request_created_after_its_own_end_issues_nothing() {
    let world = World::running("ended");
    world.partner(json!({}));
    world.request("kept", json!({"renewUntil": in_seconds(-60)}));
    world.request("removed", json!({"renewUntil": in_seconds(-60), "ttlSecondsAfterFinished": 0}));
    world.wait_for(Kind::Request, "removed", Value::is_null);
    let request = world.wait_told(Kind::Request, "kept", "False/Expired");
    assert_eq!(condition(&request, "Stalled"), "True/Expired");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn suspended_requests_and_requests_of_suspended_credentials_issue_nothing() {
    let world = World::running("str-suspend");
    world.partner(json!({}));
    world.request("asleep", json!({"suspend": true}));
    let request = world.wait_told(Kind::Request, "asleep", "False/Suspended");
    assert_eq!(condition(&request, "Stalled"), "True/Suspended");
    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": true}}));
    world.wait_told(Kind::Credential, "partner", "True/Suspended");
    world.request("waiting", json!({}));
    world.wait_told(Kind::Request, "waiting", "False/CredentialNotReady");
    world.settle();
    assert_eq!(world.auth_calls(), 1);

    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": false}}));
    world.wait_ready(Kind::Request, "waiting");
    world.edit(Kind::Request, "asleep", json!({"spec": {"suspend": false}}));
    world.wait_ready(Kind::Request, "asleep");
    let before = world.secret("asleep-token");
    world.edit(Kind::Request, "asleep", json!({"spec": {"suspend": true}}));
    world.wait_told(Kind::Request, "asleep", "True/Suspended");
    assert_eq!(told::version(&world.secret("asleep-token")), told::version(&before));
}

#[test]
fn a_renewal_of_a_request_asked_for_by_annotation_comes_once() {
    let mut world = World::running("str-by-hand");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let before = world.secret("interview-token");
    world.ask_for_renewal(Kind::Request, "interview", "first wish");
    let after = world.wait_renewed("interview-token", &before);
    assert_eq!(annotation(&after, "renew-request-handled"), "first wish");
    let told = |it: &Value| it["status"]["lastHandledRenewRequest"] == "first wish";
    world.wait_for(Kind::Request, "interview", told);
    world.operator.kill();
    world.operator.start();
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2 + 2);
}

/// What the emulator was asked for of this sort, and granted.
fn asked(world: &World, call: Call) -> Vec<Entry> {
    let mut entries = world.emulator.log();
    entries.retain(|entry| entry.call == call && entry.status == 200);
    entries
}

fn in_seconds(seconds: i64) -> String {
    let instant = rocketlawyer_operator::clock::now() + SignedDuration::from_secs(seconds);
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

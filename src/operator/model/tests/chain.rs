//! The chain: one access token for all, refused or not, and who may use it.

use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::decision::{Key, Kind, LoginFact};

fn three_requests() -> (World, Key, Vec<Key>) {
    let mut world = World::new();
    let partner = world.partner();
    world.settle();
    let requests = (0..3).map(|n| world.request(&format!("r{n}"), json!({}))).collect();
    world.settle();
    (world, partner, requests)
}

/// The service knows none of its access tokens any more.
fn revoke(world: &mut World) {
    world.service.live.clear();
}

fn renew_all(world: &mut World, requests: &[Key], value: &str) {
    world.pass(minutes(1));
    for request in requests {
        world.renew(request, value);
    }
    world.settle();
}

#[test]
fn one_access_token_is_shared_by_all() {
    let (world, _, requests) = three_requests();
    assert_eq!(world.service.count(Call::AccessToken), 1);
    for request in &requests {
        assert_eq!(world.ready(request), "True Issued");
    }
}

#[test]
fn requests_wait_for_their_credential_and_are_woken_by_it() {
    let mut world = World::new();
    let request = world.request("early", json!({}));
    world.settle();
    assert_eq!(world.ready(&request), "False CredentialNotFound");
    world.service.apps.insert("app".into(), "s3cret".into());
    let partner = world.credential("partner", json!({"allowedNamespaces": {"from": "All"}}));
    world.settle();
    assert_eq!(world.ready(&partner), "False ClientSecretNotFound");
    assert_eq!(world.ready(&request), "False CredentialNotReady");
    assert!(world.message(&request).contains("(ClientSecretNotFound)"), "{}", world.message(&request));
    world.login("legal", "partner-login", "app", "s3cret");
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.ready(&request), "True Issued");
}

/// Whom it would allow elsewhere nobody can tell.
#[test]
fn a_credential_next_door_that_is_not_valid_is_not_called_absent() {
    let mut world = World::new();
    let partner = world.partner();
    world.edit(&partner, json!({"environment": "Staging"}));
    let spec = json!({"credentialRef": {"name": "partner"}, "interviewId": "one"});
    let here = world.create(Key::new(Kind::Request, "legal", "here"), spec);
    let there = world.request("there", json!({}));
    world.settle();
    assert_eq!(world.ready(&partner), "False InvalidSpec");
    assert_eq!(world.ready(&here), "False CredentialNotReady");
    assert!(world.message(&here).contains("(InvalidSpec)"), "{}", world.message(&here));
    assert_eq!(world.ready(&there), "False CredentialNotFound");
    world.edit(&partner, json!({"environment": "Sandbox"}));
    world.settle();
    for key in [&here, &there] {
        assert_eq!(world.ready(key), "True Issued");
    }
}

/// Also in words that may be of the request, unless the token was issued a moment ago.
#[test]
fn a_refused_shared_token_leads_to_one_new_one() {
    for refuses_as in [Scope::Credential, Scope::Request] {
        let (mut world, partner, requests) = three_requests();
        world.service.refuses_as = refuses_as;
        world.pass(minutes(4));
        revoke(&mut world);
        renew_all(&mut world, &requests, "now");
        assert_eq!(world.service.count(Call::AccessToken), 2, "one new one");
        // Each of the three was refused once, and served once.
        assert_eq!(world.service.count(Call::ServiceToken), 9);
        for request in &requests {
            assert_eq!(world.status(request)["lastHandledRenewRequest"], "now");
            assert!(world.status(request)["failure"].is_null());
        }
        assert_eq!(world.ready(&partner), "True Issued");
    }
}

/// Whoever is refused so with a token that was just issued waits until it is believed; then all goes on.
#[test]
fn a_young_token_that_is_refused_without_a_code_is_replaced_at_the_next_attempt() {
    let (mut world, partner, requests) = three_requests();
    world.service.refuses_as = Scope::Request;
    revoke(&mut world);
    renew_all(&mut world, &requests, "now");
    assert_eq!(world.service.count(Call::AccessToken), 1);
    assert_eq!(world.status(&requests[0])["failure"]["reason"], "AccessDenied");
    assert!(world.status(&partner)["failure"].is_null());
    world.pass(minutes(5));
    assert_eq!(world.service.count(Call::AccessToken), 2, "one new one");
    for request in &requests {
        assert_eq!(world.status(request)["lastHandledRenewRequest"], "now");
    }
}

/// Hours later the same happens again: that is a new refusal, not a second one in a row.
#[test]
fn a_token_refused_after_a_later_renewal_leads_to_one_new_one_again() {
    let (mut world, partner, requests) = three_requests();
    revoke(&mut world);
    renew_all(&mut world, &requests, "now");
    world.edit(&partner, json!({"renewal": {"renewBeforePercentage": 90}}));
    for request in &requests {
        world.edit(request, json!({"renewal": {"renewBeforePercentage": 1}}));
    }
    world.pass(hours(2));
    assert!(world.service.count(Call::AccessToken) > 2, "renewed by its own time");
    let before = world.service.count(Call::AccessToken);
    revoke(&mut world);
    renew_all(&mut world, &requests, "then");
    assert_eq!(world.service.count(Call::AccessToken), before + 1);
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.status(&requests[0])["lastHandledRenewRequest"], "then");
}

#[test]
fn a_new_token_that_is_refused_too_is_a_failure_and_no_loop() {
    let (mut world, partner, requests) = three_requests();
    world.service.fail(Call::ServiceToken, Some((Class::OurTokenRefused, Scope::Credential)));
    let (_, calls) = world.watch(|world| {
        renew_all(world, &requests, "now");
        world.pass(minutes(4));
    });
    assert_eq!(world.service.count(Call::AccessToken), 2, "anew, once");
    assert!(calls <= 7, "each request tries each token once at most: {calls}");
    assert_eq!(world.ready(&partner), "False AccessDenied");
    assert_eq!(world.ready(&requests[0]), "True Issued", "its own token is as good as before");
    world.service.fail(Call::ServiceToken, None);
    world.pass(hours(1));
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.status(&requests[0])["lastHandledRenewRequest"], "now");
}

/// The service token was issued with it: that the exchange is refused says nothing against it.
#[test]
fn a_new_token_that_is_accepted_is_proven_however_the_exchange_ends() {
    let (mut world, partner, requests) = three_requests();
    revoke(&mut world);
    world.service.fail(Call::Exchange, Some((Class::RequestRefused, Scope::Request)));
    renew_all(&mut world, &requests, "now");
    assert_eq!(world.service.count(Call::AccessToken), 2, "one new one");
    revoke(&mut world);
    world.service.fail(Call::Exchange, None);
    renew_all(&mut world, &requests, "then");
    assert_eq!(world.service.count(Call::AccessToken), 3, "one new one again, at once");
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner));
    assert_eq!(world.status(&requests[0])["lastHandledRenewRequest"], "then");
}

/// A refusal that comes late, of a generation that was superseded, only means: try again.
#[test]
fn a_refusal_of_a_superseded_token_only_tries_again() {
    let (mut world, partner, requests) = three_requests();
    revoke(&mut world);
    world.pass(minutes(1));
    for request in &requests {
        world.renew(request, "now");
    }
    // All three ask with the old token; two of the answers are late.
    while world.operator.flights.len() < 3 {
        assert!(
            super::super::STREAMS.into_iter().any(|what| world.deliver(what))
                || world.operator.turn_next(world.now)
        );
    }
    for request in &requests {
        world.advance(request);
    }
    world.advance(&requests[0]);
    for _ in 0..30 {
        if !world.operator.turn_next(world.now) && !world.advance(&partner) {
            break;
        }
    }
    world.settle();
    assert_eq!(world.service.count(Call::AccessToken), 2);
    assert_eq!(world.status(&requests[2])["lastHandledRenewRequest"], "now");
    assert_eq!(world.ready(&partner), "True Issued");
}

/// The app's quota is used up: found out by one request, parked at the credential, and not hammered.
#[test]
fn a_failure_of_the_credential_holds_its_requests_back() {
    let (mut world, _, requests) = three_requests();
    world.service.fail(Call::ServiceToken, Some((Class::QuotaExhausted, Scope::Credential)));
    let (_, calls) = world.watch(|world| {
        renew_all(world, &requests, "now");
        world.pass(minutes(30));
    });
    assert!((1..=18).contains(&calls), "{calls} calls in half an hour");
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(20));
    assert_eq!(world.status(&requests[0])["lastHandledRenewRequest"], "now");
    let partner = Key::new(crate::decision::Kind::Credential, "legal", "partner");
    world.pass(minutes(1));
    assert!(world.status(&partner)["failure"].is_null(), "{}", world.status(&partner)["failure"]);
}

#[test]
fn a_token_never_goes_to_another_endpoint_than_issued_it() {
    let (mut world, partner, requests) = three_requests();
    let elsewhere = json!({"environment": "Custom", "endpoint": {"url": "https://gateway.example.com/auth"}});
    world.edit(&partner, elsewhere);
    world.settle();
    assert!(world.service.strayed.is_empty(), "{:?}", world.service.strayed);
    assert_eq!(world.ready(&partner), "True Issued");
    for request in &requests {
        assert_eq!(world.ready(request), "True Issued");
    }
    assert_eq!(world.service.count(Call::AccessToken), 2);
    assert_eq!(world.service.count(Call::ServiceToken), 6, "each for the other endpoint, once");
}

#[test]
fn an_endpoint_that_is_not_listed_issues_nothing() {
    let (mut world, partner, requests) = three_requests();
    let (_, calls) = world.watch(|world| {
        let url = json!({"environment": "Custom", "endpoint": {"url": "https://other.example.com/auth"}});
        world.edit(&partner, url);
        renew_all(world, &requests, "now");
        world.pass(minutes(20));
    });
    assert_eq!(calls, 0);
    assert!(world.message(&partner).contains("--allow-endpoint https://other.example.com"));
    world.edit(&partner, json!({"environment": "Sandbox", "endpoint": null}));
    world.settle();
    assert_eq!(world.status(&requests[0])["lastHandledRenewRequest"], "now");
}

#[test]
fn a_changed_client_secret_is_tried_at_once_and_a_refused_one_keeps_the_old_token() {
    let (mut world, partner, _) = three_requests();
    world.login("legal", "partner-login", "app", "wrong");
    world.settle();
    assert_eq!(world.service.count(Call::AccessToken), 2, "tried at once");
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.condition(&partner, "CredentialsValid")["status"], "False");
    assert_eq!(world.value("legal", "partner-access-token", "access_token").as_deref(), Some("access-1"));
    let (_, calls) = world.watch(|world| {
        world.login("legal", "partner-login", "app", "s3cret");
        world.settle();
    });
    assert_eq!(calls, 0, "set back to what the live token was made with");
    assert_eq!(world.condition(&partner, "CredentialsValid")["status"], "True");
    world.service.apps.insert("app".into(), "rotated".into());
    world.login("legal", "partner-login", "app", "rotated");
    world.settle();
    assert_eq!(world.condition(&partner, "CredentialsValid")["status"], "True");
    assert_eq!(world.service.count(Call::AccessToken), 3);
    assert_eq!(world.service.count(Call::ServiceToken), 3, "requests keep their tokens");
}

/// Service tokens need the access token alone: that they are served says nothing of a client secret that was refused.
#[test]
fn a_service_token_does_not_vouch_for_the_client_secret() {
    let (mut world, partner, _) = three_requests();
    world.login("legal", "partner-login", "app", "wrong");
    world.settle();
    let embedded = world.request("embedded", json!({"deliver": "ServiceToken"}));
    world.settle();
    assert_eq!(world.ready(&embedded), "True Issued");
    assert_eq!(world.condition(&partner, "CredentialsValid")["status"], "False");
}

/// A read that began before a change comes back after it: the change is not lost.
#[test]
fn a_client_secret_that_changes_while_it_is_read_is_read_again() {
    let (mut world, partner, _) = three_requests();
    world.login("legal", "partner-login", "app", "wrong");
    while world.operator.reads.is_empty() {
        assert!(
            super::super::STREAMS.into_iter().any(|what| world.deliver(what))
                || world.operator.turn_next(world.now)
        );
    }
    world.advance(&partner);
    world.login("legal", "partner-login", "app", "s3cret");
    while super::super::STREAMS.into_iter().any(|what| world.deliver(what)) {}
    world.settle();
    assert_eq!(world.condition(&partner, "CredentialsValid")["status"], "True");
    assert_eq!(world.service.count(Call::AccessToken), 1);
}

/// What one client Secret holds is not for where another's may go.
#[test]
fn a_client_secret_that_is_read_says_nothing_once_the_spec_names_another() {
    let mut world = World::new();
    world.service.apps.insert("app".into(), "s3cret".into());
    world.login("legal", "partner-login", "another-app", "another");
    world.login("legal", "right-login", "app", "s3cret");
    let partner = world.credential("partner", json!({}));
    while world.operator.reads.is_empty() {
        assert!(world.deliver_all() || world.operator.turn_next(world.now));
    }
    world.advance(&partner);
    world.edit(&partner, json!({"clientSecretRef": {"name": "right-login"}}));
    while world.deliver_all() {}
    world.advance(&partner);
    let login = world.operator.turns.state.credential(&partner).map(|it| it.session.login_fact());
    assert_eq!(login, Some(LoginFact::Unread));
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.service.total(), 1);
}

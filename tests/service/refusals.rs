//! What the service refuses is told as it is: whose fault, and by which code.

use rocketlawyer_operator::auth::{Class, ErrorCode, Fault, Kind, Scope};
use rocketlawyer_operator::emulator::{App, AppScope};
use rocketlawyer_operator::token::{AccessToken, Deliverable, ServiceToken};

use crate::{BINDER, ROCKETDOC, World, interview, login, subject};

fn is(fault: Fault, class: Class, scope: Scope, status: u16, code: Option<ErrorCode>) {
    let told = (fault.class, fault.scope, fault.http_status, fault.error_code);
    assert_eq!(told, (class, scope, Some(status), code));
}

#[tokio::test]
async fn a_wrong_key_or_secret() {
    let world = World::start().await;
    for wrong in [login("backend-key", "wrong"), login("nobody", "backend-secret")] {
        let fault = world.client.access_token(&world.endpoint, &wrong).await.unwrap_err();
        is(fault, Class::CredentialRefused, Scope::Credential, 401, Some(ErrorCode::Unauthorized));
        assert_eq!(fault.kind(), Kind::InvalidClient);
        let service = world.service(&interview()).await.unwrap();
        let fault = world.client.exchange(&world.endpoint, &wrong, &service.token).await.unwrap_err();
        is(fault, Class::CredentialRefused, Scope::Credential, 401, Some(ErrorCode::Unauthorized));
    }
}

#[tokio::test]
async fn a_secret_that_was_changed() {
    let world = World::start().await;
    let issued = world.access().await.unwrap();
    world.emulator.put_app(App::new("backend-key", "rotated", AppScope::Backend));
    assert_eq!(world.access().await.unwrap_err().class, Class::CredentialRefused);
    // What was issued stays.
    assert_eq!(world.page("/protected/access", issued.token.for_managed_secret()).await.0, 200);
    let rotated = login("backend-key", "rotated");
    world.client.access_token(&world.endpoint, &rotated).await.unwrap();
}

#[tokio::test]
async fn an_access_token_that_is_revoked_unknown_or_expired() {
    let world = World::start().await;
    let issued = world.access().await.unwrap();
    world.emulator.revoke("backend-key");
    let unknown = AccessToken::read("never.seen.before").unwrap();
    for token in [&issued.token, &unknown] {
        let fault = world.service_with(token, &interview(), 60).await.unwrap_err();
        is(fault, Class::OurTokenRefused, Scope::Credential, 401, Some(ErrorCode::InvalidAccessToken));
    }
    let issued = world.access().await.unwrap();
    world.emulator.set_clock_ahead(36_001);
    let fault = world.service_with(&issued.token, &interview(), 60_000).await.unwrap_err();
    is(fault, Class::OurTokenRefused, Scope::Credential, 401, Some(ErrorCode::AccessTokenExpired));
}

#[tokio::test]
async fn a_purpose_or_claims_that_are_not_registered() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    for subject in [
        subject("api.rocketlawyer.com/unheard-of", &[("interviewId", "1")]),
        subject("", &[("interviewId", "1")]),
        subject(ROCKETDOC, &[]),
        subject(ROCKETDOC, &[("upid", "1")]),
        subject(ROCKETDOC, &[("interviewId", "1"), ("colour", "red")]),
        subject(ROCKETDOC, &[("interviewId", "")]),
        subject(BINDER, &[("interviewId", "1")]),
    ] {
        let fault = world.service_with(&access.token, &subject, 60).await.unwrap_err();
        is(fault, Class::RequestRefused, Scope::Request, 400, None);
        assert_eq!(fault.kind(), Kind::RequestRejected);
    }
}

#[tokio::test]
async fn an_expiration_in_the_past_or_beyond_a_year() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    for seconds in [-1, 0, -1_000_000_000, 400 * 24 * 3600] {
        let fault = world.service_with(&access.token, &interview(), seconds).await.unwrap_err();
        is(fault, Class::RequestRefused, Scope::Request, 400, None);
    }
    world.service_with(&access.token, &interview(), 365 * 24 * 3600).await.unwrap();
}

#[tokio::test]
async fn a_frontend_app_or_a_scoped_token_asking_for_a_service_token() {
    let world = World::start().await;
    let frontend = world.client.access_token(&world.endpoint, &world.frontend).await.unwrap();
    let service = world.service(&interview()).await.unwrap();
    let scoped = world.exchange(&service.token).await.unwrap();
    let scoped = AccessToken::read(scoped.token.for_managed_secret()).unwrap();
    for token in [&frontend.token, &scoped] {
        let fault = world.service_with(token, &interview(), 60).await.unwrap_err();
        is(fault, Class::Forbidden, Scope::Request, 403, None);
        assert_eq!(fault.kind(), Kind::AccessDenied);
    }
}

#[tokio::test]
async fn a_purpose_that_the_roles_do_not_allow() {
    let world = World::start().await;
    world
        .emulator
        .put_app("backend-key:backend-secret:backend:api.rocketlawyer.com/rocketdoc".parse().unwrap());
    world.service(&interview()).await.unwrap();
    let fault = world.service(&subject(BINDER, &[("upid", "1")])).await.unwrap_err();
    is(fault, Class::Forbidden, Scope::Request, 403, None);
}

#[tokio::test]
async fn a_service_token_that_is_wrong_revoked_or_expired() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    let service = world.service_with(&access.token, &interview(), 60).await.unwrap();
    let as_code = |text: &str| ServiceToken::read(text).unwrap();
    for code in [as_code("never.seen.before"), as_code(access.token.for_managed_secret())] {
        let fault = world.exchange(&code).await.unwrap_err();
        is(fault, Class::RequestRefused, Scope::Request, 400, Some(ErrorCode::BadRequest));
    }
    world.exchange(&service.token).await.unwrap();
    world.emulator.set_clock_ahead(61);
    let fault = world.exchange(&service.token).await.unwrap_err();
    is(fault, Class::RequestRefused, Scope::Request, 400, Some(ErrorCode::BadRequest));
    world.emulator.set_clock_ahead(0);
    world.emulator.revoke("backend-key");
    assert_eq!(world.exchange(&service.token).await.unwrap_err().class, Class::RequestRefused);
}

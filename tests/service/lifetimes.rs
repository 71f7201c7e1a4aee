//! How long a token is believed to live, whatever the answer says of it.

use jiff::SignedDuration;
use rocketlawyer_operator::auth::{Class, ErrorCode, Scope, Term};
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{Call, FaultPlan};
use serde_json::{Map, Value, json};

use crate::{World, interview};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("written as an object"),
    }
}

fn distorted(answer: Value, claims: Value) -> FaultPlan {
    FaultPlan { times: Some(1), answer: object(answer), claims: object(claims), ..FaultPlan::default() }
}

#[tokio::test]
async fn the_shortest_statement_is_believed() {
    let world = World::start().await;
    let now = rocketlawyer_operator::clock::now().as_second();
    for (answer, claims, seconds) in [
        (json!({}), json!({}), 36_000),
        (json!({"expires_in": "600"}), json!({}), 600),
        (json!({"expires_in": 600}), json!({}), 600),
        (json!({"expires_in": null}), json!({}), 36_000),
        (json!({"expires_in": "soon"}), json!({}), 36_000),
        (json!({"expires_in": 0}), json!({}), 36_000),
        (json!({"expires_in": "-5"}), json!({}), 36_000),
        (json!({"expires_in": 1e18}), json!({}), 36_000),
        (json!({"expires_in": "NaN"}), json!({"exp": now + 700, "iat": now}), 700),
        (json!({}), json!({"exp": null}), 36_000),
        (json!({}), json!({"exp": "nonsense", "iat": {}}), 36_000),
        (json!({}), json!({"exp": i64::MAX, "iat": i64::MIN}), 36_000),
        (json!({"access_token": "opaque", "expires_in": "900"}), json!({}), 900),
    ] {
        world.emulator.add_fault(distorted(answer.clone(), claims.clone()));
        let issued = world.access().await.unwrap_or_else(|fault| panic!("{answer} {claims}: {fault:?}"));
        let life = issued.expires_at.duration_since(issued.issued_at);
        assert_eq!(life.as_secs(), seconds, "{answer} {claims}");
    }
}

#[tokio::test]
async fn a_token_with_no_life_worth_speaking_of_is_not_taken() {
    let world = World::start().await;
    let now = rocketlawyer_operator::clock::now().as_second();
    for (answer, claims) in [
        (json!({"expires_in": "29"}), json!({})),
        (json!({}), json!({"exp": now + 10})),
        (json!({"expires_in": null}), json!({"exp": null})),
        (json!({"expires_in": 0}), json!({"iat": null})),
        (json!({"access_token": "opaque", "expires_in": -1}), json!({})),
        (json!({}), json!({"iat": now - 36_000, "exp": now - 1})),
        (json!({}), json!({"srv": {"expirationTime": now + 5}})),
    ] {
        world.emulator.add_fault(distorted(answer.clone(), claims.clone()));
        let fault = world.access().await.err().unwrap_or_else(|| panic!("{answer} {claims}"));
        let told = (fault.class, fault.scope, fault.error_code);
        assert_eq!(
            told,
            (Class::Unusable, Scope::Credential, Some(ErrorCode::Lifetime)),
            "{answer} {claims}"
        );
    }
    world.emulator.set_lifetimes(29, 36_000);
    assert_eq!(world.access().await.unwrap_err().class, Class::Unusable);
    world.emulator.set_lifetimes(30, 36_000);
    world.access().await.unwrap();
}

#[tokio::test]
async fn a_service_token_is_believed_no_longer_than_asked_answered_or_said_by_itself() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    let now = rocketlawyer_operator::clock::now().as_second();
    for (answer, claims, seconds) in [
        (json!({}), json!({}), 3600),
        (json!({"expirationTime": now + 900}), json!({}), 900),
        (json!({"expirationTime": (now + 900).to_string()}), json!({}), 900),
        (json!({"expirationTime": null}), json!({}), 3600),
        (json!({"expirationTime": now + 99_999}), json!({"exp": now + 99_999}), 3600),
        (json!({}), json!({"iat": now, "exp": now + 700}), 700),
        (json!({"token": "opaque"}), json!({}), 3600),
    ] {
        world.emulator.add_fault(distorted(answer.clone(), claims.clone()));
        let issued = world.service_with(&access.token, &interview(), 3600).await.unwrap();
        let life = issued.expires_at.duration_since(issued.issued_at).as_secs();
        assert!((seconds - 5..=seconds + 1).contains(&life), "{answer} {claims}: {life}");
    }
    world.emulator.add_fault(distorted(json!({"expirationTime": now + 20}), json!({})));
    let fault = world.service_with(&access.token, &interview(), 3600).await.unwrap_err();
    assert_eq!((fault.class, fault.scope), (Class::Unusable, Scope::Request));
}

#[tokio::test]
async fn a_scoped_token_is_believed_no_longer_than_its_service_token() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    for (scoped, service, seconds) in [(600, 3600, 600), (3600, 600, 600)] {
        world.emulator.set_lifetimes(36_000, scoped);
        let token = world.service_with(&access.token, &interview(), service).await.unwrap();
        let issued = world.exchange(&token.token).await.unwrap();
        let life = issued.expires_at.duration_since(issued.issued_at).as_secs();
        assert!((seconds - 2..=seconds).contains(&life), "{scoped} {service}: {life}");
    }
    world.emulator.set_lifetimes(36_000, 29);
    let token = world.service_with(&access.token, &interview(), 3600).await.unwrap();
    let fault = world.exchange(&token.token).await.unwrap_err();
    assert_eq!((fault.class, fault.scope), (Class::Unusable, Scope::Request));
}

/// For a service that lives long ago, what was asked for is long from now.
#[tokio::test]
async fn no_clock_of_the_service_makes_a_service_token_live_longer_than_was_asked() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    for days in [2, 30, 364] {
        world.emulator.set_clock_ahead(-days * 86_400);
        let issued = world.service_with(&access.token, &interview(), 3600).await.unwrap();
        let life = issued.expires_at.duration_since(issued.issued_at).as_secs();
        assert_eq!(life, 3600, "{days} days ago");
    }
}

#[tokio::test]
async fn a_service_whose_clock_is_wrong_changes_no_lifetime() {
    let world = World::start().await;
    for ahead in [-86_400, -600, 600, 86_400] {
        world.emulator.set_clock_ahead(ahead);
        let issued = world.access().await.unwrap();
        assert_eq!(issued.expires_at.duration_since(issued.issued_at).as_secs(), 36_000, "{ahead}");
        let off = issued.service_clock_ahead.unwrap() - SignedDuration::from_secs(ahead);
        assert!(off.abs().as_secs() <= 2, "{ahead}: {off} off");
        // An expiration in the service's own time.
        let life = SignedDuration::from_hours(1);
        let term = Term { life, until: clock::now().as_second() + ahead + 3600 };
        let subject = interview();
        let service = world.client.service_token(&world.endpoint, &issued.token, &subject, term);
        let service = service.await.unwrap();
        let life = service.expires_at.duration_since(service.issued_at).as_secs();
        assert!((3598..=3601).contains(&life), "{ahead}: {life}");
    }
    assert_eq!(world.emulator.calls(Call::AccessToken), 4);
}

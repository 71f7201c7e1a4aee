//! The emulator is controlled over HTTP while it runs, and shows no secret there.

use std::time::Duration;

use reqwest::Method;
use rocketlawyer_operator::auth::Class;
use rocketlawyer_operator::emulator::{App, FaultPlan, Settings};
use serde_json::{Value, json};

use crate::{World, interview, login};

async fn control(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("http://{}/_control{path}", world.emulator.address());
    let request = reqwest::Client::new().request(method, url).body(body.to_string());
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert!(!text.contains("secret-of-"), "{text}");
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn apps_come_and_go() {
    let world = World::start().await;
    let app = json!({"clientSecret": "secret-of-new", "scope": "backend", "roles": []});
    assert_eq!(control(&world, Method::PUT, "/apps/new", app).await.0, 200);
    let new = login("new", "secret-of-new");
    let issued = world.client.access_token(&world.endpoint, &new).await.unwrap();
    let fault = world.service_with(&issued.token, &interview(), 60).await.unwrap_err();
    assert_eq!(fault.class, Class::Forbidden, "its roles allow nothing");
    let app = json!({"clientSecret": "secret-of-newer"});
    control(&world, Method::PUT, "/apps/new", app).await;
    let fault = world.client.access_token(&world.endpoint, &new).await.unwrap_err();
    assert_eq!(fault.class, Class::CredentialRefused);
    world.service_with(&issued.token, &interview(), 60).await.unwrap();
    let revoked = control(&world, Method::POST, "/apps/new/revoke", json!({})).await;
    assert_eq!(revoked, (200, json!({"revoked": 2})));
    let fault = world.service_with(&issued.token, &interview(), 60).await.unwrap_err();
    assert_eq!(fault.class, Class::OurTokenRefused);
    let (_, apps) = control(&world, Method::GET, "/apps", json!({})).await;
    assert_eq!(apps["apps"].as_array().map(Vec::len), Some(3));
    control(&world, Method::DELETE, "/apps/new", json!({})).await;
    let (_, apps) = control(&world, Method::GET, "/apps", json!({})).await;
    assert_eq!(apps["apps"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn log_and_counters_are_read_from_where_one_was_and_reset() {
    let world = World::start().await;
    world.service(&interview()).await.unwrap();
    let (_, log) = control(&world, Method::GET, "/log", json!({})).await;
    assert_eq!(log["entries"].as_array().map(Vec::len), Some(2));
    let (_, log) = control(&world, Method::GET, "/log?after=1", json!({})).await;
    assert_eq!(log["entries"][0]["call"], "service_token");
    assert_eq!(log["entries"][0]["subject"]["interviewId"], "interview-42");
    assert_eq!(control(&world, Method::GET, "/log?after=x", json!({})).await.0, 400);
    let (_, counters) = control(&world, Method::GET, "/counters", json!({})).await;
    assert_eq!(counters["granted"], json!({"access_token": 1, "service_token": 1}));
    control(&world, Method::DELETE, "/log", json!({})).await;
    let (_, counters) = control(&world, Method::GET, "/counters", json!({})).await;
    assert_eq!(counters["calls"], json!({}));
}

/// A call that somebody gave up is open no more, and what is open outlasts a reset.
#[tokio::test]
async fn the_most_calls_that_were_open_at_once_are_counted() {
    let world = World::start().await;
    let open = async || control(&world, Method::GET, "/counters", json!({})).await.1["mostOpen"].clone();
    assert_eq!(open().await, 0);
    world.service(&interview()).await.unwrap();
    assert_eq!(open().await, 1, "one after the other");
    world.emulator.add_fault(FaultPlan { hang: true, times: Some(2), ..FaultPlan::default() });
    {
        let calls = futures::future::join(world.access(), world.access());
        tokio::pin!(calls);
        let ended = tokio::select! { _ = &mut calls => true, () = both_have_come(&world) => false };
        assert!(!ended, "a call that hangs has ended");
        control(&world, Method::DELETE, "/log", json!({})).await;
        assert_eq!(open().await, 2);
    }
    let given_up = async {
        while world.emulator.take_most_open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), given_up).await.expect("they were given up");
    world.access().await.unwrap();
    assert_eq!(world.emulator.take_most_open(), 1);
}

async fn both_have_come(world: &World) {
    while world.emulator.counters().most_open < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lifetimes_and_the_clock_are_set() {
    let world = World::start().await;
    let change = json!({"accessTokenTTL": 60, "clockAhead": 300});
    let (_, settings) = control(&world, Method::PUT, "/settings", change).await;
    assert_eq!(settings, json!({"accessTokenTTL": 60, "scopedTokenTTL": 36000, "clockAhead": 300}));
    let issued = world.access().await.unwrap();
    assert_eq!(issued.expires_at.duration_since(issued.issued_at).as_secs(), 60);
    assert!((298..=302).contains(&issued.service_clock_ahead.unwrap().as_secs()));
    assert_eq!(control(&world, Method::PUT, "/settings", json!({"colour": 1})).await.0, 400);
}

#[tokio::test]
async fn faults_are_switched_on_used_up_and_off() {
    let world = World::start().await;
    let twice = json!({"call": "access_token", "clientId": "backend-key", "times": 2, "status": 503});
    assert_eq!(control(&world, Method::POST, "/faults", twice).await.0, 200);
    assert!(world.client.access_token(&world.endpoint, &world.frontend).await.is_ok(), "another app");
    for _ in 0..2 {
        assert_eq!(world.access().await.unwrap_err().http_status, Some(503));
    }
    world.access().await.unwrap();
    let standing =
        json!({"body": {"kind": "gateway", "code": "policies.ratelimit.QuotaViolation"}, "status": 429});
    control(&world, Method::POST, "/faults", standing).await;
    for _ in 0..3 {
        assert_eq!(world.access().await.unwrap_err().class, Class::QuotaExhausted);
    }
    let (_, faults) = control(&world, Method::GET, "/faults", json!({})).await;
    assert_eq!(faults["faults"].as_array().map(Vec::len), Some(1));
    control(&world, Method::DELETE, "/faults", json!({})).await;
    world.access().await.unwrap();
    assert_eq!(control(&world, Method::POST, "/faults", json!({"status": 503, "x": 1})).await.0, 400);
    assert_eq!(world.emulator.counters().faults.values().sum::<u64>(), 5);
}

#[test]
fn settings_come_from_flags_and_files() {
    let app: App = "id:s3cret:frontend".parse().unwrap();
    assert!(!format!("{app:?}").contains("s3cret"));
    assert!(!app.may_ask_for("p"));
    let app: App = "id:s3cret:backend:p,q".parse().unwrap();
    assert!(app.may_ask_for("p") && !app.may_ask_for("r"));
    for wrong in ["", "id", "id:", ":secret", "id:secret:other"] {
        assert!(wrong.parse::<App>().is_err(), "{wrong}");
    }
    let text = "apps:\n- clientId: id\n  clientSecret: s\n  scope: frontend\naccessTokenTTL: 60\n";
    let settings = Settings::from_text(text).unwrap();
    assert_eq!((settings.apps.len(), settings.access_token_ttl, settings.scoped_token_ttl), (1, 60, 36_000));
    assert_eq!(settings.purposes.len(), 2, "the real ones, unless the file has some");
    assert!(Settings::from_text("colour: red").is_err());
    let mut settings = Settings::default();
    settings.add_purpose("example.com/p=a,b?").unwrap();
    let purpose = &settings.purposes["example.com/p"];
    assert_eq!(
        (&purpose.required[..], &purpose.optional[..]),
        (&["a".to_owned()][..], &["b".to_owned()][..])
    );
    assert!(settings.add_purpose("nonsense").is_err());
}

//! What if the time is not what it seems? A clock apart from the service's, and clocks that are set while the operator runs:
//! nothing is issued without need, nothing dead is called ready, and the service is asked in its own time.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{Call, FaultPlan};
use serde_json::{Value, json};

use super::process::until;
use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::{PATIENCE, Wishes, World};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_service_ten_minutes_ahead_is_asked_in_its_time_and_named() {
    beside_a_service_whose_clock_is(10 * MINUTE, "skew-ahead", "10 minutes ahead of this one");
}

#[test]
fn a_service_ten_minutes_behind_is_asked_in_its_time_and_named() {
    beside_a_service_whose_clock_is(-10 * MINUTE, "skew-behind", "10 minutes behind this one");
}

fn beside_a_service_whose_clock_is(ahead: i64, name: &str, words: &str) {
    let mut world = World::running(name);
    world.emulator.set_clock_ahead(ahead);
    world.emulator.set_lifetimes(40, 10 * HOUR);
    world.partner(json!({"renewal": {"renewBeforePercentage": 90}}));
    let credential = world.wait_for(Kind::Credential, "partner", |it| skew(it) == Some(ahead));
    assert!(told::message(&credential, "Ready").contains(words), "{credential:#}");
    world.request("interview", json!({"serviceTokenTTL": "1h"}));
    world.request("embedded", json!({"serviceTokenTTL": "1h", "deliver": "ServiceToken"}));
    for (request, key) in [("interview", "access_token"), ("embedded", "service_token")] {
        world.wait_ready(Kind::Request, request);
        let secret = world.secret(&format!("{request}-token"));
        let ends = service_token_ends(&data(&secret, key));
        assert!(
            (ends - clock::now().as_second() - ahead).abs_diff(HOUR) < 60,
            "asked for in the service's time"
        );
        let record = told::instant(&json!(annotation(&secret, "expires-at")));
        let left = record.as_second() - clock::now().as_second();
        // A date has whole seconds.
        assert!((HOUR - 60..=HOUR + 2).contains(&left), "by this clock it lives for {left} more seconds");
    }

    // The shared token lives for 40 seconds by either clock: it is renewed in time, and what is ready opens the page.
    let mut before = world.secret("partner-access-token");
    for _ in 0..2 {
        before = world.wait_renewed("partner-access-token", &before);
        assert!(world.opens("access", &data(&before, "authorization")));
    }
    let told = until(PATIENCE, || (clock_difference(&world).abs_diff(-ahead) <= 3).then_some(()));
    assert!(told.is_some(), "{} seconds, says the metric", clock_difference(&world));

    // A difference that is over is no longer said.
    world.emulator.set_lifetimes(10 * HOUR, 10 * HOUR);
    world.emulator.set_clock_ahead(0);
    let calls = world.emulator.calls(Call::ServiceToken);
    let credential = world.wait_for(Kind::Credential, "partner", |it| skew(it).is_none());
    assert!(!told::message(&credential, "Ready").contains("clock"), "{credential:#}");

    // None of it cost a request a token, and neither does a restart.
    assert!(world.operator.stop().success());
    world.operator.start();
    world.settle();
    assert_eq!((world.emulator.calls(Call::ServiceToken), calls), (2, 2));
    assert_eq!(world.emulator.calls(Call::Exchange), 1);
}

/// How many calls a step of the clock may cost, there and back. An access token costs one, a scoped one two. A token that lives
/// for hours and was issued an hour ago is good, one that was issued a day ago has expired, and one that was issued in the
/// future is not believed.
#[test]
fn an_hour_ahead_and_back_replaces_only_what_was_issued_there() {
    steps("hour-ahead", HOUR, 0, 2);
}

#[test]
fn an_hour_back_and_ahead_replaces_each_token_once() {
    steps("hour-back", -HOUR, 3, 0);
}

#[test]
fn a_day_ahead_and_back_replaces_each_token_once_there_and_once_here() {
    steps("day-ahead", DAY, 3, 5);
}

#[test]
fn a_day_back_and_ahead_replaces_each_token_once_there_and_once_here() {
    steps("day-back", -DAY, 3, 5);
}

fn steps(name: &str, step: i64, there: u64, back: u64) {
    let mut world = World::new(name, &Wishes::default());
    world.operator.has_a_clock_of_its_own();
    world.operator.start();
    world.partner(json!({}));
    world.request("interview", json!({"serviceTokenTTL": "4h"}));
    world.wait_ready(Kind::Request, "interview");
    let mut requests = vec!["interview".to_owned()];
    let mut expected = 3;
    assert_eq!(world.auth_calls(), expected);
    for (leg, apart, costs) in [("there", step, there), ("back", 0, back)] {
        expected += costs;
        world.operator.set_clock(apart);
        look_again(&world, &requests, expected);
        is_said(&world, apart);
        // However often it looks again: what was replaced for a cause is not replaced for it again.
        look_again(&world, &requests, expected);
        let late = format!("{leg}-interview");
        world.request(&late, json!({"serviceTokenTTL": "4h"}));
        world.wait_ready(Kind::Request, &late);
        requests.push(late);
        expected += 2;
        look_again(&world, &requests, expected);
        for request in &requests {
            lives_as_is_said(&world, request);
        }
        let secret = world.secret(&format!("{leg}-interview-token"));
        assert_eq!(ends_in_hours(&world, &secret), 4, "asked for in the service's time");
    }
    assert!(world.operator.stop().success());
    assert_eq!(world.auth_calls(), expected);
}

/// By the clocks of both, the tokens end while the service is out of order.
#[test]
fn what_ended_in_a_step_is_not_called_ready_while_the_service_is_away() {
    let mut world = World::new("ended", &Wishes::default());
    world.operator.has_a_clock_of_its_own();
    world.operator.start();
    world.partner(json!({}));
    world.request("interview", json!({"serviceTokenTTL": "4h"}));
    world.wait_ready(Kind::Request, "interview");
    world.emulator.add_fault(FaultPlan { status: Some(503), ..FaultPlan::default() });
    world.emulator.set_clock_ahead(DAY);
    world.operator.set_clock(DAY);
    for (kind, name, secret, page) in both("interview") {
        assert!(!world.opens(page, &data(&world.secret(&secret), "authorization")));
        world.wait_for(kind, name, |it| told::condition(it, "Ready").starts_with("False/"));
    }
    // However often it looks again, and after a restart.
    world.settle();
    assert!(world.operator.stop().success());
    world.operator.start();
    world.operator.set_clock(DAY);
    world.settle();
    for (kind, name, ..) in both("interview") {
        world.wait_for(kind, name, |it| told::condition(it, "Ready").starts_with("False/"));
    }
    world.emulator.clear_faults();
    world.ask_for_renewal(Kind::Credential, "partner", "it is back");
    lives_as_is_said(&world, "interview");
}

/// By this clock they would live for a minute and a half more than they do, and what was issued in so near a future is believed.
#[test]
fn a_step_back_over_the_end_of_a_token_calls_no_dead_one_ready() {
    let mut world = World::new("back-over-end", &Wishes::default());
    world.operator.has_a_clock_of_its_own();
    world.operator.start();
    world.emulator.set_lifetimes(40, 40);
    world.partner(json!({}));
    world.request("interview", json!({"serviceTokenTTL": "4h"}));
    world.wait_ready(Kind::Request, "interview");
    let before = both("interview").map(|(_, _, secret, page)| {
        let secret = world.secret(&secret);
        (data(&secret, "authorization"), page)
    });
    world.operator.set_clock(-90);
    world.settle();
    for (token, page) in &before {
        let ended = until(PATIENCE, || (!world.opens(page, token)).then_some(()));
        assert!(ended.is_some(), "they live for 40 seconds");
    }
    for (kind, name, secret, page) in both("interview") {
        world.wait_ready(kind, name);
        assert!(world.opens(page, &data(&world.secret(&secret), "authorization")), "{name} is called ready");
    }
}

/// Kind, name, Secret and page of the credential and of a request.
fn both(request: &str) -> [(Kind, &str, String, &'static str); 2] {
    [
        (Kind::Credential, "partner", "partner-access-token".to_owned(), "access"),
        (Kind::Request, request, format!("{request}-token"), "scoped"),
    ]
}

/// Wakes every object, as any edit does, and waits until the service was asked so often, and no more.
fn look_again(world: &World, requests: &[String], calls: u64) {
    static EDITS: AtomicU32 = AtomicU32::new(0);
    let edit = EDITS.fetch_add(1, Ordering::Relaxed).to_string();
    let change = json!({"metadata": {"annotations": {"example.com/edited": edit}}});
    world.edit(Kind::Credential, "partner", change.clone());
    for request in requests {
        world.edit(Kind::Request, request, change.clone());
    }
    let asked = until(PATIENCE, || (world.auth_calls() >= calls).then_some(()));
    assert!(asked.is_some(), "{} calls, not {calls}\n{}", world.auth_calls(), world.situation());
    world.settle();
    assert_eq!(world.auth_calls(), calls, "{}", world.situation());
}

/// What an object that is ready says of its token holds: it is the one in the Secret, and it opens the page.
fn lives_as_is_said(world: &World, request: &str) {
    for (kind, name, secret, page) in both(request) {
        let object = world.wait_ready(kind, name);
        let secret = world.secret(&secret);
        let (said, recorded) = (&object["status"]["token"]["expiresAt"], annotation(&secret, "expires-at"));
        assert_eq!(told::instant(said).as_second(), told::instant(&json!(recorded)).as_second());
        assert!(world.opens(page, &data(&secret, "authorization")), "{name} is called ready");
    }
}

/// The difference to the service, which did not move.
fn is_said(world: &World, apart: i64) {
    let wanted = (apart != 0).then_some(-apart);
    world.wait_for(Kind::Credential, "partner", |it| skew(it) == wanted);
}

fn skew(credential: &Value) -> Option<i64> {
    credential["status"]["clockSkewSeconds"].as_i64()
}

/// When the service token ended from which the token was made, in hours from now by the clock of the service, which is that
/// of this test.
fn ends_in_hours(world: &World, secret: &Value) -> i64 {
    assert!(world.opens("scoped", &data(secret, "authorization")));
    let left = service_token_ends(&data(secret, "access_token")) - clock::now().as_second();
    (left + HOUR / 2) / HOUR
}

/// `srv.expirationTime` of a token.
fn service_token_ends(token: &str) -> i64 {
    let claims = token.split('.').nth(1).expect("a JSON Web Token");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("claims");
    claims["srv"]["expirationTime"].as_i64().expect("an expiration")
}

/// The metric, in seconds.
fn clock_difference(world: &World) -> i64 {
    let (_, metrics) = world.page("metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix("rocketlawyer_clock_difference_seconds "));
    let seconds: f64 = line.expect("the metric").parse().expect("a number");
    format!("{seconds:.0}").parse().expect("a whole number")
}

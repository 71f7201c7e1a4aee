//! Whom does a failure hold up? Of two apps of one origin only the first meets it, at an origin for each class.

use rocketlawyer_operator::emulator::{App, AppScope, BodyKind, Call, Emulator};
use serde_json::json;

use super::super::process::until;
use super::super::server::Kind;
use super::super::sources::{Source, Standing};
use super::super::told::{self, condition};
use super::super::world::{PATIENCE, World};
use super::rows::{answers, gateway, row};
use super::{CANARY, Row, SECRET, are_told, asked, keep, nothing_is_repeated};

/// The first pause of an origin that is unwell.
const SHORTEST_PAUSE: i64 = 2;

fn only_the_first(mut row: Row) -> Row {
    if let Source::Emulator(plan) = &mut row.source {
        plan.client_id = Some("client-key".to_owned());
    }
    row
}

fn of_the_endpoint() -> Vec<Row> {
    vec![
        row("transient", answers(503, application()), "ServiceUnavailable", ""),
        row("throttled", answers(429, application()), "Throttled", ""),
        row("unexpected", answers(200, BodyKind::Html), "UnexpectedResponse", "response.unreadable"),
    ]
}

fn of_the_credential() -> Vec<Row> {
    let quota = "policies.ratelimit.QuotaViolation";
    vec![
        row("quota", answers(429, gateway(quota)), "QuotaExhausted", quota),
        row("refused", answers(401, application()), "InvalidClient", ""),
        row("rejected", answers(400, application()), "RequestRejected", ""),
        row("denied", answers(403, application()), "AccessDenied", ""),
    ]
}

fn application() -> BodyKind {
    BodyKind::Application { error: CANARY.to_owned(), message: CANARY.to_owned() }
}

#[test]
fn a_failure_that_one_app_meets_holds_up_another_only_where_it_is_the_endpoints() {
    let (endpoints, credentials) = (of_the_endpoint(), of_the_credential());
    let shared = endpoints.len();
    let (mut world, rows) = asked(endpoints.into_iter().chain(credentials).map(only_the_first).collect());
    let other = App::new("other-key", SECRET, AppScope::Backend);
    world.client_secret("other", &json!({"client_id": other.client_id, "client_secret": SECRET}));
    for (_, _, source) in &rows {
        emulator(source).put_app(other.clone());
    }
    are_told(&world, &rows);
    let (of_the_endpoint, of_the_credential) = rows.split_at(shared);
    for (name, row, source) in of_the_credential {
        let mut said = Vec::new();
        let another = ask_for_another(&world, name);
        world.wait_for(Kind::Credential, &another, |it| {
            said.push(condition(it, "Ready"));
            told::is(it, "True/Issued")
        });
        said.retain(|it| !["", "Unknown/Pending", "False/Pending", "True/Issued"].contains(&it.as_str()));
        assert_eq!(said, Vec::<String>::new(), "{}: another app's credential", row.why);
        assert_eq!(calls_of(source, "client-key"), 1, "{}", row.why);
    }
    for (name, row, source) in of_the_endpoint {
        is_parked(&world, row, source);
        let another = ask_for_another(&world, name);
        if row.reason == "Throttled" {
            // A minute, unless the service says when.
            world.wait_told(Kind::Credential, &another, "False/Throttled");
            assert_eq!(calls_of(source, "other-key"), 0, "{}: another app was not held up", row.why);
        } else {
            world.wait_ready(Kind::Credential, &another);
            waited_out_a_pause(row, source);
        }
    }
    nothing_is_repeated(&world);
    keep(&mut world, &rows, Call::AccessToken);
}

/// A credential of the other app at the same origin.
fn ask_for_another(world: &World, name: &str) -> String {
    let endpoint = world.get(Kind::Credential, name)["spec"]["endpoint"].clone();
    let another = format!("{name}-other");
    world.credential(&another, json!({"endpoint": endpoint, "clientSecretRef": {"name": "other"}}));
    another
}

/// The gate is closed, and stays so until somebody is served or allowed to try.
fn is_parked(world: &World, row: &Row, source: &Standing) {
    let parked = format!("rocketlawyer_gate_parked{{origin=\"{}\"}} 1", source.origin);
    let seen = until(PATIENCE, || world.page("metrics").1.contains(&parked).then_some(()));
    assert!(seen.is_some(), "{}: the gate of {} is open", row.why, source.origin);
}

/// The other app was the probe: no sooner than after the pause that the first one's failure brought about.
fn waited_out_a_pause(row: &Row, source: &Standing) {
    let log = emulator(source).log();
    let of_the_other = |it: &str| it == "other-key";
    let its = log.iter().position(|it| it.client_id.as_deref().is_some_and(of_the_other)).expect("its call");
    let failed = log[..its].last().expect("a call that failed");
    let waited = failed.time.duration_until(log[its].time);
    assert!(waited.as_secs() >= SHORTEST_PAUSE, "{}: another app was asked for after {waited}", row.why);
}

fn calls_of(source: &Standing, client_id: &str) -> usize {
    let log = emulator(source).log();
    log.iter().filter(|it| it.client_id.as_deref() == Some(client_id)).count()
}

fn emulator(source: &Standing) -> &Emulator {
    source.emulator.as_ref().expect("an emulator")
}

//! What does a running operator say of every answer that is none? One credential per row, each at an origin of its own.

use rocketlawyer_operator::emulator::{App, AppScope, Call, Emulator};
use serde_json::{Value, json};

use super::secrets_stay_secret::{encodings, everything_that_is_kept};
use super::server::Kind;
use super::sources::{LIFE, Source, Standing};
use super::told::{self, instant, text};
use super::world::{Wishes, World};

/// Stands in every answer that is not to be repeated.
const CANARY: &str = "canary-41c7";
/// What no answer may bring into sight either.
const SECRET: &str = "canary-client-secret-77b0";

mod once;
mod rows;
mod scopes;

/// Who answers, the reason that `Ready` has, and the word in `status.failure.errorCode` (empty: none).
struct Row {
    why: String,
    source: Source,
    reason: &'static str,
    code: &'static str,
}

#[test]
fn every_answer_that_is_none_is_told_with_its_class_and_its_next_attempt() {
    let rows = [
        rows::too_late(),
        rows::broken_bytes(),
        rows::broken_bodies(),
        rows::refusals(),
        rows::known_codes(),
    ]
    .into_iter()
    .flatten();
    let (mut world, rows) = asked(rows.collect());
    are_told(&world, &rows);
    nothing_lingers(&world, &rows);
    nothing_is_repeated(&world);
    keep(&mut world, &rows, Call::AccessToken);
}

#[test]
fn whoever_does_not_let_itself_be_asked_is_told_of_too() {
    let (world, rows) = asked(rows::nobody_listens());
    are_told(&world, &rows);
    nothing_is_repeated(&world);
}

fn are_told(world: &World, rows: &[(String, Row, Standing)]) {
    let mut odd = Vec::new();
    for (name, row, source) in rows {
        let credential = world.wait_for(Kind::Credential, name, |it| it["status"]["failure"].is_object());
        let failure = &credential["status"]["failure"];
        let wanted = (format!("False/{}", row.reason), row.reason, row.code);
        if (told::condition(&credential, "Ready"), text(&failure["reason"]), text(&failure["errorCode"]))
            != wanted
        {
            odd.push(format!("{} is to be {wanted:?}: {failure}", row.why));
        }
        assert!(is_promised(failure, &told::message(&credential, "Ready")), "{}: {credential:#}", row.why);
        assert!(failure["count"].as_u64() >= Some(1), "{}: {failure:#}", row.why);
        assert!(world.get(Kind::Secret, &format!("{name}-access-token")).is_null(), "{}", row.why);
        if let Some(emulator) = source.emulator.as_ref().filter(|_| source.origin.starts_with("https")) {
            assert_eq!(emulator.log().len(), 0, "{}: asked without a certificate that holds", row.why);
        }
    }
    assert_eq!(odd, Vec::<String>::new());
}

/// Whether it is said when it is tried again: at an instant, or how often.
fn is_promised(failure: &Value, message: &str) -> bool {
    match text(&failure["reason"]) {
        "InvalidClient" | "RequestRejected" | "AccessDenied" | "UnusableToken" => {
            let at = text(&failure["nextAttemptAt"]);
            let wait = instant(&failure["nextAttemptAt"]).duration_since(instant(&failure["since"]));
            // The first; a status has whole seconds.
            failure["count"] == 1 && (270..=301).contains(&wait.as_secs()) && message.contains(at)
        }
        "Throttled" | "QuotaExhausted" => message.contains("when the service allows it"),
        _ => failure["nextAttemptAt"].is_null() && message.contains("at least every five minutes"),
    }
}

/// Whoever is to be tried again soon, or at a person's word, has a token once the service is well.
fn nothing_lingers(world: &World, rows: &[(String, Row, Standing)]) {
    let mut mended = Vec::new();
    for (name, row, source) in rows {
        if source.emulator.is_some() && source.origin.starts_with("http:") {
            source.mend();
            if !["Throttled", "QuotaExhausted"].contains(&row.reason) {
                world.ask_for_renewal(Kind::Credential, name, "when it was mended");
                mended.push(name);
            }
        }
    }
    assert!(mended.len() > 50, "{mended:?}");
    for name in mended {
        let credential = world.wait_ready(Kind::Credential, name);
        assert!(credential["status"]["failure"].is_null(), "{credential:#}");
    }
}

#[test]
fn every_refusal_of_a_request_is_told_on_the_request_or_on_its_credential() {
    for call in [Call::ServiceToken, Call::Exchange] {
        let (mut world, rows) = asked(rows::of_requests(call));
        for (name, row, source) in &rows {
            world.wait_ready(Kind::Credential, name);
            let emulator = source.emulator.as_ref().expect("an emulator");
            assert_eq!(emulator.calls(Call::AccessToken), 1, "{}", row.why);
            world.request(name, json!({"credentialRef": {"name": name}}));
        }
        let mut on_the_request = 0;
        for (name, row, _) in &rows {
            let decided = |it: &Value| {
                !["", "Unknown/Pending", "False/Pending"].contains(&&*told::condition(it, "Ready"))
            };
            let request = world.wait_for(Kind::Request, name, decided);
            // What only a person at the credential can mend, or what concerns all its requests, is told there.
            let at_the_credential = rows::is_the_credentials(row);
            assert_eq!(
                told::is(&request, "False/CredentialNotReady"),
                at_the_credential,
                "{call:?} {}: {request:#}",
                row.why
            );
            let failure = if at_the_credential {
                assert!(request["status"]["failure"].is_null(), "{}: {request:#}", row.why);
                world.wait_for(Kind::Credential, name, |it| it["status"]["failure"].is_object())["status"]["failure"].clone()
            } else {
                on_the_request += 1;
                assert!(told::is(&request, &format!("False/{}", row.reason)), "{}: {request:#}", row.why);
                request["status"]["failure"].clone()
            };
            let seen = (text(&failure["reason"]), text(&failure["errorCode"]));
            assert_eq!(seen, (row.reason, row.code), "{call:?} {}: {failure:#}", row.why);
            let step = if call == Call::Exchange { "Exchange" } else { "ServiceToken" };
            assert_eq!(text(&failure["step"]), step, "{}: {failure:#}", row.why);
            // Of what all at the endpoint wait for together, no request has a next attempt of its own.
            let together = !at_the_credential && ["ServiceUnavailable", "Throttled"].contains(&row.reason);
            if together {
                assert!(failure["nextAttemptAt"].is_null(), "{}: {failure:#}", row.why);
            } else {
                let whose = if at_the_credential { world.get(Kind::Credential, name) } else { request };
                assert!(is_promised(&failure, &told::message(&whose, "Ready")), "{}: {whose:#}", row.why);
            }
        }
        assert!(on_the_request > 30 && on_the_request < rows.len());
        nothing_is_repeated(&world);
        keep(&mut world, &rows, call);
    }
}

#[test]
fn a_refused_shared_token_is_replaced_once_whatever_the_status() {
    let (mut world, rows) = asked(once::refused_tokens());
    for (name, ..) in &rows {
        world.request(name, json!({"credentialRef": {"name": name}}));
    }
    for (name, row, source) in &rows {
        world.wait_ready(Kind::Request, name);
        world.wait_ready(Kind::Credential, name);
        let emulator = source.emulator.as_ref().expect("an emulator");
        let calls = [Call::AccessToken, Call::ServiceToken, Call::Exchange].map(|call| emulator.calls(call));
        assert_eq!(calls, [2, 2, 1], "{}", row.why);
    }
    nothing_is_repeated(&world);
    keep(&mut world, &rows, Call::AccessToken);
}

/// Without a name for the time it is a minute, which nobody here waits for.
#[test]
fn a_service_that_names_a_time_is_asked_again_then_by_itself() {
    let (mut world, rows) = asked(once::named_times());
    for (name, row, source) in &rows {
        let mut told = (String::new(), String::new());
        world.wait_for(Kind::Credential, name, |it| {
            let failure = &it["status"]["failure"];
            if failure.is_object() {
                told = (text(&failure["reason"]).to_owned(), text(&failure["errorCode"]).to_owned());
            }
            told::is(it, "True/Issued")
        });
        let seen = (told.0.as_str(), told.1.as_str());
        assert!(seen == (row.reason, row.code) || seen == ("", ""), "{}: {told:?}", row.why);
        let log = source.emulator.as_ref().expect("an emulator").log();
        assert_eq!(log.len(), 2, "{}: {log:#?}", row.why);
        let apart = log[1].time.duration_since(log[0].time);
        assert!(apart.unsigned_abs().as_secs() + 1 >= once::NAMED, "{}: asked after {apart:?}", row.why);
    }
    nothing_is_repeated(&world);
    keep(&mut world, &rows, Call::AccessToken);
}

#[test]
fn a_token_with_an_odd_life_is_good_for_as_long_as_can_be_told_or_not_taken() {
    let (mut world, rows) = asked(rows::lives());
    for (name, row, _) in &rows {
        let ready = row.reason == "Issued";
        let told = format!("{}/{}", if ready { "True" } else { "False" }, row.reason);
        let credential = world.wait_told(Kind::Credential, name, &told);
        let status = &credential["status"];
        assert_eq!(text(&status["failure"]["errorCode"]), row.code, "{}: {status:#}", row.why);
        assert_eq!(status["failure"]["nextAttemptAt"].is_string(), !ready, "{}: {status:#}", row.why);
        if ready {
            let life =
                instant(&status["token"]["expiresAt"]).duration_since(instant(&status["token"]["issuedAt"]));
            assert_eq!(life.as_secs(), LIFE, "{}", row.why);
        }
        let shown = json!(status["application"]).to_string();
        assert!(!shown.contains(SECRET) && !shown.contains('\\'), "{}: {shown}", row.why);
    }
    nothing_is_repeated(&world);
    keep(&mut world, &rows, Call::AccessToken);
}

/// A world with one credential per row, which the operator is asked for.
fn asked(rows: Vec<Row>) -> (World, Vec<(String, Row, Standing)>) {
    let mut world = World::new("answers", &Wishes::default());
    let app = App::new("client-key", SECRET, AppScope::Backend);
    world.client_secret("client", &json!({"client_id": app.client_id, "client_secret": SECRET}));
    let mut standing = Vec::new();
    for (number, mut row) in rows.into_iter().enumerate() {
        let source = std::mem::replace(&mut row.source, Source::Nobody).start(&app);
        world.operator.arguments.extend(["--allow-endpoint".to_owned(), source.origin.clone()]);
        let mut endpoint = json!({"url": format!("{}/partners/v1/auth", source.origin)});
        if let Some(bundle) = &source.ca_bundle {
            endpoint["caBundle"] = json!(bundle);
        }
        let name = format!("row-{number}");
        world.credential(&name, json!({"endpoint": endpoint}));
        standing.push((name, row, source));
    }
    world.operator.start();
    (world, standing)
}

/// What each service was asked is there to be replayed; what was answered with other bytes than an emulator's was this call.
fn keep(world: &mut World, rows: &[(String, Row, Standing)], call: Call) {
    for (_, _, source) in rows {
        let made = source.emulator.iter().flat_map(Emulator::log);
        world.further_calls.extend(made.map(|entry| (entry, source.origin.clone())));
        let base = format!("{}/partners/v1/auth", source.origin);
        let asked = source.broken.asked();
        world.broken_off.extend(asked.into_iter().map(|at| (at, call, base.clone())));
    }
}

fn nothing_is_repeated(world: &World) {
    for (place, shown) in everything_that_is_kept(world) {
        assert!(shown.len() > 100 || place == "a request", "{place} shows nothing");
        let written = [CANARY, SECRET, "Something went wrong"].into_iter().flat_map(encodings);
        for hidden in written.chain(["panicked".to_owned()]) {
            let around = shown.find(&hidden).map(|at| {
                let end = shown.len().min(at + 200);
                String::from_utf8_lossy(&shown.as_bytes()[at.saturating_sub(200)..end]).into_owned()
            });
            assert_eq!(around, None, "{place} shows {hidden}");
        }
    }
}

//! What did the operator ask of the authentication service? The emulator's log, with where each token went.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rocketlawyer_operator::auth::{self, Application, Class, ErrorCode, Fault, Scope};
use rocketlawyer_operator::emulator::{BodyKind, Call, Entry, FaultPlan, Outcome};
use rocketlawyer_operator::operator::replay::{Answer, Called, Deed, Did, Home};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::recorder::Kept;
use super::sights::is_managed;
use crate::told::{data, text};

/// A call, and the origin of the service that logged it.
pub type MadeCall = (Entry, String);

/// A call for an access token that nobody answered well and no emulator logged: when it came, to which base URL, and what the
/// operator makes of that.
pub type BrokenOff = (Timestamp, String, Fault);

/// Every call.
pub fn dids(log: &[MadeCall], versions: &[Kept]) -> Vec<Did> {
    let homes = homes(versions);
    log.iter().filter_map(|call| did(call, log, &homes)).collect()
}

/// The fingerprint of the token in a managed Secret.
pub fn fingerprint(version: &Kept) -> Option<String> {
    let keys = version.object["data"].as_object()?.keys();
    let bearer = keys.map(|key| data_or_nothing(version, key)).find(|value| value.starts_with("Bearer "))?;
    let hash = Sha256::digest(bearer.trim_start_matches("Bearer ").as_bytes());
    let mut shown = String::new();
    for byte in &hash[..8] {
        write!(shown, "{byte:02x}").expect("a text");
    }
    Some(shown)
}

fn data_or_nothing(version: &Kept, key: &str) -> String {
    if text(&version.object["data"][key]).len() > 100_000 {
        String::new()
    } else {
        data(&version.object, key)
    }
}

/// The first Secret in which each token was seen.
fn homes(versions: &[Kept]) -> BTreeMap<String, &Kept> {
    let mut homes = BTreeMap::new();
    for version in versions.iter().filter(|it| is_managed(it) && !it.gone) {
        if let Some(fingerprint) = fingerprint(version) {
            homes.entry(fingerprint).or_insert(version);
        }
    }
    homes
}

fn did(made: &MadeCall, log: &[MadeCall], homes: &BTreeMap<String, &Kept>) -> Option<Did> {
    let (entry, origin) = made;
    let call = match entry.call {
        Call::AccessToken => auth::Call::AccessToken,
        Call::ServiceToken => auth::Call::ServiceToken,
        Call::Exchange => auth::Call::Exchange,
        Call::Protected => return None,
    };
    let exchanged = |service: &String| {
        let mut entries = log.iter().map(|(entry, _)| entry);
        let exchange =
            entries.find(|it| it.call == Call::Exchange && it.asked_with.as_ref() == Some(service))?;
        exchange.issued.clone()
    };
    let last = entry.issued.as_ref().and_then(|issued| exchanged(issued).or(Some(issued.clone())));
    let home = last.and_then(|last| homes.get(&last));
    let called = Called {
        call,
        base: format!("{origin}{}", entry.path.trim_end_matches(|it| it != '/').trim_end_matches('/')),
        client_id: entry.client_id.clone(),
        subject: entry.subject.clone(),
        asked_with: entry.asked_with.clone(),
        into: home.map(|it| Home {
            namespace: it.namespace.clone(),
            name: it.name.clone(),
            owner: text(&it.object["metadata"]["ownerReferences"][0]["uid"]).to_owned(),
        }),
        clock_ahead: SignedDuration::from_secs(entry.clock_ahead),
        answer: answer(entry, call, home.copied()),
    };
    // Who never answers is not waited for longer than this, from a moment before he was asked.
    let late =
        matches!(&called.answer, Answer::Fault(fault) if fault.error_code == Some(ErrorCode::TimedOut));
    let longest = auth::Limits::default().whole_call.saturating_sub(Duration::from_secs(1));
    let waited = if late { longest } else { Duration::ZERO };
    Some(Did { at: entry.time + waited, became: None, deed: Deed::Called(Box::new(called)) })
}

fn answer(entry: &Entry, call: auth::Call, home: Option<&Kept>) -> Answer {
    let Some(fingerprint) = entry.issued.as_ref().filter(|_| entry.outcome == Outcome::Granted) else {
        return Answer::Fault(fault(entry, call));
    };
    let most = auth::Limits::default().body;
    if entry.fault.as_ref().is_some_and(|plan| json!(plan.answer).to_string().len() > most) {
        return Answer::Fault(unanswered(Some(200), ErrorCode::TooLarge));
    }
    Answer::Token {
        fingerprint: fingerprint.clone(),
        secret: home.map(|it| it.object.to_string().into_bytes()),
        application: (call == auth::Call::AccessToken).then(application),
    }
}

/// What the operator makes of an answer without a token.
fn fault(entry: &Entry, call: auth::Call) -> Fault {
    let plan = entry.fault.as_ref().filter(|_| entry.outcome == Outcome::Fault);
    let retry_after = plan.and_then(|plan| plan.headers.get("retry-after")).map(String::as_str);
    let body = match plan {
        Some(plan) => of_plan(plan, entry.time),
        None => Ok(entry.refusal_body.clone().unwrap_or_default()),
    };
    match body {
        Ok(body) => {
            let body = body.as_bytes();
            auth::classify(call, &auth::Answer { status: entry.status, retry_after, now: entry.time, body })
        }
        Err(code) => unanswered(Some(entry.status).filter(|status| *status > 0), code),
    }
}

/// The body of a fault's own, or why it did not come whole.
fn of_plan(plan: &FaultPlan, at: Timestamp) -> Result<String, ErrorCode> {
    match plan.whole_body("", at).filter(|_| !plan.hang) {
        Some((_, text)) if text.len() <= auth::Limits::default().body => Ok(text),
        Some(_) => Err(ErrorCode::TooLarge),
        None => Err(match plan.body {
            Some(BodyKind::Huge { .. }) => ErrorCode::TooLarge,
            Some(BodyKind::Truncated) => ErrorCode::Truncated,
            _ => ErrorCode::TimedOut,
        }),
    }
}

/// One that broke off.
pub fn broken((at, base, fault): &BrokenOff) -> Did {
    let called = Called {
        call: auth::Call::AccessToken,
        base: base.clone(),
        client_id: None,
        subject: BTreeMap::new(),
        asked_with: None,
        into: None,
        clock_ahead: SignedDuration::ZERO,
        answer: Answer::Fault(*fault),
    };
    Did { at: *at, became: None, deed: Deed::Called(Box::new(called)) }
}

/// What the operator makes of an answer that does not come, or not whole.
pub fn unanswered(http_status: Option<u16>, code: ErrorCode) -> Fault {
    let class = match (http_status, code) {
        (None, _) | (_, ErrorCode::TimedOut) => Class::Transient,
        _ => Class::Unexpected,
    };
    Fault { class, scope: Scope::Endpoint, http_status, error_code: Some(code), retry_after: None }
}

/// What the emulator says of every app.
fn application() -> Application {
    Application {
        name: Some("5b0c4f0e-8f5a-4a43-9d3f-0e4d7a1c2b66".to_owned()),
        organization: Some("rocketlawyer".to_owned()),
        products: ["emulated-rocketdoc-product", "emulated-auth-service-product"].map(Into::into).into(),
    }
}

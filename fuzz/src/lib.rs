//! What must hold of every parser of what comes from outside, whatever bytes it is given? One function per parser: it
//! panics where something does not hold. Run by the fuzzer, and over the committed corpora by `tests/corpora`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rocketlawyer_operator::api::{duration as durations, names};
use rocketlawyer_operator::auth::{Answer, Answered, Call, Class, Fault, Issued, Term, classify};
use rocketlawyer_operator::cluster::managed_secret::StoredSecret;
use rocketlawyer_operator::decision::{InputsHash, KeyNames};
use rocketlawyer_operator::token::{AccessToken, Deliverable, ServiceToken};
use serde_json::json;

/// A parser's name, and what must hold of it.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, by the names of their corpora.
pub const ALL: [Target; 5] = [
    ("token_answer", token_answer),
    ("fault_body", fault_body),
    ("jwt", jwt),
    ("record", record),
    ("duration", duration),
];

/// 24 November 2026: no run depends on when it is.
const NOW: i64 = 1_795_500_000;
const SHORTEST_LIFE: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// The body of a success, to each call, from a service that says what time it is, rightly or wrongly, or that does not.
pub fn token_answer(body: &[u8]) {
    for date in [None, Some(now()), Some(long_ago())] {
        let answered = Answered { status: 200, date, retry_after: None, body, at: now() };
        match answered.access_token() {
            Ok(issued) => {
                check_issued(&issued);
                check_application(&issued);
            }
            Err(fault) => check_fault(&fault, Call::AccessToken, 200),
        }
        match answered.service_token(Term { life: SignedDuration::from_hours(1), until: NOW + 3600 }) {
            Ok(issued) => {
                check_issued(&issued);
                assert!(issued.expires_at <= seconds(NOW + 3600), "it lives longer than was asked for");
            }
            Err(fault) => check_fault(&fault, Call::ServiceToken, 200),
        }
    }
}

/// A body that is no token, to each call: two bytes of status, a line of `Retry-After`, and the body.
pub fn fault_body(bytes: &[u8]) {
    let Some((&[high, low], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let status = u16::from_be_bytes([high, low]) % 900 + 100;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    let (line, body) = rest.split_at(end);
    let retry_after = std::str::from_utf8(line).ok().filter(|line| !line.is_empty());
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
        let fault = classify(call, &Answer { status, retry_after, now: now(), body });
        check_fault(&fault, call, status);
        if body.is_empty() && !(200..400).contains(&status) {
            assert!(fault.error_code.is_some_and(|code| code.as_str() == "response.empty"));
        }
    }
}

/// The claims of a JSON Web Token, and as they are in place of one.
pub fn jwt(claims: &[u8]) {
    let whole = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let raw = String::from_utf8_lossy(claims);
    for token in [&whole, &*raw] {
        let text = json!({"access_token": token, "token": token, "expires_in": "36000"}).to_string();
        token_answer(text.as_bytes());
        let silent = json!({"access_token": token, "token": token}).to_string();
        token_answer(silent.as_bytes());
    }
}

/// A managed Secret as somebody left it: JSON, and, line by line, the annotations of its record.
pub fn record(bytes: &[u8]) {
    check_stored(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let annotations = json!({
        names::ISSUED_AT: next(),
        names::EXPIRES_AT: next(),
        names::INPUTS_HASH: next(),
        names::CONTENT_HASH: next(),
        names::RENEW_REQUEST_HANDLED: next(),
    });
    let token = next();
    let secret = json!({
        "metadata": {"name": "n", "namespace": "ns", "resourceVersion": next(), "annotations": annotations},
        "type": names::SECRET_TYPE,
        "data": {"access_token": token, "authorization": next()},
    });
    check_stored(secret.to_string().as_bytes());
}

/// A duration in a spec.
pub fn duration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(read) = durations::parse(text) else {
        return;
    };
    assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b"hms".contains(&byte)), "{text:?} was read");
    assert!(!read.is_negative() && read.subsec_nanos() == 0);
    assert!(read.as_secs() <= 3 * 99_999_999, "{text:?} is too long to be admitted");
    let plain = format!("{}s", read.as_secs());
    if plain.len() <= 9 {
        assert_eq!(durations::parse(&plain), Some(read), "{text:?}");
    }
}

fn check_issued<T: Deliverable>(issued: &Issued<T>) {
    let life = issued.expires_at.duration_since(issued.issued_at);
    assert!((SHORTEST_LIFE..=LONGEST_LIFE).contains(&life), "a life of {life:?}");
    let token = issued.token.for_managed_secret();
    assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(token.len() < 32 || !format!("{issued:?}").contains(token), "a token can be printed");
}

fn check_application(issued: &Issued<AccessToken>) {
    let Some(shown) = &issued.application else {
        return;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    for text in shown.name.iter().chain(&shown.organization).chain(&shown.products) {
        assert!(!text.is_empty() && text.len() <= 128 && text.chars().all(plain), "{text:?} is shown");
        assert!(!issued.token.is_within(text), "a token is shown");
    }
}

fn check_fault(fault: &Fault, call: Call, status: u16) {
    assert_eq!(fault.http_status, Some(status));
    assert!(fault.retry_after.is_none_or(|wait| (SignedDuration::ZERO..=LONGEST_WAIT).contains(&wait)));
    if fault.class == Class::OurTokenRefused {
        assert_eq!(call, Call::ServiceToken, "no token of ours was sent");
    }
    let shape = [
        "response.redirect",
        "response.noToken",
        "response.empty",
        "response.unreadable",
        "response.lifetime",
    ];
    assert!(fault.error_code.is_none_or(|code| !code.is_ours() || shape.contains(&code.as_str())));
}

fn check_stored(json: &[u8]) {
    let Some(stored) = StoredSecret::parse(json) else {
        return;
    };
    let seen = stored.seen();
    if let Some(record) = &seen.record {
        // What is put back must say the same.
        for instant in [record.issued_at, record.expires_at] {
            assert_eq!(instant.to_string().parse().ok(), Some(instant));
        }
        if let InputsHash::Other(text) = &record.inputs {
            assert!(text.starts_with('v') && !text.starts_with("v1:"), "{text:?}");
        }
    }
    let token = stored.token(AccessToken::read);
    assert!(token.is_none_or(|token| token.for_managed_secret().bytes().all(|byte| byte.is_ascii_graphic())));
    let keys = KeyNames {
        token: "access_token".into(),
        token_type: "token_type".into(),
        authorization: "authorization".into(),
        expires_at: "expires_at".into(),
    };
    if let Some((_, salvaged)) = stored.salvage(&keys, ServiceToken::read) {
        assert_eq!(seen.record, Some(salvaged));
    }
}

fn now() -> Timestamp {
    seconds(NOW)
}

/// What time it is for a service whose clock is wrong by a year.
fn long_ago() -> Timestamp {
    seconds(NOW - 365 * 24 * 3600)
}

fn seconds(since: i64) -> Timestamp {
    Timestamp::from_second(since).unwrap_or_default()
}

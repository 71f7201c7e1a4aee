//! Whatever an answer holds, it brings a token that is bounded and hidden, or a fault without a trace of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp, Unit};
use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Received, Reply};
use crate::auth::wire::{ServiceTokenAnswer, TokenAnswer};
use crate::auth::{Call, ErrorCode, Fault, Term};
use crate::token::{AccessToken, Deliverable};

const CANARY: &str = "canary-9d02";
const NOW: &str = "2026-11-24T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn reply(status: u16, date: Option<i64>, body: Vec<u8>) -> Reply {
    Reply {
        status,
        retry_after: None,
        date: date.and_then(|date| Timestamp::from_second(date).ok()),
        body: Ok(Zeroizing::new(body)),
    }
}

fn received<T>(answer: T, reply: &Reply) -> Received<T> {
    Received { answer, asked_at: now(), halfway: now(), date: reply.date, status: reply.status }
}

/// Values that a field could hold instead of what it should.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number.to_string())),
        (30_i64..100_000).prop_map(|number| json!(number.to_string())),
        ".{0,30}".prop_map(|text| json!(text)),
        Just(json!(CANARY)),
        Just(json!([CANARY, {"a": CANARY}])),
        Just(json!(format!("[{CANARY}, x]"))),
        Just(json!({CANARY: CANARY})),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let fields = proptest::collection::btree_map(
        proptest::sample::select(vec![
            "access_token",
            "token",
            "expires_in",
            "expirationTime",
            "issued_at",
            "application_name",
            "organization_name",
            "api_product_list",
            "api_product_list_json",
            "fault",
            "error",
        ]),
        anything(),
        0..8,
    );
    prop_oneof![
        4 => fields.prop_map(|fields| {
            let mut body = json!({"access_token": CANARY, "token": CANARY, "expires_in": "600"});
            for (name, value) in fields {
                body[name] = value;
            }
            body.to_string().into_bytes()
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn any_answer_brings_a_hidden_token_or_a_fault_without_a_trace(
        status in prop_oneof![4 => Just(200_u16), 1 => any::<u16>()],
        date in proptest::option::of(any::<i64>()),
        body in body(),
        asked in any::<[i64; 2]>(),
    ) {
        let reply = reply(status, date, body);
        for call in [Call::AccessToken, Call::Exchange] {
            let leaks = |token: &AccessToken, text: &str| token.is_within(text) || text.contains(CANARY);
            let result = reply
                .parsed::<TokenAnswer>(call, now())
                .and_then(|answer| received(answer, &reply).access_token(call, AccessToken::read, leaks));
            prop_assert!(!format!("{result:?}").contains("canary"), "{:?}", result);
            if let Ok(issued) = result {
                let life = issued.expires_at.duration_since(issued.issued_at).as_secs();
                prop_assert!((30..=10 * 366 * 24 * 3600).contains(&life));
                prop_assert!(!issued.token.for_managed_secret().is_empty());
            }
        }
        let term = Term { life: SignedDuration::from_secs(asked[0]), until: asked[1] };
        let result = reply
            .parsed::<ServiceTokenAnswer>(Call::ServiceToken, now())
            .and_then(|answer| received(answer, &reply).service_token(term));
        prop_assert!(!format!("{result:?}").contains("canary"), "{:?}", result);
    }
}

#[test]
fn a_value_that_repeats_the_token_is_not_shown() {
    let body = json!({
        "access_token": "s3.cr.et", "expires_in": "600",
        "application_name": "s3.cr.et", "organization_name": "x s3.cr.et", "api_product_list": ["fine", "s3.cr.et"],
    });
    let reply = reply(200, None, body.to_string().into_bytes());
    let answer = reply.parsed::<TokenAnswer>(Call::AccessToken, now()).unwrap();
    let leaks = |token: &AccessToken, text: &str| token.is_within(text);
    let issued = received(answer, &reply).access_token(Call::AccessToken, AccessToken::read, leaks).unwrap();
    let shown = issued.application.unwrap();
    assert_eq!((shown.name, shown.organization, shown.products), (None, None, vec!["fine".to_owned()]));
}

/// In a list of products a comma separates, so that the token's parts would pass for products.
#[test]
fn a_list_that_repeats_a_token_with_commas_shows_no_product() {
    let leaks = |token: &AccessToken, text: &str| token.is_within(text);
    let shown = |field: &str, list: Value| {
        let body = json!({"access_token": "first-half,second-half", "expires_in": "600", field: list});
        let reply = reply(200, None, body.to_string().into_bytes());
        let answer = reply.parsed::<TokenAnswer>(Call::AccessToken, now()).unwrap();
        let issued = received(answer, &reply).access_token(Call::AccessToken, AccessToken::read, leaks);
        issued.unwrap().application.map(|it| it.products)
    };
    for field in ["api_product_list", "api_product_list_json"] {
        for list in [json!("[fine, first-half,second-half]"), json!(["fine", "first-half", "second-half"])] {
            assert_eq!(shown(field, list.clone()), None, "{field}: {list}");
        }
        let fine = json!("[fine, first-half, first-quarter]");
        assert_eq!(shown(field, fine).map(|it| it.len()), Some(3), "{field}");
    }
}

/// What is asked for depends on the service's clock, and a service token cannot be revoked.
#[test]
fn a_clock_hours_away_is_believed_only_if_it_is_told_twice() {
    const HOUR: i64 = 3600;
    let ahead = |date: Option<i64>, stamp: Option<i64>, iat: Option<i64>| {
        let there = |hours: i64| now().as_second() + hours * HOUR;
        let claims = json!({"iat": iat.map(there)}).to_string();
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        let stamp = stamp.map(|hours| (there(hours) * 1000).to_string());
        let body = json!({"access_token": token, "expires_in": "600", "issued_at": stamp});
        let reply = reply(200, date.map(there), body.to_string().into_bytes());
        let answer = reply.parsed::<TokenAnswer>(Call::AccessToken, now()).unwrap();
        let issued =
            received(answer, &reply).access_token(Call::AccessToken, AccessToken::read, |_, _| false);
        issued.unwrap().service_clock_ahead.map(|ahead| ahead.round(Unit::Minute).unwrap().as_secs())
    };
    for away in [-24, -2, 2, 24, 100_000] {
        assert_eq!(ahead(Some(away), Some(away), None), Some(away * HOUR));
        assert_eq!(ahead(Some(away), None, Some(away)), Some(away * HOUR));
        // The token's own two words are one: both are of whoever wrote the answer.
        for one in [(Some(away), None, None), (None, Some(away), Some(away)), (Some(away), Some(0), Some(0))]
        {
            assert_eq!(ahead(one.0, one.1, one.2), Some(away.signum() * HOUR), "{one:?}");
        }
    }
    for near in [-1, 0, 1] {
        assert_eq!(ahead(Some(near), Some(0), None), Some(near * HOUR));
        assert_eq!(ahead(None, Some(near), None), Some(near * HOUR));
    }
    assert_eq!(ahead(None, None, None), None);
}

#[test]
fn a_success_without_a_token_is_told_by_its_code() {
    let body = json!({"fault": {"detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}});
    let reply = reply(200, None, body.to_string().into_bytes());
    let fault: Fault = reply.parsed::<TokenAnswer>(Call::AccessToken, now()).err().unwrap();
    assert_eq!(fault.error_code, Some(ErrorCode::Quota));
}

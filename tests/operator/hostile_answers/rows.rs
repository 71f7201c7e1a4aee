//! Which answers are none, and what is each called? The rows of the tables.

use rocketlawyer_operator::emulator::{BodyKind, Call, FaultPlan};
use serde_json::{Map, Value, json};

use super::super::sources::{Certificate, Source};
use super::{CANARY, Row, SECRET};

/// What is said of an access token, and only to a call that was made with one means something.
pub(super) const TOKEN_CODES: [&str; 4] = [
    "keymanagement.service.access_token_expired",
    "keymanagement.service.invalid_access_token",
    "oauth.v2.InvalidAccessToken",
    "oauth.v2.AccessTokenExpired",
];

const NO_SUCH_PATH: &str = "keymanagement.service.apiresource_doesnot_exist";

pub(super) fn too_late() -> Vec<Row> {
    let hang = FaultPlan { hang: true, ..FaultPlan::default() };
    let away = "ServiceUnavailable";
    vec![
        row("hung", emulator(hang), away, "connection.timeout"),
        row("dripping", answers(200, BodyKind::Dripping { every: 100 }), away, "connection.timeout"),
    ]
}

pub(super) fn nobody_listens() -> Vec<Row> {
    let away = "ServiceUnavailable";
    let mut rows = vec![
        row("refused", Source::Nobody, away, "connection.failed"),
        row("no such host", Source::NoSuchHost, away, "connection.nameNotResolved"),
        row("a silent handshake", Source::Silent, away, "connection.timeout"),
        row("no TLS", Source::NoTls, away, "connection.tls"),
    ];
    for wrong in [
        Certificate::Expired,
        Certificate::OfAnotherName,
        Certificate::OfAnotherAuthority,
        Certificate::SelfSigned,
    ] {
        rows.push(row(&format!("{wrong:?}"), Source::Tls(wrong), away, "connection.tls"));
    }
    rows
}

/// Bytes that no emulator would send.
pub(super) fn broken_bytes() -> Vec<Row> {
    let (away, odd) = ("ServiceUnavailable", "UnexpectedResponse");
    let many = format!("X-Header: {CANARY}\r\n").repeat(10_000);
    let head = |more: &str| format!("HTTP/1.1 200 OK\r\n{more}\r\n");
    let mut bomb = head("Content-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n")
        .into_bytes();
    bomb.extend_from_slice(include_bytes!("bomb.json.gz"));
    let endless = |head: &str, again| Source::Bytes(Call::AccessToken, head.as_bytes().to_vec(), again);
    let bytes = |bytes: &str| endless(bytes, b"");
    vec![
        row("closed at once", bytes(""), away, "response.truncated"),
        row("half a head", bytes("HTTP/1.1 200 OK\r\n"), away, "response.truncated"),
        row("no HTTP", bytes("SSH-2.0-OpenSSH\r\n\r\n"), away, "response.truncated"),
        row("10,000 headers", bytes(&head(&many)), away, "response.truncated"),
        row(
            "endless headers",
            endless("HTTP/1.1 200 OK\r\n", b"X-Header: canary-41c7\r\n"),
            away,
            "response.truncated",
        ),
        row(
            "an absurd length",
            bytes(&head("Content-Length: 18446744073709551615\r\n")),
            away,
            "response.truncated",
        ),
        row(
            "endless",
            endless("HTTP/1.1 200 OK\r\n\r\n", b"                canary-41c7     "),
            odd,
            "response.tooLarge",
        ),
        row("a compressed bomb", Source::Bytes(Call::AccessToken, bomb, b""), odd, "response.unreadable"),
    ]
}

pub(super) fn broken_bodies() -> Vec<Row> {
    let odd = "UnexpectedResponse";
    let text = |body: &str| answers(200, raw(body));
    vec![
        row("1 GB", answers(200, BodyKind::Huge { bytes: 1 << 30 }), odd, "response.tooLarge"),
        row("truncated", answers(200, BodyKind::Truncated), odd, "response.truncated"),
        row("empty", answers(200, BodyKind::Empty), odd, "response.empty"),
        row("no content", answers(204, BodyKind::Empty), odd, "response.empty"),
        row("HTML", answers(200, BodyKind::Html), odd, "response.unreadable"),
        row("half of JSON", text(&format!("{{\"access_token\":\"{CANARY}\"")), odd, "response.unreadable"),
        row("deep", text(&"[".repeat(60_000)), odd, "response.unreadable"),
        row("null", text("null"), odd, "response.unreadable"),
        row("nothing in it", text("{}"), odd, "response.noToken"),
        row("a number as token", text(r#"{"access_token":7,"expires_in":"600"}"#), odd, "response.noToken"),
        row("no text as token", text(r#"{"access_token":"","expires_in":"600"}"#), odd, "response.noToken"),
        row(
            "control characters",
            text(r#"{"access_token":"canary-41c7\n\u001b[31m","expires_in":"600"}"#),
            odd,
            "response.noToken",
        ),
        row(
            "other scripts",
            text(r#"{"access_token":"ⓒanary-41c7","expires_in":"600"}"#),
            odd,
            "response.noToken",
        ),
        row(
            "a token of 1 MB",
            granted(json!({"access_token": CANARY.repeat(100_000)}), json!({})),
            odd,
            "response.tooLarge",
        ),
        row("a redirect", redirect(), odd, "response.redirect"),
    ]
}

/// What the gateway and the application say, in both shapes, and what others put in their place.
pub(super) fn refusals() -> Vec<Row> {
    let application =
        || BodyKind::Application { error: CANARY.to_owned(), message: format!("\u{1b}[2J{CANARY}") };
    let gateway = || BodyKind::Gateway { code: format!("{CANARY}.Unknown"), text: CANARY.to_owned() };
    let mut rows = Vec::new();
    for (status, reason) in [
        (400, "RequestRejected"),
        (401, "InvalidClient"),
        (403, "AccessDenied"),
        (404, "RequestRejected"),
        (405, "RequestRejected"),
        (408, "ServiceUnavailable"),
        (429, "Throttled"),
        (500, "ServiceUnavailable"),
        (502, "ServiceUnavailable"),
        (503, "ServiceUnavailable"),
        (504, "ServiceUnavailable"),
    ] {
        rows.push(row(&format!("{status} of the application"), answers(status, application()), reason, ""));
        rows.push(row(&format!("{status} of the gateway"), answers(status, gateway()), reason, ""));
    }
    for (status, reason) in [
        (401, "UnexpectedResponse"),
        (403, "UnexpectedResponse"),
        (404, "UnexpectedResponse"),
        (429, "Throttled"),
        (502, "ServiceUnavailable"),
    ] {
        rows.push(row(
            &format!("{status} in HTML"),
            answers(status, BodyKind::Html),
            reason,
            "response.unreadable",
        ));
        rows.push(row(
            &format!("{status}, empty"),
            answers(status, BodyKind::Empty),
            reason,
            "response.empty",
        ));
    }
    rows
}

/// The reason, the statuses that it was seen with, and the words.
const MEANINGS: [(&str, &[u16], &[&str]); 10] = [
    ("Throttled", &[429, 500, 403], &["policies.ratelimit.SpikeArrestViolation", "throttled"]),
    ("QuotaExhausted", &[500, 429, 403], &["policies.ratelimit.QuotaViolation"]),
    (
        "InvalidClient",
        &[401],
        &[
            "keymanagement.service.access_token_not_approved",
            "keymanagement.service.consumer_key_expired",
            "keymanagement.service.invalid_consumer_key",
            "keymanagement.service.invalid_client-app_not_approved",
            "keymanagement.service.DeveloperStatusNotActive",
            "keymanagement.service.CompanyStatusNotActive",
            "oauth.v2.ApiKeyNotApproved",
            "oauth.v2.InvalidApiKey",
            "oauth.v2.InvalidApiKeyForGivenResource",
            "steps.oauth.v2.FailedToResolveAPIKey",
            "invalid_client",
        ],
    ),
    ("InvalidClient", &[401, 500], &["oauth.v2.InvalidClientIdentifier"]),
    (
        "AccessDenied",
        &[401, 403],
        &[
            "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound",
            "steps.oauth.v2.insufficient_scope",
            "InsufficientScope",
        ],
    ),
    ("RequestRejected", &[401], &[NO_SUCH_PATH]),
    ("RequestRejected", &[400], &["invalid_grant"]),
    (
        "ServiceUnavailable",
        &[503, 504],
        &["messaging.adaptors.http.flow.GatewayTimeout", "messaging.adaptors.http.flow.ServiceUnavailable"],
    ),
    (
        "ServiceUnavailable",
        &[500],
        &[
            "policies.ratelimit.FailedToResolveSpikeArrestRate",
            "policies.ratelimit.InvalidMessageWeight",
            "policies.ratelimit.FailedToResolveQuotaIntervalReference",
            "policies.ratelimit.FailedToResolveQuotaIntervalTimeUnitReference",
            "policies.ratelimit.InvalidQuotaInterval",
            "policies.ratelimit.InvalidQuotaTimeUnit",
        ],
    ),
    ("UnexpectedResponse", &[401, 500, 400], &TOKEN_CODES),
];

/// Every known word of the gateway, whose meaning does not depend on the status: with one that means nothing, and with those
/// that it was seen with.
pub(super) fn known_codes() -> Vec<Row> {
    let mut rows = Vec::new();
    for (reason, statuses, codes) in MEANINGS {
        for (code, status) in
            codes.iter().flat_map(|code| statuses.iter().chain(&[418]).map(move |it| (code, *it)))
        {
            rows.push(row(&format!("{code} with {status}"), answers(status, gateway(code)), reason, code));
        }
    }
    for status in [401, 500] {
        let body = format!(r#"{{"ErrorCode":"invalid_client","Error":"{CANARY}"}}"#);
        let why = format!("a third shape with {status}");
        rows.push(row(&why, answers(status, raw(&body)), "InvalidClient", "invalid_client"));
    }
    rows
}

/// Where a request's failure is told (behaviour §4.1): what concerns all requests of a credential, or only a person at it can mend,
/// on the credential; what concerns the endpoint, on each that met it.
pub(super) fn is_the_credentials(row: &Row) -> bool {
    ["InvalidClient", "QuotaExhausted"].contains(&row.reason)
        || [NO_SUCH_PATH, "response.redirect"].contains(&row.code)
}

/// Tokens that are issued, with what is said of their life.
pub(super) fn lives() -> Vec<Row> {
    let silent = json!({"exp": null, "iat": null});
    let hidden = json!({"access_token": "opaque", "application_name": SECRET, "organization_name": "\u{1b}[31m\r\n\"\\/x", "api_product_list": ["\u{202e}", SECRET]});
    let issued = |why: &str, answer: Value, claims: Value| row(why, granted(answer, claims), "Issued", "");
    let unusable = |why: &str, answer: Value, claims: Value| {
        row(why, granted(answer, claims), "UnusableToken", "response.lifetime")
    };
    let mut rows = vec![
        row("by TLS", Source::Tls(Certificate::Good), "Issued", ""),
        issued("no JWT", json!({"access_token": "opaque"}), json!({})),
        issued("a JWT without exp", json!({}), json!({"exp": null})),
        issued("two dots", json!({"access_token": "a..b"}), json!({})),
        issued("what may not be shown", hidden, json!({})),
        issued("60 KB", json!({"access_token": "x".repeat(60_000)}), json!({})),
        unusable("over already", json!({}), json!({"iat": 1_500_000_000, "exp": 1_600_000_000})),
        unusable("over already, says a text", json!({}), json!({"exp": "1600000000"})),
        unusable("29 seconds", json!({"expires_in": "29"}), json!({})),
    ];
    for exp in [
        json!("never"),
        json!(-1),
        json!(0),
        json!(i64::MAX),
        json!(1e300),
        json!([1]),
        json!({"a": 1}),
        json!(true),
    ] {
        rows.push(issued(
            &format!("exp {exp}"),
            json!({}),
            json!({"exp": exp, "srv": {"expirationTime": exp}}),
        ));
    }
    for life in [
        Value::Null,
        json!(0),
        json!("-1"),
        json!("soon"),
        json!(1e300),
        json!("99999999999999999999"),
        json!([600]),
        json!({"a": 1}),
    ] {
        rows.push(unusable(&format!("expires_in {life}"), json!({"expires_in": life}), silent.clone()));
    }
    rows
}

/// What a request's own calls may meet, after its credential has its token. A shared token that is refused is not among
/// them: it is replaced (`many_requests`).
pub(super) fn of_requests(call: Call) -> Vec<Row> {
    let rows = [too_late(), broken_bytes(), broken_bodies(), refusals(), known_codes(), odd_tokens(call)];
    let rows = rows.into_iter().flatten();
    let refuses_the_token = |row: &Row| call == Call::ServiceToken && TOKEN_CODES.contains(&row.code);
    let later = |mut row: Row| {
        match &mut row.source {
            Source::Emulator(plan) => plan.call = Some(call),
            Source::Bytes(instead_of, ..) => *instead_of = call,
            _ => return None,
        }
        // Without a code it may be what the request asks for that is refused so.
        if row.why.starts_with("401 of") {
            row.reason = if call == Call::ServiceToken { "AccessDenied" } else { "UnexpectedResponse" };
        }
        Some(row)
    };
    rows.filter(|row| !refuses_the_token(row)).filter_map(later).collect()
}

/// What only an answer to this call can have in its token, or say of its life.
fn odd_tokens(call: Call) -> Vec<Row> {
    let silent = json!({"exp": null, "iat": null, "srv": null});
    let unusable = |why: String, answer: Value, claims: Value| {
        row(&why, granted(answer, claims), "UnusableToken", "response.lifetime")
    };
    if call == Call::ServiceToken {
        let text = r#"{"token":"canary-41c7\n\u001b[31m","purpose":"x","expirationTime":9999999999}"#;
        let odd = row(
            "control characters in it",
            answers(200, raw(text)),
            "UnexpectedResponse",
            "response.noToken",
        );
        return vec![
            odd,
            unusable(
                "over already".to_owned(),
                json!({}),
                json!({"iat": 1_500_000_000, "exp": 1_600_000_000}),
            ),
        ];
    }
    let lives = [Value::Null, json!(0), json!("-1"), json!("soon"), json!("29")];
    let rows =
        lives.map(|life| unusable(format!("expires_in {life}"), json!({"expires_in": life}), silent.clone()));
    rows.into()
}

pub(super) fn gateway(code: &str) -> BodyKind {
    BodyKind::Gateway { code: code.to_owned(), text: CANARY.to_owned() }
}

fn emulator(plan: FaultPlan) -> Source {
    Source::Emulator(Box::new(plan))
}

pub(super) fn answers(status: u16, body: BodyKind) -> Source {
    let headers = [("x-said".to_owned(), CANARY.to_owned())].into();
    emulator(FaultPlan { status: Some(status), body: Some(body), headers, ..FaultPlan::default() })
}

fn redirect() -> Source {
    let headers = [("location".to_owned(), format!("http://127.0.0.1:1/{CANARY}"))].into();
    emulator(FaultPlan { status: Some(307), headers, ..FaultPlan::default() })
}

fn raw(text: &str) -> BodyKind {
    BodyKind::Raw { text: text.to_owned() }
}

/// A token that lives for 600 seconds, unless `answer` or `claims` say otherwise.
#[expect(clippy::needless_pass_by_value, reason = "callers write both where they call")]
fn granted(answer: Value, claims: Value) -> Source {
    let mut said = Map::from_iter([("expires_in".to_owned(), json!("600"))]);
    said.extend(answer.as_object().cloned().unwrap_or_default());
    let claims = claims.as_object().cloned().unwrap_or_default();
    emulator(FaultPlan { call: Some(Call::AccessToken), answer: said, claims, ..FaultPlan::default() })
}

pub(super) fn row(why: &str, source: Source, reason: &'static str, code: &'static str) -> Row {
    Row { why: why.to_owned(), source, reason, code }
}

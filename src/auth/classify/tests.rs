//! Every row of the fault table, in both body shapes, and that no answer at all leaves a trace in a fault.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Answer, classify};
use crate::auth::{Call, Class, ErrorCode, Fault, Kind, Scope};

const CALLS: [Call; 3] = [Call::AccessToken, Call::ServiceToken, Call::Exchange];

fn answer(status: u16, body: &[u8]) -> Answer<'_> {
    Answer { status, retry_after: None, now: "2026-11-24T12:00:00Z".parse().unwrap(), body }
}

fn gateway(code: &str) -> String {
    format!(r#"{{"fault":{{"faultstring":"text","detail":{{"errorcode":"{code}"}}}}}}"#)
}

fn application(status: u16, error: &str) -> String {
    format!(r#"{{"timestamp":"t","status":{status},"error":"{error}","message":"text","path":"/p"}}"#)
}

fn told(call: Call, status: u16, body: &str) -> (Class, Scope) {
    let fault = classify(call, &answer(status, body.as_bytes()));
    assert_eq!(fault.http_status, Some(status));
    (fault.class, fault.scope)
}

/// Codes whose meaning depends on neither call nor status, with the statuses they were seen with.
const PLAIN: &[(Class, Scope, &[u16], &[&str])] = &[
    (Class::Throttled, Scope::Endpoint, &[429, 500, 503], &["policies.ratelimit.SpikeArrestViolation"]),
    (Class::QuotaExhausted, Scope::Credential, &[429, 500, 403], &["policies.ratelimit.QuotaViolation"]),
    (
        Class::Transient,
        Scope::Endpoint,
        &[500, 503, 504],
        &[
            "policies.ratelimit.FailedToResolveSpikeArrestRate",
            "policies.ratelimit.InvalidMessageWeight",
            "policies.ratelimit.FailedToResolveQuotaIntervalReference",
            "policies.ratelimit.FailedToResolveQuotaIntervalTimeUnitReference",
            "policies.ratelimit.InvalidQuotaInterval",
            "policies.ratelimit.InvalidQuotaTimeUnit",
            "messaging.adaptors.http.flow.GatewayTimeout",
            "messaging.adaptors.http.flow.ServiceUnavailable",
        ],
    ),
    (
        Class::CredentialRefused,
        Scope::Credential,
        &[401, 500],
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
            "oauth.v2.InvalidClientIdentifier",
        ],
    ),
    (
        Class::RequestRefused,
        Scope::Credential,
        &[401, 404],
        &["keymanagement.service.apiresource_doesnot_exist"],
    ),
];

#[test]
fn a_known_code_means_the_same_with_every_status() {
    for (class, scope, statuses, codes) in PLAIN {
        for code in *codes {
            for status in *statuses {
                for call in CALLS {
                    let told = told(call, *status, &gateway(code));
                    assert_eq!(told, (*class, *scope), "{call:?} {code} {status}");
                }
            }
        }
    }
}

#[test]
fn our_refused_token_is_told_from_a_refused_login() {
    for code in [
        "keymanagement.service.access_token_expired",
        "keymanagement.service.invalid_access_token",
        "oauth.v2.InvalidAccessToken",
        "oauth.v2.AccessTokenExpired",
    ] {
        for status in [401, 500, 400] {
            let told = told(Call::ServiceToken, status, &gateway(code));
            assert_eq!(told, (Class::OurTokenRefused, Scope::Credential), "{code} {status}");
        }
    }
    let wrong_login = gateway("Unauthorized");
    assert_eq!(told(Call::ServiceToken, 401, &wrong_login), (Class::OurTokenRefused, Scope::Request));
    for call in [Call::AccessToken, Call::Exchange] {
        assert_eq!(told(call, 401, &wrong_login), (Class::CredentialRefused, Scope::Credential));
    }
}

#[test]
fn a_refused_request_is_parked_where_it_belongs() {
    let refused = gateway("Bad Request");
    assert_eq!(told(Call::AccessToken, 400, &refused), (Class::RequestRefused, Scope::Credential));
    assert_eq!(told(Call::Exchange, 400, &refused), (Class::RequestRefused, Scope::Request));
    let refused = application(400, "BAD_REQUEST");
    assert_eq!(told(Call::ServiceToken, 400, &refused), (Class::RequestRefused, Scope::Request));
    assert_eq!(
        told(Call::ServiceToken, 422, &application(422, "x")),
        (Class::RequestRefused, Scope::Request)
    );
    let forbidden = application(403, "FORBIDDEN");
    assert_eq!(told(Call::ServiceToken, 403, &forbidden), (Class::Forbidden, Scope::Request));
    assert_eq!(told(Call::AccessToken, 403, &forbidden), (Class::Forbidden, Scope::Credential));
    for code in [
        "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound",
        "steps.oauth.v2.insufficient_scope",
        "InsufficientScope",
    ] {
        for status in [401, 403] {
            assert_eq!(told(Call::ServiceToken, status, &gateway(code)), (Class::Forbidden, Scope::Request));
            assert_eq!(
                told(Call::AccessToken, status, &gateway(code)),
                (Class::Forbidden, Scope::Credential)
            );
        }
    }
    // An interview that does not exist, as well as a path.
    for structured in [&application(404, "NOT_FOUND"), &gateway("never.heard.of")] {
        for status in [404, 405, 410] {
            let told = |call| told(call, status, structured);
            assert_eq!(told(Call::AccessToken), (Class::RequestRefused, Scope::Credential));
            for call in [Call::ServiceToken, Call::Exchange] {
                assert_eq!(told(call), (Class::RequestRefused, Scope::Request));
            }
        }
    }
}

/// A firewall that takes offence at what one request claims says so in a page of its own: that must not hold up the
/// credential's other requests.
#[test]
fn a_refusal_in_nobodys_words_is_the_requests_own() {
    for status in [400, 401, 403, 404, 405, 406, 410, 418, 451] {
        for page in ["<html>Request blocked", "", "blocked", "[]"] {
            for call in [Call::ServiceToken, Call::Exchange] {
                assert_eq!(told(call, status, page), (Class::Unexpected, Scope::Request), "{status} {page}");
            }
            assert_eq!(told(Call::AccessToken, status, page), (Class::Unexpected, Scope::Credential));
        }
    }
    for json in ["{}", r#"{"message":"Forbidden"}"#, r#"{"fault":"blocked"}"#, r#"{"status":"blocked"}"#] {
        for call in [Call::ServiceToken, Call::Exchange] {
            for status in [400, 401, 403, 404, 405, 410] {
                assert_eq!(told(call, status, json).1, Scope::Request, "{status} {json}");
            }
            for status in [401, 403] {
                assert_eq!(told(call, status, json).0, Class::Unexpected, "{status} {json}");
            }
        }
    }
}

/// The login itself is one call, and nobody else's: whoever answers it with 401 has refused it. Of what a request brought that is
/// said in the service's own shape, too: only a code tells that it is the login.
#[test]
fn a_refused_login_is_seen_in_whatever_shape_it_is_told() {
    for json in
        ["{}", r#"{"message":"Unauthorized"}"#, r#"{"status":401,"path":"/p"}"#, &gateway("never.heard.of")]
    {
        let told = told(Call::AccessToken, 401, json);
        assert_eq!(told, (Class::CredentialRefused, Scope::Credential), "{json}");
    }
    for json in [
        r#"{"status":401,"message":"m","path":"/p"}"#,
        &application(401, "Unauthorized"),
        &gateway("never.heard.of"),
    ] {
        let told = |call| told(call, 401, json);
        assert_eq!(told(Call::AccessToken), (Class::CredentialRefused, Scope::Credential), "{json}");
        assert_eq!(told(Call::ServiceToken), (Class::OurTokenRefused, Scope::Request), "{json}");
        assert_eq!(told(Call::Exchange), (Class::Unexpected, Scope::Request), "{json}");
    }
}

#[test]
fn other_shapes_carry_codes_too() {
    let third = r#"{"ErrorCode":"invalid_client","Error":"ClientId is Invalid"}"#;
    assert_eq!(told(Call::AccessToken, 500, third), (Class::CredentialRefused, Scope::Credential));
    assert_eq!(told(Call::AccessToken, 401, third), (Class::CredentialRefused, Scope::Credential));
    let oauth = r#"{"error":"invalid_grant"}"#;
    assert_eq!(told(Call::Exchange, 400, oauth), (Class::RequestRefused, Scope::Request));
    let throttled = r#"{"error":"throttled","message":"wait"}"#;
    assert_eq!(told(Call::AccessToken, 403, throttled), (Class::Throttled, Scope::Endpoint));
}

#[test]
fn without_a_known_code_the_status_tells() {
    for call in CALLS {
        for body in ["", "<html>", "{}", r#"{"fault":"x"}"#, &gateway("never.heard.of")] {
            assert_eq!(told(call, 429, body), (Class::Throttled, Scope::Endpoint));
            for status in [408, 500, 502, 503, 504, 599] {
                assert_eq!(told(call, status, body), (Class::Transient, Scope::Endpoint), "{status} {body}");
            }
            assert_eq!(told(call, 302, body).0, Class::Unexpected);
        }
        for body in ["", "<html>", "[]", "\"\"", "{", "null"] {
            assert_eq!(told(call, 200, body), (Class::Unexpected, Scope::Endpoint), "{body}");
        }
        assert_eq!(told(call, 200, "{}"), (Class::Unexpected, call.own_scope()));
    }
    // A success that is a fault in disguise.
    let disguised = gateway("policies.ratelimit.QuotaViolation");
    assert_eq!(told(Call::AccessToken, 200, &disguised), (Class::QuotaExhausted, Scope::Credential));
    // A general word under another status means what the status means.
    assert_eq!(told(Call::AccessToken, 500, &gateway("Unauthorized")), (Class::Transient, Scope::Endpoint));
}

#[test]
fn a_body_that_says_nothing_gets_a_word_of_ours() {
    let code = |status, body: &str| classify(Call::AccessToken, &answer(status, body.as_bytes())).error_code;
    assert_eq!(code(200, ""), Some(ErrorCode::Empty));
    assert_eq!(code(200, "<html>"), Some(ErrorCode::Unreadable));
    assert_eq!(code(200, "{}"), Some(ErrorCode::NoToken));
    assert_eq!(code(301, "{}"), Some(ErrorCode::Redirect));
    assert_eq!(code(503, "{}"), None);
    // Our own words mean nothing when the service says them.
    assert_eq!(code(503, &gateway("connection.tls")), None);
}

#[test]
fn a_wait_is_honoured_up_to_a_quarter_of_an_hour() {
    let told = |status, text: Option<&str>, body: &str| {
        let answer = Answer { retry_after: text, ..answer(status, body.as_bytes()) };
        classify(Call::AccessToken, &answer).retry_after.map(|wait| wait.as_secs())
    };
    assert_eq!(told(429, Some("7"), ""), Some(7));
    assert_eq!(told(429, Some(" 900 "), ""), Some(900));
    assert_eq!(told(429, Some("901"), ""), Some(900));
    assert_eq!(told(429, Some("99999999999999999999999999"), ""), Some(900));
    assert_eq!(told(503, Some("0"), ""), Some(0));
    assert_eq!(told(429, Some("Tue, 24 Nov 2026 12:00:30 GMT"), ""), Some(30));
    assert_eq!(told(429, Some("Tue, 24 Nov 2026 11:00:00 GMT"), ""), Some(0));
    assert_eq!(told(429, Some("Wed, 25 Nov 2026 11:00:00 GMT"), ""), Some(900));
    for nonsense in ["", "-1", "soon", "1.5", "NaN", "Tue, 99 Nov 2026"] {
        assert_eq!(told(429, Some(nonsense), ""), None, "{nonsense}");
    }
    let paced = |rate: &str| {
        let code = "policies.ratelimit.SpikeArrestViolation";
        format!(r#"{{"fault":{{"faultstring":"Spike {rate}","detail":{{"errorcode":"{code}"}}}}}}"#)
    };
    let rate = "MessageRate{messagesPerPeriod=6, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}";
    assert_eq!(told(429, None, &paced(rate)), Some(10));
    assert_eq!(told(429, Some("3"), &paced(rate)), Some(3));
    assert_eq!(told(429, None, &paced("messagesPerPeriod=0, periodInMicroseconds=1")), None);
    assert_eq!(told(429, None, &paced("messagesPerPeriod=99999999999999999999")), None);
    assert_eq!(told(500, None, &gateway("policies.ratelimit.InvalidQuotaInterval")), Some(300));
}

#[test]
fn every_class_is_told_in_its_own_way() {
    let class = |status, body: &str| classify(Call::AccessToken, &answer(status, body.as_bytes())).kind();
    assert_eq!(class(503, ""), Kind::ServiceUnavailable);
    assert_eq!(class(200, ""), Kind::UnexpectedResponse);
    assert_eq!(class(401, &gateway("Unauthorized")), Kind::InvalidClient);
    assert_eq!(class(429, ""), Kind::Throttled);
}

/// Bodies of every shape with `canary` wherever text can stand.
fn body(canary: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&'static str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let code = prop_oneof![
        Just(canary.to_owned()),
        proptest::sample::select(known).prop_map(str::to_owned),
        ".{0,40}",
    ];
    let nested = code.clone().prop_map(move |code| {
        let text = format!("{canary} MessageRate{{messagesPerPeriod=1, periodInMicroseconds={canary}");
        serde_json::json!({
            "fault": {"faultstring": text, "detail": {"errorcode": code}},
            "access_token": canary, "expires_in": canary, canary: canary,
        })
    });
    let flat =
        code.prop_map(move |code| serde_json::json!({"error": code, "message": canary, "path": canary}));
    prop_oneof![
        nested.prop_map(|body| body.to_string().into_bytes()),
        flat.prop_map(|body| body.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..300),
        ".{0,200}".prop_map(move |text| format!("{canary}{text}").into_bytes()),
        (0_usize..5000).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

proptest! {
    #[test]
    fn any_answer_classifies_and_echoes_nothing(
        status in any::<u16>(),
        body in body("canary-5b1e"),
        retry_after in proptest::option::of(prop_oneof!["\\PC{0,60}", "[0-9]{0,30}", Just("canary-5b1e".to_owned())]),
        now in -2_000_000_000_i64..200_000_000_000,
    ) {
        for call in CALLS {
            let answer = Answer {
                status,
                retry_after: retry_after.as_deref(),
                now: Timestamp::from_second(now).unwrap(),
                body: &body,
            };
            let fault: Fault = classify(call, &answer);
            let printed = format!("{fault:?} {:?} {:?}", fault.error_code.map(ErrorCode::as_str), fault.kind());
            prop_assert!(!printed.contains("canary"), "{}", printed);
            let bounds = SignedDuration::ZERO..=SignedDuration::from_mins(15);
            prop_assert!(fault.retry_after.is_none_or(|wait| bounds.contains(&wait)));
            prop_assert_eq!(fault, classify(call, &answer));
        }
    }
}

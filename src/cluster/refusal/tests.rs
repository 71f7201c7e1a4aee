//! Bodies as kube-apiserver 1.37 sends them, cut to what matters.

use std::time::Duration;

use bytes::Bytes;

use super::{Answer, Refusal};
use crate::cluster::intake::Room;

fn of(status: u16, body: &'static str) -> Refusal {
    let body = Bytes::from_static(body.as_bytes());
    Refusal::of(&Answer { status, retry_after: None, body, room: Room::default() })
}

/// Status, body, and what it means.
const CASES: [(u16, &str, Refusal); 15] = [
    (
        409,
        r#"{"kind":"Status","reason":"AlreadyExists","details":{"name":"a","kind":"secrets"}}"#,
        Refusal::Exists,
    ),
    (409, r#"{"reason":"Conflict","details":{"name":"a","kind":"secrets"}}"#, Refusal::Conflict),
    (
        409,
        r#"{"reason":"Conflict","details":{"name":"q","kind":"resourcequotas"}}"#,
        Refusal::Unavailable(None),
    ),
    (404, r#"{"reason":"NotFound","details":{"name":"a","kind":"secrets"}}"#, Refusal::Absent),
    (404, r#"{"reason":"NotFound","details":{"name":"n","kind":"namespaces"}}"#, Refusal::NamespaceAbsent),
    (
        403,
        r#"{"reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating","message":"m","field":"metadata.namespace"}]}}"#,
        Refusal::NamespaceTerminating,
    ),
    (
        403,
        r#"{"reason":"Forbidden","message":"secrets \"a\" is forbidden: exceeded quota: q, requested: x"}"#,
        Refusal::Quota,
    ),
    (
        403,
        r#"{"reason":"Forbidden","message":"secrets is forbidden: User \"u\" cannot create"}"#,
        Refusal::Forbidden,
    ),
    (
        422,
        r#"{"reason":"Invalid","details":{"causes":[{"reason":"FieldValueForbidden","message":"Forbidden: field is immutable when `immutable` is set","field":"data"}]}}"#,
        Refusal::Immutable,
    ),
    (
        422,
        r#"{"reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"eyJ\"","field":"data[x]"}]}}"#,
        Refusal::Invalid,
    ),
    (413, "", Refusal::Invalid),
    (400, "<html>", Refusal::Invalid),
    (504, r#"{"reason":"Timeout"}"#, Refusal::Timeout),
    (500, r#"{"reason":"InternalError"}"#, Refusal::Unavailable(None)),
    (
        429,
        r#"{"reason":"TooManyRequests","details":{"retryAfterSeconds":3}}"#,
        Refusal::Unavailable(Some(Duration::from_secs(3))),
    ),
];

#[test]
fn each_refusal_is_told_apart() {
    for (status, body, expected) in CASES {
        assert_eq!(of(status, body), expected, "{status} {body}");
    }
}

#[test]
fn a_text_with_escapes_is_read_too() {
    let body = r#"{"message":"exceeded quota: \u00e9\n"}"#;
    assert_eq!(of(403, body), Refusal::Quota);
}

#[test]
fn an_answer_without_a_body_is_classified_by_its_status() {
    assert_eq!(of(409, ""), Refusal::Conflict);
    assert_eq!(of(404, "nothing"), Refusal::Unavailable(None));
    assert_eq!(of(403, "null"), Refusal::Forbidden);
}

//! What is read of a JWT, and that nonsense reads as nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::{Times, times};

fn token(payload: &str) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(payload))
}

#[test]
fn times_are_read_as_numbers_or_text() {
    let read = Times { expires: Some(200), issued: Some(100), service_expires: Some(150) };
    for payload in [
        r#"{"exp":200,"iat":100,"srv":{"expirationTime":150}}"#,
        r#"{"exp":"200","iat":"100","srv":{"expirationTime":"150"}}"#,
        r#"{"exp":200.9,"iat":1e2,"srv":{"expirationTime":150,"purpose":"p"},"aud":["x"]}"#,
    ] {
        assert_eq!(times(&token(payload)), read, "{payload}");
    }
}

#[test]
fn what_cannot_be_read_counts_as_missing() {
    for payload in [
        "{}",
        r#"{"exp":null,"iat":[],"srv":"x"}"#,
        r#"{"exp":"soon","iat":"NaN","srv":{"expirationTime":{}}}"#,
        r#"{"exp":1e300,"iat":true,"srv":[1]}"#,
        "[]",
        "\u{0}",
    ] {
        assert_eq!(times(&token(payload)), Times::default(), "{payload}");
    }
    let only_exp = times(&token(r#"{"exp":200,"iat":"NaN"}"#));
    assert_eq!((only_exp.expires, only_exp.issued), (Some(200), None));
}

#[test]
fn what_is_no_jwt_is_opaque() {
    let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":200,"iat":100}"#);
    let nested = format!("{}1{}", r#"{"srv":"#.repeat(3000), "}".repeat(3000));
    let large = format!(r#"{{"exp":200,"pad":"{}"}}"#, "x".repeat(48 * 1024));
    for text in [
        String::new(),
        "opaque".to_owned(),
        payload.clone(),
        format!("h.{payload}"),
        format!("h.{payload}.s.t"),
        "h.!!!.s".to_owned(),
        token(&nested),
        token(&large),
    ] {
        assert_eq!(times(&text), Times::default(), "{} characters", text.len());
    }
    assert_eq!(times(&format!("h.{payload}==.s")).expires, Some(200), "padding is forgiven");
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in ".{0,300}", payload in ".{0,300}") {
        let _ = times(&text);
        let _ = times(&token(&payload));
    }
}

//! Golden vectors: an upgrade that changes one of these issues every token anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::SignedDuration;

use crate::decision::inputs::{Subject, credential_made_with, made_for, request_made_with};
use crate::token::ClientSecret;

const SANDBOX: &str = "https://api-sandbox.rocketlawyer.com/partners/v1/auth";

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn scoped(purpose: &str, claims: &[(&str, &str)], as_service_token: bool) -> String {
    let claims: BTreeMap<String, String> = claims.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let subject = Subject { as_service_token, purpose, claims: &claims };
    hex(made_for(SANDBOX, Some(subject)))
}

#[test]
fn what_a_token_is_for() {
    assert_eq!(hex(made_for(SANDBOX, None)), "da74bc0b5d02d35d19feec90d353c8b8");
    let interview = [("interviewId", "42")];
    let rocketdoc = "api.rocketlawyer.com/rocketdoc";
    assert_eq!(scoped(rocketdoc, &interview, false), "1fb046c130472a21d8c1bd42d1d746f8");
    assert_eq!(scoped(rocketdoc, &interview, true), "6c5270e351276111ccb85f4508610d42");
    let party = [("partnerEndUserId", "c-77"), ("upid", "u-1")];
    assert_eq!(
        scoped("api.rocketlawyer.com/binder-party-access", &party, false),
        "32241891bac6a14b84d55bdb75a39f19"
    );
}

#[test]
fn what_a_token_is_made_with() {
    let secret = ClientSecret::read(b"s3cret").unwrap();
    assert_eq!(hex(secret.sign(&credential_made_with("my-app"))), "49204d69659eeb3cf782fdcc83716fe7");
    assert_eq!(hex(request_made_with([1; 16], "my-app", None)), "b57998db4740d28524f28390a583f6c7");
    let day = Some(SignedDuration::from_hours(24));
    assert_eq!(hex(request_made_with([1; 16], "", day)), "977844214b48a41e2d1da6c652ed5c8f");
}

/// No two different inputs share a hash because their texts, strung together, are the same.
#[test]
fn texts_are_told_apart() {
    let differ = [
        scoped("ab", &[("c", "d")], false),
        scoped("a", &[("bc", "d")], false),
        scoped("a", &[("b", "cd")], false),
        scoped("a", &[("b", "c"), ("d", "")], false),
        scoped("a", &[("b", "c")], false),
        scoped("a", &[], false),
        scoped("a", &[], true),
        hex(made_for(SANDBOX, None)),
        hex(made_for("https://api.rocketlawyer.com/partners/v1/auth", None)),
    ];
    for (n, one) in differ.iter().enumerate() {
        assert!(!differ[..n].contains(one), "{n}");
    }
}

/// A rotated client secret replaces the credential's token, and none of the ten thousand made with it.
#[test]
fn a_requests_hash_knows_the_app_and_not_its_secret() {
    assert_ne!(request_made_with([1; 16], "app-1", None), request_made_with([1; 16], "app-2", None));
    assert_ne!(
        request_made_with([1; 16], "app-1", None),
        request_made_with([2; 16], "app-1", None),
        "equal annotations must not show equal apps"
    );
    let of = |secret: &[u8]| ClientSecret::read(secret).unwrap().sign(&credential_made_with("app"));
    assert_ne!(of(b"one"), of(b"two"));
}

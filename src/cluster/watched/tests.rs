//! Whatever stands in spec and status, an object that a watch shows is read, and says of itself what cannot be.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{HEAVIEST_CREDENTIAL, HEAVIEST_REQUEST, SentObject, WatchedObject};
use crate::api::{
    CredentialStatus, RequestStatus, RocketLawyerCredentialSpec, ScopedTokenRequestSpec, names,
};
use crate::decision::{ResourceVersion, SpecFault};

type Credential = WatchedObject<RocketLawyerCredentialSpec, CredentialStatus>;
type Request = WatchedObject<ScopedTokenRequestSpec, RequestStatus>;

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let field = prop_oneof![
            ".{0,12}",
            Just("credentialRef".to_owned()),
            Just("conditions".to_owned()),
            Just("failure".to_owned()),
            Just("renewal".to_owned()),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((field, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A good spec of each kind with one field that is anything.
fn spoilt() -> impl Strategy<Value = Value> {
    let fields = [
        "environment",
        "endpoint",
        "appType",
        "clientSecretRef",
        "secret",
        "renewal",
        "suspend",
        "allowedNamespaces",
        "credentialRef",
        "claims",
        "renewUntil",
        "ttlSecondsAfterFinished",
        "deliver",
    ];
    (prop::sample::select(fields.to_vec()), anything()).prop_map(|(field, value)| {
        let mut spec = json!({
            "environment": "Sandbox",
            "clientSecretRef": {"name": "client"},
            "credentialRef": {"name": "partner"},
            "interviewId": "42",
        });
        spec[field] = value;
        spec
    })
}

fn sent(spec: &Value, status: &Value) -> SentObject {
    let text = json!({
        "apiVersion": "auth.rocketlawyer.com/v0",
        "kind": "Older",
        "metadata": {
            "name": "it", "namespace": "legal", "uid": "u", "resourceVersion": "7", "generation": 3,
            "annotations": {names::RENEW_REQUESTED_AT: "now"},
        },
        "spec": spec,
        "status": status,
    })
    .to_string();
    serde_json::from_str(&text).expect("an object is read whatever its spec and status are")
}

fn credential(spec: &Value, status: &Value) -> Credential {
    sent(spec, status).slim(HEAVIEST_CREDENTIAL)
}

fn request(spec: &Value, status: &Value) -> Request {
    sent(spec, status).slim(HEAVIEST_REQUEST)
}

fn says_who_it_is<Spec, Status>(it: &WatchedObject<Spec, Status>) {
    let named = (&*it.namespace, &*it.name, &*it.uid, it.version, it.generation);
    assert_eq!(named, ("legal", "it", "u", ResourceVersion(7), 3));
    assert_eq!(it.renew_request.as_deref(), Some("now"));
    assert!(!it.deleting);
}

proptest! {
    #[test]
    fn no_spec_and_no_status_hides_its_object(spec in prop_oneof![anything(), spoilt()], status in anything()) {
        says_who_it_is(&credential(&spec, &status));
        says_who_it_is(&request(&spec, &status));
    }
}

#[test]
fn a_spec_of_another_schema_is_told_from_a_good_one() {
    let good = json!({"environment": "Sandbox", "clientSecretRef": {"name": "client"}});
    let read = |spec: &Value| credential(spec, &json!(7));
    assert!(read(&good).spec.is_ok());
    assert_eq!(read(&good).status, None);
    for wrong in
        [json!(null), json!([]), json!({"environment": "Staging"}), json!({"clientSecretRef": "client"})]
    {
        assert_eq!(read(&wrong).spec, Err(SpecFault::Undecodable), "{wrong}");
    }
}

#[test]
fn what_would_fill_memory_is_not_kept() {
    let spec = json!({"credentialRef": {"name": "partner"}, "interviewId": "42"});
    let with = |field: &str, value: Value| {
        let mut spec = spec.clone();
        spec[field] = value;
        spec
    };
    // What the first schema let through: characters were counted.
    let claims: Map<_, _> = (0..16).map(|n| (format!("c{n}"), json!("𝒳".repeat(1024)))).collect();
    for heavy in [with("claims", json!(claims)), with("purpose", json!("x".repeat(HEAVIEST_REQUEST)))] {
        assert_eq!(request(&heavy, &json!({})).spec.err(), Some(SpecFault::TooHeavy));
    }
    let many = json!({"from": "Selected", "names": vec![""; 10_000]});
    let heavy =
        json!({"environment": "Sandbox", "clientSecretRef": {"name": "c"}, "allowedNamespaces": many});
    assert_eq!(credential(&heavy, &json!({})).spec.err(), Some(SpecFault::TooHeavy));

    let status = |message: String| json!({"conditions": [{"type": "Ready", "message": message}]});
    assert!(request(&spec, &status("x".repeat(4096))).status.is_some());
    assert!(request(&spec, &status("x".repeat(1 << 20))).status.is_none());
}

//! What is written reads back as it was written, and nothing else does.

mod properties;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Draft, Over, OwnedBy, StoredSecret, kept, manifest, record};
use crate::api::names;
use crate::decision::{
    Content, InputsHash, KeyNames, Kind, Owner, Record, ResourceVersion, SeenSecret, Template,
};
use crate::token::{AccessToken, Deliverable, ScopedToken};

const OWNER: OwnedBy<'static> =
    OwnedBy { kind: Kind::Credential, name: "partner", uid: "7d1f0a52-0c3c-4a53-9d0e-6a3a0f7f6c11" };

/// What it is, and how it is made.
type Edit = (&'static str, fn(&mut Value));

fn template() -> Template {
    Template {
        name: "partner-access-token".into(),
        labels: BTreeMap::from([("team".into(), "legal".into())]),
        annotations: BTreeMap::from([("example.com/note".into(), "a \"quoted\" one".into())]),
        keys: KeyNames {
            token: "access_token".into(),
            token_type: "token_type".into(),
            authorization: "authorization".into(),
            expires_at: "expires_at".into(),
        },
    }
}

fn record() -> Record {
    Record {
        issued_at: "2026-11-24T15:15:00.123456789Z".parse().unwrap(),
        expires_at: "2026-11-24T20:15:00.5Z".parse().unwrap(),
        inputs: InputsHash::V1 { made_for: [0xab; 16], made_with: [0x01; 16] },
        renew_handled: Some("by hand, once".into()),
    }
}

fn written(template: &Template, record: &Record, token: &dyn Deliverable, over: Option<Over<'_>>) -> Value {
    let draft = Draft { namespace: "legal", owner: OWNER, template, record, token };
    serde_json::from_slice(&manifest(&draft, over).0).unwrap()
}

fn example() -> Value {
    written(&template(), &record(), &AccessToken::read("eyJ0.e30.c2ln").unwrap(), None)
}

fn stored(json: &Value) -> StoredSecret {
    StoredSecret::parse(json.to_string().as_bytes()).unwrap()
}

fn seen(json: &Value) -> SeenSecret {
    stored(json).seen()
}

/// The form is what other versions of the operator find in clusters: changing this text changes them all.
#[test]
fn the_written_form_is_golden() {
    let pretty = serde_json::to_string_pretty(&example()).unwrap();
    insta::assert_snapshot!(pretty, @r#"
    {
      "apiVersion": "v1",
      "data": {
        "access_token": "ZXlKMC5lMzAuYzJsbg==",
        "authorization": "QmVhcmVyIGV5SjAuZTMwLmMybG4=",
        "expires_at": "MjAyNi0xMS0yNFQyMDoxNTowMFo=",
        "token_type": "QmVhcmVy"
      },
      "kind": "Secret",
      "metadata": {
        "annotations": {
          "auth.rocketlawyer.com/content-hash": "2ab65bc9456c82492daa4b1046215cfb27fa1086fcc0b69ad1dcb8e7a9f0c66d",
          "auth.rocketlawyer.com/expires-at": "2026-11-24T20:15:00.5Z",
          "auth.rocketlawyer.com/inputs-hash": "v1:abababababababababababababababab.01010101010101010101010101010101",
          "auth.rocketlawyer.com/issued-at": "2026-11-24T15:15:00.123456789Z",
          "auth.rocketlawyer.com/renew-request-handled": "by hand, once",
          "example.com/note": "a \"quoted\" one"
        },
        "labels": {
          "app.kubernetes.io/managed-by": "rocketlawyer-operator",
          "team": "legal"
        },
        "name": "partner-access-token",
        "namespace": "legal",
        "ownerReferences": [
          {
            "apiVersion": "auth.rocketlawyer.com/v1alpha1",
            "controller": true,
            "kind": "RocketLawyerCredential",
            "name": "partner",
            "uid": "7d1f0a52-0c3c-4a53-9d0e-6a3a0f7f6c11"
          }
        ]
      },
      "type": "auth.rocketlawyer.com/token"
    }
    "#);
}

#[test]
fn a_replacement_carries_both_preconditions() {
    let over = Over { uid: "u-1", version: ResourceVersion(42) };
    let token = AccessToken::read("t").unwrap();
    let body = written(&template(), &record(), &token, Some(over));
    assert_eq!(body["metadata"]["uid"], "u-1");
    assert_eq!(body["metadata"]["resourceVersion"], "42");
}

/// The renderer itself asserts that its buffer did not grow.
#[test]
fn the_longest_token_fits_the_buffer() {
    let token = AccessToken::read(&"x".repeat(60_000)).unwrap();
    let body = written(&template(), &record(), &token, None);
    assert_eq!(
        stored(&body).token(AccessToken::read).unwrap().for_managed_secret(),
        token.for_managed_secret()
    );
}

#[test]
fn what_was_written_is_seen_as_it_was_written() {
    let mut body = example();
    body["metadata"]["uid"] = json!("u-1");
    body["metadata"]["resourceVersion"] = json!("42");
    let expected = SeenSecret {
        uid: "u-1".into(),
        version: ResourceVersion(42),
        owner: Owner::Ours { kind: Kind::Credential, name: OWNER.name.into(), uid: OWNER.uid.into() },
        record: Some(record()),
        content: Content::Intact,
        seal: body["metadata"]["annotations"][names::CONTENT_HASH].as_str().and_then(super::content::seal),
        rendering: template().rendering(),
        immutable: false,
        deleting: false,
    };
    assert!(expected.seal.is_some());
    assert_eq!(seen(&body), expected);
    assert!(stored(&body).has_our_type());
}

#[test]
fn immutable_and_deleting_are_seen() {
    let mut body = example();
    body["immutable"] = json!(true);
    body["metadata"]["deletionTimestamp"] = json!("2026-11-24T15:15:00Z");
    let seen = seen(&body);
    assert!(seen.immutable && seen.deleting);
}

#[test]
fn every_controller_is_told_apart() {
    let with = |reference: Value| {
        let mut body = example();
        body["metadata"]["ownerReferences"] = reference;
        seen(&body).owner
    };
    let ours = json!({"apiVersion": "auth.rocketlawyer.com/v1", "kind": "ScopedTokenRequest", "name": "n", "uid": "u", "controller": true});
    let foreign_group = json!({"apiVersion": "example.com/v1", "kind": "ScopedTokenRequest", "name": "n", "uid": "u", "controller": true});
    let foreign_kind = json!({"apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "Other", "name": "n", "uid": "u", "controller": true});
    // The API server takes a megabyte of either, and what is known of every Secret is kept.
    for (part, text) in
        [("name", "n".repeat(254)), ("name", "Not a name".to_owned()), ("uid", "u".repeat(65))]
    {
        let mut impossible = ours.clone();
        impossible[part] = json!(text);
        assert_eq!(with(json!([impossible])), Owner::Other, "{part}");
    }
    let mut not_controlling = ours.clone();
    not_controlling["controller"] = json!(false);
    assert_eq!(with(json!([])), Owner::Nobody);
    assert_eq!(with(json!(null)), Owner::Nobody);
    assert_eq!(with(json!([not_controlling])), Owner::Nobody);
    assert_eq!(with(json!([foreign_group])), Owner::Other);
    assert_eq!(with(json!([foreign_kind])), Owner::Other);
    let (kind, name, uid) = (Kind::Request, "n".into(), "u".into());
    assert_eq!(with(json!([not_controlling, ours])), Owner::Ours { kind, name, uid });
}

#[test]
fn an_edit_of_the_data_or_the_record_is_seen() {
    let edits: [Edit; 9] = [
        ("a key added", |b| b["data"]["extra"] = json!("eA==")),
        ("an empty key added", |b| b["data"]["extra"] = json!("")),
        ("a key removed", |b| {
            drop(b["data"].as_object_mut().unwrap().remove("token_type"));
        }),
        ("a value changed", |b| b["data"]["access_token"] = json!("eA==")),
        ("all data gone", |b| b["data"] = json!(null)),
        ("issued-at moved", |b| {
            b["metadata"]["annotations"][names::ISSUED_AT] = json!("2026-11-24T15:15:00Z");
        }),
        ("expires-at moved", |b| {
            b["metadata"]["annotations"][names::EXPIRES_AT] = json!("2027-11-24T20:15:00Z");
        }),
        ("renew-request-handled gone", |b| {
            drop(b["metadata"]["annotations"].as_object_mut().unwrap().remove(names::RENEW_REQUEST_HANDLED));
        }),
        ("content-hash gone", |b| {
            drop(b["metadata"]["annotations"].as_object_mut().unwrap().remove(names::CONTENT_HASH));
        }),
    ];
    for (what, edit) in edits {
        let mut body = example();
        edit(&mut body);
        assert_eq!(seen(&body).content, Content::Edited, "{what}");
        assert!(stored(&body).token(AccessToken::read).is_none(), "{what}");
    }
}

#[test]
fn an_edit_of_what_is_shown_changes_the_rendering_alone() {
    let edits: [Edit; 4] = [
        ("label added", |b| b["metadata"]["labels"]["x"] = json!("y")),
        ("label changed", |b| b["metadata"]["labels"]["team"] = json!("y")),
        ("annotation added", |b| {
            b["metadata"]["annotations"]["x"] = json!("y");
        }),
        ("managed-by lost", |b| {
            b["metadata"]["labels"][names::MANAGED_BY_LABEL] = json!("helm");
        }),
    ];
    for (what, edit) in edits {
        let mut body = example();
        edit(&mut body);
        let seen = seen(&body);
        assert_ne!(seen.rendering, template().rendering(), "{what}");
        assert_eq!(seen.content, Content::Intact, "{what}");
        assert_eq!(seen.record, Some(record()), "{what}");
    }
}

#[test]
fn a_token_is_found_whatever_its_key_is_called() {
    let mut template = template();
    template.keys.token = "zz".into();
    template.keys.authorization = "aa".into();
    let body = written(&template, &record(), &AccessToken::read("eyJ0").unwrap(), None);
    let token = stored(&body).token(AccessToken::read).unwrap();
    assert_eq!(token.for_managed_secret(), "eyJ0");
}

#[test]
fn a_token_survives_keys_that_were_added_and_no_other_edit() {
    let salvage = |body: &Value| stored(body).salvage(&template().keys, ScopedToken::read);
    let mut body = example();
    body["data"]["extra"] = json!("eA==");
    let (token, record) = salvage(&body).unwrap();
    assert_eq!(token.for_managed_secret(), "eyJ0.e30.c2ln");
    assert_eq!(record, self::record());
    for key in ["access_token", "authorization", "expires_at", "token_type"] {
        let mut edited = body.clone();
        edited["data"][key] = json!("eA==");
        assert!(salvage(&edited).is_none(), "{key}");
    }
}

#[test]
fn a_broken_secret_is_read_without_its_record() {
    let body = json!({"metadata": {"name": "n", "annotations": null, "labels": null}, "type": names::SECRET_TYPE,
        "data": {"a": "not base64!", "b": null}});
    let seen = seen(&body);
    assert_eq!(seen.record, None);
    assert_eq!(seen.content, Content::Edited);
    assert!(StoredSecret::parse(b"{\"data\": 1}").is_none());
}

#[test]
fn inputs_hashes_of_every_version_are_kept() {
    let ours = InputsHash::V1 { made_for: [0xab; 16], made_with: [0x01; 16] };
    let text = "v1:abababababababababababababababab.01010101010101010101010101010101";
    assert_eq!(record::inputs_text(&ours), text);
    assert_eq!(record::parse_inputs(text), Some(ours));
    let newer = InputsHash::Other("v2:anything".into());
    assert_eq!(record::parse_inputs("v2:anything"), Some(newer.clone()));
    assert_eq!(record::inputs_text(&newer), "v2:anything");
    for broken in ["", "v1:", "v1:ab.cd", "x", "v:x", "vx:y", &text[..text.len() - 1], &text.to_uppercase()] {
        assert_eq!(record::parse_inputs(broken), None, "{broken}");
    }
}

#[test]
fn the_data_show_an_end_that_is_never_too_late() {
    let body = example();
    let shown: Vec<u8> = base64::Engine::decode(
        &base64::prelude::BASE64_STANDARD,
        body["data"]["expires_at"].as_str().unwrap(),
    )
    .unwrap();
    assert_eq!(shown, b"2026-11-24T20:15:00Z");
}

/// Whoever may annotate fills no memory: a long text is told from others by its digest, which is what is recorded as handled.
#[test]
fn of_a_long_annotation_a_digest_is_kept() {
    let now = "2026-11-24T12:00:00+01:00";
    assert_eq!(&*kept(now), now);
    let long = "x".repeat(256 * 1024);
    let digest = kept(&long);
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert_ne!(digest, kept(&long[1..]));
    assert_eq!(kept(&digest), digest, "what was recorded of it is the same");
    assert!(record::parse_inputs("v2:abc").is_some());
    assert_eq!(record::parse_inputs(&format!("v2:{long}")), None);
}

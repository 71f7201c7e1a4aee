//! For any template, record and token: reading undoes writing, and no edit goes unseen.

use jiff::Timestamp;
use proptest::{collection::btree_map, option, prelude::*};
use serde_json::json;

use super::{example, seen, stored, written};
use crate::api::names;
use crate::decision::{Content, InputsHash, KeyNames, Record, Template};
use crate::token::{AccessToken, Deliverable as _};

fn any_record() -> impl Strategy<Value = Record> {
    let time =
        || (0_i64..4_000_000_000, 0_i32..1_000_000_000).prop_map(|(s, n)| Timestamp::new(s, n).unwrap());
    let inputs = prop_oneof![
        any::<([u8; 16], [u8; 16])>()
            .prop_map(|(made_for, made_with)| InputsHash::V1 { made_for, made_with }),
        "v[2-9]:[ -~]{0,20}".prop_map(|text| InputsHash::Other(text.into())),
    ];
    (time(), time(), inputs, option::of("\\PC{0,20}")).prop_map(|(issued_at, expires_at, inputs, handled)| {
        Record { issued_at, expires_at, inputs, renew_handled: handled.map(Into::into) }
    })
}

fn any_template() -> impl Strategy<Value = Template> {
    let pairs = || btree_map("[a-z]{1,8}", "\\PC{0,12}", 0..4);
    let keys =
        proptest::sample::subsequence(vec!["a", "b.c", "D-e", "f_g", "h", "access_token"], 4).prop_shuffle();
    (pairs(), pairs(), keys).prop_map(|(labels, annotations, keys)| Template {
        name: "n".into(),
        labels: labels.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        annotations: annotations.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        keys: KeyNames {
            token: keys[0].into(),
            token_type: keys[1].into(),
            authorization: keys[2].into(),
            expires_at: keys[3].into(),
        },
    })
}

proptest! {
    #[test]
    fn reading_undoes_writing(record in any_record(), template in any_template(), token in "[!-~]{1,80}") {
        let token = AccessToken::read(&token).unwrap();
        let body = written(&template, &record, &token, None);
        let secret = stored(&body);
        let seen = secret.seen();
        prop_assert_eq!(seen.content, Content::Intact);
        prop_assert_eq!(seen.record, Some(record));
        prop_assert_eq!(seen.rendering, template.rendering());
        let back = secret.token(AccessToken::read).unwrap();
        prop_assert_eq!(back.for_managed_secret(), token.for_managed_secret());
    }

    /// Whatever is done to one data key or one annotation of the record, it shows.
    #[test]
    fn no_edit_goes_unseen(key in "[a-z_]{1,14}", value in "[a-zA-Z0-9]{0,3}[a-zA-Z]", annotation in 0..4_usize, text in "[ -~]{1,30}") {
        let mut body = example();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &value);
        prop_assume!(body["data"].get(&key) != Some(&json!(encoded)));
        body["data"][&key] = json!(encoded);
        prop_assert_eq!(seen(&body).content, Content::Edited);

        let mut body = example();
        let names = [names::ISSUED_AT, names::EXPIRES_AT, names::INPUTS_HASH, names::RENEW_REQUEST_HANDLED];
        let there = &mut body["metadata"]["annotations"][names[annotation]];
        prop_assume!(*there != json!(text));
        *there = json!(text);
        prop_assert_eq!(seen(&body).content, Content::Edited);
    }
}

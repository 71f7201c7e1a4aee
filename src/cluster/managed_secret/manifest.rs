//! Which bytes create or replace a managed Secret? Built in a buffer that never grows and is wiped when dropped.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::metadata::Metadata;
use super::{content, record, seen_from_metadata};
use crate::api::names;
use crate::decision::{Content, Kind, Record, ResourceVersion, SeenSecret, Template};
use crate::token::Deliverable;

/// A managed Secret to be written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Where: the namespace of its owner, never another.
    pub namespace: &'a str,
    /// Whose it is.
    pub owner: OwnedBy<'a>,
    /// Its name, keys, labels and annotations.
    pub template: &'a Template,
    /// What is recorded of the token.
    pub record: &'a Record,
    /// The token.
    pub token: &'a dyn Deliverable,
}

/// The controller reference to write.
#[derive(Clone, Copy, Debug)]
pub struct OwnedBy<'a> {
    /// The kind of the owner.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
}

/// The preconditions of a write over a Secret that is there.
#[derive(Clone, Copy, Debug)]
pub struct Over<'a> {
    /// The uid that it must still have.
    pub uid: &'a str,
    /// The resourceVersion that it must still have.
    pub version: ResourceVersion,
}

/// The body of a write.
pub struct Manifest(pub(in super::super) Zeroizing<Vec<u8>>);

#[cfg(test)]
impl Manifest {
    /// What a model of the API server stores.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Renders a draft: for a `POST`, or with preconditions for a `PUT`.
#[must_use]
pub fn manifest(draft: &Draft<'_>, over: Option<Over<'_>>) -> Manifest {
    let data = data(draft);
    let recorded = recorded(draft, &data);

    // The head holds no secret. It ends in `}`, which the data take the place of.
    let head = head(draft, &recorded, over);
    let head = head.strip_suffix('}').unwrap_or(&head);
    let longest_data: usize = data.iter().map(|(key, value)| 6 * key.len() + 2 * value.len() + 16).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(head.len() + longest_data + 16));
    let room = body.capacity();
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(br#","data":{"#);
    for (n, (key, value)) in data.iter().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        body.extend_from_slice(json!(key).to_string().as_bytes());
        body.extend_from_slice(b":\"");
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(value.as_bytes()));
        body.extend_from_slice(encoded.as_bytes());
        body.push(b'"');
    }
    body.extend_from_slice(b"}}");
    debug_assert_eq!(room, body.capacity(), "a buffer that grows leaves unwiped copies behind");
    Manifest(body)
}

/// What an answer to such a write, which tells of metadata alone, says of the Secret. If a policy of the server has made another
/// record of it, or another hash, the data may be any. The seal is that of what was written.
pub(in super::super) fn written(draft: &Draft<'_>, metadata: &Metadata) -> SeenSecret {
    let data = data(draft);
    let recorded = recorded(draft, &data);
    let as_sent = recorded.iter().all(|(name, value)| metadata.annotation(name) == Some(value));
    let content = if as_sent { Content::Intact } else { Content::Edited };
    let seen = seen_from_metadata(metadata, data.keys().copied(), content);
    SeenSecret { seal: content::seal(&recorded[names::CONTENT_HASH]), ..seen }
}

/// The record with the hash of all.
fn recorded<'a>(draft: &Draft<'_>, data: &BTreeMap<&str, Zeroizing<String>>) -> BTreeMap<&'a str, String> {
    let mut recorded: BTreeMap<&str, String> = record::annotations(draft.record).into_iter().collect();
    let values = data.iter().map(|(key, value)| (*key, value.as_bytes()));
    let hash = content::hash(values, |name| recorded.get(name).map(String::as_str));
    recorded.insert(names::CONTENT_HASH, hash);
    recorded
}

/// The data, sorted by key as the hash wants them.
fn data<'a>(draft: &Draft<'a>) -> BTreeMap<&'a str, Zeroizing<String>> {
    let keys = &draft.template.keys;
    let token = draft.token.for_managed_secret();
    let mut bearer = Zeroizing::new(String::with_capacity("Bearer ".len() + token.len()));
    bearer.push_str("Bearer ");
    bearer.push_str(token);
    BTreeMap::from([
        (&*keys.token, Zeroizing::new(token.to_owned())),
        (&*keys.token_type, Zeroizing::new("Bearer".to_owned())),
        (&*keys.authorization, bearer),
        (&*keys.expires_at, Zeroizing::new(whole_seconds(draft.record.expires_at))),
    ])
}

/// Whole seconds, rounded down: strict readers of RFC 3339 exist, and none may think the token lives longer than it does.
fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn head(draft: &Draft<'_>, recorded: &BTreeMap<&str, String>, over: Option<Over<'_>>) -> String {
    let template = draft.template;
    let mut labels: BTreeMap<&str, &str> = borrowed(&template.labels);
    labels.insert(names::MANAGED_BY_LABEL, names::OPERATOR);
    let mut annotations: BTreeMap<&str, &str> = borrowed(&template.annotations);
    annotations.retain(|name, _| !name.starts_with(names::PREFIX));
    annotations.extend(recorded.iter().map(|(name, text)| (*name, text.as_str())));
    let mut metadata = json!({
        "name": template.name,
        "namespace": draft.namespace,
        "labels": labels,
        "annotations": annotations,
        // No blockOwnerDeletion: OpenShift asks for more rights then, and nothing here needs it.
        "ownerReferences": [{
            "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
            "kind": draft.owner.kind.as_str(),
            "name": draft.owner.name,
            "uid": draft.owner.uid,
            "controller": true,
        }],
    });
    if let Some(over) = over {
        metadata["uid"] = json!(over.uid);
        metadata["resourceVersion"] = json!(over.version.0.to_string());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": names::SECRET_TYPE,
        "metadata": metadata,
    })
    .to_string()
}

fn borrowed(map: &BTreeMap<Box<str>, Box<str>>) -> BTreeMap<&str, &str> {
    map.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect()
}

//! What does a Secret that the API server sent say? Its data are hashed and wiped here; they go nowhere else, except
//! that a token can be read back (recall, salvage) into one of the types of `token.rs`.

use std::collections::BTreeMap;
use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use super::super::metadata::Metadata;
use super::{Draft, content, record};
use crate::api::names;
use crate::decision::{Content, KeyNames, Record, ResourceVersion, SeenSecret, template};

/// A Secret as it was sent, data included, which are neither printed nor copied; wiped when dropped.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredSecret {
    pub(in super::super) metadata: Metadata,
    #[serde(rename = "type")]
    type_: Option<Box<str>>,
    immutable: Option<bool>,
    data: Option<BTreeMap<Box<str>, Value>>,
}

/// A value under `data`, decoded. What is not base64 counts as empty: the server sends no such thing.
pub(in super::super) struct Value(pub(in super::super) Zeroizing<Vec<u8>>);

/// Nothing but its name.
impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {}/{}", self.namespace(), self.name())
    }
}

impl StoredSecret {
    /// Reads a Secret's JSON. `None` where it is none; the parser's error, which may quote it, is dropped.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Its resourceVersion.
    #[must_use]
    pub fn version(&self) -> ResourceVersion {
        self.metadata.version()
    }

    /// Whether it has our type, and so was made by an operator like this one.
    #[must_use]
    pub fn has_our_type(&self) -> bool {
        self.type_.as_deref() == Some(names::SECRET_TYPE)
    }

    /// Whether it may be read as a client Secret: a token of ours, or of a `ServiceAccount`, is sent to no service.
    pub(in super::super) fn may_hold_a_login(&self) -> bool {
        !self.has_our_type() && self.type_.as_deref() != Some("kubernetes.io/service-account-token")
    }

    /// What the answer to the write of this draft, which made it, said of it.
    pub(crate) fn written(&self, draft: &Draft<'_>) -> SeenSecret {
        super::written(draft, &self.metadata)
    }

    /// Everything that is remembered of it.
    #[must_use]
    pub fn seen(&self) -> SeenSecret {
        let content = if self.content_holds(|_| true) { Content::Intact } else { Content::Edited };
        let keys = self.data.iter().flatten().map(|(key, _)| key.as_ref());
        SeenSecret {
            immutable: self.immutable == Some(true),
            ..seen_from_metadata(&self.metadata, keys, content)
        }
    }

    /// The token, whatever its key is called: it is the value that another key holds behind `Bearer `.
    /// `None` unless the content is as it was written and `read` (such as `AccessToken::read`) takes it.
    pub fn token<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        if !self.content_holds(|_| true) {
            return None;
        }
        let values = || self.data.iter().flat_map(BTreeMap::values);
        let token = values()
            .filter_map(|value| value.0.strip_prefix(b"Bearer "))
            .find(|token| values().any(|value| *value.0 == *token))?;
        read(std::str::from_utf8(token).ok()?)
    }

    /// The token and record of a Secret to which somebody only *added* keys: they are good if the content hash holds
    /// over the four keys that this operator wrote.
    pub fn salvage<T>(&self, keys: &KeyNames, read: impl FnOnce(&str) -> Option<T>) -> Option<(T, Record)> {
        let written = [&*keys.token, &*keys.token_type, &*keys.authorization, &*keys.expires_at];
        if !self.content_holds(|key| written.contains(&key)) {
            return None;
        }
        let token = self.value(&keys.token)?;
        Some((read(std::str::from_utf8(token).ok()?)?, record::read(&self.metadata)?))
    }

    /// The bytes under a key.
    pub(in super::super) fn value(&self, key: &str) -> Option<&[u8]> {
        self.data.as_ref()?.get(key).map(|value| value.0.as_slice())
    }

    fn content_holds(&self, counts: impl Fn(&str) -> bool) -> bool {
        let data: Vec<_> = self
            .data
            .iter()
            .flatten()
            .filter(|(key, _)| counts(key))
            .map(|(key, value)| (key.as_ref(), value.0.as_slice()))
            .collect();
        let hash = content::hash(data.into_iter(), |name| self.metadata.annotation(name));
        self.metadata.annotation(names::CONTENT_HASH) == Some(&hash)
    }
}

/// What metadata alone say. Without the data's `keys` the rendering compares with nothing: [`Content::Unseen`] says so.
pub(in super::super) fn seen_from_metadata<'a>(
    metadata: &'a Metadata,
    keys: impl Iterator<Item = &'a str>,
    content: Content,
) -> SeenSecret {
    SeenSecret {
        uid: metadata.uid.clone().unwrap_or_default(),
        version: metadata.version(),
        owner: metadata.owner(),
        record: record::read(metadata),
        content,
        seal: metadata.annotation(names::CONTENT_HASH).and_then(content::seal),
        rendering: rendering(metadata, keys),
        immutable: false,
        deleting: metadata.is_deleting(),
    }
}

fn rendering<'a>(metadata: &'a Metadata, keys: impl Iterator<Item = &'a str>) -> u64 {
    let labels = metadata.labels.iter().flatten();
    let annotations = metadata.annotations.iter().flatten();
    let shown = template::rendering(
        keys,
        labels
            .filter(|(name, _)| &***name != names::MANAGED_BY_LABEL)
            .map(|(name, value)| (name.as_ref(), value.as_ref())),
        annotations
            .filter(|(name, _)| !name.starts_with(names::PREFIX))
            .map(|(name, value)| (name.as_ref(), value.as_ref())),
    );
    // A Secret that lost our own label shows no rendering of ours, whatever else it shows.
    if metadata.label(names::MANAGED_BY_LABEL) == Some(names::OPERATOR) { shown } else { !shown }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl de::Visitor<'_> for Base64 {
            type Value = Value;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
                if BASE64_STANDARD.decode_vec(text, &mut bytes).is_err() {
                    bytes.clear();
                }
                Ok(Value(bytes))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value(Zeroizing::default()))
            }
        }
        deserializer.deserialize_any(Base64)
    }
}

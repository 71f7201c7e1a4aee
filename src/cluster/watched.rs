//! What is taken from an object of ours that a watch shows? Parsed leniently: what cannot be read is said of that object.

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::managed_secret::kept;
use super::metadata::Metadata;
use crate::api::names;
use crate::decision::{ResourceVersion, SpecFault};

/// An object of one of the two kinds, slim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedObject<Spec, Status> {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its uid.
    pub uid: Box<str>,
    /// Its resourceVersion: the precondition of a status write.
    pub version: ResourceVersion,
    /// Its generation.
    pub generation: i64,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// When it was created.
    pub created: Timestamp,
    /// The value of the annotation by which people ask for a renewal.
    pub renew_request: Option<Box<str>>,
    /// Its spec, where it can be read and kept. What it holds otherwise is not repeated.
    pub spec: Result<Spec, SpecFault>,
    /// Its status; `None` where there is none, or none that can be read.
    pub status: Option<Status>,
}

/// What a credential's spec may weigh. Admission lets through 53 KiB of text in some 1200 parts (`api/rule`): this, and nothing
/// that was written past it. In memory such a credential takes some 110 KiB, with status and indices.
pub(super) const HEAVIEST_CREDENTIAL: usize = 96 * 1024;
/// The same of a request: 12 KiB of text in some 250 parts, and some 30 KiB in memory.
pub(super) const HEAVIEST_REQUEST: usize = 20 * 1024;
/// No status that the operator writes is heavier: 14 KiB of text, most of it the products of an application.
const HEAVIEST_STATUS: usize = 24 * 1024;
/// About what each text, number or list costs besides its letters.
const PART: usize = 32;

/// An object as it is sent. Spec and status are taken as they come, so that parsing never fails on them.
#[derive(Deserialize)]
pub(super) struct SentObject {
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

impl SentObject {
    /// What is kept. A spec that is heavier is only told of: an older schema let through what would fill memory.
    pub(super) fn slim<Spec, Status>(self, heaviest: usize) -> WatchedObject<Spec, Status>
    where
        Spec: DeserializeOwned,
        Status: DeserializeOwned,
    {
        let metadata = self.metadata;
        WatchedObject {
            version: metadata.version(),
            generation: metadata.generation.unwrap_or_default(),
            deleting: metadata.is_deleting(),
            created: metadata.created(),
            renew_request: metadata.annotation(names::RENEW_REQUESTED_AT).map(kept),
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name,
            uid: metadata.uid.unwrap_or_default(),
            spec: light(self.spec, heaviest)
                .ok_or(SpecFault::TooHeavy)
                .and_then(|spec| serde_json::from_value(spec).map_err(|_| SpecFault::Undecodable)),
            status: light(self.status, HEAVIEST_STATUS).and_then(|it| serde_json::from_value(it).ok()),
        }
    }
}

fn light(value: Value, heaviest: usize) -> Option<Value> {
    (weight(&value) <= heaviest).then_some(value)
}

fn weight(value: &Value) -> usize {
    PART + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, it)| name.len() + weight(it)).sum(),
    }
}

#[cfg(test)]
mod tests;

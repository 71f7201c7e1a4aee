//! What is taken from an object of ours that a watch shows? Parsed leniently: what cannot be read is said of that object.

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::managed_secret::kept;
use super::metadata::Metadata;
use crate::api::names;
use crate::decision::ResourceVersion;

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
    /// Its spec, where it can be read.
    pub spec: Result<Spec, Undecodable>,
    /// Its status; `None` where there is none, or none that can be read.
    pub status: Option<Status>,
}

/// A spec that does not fit its type: of an older schema, or past the schema by hand. What it holds is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable;

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
    pub(super) fn slim<Spec, Status>(self) -> WatchedObject<Spec, Status>
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
            spec: serde_json::from_value(self.spec).map_err(|_| Undecodable),
            status: serde_json::from_value(self.status).ok(),
        }
    }
}

#[cfg(test)]
mod tests;

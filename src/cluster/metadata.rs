//! Which parts of an object's metadata are used? Everything else (`managedFields` above all) is skipped while parsing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::call::is_a_name;
use crate::api::names;
use crate::decision::{Kind, Owner, ResourceVersion};

/// No uid is longer: they are 36 characters, of whatever kind.
const LONGEST_UID: usize = 64;

/// The metadata of any object, slim.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: Box<str>,
    pub(super) namespace: Option<Box<str>>,
    pub(super) uid: Option<Box<str>>,
    pub(super) resource_version: Option<Box<str>>,
    pub(super) generation: Option<i64>,
    pub(super) creation_timestamp: Option<Box<str>>,
    pub(super) deletion_timestamp: Option<Box<str>>,
    pub(super) labels: Option<BTreeMap<Box<str>, Box<str>>>,
    pub(super) annotations: Option<BTreeMap<Box<str>, Box<str>>>,
    owner_references: Option<Vec<Reference>>,
}

/// An object of which nothing but the metadata matters, or was sent.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataOnly {
    pub(super) metadata: Metadata,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    api_version: Box<str>,
    kind: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    controller: Option<bool>,
}

impl Metadata {
    pub(super) fn version(&self) -> ResourceVersion {
        let text = self.resource_version.as_deref().unwrap_or_default();
        text.parse().map_or(ResourceVersion::UNREADABLE, ResourceVersion)
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    pub(super) fn created(&self) -> Timestamp {
        self.creation_timestamp.as_deref().and_then(instant).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(AsRef::as_ref)
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(AsRef::as_ref)
    }

    /// Who controls the object. References that do not control are nobody's claim.
    pub(super) fn owner(&self) -> Owner {
        let references = self.owner_references.as_deref().unwrap_or_default();
        let Some(controller) = references.iter().find(|r| r.controller == Some(true)) else {
            return Owner::Nobody;
        };
        let kind =
            [Kind::Credential, Kind::Request].into_iter().find(|kind| kind.as_str() == &*controller.kind);
        match (kind, controller.api_version.split_once('/')) {
            (Some(kind), Some((names::GROUP, _))) if names_an_object(controller) => {
                Owner::Ours { kind, name: controller.name.clone(), uid: controller.uid.clone() }
            }
            _ => Owner::Other,
        }
    }
}

/// Whether this can be an object at all. The API server takes names and uids of a megabyte in a reference, and they are kept.
fn names_an_object(reference: &Reference) -> bool {
    is_a_name(&reference.name) && reference.uid.len() <= LONGEST_UID
}

/// An instant that somebody may have written by hand. None before the year 0: at the very first instant that jiff knows, its
/// parser panics or leaves its own range.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.starts_with(|first: char| first.is_ascii_digit()).then(|| text.parse().ok())?
}

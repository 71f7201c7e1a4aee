//! Is one of our objects still there? And its removal, with preconditions. Metadata only: what it says, the watch knows.

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{ApiServer, Call, METADATA, NoAnswer, ReadFailed, is_a_name};
use super::metadata::MetadataOnly;
use super::refusal::Refusal;
use crate::api::names;
use crate::decision::{Key, ResourceVersion};

/// An object that may own a Secret, as the API server has it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerNow {
    /// There is none of that name.
    Absent,
    /// There is one; whether it is the same one, its uid says.
    Present {
        /// Its uid.
        uid: Box<str>,
        /// Its resourceVersion.
        version: ResourceVersion,
        /// It has a deletionTimestamp.
        deleting: bool,
    },
}

/// How a deletion went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deletion {
    /// It is gone, or going, or was gone before.
    Done,
    /// It is another object by now, or has changed: look again.
    Conflict,
    /// The right is missing, or an admission refuses.
    Forbidden,
    /// No answer, or none about this object: try again later.
    Unavailable,
}

impl ApiServer {
    /// One metadata GET of an object of ours.
    pub async fn owner_now(&self, key: &Key) -> Result<OwnerNow, ReadFailed> {
        let Some(path) = path_of(key) else {
            return Ok(OwnerNow::Absent);
        };
        let found = self.read::<MetadataOnly>(path, METADATA).await?;
        Ok(found.map_or(OwnerNow::Absent, |MetadataOnly { metadata }| OwnerNow::Present {
            version: metadata.version(),
            deleting: metadata.is_deleting(),
            uid: metadata.uid.unwrap_or_default(),
        }))
    }

    /// Deletes an object of ours, if it is still the one with this uid and resourceVersion.
    pub async fn delete_object(&self, key: &Key, uid: &str, version: ResourceVersion) -> Deletion {
        let Some(path) = path_of(key) else {
            return Deletion::Done;
        };
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": version.0.to_string()},
        });
        let call = Call::with_body(Method::DELETE, path, Bytes::from(options.to_string()), METADATA);
        let answer = match self.call(call).await {
            Ok(answer) => answer,
            Err(NoAnswer::NotSent | NoAnswer::Lost) => return Deletion::Unavailable,
        };
        if matches!(answer.status, 200..=299) {
            return Deletion::Done;
        }
        match Refusal::of(&answer) {
            Refusal::Absent | Refusal::NamespaceAbsent => Deletion::Done,
            Refusal::Conflict | Refusal::Exists => Deletion::Conflict,
            Refusal::Forbidden | Refusal::Quota | Refusal::NamespaceTerminating => Deletion::Forbidden,
            Refusal::Immutable | Refusal::Invalid | Refusal::Timeout | Refusal::Unavailable(_) => {
                Deletion::Unavailable
            }
        }
    }
}

/// The path of an object of ours; `None` where no such object can exist.
pub(super) fn path_of(key: &Key) -> Option<String> {
    let plural = key.kind.plural();
    let possible = is_a_name(&key.namespace) && is_a_name(&key.name);
    possible.then(|| {
        format!(
            "/apis/{}/{}/namespaces/{}/{plural}/{}",
            names::GROUP,
            names::VERSION,
            key.namespace,
            key.name
        )
    })
}

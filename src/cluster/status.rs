//! How is a status written? One merge patch, guarded by resourceVersion; what to clear comes in as explicit nulls.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{ApiServer, Call, METADATA, NoAnswer};
use super::metadata::MetadataOnly;
use super::owner::path_of;
use super::refusal::Refusal;
use crate::api::names;
use crate::decision::{Key, ResourceVersion};

/// Why a status was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusRefused {
    /// The object has changed: decide again.
    Conflict,
    /// The object is gone.
    Gone,
    /// The right is missing, or an admission refuses.
    Forbidden,
    /// The schema does not take it.
    Invalid,
    /// No whole answer: it may have been written; the watch will show.
    Lost,
    /// Nothing about this object: try again later.
    Unavailable {
        /// When it said when.
        retry_after: Option<Duration>,
    },
}

impl ApiServer {
    /// Merges `status` into that of the object as it was at `version`. Gives the new resourceVersion.
    pub async fn write_status(
        &self,
        key: &Key,
        version: ResourceVersion,
        status: &Value,
    ) -> Result<ResourceVersion, StatusRefused> {
        let path = path_of(key).ok_or(StatusRefused::Gone)?;
        let merge = json!({
            "metadata": {"resourceVersion": version.0.to_string()},
            "status": status,
        });
        let mut call = Call::with_body(
            Method::PATCH,
            format!("{path}/status?fieldManager={}", names::OPERATOR),
            Bytes::from(merge.to_string()),
            METADATA,
        );
        call.content_type = "application/merge-patch+json";
        let answer = self.call(call).await.map_err(|failed| match failed {
            NoAnswer::NotSent => StatusRefused::Unavailable { retry_after: None },
            NoAnswer::Lost => StatusRefused::Lost,
        })?;
        if answer.status == 200 {
            let written = answer.parse::<MetadataOnly>().ok_or(StatusRefused::Lost)?;
            return Ok(written.metadata.version());
        }
        Err(match Refusal::of(&answer) {
            Refusal::Conflict | Refusal::Exists => StatusRefused::Conflict,
            Refusal::Absent | Refusal::NamespaceAbsent => StatusRefused::Gone,
            Refusal::Forbidden | Refusal::Quota | Refusal::NamespaceTerminating => StatusRefused::Forbidden,
            Refusal::Immutable | Refusal::Invalid => StatusRefused::Invalid,
            Refusal::Timeout => StatusRefused::Lost,
            Refusal::Unavailable(retry_after) => StatusRefused::Unavailable { retry_after },
        })
    }
}

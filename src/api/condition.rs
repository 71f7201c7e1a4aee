//! How does an object say how it is? One condition, and the names of the four types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a token that is valid now and made for this spec is there.
pub const READY: &str = "Ready";
/// There is none, and it may come without a person. Absent otherwise.
pub const RECONCILING: &str = "Reconciling";
/// There is none, and a person must act. Absent otherwise.
pub const STALLED: &str = "Stalled";
/// What the service last said of a credential's key and secret.
pub const CREDENTIALS_VALID: &str = "CredentialsValid";

/// A condition holds.
pub const TRUE: &str = "True";
/// A condition does not hold.
pub const FALSE: &str = "False";
/// Nothing is known of it yet.
pub const UNKNOWN: &str = "Unknown";

/// One condition. Everything is text, so that an older version reads what a newer one wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is said: Ready, Reconciling, Stalled or `CredentialsValid`.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The metadata.generation that this was said of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why, as one word. The reference lists them all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, as a sentence, with the next step in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

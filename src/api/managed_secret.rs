//! How does a user want the managed Secret to look? None of this ever issues a token.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rule;

/// The managed Secret, in the namespace of its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rule::labels_and_annotations_are_short())]
pub struct SecretTemplate {
    /// Its name. Default: `<name>-access-token` for a `RocketLawyerCredential`, `<name>-token` for a `ScopedTokenRequest`. The effective name is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: Option<String>,
    /// Labels for the Secret, beside the operator's own. At most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rule::labels")]
    #[x_kube(validation = rule::label_keys(), validation = rule::label_values(), validation = rule::not_our_labels())]
    pub labels: BTreeMap<String, String>,
    /// Annotations for the Secret, beside the operator's own. At most 32, and with the labels at most 4096 bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rule::annotations")]
    #[x_kube(validation = rule::annotation_keys(), validation = rule::not_our_annotations())]
    pub annotations: BTreeMap<String, String>,
    /// Other names for the data keys. A key that is not named here keeps its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<SecretKeys>,
}

/// Other names for the data keys of a managed Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rule::distinct_keys())]
pub struct SecretKeys {
    /// Holds the access token. Default: `access_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub access_token: Option<String>,
    /// Holds the service token, with `deliver: ServiceToken`. Default: `service_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub service_token: Option<String>,
    /// Holds the word `Bearer`. Default: `token_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub token_type: Option<String>,
    /// Holds the value of an Authorization header, `Bearer eyJ…`. Default: `authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub authorization: Option<String>,
    /// Holds the end of the token's life, RFC 3339. Default: `expires_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub expires_at: Option<String>,
}

//! Who else may refer to a credential?

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule;

/// Which namespaces may refer to this credential, beside its own. Names and selector together have at most 8192 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rule::lists_only_with_selected(),
    validation = rule::selected_needs_a_list(),
    validation = rule::allowed_namespaces_are_short(),
)]
pub struct AllowedNamespaces {
    /// Same: none. All: every namespace. Selected: those that `names` or `selector` list. Default: Same.
    #[serde(default)]
    pub from: AllowedFrom,
    /// Namespaces by name, with `from: Selected`. At most 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rule::namespace_names")]
    pub names: Vec<String>,
    /// Namespaces by label, with `from: Selected`. Whoever may label namespaces may then consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rule::selector_not_empty())]
    pub selector: Option<NamespaceSelector>,
}

/// Where requests may come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllowedFrom {
    #[default]
    /// Only the credential's own namespace.
    Same,
    /// Every namespace.
    All,
    /// Its own, and those that are listed.
    Selected,
}

/// Namespaces by label, as everywhere in Kubernetes: all that is listed must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels with exactly these values. At most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rule::match_labels")]
    #[x_kube(validation = rule::label_keys(), validation = rule::label_values())]
    pub match_labels: BTreeMap<String, String>,
    /// Labels by condition. At most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rule::values_fit_operator())]
pub struct LabelRequirement {
    /// The label.
    #[schemars(length(max = 317))]
    #[x_kube(validation = rule::label_key())]
    pub key: String,
    /// How `values` are meant.
    pub operator: LabelOperator,
    /// The values, with In and `NotIn`. At most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rule::label_value_list")]
    pub values: Vec<String>,
}

/// How the values of a [`LabelRequirement`] are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// The label has one of them.
    In,
    /// It has none of them, or there is no such label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is none.
    DoesNotExist,
}

impl From<NamespaceSelector> for LabelSelector {
    fn from(selector: NamespaceSelector) -> Self {
        let requirement = |it: LabelRequirement| LabelSelectorRequirement {
            key: it.key,
            operator: it.operator.as_str().to_owned(),
            values: Some(it.values),
        };
        Self {
            match_labels: Some(selector.match_labels),
            match_expressions: Some(selector.match_expressions.into_iter().map(requirement).collect()),
        }
    }
}

impl LabelOperator {
    /// The operator as Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
        }
    }
}

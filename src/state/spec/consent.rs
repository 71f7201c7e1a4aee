//! Who else may refer to a credential? Default: nobody (behaviour §6.2).

use std::collections::BTreeMap;

use crate::api::{AllowedFrom, AllowedNamespaces, LabelOperator, NamespaceSelector};

/// The labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// `spec.allowedNamespaces`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Only the credential's own namespace.
    Same,
    /// Every namespace.
    All,
    /// Its own, those of these names, and those of these labels.
    Selected {
        /// By name.
        names: Vec<String>,
        /// By label.
        selector: Option<NamespaceSelector>,
    },
}

impl Consent {
    /// Reads the field; absent means nobody else.
    #[must_use]
    pub fn of(spec: Option<&AllowedNamespaces>) -> Self {
        match spec {
            None => Self::Same,
            Some(spec) => match spec.from {
                AllowedFrom::Same => Self::Same,
                AllowedFrom::All => Self::All,
                AllowedFrom::Selected => {
                    Self::Selected { names: spec.names.clone(), selector: spec.selector.clone() }
                }
            },
        }
    }

    /// Whether a request in `namespace` may refer to a credential in `home`. Labels that are not known allow nothing.
    #[must_use]
    pub fn allows(&self, home: &str, namespace: &str, labels: Option<&Labels>) -> bool {
        if home == namespace {
            return true;
        }
        match self {
            Self::Same => false,
            Self::All => true,
            Self::Selected { names, selector } => {
                let by_label =
                    selector.as_ref().zip(labels).is_some_and(|(selector, labels)| matches(selector, labels));
                by_label || names.iter().any(|name| name == namespace)
            }
        }
    }

    /// Whether the labels of namespaces are needed.
    #[must_use]
    pub fn needs_labels(&self) -> bool {
        matches!(self, Self::Selected { selector: Some(_), .. })
    }
}

fn matches(selector: &NamespaceSelector, labels: &Labels) -> bool {
    let empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    let equal = selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
    let expressed = selector.match_expressions.iter().all(|it| {
        let value = labels.get(&it.key);
        match it.operator {
            LabelOperator::In => value.is_some_and(|value| it.values.contains(value)),
            LabelOperator::NotIn => value.is_none_or(|value| !it.values.contains(value)),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        }
    });
    !empty && equal && expressed
}

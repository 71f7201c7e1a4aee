//! What may the operator do in a cluster, in the words of the API server? Pure.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::api::names;

/// Something that the operator may, or may not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Where.
    pub namespace: Arc<str>,
    /// What.
    pub verb: Verb,
    /// With what.
    pub on: On,
}

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Secrets.
    Secrets,
    /// Objects of this kind.
    Objects(Kind),
    /// Their status.
    Status(Kind),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    /// One is read.
    Get,
    /// Several are.
    List,
    /// One is made.
    Create,
    /// One is replaced.
    Update,
    /// One is changed in part.
    Patch,
    /// One is deleted.
    Delete,
}

impl Right {
    /// The API group, the resource, and the subresource, as the API server names them.
    #[must_use]
    pub fn resource(&self) -> (&'static str, &'static str, &'static str) {
        match self.on {
            On::Secrets => ("", "secrets", ""),
            On::Objects(kind) => (names::GROUP, kind.plural(), ""),
            On::Status(kind) => (names::GROUP, kind.plural(), "status"),
        }
    }
}

impl Verb {
    /// As the API server names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, resource, subresource) = self.resource();
        let slash = if subresource.is_empty() { "" } else { "/" };
        write!(f, "{} {resource}{slash}{subresource} in {}", self.verb.as_str(), self.namespace)
    }
}

//! Which of the two kinds, and which object? The names that everything else is keyed by.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::names;

/// The two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `RocketLawyerCredential`.
    Credential,
    /// `ScopedTokenRequest`.
    Request,
}

/// One object: what the queue, the gates and the memory are keyed by. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl Kind {
    /// The kind as Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "RocketLawyerCredential",
            Self::Request => "ScopedTokenRequest",
        }
    }

    /// The resource as the API server names it.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Credential => names::CREDENTIAL_PLURAL,
            Self::Request => names::REQUEST_PLURAL,
        }
    }
}

impl Key {
    /// The key of an object.
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

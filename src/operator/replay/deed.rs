//! What did the servers see of an operator? As they logged it; plain data.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::auth::Call;
use crate::decision::{Key, Precondition, ResourceVersion};

/// A deed, and what came of it.
#[derive(Clone, Debug)]
pub struct Did {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// The HTTP status that was answered.
    pub status: u16,
    /// What.
    pub deed: Deed,
}

/// Something that an operator did.
#[derive(Clone, Debug)]
pub enum Deed {
    /// It read a Secret whole.
    Read {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
    },
    /// It looked whose a Secret's name is.
    Look {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
        /// Among the Secrets of our type: the first of two lists.
        of_our_type: bool,
    },
    /// It looked whether an object of ours lives.
    Owner(Key),
    /// It wrote a managed Secret, or rehearsed that.
    Write {
        /// Where.
        namespace: String,
        /// Which; `None` where it was refused before it was read.
        name: Option<String>,
        /// What had to hold; `None` where it was refused before it was read.
        over: Option<Precondition>,
        /// It was a dry run.
        rehearsal: bool,
        /// The Secret that it made, and at which version.
        made: Option<(ResourceVersion, Vec<u8>)>,
    },
    /// It wrote a status.
    Status {
        /// Whose.
        key: Key,
        /// Over which version, and what was to be merged; `None` where it was refused before it was read.
        change: Option<(ResourceVersion, Value)>,
    },
    /// It deleted an object of ours.
    Delete(Key),
    /// It called the authentication service.
    Call(Called),
    /// It asked the API server for something else, which nothing explains.
    Other(String),
}

/// A call of the authentication service.
#[derive(Clone, Debug)]
pub struct Called {
    /// Which.
    pub call: Call,
    /// Of which service: its base URL.
    pub base: String,
    /// The app, where it is one that the service knows.
    pub client_id: Option<String>,
    /// Purpose and claims, where it looked at them.
    pub subject: BTreeMap<String, String>,
    /// Fingerprint of the token that it was made with, where it looked at it.
    pub asked_with: Option<String>,
    /// Fingerprint of the token that it issued.
    pub issued: Option<String>,
    /// The app that exchanged this service token, if any did, and was answered well.
    pub exchanged_by: Option<String>,
    /// The object whose Secret the token came into, in the end.
    pub into: Option<Key>,
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, status, deed } = self;
        match deed {
            Deed::Read { namespace, name } => write!(f, "read of Secret {namespace}/{name}")?,
            Deed::Look { namespace, name, .. } => write!(f, "look at Secret {namespace}/{name}")?,
            Deed::Owner(key) => write!(f, "look at {}", Shown(key))?,
            Deed::Write { namespace, name, over, rehearsal, .. } => {
                let what = if *rehearsal { "rehearsal" } else { "write" };
                write!(f, "{what} of Secret {name:?} in {namespace} over {over:?}")?;
            }
            Deed::Status { key, change } => {
                let (version, patch) = change.clone().unzip();
                let (version, patch) = (version.unwrap_or_default().0, patch.unwrap_or_default());
                write!(f, "status of {} over {version}, {patch}", Shown(key))?;
            }
            Deed::Delete(key) => write!(f, "deletion of {}", Shown(key))?,
            Deed::Call(Called { call, client_id, subject, into, .. }) => {
                write!(f, "call {} of {client_id:?} {subject:?} into {into:?}", call.as_str())?;
            }
            Deed::Other(what) => write!(f, "{what}")?,
        }
        write!(f, " at {at}, answered {status}")
    }
}

/// A key as people write it.
struct Shown<'a>(&'a Key);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.0.kind.as_str(), self.0.namespace, self.0.name)
    }
}

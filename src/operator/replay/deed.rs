//! What was an operator seen to do, and what came of it? As others recorded it; plain data.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::auth::{Application, Call, Fault};
use crate::cluster::ReadFailed;
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::WriteRefused;
use crate::cluster::status::StatusRefused;
use crate::decision::{Key, Precondition, ResourceVersion};

/// A deed, and when it was done.
#[derive(Debug)]
pub struct Did {
    /// When the request came, or the authentication service answered.
    pub at: Timestamp,
    /// The version that it made: what has a later one was not known then.
    pub became: Option<ResourceVersion>,
    /// What.
    pub deed: Deed,
}

/// Something that an operator did.
pub enum Deed {
    /// It read a Secret whole: a client Secret, or a token back.
    ReadSecret {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
        /// The Secret as it was then.
        found: Result<Option<Whole>, ReadFailed>,
    },
    /// It looked whose a Secret's name is.
    Looked {
        /// Where.
        namespace: String,
        /// Which.
        name: String,
        /// The Secret as it was then.
        found: Result<Option<Vec<u8>>, ReadFailed>,
    },
    /// It looked whether an object of ours lives.
    ReadOwner {
        /// Which.
        key: Key,
        /// What it was told.
        owner: Result<OwnerNow, ReadFailed>,
    },
    /// It called the authentication service.
    Called(Box<Called>),
    /// It wrote a managed Secret, or asked whether it could.
    WroteSecret {
        /// Where.
        namespace: String,
        /// Which; `None` where it was refused before it was read.
        name: Option<String>,
        /// What had to hold; `None` where it was refused before it was read.
        over: Option<Precondition>,
        /// It was a dry run.
        rehearsal: bool,
        /// The Secret that it made, JSON; of a rehearsal nothing. Or why not, and whether the right was missing.
        result: Result<Vec<u8>, (WriteRefused, bool)>,
    },
    /// It wrote a status.
    WroteStatus {
        /// Whose.
        key: Key,
        /// Over which version, and what was to be merged; `None` where it was refused before it was read.
        change: Option<(ResourceVersion, Value)>,
        /// The object as it was then, JSON; `None`: nothing changed.
        result: Result<Option<Vec<u8>>, StatusRefused>,
    },
    /// It deleted an object of ours.
    Deleted {
        /// Which.
        key: Key,
        /// How that went.
        result: Deletion,
    },
}

/// A Secret as it was read.
#[derive(Clone)]
pub struct Whole {
    /// All of it.
    pub json: Vec<u8>,
    /// The fingerprint of the token in it.
    pub token: Option<String>,
}

/// A call of the authentication service.
#[derive(Debug)]
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
    /// The managed Secret into which the token came, in the end.
    pub into: Option<Home>,
    /// How far the service's clock was ahead.
    pub clock_ahead: SignedDuration,
    /// What was answered.
    pub answer: Answer,
}

/// Where a token went.
#[derive(Clone, Debug)]
pub struct Home {
    /// The Secret's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The uid of its owner: a name may be claimed by several.
    pub owner: String,
}

/// What was answered.
#[derive(Debug)]
pub enum Answer {
    /// A token.
    Token {
        /// Its fingerprint.
        fingerprint: String,
        /// The first Secret that held it, JSON.
        secret: Option<Vec<u8>>,
        /// Whose it is, as the answer said.
        application: Option<Application>,
    },
    /// None.
    Fault(Fault),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadSecret { namespace, name, .. } => write!(f, "read of Secret {namespace}/{name}"),
            Self::Looked { namespace, name, .. } => write!(f, "look at Secret {namespace}/{name}"),
            Self::ReadOwner { key, .. } => write!(f, "look at {}", Shown(key)),
            Self::Called(called) => {
                let Called { call, client_id, subject, into, answer, .. } = &**called;
                let answer = match answer {
                    Answer::Token { fingerprint, .. } => format!("token {fingerprint}"),
                    Answer::Fault(fault) => format!("{:?}", fault.class),
                };
                write!(
                    f,
                    "call {} of {client_id:?} {subject:?} into {into:?}, answered {answer},",
                    call.as_str()
                )
            }
            Self::WroteSecret { namespace, name, over, rehearsal, result } => {
                let what = if *rehearsal { "rehearsal" } else { "write" };
                let how = result.as_ref().map(|_| "done").map_err(|(refused, _)| refused);
                write!(f, "{what} of Secret {name:?} in {namespace} over {over:?}, {how:?},")
            }
            Self::WroteStatus { key, change, result } => {
                let how = result.as_ref().map(|_| "done");
                let (version, patch) =
                    change.as_ref().map(|(version, patch)| (version.0, patch.to_string())).unzip();
                write!(f, "status of {} over {version:?}, {how:?}, {}", Shown(key), patch.unwrap_or_default())
            }
            Self::Deleted { key, result } => write!(f, "deletion of {}, {result:?},", Shown(key)),
        }
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key as people write it.
pub(super) struct Shown<'a>(pub(super) &'a Key);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.0.kind.as_str(), self.0.namespace, self.0.name)
    }
}

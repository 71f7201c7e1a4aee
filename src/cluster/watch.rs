//! What changes in the cluster? One task per stream, all into one bounded channel; no stream's trouble stops another.

mod edge;
mod follow;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, task::JoinSet};

use super::client::Clients;
use super::scope::Scope;
use super::watched::WatchedObject;
use crate::api::{CredentialStatus, RequestStatus, RocketLawyerCredentialSpec, ScopedTokenRequestSpec};
use crate::decision::{ResourceVersion, SeenSecret};
use follow::follow;

/// Changes that wait for the operator's loop; beyond that the streams wait.
const WAITING: usize = 1024;

/// What a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Watched {
    /// `RocketLawyerCredential` objects.
    Credentials,
    /// `ScopedTokenRequest` objects.
    Requests,
    /// Secrets of our type, hashed on arrival.
    ManagedSecrets,
    /// The metadata of Secrets of every other type.
    OtherSecrets,
    /// The metadata of namespaces.
    Namespaces,
}

/// One list-and-watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream {
    /// What it is about.
    pub what: Watched,
    /// Where; `None` for the whole cluster.
    pub namespace: Option<Arc<str>>,
}

/// What a stream has to say.
#[derive(Clone, Debug)]
pub enum Change {
    /// A list begins (again). What is not seen before [`Change::Listed`] is gone.
    Relisting(Stream),
    /// An object as it is now.
    Seen {
        /// Where it was seen.
        stream: Stream,
        /// The object.
        seen: Seen,
    },
    /// An object was deleted.
    Gone {
        /// Where it was.
        stream: Stream,
        /// Which.
        what: Vanished,
    },
    /// The list is complete.
    Listed(Stream),
    /// The stream failed. What it knew still stands; it tries again by itself.
    Broken(Stream, Trouble),
    /// It works again: sent once after [`Change::Broken`].
    Mended(Stream),
}

/// An object that is there.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A credential.
    Credential(Box<WatchedObject<RocketLawyerCredentialSpec, CredentialStatus>>),
    /// A request.
    Request(Box<WatchedObject<ScopedTokenRequestSpec, RequestStatus>>),
    /// A Secret of our type.
    ManagedSecret {
        /// Its namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
        /// What is remembered of it.
        secret: Box<SeenSecret>,
    },
    /// Another Secret.
    OtherSecret {
        /// Its namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
        /// Its resourceVersion: a client Secret that changed has another.
        version: ResourceVersion,
    },
    /// A namespace.
    Namespace {
        /// Its name.
        name: Box<str>,
        /// Its resourceVersion.
        version: ResourceVersion,
        /// Its labels.
        labels: Box<[(Box<str>, Box<str>)]>,
    },
}

/// An object that is no longer there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// Its namespace; empty for a namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its uid: one of the same name may have followed already.
    pub uid: Box<str>,
    /// The resourceVersion of its deletion.
    pub version: ResourceVersion,
}

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// 403: the right to list or watch is missing.
    Forbidden,
    /// 401: the operator's own login is refused.
    Unauthorized,
    /// 404: the kind is not installed.
    NotInstalled,
    /// 410: the history is gone; a new list follows.
    Expired,
    /// Another answer.
    Answered {
        /// The HTTP status.
        status: u16,
    },
    /// No answer.
    Unreachable,
    /// An answer that cannot be read.
    Unreadable,
}

/// The running streams; they end when this is dropped, or when nobody receives any more.
pub struct Watches {
    _tasks: JoinSet<()>,
}

/// The streams for `what` in `scope`. Namespaces are one stream in any scope: they are no one's content.
#[must_use]
pub fn streams(scope: &Scope, what: &[Watched]) -> Vec<Stream> {
    what.iter()
        .flat_map(|&what| {
            let places = match what {
                Watched::Namespaces => vec![None],
                _ => scope.collections(),
            };
            places.into_iter().map(move |namespace| Stream { what, namespace })
        })
        .collect()
}

/// What a stream says of an object that was sent so; `None` where that is none. For whoever saw it sent on another watch.
#[doc(hidden)]
#[must_use]
pub fn sent(what: Watched, json: &[u8]) -> Option<(Seen, Vanished)> {
    match what {
        Watched::Credentials => edge::parse::<edge::Credential>(json),
        Watched::Requests => edge::parse::<edge::Request>(json),
        Watched::ManagedSecrets => edge::parse::<edge::ManagedSecret>(json),
        Watched::OtherSecrets => edge::parse::<edge::OtherSecret>(json),
        Watched::Namespaces => edge::parse::<edge::Namespace>(json),
    }
}

/// Starts the given streams.
#[must_use]
pub fn start(clients: &Clients, streams: Vec<Stream>) -> (Watches, mpsc::Receiver<Change>) {
    let (out, changes) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    for stream in streams {
        let client = match stream.what {
            Watched::ManagedSecrets => &clients.secrets,
            _ => &clients.watches,
        };
        let (client, intake, out) = (client.clone(), clients.intake.clone(), out.clone());
        match stream.what {
            Watched::Credentials => tasks.spawn(follow::<edge::Credential>(client, intake, stream, out)),
            Watched::Requests => tasks.spawn(follow::<edge::Request>(client, intake, stream, out)),
            Watched::ManagedSecrets => {
                tasks.spawn(follow::<edge::ManagedSecret>(client, intake, stream, out))
            }
            Watched::OtherSecrets => tasks.spawn(follow::<edge::OtherSecret>(client, intake, stream, out)),
            Watched::Namespaces => tasks.spawn(follow::<edge::Namespace>(client, intake, stream, out)),
        };
    }
    (Watches { _tasks: tasks }, changes)
}

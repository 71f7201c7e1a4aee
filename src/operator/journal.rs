//! What was the loop told, when, and what did it begin then? A line of the log for each, at level trace: as the turns are pure, they
//! can be taken again from these lines (`replay`). Names, versions, instants and words of ours; nothing of what a Secret holds.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::Level;

use super::effect::{Issue, Outcome, WriteFailed};
use super::gate::Limits;
use super::turns::{Ticket, Turn, Work};
use crate::auth::{Application, Call, Fault};
use crate::cluster::ReadFailed;
use crate::cluster::managed_secret::StoredSecret;
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::Look;
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Seen, Stream, Trouble, Watched};
use crate::decision::{Key, Kind, ResourceVersion};
use crate::state::Settings;

/// One thing that the loop was told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Entry {
    /// A process begins.
    Started {
        /// The origins that custom endpoints may have.
        allowed_origins: Vec<String>,
        /// Whether the labels of namespaces can be read.
        reads_namespaces: bool,
        /// How much each origin is asked for.
        limits: Limits,
        /// What it watches.
        streams: Vec<Place>,
    },
    /// Something changed in the cluster.
    Changed(Place, News),
    /// The wall clock was set by so much.
    ClockSet(SignedDuration),
    /// It was looked whose turn it is.
    Looked {
        /// When.
        now: Timestamp,
        /// What was begun.
        began: Vec<Task>,
    },
    /// The operator is stopping: what was held and waited to be written is begun.
    Ended {
        /// When.
        now: Timestamp,
        /// What was begun.
        began: Vec<Task>,
    },
    /// What was begun is done.
    Back {
        /// Which.
        task: Task,
        /// When it was heard.
        now: Timestamp,
        /// What came of it.
        heard: Heard,
        /// What was begun next for the same object.
        began: Option<Task>,
        /// The operator is stopping.
        last: bool,
    },
}

/// A stream: what is watched, and in which namespace.
pub type Place = (Watched, Option<String>);

/// An object: kind, namespace and name.
pub type Name = (Kind, String, String);

/// What a stream said.
#[derive(Debug, Serialize, Deserialize)]
pub enum News {
    /// A list begins.
    Relisting,
    /// Something is there.
    Seen(Version),
    /// Something is gone.
    Gone(Version),
    /// The list is complete.
    Listed,
    /// The stream failed.
    Broken(Trouble),
    /// It works again.
    Mended,
}

/// An object as it was at one time: its namespace, its name, and the resourceVersion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub String, pub String, pub ResourceVersion);

/// Something that is done beside the loop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Task {
    /// A step of an object that asks the API server for something.
    Step(Name),
    /// A step of an object that calls the authentication service.
    Call(Name),
    /// An object's status is written.
    Status(Name),
    /// The same beside a call of that object.
    Word(Name),
    /// A Secret is read whole: namespace and name.
    Read(String, String),
    /// It is asked whether this right is there again.
    Ask(String),
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Heard {
    /// A Secret was read: at which version, if there is one.
    Read(Result<Option<ResourceVersion>, ReadFailed>),
    /// It was looked whose a Secret's name is: the version of the Secret that bears it.
    Looked(Result<Option<ResourceVersion>, ReadFailed>),
    /// It was looked whether an object lives: its version, if it does.
    Owner(Result<Option<ResourceVersion>, ReadFailed>),
    /// A write was rehearsed.
    Rehearsed(Result<(), WriteFailed>),
    /// The service was called.
    Issued(Result<Issued, (Call, Fault)>),
    /// A managed Secret was written: its version since.
    Written(Result<ResourceVersion, WriteFailed>),
    /// A finished object was deleted.
    Finished(Deletion),
    /// A status was written: the object's version since.
    Published(Result<ResourceVersion, StatusRefused>),
    /// It was asked for a right.
    Asked(Result<bool, ReadFailed>),
    /// The effect panicked.
    Panicked,
}

/// What an answer told of a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Issued {
    /// The moment before it was asked for.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whose an access token is, as the status tells it.
    pub application: Option<Application>,
    /// How far the service's clock is ahead.
    pub clock_ahead: Option<SignedDuration>,
}

/// What came back, before the loop takes it in; `None` where nobody wants to know.
pub(super) struct Arrived(Option<(Task, Heard)>);

impl Arrived {
    /// With this ticket.
    pub(super) fn of(ticket: &Ticket, outcome: &Outcome) -> Self {
        Self(is_kept().then(|| (Task::of(ticket), Heard::of(outcome))))
    }

    /// It was heard then, and that followed; the last words of an operator that stops, perhaps.
    pub(super) fn note(self, now: Timestamp, next: &Turn, last: bool) {
        if let Some((task, heard)) = self.0 {
            note(|| Entry::Back { task, now, heard, began: Task::begun([next]).pop(), last });
        }
    }
}

fn is_kept() -> bool {
    tracing::enabled!(Level::TRACE)
}

/// Writes a line, if anybody wants such lines.
pub(super) fn note(entry: impl FnOnce() -> Entry) {
    if is_kept()
        && let Ok(journal) = serde_json::to_string(&entry())
    {
        tracing::trace!(journal);
    }
}

impl Entry {
    /// A process begins.
    pub(super) fn started(settings: &Settings, limits: Limits, streams: &[Stream]) -> Self {
        Self::Started {
            allowed_origins: settings.allowed_origins.iter().map(ToString::to_string).collect(),
            reads_namespaces: settings.reads_namespaces,
            limits,
            streams: streams.iter().map(place).collect(),
        }
    }

    /// Something changed in the cluster.
    pub(super) fn changed(change: &Change) -> Self {
        let (stream, news) = match change {
            Change::Relisting(stream) => (stream, News::Relisting),
            Change::Seen { stream, seen } => (stream, News::Seen(version(seen))),
            Change::Gone { stream, what } => {
                let gone = Version(what.namespace.to_string(), what.name.to_string(), what.version);
                (stream, News::Gone(gone))
            }
            Change::Listed(stream) => (stream, News::Listed),
            Change::Broken(stream, trouble) => (stream, News::Broken(*trouble)),
            Change::Mended(stream) => (stream, News::Mended),
        };
        Self::Changed(place(stream), news)
    }
}

impl Task {
    /// What these turns began.
    pub(super) fn begun<'a>(turns: impl IntoIterator<Item = &'a Turn>) -> Vec<Self> {
        let begun = turns.into_iter().filter_map(|turn| match turn {
            Turn::Act(ticket, _) => Some(Self::of(ticket)),
            Turn::Rest | Turn::Panicked(_) => None,
        });
        begun.collect()
    }

    /// What this ticket is for.
    pub(super) fn of(ticket: &Ticket) -> Self {
        let name = name(&ticket.key);
        match &ticket.work {
            Work::Step => Self::Step(name),
            Work::Call => Self::Call(name),
            Work::Status(_) => Self::Status(name),
            Work::Word(_) => Self::Word(name),
            Work::Read((namespace, name)) => Self::Read(namespace.to_string(), name.to_string()),
            Work::Ask(right) => Self::Ask(right.to_string()),
        }
    }
}

impl Heard {
    /// What this outcome tells.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Read(found) => {
                Self::Read(found.as_ref().map(|it| it.as_ref().map(StoredSecret::version)).map_err(|it| *it))
            }
            Outcome::Looked(look) => Self::Looked(look.as_ref().map(looked).map_err(|it| *it)),
            Outcome::Owner(owner) => Self::Owner(owner.as_ref().map(lives).map_err(|it| *it)),
            Outcome::Rehearsed(result) => Self::Rehearsed(*result),
            Outcome::Issued { issue, result, .. } => Self::Issued(match result {
                Ok(issued) => Ok(Issued {
                    issued_at: issued.issued_at,
                    expires_at: issued.expires_at,
                    application: issued.application.clone().filter(|_| matches!(issue, Issue::Access(_))),
                    clock_ahead: issued.service_clock_ahead,
                }),
                Err(fault) => Err(*fault),
            }),
            Outcome::Written { result, .. } => {
                Self::Written(result.as_ref().map(|it| it.version).map_err(|it| *it))
            }
            Outcome::Finished(deletion) => Self::Finished(*deletion),
            Outcome::Published(result) => Self::Published(*result),
            Outcome::Asked(result) => Self::Asked(*result),
            // Each reader makes its own of a Secret that was read: these two are no effect's.
            Outcome::Login(..) | Outcome::Recalled(_) | Outcome::Panicked => Self::Panicked,
        }
    }
}

fn looked(look: &Look) -> Option<ResourceVersion> {
    match look {
        Look::Absent => None,
        Look::Ours(seen) => Some(seen.version),
        Look::Foreign(version) => Some(*version),
    }
}

fn lives(owner: &OwnerNow) -> Option<ResourceVersion> {
    match owner {
        OwnerNow::Absent => None,
        OwnerNow::Present { version, .. } => Some(*version),
    }
}

fn version(seen: &Seen) -> Version {
    let (namespace, name, version) = match seen {
        Seen::Credential(it) => (&*it.namespace, &*it.name, it.version),
        Seen::Request(it) => (&*it.namespace, &*it.name, it.version),
        Seen::ManagedSecret { namespace, name, secret } => (&**namespace, &**name, secret.version),
        Seen::OtherSecret { namespace, name, version } => (&**namespace, &**name, *version),
        Seen::Namespace { name, version, .. } => ("", &**name, *version),
    };
    Version(namespace.to_owned(), name.to_owned(), version)
}

fn place(stream: &Stream) -> Place {
    (stream.what, stream.namespace.as_deref().map(str::to_owned))
}

/// An object, as it is written here.
#[must_use]
pub(super) fn name(key: &Key) -> Name {
    (key.kind, key.namespace.to_string(), key.name.to_string())
}

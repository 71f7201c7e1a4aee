//! What does a managed Secret say of the token in it? Plain data, read from its metadata (behaviour §1).

use std::hash::{DefaultHasher, Hash, Hasher as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::schedule::down_to_seconds;

/// The record that travels in the same write as the token, as annotations of the managed Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The moment before the token was asked for, by the local clock.
    pub issued_at: Timestamp,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// From which inputs it was issued.
    pub inputs: InputsHash,
    /// The renew request that this token, or an earlier one of this Secret, has answered.
    pub renew_handled: Option<Box<str>>,
}

/// The two parts of `inputs-hash`, as text `v1:<for>.<with>` in the annotation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InputsHash {
    /// This version's form.
    V1 {
        /// What the token is for: endpoint, subject, delivery.
        made_for: [u8; 16],
        /// What it was made with: the login, and what else leaves the subject as it is.
        made_with: [u8; 16],
    },
    /// Written by another version, as it stands in the annotation: counts as matching until the next renewal, so that
    /// an upgrade issues nothing, and is written back as it is when the Secret is only re-rendered.
    Other(Box<str>),
}

/// What is kept of a record to tell others from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    issued_at: Timestamp,
    expires_at: Timestamp,
    hash: u64,
}

/// A resourceVersion: comparable within one resource since Kubernetes 1.35, which says so of every server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub struct ResourceVersion(pub u64);

/// What is known of a Secret that has our type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSecret {
    /// Its uid: the precondition of every later write.
    pub uid: Box<str>,
    /// Its resourceVersion: the other precondition.
    pub version: ResourceVersion,
    /// Who controls it.
    pub owner: Owner,
    /// Its record; `None` where it is missing or cannot be read.
    pub record: Option<Record>,
    /// Whether its data are as they were written.
    pub content: Content,
    /// A piece of its content hash, which tells apart what the hash covers: whoever can write the Secret can compute one that fits.
    pub seal: Option<u64>,
    /// Hash of the key names, labels and annotations it shows: compared with [`Template::rendering`](super::Template::rendering).
    pub rendering: u64,
    /// `immutable: true`, set by somebody: no write can succeed.
    pub immutable: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
}

/// The controller reference of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// None: restored or orphaned.
    Nobody,
    /// One of our two kinds.
    Ours {
        /// The kind, as in the reference.
        kind: super::Kind,
        /// The name in the reference.
        name: Box<str>,
        /// The uid in the reference.
        uid: Box<str>,
    },
    /// A controller of another kind.
    Other,
}

/// Whether a Secret's data are as its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `content-hash` holds.
    Intact,
    /// It does not: somebody edited the data or the record.
    Edited,
    /// Only metadata was seen so far; taken as intact until the data are.
    Unseen,
}

impl ResourceVersion {
    /// Of an object whose version cannot be read, which no server sends: neither older nor newer than any, so that nothing
    /// said of it is dropped for an echo. As a precondition it never holds; 0 would be one that always does.
    pub const UNREADABLE: Self = Self(u64::MAX);

    /// Whether what has this version is known to be older than what has that one.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self < other && other != Self::UNREADABLE
    }
}

impl Record {
    /// Tells one record from another, in less room.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        Fingerprint { issued_at: self.issued_at, expires_at: self.expires_at, hash: hasher.finish() }
    }
}

impl Fingerprint {
    /// What a status tells of a record, in whole seconds. No record has this one.
    #[must_use]
    pub fn told(issued_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { issued_at, expires_at, hash: 0 }
    }

    /// Whether that record is of the same issue as the one that was told of, and says that its token lives longer.
    #[must_use]
    pub fn is_outlived_by(&self, other: &Self) -> bool {
        down_to_seconds(other.issued_at) == self.issued_at
            && down_to_seconds(other.expires_at) > self.expires_at
    }

    /// Whether a record says of its token that it is younger, or lives longer, than this one's, or tells something else of the same
    /// issue, which no copy of an earlier one does.
    #[must_use]
    pub fn is_outdone_by(&self, other: &Self) -> bool {
        other.issued_at > self.issued_at
            || other.expires_at > self.expires_at
            || other.issued_at == self.issued_at && other != self
    }
}

impl InputsHash {
    /// Whether the token is for this: endpoint, subject and delivery. What is not known, on either side, counts as matching.
    #[must_use]
    pub fn is_for(&self, wanted: Option<[u8; 16]>) -> bool {
        match (self, wanted) {
            (Self::V1 { made_for, .. }, Some(wanted)) => *made_for == wanted,
            _ => true,
        }
    }
}

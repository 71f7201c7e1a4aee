//! What concerns one object, kind-neutral: everything a decision may depend on, besides the time. Plain data, borrowed
//! from memory; looking it up is the kinds' `facts`, and nothing here reads anything.

use jiff::{SignedDuration, Timestamp};

use super::schedule::{FUTURE_TOLERANCE, later};
use super::{
    Delivery, FailedStep, Failure, Failures, Fingerprint, Key, Pace, Parked, Record, SeenSecret, Template,
};
use crate::api::Reason;

/// Everything that is known of one object when a decision is made.
#[expect(
    clippy::struct_excessive_bools,
    reason = "things that are independent of each other, each known or not"
)]
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Which object.
    pub key: &'a Key,
    /// Its uid.
    pub uid: &'a str,
    /// Its generation: what the status will say it observed.
    pub generation: i64,
    /// When the token ends that its status told of last: outlives a Secret that somebody deleted.
    pub told_expires_at: Option<Timestamp>,
    /// Its status says that there is a good token.
    pub says_ready: bool,
    /// The next attempt that its status names.
    pub told_attempt: Option<Timestamp>,
    /// What the operator may not list, so that nothing that is absent is known to be.
    pub unlisted: Option<Unlisted>,
    /// What it was shown before, and may not follow any more: what is known stands, and what changes is not noticed.
    pub unwatched: Option<Unlisted>,
    /// It has a deletionTimestamp: it gets no effect any more.
    pub deleting: bool,
    /// What its spec asks for, or what is wrong with it.
    pub wish: Result<Wish<'a>, SpecFault>,
    /// The value of the renew request, if there is one.
    pub renew_request: Option<&'a str>,
    /// The client Secret (credentials; a request's is part of its chain).
    pub login: LoginFact,
    /// What a token would be issued from.
    pub chain: Chain<'a>,
    /// What is wrong with the endpoint; `None`: nothing that is known.
    pub endpoint: Option<Parked>,
    /// The Secret of the name that the spec wants.
    pub secret: SecretFact<'a>,
    /// A write of ours came back without a word on what became of it: it is looked at first, and what was known still counts.
    pub look: bool,
    /// The record of the token that is held in memory for this object.
    pub held: Option<&'a Record>,
    /// What this operator has done and learnt of the Secret.
    pub care: Care,
    /// What failed, and when it is tried again.
    pub failures: &'a Failures,
    /// What must be equal for a failure to still count: spec, client Secret and renew request, hashed.
    pub stamp: u64,
    /// The issue time of the access token that the service refused last (credentials).
    pub refused: Option<Timestamp>,
    /// The access token in memory replaced a refused one, and was not accepted yet (credentials).
    pub unproven: bool,
    /// Somebody waits for the token that only the Secret holds (credentials).
    pub token_wanted: bool,
    /// What the service last said of key and secret (credentials).
    pub validity: Validity,
    /// How far the service's clock is ahead of this one (credentials).
    pub clock_ahead: Option<SignedDuration>,
}

/// What the spec asks for, checked.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// The managed Secret; `None` for a Frontend credential, which holds no token.
    pub template: Option<&'a Template>,
    /// Which token it holds.
    pub delivery: Delivery,
    /// When to renew.
    pub renewal: Renewal,
    /// Never issue after this.
    pub renew_until: Option<Timestamp>,
    /// How long a finished object is kept.
    pub ttl_after_finished: Option<SignedDuration>,
    /// Nothing is issued.
    pub suspended: bool,
    /// A namespace selector is not honoured: the operator may not read namespaces.
    pub selector_ignored: bool,
    /// The origin of a custom endpoint that the operator was not started with.
    pub refused_origin: Option<&'a str>,
    /// What the token is for; `None` while that cannot be known: it counts as matching.
    pub made_for: Option<[u8; 16]>,
    /// What it would be made with; `None` while that is not known: it counts as matching.
    pub made_with: Option<[u8; 16]>,
    /// What messages call things.
    pub names: Names<'a>,
}

/// The names that messages mention.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The client Secret.
    pub client_secret: &'a str,
    /// The credential that a request refers to, as `name` or `namespace/name`; of two, the first that is out of reach.
    pub credential: &'a str,
    /// The purpose that a request asks for.
    pub purpose: &'a str,
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Between half and two thirds of its life.
    Default,
    /// This long before its end.
    Before(SignedDuration),
    /// This percentage of its life before its end.
    Percentage(u8),
}

/// What is wrong with a spec that the API server accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecFault {
    /// It cannot be decoded: an older schema, or edited past it.
    Undecodable,
    /// It is larger than any that admission lets through, and not kept.
    TooHeavy,
    /// This field holds a value that means nothing.
    Field(&'static str),
    /// `spec.endpoint.caBundle` has no certificate.
    NoCertificate,
    /// Its certificate of this number, from 1, cannot be read.
    BadCertificate(usize),
    /// `credentialRef` names a Frontend app.
    CredentialIsFrontend,
    /// `exchangeCredentialRef` names a Backend app.
    ExchangeIsBackend,
    /// The two credentials are not of one endpoint.
    EndpointsDiffer,
}

/// What the operator has no right to list or watch in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unlisted {
    /// Secrets.
    Secrets,
    /// The objects of one of the two kinds.
    Objects,
    /// Namespaces, with their labels.
    Namespaces,
}

/// What is known of a client Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFact {
    /// Not read since it changed, or ever.
    Unread,
    /// There is no such Secret.
    Absent,
    /// It lacks a usable key or secret.
    Incomplete(LoginGap),
    /// Key and secret are in memory. Of a request: there is nothing to read.
    Ready,
}

/// Why a client Secret is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginGap {
    /// The key of the client id is missing or empty.
    NoId,
    /// The key of the client secret is missing or empty.
    NoSecret,
    /// A value holds control characters, is no text, or is too long.
    Unprintable,
}

/// What a token is issued from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain<'a> {
    /// A credential: from its login alone.
    Login,
    /// The credential is absent, or does not consent: nobody can tell which.
    Absent,
    /// The operator may not list the credentials of another namespace that the request refers to.
    Unlisted {
        /// Which namespace.
        namespace: &'a str,
    },
    /// The two do not fit.
    Misfit(SpecFault),
    /// The credential does not allow the purpose.
    PurposeRefused,
    /// The credential does not allow a service token that lives as long.
    TtlRefused {
        /// The longest it allows.
        longest: SignedDuration,
    },
    /// A credential of the chain has no token to offer until something else happens.
    NotReady {
        /// Which one, as the request refers to it.
        credential: &'a str,
        /// Why.
        reason: Reason,
    },
    /// The credential is at work: a moment's patience, and nothing to report.
    Working,
    /// There is a live access token and a login to exchange with.
    Live,
}

/// What is known of the Secret whose name the spec wants.
#[derive(Clone, Copy, Debug)]
pub enum SecretFact<'a> {
    /// None is wanted.
    Unwanted,
    /// It must be looked at first.
    Unknown,
    /// There is none.
    Absent,
    /// Somebody else's.
    Foreign,
    /// An earlier object's, which wants it too.
    Claimed(&'a Key),
    /// Controlled by an earlier object of this name: about to be collected.
    FormerOwner,
    /// Ours: it names this object as its controller.
    Ours(&'a SeenSecret),
    /// Our type without a controller: to be adopted.
    Orphan(&'a SeenSecret),
}

/// What this operator has done and learnt of the Secret, in memory only.
#[expect(
    clippy::struct_excessive_bools,
    reason = "things that are independent of each other, each known or not"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// There was a Secret of ours, and it is gone: its owner is looked at before it is put back.
    pub vanished: bool,
    /// Somebody edited it, and it was not yet put right.
    pub edited: bool,
    /// How fast it was written again with the token that it has.
    pub writes: Pace,
    /// The owner was seen alive since.
    pub owner_confirmed: bool,
    /// The data were read, and the token among them is not the one that was written.
    pub content_lost: bool,
    /// The record that this operator wrote last, or saw first, hashed.
    pub known_record: Option<Fingerprint>,
    /// The seal of the Secret with that record, as this operator wrote it last or saw it first.
    pub known_seal: Option<u64>,
    /// The record that is there is another one: restored from a copy, or made up. Whatever it calls for is a repair.
    pub strange: bool,
    /// It is later than any that this operator wrote, though its hash fits: whoever can write the Secret can compute that, and a
    /// dead token would be called good.
    pub made_up: bool,
    /// When a Secret that somebody had deleted, edited or restored was last replaced by issuing.
    pub last_repair: Option<Timestamp>,
    /// How far the clock was set since the token that is there was issued, in all.
    pub clock_set: SignedDuration,
    /// The same since the token that is held was.
    pub held_clock_set: SignedDuration,
    /// Since a token was issued last, somebody asked for another one.
    pub asked_again: bool,
    /// How fast changes led to attempts.
    pub pace: Pace,
    /// The namespace is being deleted, as a refusal said then: nothing more is done for a while, or said but that a token has ended. A
    /// refusal may be a policy's, and a policy may say anything.
    pub namespace_goes_since: Option<Timestamp>,
    /// What our last write asked for, and what the server made of it: a policy that adds a label is not fought.
    pub rendered: Option<(u64, u64)>,
    /// The watch has shown that the token that was issued is in the Secret.
    pub landed: bool,
    /// A write was refused before the last restart, or the Secret was lost: ask the server before issuing again.
    pub rehearse: bool,
}

impl Care {
    /// Whether a Secret has the record that is known, and is not what was written with it.
    #[must_use]
    pub fn is_forged(&self, seen: &SeenSecret) -> bool {
        let record = seen.record.as_ref().map(Record::fingerprint);
        let known = record.is_some() && record == self.known_record;
        known && self.known_seal.is_some_and(|seal| seen.seal != Some(seal))
    }
}

/// What the service last said of key and secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Nothing yet.
    Unknown,
    /// It accepted them.
    Accepted,
    /// It refused them.
    Refused,
}

impl<'a> SecretFact<'a> {
    /// The Secret, where it is or may become this object's.
    #[must_use]
    pub fn seen(&self) -> Option<&'a SeenSecret> {
        match self {
            Self::Ours(seen) | Self::Orphan(seen) => Some(seen),
            _ => None,
        }
    }
}

impl<'a> Facts<'a> {
    /// The record of the token that the Secret holds.
    #[must_use]
    pub fn record(&self) -> Option<&'a Record> {
        self.secret.seen().and_then(|seen| seen.record.as_ref())
    }

    /// The wish, where the spec is sound.
    #[must_use]
    pub fn sound(&self) -> Option<&Wish<'a>> {
        self.wish.as_ref().ok()
    }

    /// What an attempt depends on, hashed; `None` while that is not known, and nothing can be issued.
    #[must_use]
    pub fn basis(&self) -> Option<u64> {
        let wish = self.sound()?;
        Some(Failure::stamp_of((self.stamp, wish.made_for?, wish.made_with?)))
    }

    /// The failures, but for those that depended on something that has changed since.
    pub fn standing(&self) -> impl Iterator<Item = &'a Failure> {
        let stamp = self.stamp;
        self.failures.iter().filter(move |it| it.stamp == stamp || it.stamp == Failure::INHERITED)
    }

    /// How this step failed last, if that still counts.
    #[must_use]
    pub fn failure_of(&self, step: FailedStep) -> Option<&'a Failure> {
        self.standing().find(|failure| failure.step == step)
    }

    /// What this clock shows when that time comes for the token that is there: it was issued before the clock was set.
    #[must_use]
    pub fn by_this_clock(&self, instant: Timestamp) -> Timestamp {
        after_it_was_set(instant, self.care.clock_set)
    }

    /// When the token that is held ends.
    #[must_use]
    pub fn held_ends(&self) -> Option<Timestamp> {
        self.held.map(|held| after_it_was_set(held.expires_at, self.care.held_clock_set))
    }

    /// Whether the token that is held is one for this spec, and alive.
    #[must_use]
    pub fn held_is_live(&self, now: Timestamp) -> bool {
        let wanted = self.sound().and_then(|wish| wish.made_for);
        self.held.is_some_and(|held| held.inputs.is_for(wanted))
            && self.held_ends().is_some_and(|end| end > now)
    }

    /// When the token that is there ends.
    #[must_use]
    pub fn token_ends(&self) -> Option<Timestamp> {
        self.record().map(|record| self.by_this_clock(record.expires_at))
    }

    /// The minutes that the service's clock is ahead, where that is worth a word.
    #[must_use]
    pub fn clock_skew_minutes(&self) -> Option<i64> {
        let ahead = self.clock_ahead.filter(|ahead| ahead.abs() > FUTURE_TOLERANCE)?.as_secs();
        Some((ahead + 30 * ahead.signum()) / 60)
    }

    /// The failure that the object tells of.
    #[must_use]
    pub fn told_failure(&self) -> Option<&'a Failure> {
        self.standing().filter(|failure| failure.is_told()).max_by_key(|failure| failure.weight())
    }

    /// Whether the service refused the access token that the Secret holds.
    #[must_use]
    pub fn token_was_refused(&self) -> bool {
        self.refused.is_some() && self.refused == self.record().map(|record| record.issued_at)
    }

    /// Whether the service refused the access token that is held in memory.
    #[must_use]
    pub fn held_was_refused(&self) -> bool {
        self.refused.is_some() && self.refused == self.held.map(|held| held.issued_at)
    }
}

/// When it is that time by a clock that was set by so much since: one that was set back shows what has passed as still to come.
fn after_it_was_set(instant: Timestamp, by: SignedDuration) -> Timestamp {
    later(instant, by.min(SignedDuration::ZERO))
}

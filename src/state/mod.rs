//! What the operator knows, in memory: the objects, the records of their Secrets, the sessions of credentials, who waits for
//! whom. No I/O, no clock.
//!
//! Whatever changes what is known answers with the keys of the objects that this concerns: the queue's next work.

mod claims;
mod object;
mod placing;
mod refused;
mod secrets;
mod session;
pub mod spec;
mod vanished;
mod waiting;
mod watching;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::auth::Origin;
use crate::decision::{Key, Owner, Parked, ResourceVersion, SecretFact, SeenSecret};

use claims::Claims;
pub use object::{Credential, Detail, Held, HeldToken, Meta, Object, Request, Work};
pub use refused::{Listing, Refused};
pub use secrets::{Lists, SecretName, Secrets};
pub use session::{LoginState, Offer, Offers, Session};
use spec::{CredentialSpec, Labels};
pub use waiting::{Waiting, Waits};
pub use watching::{Deleted, Sighting};

/// What the operator was started with, as far as decisions depend on it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The origins that custom endpoints may have.
    pub allowed_origins: Vec<Origin>,
    /// Whether the labels of namespaces can be read.
    pub reads_namespaces: bool,
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What the operator was started with.
    pub settings: Settings,
    objects: HashMap<Key, Object>,
    secrets: Secrets,
    namespaces: HashMap<Arc<str>, Labels>,
    /// In which round each namespace was last seen.
    namespaces_seen: HashMap<Arc<str>, u32>,
    /// Which requests refer to a credential, there or not.
    referrers: HashMap<Key, HashSet<Key>>,
    /// Which objects want a Secret of this name.
    claims: Claims,
    /// Which credentials read a client Secret of this name.
    readers: HashMap<SecretName, HashSet<Key>>,
    /// Which requests refer to credentials of other namespaces, by their own namespace.
    visitors: HashMap<Arc<str>, HashSet<Key>>,
    /// The endpoints that are unwell.
    unwell: HashMap<Origin, Parked>,
    /// Which credentials a request is to try.
    probing: HashMap<Key, HashSet<Key>>,
    /// What may not be listed, and where.
    refused: HashSet<Refused>,
    /// In which round each object was last seen.
    seen_in: HashMap<Key, u32>,
}

impl State {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// An object.
    #[must_use]
    pub fn object(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// An object, to be changed by its own work.
    pub fn object_mut(&mut self, key: &Key) -> Option<&mut Object> {
        self.objects.get_mut(key)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// A credential's part of what is known.
    #[must_use]
    pub fn credential(&self, key: &Key) -> Option<&Credential> {
        self.objects.get(key).and_then(Object::credential)
    }

    /// The session of a credential.
    pub fn session_mut(&mut self, key: &Key) -> Option<&mut Session> {
        Some(&mut self.objects.get_mut(key)?.credential_mut()?.session)
    }

    /// Whose token is held in memory.
    #[must_use]
    pub fn holders(&self) -> BTreeSet<Key> {
        let holds = |(key, object): (&Key, &Object)| object.work.held.as_ref().map(|_| key.clone());
        self.objects.iter().filter_map(holds).collect()
    }

    /// The wall clock was set by so much: the services' are as much less ahead of it, and tokens end as much later by it. Returns
    /// who looks again: the credentials of which something is known, and if it was set back everybody, whose looks are arranged for
    /// later than was meant.
    pub fn clock_was_set(&mut self, by: SignedDuration) -> Vec<Key> {
        let mut concerned = Vec::new();
        for (key, object) in &mut self.objects {
            let work = &mut object.work;
            for set in
                [&mut work.care.clock_set, &mut work.care.held_clock_set, &mut work.clock_set_meanwhile]
            {
                *set = set.saturating_add(by);
            }
            let session = object.credential_mut().map(|credential| &mut credential.session);
            let ahead = session.and_then(|session| session.clock_ahead.as_mut());
            if by.is_negative() || ahead.is_some() {
                concerned.push(key.clone());
            }
            if let Some(ahead) = ahead {
                *ahead = ahead.saturating_sub(by);
            }
        }
        concerned
    }

    /// The labels of a namespace, where they can be read.
    #[must_use]
    pub fn labels(&self, namespace: &str) -> Option<&Labels> {
        self.namespaces.get(namespace)
    }

    /// What is wrong with an endpoint; `None`: nothing that is known.
    #[must_use]
    pub fn unwell(&self, origin: &Origin) -> Option<Parked> {
        self.unwell.get(origin).copied()
    }

    /// The same of a credential's endpoint.
    #[must_use]
    pub fn unwell_for(&self, credential: &CredentialSpec) -> Option<Parked> {
        self.unwell(credential.endpoint.allowed()?.origin())
    }

    /// This is wrong with an endpoint now, or nothing.
    pub fn know_endpoint(&mut self, origin: &Origin, parked: Option<Parked>) {
        match parked {
            Some(parked) => self.unwell.insert(origin.clone(), parked),
            None => self.unwell.remove(origin),
        };
    }

    /// The index of Secrets.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The Secret of this name, as `key`'s object sees it. One that is not the object's own, and what becomes of the name, is
    /// nothing to those who have no right to it: so nothing about it needs to be told to them.
    #[must_use]
    pub fn secret_fact<'a>(&'a self, key: &Key, object: &Object, name: &str) -> SecretFact<'a> {
        let seen = self.secrets.managed(&key.namespace, name).map(|it| owned_by(key, &object.meta.uid, it));
        if let Some(SecretFact::Ours(seen)) = seen {
            return SecretFact::Ours(seen);
        }
        if object.work.look {
            return SecretFact::Unknown;
        }
        if let Some(by) = self.claimed_before(key, object, name) {
            return SecretFact::Claimed(by);
        }
        let taken = self.secrets.is_taken(&key.namespace, name);
        seen.unwrap_or(if taken { SecretFact::Foreign } else { SecretFact::Absent })
    }

    /// Two objects want one name: it is the earlier one's, so that no token is spent to find that out.
    fn claimed_before(&self, key: &Key, object: &Object, name: &str) -> Option<&Key> {
        let (since, first) = self.claims.first(&(key.namespace.clone(), name.into()))?;
        ((since, first) < (&object.meta.created, key)).then_some(first)
    }

    /// The requests that refer to a credential.
    pub fn referrers(&self, credential: &Key) -> impl Iterator<Item = &Key> {
        self.referrers.get(credential).into_iter().flatten()
    }

    /// A request waits for a credential. Returns whether that is to look again: it is the first one, or the first to lose a token, or
    /// may try it, and nobody is at that.
    pub fn wait_for(&mut self, credential: &Key, request: &Key, waits: Waits, now: Timestamp) -> bool {
        self.session_mut(credential).is_some_and(|session| {
            let first = session.waiting.is_empty();
            let first_end = session.waiting.first_end_after(now);
            session.waiting.insert(request, waits);
            let hurries = waits.ends.is_some_and(|end| first_end.is_none_or(|first| end < first));
            first || hurries || (waits.tries.is_some() && session.is_untried())
        })
    }

    /// A request waits for none of these any more.
    pub fn leave(&mut self, request: &Key, credentials: &[Key]) {
        for credential in credentials {
            if let Some(session) = self.session_mut(credential) {
                session.waiting.remove(request);
            }
        }
    }

    /// Those who waited for a credential: they look again.
    pub fn stop_waiting(&mut self, credential: &Key) -> Vec<Key> {
        self.session_mut(credential).map(|session| session.waiting.take()).unwrap_or_default()
    }

    /// The first in turn of those who wait for a credential, and may, is to try it. `None`: there is no such one, or one is at it.
    pub fn begin_probe(&mut self, credential: &Key) -> Option<Key> {
        let session = &self.credential(credential)?.session;
        if session.probe.is_some() {
            return None;
        }
        let probe = session.waiting.in_turn(session.probed_last.as_ref()).next()?.clone();
        self.probe_with(credential, &probe);
        Some(probe)
    }

    /// This request is to try a credential.
    pub fn probe_with(&mut self, credential: &Key, probe: &Key) {
        let Some(session) = self.session_mut(credential) else { return };
        session.waiting.remove(probe);
        session.probed_last = Some(probe.clone());
        session.probe = Some(probe.clone());
        self.probing.entry(probe.clone()).or_default().insert(credential.clone());
    }

    /// The credentials that a request tries.
    pub fn tried_by(&self, request: &Key) -> impl Iterator<Item = &Key> {
        self.probing.get(request).into_iter().flatten()
    }

    /// Nobody is to try this credential.
    pub fn end_probe(&mut self, credential: &Key) {
        let probe = self.session_mut(credential).and_then(|session| session.probe.take());
        if let Some(probe) = probe
            && let Some(tried) = self.probing.get_mut(&probe)
        {
            tried.remove(credential);
            if tried.is_empty() {
                self.probing.remove(&probe);
            }
        }
    }

    /// A request has come to rest: if it was to try credentials, they are to ask another one. Returns these.
    pub fn stop_probing(&mut self, request: &Key) -> Vec<Key> {
        let tried: Vec<Key> = self.probing.remove(request).into_iter().flatten().collect();
        for credential in &tried {
            if let Some(session) = self.session_mut(credential) {
                session.probe = None;
            }
        }
        tried
    }

    /// A Secret of ours was written, or seen in answer to a question: read your own writes.
    pub fn know_secret(&mut self, namespace: &Arc<str>, name: &str, seen: SeenSecret) -> bool {
        self.sight(namespace, name, seen, Secrets::know).is_some()
    }

    /// A Secret of another type bears this name, in answer to a question.
    pub fn know_other_secret(&mut self, namespace: &Arc<str>, name: &str, version: ResourceVersion) {
        if !self.secrets.is_gone(namespace, name, version) {
            self.secrets.know_other(namespace, name);
        }
    }
}

/// Behaviour §1.6: whose is this Secret?
fn owned_by<'a>(key: &Key, uid: &str, seen: &'a SeenSecret) -> SecretFact<'a> {
    match &seen.owner {
        Owner::Nobody => SecretFact::Orphan(seen),
        Owner::Ours { kind, name, .. } if *kind != key.kind || **name != *key.name => SecretFact::Foreign,
        Owner::Ours { uid: owner, .. } if **owner == *uid => SecretFact::Ours(seen),
        Owner::Ours { .. } => SecretFact::FormerOwner,
        Owner::Other => SecretFact::Foreign,
    }
}

#[cfg(test)]
mod tests;

//! What does something seen in a watch change, and whom does that concern? No I/O, no clock.

use std::collections::HashSet;
use std::sync::Arc;

use super::claims::owner;
use super::secrets::Unlisted;
use super::spec::Labels;
use super::vanished::belongs_to_another;
use super::{LoginState, Meta, Object, SecretName, Secrets, State};
use crate::api::{CredentialStatus, RequestStatus, RocketLawyerCredentialSpec, ScopedTokenRequestSpec};
use crate::decision::{
    Content, FailedStep, Fingerprint, Key, Kind, Owner, Record, ResourceVersion, SeenSecret, SpecFault,
};

/// An object of either kind, as a watch shows it.
#[derive(Debug)]
pub enum Sighting {
    /// A credential.
    Credential(Meta, Result<Box<RocketLawyerCredentialSpec>, SpecFault>, Box<CredentialStatus>),
    /// A request.
    Request(Meta, Result<Box<ScopedTokenRequestSpec>, SpecFault>, Box<RequestStatus>),
}

/// A deletion, as a watch shows it.
#[derive(Clone, Copy, Debug)]
pub struct Deleted<'a> {
    /// Of which Secret.
    pub uid: &'a str,
    /// At which version.
    pub version: ResourceVersion,
}

impl State {
    /// An object was seen. One that is older than what memory knows is dropped: it is an echo of our own write.
    pub fn see(&mut self, key: &Key, sighting: Sighting) -> Vec<Key> {
        let meta = match &sighting {
            Sighting::Credential(meta, ..) | Sighting::Request(meta, ..) => meta,
        };
        let old = self.objects.get(key).map(|it| (it.meta.clone(), it.meta.uid == meta.uid));
        let asks_for_another = meta.renew_request.is_some()
            && old.as_ref().is_some_and(|(known, same)| *same && known.renew_request != meta.renew_request);
        let asks_anew = old.as_ref().is_some_and(|(known, same)| {
            *same && (known.generation != meta.generation || known.renew_request != meta.renew_request)
        });
        if let Some((known, true)) = &old
            && (meta.version.is_before(known.version) || known == meta)
        {
            self.seen_in.insert(key.clone(), self.secrets.round());
            return Vec::new();
        }
        let reborn = matches!(old, Some((_, false)));
        // Its former self may have claimed a name that others want.
        let mut woken = if reborn { self.forget(key, None) } else { Vec::new() };
        self.seen_in.insert(key.clone(), self.secrets.round());
        let generation_changed =
            old.as_ref().is_none_or(|(known, same)| !same || known.generation != meta.generation);
        let leaving = meta.deleting && old.as_ref().is_none_or(|(known, _)| !known.deleting);
        let names = self.names_of(key);
        let claimed = self.claim_of(key);
        let mut left = self.referred_by(key);
        self.unindex(key);
        self.place(key, sighting);
        self.index(key);
        let referred = self.referred_by(key);
        left.retain(|credential| !referred.contains(credential));
        self.leave(key, &left);
        self.release(names);
        let claims = self.claim_of(key);
        if old.is_none_or(|(_, same)| !same)
            && let Some((home, name)) = claims.as_ref().map(|claim| &claim.name)
        {
            self.miss(key, home, name);
            self.recognise(key, home, name);
        }
        if claimed != claims {
            woken.extend([claimed, claims].iter().flatten().filter_map(|claim| self.rival(claim)));
        }
        if asks_anew {
            self.void_inherited_failure(key);
        }
        if asks_for_another && let Some(object) = self.objects.get_mut(key) {
            object.work.care.asked_again = true;
        }
        woken.push(key.clone());
        if key.kind == Kind::Credential && (generation_changed || leaving) {
            woken.extend(self.referrers(key).cloned());
        }
        woken
    }

    /// What an earlier process saw fail counts until the first change: what it depended on was not remembered.
    fn void_inherited_failure(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(key) {
            object.work.failures.drop_inherited();
        }
    }

    /// An object is gone. `uid` guards against a late word about an earlier one.
    pub fn forget(&mut self, key: &Key, uid: Option<&str>) -> Vec<Key> {
        let same = self.objects.get(key).is_some_and(|it| uid.is_none_or(|uid| *it.meta.uid == *uid));
        if !same {
            return Vec::new();
        }
        let claim = self.claim_of(key);
        let names = self.names_of(key);
        self.leave(key, &self.referred_by(key));
        self.unindex(key);
        self.objects.remove(key);
        self.release(names);
        self.seen_in.remove(key);
        let mut woken: Vec<Key> = self.referrers(key).cloned().collect();
        woken.extend(claim.and_then(|claim| self.rival(&claim)));
        // Its own turn clears it out of every line.
        woken.push(key.clone());
        woken
    }

    /// An object is on its way out: it gets no effect any more, and has no right to a name.
    pub fn end(&mut self, key: &Key) -> Vec<Key> {
        let claim = self.claim_of(key);
        if let Some(object) = self.objects.get_mut(key) {
            object.meta.deleting = true;
        }
        let heir = claim.and_then(|claim| {
            self.claims.remove(&claim);
            self.rival(&claim)
        });
        heir.into_iter().collect()
    }

    /// A Secret of ours was seen.
    pub fn see_secret(&mut self, namespace: &Arc<str>, name: &str, seen: SeenSecret) -> Vec<Key> {
        let mut woken = self.sight(namespace, name, seen, Secrets::see).unwrap_or_default();
        woken.extend(self.found(namespace, name));
        woken
    }

    /// Whom a sight of a Secret concerns, if it is news.
    pub(super) fn sight(
        &mut self,
        namespace: &Arc<str>,
        name: &str,
        seen: SeenSecret,
        take_in: fn(&mut Secrets, &Arc<str>, &str, SeenSecret) -> bool,
    ) -> Option<Vec<Key>> {
        let before = self.secrets.managed(namespace, name).and_then(|it| owner(namespace, it));
        let now = owner(namespace, &seen);
        if !take_in(&mut self.secrets, namespace, name, seen) {
            return None;
        }
        let woken = self.concerned(namespace, name, [before, now]);
        for key in &woken {
            self.recognise(key, namespace, name);
        }
        Some(woken)
    }

    /// An object that tells of a token whose Secret was not shown: a list may be older than that, so the server is asked before
    /// another is issued.
    fn miss(&mut self, key: &Key, namespace: &Arc<str>, name: &str) {
        let is_shown = self.secrets.managed(namespace, name).is_some();
        if let Some(object) = self.objects.get_mut(key)
            && !is_shown
            && object.told_token().is_some()
        {
            object.work.care.rehearse = true;
        }
    }

    /// The token that is held is none to be written: the Secret is what it is, and is judged anew without it.
    pub fn drop_held(&mut self, key: &Key) {
        if let Some(object) = self.objects.get_mut(key) {
            object.work.held = None;
            if let Some(name) = object.secret_name().map(str::to_owned) {
                self.recognise(key, &key.namespace, &name);
            }
        }
    }

    /// What the sight of a Secret says of what was known of it before.
    pub fn recognise(&mut self, key: &Key, namespace: &Arc<str>, name: &str) {
        let Some(seen) = self.secrets.managed(namespace, name) else {
            return;
        };
        let Some(object) = self.objects.get_mut(key) else {
            return;
        };
        let told = told_record(object, name);
        let work = &mut object.work;
        work.look = false;
        let is_anothers = belongs_to_another(seen, key, &object.meta.uid);
        let forged = !work.writing && !is_anothers && work.care.is_forged(seen);
        // It is not missed any more; a write that was refused is still to be rehearsed.
        work.care.rehearse &= work.failures.iter().any(|it| it.step == FailedStep::WriteSecret);
        if seen.owner == Owner::Nobody {
            work.care.owner_confirmed = false;
        }
        match seen.content {
            Content::Edited => work.care.edited = true,
            _ if forged => work.care.edited = true,
            Content::Intact => work.care.content_lost = false,
            Content::Unseen => {}
        }
        // Our own write may be seen before its answer is back; any other Secret did not vanish, it was not listed yet.
        let is_our_write = work.held.as_ref().is_some_and(|held| Some(&held.record) == seen.record.as_ref());
        work.care.vanished &= is_our_write;
        let record = seen.record.as_ref().map(Record::fingerprint);
        work.care.landed |= is_our_write && (work.care.known_record != record || work.care.vanished);
        if is_our_write || (work.care.known_record.is_none() && seen.content != Content::Edited) {
            // At first sight after a restart, the status knows when a token ends that was issued then.
            let outlived =
                told.filter(|told| !is_our_write && record.is_some_and(|it| told.is_outlived_by(&it)));
            let known = outlived.or(record);
            if work.care.known_record != known {
                (work.care.known_record, work.care.known_seal) = (known, None);
            }
        }
        let known = work.care.known_record;
        work.care.strange = record.is_some() && known.is_some() && record != known;
        // Between our own issue and its write, another operator's token may have come first: that is kept (behaviour §1.3).
        let written = work.held.as_ref().is_none_or(|held| Some(held.record.fingerprint()) == known);
        let outdone = known.zip(record).is_some_and(|(known, seen)| known.is_outdone_by(&seen));
        work.care.made_up = outdone && (written || work.care.made_up);
        if record == known
            && work.care.known_seal.is_none()
            && seen.content != Content::Edited
            && !is_anothers
        {
            work.care.known_seal = seen.seal;
        }
        if forged {
            self.secrets.mistrust(namespace, name);
        }
    }

    /// A Secret of ours is gone. Its owner is looked at before it is put back.
    pub fn lose_secret(
        &mut self,
        namespace: &Arc<str>,
        name: &str,
        deleted: Option<Deleted<'_>>,
    ) -> Vec<Key> {
        if let Some(Deleted { version, .. }) = deleted {
            self.bury(namespace, name, version);
        }
        let gone = self.secrets.lose(namespace, name, deleted.map(|it| it.uid));
        gone.map(|gone| self.lost(namespace, name, &gone)).unwrap_or_default()
    }

    /// A Secret of another type was seen: a client Secret, or a name that is taken.
    pub fn see_other_secret(
        &mut self,
        namespace: &Arc<str>,
        name: &str,
        version: ResourceVersion,
    ) -> Vec<Key> {
        let mut woken = Vec::new();
        if self.secrets.is_gone(namespace, name, version) {
            return woken;
        }
        if self.secrets.see_other(namespace, name) {
            woken = self.concerned(namespace, name, []);
        }
        let readers = self.readers.get(&(namespace.clone(), name.into())).cloned().unwrap_or_default();
        let news = !readers.is_empty() && self.secrets.see_login(namespace, name, version);
        for reader in readers {
            if let Some(session) = self.session_mut(&reader) {
                // A list that was too old did not show it: it is there at the version that was read.
                let missed = matches!(session.login, LoginState::Absent);
                let differs =
                    session.login_version.is_none_or(|read| read != version && !version.is_before(read));
                if missed || (news && differs) {
                    session.login = LoginState::Unread;
                    woken.push(reader);
                }
            }
        }
        woken
    }

    /// A Secret of another type is gone.
    pub fn lose_other_secret(
        &mut self,
        namespace: &Arc<str>,
        name: &str,
        version: ResourceVersion,
    ) -> Vec<Key> {
        self.bury(namespace, name, version);
        if !self.secrets.lose_other(namespace, name) {
            return Vec::new();
        }
        self.freed(namespace, name)
    }

    /// A namespace was seen.
    pub fn see_namespace(&mut self, name: &Arc<str>, labels: Labels) -> Vec<Key> {
        let round = self.secrets.round();
        self.namespaces_seen.insert(name.clone(), round);
        let old = self.namespaces.insert(name.clone(), labels);
        if old.as_ref() == self.namespaces.get(name) { Vec::new() } else { self.visiting(name) }
    }

    /// A namespace is gone.
    pub fn lose_namespace(&mut self, name: &Arc<str>) -> Vec<Key> {
        self.namespaces.remove(name);
        self.namespaces_seen.remove(name);
        self.visiting(name)
    }

    /// The list of namespaces has ended: one that it did not show allows nothing by its labels any more.
    pub fn end_namespaces_round(&mut self, began: u32) -> Vec<Key> {
        let gone = self.namespaces_seen.iter().filter(|(_, seen)| **seen < began);
        let gone: Vec<Arc<str>> = gone.map(|(name, _)| name.clone()).collect();
        gone.iter().flat_map(|name| self.lose_namespace(name)).collect()
    }

    /// A list begins; returns its round.
    pub fn begin_round(&mut self) -> u32 {
        self.secrets.begin_round();
        self.secrets.round()
    }

    /// A list of objects of one kind has ended: those it did not show are gone.
    pub fn end_objects_round(&mut self, kind: Kind, namespace: Option<&str>, began: u32) -> Vec<Key> {
        let within = |key: &Key| key.kind == kind && namespace.is_none_or(|it| *key.namespace == *it);
        let gone: Vec<Key> = self
            .seen_in
            .iter()
            .filter(|(key, seen)| within(key) && **seen < began)
            .map(|(key, _)| key.clone())
            .collect();
        gone.iter().flat_map(|key| self.forget(key, None)).collect()
    }

    /// A list of our Secrets has ended.
    pub fn end_secrets_round(&mut self, namespace: Option<&str>, began: u32) -> Vec<Key> {
        let Unlisted { gone, doubtful } = self.secrets.end_managed_round(namespace, began);
        let mut woken: Vec<Key> =
            gone.iter().flat_map(|((home, name), secret)| self.lost(home, name, secret)).collect();
        for (home, name) in doubtful {
            let claimants = self.doubt(&home, &name);
            if claimants.is_empty() {
                self.secrets.lose(&home, &name, None);
            }
            woken.extend(claimants);
        }
        woken
    }

    /// A list of the other Secrets has ended.
    pub fn end_other_secrets_round(&mut self, namespace: Option<&str>, began: u32) -> Vec<Key> {
        let wanted: HashSet<SecretName> = self.claims.names().chain(self.readers.keys()).cloned().collect();
        let (freed, doubtful) = self.secrets.end_other_round(namespace, began, &wanted);
        let mut woken: Vec<Key> = doubtful.iter().flat_map(|(home, name)| self.doubt(home, name)).collect();
        for (home, name) in freed {
            woken.extend(self.freed(&home, &name));
        }
        woken
    }

    /// Remembers a deletion, for names that somebody refers to.
    fn bury(&mut self, namespace: &Arc<str>, name: &str, version: ResourceVersion) {
        if self.is_named(&(namespace.clone(), name.into())) {
            self.secrets.bury(namespace, name, version);
        }
    }

    fn release(&mut self, names: Vec<SecretName>) {
        for name in names {
            if !self.is_named(&name) {
                self.secrets.release(&name);
            }
        }
    }

    fn is_named(&self, name: &SecretName) -> bool {
        self.claims.contains(name) || self.readers.contains_key(name)
    }

    /// The Secrets that an object refers to.
    fn names_of(&self, key: &Key) -> Vec<SecretName> {
        let Some(object) = self.objects.get(key) else {
            return Vec::new();
        };
        let names = [object.secret_name(), object.login_name()];
        names.into_iter().flatten().map(|name| (key.namespace.clone(), name.into())).collect()
    }

    fn visiting(&self, namespace: &Arc<str>) -> Vec<Key> {
        self.visitors.get(namespace).into_iter().flatten().cloned().collect()
    }
}

/// The record of the token that the status of an object tells of, as far as it does.
fn told_record(object: &Object, name: &str) -> Option<Fingerprint> {
    let told = object.told_token().filter(|told| told.secret_name.as_deref() == Some(name))?;
    Some(Fingerprint::told(told.issued_at.as_ref()?.0, told.expires_at.as_ref()?.0))
}

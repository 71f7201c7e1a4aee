//! Is this deed what an object wants, and what follows from it? One match over the deeds; what came of a deed goes into memory
//! the way in which the loop puts it there.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::super::apply::apply;
use super::super::decide::{Decision, Publish, decide};
use super::super::effect::{Effect, Outcome, OwnSecret, WriteFailed};
use super::super::want::Want;
use super::RECORDED_LATE;
use super::alike::alike;
use super::core::{Core, Read};
use super::deed::{Deed, Whole};
use crate::api::condition;
use crate::auth::Call;
use crate::cluster::ReadFailed;
use crate::cluster::managed_secret::{Draft, OwnedBy, StoredSecret, differs};
use crate::cluster::secrets::{Look, WriteRefused};
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::{Content, Key, Kind, Precondition, ResourceVersion, SeenSecret};

impl Core {
    /// Whether this is a read of a Secret that an object refers to. Another object's read may have told this one already, so it
    /// need not be one that is wanted.
    pub(super) fn may_read(&self, deed: &Deed) -> bool {
        let Deed::ReadSecret { namespace, name, .. } = deed else { return false };
        self.state.objects().any(|(key, object)| {
            let names = [object.secret_name(), object.login_name()];
            **namespace == *key.namespace && names.into_iter().flatten().any(|it| it == name)
        })
    }

    /// Does it, if an object wants it.
    pub(super) fn does(&mut self, deed: &Deed, at: Timestamp) -> bool {
        match deed {
            Deed::ReadSecret { namespace, name, found } => self.reads(namespace, name, found.as_ref(), at),
            Deed::Looked { namespace, name, found } => {
                let look = || found.as_ref().map(|it| looked(it.as_deref())).map_err(|failed| *failed);
                let wants = |effect: &Effect| match effect {
                    Effect::Look { namespace: home, name: it } => **home == **namespace && **it == **name,
                    _ => false,
                };
                let wanted = self.who_wants(at, wants).map(|(key, _)| key);
                let Some(key) = wanted.or_else(|| self.may_doubt(namespace, name, at)) else { return false };
                self.land(&key, Outcome::Looked(look()), at)
            }
            Deed::ReadOwner { key, owner } => {
                let wants = |effect: &Effect| matches!(effect, Effect::ConfirmOwner { key: it } if it == key);
                self.who_wants(at, wants).is_some() && self.land(key, Outcome::Owner(owner.clone()), at)
            }
            Deed::Called(called) if called.call == Call::Exchange => self.exchanges(called, at),
            Deed::Called(called) => {
                self.wants_to_call(called, at, |_| true).is_some_and(|wanted| self.calls(wanted, called, at))
            }
            Deed::WroteSecret { namespace, name, over, rehearsal: true, result } => {
                let (name, over) = (name.as_deref(), over.as_ref());
                let wants = |effect: &Effect| matches!(effect, Effect::Rehearse(it) if is_of(it, namespace, name, over));
                let Some((key, _)) = self.who_wants(at, wants) else { return false };
                let result = result.as_ref().map(|_| ()).map_err(failed);
                self.land(&key, Outcome::Rehearsed(result), at)
            }
            Deed::WroteSecret { namespace, name, over, rehearsal: false, result } => {
                self.writes(namespace, (name.as_deref(), over.as_ref()), result.as_ref(), at)
            }
            Deed::WroteStatus { key, change, result } => {
                let Some(publish) = self.wants_to_say(key, change.as_ref(), at) else { return false };
                self.says(key, publish, result.as_ref(), at)
            }
            Deed::Deleted { key, result } => {
                let wants = |effect: &Effect| matches!(effect, Effect::Finish { key: it, .. } if it == key);
                self.who_wants(at, wants).is_some() && self.land(key, Outcome::Finished(*result), at)
            }
        }
    }

    /// The first object that wants such an effect.
    fn who_wants(&self, at: Timestamp, wanted: impl Fn(&Effect) -> bool) -> Option<(Key, Effect)> {
        self.keys().into_iter().find_map(|key| match self.decide(&key, at)? {
            Decision::Act(effect) | Decision::Call { effect, .. } if wanted(&effect) => Some((key, effect)),
            _ => None,
        })
    }

    pub(super) fn land(&mut self, key: &Key, outcome: Outcome, at: Timestamp) -> bool {
        self.acts(key);
        if matches!(outcome, Outcome::Written { .. } | Outcome::Looked(_) | Outcome::Recalled(_)) {
            self.told.insert(key.clone(), at);
        }
        apply(&mut self.state, key, outcome, at);
        true
    }

    fn reads(
        &mut self,
        namespace: &str,
        name: &str,
        found: Result<&Option<Whole>, &ReadFailed>,
        at: Timestamp,
    ) -> bool {
        let told = self.tell(namespace, name, found, at);
        if told {
            let found = found.cloned().map_err(|failed| *failed);
            self.read.push(Arc::new(Read {
                at,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                found,
            }));
        }
        told
    }

    /// Tells what was read lately to those who want to read it: which object a read was for is not known, and it may have been
    /// one that was not known of when the read was explained.
    pub(super) fn tell_what_was_read(&mut self, at: Timestamp) {
        for read in self.read.clone() {
            if at.duration_since(read.at) <= RECORDED_LATE {
                self.tell(&read.namespace, &read.name, read.found.as_ref(), at);
            }
        }
    }

    /// Tells all who want to read this, as the loop does. Returns whether anybody does.
    fn tell(
        &mut self,
        namespace: &str,
        name: &str,
        found: Result<&Option<Whole>, &ReadFailed>,
        at: Timestamp,
    ) -> bool {
        let secret = (namespace.into(), name.into());
        let whole = found.map_err(|failed| *failed);
        let stored = whole.map(|it| it.as_ref().and_then(|whole| StoredSecret::parse(&whole.json)));
        let mut any = false;
        for key in self.keys() {
            let Some(Decision::Read { want, .. }) = self.decide(&key, at) else { continue };
            if want.secret(&key) != secret {
                continue;
            }
            any = true;
            if let (Want::Token { .. }, Ok(Some(Whole { token: Some(token), .. }))) = (&want, found) {
                self.tokens.insert(key.clone(), token.clone());
            }
            self.land(&key, want.of(&stored, key.kind), at);
        }
        any
    }

    fn writes(
        &mut self,
        namespace: &str,
        (name, over): (Option<&str>, Option<&Precondition>),
        result: Result<&Vec<u8>, &(WriteRefused, bool)>,
        at: Timestamp,
    ) -> bool {
        let wants = |effect: &Effect| match effect {
            Effect::Write { secret, record, token } => {
                let owner = OwnedBy { kind: secret.key.kind, name: &secret.key.name, uid: &secret.uid };
                let template = &secret.template;
                let draft = Draft { namespace, owner, template, record, token: token.deliverable() };
                is_of(secret, namespace, name, over)
                    && result.is_ok_and(|json| differs(&draft, json).is_none())
                    || is_of(secret, namespace, name, over) && result.is_err()
            }
            _ => false,
        };
        let Some((key, Effect::Write { secret, record, .. })) = self.who_wants(at, wants) else {
            return false;
        };
        let result = match result {
            Ok(json) => match StoredSecret::parse(json) {
                Some(stored) => Ok(SeenSecret { content: Content::Intact, ..stored.seen() }),
                None => return false,
            },
            Err(refused) => Err(failed(refused)),
        };
        let rendering = secret.template.rendering();
        self.land(&key, Outcome::Written { record, rendering, result }, at)
    }

    /// What this object wants to say over this version. Between two calls that is only that its token is good no longer.
    pub(super) fn wants_to_say(
        &self,
        key: &Key,
        change: Option<&(ResourceVersion, Value)>,
        at: Timestamp,
    ) -> Option<Publish> {
        let object = self.state.object(key)?;
        let known = object.meta.version;
        if self.is_between_calls(key) && !object.says_ready() {
            return None;
        }
        let publish = decide(&self.state, key, at)?.publish();
        let same = |publish: &Publish, (version, patch): &(ResourceVersion, Value)| {
            known == *version && alike(&publish.patch, patch)
        };
        publish.filter(|publish| change.is_none_or(|change| same(publish, change)))
    }

    pub(super) fn says(
        &mut self,
        key: &Key,
        publish: Publish,
        result: Result<&Option<Vec<u8>>, &StatusRefused>,
        at: Timestamp,
    ) -> bool {
        // What is said beside a call is none of its own turns: the call may have been decided before.
        let calls = || matches!(self.decide(key, at), None | Some(Decision::Call { .. }));
        if publish.before.ready != condition::TRUE || !calls() {
            self.acts(key);
        }
        let Ok(written) = result else { return true };
        if let Some(json) = written {
            let what = match key.kind {
                Kind::Credential => Watched::Credentials,
                Kind::Request => Watched::Requests,
            };
            let Some((seen, _)) = crate::cluster::watch::sent(what, json) else { return false };
            let stream = Stream { what, namespace: Some(key.namespace.clone()) };
            self.take(Change::Seen { stream, seen }, at);
        } else if let Some(object) = self.state.object_mut(key) {
            publish.status.keep(object);
        }
        if let Some(object) = self.state.object_mut(key) {
            object.work.published_at = Some(at);
        }
        true
    }
}

fn is_of(secret: &OwnSecret, namespace: &str, name: Option<&str>, over: Option<&Precondition>) -> bool {
    *secret.key.namespace == *namespace
        && name.is_none_or(|name| *secret.template.name == *name)
        && over.is_none_or(|over| secret.precondition == *over)
}

fn failed((refused, right_is_missing): &(WriteRefused, bool)) -> WriteFailed {
    WriteFailed { refused: *refused, right_is_missing: *right_is_missing }
}

fn looked(json: Option<&[u8]>) -> Look {
    match json.and_then(StoredSecret::parse) {
        None => Look::Absent,
        Some(it) if it.has_our_type() => {
            let unseen = SeenSecret { content: Content::Unseen, rendering: 0, immutable: false, ..it.seen() };
            Look::Ours(unseen)
        }
        Some(it) => Look::Foreign(it.seen().version),
    }
}

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
use super::alike::{alike, patched};
use super::calls::Wanted;
use super::core::{Core, Read};
use super::deed::{Deed, Whole};
use crate::api::condition;
use crate::auth::Call;
use crate::cluster::ReadFailed;
use crate::cluster::managed_secret::{Draft, OwnedBy, StoredSecret, differs};
use crate::cluster::secrets::{Look, WriteRefused};
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::{Content, Key, Kind, ResourceVersion, SeenSecret};
use crate::state::{Detail, SecretName};

/// What an object wants that a deed may have been.
pub(super) enum Wish {
    Do(Key, Box<Effect>),
    Call(Wanted),
    Say(Publish),
}

impl Core {
    /// Whether this is a read of a Secret that an object refers to. Another object's read may have told this one already, so it
    /// need not be one that is wanted.
    pub(super) fn may_read(&mut self, deed: &Deed, at: Timestamp) -> bool {
        let Deed::ReadSecret { namespace, name, found } = deed else { return false };
        let may_be = self.state.objects().any(|(key, object)| {
            let names = [object.secret_name(), object.login_name()];
            **namespace == *key.namespace && names.into_iter().flatten().any(|it| it == name)
        });
        if may_be {
            let read = Read { at, found: found.clone() };
            self.read.insert((namespace.as_str().into(), name.as_str().into()), Arc::new(read));
        }
        may_be
    }

    /// Does it, if an object wants it.
    pub(super) fn does(&mut self, deed: &Deed, at: Timestamp) -> bool {
        match deed {
            Deed::ReadSecret { namespace, name, found } => {
                self.reads((namespace.as_str().into(), name.as_str().into()), found, at)
            }
            Deed::Called(called) if called.call == Call::Exchange => self.exchanges(called, at),
            _ => self.wish(deed, at, |_| true).is_some_and(|wish| self.fulfil(wish, deed, at)),
        }
    }

    /// Of an object that may be, the wish for this deed; none for what is several objects', or follows from an earlier deed.
    pub(super) fn wish(&self, deed: &Deed, at: Timestamp, may_be: impl Fn(&Key) -> bool) -> Option<Wish> {
        match deed {
            Deed::ReadSecret { .. } => None,
            Deed::Called(called) => self.wants_to_call(called, at, may_be).map(Wish::Call),
            Deed::WroteStatus { key, change, .. } if may_be(key) => {
                self.wants_to_say(key, change.as_ref(), at).map(Wish::Say)
            }
            Deed::Looked { namespace, name, .. } => self.who_wants(deed, at, &may_be).or_else(|| {
                let key = self.may_doubt(namespace, name, at).filter(may_be)?;
                let look = Effect::Look { namespace: key.namespace.clone(), name: name.as_str().into() };
                Some(Wish::Do(key, Box::new(look)))
            }),
            _ => self.who_wants(deed, at, &may_be),
        }
    }

    /// The first object that wants such an effect.
    fn who_wants(&self, deed: &Deed, at: Timestamp, may_be: impl Fn(&Key) -> bool) -> Option<Wish> {
        let is_it = |_: &Key, it: &Decision| matches!(it, Decision::Act(effect) if is_of(effect, deed));
        self.wanted(is_it).filter(|key| may_be(key)).find_map(|key| match self.decide(key, at)? {
            Decision::Act(effect) if is_of(&effect, deed) => Some(Wish::Do(key.clone(), Box::new(effect))),
            _ => None,
        })
    }

    /// It is done as it was wished.
    pub(super) fn fulfil(&mut self, wish: Wish, deed: &Deed, at: Timestamp) -> bool {
        match (wish, deed) {
            (Wish::Call(wanted), Deed::Called(called)) => self.calls(wanted, called, at),
            (Wish::Say(publish), Deed::WroteStatus { key, result, .. }) => {
                self.says(key, publish, result.as_ref(), at)
            }
            (Wish::Do(key, effect), deed) => {
                outcome(*effect, deed).is_some_and(|outcome| self.land(&key, outcome, at))
            }
            _ => false,
        }
    }

    pub(super) fn land(&mut self, key: &Key, outcome: Outcome, at: Timestamp) -> bool {
        self.acts(key, matches!(outcome, Outcome::Issued { .. }));
        self.hears(key, outcome, at);
        true
    }

    /// It is told of what it, or another, did.
    fn hears(&mut self, key: &Key, outcome: Outcome, at: Timestamp) {
        if matches!(outcome, Outcome::Written { .. } | Outcome::Looked(_) | Outcome::Recalled(_)) {
            self.told.insert(key.clone(), at);
        }
        let woken = apply(&mut self.state, key, outcome, at).wake;
        self.wake(woken);
        self.queue.wake(key.clone());
    }

    fn reads(
        &mut self,
        secret: SecretName,
        found: &Result<Option<Whole>, ReadFailed>,
        at: Timestamp,
    ) -> bool {
        let read = Arc::new(Read { at, found: found.clone() });
        let told = self.tell(&secret, &read, at);
        if told {
            self.read.insert(secret, read);
        }
        told
    }

    /// What becomes of it if those are told what was read before who came to want it, and who may not have been known of when the
    /// read was explained. `None`: there are none.
    pub(super) fn told_what_was_read(&self, deed: &Deed, at: Timestamp) -> Option<Self> {
        let secrets = self.read_before(deed);
        let mut core = (!secrets.is_empty()).then(|| self.clone())?;
        for secret in secrets {
            core.tell(&secret, &self.read[&secret], at);
        }
        Some(core)
    }

    /// Tells all who wanted to read this when it was read, as the loop does. Returns whether anybody did.
    fn tell(&mut self, secret: &SecretName, read: &Read, at: Timestamp) -> bool {
        let whole = read.found.as_ref().map_err(|failed| *failed);
        let stored = whole.map(|it| it.as_ref().and_then(|whole| StoredSecret::parse(&whole.json)));
        let mut any = false;
        for key in self.who_reads(secret, read.at + RECORDED_LATE).cloned().collect::<Vec<_>>() {
            let Some(Decision::Read { want, .. }) = self.decide(&key, at) else { continue };
            if want.secret(&key) != *secret {
                continue;
            }
            any = true;
            if let (Want::Token { .. }, Ok(Some(Whole { token: Some(token), .. }))) = (&want, &read.found) {
                self.tokens.insert(key.clone(), token.clone());
            }
            self.hears(&key, want.of(&stored, key.kind), at);
        }
        any
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
        let said = match &object.detail {
            Detail::Credential(it) => serde_json::to_value(&it.status),
            Detail::Request(it) => serde_json::to_value(&it.status),
        };
        let said = said.unwrap_or_default();
        // By a second that was near, a patch may say of an instant nothing or something.
        let same = |publish: &Publish, (version, patch): &(ResourceVersion, Value)| {
            let says = |patch| patched(said.clone(), patch);
            known == *version && alike(&says(&publish.patch), &says(patch))
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
        let what = match key.kind {
            Kind::Credential => Watched::Credentials,
            Kind::Request => Watched::Requests,
        };
        let written = result.ok().map(|it| it.as_ref().map(|json| crate::cluster::watch::sent(what, json)));
        if let Some(Some(None)) = written {
            return false;
        }
        // What is said beside a call is none of its own turns: the call may have been decided before.
        let calls = || matches!(self.decide(key, at), None | Some(Decision::Call { .. }));
        if publish.before.ready != condition::TRUE || !calls() {
            self.acts(key, false);
        }
        self.queue.wake(key.clone());
        let Some(written) = written else { return true };
        if let Some(Some((seen, _))) = written {
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

/// Whether the effect is this deed.
fn is_of(effect: &Effect, deed: &Deed) -> bool {
    match (effect, deed) {
        (Effect::Look { namespace: home, name: it }, Deed::Looked { namespace, name, .. }) => {
            **home == **namespace && **it == **name
        }
        (Effect::ConfirmOwner { key: it }, Deed::ReadOwner { key, .. })
        | (Effect::Finish { key: it, .. }, Deed::Deleted { key, .. }) => it == key,
        (Effect::Rehearse(secret), Deed::WroteSecret { rehearsal: true, .. }) => is_over(secret, deed),
        (
            Effect::Write { secret, record, token },
            Deed::WroteSecret { namespace, rehearsal: false, result, .. },
        ) => {
            let owner = OwnedBy { kind: secret.key.kind, name: &secret.key.name, uid: &secret.uid };
            let template = &secret.template;
            let draft = Draft { namespace, owner, template, record, token: token.deliverable() };
            is_over(secret, deed) && result.as_ref().map_or(true, |json| differs(&draft, json).is_none())
        }
        _ => false,
    }
}

/// Whether this Secret was to be written, over this version, as far as that was read.
fn is_over(secret: &OwnSecret, deed: &Deed) -> bool {
    let Deed::WroteSecret { namespace, name, over, .. } = deed else { return false };
    *secret.key.namespace == **namespace
        && name.as_ref().is_none_or(|name| *secret.template.name == **name)
        && over.as_ref().is_none_or(|over| secret.precondition == *over)
}

/// What came of the effect; `None`: nothing that could have.
fn outcome(effect: Effect, deed: &Deed) -> Option<Outcome> {
    Some(match deed {
        Deed::Looked { found, .. } => {
            Outcome::Looked(found.as_ref().map(|it| looked(it.as_deref())).map_err(|failed| *failed))
        }
        Deed::ReadOwner { owner, .. } => Outcome::Owner(owner.clone()),
        Deed::Deleted { result, .. } => Outcome::Finished(*result),
        Deed::WroteSecret { rehearsal: true, result, .. } => {
            Outcome::Rehearsed(result.as_ref().map(|_| ()).map_err(failed))
        }
        Deed::WroteSecret { result, .. } => {
            let Effect::Write { secret, record, .. } = effect else { return None };
            let rendering = secret.template.rendering();
            let result = match result {
                Ok(json) => Ok(SeenSecret { content: Content::Intact, ..StoredSecret::parse(json)?.seen() }),
                Err(refused) => Err(failed(refused)),
            };
            Outcome::Written { record, rendering, result }
        }
        Deed::ReadSecret { .. } | Deed::Called(_) | Deed::WroteStatus { .. } => return None,
    })
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

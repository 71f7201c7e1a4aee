//! Was this deed asked for? Every deed is one of some act, and of no other; every act that the operator took for done was a deed.

use super::super::effect::{Effect, Issue, OwnSecret};
use super::super::journal::Heard;
use super::deed::{Called, Deed, Did};
use super::{Act, Replay};
use crate::auth::{Call, Endpoint};
use crate::cluster::managed_secret::differs;
use crate::cluster::owner::Deletion;
use crate::decision::{Key, Precondition, ResourceVersion};

/// A server that turns a request away for now does nothing: the same comes again.
const TOO_MANY_REQUESTS: u16 = 429;

impl Replay {
    /// Whether this deed was asked for. Deeds come in the order of each server.
    ///
    /// # Errors
    ///
    /// It was not: the deed.
    pub fn explain(&mut self, did: &Did) -> Result<(), String> {
        let half = half(&did.deed);
        let fits = |place: &usize| {
            let act = &self.acts[*place];
            is_of(act, &did.deed) && agrees(act, did) && !self.has_another(act, &did.deed)
        };
        // Of two tries a proxy may have kept one to itself: what was done is that which the operator took for done.
        let is_alike = |place: &usize| {
            let act = &self.acts[*place];
            took_for_done(act) == (is_good(did) && was_used(&act.effect, &did.deed))
        };
        let open = &self.open[half];
        let found = open.iter().position(|place| fits(place) && is_alike(place));
        let Some(found) = found.or_else(|| open.iter().position(fits)) else { return Err(format!("{did}")) };
        if let Deed::Call(Called { issued: Some(issued), .. }) = &did.deed {
            self.issued.insert(issued.clone());
        }
        if did.status != TOO_MANY_REQUESTS {
            let place = self.open[half].remove(found);
            if let (Deed::Call(called), 0) = (&did.deed, half) {
                let act = &mut self.acts[place];
                (act.served, act.issued) = (is_good(did), called.issued.clone());
            }
        }
        Ok(())
    }

    /// Whether the token that came into the act's Secret is not what this call issued, but what one before did. What the service
    /// never issued, a policy of the server may have put there.
    fn has_another(&self, act: &Act, deed: &Deed) -> bool {
        let Deed::Call(Called { issued: Some(issued), .. }) = deed else { return false };
        let is_last = half(deed) + 1 == halves(&act.effect).len();
        is_last && act.brought.as_ref().is_some_and(|it| it != issued && self.issued.contains(it))
    }

    /// What the operator took for done, and nobody did. Once all deeds were explained.
    pub(super) fn never_done(&self) -> Vec<String> {
        // The second of two looks is only for what the first did not show.
        let is_needed = |half, act: &Act| half == 0 || matches!(act.effect, Effect::Issue { .. });
        let of_half = |half: usize| {
            let acts = self.open[half].iter().map(|place| &self.acts[*place]);
            acts.filter(move |act| took_for_done(act) && is_needed(half, act))
        };
        let made_up = [0, 1].into_iter().flat_map(of_half);
        made_up.map(|act| format!("{:?} at {}", act.effect, act.begun)).collect()
    }
}

/// The credential whose access token a call is made with.
pub(super) fn shared_token(effect: &Effect) -> Option<&Key> {
    match effect {
        Effect::Issue { issue: Issue::Scoped(errand), .. } => Some(&errand.credential.key),
        _ => None,
    }
}

/// Which deeds this may be: an exchange is two calls, and a look may be two lists.
pub(super) fn halves(effect: &Effect) -> std::ops::Range<usize> {
    match effect {
        Effect::Look { .. } => 0..2,
        // Everybody may ask for its rights, as often as it likes: nobody counts that.
        Effect::Ask(_) => 0..0,
        Effect::Issue { issue: Issue::Scoped(errand), .. } if errand.exchanger.is_some() => 0..2,
        _ => 0..1,
    }
}

/// Whether a service token, where it is to be exchanged, was.
fn was_used(effect: &Effect, deed: &Deed) -> bool {
    match deed {
        Deed::Call(called) if called.call == Call::ServiceToken => {
            halves(effect).len() == 1 || called.exchanged_by.is_some()
        }
        _ => true,
    }
}

/// Which of the two this is.
fn half(deed: &Deed) -> usize {
    match deed {
        Deed::Call(Called { call: Call::Exchange, .. }) | Deed::Look { of_our_type: false, .. } => 1,
        _ => 0,
    }
}

/// Whether the act is this deed.
fn is_of(act: &Act, deed: &Deed) -> bool {
    match (&act.effect, deed) {
        (Effect::Read((home, it)), Deed::Read { namespace, name })
        | (Effect::Look { namespace: home, name: it }, Deed::Look { namespace, name, .. }) => {
            **home == **namespace && **it == **name
        }
        (Effect::ConfirmOwner { key: it }, Deed::Owner(key))
        | (Effect::Finish { key: it, .. }, Deed::Delete(key)) => it == key,
        (Effect::Rehearse(secret), Deed::Write { namespace, name, over, rehearsal: true, .. }) => {
            is_over(secret, namespace, name.as_deref(), over.as_ref())
        }
        (
            Effect::Write { secret, record, token, .. },
            Deed::Write { namespace, name, over, rehearsal: false, made },
        ) => {
            let draft = secret.draft(record, token);
            is_over(secret, namespace, name.as_deref(), over.as_ref())
                && made.as_ref().is_none_or(|(_, json)| differs(&draft, json).is_none())
        }
        (Effect::Status { key: it, version, patch }, Deed::Status { key, change }) => {
            let same = |(over, what): &(ResourceVersion, _)| over == version && what == patch;
            it == key && change.as_ref().is_none_or(same)
        }
        (Effect::Issue { issue, .. }, Deed::Call(called)) => is_call(act, issue, called),
        _ => false,
    }
}

/// Whether this Secret was to be written, over this version, as far as that was read.
fn is_over(secret: &OwnSecret, namespace: &str, name: Option<&str>, over: Option<&Precondition>) -> bool {
    *secret.key.namespace == *namespace
        && name.is_none_or(|name| *secret.template.name == *name)
        && over.is_none_or(|over| secret.precondition == *over)
}

/// Whether the service was asked for what the errand is for, with the token that was current.
fn is_call(act: &Act, issue: &Issue, called: &Called) -> bool {
    let is_with = |token: Option<&String>| {
        called.asked_with.as_ref().zip(token).is_none_or(|(with, token)| with == token)
    };
    let is_app = |client_id: &str| called.client_id.as_ref().is_none_or(|it| *it == *client_id);
    let fits = match (issue, called.call) {
        (Issue::Access(errand), Call::AccessToken) => is_app(&errand.login.client_id),
        (Issue::Scoped(errand), Call::ServiceToken) => {
            let subject = &errand.subject;
            let claims = called.subject.iter().filter(|(name, _)| *name != "purpose");
            let purpose = called.subject.get("purpose").is_some_and(|it| it == subject.purpose());
            let by = |app: &String| errand.exchanger.as_ref().is_some_and(|(_, it)| *it.client_id == **app);
            is_with(act.with.as_ref())
                && called.exchanged_by.as_ref().is_none_or(by)
                && (called.subject.is_empty() || (purpose && claims.eq(subject.claims())))
        }
        (Issue::Scoped(errand), Call::Exchange) => {
            let exchanger = errand.exchanger.as_ref();
            act.served
                && is_with(act.issued.as_ref())
                && exchanger.is_some_and(|(_, login)| is_app(&login.client_id))
        }
        _ => false,
    };
    let base = Endpoint::base(issue.endpoint());
    fits && *base == *called.base && called.into.as_ref().is_none_or(|key| *key == act.key)
}

/// What the operator took for done was answered as done, and made what it took it to have made.
fn agrees(act: &Act, did: &Did) -> bool {
    let is_good = is_good(did);
    match (&act.heard, &did.deed) {
        (Some(Heard::Written(Ok(version))), Deed::Write { made, .. }) => {
            is_good && made.as_ref().is_none_or(|(made, _)| made == version)
        }
        // Of an exchange, and of a look, the other half may say something else.
        (None | Some(Heard::Looked(_) | Heard::Issued(_)), _) => true,
        (Some(Heard::Read(Ok(None)) | Heard::Owner(Ok(None)) | Heard::Finished(Deletion::Done)), _) => {
            is_good || did.status == 404
        }
        _ => is_good || !took_for_done(act),
    }
}

/// Whether the server did it.
fn is_good(did: &Did) -> bool {
    (200..300).contains(&did.status)
}

/// Whether the operator heard that it was done, or found something.
fn took_for_done(act: &Act) -> bool {
    match &act.heard {
        None | Some(Heard::Panicked | Heard::Asked(_)) => false,
        Some(Heard::Read(found) | Heard::Looked(found) | Heard::Owner(found)) => matches!(found, Ok(Some(_))),
        Some(Heard::Rehearsed(result)) => result.is_ok(),
        Some(Heard::Issued(result)) => result.is_ok(),
        Some(Heard::Written(result)) => result.is_ok(),
        Some(Heard::Published(result)) => result.is_ok(),
        Some(Heard::Finished(deletion)) => *deletion == Deletion::Done,
    }
}

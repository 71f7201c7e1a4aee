//! What does one object need now, as one value that owns all that its execution needs? Pure; brings facts, plan and status
//! together.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::effect::{Effect, Issue, OwnSecret, Purpose};
use super::gate::Need;
use super::want::Want;
use crate::api::{self, Condition, CredentialStatus, RequestStatus, blank, condition};
use crate::auth::Origin;
use crate::credential;
use crate::decision::checks::{cause, obstacle, overdue_instant, renewal_instant};
use crate::decision::schedule::{SHORTEST_WAIT, later, next_look};
use crate::decision::settle::{STATUS_REST, merge_patch, only_repeats};
use crate::decision::{
    Cause, Chain, Facts, Key, Kind, Obstacle, Parked, Precondition, Step, Urgency, ends_soon_from,
    is_written_again, plan, urgency,
};
use crate::scoped_token;
use crate::scoped_token::issue::Party;
use crate::state::{Detail, Object, State, Waits};

/// The decision about one object.
#[derive(Debug)]
pub(super) enum Decision {
    /// Do this, then decide again.
    Act(Effect),
    /// Read a Secret whole when its turn comes, then decide again.
    Read {
        /// What of it.
        want: Want,
        /// What is arranged while it is in line.
        meanwhile: Rest,
    },
    /// Do this with permits of that origin's gate, then decide again.
    Call {
        /// Whose gate.
        origin: Origin,
        /// What for.
        need: Need,
        /// When the token ends that is to be replaced.
        ends: Option<Timestamp>,
        /// What to do.
        effect: Effect,
        /// What is arranged while it is in line: a token that ends meanwhile is not called good.
        meanwhile: Rest,
    },
    /// Forget the token that is held.
    DropHeld,
    /// Wait.
    Rest(Rest),
}

/// What is arranged while an object waits.
#[derive(Debug)]
pub(super) struct Rest {
    /// The next look.
    pub until: Option<Timestamp>,
    /// The status to write, where it differs.
    pub publish: Option<Box<Publish>>,
    /// How a request waits for credentials, if it does.
    pub waits: Option<Waits>,
}

/// A status, and the patch that leads to it.
#[derive(Debug)]
pub(super) struct Publish {
    /// The patch.
    pub patch: Value,
    /// What it leads to.
    pub status: NewStatus,
    /// What the object says until then. The watch may show the new status before the answer to our own write is here, so
    /// memory cannot tell afterwards.
    pub before: Said,
    /// It does not wait because much was said before: it tells that a token is none any more, or answers whoever edits the object
    /// itself, or follows from nobody else's edit.
    pub at_once: bool,
}

/// What an object says, as far as people are told when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The status of `Ready`.
    pub ready: String,
    /// What is wrong: why it is not ready, or why what it has cannot be replaced.
    pub trouble: Option<String>,
}

/// The status of either kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NewStatus {
    /// Of a credential.
    Credential(Box<CredentialStatus>),
    /// Of a request.
    Request(Box<RequestStatus>),
}

/// Looks up the facts of either kind.
pub(super) fn facts<'a>(state: &'a State, key: &'a Key, now: Timestamp) -> Option<Facts<'a>> {
    match key.kind {
        Kind::Credential => credential::facts(state, key),
        Kind::Request => scoped_token::facts(state, key, now),
    }
}

/// Decides. `None`: there is no such object.
pub(super) fn decide(state: &State, key: &Key, now: Timestamp) -> Option<Decision> {
    let facts = facts(state, key, now)?;
    let object = state.object(key)?;
    let step = plan(&facts, now);
    // What a step needs is there when it is planned; should it not be, the object is looked at again in a moment.
    Some(equip(state, key, object, &facts, step, now).unwrap_or_else(|| {
        Decision::Rest(Rest { until: Some(later(now, SHORTEST_WAIT)), publish: None, waits: None })
    }))
}

/// Gives a step all that its execution needs.
fn equip(
    state: &State,
    key: &Key,
    object: &Object,
    facts: &Facts<'_>,
    step: Step,
    now: Timestamp,
) -> Option<Decision> {
    let namespace = key.namespace.clone();
    let secret_name = object.secret_name().unwrap_or_default();
    Some(match step {
        Step::Wait(wait) => {
            let (waits, may_from) = waits(facts, now).unzip();
            let until = wait.until.into_iter().chain(may_from.flatten()).min();
            Decision::Rest(Rest { waits, ..rest(object, facts, until, wait.speak, now) })
        }
        Step::ReadLogin => {
            let login =
                object.credential().and_then(|it| it.spec.as_ref().ok()).map(|spec| spec.login.clone())?;
            read(state, object, facts, Want::Login(login), now)
        }
        Step::Look => Decision::Act(Effect::Look { namespace, name: secret_name.into() }),
        Step::ConfirmOwner => Decision::Act(Effect::ConfirmOwner { key: key.clone() }),
        Step::Recall => {
            let wish = facts.sound()?;
            let want = Want::Token { template: wish.template?.clone(), delivery: wish.delivery };
            read(state, object, facts, want, now)
        }
        Step::Rehearse => Decision::Act(Effect::Rehearse(own_secret(key, facts, Precondition::of(facts))?)),
        Step::Issue(cause) => issue(state, key, facts, cause, now)?,
        Step::Write(precondition) => write(key, object, facts, precondition)?,
        Step::DropHeld => Decision::DropHeld,
        Step::Finish => Decision::Act(Effect::Finish {
            key: key.clone(),
            uid: object.meta.uid.clone(),
            version: object.meta.version,
        }),
    })
}

/// How a request waits for its credentials, if a token would be issued but for them; and from when on it may try them, where that
/// is known. Who is suspended, or renewed no more, waits for nobody.
fn waits(facts: &Facts<'_>, now: Timestamp) -> Option<(Waits, Option<Timestamp>)> {
    if !matches!(facts.chain, Chain::Working | Chain::NotReady { .. }) {
        return None;
    }
    let served = Facts { chain: Chain::Live, ..facts.clone() };
    let cause = cause(&served, now)?;
    let other = obstacle(&served, Some(cause), now);
    if matches!(other, Some(Obstacle::IsSuspended | Obstacle::RenewalHasEnded)) {
        return None;
    }
    let failed = || facts.failures.iter().map(|failure| failure.count).max().unwrap_or_default();
    let tries = other.is_none().then(failed);
    let ends = facts.token_ends().filter(|end| *end > now);
    Some((Waits { tries, ends }, other.as_ref().and_then(Obstacle::until)))
}

fn read(state: &State, object: &Object, facts: &Facts<'_>, want: Want, now: Timestamp) -> Decision {
    Decision::Read { want, meanwhile: in_line(state, object, facts, cause(facts, now), now) }
}

fn write(key: &Key, object: &Object, facts: &Facts<'_>, precondition: Precondition) -> Option<Decision> {
    let held = object.work.held.as_ref()?;
    Some(Decision::Act(Effect::Write {
        secret: own_secret(key, facts, precondition)?,
        record: held.record.clone(),
        token: held.token.clone(),
        again: is_written_again(facts, &held.record),
    }))
}

fn own_secret(key: &Key, facts: &Facts<'_>, precondition: Precondition) -> Option<OwnSecret> {
    Some(OwnSecret {
        key: key.clone(),
        uid: facts.uid.into(),
        template: facts.sound()?.template?.clone(),
        precondition,
    })
}

fn issue(state: &State, key: &Key, facts: &Facts<'_>, cause: Cause, now: Timestamp) -> Option<Decision> {
    let wish = facts.sound()?;
    let inputs = crate::decision::InputsHash::V1 { made_for: wish.made_for?, made_with: wish.made_with? };
    let purpose = Purpose {
        cause,
        inputs,
        renew_request: facts.renew_request.map(Into::into),
        stamp: facts.stamp,
        basis: facts.basis()?,
        due: renewal_instant(facts).filter(|_| cause == Cause::RenewalIsDue),
    };
    let (permits, issue) = match key.kind {
        Kind::Credential => {
            let credential = state.credential(key)?;
            let endpoint = credential.spec.as_ref().ok()?.endpoint.allowed()?.clone();
            let login = credential.session.login()?.clone();
            (credential::issue::PERMITS, Issue::Access(credential::issue::Errand { endpoint, login }))
        }
        Kind::Request => {
            let errand = errand(state, key)?;
            (scoped_token::issue::permits(&errand), Issue::Scoped(Box::new(errand)))
        }
    };
    let origin = issue.endpoint().origin().clone();
    let object = state.object(key)?;
    let meanwhile = in_line(state, object, facts, Some(cause), now);
    let need = need(state, facts, (cause, permits), now);
    let ends = facts.token_ends();
    Some(Decision::Call { origin, need, ends, effect: Effect::Issue { issue, purpose }, meanwhile })
}

/// Who tries a credential does so for all who wait for it: nobody is before that.
fn need(state: &State, facts: &Facts<'_>, (cause, permits): (Cause, u32), now: Timestamp) -> Need {
    let tries = state.tried_by(facts.key).next().is_some();
    let urgency = if tries { Urgency::LifeIsEnding } else { urgency(facts, cause, now) };
    Need { permits, urgency, expires_at: first_end(state, facts, now) }
}

/// When the first token ends that is lost by waiting in line: its own, or that of a request which waits for this credential, or for
/// one that this request tries.
fn first_end(state: &State, facts: &Facts<'_>, now: Timestamp) -> Option<Timestamp> {
    let own = facts.token_ends();
    let awaited = std::iter::once(facts.key).chain(state.tried_by(facts.key));
    let theirs = awaited.filter_map(|key| state.credential(key)?.session.waiting.first_end_after(now));
    theirs.chain(own.filter(|end| *end > now)).min().or(own)
}

/// What is arranged while an object waits in line, at its endpoint's gate or for a read. That is routine, and not said, unless
/// the endpoint is unwell, or the object says that it has a token, which is gone, or names an attempt that is over.
fn in_line(state: &State, object: &Object, facts: &Facts<'_>, cause: Option<Cause>, now: Timestamp) -> Rest {
    let speaks = facts.endpoint.is_some_and(Parked::is_told)
        || (facts.says_ready && cause.is_some_and(Cause::makes_unfit))
        || facts.names_what_is_over(now);
    let until = [
        first_end(state, facts, now),
        // Whose life is ending by then asks again, and goes before others.
        ends_soon_from(facts),
        overdue_instant(facts),
        facts.sound().and_then(|wish| wish.renew_until),
        facts.told_attempt,
        // What somebody edited is put right meanwhile.
        facts.care.writes.is_spent_until(now),
    ];
    rest(object, facts, Some(next_look(until, now)), speaks, now)
}

/// What is said while it waits, or at which look it may be.
fn rest(object: &Object, facts: &Facts<'_>, until: Option<Timestamp>, speaks: bool, now: Timestamp) -> Rest {
    let publish = speaks.then(|| publish(object, facts, now)).flatten();
    let held_back =
        publish.as_ref().filter(|it| !it.at_once).and_then(|_| object.work.voice.is_spent_until(now));
    Rest {
        until: [until, held_back].into_iter().flatten().min(),
        publish: publish.filter(|_| held_back.is_none()),
        waits: None,
    }
}

fn errand(state: &State, key: &Key) -> Option<scoped_token::issue::Errand> {
    let spec = state.object(key)?.request()?.spec.as_ref().ok()?;
    let object = state.object(&spec.credential.key)?;
    let credential = object.credential()?;
    let held = object.work.held.as_ref()?;
    let crate::state::HeldToken::Access(access) = &held.token else {
        return None;
    };
    let exchanger = match spec.exchanger() {
        Some(name) => {
            let login = state.credential(&name.key)?.session.login()?.clone();
            Some((party(state, &name.key)?, login))
        }
        None => None,
    };
    Some(scoped_token::issue::Errand {
        credential: party(state, &spec.credential.key)?,
        endpoint: credential.spec.as_ref().ok()?.endpoint.allowed()?.clone(),
        access: access.clone(),
        generation: credential.session.generation,
        access_issued_at: held.record.issued_at,
        exchanger,
        subject: spec.subject.clone(),
        ttl: spec.service_token_ttl,
        clock_ahead: credential.session.clock_ahead.unwrap_or_default(),
    })
}

fn party(state: &State, key: &Key) -> Option<Party> {
    state.object(key).map(|object| Party { key: key.clone(), uid: object.meta.uid.clone() })
}

/// The status to write: where it differs, and not merely in the count of a failure that was told a moment ago.
fn publish(object: &Object, facts: &Facts<'_>, now: Timestamp) -> Option<Box<Publish>> {
    let (old, new, status) = match &object.detail {
        Detail::Credential(it) => {
            let status = credential::status(facts, it, now);
            let new = serde_json::to_value(&status).ok()?;
            (serde_json::to_value(&it.status).ok()?, new, NewStatus::Credential(Box::new(status)))
        }
        Detail::Request(it) => {
            let status = scoped_token::status(facts, &it.status, now);
            let new = serde_json::to_value(&status).ok()?;
            (serde_json::to_value(&it.status).ok()?, new, NewStatus::Request(Box::new(status)))
        }
    };
    // What was told in the future, by a clock that was set back since, was not told a moment ago.
    let told = object.work.published_at.is_some_and(|at| at <= now && later(at, STATUS_REST) > now);
    if told && only_repeats(&old, &new) && !facts.names_what_is_over(now) {
        return None;
    }
    // Where memory has none, the server may have one that could not be read.
    let shown = if old == json!({}) { blank() } else { old.clone() };
    let patch = merge_patch(&shown, &new).filter(|_| old != new)?;
    let differs = |field: &str| old.pointer(field) != new.pointer(field);
    let is_ready = |it: &Value| it["type"] == condition::READY && it["status"] == condition::TRUE;
    let says_ready = new["conditions"].as_array().into_iter().flatten().any(is_ready);
    let takes_back = facts.says_ready && !says_ready;
    let takes_up = !facts.says_ready && says_ready && facts.key.kind == Kind::Request;
    // Whatever else keeps a request from its credential follows from what somebody does to that one, as often as he does it; and so
    // does that a token which was there is good again.
    let follows = takes_up || !matches!(facts.chain, Chain::Login | Chain::Working | Chain::Live);
    let answers =
        ["/observedGeneration", "/lastHandledRenewRequest", "/token/issuedAt"].into_iter().any(differs);
    let at_once = !follows || takes_back || answers || facts.names_what_is_over(now);
    let (conditions, failure) = object.said();
    Some(Box::new(Publish { patch, status, before: Said::of(conditions, failure), at_once }))
}

impl Decision {
    /// What the object is to say while it waits, or acts.
    pub(super) fn publish(self) -> Option<Publish> {
        match self {
            Self::Rest(rest) | Self::Read { meanwhile: rest, .. } | Self::Call { meanwhile: rest, .. } => {
                rest.publish.map(|publish| *publish)
            }
            Self::Act(_) | Self::DropHeld => None,
        }
    }
}

impl Said {
    pub(super) fn of(conditions: &[Condition], failure: Option<&api::Failure>) -> Self {
        let ready = conditions.iter().find(|it| it.type_ == condition::READY);
        let status = ready.map_or(condition::UNKNOWN, |it| &it.status);
        let trouble = match ready {
            Some(ready) if ready.status == condition::FALSE => Some(ready.reason.clone()),
            _ => failure.and_then(|failure| failure.reason.clone()),
        };
        Self { ready: status.to_owned(), trouble }
    }
}

#[cfg(test)]
mod tests;

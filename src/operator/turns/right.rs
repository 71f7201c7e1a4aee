//! What follows from a right that is missing, and from one that was given back? Pure, as all turns are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use super::super::decide;
use super::super::effect::{Effect, Outcome, WriteFailed};
use super::{Landed, Ticket, Turn, Turns, Work};
use crate::api::Reason;
use crate::cluster::ReadFailed;
use crate::cluster::owner::Deletion;
use crate::cluster::secrets::WriteRefused;
use crate::cluster::status::StatusRefused;
use crate::decision::{FailedStep, Failure, Key, On, Right, Verb};
use crate::state::State;

impl Turns {
    /// Who was refused for want of a right waits for that, whatever else it waits for.
    pub(super) fn miss(&mut self, ticket: &Ticket, outcome: &Outcome, now: Timestamp) {
        let Some((right, is_certain)) = lacking(&ticket.key, &ticket.work, outcome) else { return };
        let refused: Vec<Key> = match &ticket.work {
            Work::Read(secret) => self.reads.wanted_by(secret).cloned().collect(),
            _ => vec![ticket.key.clone()],
        };
        for key in refused {
            self.rights.miss(right.clone(), key, is_certain, now);
        }
    }

    /// The next right to ask for.
    pub(super) fn next_question(&mut self, now: Timestamp) -> Option<Turn> {
        let state = &self.state;
        // One whose facts panic is told of by its own turn.
        let lacks = |key: &Key, right: &Right| {
            catch_unwind(AssertUnwindSafe(|| is_without(state, key, right, now))).unwrap_or(false)
        };
        let (right, key) = self.rights.ask(now, lacks)?;
        Some(self.act(key, Effect::Ask(right.clone()), Work::Ask(right)))
    }

    /// It was asked for a right. Whoever lacked it tries again at once, whatever the delay was.
    pub(super) fn was_asked(&mut self, right: &Right, outcome: &Outcome, now: Timestamp) -> Landed {
        let allowed = match outcome {
            Outcome::Asked(allowed) => allowed.ok(),
            _ => None,
        };
        for key in self.rights.answered(right, allowed, now) {
            if let Some(object) = self.state.object_mut(&key) {
                object.work.failures.forgive_for(Reason::ClusterAccessDenied, steps(right));
                object.work.unheard = 0;
            }
            self.queue.wake(key);
        }
        Landed::then(Turn::Rest)
    }
}

/// Whether what this object failed at and still wants, or could not say, needs this right.
fn is_without(state: &State, key: &Key, right: &Right, now: Timestamp) -> bool {
    let Some(facts) = decide::facts(state, key, now).filter(|facts| !facts.deleting) else { return false };
    let is_refused = |failure: &Failure| failure.reason == Reason::ClusterAccessDenied;
    let failed = facts.standing().any(|it| is_refused(it) && steps(right).contains(&it.step));
    let unheard = state.object(key).is_some_and(|object| object.work.unheard > 0);
    failed || (matches!(right.on, On::Status(_)) && unheard)
}

/// The steps that need a right.
fn steps(right: &Right) -> &'static [FailedStep] {
    match (right.on, right.verb) {
        (On::Secrets, Verb::Create | Verb::Update) => &[FailedStep::WriteSecret],
        (On::Secrets, _) => &[FailedStep::ReadClientSecret, FailedStep::ReadManagedSecret],
        (On::Objects(_), Verb::Delete) => &[FailedStep::Delete],
        (On::Objects(_), _) => &[FailedStep::ConfirmOwner],
        (On::Status(_), _) => &[],
    }
}

/// The right for want of which this failed, perhaps or certainly.
fn lacking(key: &Key, work: &Work, outcome: &Outcome) -> Option<(Right, bool)> {
    let right = |verb, on| Right { namespace: key.namespace.clone(), verb, on };
    match (outcome, work) {
        (Outcome::Written { result: Err(failed), .. } | Outcome::Rehearsed(Err(failed)), _) => match failed {
            WriteFailed { refused: WriteRefused::Forbidden { verb }, right_is_missing: true } => {
                Some((right(*verb, On::Secrets), true))
            }
            _ => None,
        },
        (Outcome::Read(Err(ReadFailed::Forbidden)), Work::Read((namespace, _))) => {
            Some((Right { namespace: namespace.clone(), verb: Verb::Get, on: On::Secrets }, false))
        }
        (Outcome::Looked(Err(ReadFailed::Forbidden)), _) => Some((right(Verb::List, On::Secrets), false)),
        (Outcome::Owner(Err(ReadFailed::Forbidden)), _) => {
            Some((right(Verb::Get, On::Objects(key.kind)), false))
        }
        (Outcome::Finished(Deletion::Forbidden), _) => {
            Some((right(Verb::Delete, On::Objects(key.kind)), false))
        }
        (Outcome::Published(Err(StatusRefused::Forbidden)), _) => {
            Some((right(Verb::Patch, On::Status(key.kind)), false))
        }
        _ => None,
    }
}

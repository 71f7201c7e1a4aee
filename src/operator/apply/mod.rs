//! What does an outcome change in what is known? Pure. A failure becomes a delay here; nothing is decided again before the
//! uid, resourceVersion and record of our own write are in memory (behaviour §1.5).

mod issue;
mod login;
mod secret;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::effect::Outcome;
use crate::api::Reason;
use crate::cluster::ReadFailed;
use crate::decision::{FailedStep, Failure, Key, RetryClass, Setback, another_failure};
use crate::state::State;

pub(super) use issue::reason_of;
pub(super) use secret::{doubt, is_outdated};

/// What an outcome brings about besides.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    /// The objects that look again.
    pub wake: Vec<Key>,
    /// A Secret that somebody had deleted or edited is as it should be again.
    pub restored: bool,
}

/// Takes an outcome into memory.
pub(super) fn apply(state: &mut State, key: &Key, outcome: Outcome, now: Timestamp) -> Aftermath {
    let mut aftermath = Aftermath::default();
    match outcome {
        Outcome::Login(asked, look) => aftermath.wake = login::login(state, key, &asked, look, now),
        Outcome::Looked(look) => aftermath.wake = secret::looked(state, key, look, now),
        Outcome::Owner(owner) => aftermath.wake = secret::owner_seen(state, key, owner, now),
        Outcome::Recalled(recalled) => aftermath.wake = secret::recall(state, key, recalled, now),
        Outcome::Rehearsed(Ok(())) => {
            if let Some(object) = state.object_mut(key) {
                object.work.care.rehearse = false;
                object.work.failures.forgive(&[FailedStep::WriteSecret]);
            }
        }
        Outcome::Rehearsed(Err(failed)) => secret::refused_write(state, key, failed, now),
        Outcome::Issued { issue, purpose, result, .. } => {
            if let Some(object) = state.object_mut(key) {
                object.work.care.pace.attempted(purpose.basis, now);
            }
            aftermath.wake = match result {
                Ok(issued) => issue::took(state, key, &issue, purpose, issued),
                Err((call, fault)) => issue::fault_of(state, key, &issue, &purpose, (call, fault), now),
            };
        }
        Outcome::Written { record, rendering, again, result } => match result {
            Ok(seen) => {
                aftermath.restored = secret::wrote(state, key, &record, rendering, seen);
                if let Some(object) = state.object_mut(key).filter(|_| again) {
                    object.work.care.writes.spend(now);
                }
            }
            Err(failed) => secret::refused_write(state, key, failed, now),
        },
        Outcome::Finished(deletion) => aftermath.wake = secret::finished(state, key, deletion, now),
        // Each reader was given its own part; statuses and rights are the turns' own.
        Outcome::Read(_) | Outcome::Published(_) | Outcome::Asked(_) => {}
        Outcome::Panicked => {
            let news = Setback { class: RetryClass::Transient, ..api_server(FailedStep::Internal) };
            setback(state, key, news, now);
        }
    }
    aftermath
}

/// Notes a failure of `key`; its stamp, unless it is given, is what the object depends on now.
fn setback(state: &mut State, key: &Key, news: Setback, now: Timestamp) {
    let Some((stamp, life_left)) = super::decide::facts(state, key, now).map(|facts| {
        let left =
            facts.token_ends().map(|end| now.duration_until(end)).filter(jiff::SignedDuration::is_positive);
        (facts.stamp, left)
    }) else {
        return;
    };
    let news = if news.stamp == Failure::INHERITED { Setback { stamp, ..news } } else { news };
    if let Some(object) = state.object_mut(key) {
        let failure =
            another_failure(object.work.failures.of(news.step), &news, &object.meta.uid, life_left, now);
        object.work.failures.note(failure);
    }
}

fn read_failed(step: FailedStep, failed: ReadFailed) -> Setback {
    match failed {
        ReadFailed::Forbidden => Setback {
            reason: Reason::ClusterAccessDenied,
            class: RetryClass::WriteRefused,
            ..api_server(step)
        },
        ReadFailed::Unavailable { retry_after } => asked_to_wait(step, retry_after),
    }
}

/// The API server is not well, and may have said for how long it is to be left alone.
fn asked_to_wait(step: FailedStep, retry_after: Option<Duration>) -> Setback {
    let asked = retry_after.map(|it| SignedDuration::try_from(it).unwrap_or(SignedDuration::MAX));
    Setback { class: RetryClass::ApiServer(asked), ..api_server(step) }
}

/// The API server did not do what was asked, for now.
fn api_server(step: FailedStep) -> Setback {
    Setback {
        step,
        reason: Reason::Pending,
        class: RetryClass::ApiServer(None),
        http_status: None,
        error_code: None,
        stamp: Failure::INHERITED,
    }
}

fn secret_name(state: &State, key: &Key) -> Option<Box<str>> {
    state.object(key)?.secret_name().map(Into::into)
}

//! What may requests count on? Said by the credential's own work after every decision, so that ten thousand requests look it
//! up instead of finding it out.

use jiff::Timestamp;

use crate::api::Reason;
use crate::decision::checks::{cause, obstacle};
use crate::decision::{Facts, FailedStep, Failure, LoginFact, Obstacle, Record, Validity, is_unfit};
use crate::state::{Offer, Offers};

/// What this credential offers.
#[must_use]
pub fn offers(facts: &Facts<'_>, generation: u64, now: Timestamp) -> Offers {
    match closed(facts) {
        Some(reason) => Offers { access: Offer::NotReady(reason), login: Offer::NotReady(reason) },
        None => Offers { access: access(facts, generation, now), login: login(facts, generation, now) },
    }
}

/// Nothing at all is offered.
fn closed(facts: &Facts<'_>) -> Option<Reason> {
    let Ok(wish) = &facts.wish else {
        return Some(Reason::InvalidSpec);
    };
    if wish.suspended {
        return Some(Reason::Suspended);
    }
    wish.refused_origin.map(|_| Reason::EndpointNotAllowed)
}

fn access(facts: &Facts<'_>, generation: u64, now: Timestamp) -> Offer {
    if let Some(failure) = parked(facts, FailedStep::ServiceToken, now) {
        return Offer::NotReady(failure.reason);
    }
    if let Some(held) = facts.held.filter(|held| !facts.held_was_refused() && is_live(facts, held, now)) {
        return Offer::Live { generation, expires_at: Some(held.expires_at) };
    }
    let cause = cause(facts, now);
    match obstacle(facts, cause, now) {
        Some(obstacle) if is_unfit(facts, cause) || facts.token_was_refused() => {
            Offer::NotReady(obstacle.reason())
        }
        // The token is good, but only the Secret holds it, and that cannot be read.
        Some(Obstacle::AttemptIsNotDue(failure)) if failure.step == FailedStep::ReadManagedSecret => {
            Offer::NotReady(failure.reason)
        }
        _ => Offer::Working,
    }
}

/// A login that was refused is not offered before its retry time; then it is, and the next exchange finds out.
fn login(facts: &Facts<'_>, generation: u64, now: Timestamp) -> Offer {
    match facts.login {
        LoginFact::Unread => Offer::Working,
        LoginFact::Absent => Offer::NotReady(Reason::ClientSecretNotFound),
        LoginFact::Incomplete(_) => Offer::NotReady(Reason::ClientSecretIncomplete),
        LoginFact::Ready => {
            let refused =
                parked(facts, FailedStep::AccessToken, now).filter(|_| facts.validity == Validity::Refused);
            match refused.or_else(|| parked(facts, FailedStep::Exchange, now)) {
                Some(failure) => Offer::NotReady(failure.reason),
                None => Offer::Live { generation, expires_at: None },
            }
        }
    }
}

fn parked<'a>(facts: &Facts<'a>, step: FailedStep, now: Timestamp) -> Option<&'a Failure> {
    facts.failure_of(step).filter(|failure| failure.is_awaited(now))
}

fn is_live(facts: &Facts<'_>, held: &Record, now: Timestamp) -> bool {
    let wanted = facts.sound().and_then(|wish| wish.made_for);
    held.inputs.is_for(wanted) && held.expires_at > now
}

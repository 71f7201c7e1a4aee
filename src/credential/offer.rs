//! What may requests count on? Said before every decision about the credential, and as soon as a request met a refusal of it, so
//! that ten thousand requests look it up instead of finding it out.

use jiff::Timestamp;

use crate::api::Reason;
use crate::decision::checks::{cause, obstacle};
use crate::decision::{Cause, Facts, FailedStep, LoginFact, Obstacle, Validity, at_gate, is_unfit};
use crate::state::{Offer, Offers};

/// What this credential offers.
#[must_use]
pub fn offers(facts: &Facts<'_>, generation: u64, now: Timestamp) -> Offers {
    let parked = |step| facts.failure_of(step).map(|failure| failure.reason);
    let closed = closed(facts).map(Offer::NotReady);
    Offers {
        access: closed.unwrap_or_else(|| access(facts, generation, now)),
        login: closed.unwrap_or_else(|| login(facts, generation)),
        access_parked: parked(FailedStep::ServiceToken),
        login_parked: parked(FailedStep::Exchange),
    }
}

/// Whether one of those who wait may find out if what they met is still so.
#[must_use]
pub fn is_probe_due(facts: &Facts<'_>, now: Timestamp) -> bool {
    let met = [FailedStep::ServiceToken, FailedStep::Exchange].map(|step| facts.failure_of(step));
    let mut met = met.into_iter().flatten().peekable();
    met.peek().is_some() && met.all(|failure| !failure.is_awaited(now))
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
    if facts.held_is_live(now) && !facts.held_was_refused() {
        return Offer::Live { generation, expires_at: facts.held_ends() };
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
        // An attempt that follows one which failed is no news before it has ended well.
        None if is_unfit(facts, cause) || facts.token_was_refused() => {
            failing(facts, cause).map_or(Offer::Working, Offer::NotReady)
        }
        _ => Offer::Working,
    }
}

fn failing(facts: &Facts<'_>, cause: Option<Cause>) -> Option<Reason> {
    let own = facts.failure_of(FailedStep::AccessToken).filter(|failure| failure.is_told());
    own.map(|failure| failure.reason).or_else(|| at_gate(facts, cause, None).map(|failure| failure.reason))
}

/// A login that was refused to the credential itself is not offered before it was accepted again.
fn login(facts: &Facts<'_>, generation: u64) -> Offer {
    let refused = facts.failure_of(FailedStep::AccessToken).filter(|_| facts.validity == Validity::Refused);
    match (facts.login, refused) {
        // It will not be read before that is granted.
        (LoginFact::Unread, _) if facts.unlisted.is_some() => Offer::NotReady(Reason::ClusterAccessDenied),
        (LoginFact::Unread, _) => Offer::Working,
        (LoginFact::Absent, _) => Offer::NotReady(Reason::ClientSecretNotFound),
        (LoginFact::Incomplete(_), _) => Offer::NotReady(Reason::ClientSecretIncomplete),
        (LoginFact::Ready, Some(failure)) => Offer::NotReady(failure.reason),
        (LoginFact::Ready, None) => Offer::Live { generation, expires_at: None },
    }
}

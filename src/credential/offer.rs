//! What may requests count on? Said by the credential's own work after every decision, so that ten thousand requests look it
//! up instead of finding it out.

use jiff::Timestamp;

use crate::decision::checks::{cause, obstacle};
use crate::decision::{Facts, InputsHash, Record, is_unfit};
use crate::state::Offer;

/// What this credential offers to those who need its access token.
#[must_use]
pub fn offer(facts: &Facts<'_>, generation: u64, now: Timestamp) -> Offer {
    let cause = cause(facts, now);
    let obstacle = obstacle(facts, cause, now);
    let suspended = facts
        .sound()
        .is_none_or(|wish| wish.suspended || wish.refused_origin.is_some());
    if let Some(held) = facts
        .held
        .filter(|held| !suspended && !facts.token_refused && is_live(facts, held, now))
    {
        return Offer::Live {
            generation,
            expires_at: held.expires_at,
        };
    }
    match (&obstacle, facts.standing_failure()) {
        (Some(obstacle), _) if suspended || is_unfit(facts, cause) || facts.token_refused => {
            Offer::NotReady(obstacle.reason())
        }
        (None, Some(failure)) if failure.next_attempt > now => Offer::NotReady(failure.reason),
        _ => Offer::Working,
    }
}

fn is_live(facts: &Facts<'_>, held: &Record, now: Timestamp) -> bool {
    let wanted = facts.sound().and_then(|wish| wish.made_for);
    let for_this = match (&held.inputs, wanted) {
        (InputsHash::V1 { made_for, .. }, Some(wanted)) => *made_for == wanted,
        _ => true,
    };
    for_this && held.expires_at > now
}

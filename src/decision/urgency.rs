//! Who goes first when not all can? The order in which steps that need the service wait for it (behaviour §4.4). Pure.

use jiff::Timestamp;

use super::checks::renewal_instant;
use super::{Cause, Facts, Kind};

/// Who goes first: in this order, but for the turns that the gate has each leave to the less urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Less than a quarter of the life is left, and less than half of what was to be left.
    LifeIsEnding,
    /// Somebody waits for it: new, changed, by hand, or already without a token.
    Wanted,
    /// It is time.
    Renewal,
}

/// How urgent an issue for this cause is. A request whose token has ended has no deadline left that could be met: it does
/// not go before those that have. A credential's does: the deadlines are those of its requests.
#[must_use]
pub fn urgency(facts: &Facts<'_>, cause: Cause, now: Timestamp) -> Urgency {
    let serves = match facts.key.kind {
        Kind::Credential => !cause.makes_unfit() || cause == Cause::TokenHasExpired,
        Kind::Request => !cause.makes_unfit(),
    };
    let is_ending = ends_soon_from(facts).is_some_and(|from| from <= now);
    match cause {
        _ if serves && is_ending => Urgency::LifeIsEnding,
        Cause::RenewalIsDue => Urgency::Renewal,
        _ => Urgency::Wanted,
    }
}

/// From when on the token's life is ending: less than a quarter of it is left, and the renewal is late, for more than half of
/// the time that it was given is over. Otherwise one namespace of short tokens that are renewed late by its wish would go before
/// everybody else for good.
#[must_use]
pub fn ends_soon_from(facts: &Facts<'_>) -> Option<Timestamp> {
    let record = facts.record()?;
    let quarter = record.lifetime() / 4;
    let late = renewal_instant(facts).map(|due| due.duration_until(record.expires_at) / 2);
    let from = record.expires_at.checked_sub(late.map_or(quarter, |late| late.min(quarter))).ok()?;
    Some(facts.by_this_clock(from))
}

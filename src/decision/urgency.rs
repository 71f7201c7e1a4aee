//! Who goes first when not all can? The order in which steps that need the service wait for it (behaviour §4.4). Pure.

use jiff::Timestamp;

use super::{Cause, Facts, Kind, Record};

/// Who goes first: strictly in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Less than a quarter of the life is left.
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
    let is_ending = facts.record().and_then(last_quarter).is_some_and(|begins| begins <= now);
    match cause {
        _ if serves && is_ending => Urgency::LifeIsEnding,
        Cause::RenewalIsDue => Urgency::Renewal,
        _ => Urgency::Wanted,
    }
}

/// When less than a quarter of its life is left.
#[must_use]
pub fn last_quarter(record: &Record) -> Option<Timestamp> {
    record.expires_at.checked_sub(record.lifetime() / 4).ok()
}

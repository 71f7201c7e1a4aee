//! When is a token renewed, and when is the object looked at next? Behaviour §2.2, §2.3. Nothing is drawn at random: the
//! jitter is a hash of stable identity, so that the time shown is the time kept.

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use sha2::{Digest, Sha256};

use super::{Facts, Record, Renewal};

/// Nothing is left alone for longer than this: timers stop while a machine sleeps, and clocks step.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Instead of a computed delay that is none: a mistake must not become a hot loop.
pub const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// A record further in the future than this was written by a clock that was wrong.
pub const FUTURE_TOLERANCE: SignedDuration = SignedDuration::from_mins(2);
/// The service lets no token live longer than a year. One that it says lives longer is renewed as if it did not, so a record that
/// says so was not written by this operator.
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(366 * 24);
/// At most one renewal by hand in this time.
pub const HAND_RENEWAL_REST: SignedDuration = SignedDuration::from_secs(30);
/// A `renewBefore` that asks for a renewal sooner after the issue than this, or than a tenth of the life, cannot be kept: a token
/// for a minute that is to be renewed 59 seconds before its end would be renewed every second.
pub const RENEWAL_REST: SignedDuration = SignedDuration::from_secs(30);
/// A lost Secret is replaced by issuing at most once in this time.
pub const REPAIR_REST: SignedDuration = SignedDuration::from_mins(10);
/// A renewal is overdue when it is unfinished this long after it was due, or 5 % of the lifetime, whichever is longer.
pub const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// When this token is renewed: `None` where the arithmetic leaves the calendar.
#[must_use]
pub fn renew_at(record: &Record, renewal: Renewal, uid: &str) -> Option<Timestamp> {
    let lifetime = record.lifetime();
    let h = jitter(uid, record.issued_at);
    let offset = match before_end(renewal, lifetime) {
        Some(before) => scale(lifetime.checked_sub(before)?, 1.0 - h / 10.0),
        None => scale(lifetime, 0.5 + h / 6.0),
    };
    record.issued_at.checked_add(offset).ok()
}

/// How long before its end a token is renewed, where the spec says so and the life leaves time between two renewals.
#[must_use]
pub fn before_end(renewal: Renewal, lifetime: SignedDuration) -> Option<SignedDuration> {
    match renewal {
        Renewal::Default => None,
        Renewal::Before(before) => {
            let rest = scale(lifetime, 0.1).max(RENEWAL_REST);
            lifetime.checked_sub(rest).is_some_and(|latest| before <= latest).then_some(before)
        }
        // At most 90: nine tenths of any life.
        Renewal::Percentage(percent) => Some(scale(lifetime, f64::from(percent) / 100.0)),
    }
}

/// `h`: the first 8 bytes of SHA-256(uid, issued-at text) / 2^64, in [0, 1).
#[must_use]
pub fn jitter(uid: &str, issued_at: Timestamp) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(uid.as_bytes());
    hasher.update([0]);
    hasher.update(issued_at.to_string().as_bytes());
    fraction(&hasher.finalize())
}

/// The first 8 bytes of a hash as a fraction of their range.
pub(super) fn fraction(hash: &[u8]) -> f64 {
    let half =
        |at: usize| f64::from(u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]));
    let range = f64::from(u32::MAX) + 1.0;
    (half(0) + half(4) / range) / range
}

/// `duration × factor`, to the millisecond.
#[must_use]
pub fn scale(duration: SignedDuration, factor: f64) -> SignedDuration {
    let seconds = duration.as_secs_f64() * factor;
    SignedDuration::try_from_secs_f64((seconds * 1000.0).round() / 1000.0).unwrap_or(duration)
}

/// When a renewal that was due then is overdue.
#[must_use]
pub fn overdue_at(record: &Record, due: Timestamp) -> Timestamp {
    let grace = scale(record.lifetime(), 0.05).max(OVERDUE_AFTER);
    due.checked_add(grace).unwrap_or(Timestamp::MAX)
}

/// When this object is next looked at: the first of the instants that can change a verdict, within the limits of
/// behaviour §2.3.
#[must_use]
pub fn next_look(instants: impl IntoIterator<Item = Option<Timestamp>>, now: Timestamp) -> Timestamp {
    let latest = later(now, LONGEST_WAIT);
    let to_come = instants.into_iter().flatten().filter(|instant| *instant > now);
    to_come.min().map_or(latest, |first| first.min(latest))
}

/// The next whole second, as statuses write instants: what is named there is not over before its time.
#[must_use]
pub fn up_to_seconds(instant: Timestamp) -> Timestamp {
    rounded(instant, RoundMode::Ceil)
}

/// The whole second before, or the instant itself: what a status shows as past never lies in the future of what it means.
#[must_use]
pub fn down_to_seconds(instant: Timestamp) -> Timestamp {
    rounded(instant, RoundMode::Floor)
}

fn rounded(instant: Timestamp, mode: RoundMode) -> Timestamp {
    instant.round(TimestampRound::new().smallest(Unit::Second).mode(mode)).unwrap_or(instant)
}

/// `instant + duration`, at the end of the calendar at the latest.
#[must_use]
pub fn later(instant: Timestamp, duration: SignedDuration) -> Timestamp {
    instant.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// When a request is finished: the later of `renewUntil` and its last expiry; `None` where it never is. A token lives on when
/// its Secret was deleted: then the end counts that was told of it.
#[must_use]
pub fn finished_at(facts: &Facts<'_>) -> Option<Timestamp> {
    let until = facts.sound()?.renew_until?;
    let expiry = facts.record().map(|record| record.expires_at).or(facts.told_expires_at);
    Some(expiry.map_or(until, |expiry| until.max(expiry)))
}

/// When a finished request is removed.
#[must_use]
pub fn removed_at(facts: &Facts<'_>) -> Option<Timestamp> {
    let ttl = facts.sound()?.ttl_after_finished?;
    Some(later(finished_at(facts)?, ttl))
}

impl Record {
    /// How long the token lives.
    #[must_use]
    pub fn lifetime(&self) -> SignedDuration {
        self.issued_at.duration_until(self.expires_at)
    }
}

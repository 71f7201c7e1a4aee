//! When is a failed step tried again? Behaviour §4.3. The delay is bounded by the failure's class and by the life that is
//! left; its jitter is a hash of identity and attempt.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::schedule::{fraction, later, scale};
use crate::api::Reason;

/// No attempt is put off for longer.
pub(super) const LONGEST_DELAY: SignedDuration = SignedDuration::from_hours(1);
/// No server is left alone for longer because it asks for it.
pub const LONGEST_ASKED: SignedDuration = SignedDuration::from_mins(15);
/// What passes by itself is not tried again sooner, whatever ends meanwhile.
pub const SHORTEST_DELAY: SignedDuration = SignedDuration::from_secs(2);

/// What failed, how often, and when it is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The step that failed.
    pub step: FailedStep,
    /// The reason that the object shows.
    pub reason: Reason,
    /// The status the service or the API server answered with.
    pub http_status: Option<u16>,
    /// The service's error code, from a fixed vocabulary.
    pub error_code: Option<&'static str>,
    /// How often in a row.
    pub count: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again; `None`: when the endpoint's gate lets it.
    pub next_attempt: Option<Timestamp>,
    /// What it depended on, hashed: another stamp voids it.
    pub stamp: u64,
}

/// The steps that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStep {
    /// Reading the client Secret.
    ReadClientSecret,
    /// Reading the managed Secret.
    ReadManagedSecret,
    /// Seeing whether the object itself still lives.
    ConfirmOwner,
    /// The access token by client credentials.
    AccessToken,
    /// The service token.
    ServiceToken,
    /// The exchange of the service token.
    Exchange,
    /// Writing the managed Secret.
    WriteSecret,
    /// Putting a managed Secret back that somebody deletes or overwrites again and again.
    RestoreSecret,
    /// Deleting a finished request.
    Delete,
    /// The operator's own code panicked.
    Internal,
}

/// How a failure is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// Something that passes by itself.
    Transient,
    /// The API server does not do what is asked of it: it is back soon, and then nobody waits for long; but it may have named a
    /// time.
    ApiServer(Option<SignedDuration>),
    /// The service asked for less, perhaps naming a time.
    Throttled(Option<SignedDuration>),
    /// A person must act; trying again costs a call and finds out whether somebody did.
    Refused,
    /// The API server refuses a write: the token is kept, the write alone is retried.
    WriteRefused,
}

/// The delay before attempt `count + 1`. `life_left` is what remains of the token in service: `None` where it is dead or
/// there is none.
#[must_use]
pub fn delay(class: RetryClass, count: u32, life_left: Option<SignedDuration>, uid: &str) -> SignedDuration {
    let secs = SignedDuration::from_secs;
    let doubled = |first: i64, most: i64| {
        secs(first.saturating_mul(1_i64 << count.saturating_sub(1).min(30)).min(most))
    };
    let quarter = life_left.map_or(SignedDuration::MAX, |left| left / 4);
    match class {
        RetryClass::Transient => {
            let spread = scale(doubled(2, 300), 0.75 + jitter(uid, count) / 4.0);
            spread.min(quarter).max(SHORTEST_DELAY)
        }
        RetryClass::ApiServer(asked) => {
            let spread = scale(doubled(2, 10), 0.75 + jitter(uid, count) / 4.0);
            spread.max(asked.unwrap_or_default().min(LONGEST_ASKED).min(quarter))
        }
        RetryClass::Throttled(Some(asked)) => asked.clamp(secs(1), LONGEST_ASKED),
        RetryClass::Throttled(None) => scale(doubled(60, 900), 0.9 + jitter(uid, count) / 10.0),
        RetryClass::Refused => {
            let step = [300, 1800].get(count.saturating_sub(1) as usize).copied().unwrap_or(3600);
            scale(secs(step), 0.9 + jitter(uid, count) / 10.0)
        }
        RetryClass::WriteRefused => doubled(10, 300),
    }
}

/// As [`delay`], for what has been failing for so long: what may pass by itself is left alone for no longer than that. Attempts
/// that an ending life has hurried count as others do, and without this they would cost five minutes after an outage of one.
#[must_use]
pub fn delay_after(
    failing_for: SignedDuration,
    class: RetryClass,
    count: u32,
    life_left: Option<SignedDuration>,
    uid: &str,
) -> SignedDuration {
    let delay = delay(class, count, life_left, uid);
    match class {
        RetryClass::Transient => delay.min(failing_for.max(SignedDuration::ZERO) + SHORTEST_DELAY),
        _ => delay,
    }
}

/// The failure after one more failing attempt.
#[must_use]
pub fn another_failure(
    old: Option<&Failure>,
    news: &Setback,
    uid: &str,
    life_left: Option<SignedDuration>,
    now: Timestamp,
) -> Failure {
    let same = old
        .filter(|old| old.stamp == news.stamp && old.step == news.step && are_kin(old.reason, news.reason));
    let count = same.map_or(1, |old| old.count.saturating_add(1));
    // Whatever a clock said that was set back since: a failure that lies ahead would never be awaited.
    let since = same.map_or(now, |old| old.since.min(now));
    let delay = delay_after(since.duration_until(now), news.class, count, life_left, uid);
    Failure {
        step: news.step,
        reason: news.reason,
        http_status: news.http_status,
        error_code: news.error_code,
        count,
        since,
        next_attempt: Some(later(now, delay)),
        stamp: news.stamp,
    }
}

/// What an attempt came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setback {
    /// The step.
    pub step: FailedStep,
    /// The reason to show.
    pub reason: Reason,
    /// How to retry.
    pub class: RetryClass,
    /// The answer's status.
    pub http_status: Option<u16>,
    /// The answer's code.
    pub error_code: Option<&'static str>,
    /// What the attempt depended on.
    pub stamp: u64,
}

impl Failure {
    /// The stamp of a failure that an earlier process left in status: it counts until the first change is seen.
    pub const INHERITED: u64 = 0;

    /// The stamp of what an attempt depends on. Within one process only: never stored.
    #[must_use]
    pub fn stamp_of(depends_on: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        depends_on.hash(&mut hasher);
        hasher.finish().max(Self::INHERITED + 1)
    }

    /// Whether the next attempt is still to come. One that no delay can have led to was arranged by a clock that was wrong,
    /// or by somebody else: it is made now.
    #[must_use]
    pub fn is_awaited(&self, now: Timestamp) -> bool {
        let delays = i32::try_from(self.count.clamp(1, 100_000)).unwrap_or(1);
        let latest = later(self.since, LONGEST_DELAY * delays);
        self.since <= now && self.next_attempt.is_some_and(|at| at > now && at <= latest)
    }

    /// Whether waiting alone will not help.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        needs_a_person(self.reason)
    }
}

/// Whether two reasons in a row are one failure: a service that is away answers now with nothing, now with an error page.
fn are_kin(old: Reason, new: Reason) -> bool {
    let away = [Reason::ServiceUnavailable, Reason::UnexpectedResponse];
    let asks_for_less = [Reason::Throttled, Reason::QuotaExhausted];
    old == new || [away, asks_for_less].iter().any(|kin| kin.contains(&old) && kin.contains(&new))
}

/// Whether only a person can change what this reason says (product.md, Conditions).
#[must_use]
pub(super) fn needs_a_person(reason: Reason) -> bool {
    match reason {
        Reason::ClientSecretIncomplete
        | Reason::InvalidClient
        | Reason::EndpointNotAllowed
        | Reason::PurposeNotAllowed
        | Reason::ServiceTokenTtlNotAllowed
        | Reason::RequestRejected
        | Reason::AccessDenied
        | Reason::UnusableToken
        | Reason::SecretNotOwned
        | Reason::SecretWriteRefused
        | Reason::ClusterAccessDenied
        | Reason::InvalidSpec
        | Reason::Expired
        | Reason::Suspended => true,
        Reason::Pending
        | Reason::Issued
        | Reason::Available
        | Reason::Accepted
        | Reason::ClientSecretNotFound
        | Reason::CredentialNotReady
        | Reason::CredentialNotFound
        | Reason::Throttled
        | Reason::QuotaExhausted
        | Reason::ServiceUnavailable
        | Reason::UnexpectedResponse
        | Reason::SecretContested
        | Reason::RenewalEnded
        | Reason::Recovered
        | Reason::SecretRestored => false,
    }
}

impl FailedStep {
    /// The name in status and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadClientSecret => "ReadClientSecret",
            Self::ReadManagedSecret => "ReadManagedSecret",
            Self::ConfirmOwner => "ConfirmOwner",
            Self::AccessToken => "AccessToken",
            Self::ServiceToken => "ServiceToken",
            Self::Exchange => "Exchange",
            Self::WriteSecret => "WriteSecret",
            Self::RestoreSecret => "RestoreSecret",
            Self::Delete => "Delete",
            Self::Internal => "Internal",
        }
    }

    /// Reads the name back from a status.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::ReadClientSecret,
            Self::ReadManagedSecret,
            Self::ConfirmOwner,
            Self::AccessToken,
            Self::ServiceToken,
            Self::Exchange,
            Self::WriteSecret,
            Self::RestoreSecret,
            Self::Delete,
            Self::Internal,
        ]
        .into_iter()
        .find(|step| step.as_str() == text)
    }
}

fn jitter(uid: &str, attempt: u32) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(uid.as_bytes());
    hasher.update(attempt.to_be_bytes());
    fraction(&hasher.finalize())
}

//! What does a status tell of a failure, and of the next attempt? Never an instant that is over while the status stands. Pure.
//!
//! A status that named every attempt would be written every few seconds (behaviour §4.3). So of attempts that come often it says
//! how often, and of those that come rarely it names the next one, and is written anew once that is over.

use jiff::Timestamp;

use super::schedule::up_to_seconds;
use super::{Facts, FailedStep, Failure};
use crate::api::Reason;

/// `status.failure`, before it knows since when a hindrance stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What was being done; `None`: nothing, something stands in the way.
    pub step: Option<FailedStep>,
    /// Why it failed, or what stands in the way.
    pub reason: Reason,
    /// The status that was answered with.
    pub http_status: Option<u16>,
    /// The error code, from a fixed vocabulary.
    pub error_code: Option<&'static str>,
    /// How often in a row; `None`: what is counted is nobody's own.
    pub count: Option<u32>,
    /// Since when; `None`: since it is told.
    pub since: Option<Timestamp>,
    /// What is said of the next attempt; `None`: none is arranged.
    pub next: Option<Promise>,
}

/// What a status says of the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It is made at this instant, a whole second. The status is written anew when that is over.
    At(Timestamp),
    /// Its time has come: it is made as soon as it can be.
    Due,
    /// Every few seconds.
    Soon,
    /// Every five minutes at the least.
    EveryFiveMinutes,
    /// When the service allows it, and every quarter of an hour at the least.
    WhenAllowed,
    /// When the endpoint answers whoever tries it.
    WithTheEndpoint,
}

impl Promise {
    /// The instant that is named.
    #[must_use]
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::At(instant) => Some(instant),
            _ => None,
        }
    }
}

impl Failure {
    /// What is said of the next attempt. A step that fails so far from the next attempt that naming it costs few writes has a
    /// reason of its own: a person is to act.
    #[must_use]
    pub fn promise(&self, now: Timestamp) -> Promise {
        match self.reason {
            Reason::InvalidClient
            | Reason::RequestRejected
            | Reason::AccessDenied
            | Reason::UnusableToken => {
                let awaited = self.next_attempt.filter(|_| self.is_awaited(now));
                awaited.map_or(Promise::Due, |at| Promise::At(up_to_seconds(at)))
            }
            Reason::Throttled | Reason::QuotaExhausted => Promise::WhenAllowed,
            Reason::Pending if self.step != FailedStep::Internal => Promise::Soon,
            _ => Promise::EveryFiveMinutes,
        }
    }
}

impl Told {
    /// A step that failed.
    #[must_use]
    pub fn of(failure: &Failure, now: Timestamp) -> Self {
        Self {
            step: Some(failure.step),
            reason: failure.reason,
            http_status: failure.http_status,
            error_code: failure.error_code,
            count: Some(failure.count),
            since: Some(failure.since),
            next: Some(failure.promise(now)),
        }
    }

    /// Nothing has failed, but no token can follow the one that is there.
    #[must_use]
    pub fn hindrance(reason: Reason) -> Self {
        Self { step: None, reason, http_status: None, error_code: None, count: None, since: None, next: None }
    }

    /// A Secret that is lost again and again was put back then, and is not before `until`.
    #[must_use]
    pub fn contested(since: Option<Timestamp>, until: Timestamp) -> Self {
        Self {
            step: Some(FailedStep::RestoreSecret),
            since,
            next: Some(Promise::At(until)),
            ..Self::hindrance(Reason::SecretContested)
        }
    }
}

impl Facts<'_> {
    /// Whether the status names an attempt that is over: it is written anew, whatever else it says.
    #[must_use]
    pub fn names_what_is_over(&self, now: Timestamp) -> bool {
        self.told_attempt.is_some_and(|at| at <= now)
    }
}

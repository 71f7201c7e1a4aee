//! What is said of an outcome? Its log line, its metric and its event, in one place. Called once per outcome, by the loop.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{debug, info, warn};

use super::metrics::Metrics;
use crate::api::Reason;
use crate::decision::{Key, at};

/// Turns outcomes into log lines and metrics, and says which of them deserve an event. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    metrics: Arc<Metrics>,
}

/// How work on one object ended. Texts are the operator's own words: the same as in the object's conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// A token was issued and is in its Secret.
    Issued {
        /// Why: one of the decision's words.
        cause: &'static str,
        /// The object had no token before.
        first: bool,
        /// When the token ends.
        expires_at: Timestamp,
        /// How long after it was due, for a renewal.
        delay: Option<Duration>,
    },
    /// The work ended without what it was for.
    Failed {
        /// Why.
        reason: Reason,
        /// Why, as a sentence with the next step in it.
        message: &'a str,
        /// When it is tried again, if by the clock.
        next_attempt_at: Option<Timestamp>,
        /// It was not so before: worth a warning and an event. Repetitions are logged at debug level.
        changed: bool,
    },
    /// What had failed works again.
    Recovered,
    /// A Secret that somebody had deleted or edited was put back.
    Restored,
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Whether it is bad news.
    pub severity: Severity,
    /// One word.
    pub reason: Reason,
    /// A sentence.
    pub note: String,
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All is well.
    Normal,
    /// It is not.
    Warning,
}

impl Reporter {
    /// Reports to these metrics, and to the log.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }

    /// Logs and counts the outcome; returns the event to post, where it is one of the transitions that deserve one.
    #[must_use]
    pub fn report(&self, key: &Key, outcome: &Outcome<'_>) -> Option<Announcement> {
        self.count(key, outcome);
        log(key, outcome);
        announcement(outcome)
    }

    /// A watch ended with an error, which may be an HTTP status; it goes on by itself.
    pub fn watch_failed(&self, stream: &'static str, http_status: Option<u16>) {
        self.metrics.watch_failed(stream);
        warn!(stream, http_status, "a watch ended with an error and is started again");
    }

    /// A watch had to list everything again.
    pub fn watch_restarted(&self, stream: &'static str) {
        self.metrics.watch_restarted(stream);
        info!(stream, "a watch lists everything again");
    }

    fn count(&self, key: &Key, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Issued { cause, delay, .. } => {
                self.metrics.issued(key.kind, cause);
                if let Some(delay) = delay {
                    self.metrics.renewed(key.kind, *delay);
                }
            }
            Outcome::Failed { reason, .. } => self.metrics.failed(key.kind, *reason),
            Outcome::Recovered => {}
            Outcome::Restored => self.metrics.restored(key.kind),
        }
    }
}

fn log(key: &Key, outcome: &Outcome<'_>) {
    let (kind, namespace, name) = (key.kind.as_str(), &*key.namespace, &*key.name);
    match outcome {
        Outcome::Issued { cause, expires_at, .. } => {
            info!(kind, namespace, name, cause, %expires_at, "issued a token");
        }
        Outcome::Failed { reason, message, next_attempt_at, changed } => {
            let (reason, next_attempt_at) = (reason.as_str(), next_attempt_at.map(tracing::field::display));
            if *changed {
                warn!(kind, namespace, name, reason, next_attempt_at, "{message}");
            } else {
                debug!(kind, namespace, name, reason, next_attempt_at, "{message}");
            }
        }
        Outcome::Recovered => info!(kind, namespace, name, "works again"),
        Outcome::Restored => info!(kind, namespace, name, "put the managed Secret back"),
    }
}

fn announcement(outcome: &Outcome<'_>) -> Option<Announcement> {
    let normal = |reason, note: String| Some(Announcement { severity: Severity::Normal, reason, note });
    match outcome {
        Outcome::Issued { first: true, expires_at, .. } => {
            normal(Reason::Issued, format!("Issued a token that is valid until {}.", at(*expires_at)))
        }
        Outcome::Failed { reason, message, changed: true, .. } => {
            Some(Announcement { severity: Severity::Warning, reason: *reason, note: (*message).to_owned() })
        }
        Outcome::Recovered => normal(Reason::Recovered, "What had failed works again.".into()),
        Outcome::Restored => normal(
            Reason::SecretRestored,
            "The managed Secret had been deleted or edited, and was put back.".into(),
        ),
        Outcome::Issued { first: false, .. } | Outcome::Failed { changed: false, .. } => None,
    }
}

#[cfg(test)]
mod tests;

//! Is the process alive, and is it ready? Alive: the loop came round lately. Ready: nothing is waited for any more.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What the loop says of itself, for the probes to read.
#[derive(Debug)]
pub struct Health {
    patience: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    last_beat: Instant,
    waits_for: BTreeSet<String>,
}

impl Health {
    /// Alive for as long as the loop beats at least once in `patience`; ready when everything in `waits_for` has arrived.
    /// Each is said to people as "waiting for …".
    pub fn new<S: Into<String>>(patience: Duration, waits_for: impl IntoIterator<Item = S>) -> Self {
        Self {
            patience,
            seen: Mutex::new(Seen {
                last_beat: Instant::now(),
                waits_for: waits_for.into_iter().map(Into::into).collect(),
            }),
        }
    }

    /// The loop came round. Also with nothing to do: at least three times in `patience`.
    pub fn beat(&self) {
        self.seen().last_beat = Instant::now();
    }

    /// Something more must arrive first.
    pub fn wait_for(&self, what: impl Into<String>) {
        self.seen().waits_for.insert(what.into());
    }

    /// It is here.
    pub fn arrived(&self, what: &str) {
        self.seen().waits_for.remove(what);
    }

    /// How long the loop has been silent, where that is longer than it may be.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        let silence = self.seen().last_beat.elapsed();
        (silence > self.patience).then_some(silence)
    }

    /// What is still waited for, in alphabetical order.
    #[must_use]
    pub fn waits_for(&self) -> Vec<String> {
        self.seen().waits_for.iter().cloned().collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;

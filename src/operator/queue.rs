//! Which object is worked on next? Pure: no client, runtime, clock or logger.
//!
//! A key is in one place at a time: idle, ready, or running. Waking a running key makes it run once more. Ready keys run in
//! the order in which they became ready, so none starves.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::decision::Key;
use crate::decision::schedule::later;

/// Keys that are ready, running, or due at a time.
#[derive(Debug, Default)]
pub struct Queue {
    ready: VecDeque<Key>,
    places: HashMap<Key, Place>,
    timers: BTreeSet<(Timestamp, Key)>,
    due: HashMap<Key, Timestamp>,
    /// The latest reading of the clock.
    passed: Timestamp,
}

/// A clock that goes back further than this was set.
const STEP: SignedDuration = SignedDuration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready,
    Running,
    /// Woken while it ran.
    RunningAgain,
}

impl Queue {
    /// Something changed for this key: it runs as soon as it can.
    pub fn wake(&mut self, key: Key) {
        match self.places.get(&key) {
            None => {
                self.places.insert(key.clone(), Place::Ready);
                self.ready.push_back(key);
            }
            Some(Place::Running) => {
                self.places.insert(key, Place::RunningAgain);
            }
            Some(Place::Ready | Place::RunningAgain) => {}
        }
    }

    /// A look at this key at that time, unless one is arranged for earlier.
    pub fn wake_by(&mut self, key: &Key, at: Timestamp) {
        if self.due.get(key).is_none_or(|due| *due > at) {
            self.wake_at(key, Some(at));
        }
    }

    /// The next look at this key; replaces an earlier arrangement.
    pub fn wake_at(&mut self, key: &Key, at: Option<Timestamp>) {
        if let Some(before) = self.due.remove(key) {
            self.timers.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.due.insert(key.clone(), at);
            self.timers.insert((at, key.clone()));
        }
    }

    /// The instant of the next look that was arranged.
    #[must_use]
    pub fn next_look(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Wakes what is due. After a step of the clock backwards that is everything: what was arranged means nothing any more.
    pub fn pass(&mut self, now: Timestamp) {
        let stepped_back = later(now, STEP) < self.passed;
        self.passed = now;
        if stepped_back {
            let all: Vec<Key> = std::mem::take(&mut self.due).into_keys().collect();
            self.timers.clear();
            for key in all {
                self.wake(key);
            }
        }
        while let Some((at, _)) = self.timers.first()
            && *at <= now
        {
            if let Some((_, key)) = self.timers.pop_first() {
                self.due.remove(&key);
                self.wake(key);
            }
        }
    }

    /// The key to work on. It runs until [`Queue::done`].
    pub fn take(&mut self) -> Option<Key> {
        let key = self.ready.pop_front()?;
        self.places.insert(key.clone(), Place::Running);
        Some(key)
    }

    /// The work on this key has come to a wait.
    pub fn done(&mut self, key: &Key) {
        match self.places.get(key) {
            Some(Place::Running) => {
                self.places.remove(key);
            }
            Some(Place::RunningAgain) => {
                self.places.remove(key);
                self.wake(key.clone());
            }
            // Not running: whoever says so twice takes nobody's place in the line.
            Some(Place::Ready) | None => {}
        }
    }

    /// How many keys are ready, arranged for later, and running.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        (self.ready.len(), self.timers.len(), self.places.len() - self.ready.len())
    }
}

#[cfg(test)]
mod tests;

//! Which object is worked on next? Pure: no client, runtime, clock or logger.
//!
//! A key is in one place at a time: idle, ready, or running. Waking a running key makes it run once more. Ready keys run in
//! the order in which they became ready, but for those that a gate or the slots have called, whose permits
//! or places nobody else can use meanwhile: they go first, and there are no more of them at once than permits and places. So none starves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::decision::Key;
use crate::decision::schedule::later;

/// Keys that are ready, running, or due at a time.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    ready: BTreeMap<Turn, Key>,
    /// The number of the turn that was given out last.
    turn: u64,
    places: HashMap<Key, Place>,
    timers: BTreeSet<(Timestamp, Key)>,
    due: HashMap<Key, Timestamp>,
    /// The latest reading of the clock.
    passed: Timestamp,
}

/// A clock that goes back further than this was set.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// When a ready key runs: by rank, then in turn.
type Turn = (Rank, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    First,
    InTurn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ready(Turn),
    Running,
    /// Woken while it ran.
    RunningAgain(Rank),
}

impl Queue {
    /// Something changed for this key: it runs as soon as it can.
    pub fn wake(&mut self, key: Key) {
        self.wake_as(key, Rank::InTurn);
    }

    /// As [`Queue::wake`], before all that are ready and were not woken so.
    pub fn wake_first(&mut self, key: Key) {
        self.wake_as(key, Rank::First);
    }

    fn wake_as(&mut self, key: Key, rank: Rank) {
        let place = match self.places.get(&key) {
            Some(Place::Ready((before, _))) if *before <= rank => return,
            Some(Place::Running) => Place::RunningAgain(rank),
            Some(Place::RunningAgain(before)) => Place::RunningAgain(rank.min(*before)),
            ready_or_idle => {
                if let Some(Place::Ready(turn)) = ready_or_idle {
                    self.ready.remove(turn);
                }
                self.turn += 1;
                self.ready.insert((rank, self.turn), key.clone());
                Place::Ready((rank, self.turn))
            }
        };
        self.places.insert(key, place);
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
            self.due.clear();
            for (_, key) in std::mem::take(&mut self.timers) {
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
        let (_, key) = self.ready.pop_first()?;
        self.places.insert(key.clone(), Place::Running);
        Some(key)
    }

    /// The work on this key has come to a wait.
    pub fn done(&mut self, key: &Key) {
        match self.places.get(key) {
            Some(Place::Running) => {
                self.places.remove(key);
            }
            Some(Place::RunningAgain(rank)) => {
                let rank = *rank;
                self.places.remove(key);
                self.wake_as(key.clone(), rank);
            }
            // Not running: whoever says so twice takes nobody's place in the line.
            Some(Place::Ready(_)) | None => {}
        }
    }

    /// Whether something is under way for this key.
    #[must_use]
    pub fn runs(&self, key: &Key) -> bool {
        matches!(self.places.get(key), Some(Place::Running | Place::RunningAgain(_)))
    }

    /// How many keys are ready, arranged for later, and running.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        (self.ready.len(), self.timers.len(), self.places.len() - self.ready.len())
    }
}

#[cfg(test)]
mod tests;

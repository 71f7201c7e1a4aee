//! Who may call the authentication service now? The gates of behaviour §4.4, and the parking of an unwell origin, §4.2.
//! Pure: no client, runtime, clock or logger; the time is an argument, and may be set back or forward.
//!
//! A step that needs the service waits here as a key, not as a sleeping task. A key whose turn has come is called: it is
//! decided again, and asks again. Its permits are kept for it until it does, or gives up; only if the origin turns out to be
//! unwell before that, it is back in line.
//!
//! In reading order: `line` (who is next), `bucket` (how many a second), `crowd` (how many at once), `health` (whether at all),
//! `door` (all four, for one origin).

mod bucket;
mod crowd;
mod door;
mod health;
mod line;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::auth::Origin;
use crate::decision::{Key, Parked, Urgency};
use door::Door;

/// The most calls that a step makes together: an exchange takes its two permits at once. No gate lets fewer through, or
/// that step would wait for ever.
pub const MOST_AT_ONCE: u32 = 2;

/// How much an origin is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls that begin per second; 0: no limit.
    pub per_second: u32,
    /// Calls that may begin at once after a quiet time; none after a start.
    pub burst: u32,
    /// Calls in flight.
    pub in_flight: u32,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// How many calls it makes.
    pub permits: u32,
    /// Who goes first.
    pub urgency: Urgency,
    /// When the first token ends that is lost by waiting.
    pub expires_at: Option<Timestamp>,
}

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Asked {
    /// Go, and [`Gates::leave`] when done. Otherwise the key is in line, and is called when its turn comes.
    pub through: bool,
    /// Other keys whose turn has come.
    pub called: Vec<Key>,
}

/// What the calls of a key that was let through say about the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered. Whether it gave a token is another matter.
    Served,
    /// It asks for fewer calls.
    Throttled {
        /// How long it asks to wait, if it does.
        retry_after: Option<SignedDuration>,
    },
    /// No connection, no answer in time, or one that says that it is out of order.
    Unreachable,
    /// Nothing: the call was not made, or it is not known how it ended.
    Unheard,
}

/// How full a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Calls in flight, or about to be.
    pub in_flight: u32,
    /// How many there may be by now.
    pub cap: u32,
    /// Keys that wait.
    pub waiting: usize,
    /// The origin is unwell.
    pub is_parked: bool,
}

/// The gates of all origins.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    limits: Limits,
    /// Kept for good: there are no more than the operator was allowed to call.
    doors: BTreeMap<Origin, Door>,
    /// Where each key that is in line, called or through is.
    keys: HashMap<Key, Origin>,
}

impl Gates {
    /// Gates that nobody has passed yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let Limits { per_second, burst, in_flight } = limits;
        let limits =
            Limits { per_second, burst: burst.max(MOST_AT_ONCE), in_flight: in_flight.max(MOST_AT_ONCE) };
        Self { limits, ..Self::default() }
    }

    /// Asks for permits, all at once. A key in line whose need has changed keeps its arrival, and has the place that its need
    /// gives it now.
    pub fn ask(&mut self, origin: &Origin, key: &Key, need: Need, now: Timestamp) -> Asked {
        let moved = self.keys.get(key).is_some_and(|at| at != origin);
        let mut called = if moved { self.give_up(key, now) } else { Vec::new() };
        self.keys.insert(key.clone(), origin.clone());
        let limits = self.limits;
        let door = self.doors.entry(origin.clone()).or_insert_with(|| Door::new(origin.clone(), limits, now));
        let asked = door.ask(key, need, now);
        called.extend(asked.called);
        Asked { through: asked.through, called }
    }

    /// A key that was let through is done, and so it went. Returns the keys whose turn has come.
    pub fn leave(&mut self, key: &Key, verdict: Verdict, now: Timestamp) -> Vec<Key> {
        let door = self.keys.remove(key).and_then(|origin| self.doors.get_mut(&origin));
        door.map(|door| door.leave(key, verdict, now)).unwrap_or_default()
    }

    /// A key no longer needs the service. Returns the keys whose turn has come.
    pub fn give_up(&mut self, key: &Key, now: Timestamp) -> Vec<Key> {
        self.leave(key, Verdict::Unheard, now)
    }

    /// Calls the keys whose turn has come with time.
    pub fn pass(&mut self, now: Timestamp) -> Vec<Key> {
        self.doors.values_mut().flat_map(|door| door.pass(now)).collect()
    }

    /// When [`Gates::pass`] will call somebody, unless something else happens before. `None`: time alone changes nothing.
    #[must_use]
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.doors.values().filter_map(|door| door.next_opening(now)).min()
    }

    /// What is known of an origin that is unwell; `None`: nothing bad.
    #[must_use]
    pub fn parked(&self, origin: &Origin) -> Option<Parked> {
        self.doors.get(origin)?.parked()
    }

    /// The keys in line at an origin's gate.
    pub fn waiting(&self, origin: &Origin) -> impl Iterator<Item = &Key> {
        self.doors.get(origin).into_iter().flat_map(Door::waiting)
    }

    /// How full each gate is that was ever asked for.
    pub fn occupancy(&self) -> impl Iterator<Item = (&Origin, Load)> {
        self.doors.iter().map(|(origin, door)| (origin, door.load()))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_second: 25, burst: 50, in_flight: 32 }
    }
}

impl Asked {
    fn through() -> Self {
        Self { through: true, called: Vec::new() }
    }
}

#[cfg(test)]
mod tests;

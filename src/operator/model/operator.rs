//! What would the loop do? The same turns as `run`'s, one after the other, with `now` as a value and the order of what is in
//! flight left to whoever drives it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::apply::{Aftermath, apply};
use super::super::decide::{Decision, NewStatus, Publish, Rest, decide};
use super::super::effect::{Effect, Outcome};
use super::super::gate::Gates;
use super::super::observe::Observer;
use super::super::offers;
use super::super::queue::Queue;
use super::feed::{STREAMS, stream};
use crate::cluster::watch::Change;
use crate::decision::Key;
use crate::decision::schedule::later;
use crate::state::{Settings, State};

/// One process of the operator.
pub(in super::super) struct Operator {
    pub state: State,
    pub queue: Queue,
    gates: Gates,
    observer: Observer,
    pub flights: BTreeMap<Key, Flight>,
    /// How often it was announced that somebody's deletion or edit was undone.
    pub restored: usize,
}

/// Something under way outside.
pub(in super::super) enum Flight {
    /// Not done yet.
    Leaving(Effect, Option<NewStatus>),
    /// Done; its outcome is on its way back.
    Coming(Outcome, Option<NewStatus>),
}

impl Operator {
    pub(in super::super) fn new(settings: Settings) -> Self {
        Self {
            state: State::new(settings),
            queue: Queue::default(),
            gates: Gates::default(),
            observer: Observer::new(STREAMS.map(stream)),
            flights: BTreeMap::new(),
            restored: 0,
        }
    }

    pub(in super::super) fn take(&mut self, change: Change) {
        for key in self.observer.take(&mut self.state, change) {
            self.queue.wake(key);
        }
    }

    /// One turn of one key that is ready; `false`: there is none.
    pub(in super::super) fn turn_next(&mut self, now: Timestamp) -> bool {
        if !self.observer.is_complete() {
            return false;
        }
        self.queue.pass(now);
        let Some(key) = self.queue.take() else {
            return false;
        };
        if self.observer.sees(&key.namespace) {
            self.turn(key, now);
        } else {
            self.queue.done(&key);
        }
        true
    }

    fn turn(&mut self, key: Key, now: Timestamp) {
        let woken = offers::refresh(&mut self.state, &key, now);
        self.wake_all(woken);
        let decision = decide(&self.state, &key, now);
        if !matches!(decision, Some(Decision::Call { .. })) {
            let called = self.gates.give_up(&key);
            self.wake_all(called);
        }
        match decision {
            None => {
                self.queue.wake_at(&key, None);
                self.queue.done(&key);
            }
            Some(Decision::Act(effect)) => self.fly(key, effect, None),
            Some(Decision::Call { origin, permits, effect, meanwhile }) => {
                let asked = self.gates.ask(&origin, &key, permits);
                self.wake_all(asked.called);
                if asked.through {
                    self.fly(key, effect, None);
                } else {
                    self.rest(key, meanwhile);
                }
            }
            Some(Decision::DropHeld) => {
                if let Some(object) = self.state.object_mut(&key) {
                    object.work.held = None;
                }
                self.queue.done(&key);
                self.queue.wake(key);
            }
            Some(Decision::Rest(rest)) => self.rest(key, rest),
        }
    }

    fn rest(&mut self, key: Key, rest: Rest) {
        self.queue.wake_at(&key, rest.until);
        if rest.waits {
            let credentials: Vec<Key> = crate::scoped_token::waits_for(&self.state, &key).cloned().collect();
            for credential in credentials {
                if self.state.wait_for(&credential, &key) {
                    self.queue.wake(credential);
                }
            }
        }
        let version = self.state.object(&key).map(|object| object.meta.version);
        match (rest.publish, version) {
            (Some(Publish { patch, status, .. }), Some(version)) => {
                let effect = Effect::Status { key: key.clone(), version, patch };
                self.fly(key, effect, Some(status));
            }
            _ => self.queue.done(&key),
        }
    }

    fn fly(&mut self, key: Key, effect: Effect, status: Option<NewStatus>) {
        let flight = Flight::Leaving(effect, status);
        assert!(self.flights.insert(key, flight).is_none(), "two effects at once for one key");
    }

    /// An outcome is back.
    pub(in super::super) fn land(
        &mut self,
        key: Key,
        outcome: Outcome,
        status: Option<NewStatus>,
        now: Timestamp,
    ) {
        if status.is_none() {
            let called = self.gates.leave(&key);
            self.wake_all(called);
        }
        let Outcome::Published(result) = outcome else {
            let Aftermath { wake, restored } = apply(&mut self.state, &key, outcome, now);
            self.restored += usize::from(restored);
            self.wake_all(wake);
            return self.turn(key, now);
        };
        match (result, status) {
            (Ok(version), Some(status)) => {
                if let Some(object) = self.state.object_mut(&key) {
                    object.meta.version = object.meta.version.max(version);
                    object.work.published_at = Some(now);
                    status.keep(object);
                }
            }
            _ => self.queue.wake_at(&key, Some(later(now, SignedDuration::from_secs(2)))),
        }
        self.queue.done(&key);
    }

    fn wake_all(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake(key);
        }
    }
}

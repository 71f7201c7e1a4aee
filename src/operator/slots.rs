//! Whose effect may begin, and who waits for a place? Pure: no client, runtime, clock or logger.
//!
//! An effect lasts as long as the API server takes for it, and a webhook may take long for the objects of one namespace: the others
//! are not to wait for that. So a namespace has no more effects in flight than there are places left. Alone it may have half of
//! them all; three that hang have a quarter each, and a quarter stays free.
//!
//! Whoever waits is called in the order of coming, first in the namespace that has the fewest. Its place is kept for it until its
//! turn has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::decision::Key;

/// The effects in flight at the same time.
const ALL: usize = 64;

/// Who has a place, and who waits for one.
#[derive(Debug, Default)]
pub struct Slots {
    /// The places that are taken, or kept for those who were called.
    taken: usize,
    /// The number of the turn that was given out last.
    turn: u64,
    shares: HashMap<Arc<str>, Share>,
    /// The namespaces in which somebody waits, by the places they have and then by the turn of the first who waits.
    waiting: BTreeSet<(usize, u64, Arc<str>)>,
    /// Who waits or was called.
    keys: HashMap<Key, Waits>,
}

/// What one namespace has.
#[derive(Debug, Default)]
struct Share {
    taken: usize,
    line: BTreeMap<u64, Key>,
}

#[derive(Clone, Copy, Debug)]
enum Waits {
    /// In line, at this turn.
    InLine(u64),
    /// A place is kept for it.
    Called,
}

impl Slots {
    /// An effect of this key wants to begin. If it may not, the key waits in line; if it may, it has a place until
    /// [`Slots::end`].
    pub fn ask(&mut self, key: &Key) -> bool {
        let waits = self.keys.get(key).copied();
        if let Some(Waits::Called) = waits {
            self.keys.remove(key);
            return true;
        }
        let may = self.has_room(self.shares.get(&key.namespace).map_or(0, |share| share.taken));
        if may {
            self.give_up(key);
            self.begin(&key.namespace);
        } else if waits.is_none() {
            self.turn += 1;
            let turn = self.turn;
            self.keys.insert(key.clone(), Waits::InLine(turn));
            self.change(&key.namespace, |share| share.line.insert(turn, key.clone()));
        }
        may
    }

    /// This key wants to begin nothing now.
    pub fn give_up(&mut self, key: &Key) {
        match self.keys.remove(key) {
            Some(Waits::Called) => self.end(&key.namespace),
            Some(Waits::InLine(turn)) => {
                self.change(&key.namespace, |share| share.line.remove(&turn));
            }
            None => {}
        }
    }

    /// Who looks next whether its effect still is to begin: a place is kept for it.
    pub fn call(&mut self) -> Option<Key> {
        let (taken, turn, namespace) = self.waiting.first()?.clone();
        if !self.has_room(taken) {
            return None;
        }
        let called = self.change(&namespace, |share| share.line.remove(&turn));
        self.begin(&namespace);
        called.inspect(|key| {
            self.keys.insert(key.clone(), Waits::Called);
        })
    }

    /// An effect of this namespace begins, whether or not there is room.
    pub fn begin(&mut self, namespace: &Arc<str>) {
        self.taken += 1;
        self.change(namespace, |share| share.taken += 1);
    }

    /// One has ended.
    pub fn end(&mut self, namespace: &Arc<str>) {
        self.taken -= 1;
        self.change(namespace, |share| share.taken -= 1);
    }

    /// How many places are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// There is no more waiting. Returns those who did.
    pub fn leave(&mut self) -> BTreeSet<Key> {
        let waited: BTreeSet<Key> = self.keys.keys().cloned().collect();
        for key in &waited {
            self.give_up(key);
        }
        waited
    }

    fn has_room(&self, taken: usize) -> bool {
        taken + self.taken < ALL
    }

    /// What a namespace has, and its place among those in which somebody waits.
    fn change<T>(&mut self, namespace: &Arc<str>, change: impl FnOnce(&mut Share) -> T) -> T {
        let share = self.shares.entry(namespace.clone()).or_default();
        let place = |share: &Share| {
            share.line.first_key_value().map(|(turn, _)| (share.taken, *turn, namespace.clone()))
        };
        if let Some(before) = place(share) {
            self.waiting.remove(&before);
        }
        let changed = change(share);
        self.waiting.extend(place(share));
        if share.taken == 0 && share.line.is_empty() {
            self.shares.remove(namespace);
        }
        changed
    }
}

#[cfg(test)]
mod tests;

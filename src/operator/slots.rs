//! Whose effect may begin, and who waits for a place? Pure: no client, runtime, clock or logger.
//!
//! An effect lasts as long as the API server takes for it, and a webhook may take long for the objects of one namespace: the others
//! are not to wait for that. So a namespace has no more effects in flight than there are places left. Alone it may have half of
//! them all; three that hang have a quarter each, and a quarter stays free.
//!
//! Whoever waits is called in turn, first in the namespace that has the fewest: by turns who writes a token, and who does anything
//! else, so that no token waits behind ten thousand statuses. Its place is kept for it until its turn has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::decision::Key;

/// The effects in flight at the same time.
const ALL: usize = 64;

/// What a place is wanted for. Tokens go first, and leave every second turn to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// To write a token.
    Token,
    /// Anything else.
    Other,
}

/// Who has a place, and who waits for one.
#[derive(Debug, Default)]
pub struct Slots {
    /// The places that are taken, or kept for those who were called.
    taken: usize,
    /// The number of the turn that was given out last.
    turn: u64,
    shares: HashMap<Arc<str>, Share>,
    /// The namespaces in which somebody waits, by the places they have and then by the number of whoever is next there.
    waiting: BTreeSet<(usize, u64, Arc<str>)>,
    /// Who waits or was called.
    keys: HashMap<Key, Waits>,
}

/// What one namespace has.
#[derive(Debug, Default)]
struct Share {
    taken: usize,
    line: BTreeMap<Turn, Key>,
    /// Who was called last writes a token.
    token_was_last: bool,
}

/// A place in line.
type Turn = (Want, u64);

#[derive(Clone, Copy, Debug)]
enum Waits {
    /// In line, at this turn.
    InLine(Turn),
    /// A place is kept for it.
    Called,
}

impl Slots {
    /// An effect of this key wants to begin. If it may not, the key waits in line; if it may, it has a place until
    /// [`Slots::end`].
    pub fn ask(&mut self, key: &Key, want: Want) -> bool {
        if let Some(Waits::Called) = self.keys.get(key) {
            self.keys.remove(key);
            return true;
        }
        let may = self.has_room(self.shares.get(&key.namespace).map_or(0, |share| share.taken));
        if may {
            self.give_up(key);
            self.begin(&key.namespace);
        } else {
            self.wait(key, want);
        }
        may
    }

    /// Whoever waits already keeps its turn.
    fn wait(&mut self, key: &Key, want: Want) {
        let before = match self.keys.get(key) {
            Some(Waits::InLine(turn)) => Some(*turn),
            _ => None,
        };
        let number = before.map_or(self.turn + 1, |(_, number)| number);
        self.turn = self.turn.max(number);
        let turn = (want, number);
        self.keys.insert(key.clone(), Waits::InLine(turn));
        self.change(&key.namespace, |share| {
            before.and_then(|before| share.line.remove(&before));
            share.line.insert(turn, key.clone());
        });
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
        let (taken, _, namespace) = self.waiting.first()?.clone();
        if !self.has_room(taken) {
            return None;
        }
        let key = self.change(&namespace, Share::call)?;
        self.begin(&namespace);
        self.keys.insert(key.clone(), Waits::Called);
        Some(key)
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

    /// There is no more waiting.
    pub fn leave(&mut self) {
        for key in self.keys.keys().cloned().collect::<Vec<_>>() {
            self.give_up(&key);
        }
    }

    fn has_room(&self, taken: usize) -> bool {
        taken + self.taken < ALL
    }

    /// What a namespace has, and its place among those in which somebody waits.
    fn change<T>(&mut self, namespace: &Arc<str>, change: impl FnOnce(&mut Share) -> T) -> T {
        let share = self.shares.entry(namespace.clone()).or_default();
        let place = |share: &Share| share.next().map(|(_, number)| (share.taken, number, namespace.clone()));
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

impl Share {
    /// Whose turn it is.
    fn next(&self) -> Option<Turn> {
        let (first, _) = self.line.first_key_value()?;
        let other = self.line.range((Want::Other, 0)..).next().map(|(turn, _)| turn);
        other.filter(|_| self.token_was_last).or(Some(first)).copied()
    }

    fn call(&mut self) -> Option<Key> {
        let turn = self.next()?;
        self.token_was_last = turn.0 == Want::Token;
        self.line.remove(&turn)
    }
}

#[cfg(test)]
mod tests;

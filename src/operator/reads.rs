//! Which Secret is read whole next? Pure: no client, runtime, clock or logger.
//!
//! A whole Secret may be a megabyte and more, and a start wants every client Secret at once. Few are read together; the others
//! are in a line of Secrets, in the order in which they were first wanted. However many keys want one Secret, it is read once,
//! and all who want it by then are told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::decision::Key;
use crate::state::SecretName;

/// Secrets that are read whole at the same time.
const AT_ONCE: usize = 8;

/// Who wants to read what.
#[derive(Debug, Default)]
pub struct Reads {
    /// The Secrets that wait, by their turns.
    line: BTreeMap<u64, SecretName>,
    /// The number of the turn that was given out last.
    turn: u64,
    wanted: HashMap<SecretName, Wanted>,
    /// What each key waits for.
    readers: HashMap<Key, SecretName>,
}

/// A Secret that is to be read.
#[derive(Debug, Default)]
struct Wanted {
    by: BTreeSet<Key>,
    /// Its place in the line; `None`: it is being read.
    turn: Option<u64>,
}

impl Reads {
    /// A key wants to read this Secret, and no other. Returns whether that is done at once: otherwise it waits.
    pub fn want(&mut self, key: &Key, secret: &SecretName) -> bool {
        if self.readers.get(key) != Some(secret) {
            self.give_up(key);
            self.readers.insert(key.clone(), secret.clone());
        }
        let room = self.line.len() < self.room();
        let wanted = self.wanted.entry(secret.clone()).or_insert_with(|| {
            self.turn += 1;
            self.line.insert(self.turn, secret.clone());
            Wanted { by: BTreeSet::new(), turn: Some(self.turn) }
        });
        wanted.by.insert(key.clone());
        room || wanted.turn.is_none()
    }

    /// A key wants to read nothing any more. A Secret that nobody else wants leaves the line.
    pub fn give_up(&mut self, key: &Key) {
        let Some(secret) = self.readers.remove(key) else { return };
        let Some(wanted) = self.wanted.get_mut(&secret) else { return };
        wanted.by.remove(key);
        if let Some(turn) = wanted.turn.filter(|_| wanted.by.is_empty()) {
            self.line.remove(&turn);
            self.wanted.remove(&secret);
        }
    }

    /// The Secret to read now, until [`Reads::done`].
    pub fn begin(&mut self) -> Option<SecretName> {
        if self.room() == 0 {
            return None;
        }
        let (_, secret) = self.line.pop_first()?;
        if let Some(wanted) = self.wanted.get_mut(&secret) {
            wanted.turn = None;
        }
        Some(secret)
    }

    /// Those who want this one.
    pub fn wanted_by(&self, secret: &SecretName) -> impl Iterator<Item = &Key> {
        self.wanted.get(secret).into_iter().flat_map(|wanted| &wanted.by)
    }

    /// It was read. Returns those who want to know.
    pub fn done(&mut self, secret: &SecretName) -> BTreeSet<Key> {
        let by = self.wanted.remove(secret).map(|wanted| wanted.by).unwrap_or_default();
        for key in &by {
            self.readers.remove(key);
        }
        by
    }

    /// How many are being read.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.wanted.len() - self.line.len()
    }

    fn room(&self) -> usize {
        AT_ONCE.saturating_sub(self.under_way())
    }
}

#[cfg(test)]
mod tests;

//! Which rights are missing, who waits for them, and when is it asked whether they were given back? Pure: no client, runtime, clock
//! or logger.
//!
//! An attempt without a right is refused, and delayed the longer the more of them there were. However many objects lack one right,
//! one question in ten seconds finds out that it is there again, and then they all look.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::decision::schedule::later;
use crate::decision::{Key, Right};

/// How often it is asked for a right (behaviour §6.4: 15 s after it was given back all is well).
const EVERY: SignedDuration = SignedDuration::from_secs(10);

/// The rights that are missing.
#[derive(Debug, Default)]
pub struct Rights {
    missing: BTreeMap<Right, Missing>,
}

#[derive(Debug)]
struct Missing {
    /// Who was refused.
    refused: BTreeSet<Key>,
    /// The server has said that the right itself is missing: it may have been something else.
    is_certain: bool,
    /// When it is asked; `None`: it is being asked.
    at: Option<Timestamp>,
}

impl Rights {
    /// This object was refused, perhaps for want of this right, or certainly.
    pub fn miss(&mut self, right: Right, key: Key, is_certain: bool, now: Timestamp) {
        let missing = self.missing.entry(right).or_insert_with(|| Missing {
            refused: BTreeSet::new(),
            is_certain: false,
            at: Some(later(now, EVERY)),
        });
        missing.refused.insert(key);
        missing.is_certain |= is_certain;
    }

    /// The right to ask for now, for one of those who are there still, until [`Rights::answered`].
    pub fn ask(&mut self, now: Timestamp, is_there: impl Fn(&Key) -> bool) -> Option<(Right, Key)> {
        loop {
            // One that lies further ahead was arranged by a clock that was set back since.
            let is_due = |at: Timestamp| at <= now || at > later(now, EVERY);
            let (right, missing) = self.missing.iter_mut().find(|(_, it)| it.at.is_some_and(is_due))?;
            let right = right.clone();
            missing.refused.retain(&is_there);
            if let Some(key) = missing.refused.first() {
                missing.at = None;
                return Some((right, key.clone()));
            }
            self.missing.remove(&right);
        }
    }

    /// What the server said; `None`: nothing. Returns who looks again: those who lacked what they have now.
    pub fn answered(&mut self, right: &Right, allowed: Option<bool>, now: Timestamp) -> BTreeSet<Key> {
        if allowed == Some(true) {
            // It was something else, such as an admission: whoever was refused keeps its own times.
            let given = self.missing.remove(right).filter(|it| it.is_certain);
            return given.map(|it| it.refused).unwrap_or_default();
        }
        if let Some(missing) = self.missing.get_mut(right) {
            missing.is_certain |= allowed == Some(false);
            missing.at = Some(later(now, EVERY));
        }
        BTreeSet::new()
    }

    /// When it is asked next.
    #[must_use]
    pub fn next_question(&self) -> Option<Timestamp> {
        self.missing.values().filter_map(|it| it.at).min()
    }
}

#[cfg(test)]
mod tests;

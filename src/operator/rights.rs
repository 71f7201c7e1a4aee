//! Which rights are missing, who waits for them, and when is it asked whether they were given back? Pure: no client, runtime, clock
//! or logger.
//!
//! An attempt without a right is refused, and delayed the longer the more of them there were. However many objects lack one right,
//! one question in ten seconds finds out that it is there again, and then they all look.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::decision::schedule::later;
use crate::decision::{Key, Right};

/// How often it is asked for a right: 15 s after it was given back all is to be well.
const EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Where so many are missing that this is more often than the questions of all may come, each waits for longer.
const FOR_EACH: SignedDuration = SignedDuration::from_millis(100);
/// Questions that are asked at the same time: one that hangs keeps nobody from anything but these.
const AT_ONCE: usize = 4;

/// The rights that are missing.
#[derive(Debug, Default)]
pub struct Rights {
    missing: BTreeMap<Right, Missing>,
    /// When each is asked for that is not being asked for.
    due: BTreeSet<(Timestamp, Right)>,
}

#[derive(Debug, Default)]
struct Missing {
    /// Who was refused.
    refused: BTreeSet<Key>,
    /// The server has said that the right itself is missing: it may have been something else.
    is_certain: bool,
}

impl Rights {
    /// This object was refused, perhaps for want of this right, or certainly.
    pub fn miss(&mut self, right: Right, key: Key, is_certain: bool, now: Timestamp) {
        if !self.missing.contains_key(&right) {
            self.due.insert((later(now, EVERY), right.clone()));
        }
        let missing = self.missing.entry(right).or_default();
        missing.refused.insert(key);
        missing.is_certain |= is_certain;
    }

    /// The right to ask for now, for the first of those who lack it still, until [`Rights::answered`].
    pub fn ask(&mut self, now: Timestamp, lacks: impl Fn(&Key, &Right) -> bool) -> Option<(Right, Key)> {
        while self.asking() < AT_ONCE {
            let (at, _) = self.due.first()?;
            // One that lies further ahead was arranged by a clock that was set back since.
            if *at > now && *at <= later(now, self.interval()) {
                return None;
            }
            let (_, right) = self.due.pop_first()?;
            let missing = self.missing.get_mut(&right)?;
            missing.refused.retain(|key| lacks(key, &right));
            if let Some(key) = missing.refused.first() {
                return Some((right, key.clone()));
            }
            self.missing.remove(&right);
        }
        None
    }

    /// What the server said; `None`: nothing. Returns who looks again: those who lacked what they have now.
    pub fn answered(&mut self, right: &Right, allowed: Option<bool>, now: Timestamp) -> BTreeSet<Key> {
        if allowed == Some(true) {
            // It was something else, such as an admission: whoever was refused keeps its own times.
            let given = self.missing.remove(right).filter(|it| it.is_certain);
            return given.map(|it| it.refused).unwrap_or_default();
        }
        let next = later(now, self.interval());
        if let Some(missing) = self.missing.get_mut(right) {
            missing.is_certain |= allowed == Some(false);
            self.due.insert((next, right.clone()));
        }
        BTreeSet::new()
    }

    /// When it is asked next.
    #[must_use]
    pub fn next_question(&self) -> Option<Timestamp> {
        let (at, _) = self.due.first().filter(|_| self.asking() < AT_ONCE)?;
        Some(*at)
    }

    fn asking(&self) -> usize {
        self.missing.len() - self.due.len()
    }

    fn interval(&self) -> SignedDuration {
        EVERY.max(FOR_EACH * i32::try_from(self.missing.len()).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests;

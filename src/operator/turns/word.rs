//! What is said of an object while a call for it is out? A key has one effect at a time, and a call may hang for half a minute:
//! when the token ends that it is to replace, that is said beside it (behaviour §2.4), once for each call. Pure, as all turns are.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::decide::Decision;
use super::{Landed, Told, Turn, Turns, Work};
use crate::decision::schedule::later;
use crate::decision::{Key, ResourceVersion};
use crate::state::Object;

/// What may have to be said.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// When the token ends that each call is to replace, or a moment after the call if it has already, until then or until the
    /// call is back.
    ends: BTreeMap<Key, Timestamp>,
}

impl Words {
    /// A call goes out, during which something is to be said then.
    pub(super) fn expect(&mut self, key: &Key, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.ends.insert(key.clone(), at);
        }
    }

    /// The call is back: from here on its object speaks for itself.
    pub(super) fn forget(&mut self, key: &Key) {
        self.ends.remove(key);
    }

    /// The clock was set by so much: one that was set back shows an end as still to come.
    pub(super) fn shift(&mut self, by: SignedDuration) {
        for end in self.ends.values_mut() {
            *end = later(*end, by.min(SignedDuration::ZERO));
        }
    }

    /// When the first of these tokens ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.values().min().copied()
    }

    /// An object whose token has ended.
    fn ended(&mut self, now: Timestamp) -> Option<Key> {
        let key = self.ends.iter().find(|(_, end)| **end <= now).map(|(key, _)| key.clone())?;
        self.ends.remove(&key);
        Some(key)
    }
}

impl Turns {
    /// The next status to write beside a call.
    pub(super) fn next_word(&mut self, now: Timestamp) -> Option<Turn> {
        while let Some(key) = self.words.ended(now) {
            // What panics now does so again once the call is back, and is told then.
            let publish = self.think(&key, now).ok().flatten().and_then(Decision::publish);
            let said_good = self.state.object(&key).is_some_and(Object::says_ready);
            let word = publish.filter(|_| said_good).and_then(|publish| self.publishing(&key, publish));
            if let Some((effect, told)) = word {
                // There are no more of them than calls.
                return Some(self.act(key, effect, Work::Word(told)));
            }
        }
        None
    }

    /// It was said. Where it was not, it is said with what the call leads to.
    pub(super) fn word_landed(
        &mut self,
        key: Key,
        version: ResourceVersion,
        told: Told,
        now: Timestamp,
    ) -> Landed {
        self.keep(&key, version, &told.1, now);
        // Should the call have overtaken it, what was said of its outcome was held against what the object said before.
        self.queue.wake(key);
        Landed { told: Some(told), ..Landed::then(Turn::Rest) }
    }
}

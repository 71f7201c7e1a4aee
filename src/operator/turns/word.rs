//! What is said of an object while a call for it is out? A key has one effect at a time, and a call may hang for half a minute:
//! when the token ends that it is to replace, that is said beside it (behaviour §2.4), once for each call. Pure, as all turns are.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::decide::Decision;
use super::super::effect::Outcome;
use super::{Landed, Ticket, Turn, Turns};
use crate::decision::Key;
use crate::state::Object;

/// What may have to be said, and what is being said.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// When the token ends that each call is to replace, until it has ended or the call is back.
    ends: HashMap<Key, Timestamp>,
    under_way: usize,
}

impl Words {
    /// A call goes out while there is a token that ends then.
    pub(super) fn expect(&mut self, key: &Key, ends: Option<Timestamp>, now: Timestamp) {
        if let Some(end) = ends.filter(|end| *end > now) {
            self.ends.insert(key.clone(), end);
        }
    }

    /// The call is back: from here on its object speaks for itself.
    pub(super) fn forget(&mut self, key: &Key) {
        self.ends.remove(key);
    }

    /// When the first of these tokens ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.values().min().copied()
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
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
                self.words.under_way += 1;
                let ticket = Ticket { beside: true, ..self.ticket(key, Some(told)) };
                return Some(Turn::Act(ticket, Box::new(effect)));
            }
        }
        None
    }

    /// It was said, or not: then it is said with what the call leads to.
    pub(super) fn word_landed(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) -> Landed {
        self.words.under_way = self.words.under_way.saturating_sub(1);
        let mut landed = Landed { restored: false, told: None, next: Turn::Rest };
        if !self.is_current(&ticket) {
            return landed;
        }
        if let (Some(told), Outcome::Published(Ok(version))) = (ticket.told, outcome) {
            self.keep(&ticket.key, version, &told.1, now);
            landed.told = Some(told);
            // Should the call have overtaken it, what was said of its outcome was held against what the object said before.
            self.queue.wake(ticket.key);
        }
        landed
    }
}

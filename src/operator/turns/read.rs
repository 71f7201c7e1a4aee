//! What follows from a Secret that is read whole? One read for all who want it (`reads`); each makes its own of it (`want`).
//! Pure, as all turns are.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use super::super::decide::{Decision, decide};
use super::super::effect::{Effect, Outcome};
use super::super::want::Found;
use super::{AFTER_PANIC, Landed, Panicked, Turn, Turns, Work};
use crate::decision::Key;
use crate::decision::schedule::later;
use crate::state::{Lists, SecretName};

impl Turns {
    /// The Secret to read whole next, for those of its readers who are there still.
    pub(super) fn next_read(&mut self) -> Option<Turn> {
        while let Some(secret) = self.reads.begin() {
            let first = self.reads.wanted_by(&secret).find(|key| self.state.object(key).is_some()).cloned();
            if let Some(key) = first {
                return Some(self.act(key, Effect::Read(secret.clone()), Work::Read(secret)));
            }
            self.reads.done(&secret);
        }
        None
    }

    /// A Secret was read whole: all who want that are told, and it is wiped.
    pub(super) fn read(
        &mut self,
        secret: &SecretName,
        outcome: &Outcome,
        lists: Lists,
        now: Timestamp,
    ) -> Landed {
        let mut next = Turn::Rest;
        for key in self.reads.done(secret) {
            let outcome = match outcome {
                Outcome::Read(found) => self.answer(&key, secret, found, now),
                _ => Some(Outcome::Panicked),
            };
            let taken = outcome.map(|outcome| self.take_in(&key, outcome, lists, now));
            match taken {
                // What else it is at goes on: it only rests from being looked at.
                Some(Err(Panicked)) => {
                    self.queue.wake_by(&key, later(now, AFTER_PANIC));
                    next = Turn::Panicked(key);
                }
                _ => self.queue.wake(key),
            }
        }
        Landed::then(next)
    }

    /// What a Secret that was read says to this object, if it wants to know. A panic over it is that object's alone.
    fn answer(&self, key: &Key, secret: &SecretName, found: &Found, now: Timestamp) -> Option<Outcome> {
        let thought = catch_unwind(AssertUnwindSafe(|| match decide(&self.state, key, now)? {
            Decision::Read { want, .. } if want.secret(key) == *secret => Some(want.of(found, key.kind)),
            _ => None,
        }));
        thought.unwrap_or(Some(Outcome::Panicked))
    }
}

//! What begins, and what comes to a wait? Pure, as all turns are.

use jiff::SignedDuration;

use super::super::effect::Effect;
use super::super::slots::Want;
use super::{Ticket, Turn, Turns, Work};
use crate::decision::Key;

impl Turns {
    /// An effect that begins if there is a place for it; else its key waits for one, and is decided again then.
    pub(super) fn begin(&mut self, key: Key, effect: Effect, work: Work) -> Turn {
        let want = if matches!(effect, Effect::Write { .. }) { Want::Token } else { Want::Other };
        if !self.slots.ask(&key, want) {
            self.queue.done(&key);
            return Turn::Rest;
        }
        self.act(key, effect, work)
    }

    /// Nothing is to begin for this key now.
    pub(super) fn idle(&mut self, key: &Key) -> Turn {
        self.slots.give_up(key);
        self.queue.done(key);
        Turn::Rest
    }

    /// An effect begins.
    pub(super) fn act(&mut self, key: Key, effect: Effect, work: Work) -> Turn {
        if matches!(effect, Effect::Write { .. }) {
            self.is_writing(&key, true);
        }
        if let (Work::Call, Some(object)) = (&work, self.state.object_mut(&key)) {
            object.work.clock_set_meanwhile = SignedDuration::ZERO;
        }
        let (uid, lists) = (self.uid(&key), self.state.secrets().lists());
        Turn::Act(Ticket { key, uid, lists, work }, Box::new(effect))
    }

    /// Whether a write of this object's Secret is under way.
    pub(super) fn is_writing(&mut self, key: &Key, writing: bool) {
        if let Some(object) = self.state.object_mut(key) {
            object.work.writing = writing;
        }
    }
}

impl Work {
    /// Whether it has a place among the effects in flight. Calls to the authentication service are bounded by their gates, origin
    /// by origin, words by the calls, whole reads and questions for rights by their lines: they wait for no place, and keep nobody
    /// from one.
    pub(super) fn has_slot(&self) -> bool {
        match self {
            Self::Call | Self::Word(_) | Self::Read(_) | Self::Ask(_) => false,
            Self::Step | Self::Status(_) => true,
        }
    }
}

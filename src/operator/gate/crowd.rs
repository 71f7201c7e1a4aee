//! How many calls may be in flight at once? Halved when the service throttles, and back by one after another. Pure.

use super::{Limits, MOST_AT_ONCE};

/// Calls that must be answered well before one more is allowed in flight.
pub(super) const ANSWERS_PER_STEP: u32 = 32;

/// The calls in flight, or about to be.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    in_flight: u32,
    cap: u32,
    most: u32,
    answers: u32,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Self {
        Self { in_flight: 0, cap: limits.in_flight, most: limits.in_flight, answers: 0 }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn cap(&self) -> u32 {
        self.cap
    }

    pub(super) fn has_room_for(&self, permits: u32) -> bool {
        self.in_flight + permits <= self.cap
    }

    pub(super) fn enter(&mut self, permits: u32) {
        self.in_flight += permits;
    }

    pub(super) fn exit(&mut self, permits: u32) {
        self.in_flight -= permits;
    }

    /// The service asks for fewer calls. Never so few that a step that needs two together would wait for ever.
    pub(super) fn halve(&mut self) {
        self.cap = (self.cap / 2).max(MOST_AT_ONCE);
        self.answers = 0;
    }

    /// So many calls were answered well.
    pub(super) fn answered(&mut self, calls: u32) {
        if self.cap == self.most {
            return;
        }
        self.answers += calls;
        if self.answers >= ANSWERS_PER_STEP {
            self.answers -= ANSWERS_PER_STEP;
            self.cap += 1;
        }
    }
}

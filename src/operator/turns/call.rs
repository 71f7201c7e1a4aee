//! What follows from a call to the authentication service, and for whom is it the turn to make one? Pure, as all turns are.

use jiff::Timestamp;

use super::super::effect::Outcome;
use super::Turns;
use crate::auth::Origin;
use crate::decision::{Key, Parked};

impl Turns {
    /// A call is back: its permits are free, and what it says of its endpoint is heard.
    pub(super) fn answered(&mut self, key: &Key, outcome: &Outcome, now: Timestamp) {
        self.words.forget(key);
        let called = self.gates.leave(key, outcome.verdict(), now);
        self.call(called);
        if let Outcome::Issued { issue, .. } = outcome {
            self.hear_of(issue.endpoint().origin());
        }
    }

    /// How an endpoint is, objects know from memory. Once it is unwell for longer than a blip, those in line look again to say
    /// so.
    fn hear_of(&mut self, origin: &Origin) {
        let parked = self.gates.parked(origin);
        let is_told = |parked: Option<Parked>| parked.is_some_and(Parked::is_told);
        let news = is_told(parked) && !is_told(self.state.unwell(origin));
        self.state.know_endpoint(origin, parked);
        if news {
            self.wake(self.gates.waiting(origin).cloned().collect());
        }
    }

    /// These are called: nobody else can use their permits until they are heard.
    pub(super) fn call(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake_first(key);
        }
    }
}

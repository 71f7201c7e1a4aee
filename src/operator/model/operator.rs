//! What would the loop do? Drives the real turns, one after the other, and leaves the order of what is in flight to whoever
//! drives it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::effect::{Effect, Outcome};
use super::super::gate::Limits;
use super::super::turns::{Landed, Ticket, Turn, Turns, Work};
use super::feed::{STREAMS, stream};
use crate::decision::{Key, Right};
use crate::state::{SecretName, Settings};

/// What is done now is done: how many calls a second there may be is the gate's own matter.
pub(in super::super) fn unlimited() -> Limits {
    Limits { per_second: 0, ..Limits::default() }
}

/// One process of the operator.
pub(in super::super) struct Operator {
    pub turns: Turns,
    pub flights: BTreeMap<Key, Flight>,
    /// The whole Secrets that are being read: for several objects, each of which may do something else meanwhile.
    pub reads: BTreeMap<SecretName, Flight>,
    /// The statuses that are written beside a call of the same object.
    pub words: BTreeMap<Key, Flight>,
    /// The questions for rights.
    pub questions: BTreeMap<Right, Flight>,
    /// How often it was announced that somebody's deletion or edit was undone.
    pub restored: usize,
    /// How many turns were taken.
    pub decisions: usize,
}

/// Something under way outside.
pub(in super::super) enum Flight {
    /// Not done yet.
    Leaving(Ticket, Effect),
    /// Done; its outcome is on its way back.
    Coming(Ticket, Outcome),
}

impl Flight {
    fn ticket(&self) -> &Ticket {
        match self {
            Self::Leaving(ticket, _) | Self::Coming(ticket, _) => ticket,
        }
    }
}

impl Operator {
    pub(in super::super) fn new(settings: Settings) -> Self {
        Self {
            turns: Turns::new(settings, unlimited(), STREAMS.map(stream)),
            flights: BTreeMap::new(),
            reads: BTreeMap::new(),
            words: BTreeMap::new(),
            questions: BTreeMap::new(),
            restored: 0,
            decisions: 0,
        }
    }

    /// One turn of one key that is ready; `false`: there is none.
    pub(in super::super) fn turn_next(&mut self, now: Timestamp) -> bool {
        let turn = self.turns.next(now);
        let any = turn.is_some();
        self.decisions += usize::from(any);
        self.follow(turn.unwrap_or(Turn::Rest));
        any
    }

    /// The next turns, as the loop takes them; `true`: there were none.
    pub(in super::super) fn follow_few(&mut self, now: Timestamp) -> bool {
        let (turns, _) = self.turns.next_few(now);
        let none = turns.is_empty();
        for turn in turns {
            self.follow(turn);
        }
        none
    }

    /// An outcome is back.
    pub(in super::super) fn land(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) {
        let Landed { restored, next, .. } = self.turns.land(ticket, outcome, now);
        self.restored += usize::from(restored);
        self.decisions += 1;
        self.follow(next);
    }

    fn follow(&mut self, turn: Turn) {
        match turn {
            Turn::Rest => {}
            Turn::Panicked(key) => panic!("the decision about {key:?} panicked"),
            Turn::Act(ticket, effect) => self.put_flight(Flight::Leaving(ticket, *effect)),
        }
    }

    /// The objects for which something is under way; of a read, the first that wants it.
    pub(in super::super) fn busy(&self) -> Vec<Key> {
        let shared = self.reads.values().chain(self.questions.values());
        let shared = shared.map(|flight| flight.ticket().key.clone());
        self.words.keys().chain(self.flights.keys()).cloned().chain(shared).collect()
    }

    /// Something is under way.
    pub(in super::super) fn put_flight(&mut self, flight: Flight) {
        let key = flight.ticket().key.clone();
        let before = match &flight.ticket().work {
            Work::Read(secret) => self.reads.insert(secret.clone(), flight),
            Work::Word(_) => self.words.insert(key, flight),
            Work::Ask(right) => self.questions.insert(right.clone(), flight),
            Work::Step | Work::Call | Work::Status(_) => self.flights.insert(key, flight),
        };
        assert!(
            before.is_none(),
            "two effects at once for one key beside a word, two reads of one Secret, or the same question twice"
        );
    }

    /// What is under way for this object; first what is said beside a call.
    pub(in super::super) fn take_flight(&mut self, key: &Key) -> Option<Flight> {
        let read = self.reads.iter().find(|(_, flight)| flight.ticket().key == *key);
        let read = read.map(|(secret, _)| secret.clone());
        let question = self.questions.iter().find(|(_, flight)| flight.ticket().key == *key);
        let question = question.map(|(right, _)| right.clone());
        let own = self.words.remove(key).or_else(|| self.flights.remove(key));
        own.or_else(|| self.reads.remove(&read?)).or_else(|| self.questions.remove(&question?))
    }
}

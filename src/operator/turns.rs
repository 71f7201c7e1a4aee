//! What follows from what? The turns of the loop, one after the other: a change or an outcome comes in, a key is decided, and
//! what is to be done outside goes out. Pure: `now` is a value, nothing waits, and whoever drives it (the loop, the model
//! world) does what it is handed and brings back what came of it.

mod begin;
mod call;
mod publish;
mod read;
mod right;
mod word;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::apply::{Aftermath, apply, doubt, is_outdated};
use super::decide::{Decision, NewStatus, Rest, Said, decide};
use super::effect::{Effect, Outcome};
use super::gate::{Asked, Gates, Limits};
use super::observe::Observer;
use super::offers;
use super::queue::Queue;
use super::reads::Reads;
use super::rights::Rights;
use super::settled;
use super::slots::Slots;
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Stream};
use crate::decision::schedule::{SHORTEST_WAIT, later};
use crate::decision::{FailedStep, Key, Right};
use crate::state::{Lists, SecretName, Settings, State, Waits};

/// An object whose decision panicked is looked at again after this.
const AFTER_PANIC: SignedDuration = SignedDuration::from_mins(1);

/// How many turns are taken before anything else is looked at.
const AT_A_TIME: usize = 64;

/// Everything that is known, and whose turn it is.
pub(super) struct Turns {
    /// What is known.
    pub state: State,
    /// Whose turn it is, and when it is whose.
    pub queue: Queue,
    /// Who may call the authentication service.
    pub gates: Gates,
    /// Which Secrets are to be read whole.
    pub reads: Reads,
    /// What the watches have shown.
    pub observer: Observer,
    /// What may begin. Calls to the authentication service have their gates, and whole reads their line.
    pub slots: Slots,
    /// What it may not do, and who was refused.
    rights: Rights,
    /// What is to be said beside a call.
    words: word::Words,
}

/// What an object says until a status is written, and what it says then.
type Told = Box<(Said, NewStatus)>;

/// What a turn came to.
#[derive(Debug)]
pub(super) enum Turn {
    /// Do this outside, and bring back what came of it with the ticket.
    Act(Ticket, Box<Effect>),
    /// Nothing to do for this key now.
    Rest,
    /// The decision panicked.
    Panicked(Key),
}

/// What an effect is for. It comes back with the outcome.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Whose work it is. Of a read that is several objects', the first of them: by it the time is booked.
    pub key: Key,
    /// The uid of the object that it is for.
    uid: Option<Arc<str>>,
    /// The lists of Secrets that had ended when it was sent out.
    lists: Lists,
    /// What kind of work it is.
    pub work: Work,
}

/// What an effect is.
#[derive(Debug)]
pub(super) enum Work {
    /// A step of the object that asks the API server for something.
    Step,
    /// A step of it that calls the authentication service, with permits of a gate.
    Call,
    /// The object's status is written: what it said before, and what it says now.
    Status(Told),
    /// The same beside a call of the same object.
    Word(Told),
    /// A Secret is read whole, for all who want that.
    Read(SecretName),
    /// It is asked for a right, for all who were refused.
    Ask(Right),
}

/// What an outcome came to.
#[derive(Debug)]
pub(super) struct Landed {
    /// A Secret that somebody had deleted or edited is as it should be again.
    pub restored: bool,
    /// A status was written: what the object said before, and says now.
    pub told: Option<Told>,
    /// What follows for the same key.
    pub next: Turn,
}

/// The operator's own code failed on one object.
struct Panicked;

impl Turns {
    /// Nothing is known yet.
    pub(super) fn new(settings: Settings, limits: Limits, streams: impl IntoIterator<Item = Stream>) -> Self {
        Self {
            state: State::new(settings),
            queue: Queue::default(),
            gates: Gates::new(limits),
            reads: Reads::default(),
            observer: Observer::new(streams),
            slots: Slots::default(),
            rights: Rights::default(),
            words: word::Words::default(),
        }
    }

    /// Takes in a change of the cluster.
    pub(super) fn take(&mut self, change: Change) {
        let woken = self.observer.take(&mut self.state, change);
        self.wake(woken);
    }

    /// The wall clock was set; those of the services were not, and no time has passed.
    pub(super) fn clock_was_set(&mut self, by: SignedDuration) {
        self.words.shift(by);
        let woken = self.state.clock_was_set(by);
        self.wake(woken);
    }

    /// When something is to be done without a change of anything.
    pub(super) fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let line = [self.queue.next_look(), self.gates.next_opening(now)];
        let beside = [self.words.next_end(), self.rights.next_question()];
        line.into_iter().chain(beside).flatten().min()
    }

    /// The turn of the next key that is ready; `None`: there is none.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Turn> {
        if !self.observer.is_complete() {
            return None;
        }
        let beside = self.next_read().or_else(|| self.next_word(now)).or_else(|| self.next_question(now));
        if beside.is_some() {
            return beside;
        }
        let called = self.gates.pass(now);
        self.call(called);
        while let Some(key) = self.slots.call() {
            self.queue.wake_first(key);
        }
        self.queue.pass(now);
        let key = self.queue.take()?;
        if self.observer.sees(&key.namespace) || self.state.unlisted(&key.namespace).is_some() {
            return Some(self.turn(key, now));
        }
        Some(self.idle(&key))
    }

    /// The next turns, and whether more are ready: a long line is not worked off in one go, so that the signal to stop, outcomes and
    /// changes are heard meanwhile. Whoever has a turn and no place for its effect waits for one in the slots' line.
    pub(super) fn next_few(&mut self, now: Timestamp) -> (Vec<Turn>, bool) {
        let mut few = Vec::new();
        while few.len() < AT_A_TIME {
            let Some(turn) = self.next(now) else { return (few, false) };
            few.push(turn);
        }
        (few, true)
    }

    /// Whether what was done still concerns the object that bears the name.
    pub(super) fn is_current(&self, ticket: &Ticket) -> bool {
        self.uid(&ticket.key) == ticket.uid
    }

    /// An outcome is back.
    pub(super) fn land(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) -> Landed {
        if ticket.work.has_slot() {
            self.slots.end(&ticket.key.namespace);
        }
        let is_current = self.is_current(&ticket);
        self.miss(&ticket, &outcome, now);
        let Ticket { key, lists, work, .. } = ticket;
        if let Work::Call = work {
            self.answered(&key, &outcome, now);
        }
        match (work, outcome) {
            (Work::Read(secret), outcome) => self.read(&secret, &outcome, lists, now),
            (Work::Ask(right), outcome) => self.was_asked(&right, &outcome, now),
            (Work::Word(told), Outcome::Published(Ok(version))) if is_current => {
                self.word_landed(key, version, told, now)
            }
            (Work::Word(_), _) => Landed::then(Turn::Rest),
            // What was done for an object that is gone says nothing of the one that bears its name now.
            _ if !is_current => Landed::then(self.turn(key, now)),
            (Work::Status(told), Outcome::Published(result)) => self.published(&key, told, result, now),
            (Work::Status(told), Outcome::Panicked) => {
                self.published(&key, told, Err(StatusRefused::Lost), now)
            }
            (_, outcome) => {
                let wrote = matches!(outcome, Outcome::Written { .. });
                let taken_in = self.take_in(&key, outcome, lists, now);
                self.is_writing(&key, false);
                match taken_in {
                    // What a policy undoes is written again: those who are ready go before.
                    Ok(restored) if wrote => {
                        self.queue.wake(key.clone());
                        self.queue.done(&key);
                        Landed { restored, ..Landed::then(Turn::Rest) }
                    }
                    Ok(restored) => Landed { restored, ..Landed::then(self.turn(key, now)) },
                    Err(Panicked) => Landed::then(self.panicked(key, now)),
                }
            }
        }
    }

    /// What came of an effect for this object goes into memory. Returns whether its Secret was put right.
    fn take_in(
        &mut self,
        key: &Key,
        outcome: Outcome,
        lists: Lists,
        now: Timestamp,
    ) -> Result<bool, Panicked> {
        if let Some(object) = self.state.object_mut(key)
            && !matches!(outcome, Outcome::Panicked)
        {
            object.work.failures.forgive(&[FailedStep::Internal]);
        }
        if is_outdated(&self.state, key, &outcome, lists) {
            doubt(&mut self.state, key, &outcome);
            return Ok(false);
        }
        let state = &mut self.state;
        let applied = catch_unwind(AssertUnwindSafe(|| apply(state, key, outcome, now)));
        let Aftermath { wake, restored } = applied.map_err(|_| Panicked)?;
        self.wake(wake);
        Ok(restored)
    }

    /// As [`Turns::land`] after the signal to stop: only a token that is held and not yet written leads to more work.
    pub(super) fn land_last(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) -> Turn {
        if !self.is_current(&ticket) || !matches!(ticket.work, Work::Step | Work::Call) {
            return Turn::Rest;
        }
        apply(&mut self.state, &ticket.key, outcome, now);
        self.last_write(ticket.key, now)
    }

    /// The signal to stop has come: the tokens that are held, and wait to be written. What is under way comes back.
    pub(super) fn last_writes(&mut self, now: Timestamp) -> Vec<Turn> {
        self.slots.leave();
        let mut idle = self.state.holders();
        idle.retain(|key| !self.queue.runs(key));
        idle.into_iter().map(|key| self.last_write(key, now)).collect()
    }

    fn last_write(&mut self, key: Key, now: Timestamp) -> Turn {
        match self.think(&key, now) {
            // Whatever became of an earlier write.
            Ok(Some(Decision::Act(effect @ (Effect::Write { .. } | Effect::Look { .. })))) => {
                self.act(key, effect, Work::Step)
            }
            _ => Turn::Rest,
        }
    }

    /// Decides, and tells those who wait for this object what it offers now.
    fn think(&mut self, key: &Key, now: Timestamp) -> Result<Option<Decision>, Panicked> {
        let state = &mut self.state;
        let thought = catch_unwind(AssertUnwindSafe(|| {
            settled::heed(state, key, now);
            let woken = offers::refresh(state, key, now);
            (woken, decide(state, key, now))
        }));
        let (woken, decided) = thought.map_err(|_| Panicked)?;
        self.wake(woken);
        Ok(decided)
    }

    /// One decision about one object. A panic in it concerns that object alone.
    fn turn(&mut self, key: Key, now: Timestamp) -> Turn {
        let Ok(decided) = self.think(&key, now) else {
            return self.panicked(key, now);
        };
        if !matches!(decided, Some(Decision::Call { .. })) {
            let called = self.gates.give_up(&key, now);
            self.call(called);
        }
        if !matches!(decided, Some(Decision::Read { .. })) {
            self.reads.give_up(&key);
        }
        match decided {
            None => {
                self.queue.wake_at(&key, None);
                self.wait(&key, None, now);
                self.idle(&key)
            }
            Some(Decision::Act(effect)) => self.begin(key, effect, Work::Step),
            Some(Decision::Read { want, meanwhile }) => {
                let at_once = self.reads.want(&key, &want.secret(&key));
                self.rest(key, if at_once { Rest { publish: None, ..meanwhile } } else { meanwhile })
            }
            Some(Decision::Call { origin, need, ends, effect, meanwhile }) => {
                let Asked { through, called } = self.gates.ask(&origin, &key, need, now);
                self.call(called);
                if through {
                    // What is to be taken back at once is said if the call lasts.
                    let taken_back = meanwhile.publish.map(|_| later(now, SHORTEST_WAIT));
                    self.words.expect(&key, ends.filter(|end| *end > now).or(taken_back));
                    self.slots.give_up(&key);
                    self.act(key, effect, Work::Call)
                } else {
                    // It waits in line as a key: its turn wakes it, and so does anything that changes for it.
                    self.rest(key, meanwhile)
                }
            }
            Some(Decision::DropHeld) => {
                self.state.drop_held(&key);
                let rests = self.idle(&key);
                self.queue.wake(key);
                rests
            }
            Some(Decision::Rest(rest)) => {
                self.wait(&key, rest.waits, now);
                self.rest(key, rest)
            }
        }
    }

    /// A panic concerns one object alone: it is looked at again later.
    fn panicked(&mut self, key: Key, now: Timestamp) -> Turn {
        let called = self.gates.give_up(&key, now);
        self.call(called);
        self.reads.give_up(&key);
        self.wait(&key, None, now);
        self.queue.wake_at(&key, Some(later(now, AFTER_PANIC)));
        self.idle(&key);
        Turn::Panicked(key)
    }

    fn rest(&mut self, key: Key, rest: Rest) -> Turn {
        self.queue.wake_at(&key, rest.until);
        match rest.publish.and_then(|publish| self.publishing(&key, *publish)) {
            Some((effect, told)) => self.begin(key, effect, Work::Status(told)),
            None => self.idle(&key),
        }
    }

    fn wait(&mut self, key: &Key, waits: Option<Waits>, now: Timestamp) {
        let woken = offers::wait(&mut self.state, key, waits, now);
        self.wake(woken);
    }

    fn uid(&self, key: &Key) -> Option<Arc<str>> {
        self.state.object(key).map(|object| object.meta.uid.clone())
    }

    /// In the order of their names, not that of a hash: the same is to follow from the same.
    fn wake(&mut self, mut keys: Vec<Key>) {
        keys.sort_unstable();
        for key in keys {
            self.queue.wake(key);
        }
    }
}

impl Landed {
    fn then(next: Turn) -> Self {
        Self { restored: false, told: None, next }
    }
}

//! What follows from what? The turns of the loop, one after the other: a change or an outcome comes in, a key is decided, and
//! what is to be done outside goes out. Pure: `now` is a value, nothing waits, and whoever drives it (the loop, the model
//! world) does what it is handed and brings back what came of it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::apply::{Aftermath, apply, doubt, is_outdated};
use super::decide::{Decision, NewStatus, Publish, Rest, Said, decide};
use super::effect::{Effect, Outcome};
use super::gate::{Asked, Gates, Limits};
use super::observe::Observer;
use super::offers;
use super::queue::Queue;
use crate::auth::Origin;
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Stream};
use crate::decision::schedule::later;
use crate::decision::{FailedStep, Key, Parked, ResourceVersion};
use crate::scoped_token;
use crate::state::{Lists, Object, Settings, State};

/// After a status write without an answer the watch shows what became of it; should it not, a look after this.
const STATUS_AGAIN: SignedDuration = SignedDuration::from_secs(2);
/// A status for which the right is missing is tried again after this, doubling to [`STATUS_REFUSED_MOST`]: a server that has
/// just started knows no roles yet, and is not the one that never grants it.
const STATUS_REFUSED: SignedDuration = SignedDuration::from_secs(3);
/// The longest of these.
const STATUS_REFUSED_MOST: SignedDuration = SignedDuration::from_mins(15);
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
    /// What the watches have shown.
    pub observer: Observer,
    /// The keys with an effect in flight.
    acting: HashSet<Key>,
}

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
    /// Whose work it is.
    pub key: Key,
    /// The uid of the object that it is for.
    uid: Option<Arc<str>>,
    /// The lists of Secrets that had ended when it was sent out.
    lists: Lists,
    /// For a status write: what was said before, and what is said now.
    told: Option<Box<(Said, NewStatus)>>,
}

/// What an outcome came to.
#[derive(Debug)]
pub(super) struct Landed {
    /// A Secret that somebody had deleted or edited is as it should be again.
    pub restored: bool,
    /// A status was written: what the object said before, and says now.
    pub told: Option<Box<(Said, NewStatus)>>,
    /// What follows for the same key.
    pub next: Turn,
}

impl Turns {
    /// Nothing is known yet.
    pub(super) fn new(settings: Settings, limits: Limits, streams: impl IntoIterator<Item = Stream>) -> Self {
        Self {
            state: State::new(settings),
            queue: Queue::default(),
            gates: Gates::new(limits),
            observer: Observer::new(streams),
            acting: HashSet::new(),
        }
    }

    /// How many effects are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.acting.len()
    }

    /// Takes in a change of the cluster.
    pub(super) fn take(&mut self, change: Change) {
        let woken = self.observer.take(&mut self.state, change);
        self.wake(woken);
    }

    /// The wall clock was set; those of the services were not. The credentials look again, to say so.
    pub(super) fn clock_was_set(&mut self, by: SignedDuration) {
        let woken = self.state.clock_was_set(by);
        self.wake(woken);
    }

    /// When something is to be done without a change of anything.
    pub(super) fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        [self.queue.next_look(), self.gates.next_opening(now)].into_iter().flatten().min()
    }

    /// The turn of the next key that is ready; `None`: there is none.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Turn> {
        if !self.observer.is_complete() {
            return None;
        }
        let called = self.gates.pass(now);
        self.wake(called);
        self.queue.pass(now);
        let key = self.queue.take()?;
        if self.observer.sees(&key.namespace) {
            return Some(self.turn(key, now));
        }
        self.queue.done(&key);
        Some(Turn::Rest)
    }

    /// The next turns, while fewer than `room` effects are in flight, and whether more are ready: a long line is not worked off
    /// in one go, so that the signal to stop, outcomes and changes are heard meanwhile.
    pub(super) fn next_few(&mut self, now: Timestamp, room: usize) -> (Vec<Turn>, bool) {
        let mut few = Vec::new();
        while self.in_flight() < room {
            if few.len() == AT_A_TIME {
                return (few, true);
            }
            let Some(turn) = self.next(now) else { break };
            few.push(turn);
        }
        (few, false)
    }

    /// Whether what was done still concerns the object that bears the name.
    pub(super) fn is_current(&self, ticket: &Ticket) -> bool {
        self.uid(&ticket.key) == ticket.uid
    }

    /// An outcome is back.
    pub(super) fn land(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) -> Landed {
        self.acting.remove(&ticket.key);
        // A status may be written while its object is in line: it keeps its place.
        if ticket.told.is_none() {
            let called = self.gates.leave(&ticket.key, outcome.verdict(), now);
            self.wake(called);
            if let Outcome::Issued { issue, .. } = &outcome {
                self.hear_of(issue.endpoint().origin());
            }
        }
        if !self.is_current(&ticket) {
            // What was done for an object that is gone says nothing of the one that bears its name now.
            return Landed { restored: false, told: None, next: self.turn(ticket.key, now) };
        }
        // To have said so is no success.
        if !matches!(outcome, Outcome::Panicked | Outcome::Published(_))
            && let Some(object) = self.state.object_mut(&ticket.key)
        {
            object.work.failures.forgive(&[FailedStep::Internal]);
        }
        let Ticket { key, told, lists, .. } = ticket;
        match (told, outcome) {
            (Some(told), Outcome::Published(result)) => self.published(&key, told, result, now),
            (_, outcome) if is_outdated(&self.state, &key, &outcome, lists) => {
                doubt(&mut self.state, &key, &outcome);
                Landed { restored: false, told: None, next: self.turn(key, now) }
            }
            (_, outcome) => {
                let state = &mut self.state;
                let Ok(Aftermath { wake, restored }) =
                    catch_unwind(AssertUnwindSafe(|| apply(state, &key, outcome, now)))
                else {
                    return Landed { restored: false, told: None, next: self.panicked(key, now) };
                };
                self.wake(wake);
                Landed { restored, told: None, next: self.turn(key, now) }
            }
        }
    }

    /// As [`Turns::land`] after the signal to stop: only a token that is held and not yet written leads to more work.
    pub(super) fn land_last(&mut self, ticket: Ticket, outcome: Outcome, now: Timestamp) -> Turn {
        if !self.is_current(&ticket) || ticket.told.is_some() {
            return Turn::Rest;
        }
        apply(&mut self.state, &ticket.key, outcome, now);
        match decide(&self.state, &ticket.key, now) {
            Some(Decision::Act(effect @ Effect::Write { .. })) => self.act(ticket.key, effect, None),
            _ => Turn::Rest,
        }
    }

    /// One decision about one object. A panic in it concerns that object alone.
    fn turn(&mut self, key: Key, now: Timestamp) -> Turn {
        let state = &mut self.state;
        let thought = catch_unwind(AssertUnwindSafe(|| {
            let woken = offers::refresh(state, &key, now);
            (woken, decide(state, &key, now))
        }));
        let Ok((woken, decided)) = thought else {
            return self.panicked(key, now);
        };
        self.wake(woken);
        if !matches!(decided, Some(Decision::Call { .. })) {
            let called = self.gates.give_up(&key, now);
            self.wake(called);
        }
        match decided {
            None => {
                self.queue.wake_at(&key, None);
                self.end_of_probe(&key);
                self.queue.done(&key);
                Turn::Rest
            }
            Some(Decision::Act(effect)) => self.act(key, effect, None),
            Some(Decision::Call { origin, need, effect, meanwhile }) => {
                let Asked { through, called } = self.gates.ask(&origin, &key, need, now);
                self.wake(called);
                if through {
                    self.act(key, effect, None)
                } else {
                    // It waits in line as a key: its turn wakes it, and so does anything that changes for it.
                    self.rest(key, meanwhile)
                }
            }
            Some(Decision::DropHeld) => {
                if let Some(object) = self.state.object_mut(&key) {
                    object.work.held = None;
                }
                self.queue.done(&key);
                self.queue.wake(key);
                Turn::Rest
            }
            Some(Decision::Rest(rest)) => {
                if rest.waits {
                    self.wait_for_credentials(&key);
                } else {
                    self.end_of_probe(&key);
                }
                self.rest(key, rest)
            }
        }
    }

    /// A panic concerns one object alone: it is looked at again later.
    fn panicked(&mut self, key: Key, now: Timestamp) -> Turn {
        let called = self.gates.give_up(&key, now);
        self.wake(called);
        self.end_of_probe(&key);
        self.queue.wake_at(&key, Some(later(now, AFTER_PANIC)));
        self.queue.done(&key);
        Turn::Panicked(key)
    }

    /// A request that comes to rest tries nothing out for others.
    fn end_of_probe(&mut self, key: &Key) {
        let credentials = self.state.stop_probing(key);
        self.wake(credentials);
    }

    /// It waits; a credential for which it is the first, or that nobody tries, looks again. One that it was to try, while it waits
    /// for another, asks somebody else at its next look: at once, it would ask the same one for ever.
    fn wait_for_credentials(&mut self, key: &Key) {
        let tried = self.state.stop_probing(key);
        let credentials: Vec<Key> = scoped_token::waits_for(&self.state, key).cloned().collect();
        for credential in credentials {
            let first = self.state.wait_for(&credential, key);
            let untried = self.state.credential(&credential).is_some_and(|it| it.session.is_untried());
            if (first || untried) && !tried.contains(&credential) {
                self.queue.wake(credential);
            }
        }
    }

    fn rest(&mut self, key: Key, rest: Rest) -> Turn {
        self.queue.wake_at(&key, rest.until);
        let version = self.state.object(&key).map(|object| object.meta.version);
        if let (Some(Publish { patch, status, before }), Some(version)) = (rest.publish, version) {
            let effect = Effect::Status { key: key.clone(), version, patch };
            return self.act(key, effect, Some(Box::new((before, status))));
        }
        self.queue.done(&key);
        Turn::Rest
    }

    fn act(&mut self, key: Key, effect: Effect, told: Option<Box<(Said, NewStatus)>>) -> Turn {
        self.acting.insert(key.clone());
        let uid = self.uid(&key);
        let lists = self.state.secrets().lists();
        Turn::Act(Ticket { key, uid, lists, told }, Box::new(effect))
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

    fn published(
        &mut self,
        key: &Key,
        told: Box<(Said, NewStatus)>,
        result: Result<ResourceVersion, StatusRefused>,
        now: Timestamp,
    ) -> Landed {
        let mut landed = Landed { restored: false, told: None, next: Turn::Rest };
        match result {
            Ok(version) => {
                if let Some(object) = self.state.object_mut(key) {
                    // Somebody else's edit of the status may have been seen since: that is what the server has.
                    if object.meta.version <= version {
                        object.meta.version = version;
                        told.1.clone().keep(object);
                    }
                    object.work.published_at = Some(now);
                    object.work.unheard = 0;
                    landed.told = Some(told);
                }
            }
            Err(StatusRefused::Conflict | StatusRefused::Lost | StatusRefused::Unavailable { .. }) => {
                self.queue.wake_at(key, Some(later(now, STATUS_AGAIN)));
            }
            Err(StatusRefused::Forbidden) => {
                if let Some(object) = self.state.object_mut(key) {
                    let delay = STATUS_REFUSED * 2_i32.pow(object.work.unheard.min(16));
                    object.work.unheard = object.work.unheard.saturating_add(1);
                    self.queue.wake_at(key, Some(later(now, delay.min(STATUS_REFUSED_MOST))));
                }
            }
            Err(StatusRefused::Gone | StatusRefused::Invalid) => {}
        }
        self.queue.done(key);
        landed
    }

    fn uid(&self, key: &Key) -> Option<Arc<str>> {
        self.state.object(key).map(|object| object.meta.uid.clone())
    }

    fn wake(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake(key);
        }
    }
}

impl NewStatus {
    pub(super) fn keep(self, object: &mut Object) {
        match (self, &mut object.detail) {
            (Self::Credential(status), crate::state::Detail::Credential(it)) => it.status = *status,
            (Self::Request(status), crate::state::Detail::Request(it)) => it.status = *status,
            _ => {}
        }
    }
}

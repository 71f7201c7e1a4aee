//! Does the pure core explain what an operator did? Takes its turns again, from its journal (what it was told, in which order and
//! when) and from what the cluster held: each must come out as it did there. What the two servers logged of the operator is then
//! held against what the turns asked for: each deed was asked for, once, and whatever the operator took for done was done.
//! Pure; reads no log. For tests.
//!
//! In reading order: `contents` (what the cluster held), `deed` (what the servers saw of the operator), `judge` (was that asked for?).
//!
//! It does not judge: whether the operator was told what the servers said (a proxy may stand between); how long a token lives, for
//! all that its answer said; whether it looked as early as it was to, and whether a deed came only after it was asked for (the
//! instants of a journal are taken as they are); log, events and metrics.

mod contents;
mod deed;
mod judge;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::journal::{Entry, Heard, Task};
use super::turns::{Ticket, Turn, Turns};
use crate::decision::schedule::later;
use crate::decision::{Key, Kind};
use crate::state::Settings;
pub use contents::{Contents, Held, bearer, fingerprint};
pub use deed::{Called, Deed, Did};

/// No effect takes as long: at most two calls of 15 s, and what a busy machine adds.
const LONGEST_EFFECT: SignedDuration = SignedDuration::from_secs(45);

/// Follows one operator.
pub struct Replay {
    contents: Contents,
    turns: Turns,
    /// What is under way: the ticket, and which act it is.
    flights: BTreeMap<Task, (Ticket, usize)>,
    /// All that was ever begun.
    acts: Vec<Act>,
    /// Those of which nobody has seen the one deed, or the other.
    open: [Vec<usize>; 2],
    /// Fingerprints of the access tokens that credentials have, as far as they are known.
    tokens: HashMap<Key, String>,
    /// Fingerprints of all that the service has issued so far.
    issued: HashSet<String>,
    /// The last instant of the journal so far.
    now: Timestamp,
    /// What should have come back, and did not, in words.
    lost: Vec<String>,
}

/// Something that the turns asked for.
struct Act {
    key: Key,
    effect: Effect,
    begun: Timestamp,
    /// Fingerprint of the access token that it is made with, where that is known.
    with: Option<String>,
    /// What the operator heard of it; `None`: nothing, as it ended before.
    heard: Option<Heard>,
    /// Its first call was seen, and answered well: only then is there something to exchange.
    served: bool,
    /// Fingerprint of what that brought, where it is known.
    issued: Option<String>,
    /// Fingerprint of the token that it came to, as it was in a Secret then.
    brought: Option<String>,
}

impl Replay {
    /// Of an operator in a cluster that held this.
    #[must_use]
    pub fn new(contents: Contents) -> Self {
        Self {
            contents,
            turns: Turns::new(Settings::default(), super::gate::Limits::default(), []),
            flights: BTreeMap::new(),
            acts: Vec::new(),
            open: [Vec::new(), Vec::new()],
            tokens: HashMap::new(),
            issued: HashSet::new(),
            now: Timestamp::default(),
            lost: Vec::new(),
        }
    }

    /// The next entry of its journal.
    ///
    /// # Errors
    ///
    /// What the turns came to instead, or what nobody recorded. What follows tells nothing then.
    pub fn hear(&mut self, entry: Entry) -> Result<(), String> {
        match entry {
            Entry::Started { allowed_origins, reads_namespaces, limits, streams } => {
                let allowed_origins = allowed_origins.iter().filter_map(|it| it.parse().ok()).collect();
                let settings = Settings { allowed_origins, reads_namespaces };
                self.turns = Turns::new(settings, limits, streams.into_iter().map(contents::stream));
                self.end_process();
                self.tokens.clear();
                Ok(())
            }
            Entry::Changed(place, news) => {
                self.turns.take(self.contents.change(place, news)?);
                Ok(())
            }
            Entry::ClockSet(by) => {
                // Of what is under way no more has passed.
                self.now = later(self.now, by);
                for (_, place) in self.flights.values() {
                    self.acts[*place].begun = later(self.acts[*place].begun, by);
                }
                self.turns.clock_was_set(by);
                Ok(())
            }
            Entry::Looked { now, began } => {
                self.now = now;
                let (turns, _) = self.turns.next_few(now);
                let ours = turns.into_iter().filter_map(|turn| self.begin(turn, now)).collect::<Vec<_>>();
                same(now, &ours, &began)
            }
            Entry::Ended { now, began } => {
                self.now = now;
                let turns = self.turns.last_writes(now);
                let ours = turns.into_iter().filter_map(|turn| self.begin(turn, now)).collect::<Vec<_>>();
                same(now, &ours, &began)
            }
            Entry::Back { task, now, heard, began, last } => {
                self.now = now;
                let ours = self.back(&task, now, heard, last)?;
                same(now, &Vec::from_iter(ours), &Vec::from_iter(began))
            }
        }
    }

    /// The journal has ended, and all deeds were explained. Returns what is not explained, in words: what the operator lost, and
    /// what it took for done, and nobody did.
    #[must_use]
    pub fn end(mut self) -> Vec<String> {
        self.end_process();
        let mut unexplained = self.never_done();
        unexplained.append(&mut self.lost);
        unexplained
    }

    /// What has just been begun may be under way when a process ends; what has been for too long was lost.
    fn end_process(&mut self) {
        for (task, (_, place)) in mem::take(&mut self.flights) {
            let begun = self.acts[place].begun;
            if begun.duration_until(self.now) > LONGEST_EFFECT {
                self.lost.push(format!("{task:?} never came back, begun at {begun}"));
            }
        }
    }

    /// What was begun is done. Returns what is begun next for the same object.
    fn back(
        &mut self,
        task: &Task,
        now: Timestamp,
        heard: Heard,
        last: bool,
    ) -> Result<Option<Task>, String> {
        let (ticket, place) = self.flights.remove(task).ok_or_else(|| format!("{task:?} was never begun"))?;
        let Act { key, effect, .. } = &self.acts[place];
        let (outcome, token) = self.contents.outcome(&self.turns.state, key, effect, &heard)?;
        for key in self.who_has_it(&self.acts[place]) {
            match &token {
                Some(token) => self.tokens.insert(key, token.clone()),
                // Of one that came into no Secret nothing is known.
                None if matches!(heard, Heard::Issued(Ok(_))) => self.tokens.remove(&key),
                None => None,
            };
        }
        (self.acts[place].heard, self.acts[place].brought) = (Some(heard), token);
        let next = if last {
            self.turns.land_last(ticket, outcome, now)
        } else {
            self.turns.land(ticket, outcome, now).next
        };
        Ok(self.begin(next, now))
    }

    /// The credentials that have the token which this brought.
    fn who_has_it(&self, act: &Act) -> Vec<Key> {
        match &act.effect {
            Effect::Issue { .. } if act.key.kind == Kind::Credential => vec![act.key.clone()],
            Effect::Read((namespace, name)) => {
                let objects = self.turns.state.objects();
                let bears = objects.filter(|(key, object)| {
                    key.kind == Kind::Credential
                        && key.namespace == *namespace
                        && object.secret_name() == Some(name)
                });
                bears.map(|(key, _)| key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, turn: Turn, now: Timestamp) -> Option<Task> {
        let Turn::Act(ticket, effect) = turn else { return None };
        let task = Task::of(&ticket);
        let with = judge::shared_token(&effect).and_then(|credential| self.tokens.get(credential).cloned());
        let key = ticket.key.clone();
        self.flights.insert(task.clone(), (ticket, self.acts.len()));
        for half in judge::halves(&effect) {
            self.open[half].push(self.acts.len());
        }
        self.acts.push(Act {
            key,
            effect: *effect,
            begun: now,
            with,
            heard: None,
            served: false,
            issued: None,
            brought: None,
        });
        Some(task)
    }
}

/// Both began the same.
fn same(now: Timestamp, ours: &[Task], began: &[Task]) -> Result<(), String> {
    if ours == began {
        return Ok(());
    }
    Err(format!("at {now} the operator began {began:?}, and the core {ours:?}"))
}

#[cfg(test)]
mod tests;

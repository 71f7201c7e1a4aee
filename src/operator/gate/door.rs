//! Who passes at one origin's gate, and when? Brings bucket, crowd, health and line together. Pure.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::bucket::Bucket;
use super::crowd::Crowd;
use super::health::{Admitted, Health, Turn, earlier};
use super::line::{Line, Spot};
use super::{Asked, Limits, Load, MOST_AT_ONCE, Need, Verdict};
use crate::auth::Origin;
use crate::decision::schedule::later;
use crate::decision::{Ailment, Key, Parked};

/// The gate of one origin.
#[derive(Clone, Debug)]
pub(super) struct Door {
    origin: Origin,
    bucket: Bucket,
    crowd: Crowd,
    health: Health,
    line: Line,
    /// The keys that are in line, called or through.
    tickets: HashMap<Key, Ticket>,
    called: BTreeSet<Key>,
    arrivals: u64,
    /// The latest reading of the clock.
    seen: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Ticket {
    spot: Spot,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    InLine,
    /// Its permits are kept for it.
    Called,
    /// It uses them; with the age of the origin's health when it began.
    Through(u64),
}

impl Door {
    pub(super) fn new(origin: Origin, limits: Limits, now: Timestamp) -> Self {
        Self {
            origin,
            bucket: Bucket::new(limits),
            crowd: Crowd::new(limits),
            health: Health::default(),
            line: Line::default(),
            tickets: HashMap::new(),
            called: BTreeSet::new(),
            arrivals: 0,
            seen: now,
        }
    }

    pub(super) fn ask(&mut self, key: &Key, need: Need, now: Timestamp) -> Asked {
        self.read(now);
        let need = Need { permits: need.permits.clamp(1, MOST_AT_ONCE), ..need };
        match self.tickets.get(key).copied() {
            Some(Ticket { place: Place::Through(_), .. }) => return Asked::through(),
            Some(Ticket { place: Place::Called, spot }) if spot.need.permits == need.permits => {
                self.called.remove(key);
                self.enter(key);
                return Asked::through();
            }
            Some(Ticket { place: Place::Called, .. }) => {
                self.call_back(key);
                self.put(key, need);
            }
            _ => self.put(key, need),
        }
        let mut called = self.call(now);
        let before = called.len();
        called.retain(|other| other != key);
        let through = called.len() < before;
        if through {
            self.called.remove(key);
            self.enter(key);
        }
        Asked { through, called }
    }

    pub(super) fn leave(&mut self, key: &Key, verdict: Verdict, now: Timestamp) -> Vec<Key> {
        self.read(now);
        let Some(ticket) = self.tickets.remove(key) else {
            return Vec::new();
        };
        let permits = ticket.spot.need.permits;
        match ticket.place {
            Place::InLine => self.line.remove(key, &ticket.spot),
            Place::Called => {
                self.called.remove(key);
                self.crowd.exit(permits);
                self.bucket.give_back(permits);
            }
            Place::Through(began) => {
                self.crowd.exit(permits);
                let turn = self.health.hear(&self.origin, key, began, verdict, now);
                self.take_turn(turn, permits);
            }
        }
        self.health.release(key);
        self.call(now)
    }

    pub(super) fn pass(&mut self, now: Timestamp) -> Vec<Key> {
        self.read(now);
        self.call(now)
    }

    pub(super) fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        let filled = |permits| {
            let room = self.crowd.has_room_for(permits);
            room.then(|| later(self.seen, self.bucket.wait(permits, self.crowd.cap())))
        };
        let others = match self.health.admits(&self.line, self.seen) {
            Admitted::Others(but) => self.line.first(Some(but)).and_then(filled),
            Admitted::Everybody | Admitted::Nobody => None,
        };
        let probe = self.health.next_probe(&self.line, self.seen);
        let all = probe.and_then(|probe| Some(probe.max(self.line.first(None).and_then(filled)?)));
        let at = others.into_iter().chain(all).min()?;
        // If the clock was set back since it was last read, what was arranged is still as far away.
        Some(if now < self.seen { earlier(at, now.duration_until(self.seen)) } else { at })
    }

    pub(super) fn parked(&self) -> Option<Parked> {
        self.health.parked()
    }

    /// Those in line.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Key> {
        self.tickets.iter().filter(|(_, it)| it.place == Place::InLine).map(|(key, _)| key)
    }

    pub(super) fn load(&self) -> Load {
        Load {
            in_flight: self.crowd.in_flight(),
            cap: self.crowd.cap(),
            waiting: self.line.len(),
            is_parked: self.health.parked().is_some(),
        }
    }

    /// Puts a key in line; one that is there keeps its arrival.
    fn put(&mut self, key: &Key, need: Need) {
        let before = self.tickets.get(key).map(|ticket| ticket.spot);
        let arrival = before.map_or(self.arrivals, |spot| spot.arrival);
        self.arrivals += u64::from(before.is_none());
        let spot = Spot { need, arrival, tried: self.health.has_tried(key) };
        self.move_to(key, spot, before);
    }

    fn move_to(&mut self, key: &Key, spot: Spot, before: Option<Spot>) {
        if before == Some(spot) {
            return;
        }
        match before {
            Some(before) => self.line.relocate(key, &before, &spot),
            None => self.line.insert(key.clone(), &spot),
        }
        self.tickets.insert(key.clone(), Ticket { spot, place: Place::InLine });
    }

    /// Calls every key whose turn has come.
    fn call(&mut self, now: Timestamp) -> Vec<Key> {
        let mut called = Vec::new();
        loop {
            let but = match self.health.admits(&self.line, now) {
                Admitted::Nobody => break,
                Admitted::Everybody => None,
                Admitted::Others(but) => Some(but),
            };
            let Some(permits) = self.line.first(but) else { break };
            let cap = self.crowd.cap();
            if !self.crowd.has_room_for(permits) || !self.bucket.wait(permits, cap).is_zero() {
                break;
            }
            let Some(key) = self.line.pop(but) else { break };
            self.crowd.enter(permits);
            self.bucket.take(permits);
            self.health.admit(&key, but.is_some());
            if let Some(ticket) = self.tickets.get_mut(&key) {
                ticket.place = Place::Called;
            }
            self.called.insert(key.clone());
            called.push(key);
        }
        called
    }

    /// A called key goes through.
    fn enter(&mut self, key: &Key) {
        if let Some(ticket) = self.tickets.get_mut(key) {
            ticket.place = Place::Through(self.health.age());
        }
    }

    /// A called key goes back to where it was in line.
    fn call_back(&mut self, key: &Key) {
        let Some(ticket) = self.tickets.get_mut(key) else { return };
        ticket.place = Place::InLine;
        let spot = ticket.spot;
        self.called.remove(key);
        self.crowd.exit(spot.need.permits);
        self.bucket.give_back(spot.need.permits);
        self.health.release(key);
        self.line.insert(key.clone(), &spot);
    }

    fn take_turn(&mut self, turn: Turn, permits: u32) {
        match turn {
            Turn::None => {}
            Turn::Served => self.crowd.answered(permits),
            Turn::Opened => {
                self.crowd.answered(permits);
                // A service that has just come back is not met with all that was saved up meanwhile.
                self.bucket.empty();
                for key in self.health.forget_tried() {
                    self.put_back_in_order(&key);
                }
            }
            Turn::Closed(ailment) => {
                if ailment == Ailment::Throttling {
                    self.crowd.halve();
                }
                // Those who were called and have not begun do not begin.
                for key in std::mem::take(&mut self.called) {
                    self.call_back(&key);
                }
            }
        }
    }

    fn put_back_in_order(&mut self, key: &Key) {
        if let Some(Ticket { spot, place: Place::InLine }) = self.tickets.get(key).copied() {
            self.move_to(key, Spot { tried: false, ..spot }, Some(spot));
        }
    }

    /// Reads the clock: what has passed fills the bucket. A clock that was set back has seen nothing pass.
    fn read(&mut self, now: Timestamp) {
        if now < self.seen {
            self.health.shift_back(now.duration_until(self.seen));
        } else {
            self.bucket.fill(self.seen.duration_until(now), self.crowd.cap());
        }
        self.seen = now;
    }
}

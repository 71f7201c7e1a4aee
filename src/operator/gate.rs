//! Who may call the authentication service now? Permits per origin (behaviour §4.4). Pure: no client, runtime, clock or
//! logger.
//!
//! A step that needs the service waits here as a key, not as a sleeping task. A freed permit calls the first key in line:
//! it is decided again, and asks again; its permits are kept for it until it does, or gives up.

use std::collections::{HashMap, VecDeque};

use crate::auth::Origin;
use crate::decision::Key;

/// Calls in flight at once, per origin.
pub const IN_FLIGHT: usize = 32;

/// The gates of all origins.
#[derive(Debug, Default)]
pub struct Gates {
    gates: HashMap<Origin, Gate>,
    /// Where each key that is in line, called or let through is, and with how many permits.
    keys: HashMap<Key, (Origin, usize, Place)>,
}

#[derive(Debug, Default)]
struct Gate {
    in_use: usize,
    line: VecDeque<Key>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    InLine,
    /// Its permits are kept for it.
    Called,
    /// It uses them.
    Through,
}

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Asked {
    /// Go, and [`Gates::leave`] when done. Otherwise the key is in line, and is called when its turn comes.
    pub through: bool,
    /// The keys that are called because this one needs something else than it had asked for.
    pub called: Vec<Key>,
}

impl Gates {
    /// Asks for permits, all at once.
    pub fn ask(&mut self, origin: &Origin, key: &Key, permits: usize) -> Asked {
        let called = match self.keys.get_mut(key) {
            Some((at, kept, place)) if at == origin && *kept == permits => {
                if *place == Place::Called {
                    *place = Place::Through;
                }
                return Asked { through: *place == Place::Through, called: Vec::new() };
            }
            // It needs something else than it asked for: back to the end of the line.
            Some(_) => self.give_up(key),
            None => Vec::new(),
        };
        let gate = self.gates.entry(origin.clone()).or_default();
        let free = gate.line.is_empty() && gate.in_use + permits <= IN_FLIGHT;
        let place = if free {
            gate.in_use += permits;
            Place::Through
        } else {
            gate.line.push_back(key.clone());
            Place::InLine
        };
        self.keys.insert(key.clone(), (origin.clone(), permits, place));
        Asked { through: free, called }
    }

    /// A key that was let through is done. Returns the keys that are called.
    pub fn leave(&mut self, key: &Key) -> Vec<Key> {
        self.remove(key)
    }

    /// A key no longer needs the service. Returns the keys that are called in its stead.
    pub fn give_up(&mut self, key: &Key) -> Vec<Key> {
        self.remove(key)
    }

    /// Of each origin: how many calls are in flight or about to be, and how many keys wait.
    pub fn occupancy(&self) -> impl Iterator<Item = (&Origin, usize, usize)> {
        self.gates.iter().map(|(origin, gate)| (origin, gate.in_use, gate.line.len()))
    }

    fn remove(&mut self, key: &Key) -> Vec<Key> {
        let Some((origin, permits, place)) = self.keys.remove(key) else {
            return Vec::new();
        };
        let Some(gate) = self.gates.get_mut(&origin) else {
            return Vec::new();
        };
        match place {
            Place::InLine => gate.line.retain(|other| other != key),
            Place::Called | Place::Through => gate.in_use -= permits,
        }
        let mut called = Vec::new();
        while let Some(first) = gate.line.front() {
            let Some((_, permits, place)) = self.keys.get_mut(first) else {
                gate.line.pop_front();
                continue;
            };
            if gate.in_use + *permits > IN_FLIGHT {
                break;
            }
            gate.in_use += *permits;
            *place = Place::Called;
            called.extend(gate.line.pop_front());
        }
        if gate.in_use == 0 && gate.line.is_empty() {
            self.gates.remove(&origin);
        }
        called
    }
}

#[cfg(test)]
mod tests;

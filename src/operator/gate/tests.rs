//! Never too many at once, nobody overtaken, and no permit lost, whatever the keys do.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{Asked, Gates, IN_FLIGHT};
use crate::auth::{Endpoint, Origin};
use crate::decision::{Key, Kind};

#[derive(Clone, Copy, Debug)]
enum Move {
    Ask(u8, bool, usize),
    /// It is done, or needs the service no more; in line, called or through.
    Leave(u8),
    GiveUp(u8),
}

fn key(n: u8) -> Key {
    Key::new(Kind::Request, "team", format!("r{n}"))
}

fn origin(production: bool) -> Origin {
    let endpoint = if production { Endpoint::production() } else { Endpoint::sandbox() };
    endpoint.origin().clone()
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..60_u8, any::<bool>(), 1..=2_usize).prop_map(|(key, origin, permits)| Move::Ask(key, origin, permits)),
        2 => (0..60_u8).prop_map(Move::Leave),
        1 => (0..60_u8).prop_map(Move::GiveUp),
    ];
    proptest::collection::vec(one, 1..300)
}

/// Who was let through or called, with what.
#[derive(Default)]
struct Ledger {
    has: HashMap<Key, (Origin, usize)>,
    asked: HashMap<Key, (Origin, usize)>,
    /// Called, and not yet seen again.
    called: Vec<Key>,
}

impl Ledger {
    fn make(&mut self, gates: &mut Gates, step: Move) {
        match step {
            Move::Ask(n, production, permits) => {
                let (key, origin) = (key(n), origin(production));
                let wanted = (origin.clone(), permits);
                if self.asked.get(&key) != Some(&wanted) {
                    self.has.remove(&key);
                }
                let Asked { through, called } = gates.ask(&origin, &key, permits);
                self.asked.insert(key.clone(), wanted.clone());
                self.called.retain(|it| *it != key);
                self.take(called);
                if through {
                    self.has.insert(key, wanted);
                } else {
                    assert!(!self.has.contains_key(&key), "{key:?} was called and is sent back");
                }
            }
            Move::Leave(n) => {
                self.forget(&key(n));
                let called = gates.leave(&key(n));
                self.take(called);
            }
            Move::GiveUp(n) => {
                self.forget(&key(n));
                let called = gates.give_up(&key(n));
                self.take(called);
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        self.has.remove(key);
        self.asked.remove(key);
        self.called.retain(|it| it != key);
    }

    fn take(&mut self, called: Vec<Key>) {
        for key in called {
            let wanted = self.asked.get(&key).expect("whoever is called has asked");
            assert!(self.has.insert(key.clone(), wanted.clone()).is_none(), "called twice");
            self.called.push(key);
        }
    }

    fn check(&self, gates: &Gates) {
        for side in [false, true] {
            let origin = origin(side);
            let in_use: usize = self.has.values().filter(|(at, _)| *at == origin).map(|(_, n)| n).sum();
            let waiting =
                self.asked.iter().filter(|(key, (at, _))| *at == origin && !self.has.contains_key(*key));
            let waiting: Vec<_> = waiting.collect();
            assert!(in_use <= IN_FLIGHT, "{in_use} permits of {IN_FLIGHT}");
            let told = gates.occupancy().find(|(at, ..)| **at == origin);
            let told = told.map_or((0, 0), |(_, in_use, waiting)| (in_use, waiting));
            assert_eq!(told, (in_use, waiting.len()), "permits in use, keys in line");
            // Nobody waits beside a permit that would do for anybody.
            assert!(waiting.is_empty() || in_use + 2 > IN_FLIGHT, "{waiting:?} wait at {in_use} permits");
        }
    }
}

proptest! {
    #[test]
    fn no_permit_is_lost_whatever_keys_do(moves in moves()) {
        let mut gates = Gates::default();
        let mut ledger = Ledger::default();
        for step in moves {
            ledger.make(&mut gates, step);
            ledger.check(&gates);
        }
        // At the end everybody leaves, and nothing is left.
        for n in 0..60 {
            ledger.make(&mut gates, Move::Leave(n));
        }
        prop_assert_eq!(gates.occupancy().count(), 0);
    }
}

fn asks(gates: &mut Gates, n: u8, permits: usize) -> bool {
    gates.ask(&origin(false), &key(n), permits).through
}

#[test]
fn never_more_than_32_permits() {
    let mut gates = Gates::default();
    let through = (0..60).filter(|n| asks(&mut gates, *n, 1)).count();
    assert_eq!(through, 32);
    let mut gates = Gates::default();
    let through = (0..60).filter(|n| asks(&mut gates, *n, 2)).count();
    assert_eq!(through, 16, "an exchange takes its two together");
}

#[test]
fn first_come_first_served() {
    let mut gates = Gates::default();
    for n in 0..40 {
        asks(&mut gates, n, 1);
    }
    let called: Vec<Key> = (0..8).flat_map(|n| gates.leave(&key(n))).collect();
    assert_eq!(called, (32..40).map(key).collect::<Vec<_>>());
}

/// One that needs two permits is not overtaken for ever by those that need one.
#[test]
fn nobody_overtakes_a_key_that_needs_two() {
    let mut gates = Gates::default();
    for n in 0..32 {
        assert!(asks(&mut gates, n, 1));
    }
    assert!(!asks(&mut gates, 40, 2));
    assert!(!asks(&mut gates, 41, 1));
    assert_eq!(gates.leave(&key(0)), [], "one permit is free, and it is kept");
    assert!(!asks(&mut gates, 42, 1));
    assert_eq!(gates.leave(&key(1)), [key(40)]);
    assert_eq!(gates.leave(&key(2)), [key(41)]);
}

#[test]
fn permits_are_kept_for_a_called_key_until_it_asks_or_gives_up() {
    let mut gates = Gates::default();
    for n in 0..34 {
        asks(&mut gates, n, 1);
    }
    assert_eq!(gates.leave(&key(0)), [key(32)]);
    assert!(!asks(&mut gates, 50, 1), "not free: kept for the one that was called");
    assert!(asks(&mut gates, 32, 1));
    assert_eq!(gates.leave(&key(1)), [key(33)]);
    assert_eq!(gates.give_up(&key(33)), [key(50)], "its turn goes to the next");
}

/// A key that waits at the head of the line for two permits, and comes back asking for one or elsewhere, frees the way.
#[test]
fn whoever_asks_for_something_else_frees_the_way() {
    let mut gates = Gates::default();
    for n in 0..31 {
        asks(&mut gates, n, 1);
    }
    assert!(!asks(&mut gates, 40, 2));
    assert!(!asks(&mut gates, 41, 1));
    let asked = gates.ask(&origin(true), &key(40), 2);
    assert!(asked.through);
    assert_eq!(asked.called, [key(41)]);
}

#[test]
fn origins_do_not_share_permits() {
    let mut gates = Gates::default();
    for n in 0..33 {
        asks(&mut gates, n, 1);
    }
    assert!(gates.ask(&origin(true), &key(50), 2).through);
}

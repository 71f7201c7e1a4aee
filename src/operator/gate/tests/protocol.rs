//! Never too many at once, nobody overtaken, and no permit lost, whatever the keys do.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::super::{Asked, Gates, Limits, Need, Verdict};
use super::{asks, key, millis, origin, renewal, secs, t0, without_rate};
use crate::auth::Origin;
use crate::decision::{Key, Urgency};

const IN_FLIGHT: u32 = 32;

#[derive(Clone, Copy, Debug)]
enum Move {
    Ask(u8, bool, u32, u8),
    /// It is done, or needs the service no more; in line, called or through.
    Leave(u8, u8),
    GiveUp(u8),
    /// So many seconds pass; fewer than none where the clock is set back.
    Pass(i64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => (0..60_u8, any::<bool>(), 1..=2_u32, 0..3_u8)
            .prop_map(|(key, origin, permits, urgency)| Move::Ask(key, origin, permits, urgency)),
        4 => (0..60_u8, 0..12_u8).prop_map(|(key, verdict)| Move::Leave(key, verdict)),
        2 => (0..60_u8).prop_map(Move::GiveUp),
        1 => (-1000..1000_i64).prop_map(Move::Pass),
    ];
    proptest::collection::vec(one, 1..300)
}

/// Who was let through or called, with what.
struct Ledger {
    gates: Gates,
    now: i64,
    asked: HashMap<Key, (Origin, u32)>,
    called: BTreeSet<Key>,
    /// With whether it was while the origin was unwell.
    through: HashMap<Key, bool>,
}

impl Ledger {
    fn new(limits: Limits) -> Self {
        Self {
            gates: Gates::new(limits),
            now: 0,
            asked: HashMap::new(),
            called: BTreeSet::new(),
            through: HashMap::new(),
        }
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Ask(n, production, permits, urgency) => self.ask(&key(n), production, permits, urgency),
            Move::Leave(n, verdict) => self.leave(&key(n), verdict),
            Move::GiveUp(n) => {
                self.forget(&key(n));
                let called = self.gates.give_up(&key(n), secs(self.now));
                self.take(called);
            }
            Move::Pass(by) => {
                self.now += by;
                let called = self.gates.pass(secs(self.now));
                self.take(called);
            }
        }
    }

    fn ask(&mut self, key: &Key, production: bool, permits: u32, urgency: u8) {
        let origin = origin(production);
        let wanted = (origin.clone(), permits);
        let before = self.asked.get(key).cloned();
        let goes_on = before
            .as_ref()
            .is_some_and(|(at, kept)| *at == origin && (self.through.contains_key(key) || *kept == permits));
        let was_called = self.called.remove(key);
        if !goes_on {
            self.forget(key);
        }
        let urgency = [Urgency::LifeIsEnding, Urgency::Wanted, Urgency::Renewal][usize::from(urgency)];
        let need = Need { permits, urgency, expires_at: None };
        let Asked { through, called } = self.gates.ask(&origin, key, need, secs(self.now));
        assert!(!called.contains(key), "{key:?} has asked: it need not be called");
        if through && !self.through.contains_key(key) {
            let is_probe = self.gates.parked(&origin).is_some();
            self.through.insert(key.clone(), is_probe);
        } else {
            assert!(through || !(goes_on && was_called), "{key:?} was called and is sent back");
        }
        // One that is through keeps what it has.
        if !(goes_on && before.as_ref().is_some_and(|(_, kept)| *kept != permits)) {
            self.asked.insert(key.clone(), wanted);
        }
        self.take(called);
    }

    fn leave(&mut self, key: &Key, verdict: u8) {
        let verdict = match verdict {
            0 => Verdict::Unreachable,
            1 => Verdict::Throttled { retry_after: None },
            2 => Verdict::Unheard,
            _ => Verdict::Served,
        };
        let well: Vec<Origin> =
            [false, true].map(origin).into_iter().filter(|at| self.gates.parked(at).is_none()).collect();
        self.forget(key);
        let called = self.gates.leave(key, verdict, secs(self.now));
        for closed in well.into_iter().filter(|at| self.gates.parked(at).is_some()) {
            // Whoever was called there is in line again.
            self.called.retain(|key| self.asked[key].0 != closed);
        }
        self.take(called);
    }

    fn forget(&mut self, key: &Key) {
        self.asked.remove(key);
        self.called.remove(key);
        self.through.remove(key);
    }

    fn take(&mut self, called: Vec<Key>) {
        for key in called {
            assert!(self.asked.contains_key(&key), "whoever is called has asked");
            assert!(!self.through.contains_key(&key), "{key:?} is through already");
            assert!(self.called.insert(key), "called twice");
        }
    }

    fn check(&self) {
        for side in [false, true] {
            let origin = origin(side);
            let here = |key: &&Key| self.asked[*key].0 == origin;
            let holds = self.called.iter().chain(self.through.keys()).filter(here);
            let in_use: u32 = holds.map(|key| self.asked[key].1).sum();
            let waits = |key: &&Key| !self.called.contains(*key) && !self.through.contains_key(*key);
            let waiting = self.asked.keys().filter(here).filter(waits).count();
            let told = self.gates.occupancy().find(|(at, _)| **at == origin);
            let Some((_, load)) = told else {
                assert_eq!((in_use, waiting), (0, 0));
                continue;
            };
            assert!((2..=IN_FLIGHT).contains(&load.cap), "{load:?}");
            assert_eq!((load.in_flight, load.waiting), (in_use, waiting), "permits in use, keys in line");
            if load.is_parked {
                let probes = self.through.iter().filter(|(key, probe)| **probe && here(key)).count();
                let called = self.called.iter().filter(here).count();
                assert!(probes + called <= 1, "{probes} probes and {called} called");
            } else {
                // Nobody waits beside a permit that would do for anybody.
                assert!(waiting == 0 || in_use + 2 > load.cap, "{waiting} wait: {load:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_permit_is_lost_whatever_keys_do(moves in moves()) {
        let mut ledger = Ledger::new(Limits { per_second: 0, ..Limits::default() });
        for step in moves {
            ledger.make(step);
            ledger.check();
        }
        // At the end everybody leaves, and nothing is left.
        for n in 0..60 {
            ledger.make(Move::GiveUp(n));
        }
        for (_, load) in ledger.gates.occupancy() {
            prop_assert_eq!((load.in_flight, load.waiting), (0, 0));
        }
    }
}

#[test]
fn never_more_than_32_permits() {
    let mut gates = without_rate();
    let through = (0..60).filter(|n| asks(&mut gates, &key(*n), renewal(1), t0())).count();
    assert_eq!(through, 32);
    let mut gates = without_rate();
    let through = (0..60).filter(|n| asks(&mut gates, &key(*n), renewal(2), t0())).count();
    assert_eq!(through, 16, "an exchange takes its two together");
}

/// One that needs two permits is not overtaken for ever by those that need one.
#[test]
fn nobody_overtakes_a_key_that_needs_two() {
    let mut gates = without_rate();
    for n in 0..32 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    assert!(!asks(&mut gates, &key(40), renewal(2), t0()));
    assert!(!asks(&mut gates, &key(41), renewal(1), t0()));
    assert_eq!(gates.leave(&key(0), Verdict::Served, t0()), [], "one permit is free, and it is kept");
    assert!(!asks(&mut gates, &key(42), renewal(1), t0()));
    assert_eq!(gates.leave(&key(1), Verdict::Served, t0()), [key(40)]);
    assert_eq!(gates.leave(&key(2), Verdict::Served, t0()), [key(41)]);
}

#[test]
fn permits_are_kept_for_a_called_key_until_it_asks_or_gives_up() {
    let mut gates = without_rate();
    for n in 0..34 {
        asks(&mut gates, &key(n), renewal(1), t0());
    }
    assert_eq!(gates.leave(&key(0), Verdict::Served, t0()), [key(32)]);
    assert!(!asks(&mut gates, &key(50), renewal(1), t0()), "not free: kept for the one that was called");
    assert!(asks(&mut gates, &key(32), renewal(1), t0()));
    assert_eq!(gates.leave(&key(1), Verdict::Served, t0()), [key(33)]);
    assert_eq!(gates.give_up(&key(33), t0()), [key(50)], "its turn goes to the next");
}

/// A key that waits at the head of the line for two permits, and comes back asking for one or elsewhere, frees the way.
#[test]
fn whoever_asks_for_something_else_frees_the_way() {
    let mut gates = without_rate();
    for n in 0..31 {
        asks(&mut gates, &key(n), renewal(1), t0());
    }
    assert!(!asks(&mut gates, &key(40), renewal(2), t0()));
    assert!(!asks(&mut gates, &key(41), renewal(1), t0()));
    let asked = gates.ask(&origin(true), &key(40), renewal(2), t0());
    assert!(asked.through);
    assert_eq!(asked.called, [key(41)]);
}

/// A called key that turns out to need more waits for the rest at the head of the line.
#[test]
fn a_called_key_that_needs_more_waits_for_it_and_keeps_its_arrival() {
    let mut gates = without_rate();
    for n in 0..34 {
        asks(&mut gates, &key(n), renewal(1), t0());
    }
    assert_eq!(gates.leave(&key(0), Verdict::Served, t0()), [key(32)]);
    assert!(!asks(&mut gates, &key(32), renewal(2), t0()));
    assert_eq!(gates.leave(&key(1), Verdict::Served, t0()), [key(32)], "before 33, which came later");
}

#[test]
fn origins_do_not_share_permits() {
    let mut gates = without_rate();
    for n in 0..33 {
        asks(&mut gates, &key(n), renewal(1), t0());
    }
    assert!(gates.ask(&origin(true), &key(50), renewal(2), t0()).through);
    assert_eq!(
        gates.next_opening(millis(1)),
        None,
        "what is full opens with somebody's leaving, not with time"
    );
}

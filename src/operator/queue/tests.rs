//! Nothing runs beside itself, nothing is forgotten, nobody is overtaken for ever.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::Queue;
use crate::decision::{Key, Kind};

#[derive(Clone, Copy, Debug)]
enum Move {
    Wake(u8),
    WakeFirst(u8),
    WakeAt(u8, Option<i64>),
    WakeBy(u8, i64),
    Pass(i64),
    Next,
    Done(u8),
}

fn key(n: u8) -> Key {
    Key::new(Kind::Request, "team", format!("r{n}"))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..6_u8).prop_map(Move::Wake),
        (0..6_u8).prop_map(Move::WakeFirst),
        (0..6_u8, proptest::option::of(0..60_i64)).prop_map(|(key, at)| Move::WakeAt(key, at)),
        (0..6_u8, 0..60_i64).prop_map(|(key, at)| Move::WakeBy(key, at)),
        (0..20_i64).prop_map(Move::Pass),
        Just(Move::Next),
        Just(Move::Next),
        (0..6_u8).prop_map(Move::Done),
    ];
    proptest::collection::vec(one, 1..120)
}

/// What must be true of the queue, kept in the plainest way.
#[derive(Default)]
struct Ledger {
    now: i64,
    running: HashSet<Key>,
    /// Woken, and not given out since.
    owed: HashSet<Key>,
    /// Those of them that go first.
    first: HashSet<Key>,
    timers: HashMap<Key, i64>,
}

impl Ledger {
    fn make(&mut self, queue: &mut Queue, step: Move) {
        match step {
            Move::Wake(n) => {
                queue.wake(key(n));
                self.owed.insert(key(n));
            }
            Move::WakeFirst(n) => {
                queue.wake_first(key(n));
                self.owed.insert(key(n));
                self.first.insert(key(n));
            }
            Move::WakeAt(n, when) => {
                let when = when.map(|it| self.now + it);
                queue.wake_at(&key(n), when.map(at));
                self.timers.remove(&key(n));
                self.timers.extend(when.map(|it| (key(n), it)));
            }
            Move::WakeBy(n, when) => {
                let when = self.now + when;
                queue.wake_by(&key(n), at(when));
                self.timers.entry(key(n)).and_modify(|it| *it = when.min(*it)).or_insert(when);
            }
            Move::Pass(seconds) => {
                self.now += seconds;
                queue.pass(at(self.now));
                let now = self.now;
                let due: Vec<Key> =
                    self.timers.extract_if(|_, when| *when <= now).map(|(key, _)| key).collect();
                self.owed.extend(due);
            }
            Move::Next => {
                if let Some(key) = queue.take() {
                    assert!(self.owed.remove(&key), "{key:?} runs though nobody woke it");
                    let waits = self.first.difference(&self.running).next().is_some();
                    assert_eq!(self.first.remove(&key), waits, "{key:?} runs, and {:?} go first", self.first);
                    assert!(self.running.insert(key.clone()), "{key:?} runs twice at once");
                } else {
                    let waiting: Vec<_> = self.owed.difference(&self.running).collect();
                    assert!(waiting.is_empty(), "{waiting:?} were woken and do not run");
                }
            }
            // Only who runs is done; a word too many must harm nobody.
            Move::Done(n) => {
                queue.done(&key(n));
                self.running.remove(&key(n));
            }
        }
        assert_eq!(
            queue.next_look(),
            self.timers.values().min().map(|it| at(*it)),
            "the next look is the earliest that was arranged"
        );
        assert_eq!(queue.load().2, self.running.len());
    }
}

proptest! {
    #[test]
    fn no_key_runs_twice_at_once(moves in moves()) {
        let mut queue = Queue::default();
        let mut ledger = Ledger::default();
        for step in moves {
            ledger.make(&mut queue, step);
        }
    }

    /// However often the others are woken: a key that is ready runs after at most as many others as were ready before it, and as
    /// were called.
    #[test]
    fn no_key_starves(
        before in 0..20_u8,
        called in proptest::collection::vec(0..20_u8, 0..20),
        noise in proptest::collection::vec(0..20_u8, 0..200),
    ) {
        let mut queue = Queue::default();
        for n in 0..before {
            queue.wake(key(n));
        }
        let patient = key(100);
        queue.wake(patient.clone());
        let (mut noise, mut called) = (noise.into_iter(), called.into_iter());
        let mut first = 0;
        for turn in 0.. {
            let next = queue.take().expect("somebody is ready");
            if next == patient {
                prop_assert!(turn <= usize::from(before) + first, "{} turns, {} of them called", turn, first);
                return Ok(());
            }
            if let Some(n) = called.next() {
                queue.wake_first(key(n));
                first += 1;
            }
            for n in noise.by_ref().take(10) {
                queue.wake(key(n));
            }
            queue.done(&next);
            queue.wake(next);
        }
    }
}

#[test]
fn a_key_woken_while_it_runs_runs_once_more() {
    let mut queue = Queue::default();
    queue.wake(key(1));
    assert_eq!(queue.take(), Some(key(1)));
    queue.wake(key(1));
    queue.wake(key(1));
    assert_eq!(queue.take(), None, "it still runs");
    queue.done(&key(1));
    assert_eq!(queue.take(), Some(key(1)));
    queue.done(&key(1));
    assert_eq!(queue.take(), None);
}

/// Whom a gate has called goes first, wherever it is: not ready, ready, or running.
#[test]
fn whoever_is_called_goes_before_all_that_are_ready() {
    let mut queue = Queue::default();
    queue.wake(key(1));
    assert_eq!(queue.take(), Some(key(1)));
    (2..5).for_each(|n| queue.wake(key(n)));
    queue.wake_first(key(4));
    queue.wake_first(key(1));
    queue.wake(key(1));
    queue.wake_first(key(9));
    queue.done(&key(1));
    let order: Vec<Key> = std::iter::from_fn(|| queue.take()).collect();
    assert_eq!(order, [4, 9, 1, 2, 3].map(key));
}

#[test]
fn a_new_arrangement_replaces_the_old_one() {
    let mut queue = Queue::default();
    queue.wake_at(&key(1), Some(at(10)));
    queue.wake_at(&key(1), Some(at(20)));
    queue.pass(at(10));
    assert_eq!(queue.take(), None);
    queue.pass(at(20));
    assert_eq!(queue.take(), Some(key(1)));
    assert_eq!(queue.next_look(), None);
}

#[test]
fn what_is_due_together_runs_by_its_instant() {
    let mut queue = Queue::default();
    queue.wake_at(&key(1), Some(at(2)));
    queue.wake_at(&key(2), Some(at(1)));
    queue.pass(at(2) + SignedDuration::from_secs(1));
    assert_eq!((queue.take(), queue.take()), (Some(key(2)), Some(key(1))));
}

/// Behaviour §2.3: what was arranged by a clock that was wrong is not waited for.
#[test]
fn a_clock_that_is_set_back_wakes_everything_at_once() {
    let mut queue = Queue::default();
    queue.pass(at(1000));
    queue.wake_at(&key(1), Some(at(1010)));
    queue.wake_at(&key(2), Some(at(1900)));
    queue.pass(at(1000 - 6));
    let woken: HashSet<_> = [queue.take(), queue.take()].into_iter().flatten().collect();
    assert_eq!(woken, [key(1), key(2)].into());
    assert_eq!((queue.next_look(), queue.take()), (None, None), "what was arranged is forgotten");

    // It was one step: from here on the queue goes by the clock as it is.
    queue.done(&key(1));
    queue.wake_at(&key(1), Some(at(1005)));
    queue.pass(at(1000));
    assert_eq!((queue.next_look(), queue.take()), (Some(at(1005)), None));
    queue.pass(at(1005));
    assert_eq!(queue.take(), Some(key(1)));
}

/// Clocks that are kept in step go back a little now and then.
#[test]
fn a_clock_that_goes_back_a_little_wakes_nobody() {
    let mut queue = Queue::default();
    queue.pass(at(1000));
    queue.wake_at(&key(1), Some(at(1010)));
    queue.pass(at(1000 - 5));
    assert_eq!((queue.next_look(), queue.take()), (Some(at(1010)), None));
    queue.pass(at(1009));
    assert_eq!(queue.take(), None);
    queue.pass(at(1010));
    assert_eq!(queue.take(), Some(key(1)));
}

#[test]
fn the_load_is_who_waits_who_comes_later_and_who_runs() {
    let mut queue = Queue::default();
    assert_eq!(queue.load(), (0, 0, 0));
    (0..6).for_each(|n| queue.wake(key(n)));
    queue.wake_at(&key(7), Some(at(60)));
    queue.wake_at(&key(8), Some(at(60)));
    assert_eq!(queue.load(), (6, 2, 0));
    (0..2).for_each(|_| drop(queue.take()));
    assert_eq!(queue.load(), (4, 2, 2));
}

#[test]
fn a_key_runs_from_when_it_is_taken_until_it_is_done() {
    let mut queue = Queue::default();
    assert!(!queue.runs(&key(1)));
    queue.wake(key(1));
    assert!(!queue.runs(&key(1)), "it is ready");
    assert_eq!(queue.take(), Some(key(1)));
    assert!(queue.runs(&key(1)));
    queue.wake(key(1));
    assert!(queue.runs(&key(1)), "once more after this");
    queue.done(&key(1));
    assert!(!queue.runs(&key(1)), "ready again");
}

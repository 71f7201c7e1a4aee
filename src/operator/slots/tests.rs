//! What the places promise: a namespace that hangs has what is left of others, nobody who waits is forgotten.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{ALL, Slots, Want};
use crate::decision::{Key, Kind};

fn key(namespace: usize, n: usize) -> Key {
    Key::new(Kind::Request, format!("team-{namespace}"), format!("r{n:03}"))
}

/// How many of this namespace's effects begin, if it wants more than there are places.
fn fill(slots: &mut Slots, namespace: usize) -> usize {
    (0..2 * ALL).filter(|n| slots.ask(&key(namespace, *n), Want::Other)).count()
}

/// One after the other, all of one namespace.
fn called(slots: &mut Slots, how_many: usize) -> Vec<Key> {
    let one = |_| {
        slots.end(&key(0, 0).namespace);
        let called = slots.call().expect("somebody waits");
        assert!(slots.ask(&called, Want::Other));
        called
    };
    (0..how_many).map(one).collect()
}

#[test]
fn namespaces_that_hang_leave_places_for_the_next() {
    let mut slots = Slots::default();
    let taken: Vec<usize> = (0..7).map(|namespace| fill(&mut slots, namespace)).collect();
    assert_eq!(taken, [32, 16, 8, 4, 2, 1, 1]);
    assert_eq!(slots.taken(), ALL);
    slots.leave();
    assert_eq!((slots.keys.len(), slots.taken()), (0, ALL));
    assert_eq!(slots.call(), None);
}

#[test]
fn the_namespace_that_has_the_fewest_is_called_first_and_its_first_in_line() {
    let mut slots = Slots::default();
    assert_eq!(fill(&mut slots, 0), 32);
    assert_eq!(fill(&mut slots, 1), 16);
    slots.end(&key(0, 0).namespace);
    assert_eq!(slots.call(), Some(key(1, 16)));
    assert_eq!(slots.call(), None, "47 places are taken: 17 are left");
    // Its place is kept: nobody else has it, and it has it once.
    assert!(!slots.ask(&key(0, 0), Want::Other));
    assert!(slots.ask(&key(1, 16), Want::Other));
    assert!(!slots.ask(&key(1, 16), Want::Other));
}

#[test]
fn whoever_wants_nothing_any_more_lets_the_next_go() {
    let mut slots = Slots::default();
    let began = fill(&mut slots, 0);
    slots.give_up(&key(0, began + 1));
    slots.end(&key(0, 0).namespace);
    assert_eq!((slots.call(), slots.call()), (Some(key(0, began)), None));
    slots.give_up(&key(0, began));
    assert_eq!((slots.call(), slots.call()), (Some(key(0, began + 2)), None), "the one between has gone");
    // Whoever is decided again keeps its turn.
    assert!(!slots.ask(&key(0, began + 3), Want::Other));
    slots.end(&key(0, 0).namespace);
    assert_eq!(slots.call(), Some(key(0, began + 3)));
}

#[test]
fn tokens_and_others_go_by_turns() {
    let mut slots = Slots::default();
    let began = fill(&mut slots, 0);
    slots.leave();
    for n in 0..3 {
        assert!(!slots.ask(&key(0, began + n), Want::Other));
    }
    for n in 0..5 {
        assert!(!slots.ask(&key(0, 100 + n), Want::Token));
    }
    // It has something else to say by now, and keeps its turn.
    assert!(!slots.ask(&key(0, 101), Want::Other));
    let names = [100, began, 102, began + 1, 103, began + 2, 104, 101];
    assert_eq!(called(&mut slots, names.len()), names.map(|n| key(0, n)));
}

proptest! {
    /// Whoever asks is begun in the end, in whatever order effects end, whoever gives up and however the turns of those who were
    /// called fall; and at no time has anybody more than was left.
    #[test]
    fn nobody_who_waits_is_forgotten(steps in proptest::collection::vec((0_usize..10, 0_usize..3, 0_usize..60), 1..600)) {
        let mut slots = Slots::default();
        let mut running: BTreeSet<Key> = BTreeSet::new();
        let mut wants: BTreeSet<Key> = BTreeSet::new();
        let mut ready: Vec<Key> = Vec::new();
        for (step, namespace, n) in steps {
            let key = key(namespace, n);
            match step {
                // More begins than ends: there are lines.
                0..=3 if !running.contains(&key) => {
                    wants.insert(key.clone());
                    ready.push(key);
                }
                4 => if let Some(ended) = running.iter().nth(n % running.len().max(1)).cloned() {
                    running.remove(&ended);
                    slots.end(&ended.namespace);
                },
                5 => if wants.remove(&key) {
                    slots.give_up(&key);
                },
                _ => take_a_turn(&mut slots, &mut ready, &mut wants, &mut running),
            }
            prop_assert!(slots.taken() <= ALL);
        }
        while !wants.is_empty() {
            take_a_turn(&mut slots, &mut ready, &mut wants, &mut running);
            let goes_on = !running.is_empty() || !ready.is_empty() || wants.is_empty();
            prop_assert!(goes_on, "{} wait, and nothing runs", wants.len());
            if ready.is_empty() && let Some(ended) = running.pop_first() {
                slots.end(&ended.namespace);
            }
        }
        for key in &running {
            slots.end(&key.namespace);
        }
        prop_assert_eq!(format!("{:?}", Slots { turn: 0, ..slots }), format!("{:?}", Slots::default()));
    }
}

fn want(key: &Key) -> Want {
    if key.name.ends_with(['1', '2', '3']) { Want::Other } else { Want::Token }
}

/// As the loop does: those who are called are ready, and one that is ready has its turn.
fn take_a_turn(
    slots: &mut Slots,
    ready: &mut Vec<Key>,
    wants: &mut BTreeSet<Key>,
    running: &mut BTreeSet<Key>,
) {
    ready.extend(std::iter::from_fn(|| slots.call()));
    let Some(key) = ready.pop() else { return };
    if !wants.contains(&key) {
        slots.give_up(&key);
    } else if !running.contains(&key) && slots.ask(&key, want(&key)) {
        assert!(running.iter().filter(|it| it.namespace == key.namespace).count() < ALL / 2);
        wants.remove(&key);
        running.insert(key);
    }
}

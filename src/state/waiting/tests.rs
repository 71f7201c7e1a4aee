//! Whose turn it is, in other words; and that finding it costs no look at all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Waiting, Waits};
use crate::decision::{Key, Kind};

fn request((namespace, name): (u8, u8)) -> Key {
    Key::new(Kind::Request, format!("team-{namespace}"), format!("r{name}"))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("an instant")
}

proptest! {
    #[test]
    fn the_first_end_of_those_who_wait_is_known(
        deeds in vec(((0..2_u8, 0..4_u8), option::of(option::of(0..9_i64))), 0..40),
        after in 0..9_i64,
    ) {
        let mut waiting = Waiting::default();
        let mut all = BTreeMap::new();
        for (it, ends) in deeds {
            if let Some(ends) = ends {
                waiting.insert(&request(it), Waits { tries: None, ends: ends.map(at) });
                all.insert(it, ends);
            } else {
                waiting.remove(&request(it));
                all.remove(&it);
            }
        }
        let first = all.values().flatten().filter(|end| **end > after).min();
        prop_assert_eq!(waiting.first_end_after(at(after)), first.copied().map(at));
        let ends = all.values().flatten().collect::<BTreeSet<_>>();
        prop_assert_eq!(waiting.ends.len(), ends.len(), "none is left behind");
    }

    /// As a sort of all who wait would have it.
    #[test]
    fn namespaces_take_turns_and_of_one_whoever_failed_least_goes_first(
        deeds in vec(((0..4_u8, 0..6_u8), option::of(option::of(1..4_u32))), 0..40),
        last in option::of((0..4_u8, 0..6_u8)),
    ) {
        let mut waiting = Waiting::default();
        let mut all: Vec<(Key, Option<u32>)> = Vec::new();
        for (it, tries) in deeds {
            let before = all.len();
            all.retain(|(key, _)| *key != request(it));
            let was_there = all.len() < before;
            if let Some(tries) = tries {
                prop_assert_eq!(waiting.insert(&request(it), Waits { tries, ends: None }), !was_there);
                all.push((request(it), tries));
            } else {
                prop_assert_eq!(waiting.remove(&request(it)), was_there);
            }
        }
        let last = last.map(request);
        let again = |key: &Key| last.as_ref().is_some_and(|last| key.namespace == last.namespace);
        let behind = |key: &Key| last.as_ref().is_some_and(|last| key.namespace < last.namespace);
        let over = |key: &Key| last.as_ref().is_some_and(|last| again(key) && key <= last);
        all.sort_by_key(|(key, failed)| {
            (again(key), behind(key), key.namespace.clone(), *failed, over(key), key.clone())
        });
        let may: Vec<&Key> = all.iter().filter(|(_, tries)| tries.is_some()).map(|(key, _)| key).collect();
        prop_assert_eq!(waiting.in_turn(last.as_ref()).collect::<Vec<_>>(), may.clone());
        prop_assert_eq!((waiting.len(), waiting.clone().take().len()), (all.len(), all.len()));
        prop_assert_eq!(may.is_empty(), waiting.turns.is_empty(), "no empty turn is left behind");
    }
}

/// Were all sorted for each, this would take hours.
#[test]
fn fifty_thousand_who_wait_have_their_turns() {
    let mut waiting = Waiting::default();
    let name = |n: u32| Key::new(Kind::Request, format!("team-{}", n % 3), format!("r{n}"));
    for n in 0..50_000 {
        assert!(waiting.insert(&name(n), Waits { tries: Some(0), ends: None }));
    }
    let mut last: Option<Key> = None;
    for n in 0..50_000 {
        let next = waiting.in_turn(last.as_ref()).next().expect("somebody waits").clone();
        assert!(n > 49_000 || last.is_none_or(|last| last.namespace != next.namespace), "{next:?}");
        waiting.remove(&next);
        waiting.insert(&next, Waits { tries: Some(1), ends: None });
        last = Some(next);
    }
    assert_eq!(
        waiting.turns.values().map(BTreeMap::len).collect::<Vec<_>>(),
        [1, 1, 1],
        "all have failed once"
    );
}

//! What the line of whole reads promises: few at once, in the order of coming, one for all who want the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{AT_ONCE, Reads};
use crate::decision::{Key, Kind};
use crate::state::SecretName;

fn key(n: usize) -> Key {
    Key::new(Kind::Credential, "team", format!("c{n}"))
}

fn secret(n: usize) -> SecretName {
    ("team".into(), format!("s{n}").into())
}

/// All that may be read now.
fn begun(reads: &mut Reads) -> Vec<SecretName> {
    std::iter::from_fn(|| reads.begin()).collect()
}

#[test]
fn eight_are_read_at_once_and_the_others_in_the_order_of_coming() {
    let mut reads = Reads::default();
    let at_once: Vec<bool> = (0..20).map(|n| reads.want(&key(n), &secret(n))).collect();
    assert!(at_once[..AT_ONCE].iter().all(|it| *it) && !at_once[AT_ONCE..].contains(&true), "{at_once:?}");
    assert_eq!(begun(&mut reads), (0..8).map(secret).collect::<Vec<_>>());
    assert_eq!(reads.under_way(), 8);
    assert_eq!(reads.done(&secret(5)), [key(5)].into());
    assert_eq!(begun(&mut reads), [secret(8)]);
    // Whoever asks again, as something changed for it, keeps its place.
    assert!(!reads.want(&key(9), &secret(9)));
    reads.done(&secret(0));
    reads.done(&secret(1));
    assert_eq!(begun(&mut reads), [secret(9), secret(10)]);
}

#[test]
fn one_read_is_for_all_who_want_it_until_it_is_done() {
    let mut reads = Reads::default();
    for n in 0..50 {
        reads.want(&key(n), &secret(0));
    }
    assert_eq!(begun(&mut reads), [secret(0)]);
    assert!(reads.want(&key(50), &secret(0)), "it is being read");
    reads.give_up(&key(7));
    assert_eq!(begun(&mut reads), Vec::<SecretName>::new());
    let told = reads.done(&secret(0));
    assert_eq!(told.len(), 50);
    assert!(!told.contains(&key(7)) && told.contains(&key(50)));
    assert!(reads.want(&key(7), &secret(0)), "again");
    assert_eq!(begun(&mut reads), [secret(0)]);
}

#[test]
fn what_nobody_wants_any_more_is_not_read() {
    let mut reads = Reads::default();
    for n in 0..10 {
        reads.want(&key(n), &secret(n % 5));
    }
    reads.give_up(&key(0));
    reads.give_up(&key(1));
    reads.give_up(&key(6));
    // The spec names another Secret now.
    reads.want(&key(2), &secret(3));
    reads.want(&key(7), &secret(3));
    assert_eq!(begun(&mut reads), [secret(0), secret(3), secret(4)]);
    assert_eq!(reads.wanted_by(&secret(3)).count(), 4);
}

proptest! {
    /// Whatever keys want and give up: no more than eight at once, none twice at once, whoever wants is told, nobody else is.
    #[test]
    fn whoever_wants_is_told_and_nobody_is_forgotten(deeds in vec((0..4_u8, 0..30_usize, 0..15_usize), 0..200)) {
        let mut reads = Reads::default();
        let mut wants: BTreeMap<Key, SecretName> = BTreeMap::new();
        let mut under_way: BTreeSet<SecretName> = BTreeSet::new();
        for (deed, n, s) in deeds {
            match deed {
                0 | 1 => {
                    reads.want(&key(n), &secret(s));
                    wants.insert(key(n), secret(s));
                }
                2 => {
                    reads.give_up(&key(n));
                    wants.remove(&key(n));
                }
                _ => {
                    if let Some(secret) = under_way.pop_first() {
                        let told = reads.done(&secret);
                        let wanted: BTreeSet<Key> =
                            wants.iter().filter(|(_, it)| **it == secret).map(|(key, _)| key.clone()).collect();
                        prop_assert_eq!(&told, &wanted);
                        wants.retain(|key, _| !told.contains(key));
                    }
                }
            }
            for secret in begun(&mut reads) {
                prop_assert!(reads.wanted_by(&secret).next().is_some(), "{:?} is wanted by nobody", secret);
                prop_assert!(under_way.insert(secret), "twice");
            }
            prop_assert!(under_way.len() <= AT_ONCE);
            prop_assert_eq!(reads.under_way(), under_way.len());
            let waiting: BTreeSet<&SecretName> = wants.values().filter(|it| !under_way.contains(*it)).collect();
            prop_assert!(waiting.is_empty() || under_way.len() == AT_ONCE, "{:?} wait for nothing", waiting);
        }
    }
}

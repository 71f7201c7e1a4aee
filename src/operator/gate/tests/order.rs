//! Who goes first (behaviour §4.4): urgency, then namespaces in turn, then the earlier end of life, then the earlier arrival.

use super::super::{Gates, Limits, Need, Verdict};
use super::{asks, calls_in_turn, ending, in_namespace, key, renewal, secs, t0};
use crate::decision::{Key, Kind, Urgency};

/// A gate with two permits, both taken by `busy`.
fn busy() -> (Gates, Key) {
    let mut gates = Gates::new(Limits { per_second: 0, burst: 2, in_flight: 2 });
    let busy = in_namespace("busy", 0);
    assert!(asks(&mut gates, &busy, renewal(2), t0()));
    (gates, busy)
}

fn in_turn(mut gates: Gates, busy: &Key) -> Vec<Key> {
    let first = gates.leave(busy, Verdict::Served, t0());
    assert_eq!(first.len(), 1, "each needs both permits");
    calls_in_turn(&mut gates, first, 2, t0())
}

fn both(need: Need) -> Need {
    Need { permits: 2, ..need }
}

#[test]
fn the_more_urgent_goes_first_whenever_it_came() {
    let (mut gates, busy) = busy();
    let of = |urgency| Need { permits: 2, urgency, expires_at: None };
    for (n, urgency) in [Urgency::Renewal, Urgency::Wanted, Urgency::LifeIsEnding].into_iter().enumerate() {
        assert!(!asks(&mut gates, &key(u8::try_from(n).expect("small")), of(urgency), t0()));
    }
    assert_eq!(in_turn(gates, &busy), [key(2), key(1), key(0)]);
}

/// Whose turn it is when so many of each urgency wait, by their namespaces: `short`, `new` and `due`.
fn turns_of(short: u8, new: u8, due: u8) -> Vec<String> {
    let (mut gates, busy) = busy();
    let waiting = [
        ("due", due, Urgency::Renewal),
        ("new", new, Urgency::Wanted),
        ("short", short, Urgency::LifeIsEnding),
    ];
    for (namespace, many, urgency) in waiting {
        for n in 0..many {
            let need = Need { permits: 2, urgency, expires_at: None };
            assert!(!asks(&mut gates, &in_namespace(namespace, n), need, t0()));
        }
    }
    in_turn(gates, &busy).iter().map(|key| key.namespace.to_string()).collect()
}

/// However many lives end: nobody else waits for ever.
#[test]
fn every_fourth_turn_is_left_to_those_whose_life_is_not_ending() {
    let [short, new, due] = ["short", "new", "due"];
    assert_eq!(
        turns_of(9, 2, 2),
        [short, short, short, new, short, short, short, new, short, short, short, due, due]
    );
}

/// Nor do renewals wait for as long as somebody renews by hand.
#[test]
fn every_fourth_turn_of_what_is_wanted_is_left_to_renewals() {
    let [short, new, due] = ["short", "new", "due"];
    assert_eq!(turns_of(1, 8, 4), [short, new, new, new, due, new, new, new, due, new, new, due, due]);
}

#[test]
fn namespaces_take_turns_within_one_urgency() {
    let (mut gates, busy) = busy();
    for n in 0..4 {
        asks(&mut gates, &in_namespace("large", n), both(renewal(2)), t0());
    }
    for n in 0..2 {
        asks(&mut gates, &in_namespace("small", n), both(renewal(2)), t0());
    }
    let order = in_turn(gates, &busy);
    let names: Vec<&str> = order.iter().map(|key| &*key.namespace).collect();
    assert_eq!(names, ["large", "small", "large", "small", "large", "large"]);
}

/// A namespace gains nothing by asking for its next key only when the last is done.
#[test]
fn whoever_comes_back_is_last_in_its_round() {
    let (mut gates, busy) = busy();
    for namespace in ["a", "b", "c"] {
        asks(&mut gates, &in_namespace(namespace, 0), both(renewal(2)), t0());
    }
    assert_eq!(gates.leave(&busy, Verdict::Served, t0()), [in_namespace("a", 0)]);
    asks(&mut gates, &in_namespace("a", 1), both(renewal(2)), t0());
    let order = calls_in_turn(&mut gates, vec![in_namespace("a", 0)], 2, t0());
    let names: Vec<&str> = order.iter().map(|key| &*key.namespace).collect();
    assert_eq!(names, ["a", "b", "c", "a"]);
}

#[test]
fn of_one_namespace_the_earlier_end_goes_first_then_the_earlier_arrival() {
    let (mut gates, busy) = busy();
    for (n, end) in [(0, Some(900)), (1, None), (2, Some(300)), (3, Some(600)), (4, Some(300)), (5, None)] {
        let need = Need { expires_at: end.map(secs), ..renewal(2) };
        asks(&mut gates, &key(n), need, t0());
    }
    assert_eq!(in_turn(gates, &busy), [2, 4, 3, 0, 1, 5].map(key));
}

/// A renewal whose life runs out while it waits goes before others once it says so.
#[test]
fn a_key_whose_need_has_changed_is_put_where_it_belongs() {
    let (mut gates, busy) = busy();
    for n in 0..3 {
        asks(&mut gates, &key(n), both(ending(secs(600 + i64::from(n)))), t0());
    }
    let urgent = Need { urgency: Urgency::LifeIsEnding, ..both(ending(secs(602))) };
    assert!(!asks(&mut gates, &key(2), urgent, t0()));
    assert_eq!(in_turn(gates, &busy), [2, 0, 1].map(key));
}

/// Asking again is no way to lose, or to win, one's place.
#[test]
fn a_key_that_asks_again_keeps_its_place() {
    let (mut gates, busy) = busy();
    for n in 0..3 {
        asks(&mut gates, &key(n), renewal(2), t0());
    }
    asks(&mut gates, &key(0), Need { expires_at: Some(secs(5)), ..renewal(2) }, t0());
    asks(&mut gates, &key(0), renewal(2), t0());
    asks(&mut gates, &key(1), renewal(2), t0());
    assert_eq!(in_turn(gates, &busy), [0, 1, 2].map(key));
}

/// The only key of its namespace keeps its namespace's turn when its end of life has become known.
#[test]
fn a_namespace_keeps_its_turn_when_its_only_key_asks_again() {
    let (mut gates, busy) = busy();
    for namespace in ["a", "b"] {
        asks(&mut gates, &in_namespace(namespace, 0), renewal(2), t0());
    }
    asks(&mut gates, &in_namespace("a", 0), Need { expires_at: Some(secs(5)), ..renewal(2) }, t0());
    assert_eq!(in_turn(gates, &busy), ["a", "b"].map(|namespace| in_namespace(namespace, 0)));
}

/// Were any operation to look at all that wait, this would take hours.
#[test]
fn fifty_thousand_keys_in_line_are_worked_off() {
    let (mut gates, busy) = busy();
    let all: u32 = 50_000;
    let name = |n: u32| Key::new(Kind::Request, format!("team-{}", n % 50), format!("r{n}"));
    for n in 0..all {
        let need = Need { expires_at: Some(secs(i64::from(n.wrapping_mul(7919) % all))), ..renewal(2) };
        assert!(!asks(&mut gates, &name(n), need, t0()));
    }
    for n in (0..all).step_by(5) {
        let _ = gates.give_up(&name(n), t0());
    }
    assert_eq!(in_turn(gates, &busy).len(), 40_000);
}

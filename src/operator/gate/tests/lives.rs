//! An origin that cannot be reached is asked again within a quarter of the shortest life that is left to those who wait, and
//! not within two seconds (behaviour §4.3, §9).

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::{Gates, Need, Verdict};
use super::{asks, ending, key, millis, origin, renewal, secs, without_rate};
use crate::decision::Urgency;

const TOLD: Verdict = Verdict::Throttled { retry_after: Some(SignedDuration::from_secs(100)) };

/// Gates whose origin was found unwell by each probe, the last time at 1000 s, and is left alone for minutes.
fn unwell_for_long(verdict: Verdict) -> Gates {
    let mut gates = without_rate();
    let (mut n, mut now) = (0, secs(0));
    loop {
        assert!(asks(&mut gates, &key(n), renewal(1), now));
        let _ = gates.leave(&key(n), verdict, now);
        let next = gates.parked(&origin(false)).expect("it is unwell").next_probe;
        match now {
            _ if next <= secs(700) => now = next,
            _ if now < secs(1000) => now = secs(1000),
            _ => return gates,
        }
        n += 1;
    }
}

fn opening(gates: &Gates, now: Timestamp) -> Option<i64> {
    gates.next_opening(now).map(|at| at.duration_since(secs(0)).as_secs())
}

#[test]
fn the_shortest_life_that_is_left_counts() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    assert!(!asks(&mut gates, &key(20), renewal(1), secs(1000)));
    let long = opening(&gates, secs(1000)).expect("somebody waits");
    assert!(long > 1200, "{long}");
    assert!(!asks(&mut gates, &key(21), ending(secs(1400)), secs(1001)));
    assert_eq!(opening(&gates, secs(1001)), Some(1100), "a quarter of the 400 s");
    assert!(!asks(&mut gates, &key(22), ending(secs(1040)), secs(1002)));
    assert_eq!(opening(&gates, secs(1002)), Some(1010));
    assert_eq!(gates.pass(millis(1_009_999)), []);
    assert_eq!(gates.pass(secs(1010)).len(), 1);
}

/// Whoever leaves, or says that it has another life, hurries nobody any more.
#[test]
fn a_life_counts_while_its_key_is_in_line() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    for end in [1040, 1080, 1040] {
        assert!(!asks(&mut gates, &key(20), ending(secs(end)), secs(1001)));
        assert_eq!(opening(&gates, secs(1001)), Some(1000 + (end - 1000) / 4));
    }
    // In another lane.
    let urgent = Need { urgency: Urgency::LifeIsEnding, ..ending(secs(1040)) };
    assert!(!asks(&mut gates, &key(20), urgent, secs(1001)));
    assert_eq!(opening(&gates, secs(1001)), Some(1010));
    // For more calls, in the same place.
    assert!(!asks(&mut gates, &key(20), Need { permits: 2, ..urgent }, secs(1001)));
    assert_eq!(opening(&gates, secs(1001)), Some(1010));
    assert!(!asks(&mut gates, &key(21), renewal(1), secs(1001)));
    assert_eq!(gates.give_up(&key(20), secs(1001)), []);
    assert!(opening(&gates, secs(1001)) > Some(1200));
    // Called, and not heard of.
    assert!(!asks(&mut gates, &key(20), urgent, secs(1001)));
    assert_eq!(gates.pass(secs(1010)), [key(20)]);
    assert!(asks(&mut gates, &key(20), urgent, secs(1010)));
    assert_eq!(gates.leave(&key(20), Verdict::Unheard, secs(1011)), []);
    assert!(opening(&gates, secs(1011)) > Some(1200));
}

/// Somebody in line is called for it, who may be another.
#[test]
fn who_comes_when_its_quarter_is_over_has_the_origin_asked_at_once() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    let urgent = Need { urgency: Urgency::LifeIsEnding, expires_at: None, permits: 1 };
    assert!(!asks(&mut gates, &key(20), urgent, secs(1030)));
    let asked = gates.ask(&origin(false), &key(21), ending(secs(1040)), secs(1030));
    assert_eq!((asked.through, asked.called), (false, vec![key(20)]));
}

/// However many lives end, and whenever: behaviour's bound on what anybody can do to a host that others wait for.
#[test]
fn nobody_has_the_origin_asked_within_two_seconds() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    for n in 20..120 {
        assert!(!asks(&mut gates, &key(n), ending(millis(1_000_000 + i64::from(n))), secs(1000)));
    }
    assert_eq!(opening(&gates, secs(1000)), Some(1002));
    assert_eq!(gates.pass(millis(1_001_999)), []);
}

#[test]
fn a_life_that_is_over_hurries_nobody() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    assert!(!asks(&mut gates, &key(20), ending(secs(1000)), secs(1001)));
    assert!(opening(&gates, secs(1001)) > Some(1200));
    assert!(!asks(&mut gates, &key(21), ending(secs(1008)), secs(1001)));
    assert_eq!(opening(&gates, secs(1001)), Some(1002));
}

/// Whoever asks for fewer calls gets fewer: at first hand, or by the way.
#[test]
fn what_a_service_asked_for_holds_whosever_life_ends() {
    let mut gates = unwell_for_long(TOLD);
    assert!(!asks(&mut gates, &key(20), ending(secs(1010)), secs(1001)));
    assert_eq!(opening(&gates, secs(1001)), Some(1100));
    let mut gates = without_rate();
    for n in 0..2 {
        assert!(asks(&mut gates, &key(n), renewal(1), secs(0)));
    }
    let _ = gates.leave(&key(0), Verdict::Unreachable, secs(0));
    let _ = gates.leave(&key(1), TOLD, secs(1));
    assert!(!asks(&mut gates, &key(20), ending(secs(8)), secs(1)));
    assert_eq!(opening(&gates, secs(1)), Some(101));
}

#[test]
fn a_clock_that_is_set_back_hurries_nobody() {
    let mut gates = unwell_for_long(Verdict::Unreachable);
    assert!(!asks(&mut gates, &key(20), ending(secs(1040)), secs(1001)));
    assert_eq!(gates.pass(secs(500)), []);
    let next = opening(&gates, secs(500)).expect("somebody waits");
    assert!((632..=635).contains(&next), "a quarter of 541 s from 499 s on: {next}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Keys that come and wait, with lives or without, while the origin is away: each probe comes when it must.
    #[test]
    fn no_life_waits_longer_than_a_quarter_of_it(mut waiters in vec((0..400_i64, option::of(0..400_i64)), 1..8)) {
        waiters.sort_unstable();
        let mut gates = without_rate();
        prop_assert!(asks(&mut gates, &key(99), renewal(1), secs(0)));
        let _ = gates.leave(&key(99), Verdict::Unreachable, secs(0));
        let (mut found, mut now) = (secs(0), secs(0));
        let mut came: Vec<(i64, Option<i64>)> = Vec::new();
        let need = |n: usize, came: &[(i64, Option<i64>)]| came[n].1.map_or(renewal(1), |end| ending(secs(end)));
        while now < secs(500) {
            let by_itself = gates.next_opening(now);
            let next = waiters.get(came.len()).map(|(at, _)| secs(*at)).into_iter().chain(by_itself).min();
            let Some(next) = next else { break };
            now = next.max(now);
            let parked = gates.parked(&origin(false)).expect("it is unwell");
            let mut called = gates.pass(now);
            if called.is_empty() {
                let n = came.len();
                came.push((waiters[n].0, waiters[n].1.map(|life| waiters[n].0 + life)));
                let asked = gates.ask(&origin(false), &key(u8::try_from(n).unwrap()), need(n, &came), now);
                called.extend(asked.called);
                if asked.through {
                    called.push(key(u8::try_from(n).unwrap()));
                }
            }
            // When a probe must come, in words of its own: each key's deadline, but not before it was there.
            let due = |(at, end): &(i64, Option<i64>)| {
                let quarter = end.map(secs).filter(|end| *end > found).map(|end| found + end.duration_since(found) / 4);
                let due = quarter.unwrap_or(parked.next_probe).max(found + SignedDuration::from_secs(2));
                due.min(parked.next_probe).max(secs(*at))
            };
            let must = came.iter().map(due).min();
            prop_assert_eq!(called.is_empty(), must.is_none_or(|must| must > now), "{:?} at {}", must, now);
            for probe in called {
                prop_assert!(now == must.unwrap_or(now), "{:?} at {}", must, now);
                let n = came.iter().zip(0_u8..).position(|(_, n)| key(n) == probe).unwrap();
                prop_assert!(gates.ask(&origin(false), &probe, need(n, &came), now).through);
                let _ = gates.leave(&probe, Verdict::Unreachable, now);
                found = now;
                prop_assert!(!asks(&mut gates, &probe, need(n, &came), now), "two seconds are left");
            }
        }
    }
}

//! An origin that is unwell is left alone but for one probe at a time (behaviour §4.2, §4.3).

use jiff::{SignedDuration, Timestamp};

use super::super::{Gates, Limits, Need, Verdict};
use super::{asks, ending, key, origin, renewal, secs, t0, without_rate};
use crate::decision::{Ailment, Key, Parked, Urgency};

const THROTTLED: Verdict = Verdict::Throttled { retry_after: None };

fn told(seconds: i64) -> Verdict {
    Verdict::Throttled { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

fn parked(gates: &Gates) -> Parked {
    gates.parked(&origin(false)).expect("it is unwell")
}

fn pause(gates: &Gates, now: Timestamp) -> i64 {
    parked(gates).next_probe.duration_since(now).as_secs()
}

/// Gates whose origin was found unwell by the first of `waiting + 1` keys at `t0`.
fn closed(verdict: Verdict, waiting: u8) -> Gates {
    let mut gates = without_rate();
    assert!(asks(&mut gates, &key(0), renewal(1), t0()));
    let _ = gates.leave(&key(0), verdict, t0());
    for n in 1..=waiting {
        assert!(!asks(&mut gates, &key(n), renewal(1), t0()));
    }
    gates
}

/// The gate opens for one at its time, which goes through and fails so. Returns who it was and when.
fn failing_probe(gates: &mut Gates, verdict: Verdict, from: Timestamp) -> (Key, Timestamp) {
    let at = gates.next_opening(from).expect("there is somebody to probe");
    assert!(at > from);
    let called = gates.pass(at);
    let [probe] = called.as_slice() else { panic!("{called:?}") };
    assert!(asks(gates, probe, renewal(1), at));
    assert_eq!((gates.pass(at), gates.next_opening(at)), (Vec::new(), None), "one at a time");
    assert_eq!(gates.leave(probe, verdict, at), []);
    (probe.clone(), at)
}

#[test]
fn a_failing_call_closes_the_gate_for_2_seconds_doubling_to_5_minutes() {
    let mut gates = closed(Verdict::Unreachable, 40);
    let first = parked(&gates);
    assert_eq!(first, Parked { ailment: Ailment::Unreachable, since: t0(), next_probe: secs(2), count: 1 });
    let mut now = t0();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        pauses.push(pause(&gates, now));
        now = failing_probe(&mut gates, Verdict::Unreachable, now).1;
    }
    for (n, pause) in pauses.iter().enumerate() {
        let most = (2_i64 << n).min(300);
        assert!((most * 3 / 4..=most).contains(pause), "{pause} s instead of {most}");
    }
    assert_eq!((parked(&gates).count, parked(&gates).since), (13, t0()));
}

#[test]
fn throttled_is_a_minute_doubling_to_15_or_what_the_service_says() {
    let mut gates = closed(THROTTLED, 20);
    let mut now = t0();
    for most in [60, 120, 240, 480, 900, 900] {
        let pause = pause(&gates, now);
        assert!((most * 9 / 10..=most).contains(&pause), "{pause} s instead of {most}");
        now = failing_probe(&mut gates, THROTTLED, now).1;
    }
    for (says, means) in [(7, 7), (0, 1), (100_000, 900)] {
        now = failing_probe(&mut gates, told(says), now).1;
        assert_eq!((pause(&gates, now), parked(&gates).ailment), (means, Ailment::Throttling));
    }
}

#[test]
fn the_pauses_of_two_origins_differ_and_are_the_same_again() {
    let pauses = |production| {
        let mut gates = without_rate();
        let mut now = t0();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert!(gates.ask(&origin(production), &key(0), renewal(1), now).through);
            let _ = gates.leave(&key(0), Verdict::Unreachable, now);
            let next = gates.parked(&origin(production)).expect("it is unwell").next_probe;
            pauses.push(next.duration_since(now));
            now = next;
        }
        pauses
    };
    assert_eq!(pauses(true), pauses(true));
    assert_ne!(pauses(true), pauses(false));
}

/// 32 calls that fail together are one failure, and none of them is let through again before the probe.
#[test]
fn the_count_grows_with_probes_alone() {
    let mut gates = without_rate();
    for n in 0..32 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    for n in 0..32 {
        assert_eq!(gates.leave(&key(n), Verdict::Unreachable, secs(i64::from(n) / 20)), []);
        assert!(!asks(&mut gates, &key(n), renewal(1), secs(i64::from(n) / 20)));
    }
    assert_eq!((parked(&gates).count, parked(&gates).next_probe), (1, secs(2)));
    let (_, at) = failing_probe(&mut gates, Verdict::Unreachable, secs(1));
    assert_eq!((parked(&gates).count, at), (2, secs(2)));
}

/// What was under way when the gate was closed says nothing once it is open again.
#[test]
fn an_answer_that_comes_late_closes_nothing() {
    let mut gates = without_rate();
    for n in 0..3 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    let _ = gates.leave(&key(0), Verdict::Unreachable, t0());
    assert!(asks(&mut gates, &key(0), renewal(1), secs(2)));
    let _ = gates.leave(&key(1), Verdict::Served, secs(2));
    assert!(gates.parked(&origin(false)).is_some(), "the probe alone opens");
    let _ = gates.leave(&key(0), Verdict::Served, secs(2));
    assert_eq!(gates.parked(&origin(false)), None);
    let _ = gates.leave(&key(2), Verdict::Unreachable, secs(15));
    assert_eq!(gates.parked(&origin(false)), None);
}

#[test]
fn a_call_that_failed_with_the_first_may_prolong_the_pause() {
    let mut gates = without_rate();
    for n in 0..3 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    let _ = gates.leave(&key(0), Verdict::Unreachable, t0());
    let _ = gates.leave(&key(1), told(120), secs(1));
    let _ = gates.leave(&key(2), told(60), secs(1));
    assert_eq!((parked(&gates).count, parked(&gates).next_probe), (1, secs(121)));
}

#[test]
fn the_best_key_probes_and_its_success_lets_the_others_through_at_the_rate() {
    let mut gates = Gates::new(Limits::default());
    let _ = gates.ask(&origin(false), &key(0), renewal(1), t0());
    assert_eq!(gates.pass(secs(1)), [key(0)]);
    assert!(asks(&mut gates, &key(0), renewal(1), secs(1)));
    let _ = gates.leave(&key(0), Verdict::Unreachable, secs(1));
    for n in 0..100 {
        assert!(!asks(&mut gates, &key(n), ending(secs(1000 - i64::from(n))), secs(1)));
    }
    assert_eq!(gates.pass(secs(60)), [key(99)], "whose life ends first");
    assert!(asks(&mut gates, &key(99), ending(secs(901)), secs(60)));
    assert_eq!(
        gates.leave(&key(99), Verdict::Served, secs(60)),
        [],
        "no burst for one that has just come back"
    );
    let called = gates.pass(secs(61));
    assert_eq!(called, (74..99).rev().map(key).collect::<Vec<_>>(), "25 in the first second");
}

/// A request that the service chokes on is not the one that probes for ever.
#[test]
fn whoever_failed_lets_others_probe_first() {
    let mut gates = closed(Verdict::Unreachable, 0);
    let best = Need { urgency: Urgency::LifeIsEnding, ..ending(secs(10)) };
    assert!(!asks(&mut gates, &key(0), best, t0()));
    for n in 1..=2 {
        assert!(!asks(&mut gates, &key(n), ending(secs(100)), t0()));
    }
    let (first, at) = failing_probe(&mut gates, Verdict::Unreachable, t0());
    assert!(!asks(&mut gates, &first, ending(secs(100)), at));
    let (second, at) = failing_probe(&mut gates, Verdict::Unreachable, at);
    assert!(!asks(&mut gates, &second, ending(secs(100)), at));
    let (third, at) = failing_probe(&mut gates, Verdict::Unreachable, at);
    assert_eq!([first, second, third], [1, 2, 0].map(key));
    // It is well again: the order is as before.
    assert!(!asks(&mut gates, &key(0), best, at));
    let probe = gates.pass(secs(3600));
    assert!(asks(&mut gates, &probe[0], best, secs(3600)));
    for n in 10..60 {
        assert!(!asks(&mut gates, &key(n), ending(secs(50)), secs(3600)));
    }
    let called = gates.leave(&probe[0], Verdict::Served, secs(3600));
    assert_eq!(called.len(), 32);
    assert_eq!(called.contains(&key(0)), probe[0] != key(0), "whoever had failed is no longer last");
}

#[test]
fn a_probe_that_gives_up_or_was_not_heard_of_makes_room_for_another() {
    let mut gates = closed(Verdict::Unreachable, 3);
    let probe = gates.pass(secs(2));
    let next = gates.give_up(&probe[0], secs(2));
    assert_eq!((probe, next.as_slice()), (vec![key(1)], [key(2)].as_slice()));
    assert!(asks(&mut gates, &key(2), renewal(1), secs(2)));
    assert_eq!(gates.leave(&key(2), Verdict::Unheard, secs(3)), [key(3)]);
    assert_eq!(parked(&gates).count, 1);
}

/// Nobody may be there when the time has come: the next who asks probes.
#[test]
fn who_asks_when_the_pause_is_over_probes_at_once() {
    let mut gates = closed(Verdict::Unreachable, 0);
    assert_eq!(gates.next_opening(t0()), None);
    assert!(asks(&mut gates, &key(1), renewal(1), secs(5)));
    assert!(!asks(&mut gates, &key(2), renewal(1), secs(5)));
}

#[test]
fn a_called_key_is_back_in_line_when_the_gate_closes_before_it_asks() {
    let mut gates = Gates::new(Limits { per_second: 0, burst: 2, in_flight: 2 });
    for n in 0..2 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    assert!(!asks(&mut gates, &key(2), renewal(1), t0()));
    assert_eq!(gates.leave(&key(0), Verdict::Unheard, t0()), [key(2)]);
    assert_eq!(gates.leave(&key(1), Verdict::Unreachable, t0()), []);
    assert!(!asks(&mut gates, &key(2), renewal(1), t0()));
    assert_eq!(gates.pass(secs(2)), [key(2)]);
}

#[test]
fn a_clock_that_is_set_back_does_not_prolong_the_pause() {
    let mut gates = closed(told(900), 1);
    let back = t0() - SignedDuration::from_hours(24);
    assert_eq!(gates.next_opening(back), Some(back + SignedDuration::from_secs(900)));
    assert_eq!(gates.pass(back), []);
    assert_eq!(pause(&gates, back), 900);
    assert_eq!(gates.pass(back + SignedDuration::from_secs(899)), []);
    assert_eq!(gates.pass(back + SignedDuration::from_secs(900)), [key(1)]);
}

#[test]
fn another_origin_is_not_concerned() {
    let mut gates = closed(Verdict::Unreachable, 0);
    assert_eq!(gates.parked(&origin(true)), None);
    assert!(gates.ask(&origin(true), &key(1), renewal(1), t0()).through);
}

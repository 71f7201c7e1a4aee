//! How many calls begin, and when: 25 a second, 50 at once after a quiet time, none saved up at the start.

use jiff::SignedDuration;

use super::super::{Gates, Limits, Verdict};
use super::{asks, calls_in_turn, key, millis, origin, renewal, secs, t0};

#[test]
fn a_gate_begins_empty() {
    let mut gates = Gates::default();
    assert!(!asks(&mut gates, &key(0), renewal(1), t0()), "a crash loop gets no bursts");
    assert_eq!(gates.next_opening(t0()), Some(millis(40)));
    assert_eq!(gates.pass(millis(39)), []);
    assert_eq!(gates.pass(millis(40)), [key(0)]);
}

#[test]
fn an_exchange_counts_as_two_calls() {
    let mut gates = Gates::default();
    assert!(!asks(&mut gates, &key(0), renewal(2), t0()));
    assert!(!asks(&mut gates, &key(1), renewal(1), t0()));
    assert_eq!(gates.next_opening(t0()), Some(millis(80)));
    assert_eq!(gates.pass(millis(79)), [], "and nobody overtakes it");
    assert_eq!(gates.pass(millis(80)), [key(0)]);
    assert_eq!(gates.next_opening(millis(80)), Some(millis(120)));
}

/// Calls that are over at once: how many begin in each of the next seconds.
fn begun_per_second(gates: &mut Gates, from: i64, for_seconds: i64) -> Vec<usize> {
    let mut begun = Vec::new();
    for second in from..from + for_seconds {
        let mut now = secs(second);
        let mut calls = 0;
        loop {
            let called = gates.pass(now);
            for key in calls_in_turn(gates, called, 1, now) {
                calls += 1;
                assert!(!asks(gates, &key, renewal(1), now));
            }
            match gates.next_opening(now) {
                Some(next) if next < secs(second + 1) => now = next,
                _ => break,
            }
        }
        begun.push(calls);
    }
    begun
}

#[test]
fn twenty_five_a_second_and_fifty_after_a_quiet_time() {
    let mut gates = Gates::default();
    for n in 0..100 {
        let _ = gates.ask(&origin(false), &key(n), renewal(1), t0());
    }
    // The first call begins after its 40 ms.
    assert_eq!(begun_per_second(&mut gates, 0, 4), [24, 25, 25, 25]);
    for n in 0..100 {
        let _ = gates.give_up(&key(n), secs(4));
    }
    // A quiet hour.
    let through = (0..100).filter(|n| asks(&mut gates, &key(*n), renewal(1), secs(3604))).count();
    assert_eq!(through, 32, "so many may be in flight");
    let mut called = 0;
    for n in 0..32 {
        called += gates.leave(&key(n), Verdict::Served, secs(3604)).len();
    }
    assert_eq!(through + called, 50, "and fifty are saved up");
}

#[test]
fn a_rate_of_0_is_no_limit() {
    let mut gates = Gates::new(Limits { per_second: 0, burst: 2, in_flight: 1000 });
    assert!((0..200).all(|n| asks(&mut gates, &key(n), renewal(2), t0())));
}

#[test]
fn a_gate_is_never_so_small_that_an_exchange_cannot_pass() {
    let mut gates = Gates::new(Limits { per_second: 1, burst: 0, in_flight: 0 });
    assert!(!asks(&mut gates, &key(0), renewal(2), t0()));
    assert_eq!(gates.next_opening(t0()), Some(secs(2)));
    assert_eq!(gates.pass(secs(2)), [key(0)]);
}

/// The clock is set back by an hour: the wait stays what it was, and nothing is earned twice.
#[test]
fn a_clock_that_is_set_back_neither_fills_nor_blocks() {
    let mut gates = Gates::default();
    assert!(!asks(&mut gates, &key(0), renewal(1), secs(3600)));
    assert_eq!(gates.next_opening(t0()), Some(millis(40)), "even before it was read again");
    assert_eq!(gates.pass(t0()), []);
    assert_eq!(gates.next_opening(t0()), Some(millis(40)));
    assert_eq!(gates.pass(millis(40)), [key(0)]);
}

/// Called and not used: the next does not wait for what was not spent.
#[test]
fn a_called_key_that_gives_up_gives_its_calls_back() {
    let mut gates = Gates::default();
    for n in 0..2 {
        assert!(!asks(&mut gates, &key(n), renewal(2), t0()));
    }
    assert_eq!(gates.pass(millis(80)), [key(0)]);
    assert_eq!(gates.give_up(&key(0), millis(80)), [key(1)]);
}

#[test]
fn a_year_in_one_step_is_a_quiet_time_and_no_more() {
    let mut gates = Gates::new(Limits { in_flight: 1000, ..Limits::default() });
    for n in 0..200 {
        let _ = gates.ask(&origin(false), &key(n), renewal(1), t0());
    }
    assert_eq!(gates.pass(t0() + SignedDuration::from_hours(24 * 365)).len(), 50);
    assert_eq!(gates.pass(jiff::Timestamp::MAX).len(), 50);
    assert_eq!(gates.pass(jiff::Timestamp::MIN), []);
    assert_eq!(gates.next_opening(jiff::Timestamp::MIN).map(|at| at > jiff::Timestamp::MIN), Some(true));
}

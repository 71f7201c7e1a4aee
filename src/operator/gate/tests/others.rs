//! What one namespace's calls meet is no word yet about the origin: others are served, or find out at once.

use jiff::SignedDuration;

use super::super::{Gates, Verdict};
use super::{asks, ending, in_namespace, origin, renewal, secs, t0, without_rate};
use crate::decision::Key;

fn of(namespace: &str) -> Key {
    in_namespace(namespace, 0)
}

/// One call that goes through at once, and is answered so.
fn call(gates: &mut Gates, key: &Key, verdict: Verdict) {
    assert!(asks(gates, key, renewal(1), t0()), "{key:?}");
    let _ = gates.leave(key, verdict, t0());
}

fn is_parked(gates: &Gates) -> bool {
    gates.parked(&origin(false)).is_some()
}

/// Closed by two calls of the first namespace.
fn closed_by_one() -> Gates {
    let mut gates = without_rate();
    call(&mut gates, &of("good"), Verdict::Served);
    call(&mut gates, &of("bad"), Verdict::Unreachable);
    assert!(!is_parked(&gates), "somebody was served before");
    call(&mut gates, &in_namespace("bad", 1), Verdict::Unreachable);
    assert!(is_parked(&gates));
    gates
}

#[test]
fn a_call_that_fails_where_others_are_served_closes_nothing() {
    let mut gates = without_rate();
    for n in 0..20 {
        call(&mut gates, &of("good"), Verdict::Served);
        call(&mut gates, &in_namespace("bad", n), Verdict::Unreachable);
    }
    assert!(!is_parked(&gates));
    // In whatever order those come back that are under way together.
    assert!(asks(&mut gates, &of("bad"), renewal(1), t0()));
    call(&mut gates, &of("good"), Verdict::Served);
    let _ = gates.leave(&of("bad"), Verdict::Unreachable, t0());
    assert!(!is_parked(&gates));
    call(&mut gates, &of("ugly"), Verdict::Unreachable);
    assert!(is_parked(&gates), "two in a row");
}

/// What the service asks for is no matter of content.
#[test]
fn a_call_that_is_throttled_closes_the_gate_to_all() {
    let mut gates = without_rate();
    call(&mut gates, &of("good"), Verdict::Served);
    call(&mut gates, &of("bad"), Verdict::Throttled { retry_after: None });
    assert!(!asks(&mut gates, &of("other"), renewal(1), t0()));
    assert!(!asks(&mut gates, &of("other"), renewal(1), secs(10)));
}

#[test]
fn another_namespace_tries_at_once_and_opens_the_gate_to_all() {
    let mut gates = closed_by_one();
    assert!(!asks(&mut gates, &in_namespace("bad", 2), ending(secs(100)), t0()));
    assert_eq!(gates.next_opening(t0()), Some(secs(2)), "its own next comes at its time");
    assert!(asks(&mut gates, &of("other"), renewal(1), t0()));
    assert!(!asks(&mut gates, &of("good"), renewal(1), t0()), "one at a time");
    assert_eq!(gates.next_opening(t0()), None);
    let called = gates.leave(&of("other"), Verdict::Served, t0());
    assert!(!is_parked(&gates));
    assert_eq!(called, [in_namespace("bad", 2), of("good")]);
}

/// Whoever is in line already, behind keys of the one that met it.
#[test]
fn the_next_of_another_namespace_in_line_is_called_when_the_gate_closes() {
    let mut gates = Gates::new(super::Limits { per_second: 0, burst: 2, in_flight: 2 });
    call(&mut gates, &of("good"), Verdict::Served);
    for n in 0..2 {
        assert!(asks(&mut gates, &in_namespace("bad", n), renewal(1), t0()));
    }
    let waits = [in_namespace("bad", 2), of("other"), in_namespace("bad", 3)];
    for key in &waits {
        assert!(!asks(&mut gates, key, renewal(1), t0()));
    }
    assert_eq!(gates.leave(&in_namespace("bad", 0), Verdict::Unreachable, t0()), [waits[0].clone()]);
    assert_eq!(gates.leave(&in_namespace("bad", 1), Verdict::Unreachable, t0()), [waits[1].clone()]);
    assert_eq!(gates.pass(secs(1)), []);
    assert_eq!(gates.leave(&waits[1], Verdict::Unreachable, secs(1)), [], "it was called, and gives up");
    assert_eq!(gates.pass(secs(2)), [waits[0].clone()]);
}

/// A namespace whose calls fail at once closes the gate while those of others, which take longer, are on their way.
#[test]
fn whoever_was_under_way_and_is_served_opens_what_one_namespace_has_closed() {
    let mut gates = without_rate();
    for key in [of("good"), of("bad"), in_namespace("bad", 1)] {
        assert!(asks(&mut gates, &key, renewal(1), t0()));
    }
    for n in 0..2 {
        let _ = gates.leave(&in_namespace("bad", n), Verdict::Unreachable, t0());
    }
    assert!(is_parked(&gates));
    let _ = gates.leave(&of("good"), Verdict::Served, t0());
    assert!(!is_parked(&gates));
}

/// What it asks for may have the service hang, each time it is asked.
#[test]
fn a_probe_of_the_one_that_hangs_keeps_nobody_else_waiting() {
    for verdict in [Verdict::Served, Verdict::Unreachable] {
        let mut gates = closed_by_one();
        assert!(!asks(&mut gates, &in_namespace("bad", 2), renewal(1), t0()));
        assert_eq!(gates.pass(secs(2)), [in_namespace("bad", 2)]);
        assert!(asks(&mut gates, &in_namespace("bad", 2), renewal(1), secs(2)));
        assert!(!asks(&mut gates, &in_namespace("bad", 3), renewal(1), secs(3)));
        assert!(asks(&mut gates, &of("other"), renewal(1), secs(3)), "beside it");
        assert!(!asks(&mut gates, &of("good"), renewal(1), secs(3)), "one at a time");
        assert_eq!(gates.next_opening(secs(3)), None);
        let called = gates.leave(&of("other"), verdict, secs(4));
        let is_open = verdict == Verdict::Served;
        assert_eq!((is_parked(&gates), called.len()), (!is_open, if is_open { 2 } else { 0 }));
        // What it was told is old news then, or the word of all.
        assert_eq!(gates.leave(&in_namespace("bad", 2), Verdict::Unreachable, secs(17)), []);
        assert_eq!(is_parked(&gates), !is_open);
        assert_eq!(asks(&mut gates, &of("another"), renewal(1), secs(17)), is_open);
    }
}

/// A service that asks for fewer calls asks all.
#[test]
fn whoever_is_served_beside_a_probe_opens_nothing_that_throttling_has_closed_since() {
    let mut gates = closed_by_one();
    assert!(!asks(&mut gates, &in_namespace("bad", 2), renewal(1), t0()));
    assert_eq!(gates.pass(secs(2)), [in_namespace("bad", 2)]);
    assert!(asks(&mut gates, &in_namespace("bad", 2), renewal(1), secs(2)));
    assert!(asks(&mut gates, &of("other"), renewal(1), secs(3)), "beside it");
    let throttled = Verdict::Throttled { retry_after: Some(SignedDuration::from_mins(10)) };
    let _ = gates.leave(&in_namespace("bad", 2), throttled, secs(4));
    let _ = gates.leave(&of("other"), Verdict::Served, secs(5));
    assert!(is_parked(&gates));
    assert!(!asks(&mut gates, &of("another"), renewal(1), secs(600)));
}

/// Where calls have a rate, too.
#[test]
fn whoever_is_let_through_beside_a_probe_that_hangs_waits_for_the_rate_alone() {
    let mut gates = Gates::new(super::Limits { per_second: 1, burst: 2, in_flight: 8 });
    assert!(!asks(&mut gates, &of("bad"), renewal(1), t0()));
    assert!(asks(&mut gates, &of("bad"), renewal(1), secs(1)));
    let _ = gates.leave(&of("bad"), Verdict::Unreachable, secs(1));
    assert!(!asks(&mut gates, &in_namespace("bad", 1), renewal(1), secs(1)));
    assert!(asks(&mut gates, &in_namespace("bad", 1), renewal(1), secs(3)));
    assert!(
        !asks(&mut gates, &of("other"), renewal(2), secs(3)),
        "one is left of the three that were earned"
    );
    assert_eq!(gates.next_opening(secs(3)), Some(secs(4)));
    assert_eq!(gates.pass(secs(4)), [of("other")]);
}

/// One call more, and then nobody for the pause.
#[test]
fn what_a_second_namespace_meets_too_is_the_origins() {
    let mut gates = closed_by_one();
    call(&mut gates, &of("other"), Verdict::Unreachable);
    for namespace in ["good", "another", "bad"] {
        assert!(!asks(&mut gates, &in_namespace(namespace, 9), renewal(1), t0()));
    }
    assert_eq!(gates.parked(&origin(false)).expect("it is unwell").count, 1, "told no sooner for it");
    assert_eq!((gates.next_opening(t0()), gates.pass(secs(1))), (Some(secs(2)), Vec::new()));
}

/// Of what was under way when the gate was closed.
#[test]
fn what_another_namespace_meets_after_the_gate_was_closed_counts_too() {
    let mut gates = without_rate();
    let all = [of("bad"), in_namespace("bad", 1), of("other")];
    for key in &all {
        assert!(asks(&mut gates, key, renewal(1), t0()));
    }
    for key in &all {
        let _ = gates.leave(key, Verdict::Unreachable, t0());
    }
    assert!(!asks(&mut gates, &of("good"), renewal(1), t0()));
}

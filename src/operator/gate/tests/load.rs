//! How many may be in flight: half after the service has throttled, and back by one after another.

use super::super::crowd::ANSWERS_PER_STEP;
use super::super::{Gates, Limits, Load, Verdict};
use super::{asks, in_namespace, key, origin, renewal, secs, t0, without_rate};

const THROTTLED: Verdict = Verdict::Throttled { retry_after: None };

fn load(gates: &Gates) -> Load {
    let mut all = gates.occupancy().filter(|(at, _)| **at == origin(false));
    all.next().map(|(_, load)| load).expect("it was asked")
}

/// One call that goes through and is answered so, at its time.
fn call(gates: &mut Gates, verdict: Verdict, at: i64) {
    let one = in_namespace("one", 0);
    assert!(asks(gates, &one, renewal(1), secs(at)), "{:?}", load(gates));
    let _ = gates.leave(&one, verdict, secs(at));
}

#[test]
fn throttling_halves_once_for_all_that_were_in_flight() {
    let mut gates = without_rate();
    for n in 0..32 {
        assert!(asks(&mut gates, &key(n), renewal(1), t0()));
    }
    for n in 0..32 {
        let _ = gates.leave(&key(n), THROTTLED, t0());
    }
    assert_eq!(load(&gates).cap, 16);
}

#[test]
fn the_cap_never_falls_so_far_that_an_exchange_would_wait_for_ever() {
    let mut gates = without_rate();
    for hour in 0..10 {
        call(&mut gates, THROTTLED, hour * 3600);
    }
    assert_eq!(load(&gates).cap, 2);
    assert!(asks(&mut gates, &key(9), renewal(2), secs(36_000)));
}

#[test]
fn it_recovers_by_one_for_each_32_calls_that_are_answered_well() {
    let mut gates = without_rate();
    call(&mut gates, THROTTLED, 0);
    assert_eq!(load(&gates).cap, 16);
    for _ in 1..ANSWERS_PER_STEP {
        call(&mut gates, Verdict::Served, 3600);
    }
    assert_eq!(load(&gates).cap, 16);
    call(&mut gates, Verdict::Served, 3600);
    assert_eq!(load(&gates).cap, 17);
    for _ in 0..20 * ANSWERS_PER_STEP {
        call(&mut gates, Verdict::Served, 3600);
    }
    assert_eq!(load(&gates).cap, 32, "and no further than it was");
}

/// Half as many in flight and half as many a second: a service that counts per second gets no fewer calls otherwise.
#[test]
fn the_rate_is_halved_with_the_cap() {
    let mut gates = Gates::new(Limits { burst: 2, ..Limits::default() });
    let _ = gates.ask(&origin(false), &key(0), renewal(1), t0());
    assert_eq!(gates.pass(secs(1)), [key(0)]);
    assert!(asks(&mut gates, &key(0), renewal(1), secs(1)));
    let _ = gates.leave(&key(0), THROTTLED, secs(1));
    // The probe opens the gate again, and empties the bucket.
    assert!(asks(&mut gates, &key(0), renewal(1), secs(100)));
    let _ = gates.leave(&key(0), Verdict::Served, secs(100));
    assert!(!asks(&mut gates, &key(1), renewal(1), secs(100)));
    let next = gates.next_opening(secs(100)).expect("it opens");
    assert_eq!(next.duration_since(secs(100)).as_millis(), 80);
}

#[test]
fn an_outage_halves_nothing() {
    let mut gates = without_rate();
    call(&mut gates, Verdict::Unreachable, 0);
    assert_eq!((load(&gates).cap, load(&gates).is_parked), (32, true));
}

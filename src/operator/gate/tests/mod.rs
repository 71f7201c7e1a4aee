//! What the gates promise: permits, order, rate, parking; and the properties of architecture §4 in virtual time.

mod counting;
mod lives;
mod load;
mod order;
mod others;
mod parking;
mod properties;
mod protocol;
mod rate;
mod schedule;

use jiff::{SignedDuration, Timestamp};

use super::{Gates, Limits, Need, Verdict};
use crate::auth::{Endpoint, Origin};
use crate::decision::{Key, Kind, Urgency};

fn key(n: u8) -> Key {
    in_namespace("team", n)
}

fn in_namespace(namespace: &str, n: u8) -> Key {
    Key::new(Kind::Request, namespace, format!("r{n}"))
}

fn origin(production: bool) -> Origin {
    let endpoint = if production { Endpoint::production() } else { Endpoint::sandbox() };
    endpoint.origin().clone()
}

fn t0() -> Timestamp {
    Timestamp::constant(1_795_521_600, 0)
}

fn millis(n: i64) -> Timestamp {
    t0() + SignedDuration::from_millis(n)
}

fn secs(n: i64) -> Timestamp {
    t0() + SignedDuration::from_secs(n)
}

/// Gates that only count what is in flight.
fn without_rate() -> Gates {
    Gates::new(Limits { per_second: 0, ..Limits::default() })
}

fn renewal(permits: u32) -> Need {
    Need { permits, urgency: Urgency::Renewal, expires_at: None }
}

fn ending(at: Timestamp) -> Need {
    Need { permits: 1, urgency: Urgency::Renewal, expires_at: Some(at) }
}

/// One that asks for a renewal, and whether it is through.
fn asks(gates: &mut Gates, key: &Key, need: Need, now: Timestamp) -> bool {
    gates.ask(&origin(false), key, need, now).through
}

/// The keys, one after the other, as a free permit calls them: each is let through and leaves.
fn calls_in_turn(gates: &mut Gates, first: Vec<Key>, permits: u32, now: Timestamp) -> Vec<Key> {
    let mut order = Vec::new();
    let mut called = std::collections::VecDeque::from(first);
    while let Some(key) = called.pop_front() {
        assert!(asks(gates, &key, renewal(permits), now), "whoever is called is let through");
        called.extend(gates.leave(&key, Verdict::Served, now));
        order.push(key);
    }
    order
}

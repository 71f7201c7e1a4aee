//! Two thousand tokens are about to end when an outage does. Who is served, when, and before whom? Behaviour §4.2, §4.4: at
//! the limiter's rate, the nearest end first, and nobody whose deadline could be met is missed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::World;
use super::minutes;
use super::outage::fail_all;
use crate::auth::{Class, Scope};
use crate::decision::Key;
use crate::operator::gate::{Gates, Limits, MOST_AT_ONCE};

const MANY: usize = 2000;
const FEW: usize = 200;
const LIFE: SignedDuration = SignedDuration::from_mins(20);
/// An exchange is two calls.
const CALLS: usize = MOST_AT_ONCE as usize;

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// When so many calls have begun, at the limiter's rate and at this share of it, from when the gate opens with nothing saved up.
fn served_after(calls: usize, quarters: i128) -> SignedDuration {
    let rate = i128::from(Limits::default().per_second);
    let nanos = i128::try_from(calls).expect("few") * 1_000_000_000 * 4 / (rate * quarters);
    SignedDuration::from_nanos_i128(nanos)
}

/// A backlog, and how it was worked off.
struct Backlog {
    /// When the token of each interview ended, or was to end.
    ends: BTreeMap<String, Timestamp>,
    /// When the gate opened: the first call that was answered.
    opened: Timestamp,
    /// When each call was made from then on.
    calls: Vec<Timestamp>,
    /// When each interview got its next token, in turn.
    served: Vec<(Timestamp, String)>,
}

impl Backlog {
    /// So many requests after one another, issued at so many calls a second each; then an outage that begins before any of them
    /// is due, and ends so long before the first token does.
    fn after_an_outage(issued: &[(usize, u32)], before_the_first_end: SignedDuration) -> Self {
        let mut world = World::new();
        world.service.life = LIFE;
        world.partner();
        world.settle();
        let mut keys = Vec::new();
        for (many, per_second) in issued {
            world.operator.turns.gates = Gates::new(Limits { per_second: *per_second, ..Limits::default() });
            let first = keys.len();
            keys.extend((first..first + many).map(|n| world.request(&format!("r{n}"), json!({}))));
            let calls = i64::try_from(CALLS * many).expect("few");
            pass(&mut world, seconds(calls / i64::from(*per_second)) + SignedDuration::from_millis(10));
        }
        world.operator.turns.gates = Gates::new(Limits::default());
        let ends: BTreeMap<_, _> = keys.iter().map(|key| (key.name.to_string(), end(&world, key))).collect();
        let first = *ends.values().min().expect("many");

        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        let rest = world.now.duration_until(first) - before_the_first_end;
        pass(&mut world, rest);
        fail_all(&mut world, None);
        let before = world.service.made.len();
        pass(&mut world, minutes(4));
        for key in &keys {
            assert_eq!(world.ready(key), "True Issued", "{}", world.message(key));
        }
        let made = world.service.made.split_off(before);
        let calls: Vec<_> = made.iter().map(|(at, _)| *at).collect();
        // The exchange is the second of two.
        let mut twice: BTreeMap<String, usize> = BTreeMap::new();
        let mut is_second = |name: &str| {
            let count = twice.entry(name.to_owned()).or_default();
            *count += 1;
            *count == CALLS
        };
        let served = made.into_iter().filter_map(|(at, name)| Some((at, name?)));
        let served: Vec<_> = served.filter(|(_, name)| is_second(name)).collect();
        assert_eq!(served.len(), keys.len());
        Self { opened: calls[0], calls, ends, served }
    }

    /// None saved up: in each second as many as it lets through, and of a step that began before the rest.
    fn keeps_the_rate(&self) {
        let rate = Limits::default().per_second as usize;
        for (n, at) in self.calls.iter().enumerate() {
            let in_a_second = self.calls[n..].iter().take_while(|it| **it < *at + seconds(1)).count();
            assert!(in_a_second <= rate + CALLS, "{in_a_second} calls in the second from {at}");
        }
        for (n, at) in self.calls.iter().enumerate().skip(CALLS) {
            let earliest = self.opened + served_after(n + 1 - CALLS, 4);
            assert!(*at >= earliest, "call {n} was made at {at}, and allowed at {earliest}");
        }
    }

    /// Nobody is served while one waits whose token ends earlier, and lives.
    fn serves_the_nearest_end_first(&self) {
        // The first of them is the probe: whoever had tried before let others probe.
        let alive = self.served[1..].iter().filter(|(at, name)| *at < self.ends[name]);
        let ends: Vec<_> = alive.map(|(_, name)| self.ends[name]).collect();
        let disordered = ends.windows(2).find(|pair| pair[1] < pair[0]);
        assert_eq!(disordered, None, "of {}", ends.len());
    }

    /// Those who could be saved one after the other, the nearest end first, at these quarters of the rate; whoever cannot be costs
    /// nobody else anything.
    fn could_be_saved(&self, quarters: i128) -> usize {
        let mut ends: Vec<_> = self.ends.values().filter(|end| **end > self.opened).collect();
        ends.sort();
        // One call more: their credential's own.
        let can_be = |saved: usize, end| self.opened + served_after(CALLS * (saved + 1) + 1, quarters) < end;
        ends.into_iter().fold(0, |saved, end| saved + usize::from(can_be(saved, *end)))
    }

    fn saved(&self) -> usize {
        self.served.iter().filter(|(at, name)| *at < self.ends[name]).count()
    }
}

/// As [`World::pass`].
fn pass(world: &mut World, duration: SignedDuration) {
    let end = world.now + duration;
    world.come_to_rest();
    while let Some(next) = world.operator.turns.next_look(world.now).filter(|next| *next <= end) {
        world.now = next.max(world.now);
        world.come_to_rest();
    }
    world.now = end;
    world.settle();
}

fn end(world: &World, key: &Key) -> Timestamp {
    world.secret("web", &format!("{}-token", key.name)).record.expect("a record").expires_at
}

/// Their tokens end as fast as the limiter lets new ones be asked for: not a call may be lost.
#[test]
fn two_thousand_lives_that_an_outage_leaves_are_all_saved_at_the_limiters_rate() {
    let backlog = Backlog::after_an_outage(&[(MANY, Limits::default().per_second)], seconds(20));
    backlog.keeps_the_rate();
    backlog.serves_the_nearest_end_first();
    assert_eq!((backlog.could_be_saved(4), backlog.saved()), (MANY, MANY));
}

/// The ends of the first come faster than that, so some cannot be saved. Those have every fourth turn, and no more.
#[test]
fn who_cannot_be_saved_any_more_costs_nobody_a_life_who_can() {
    let rate = Limits::default().per_second;
    let backlog = Backlog::after_an_outage(&[(2 * FEW, 2 * rate), (FEW, rate * 2 / 3)], seconds(5));
    backlog.keeps_the_rate();
    backlog.serves_the_nearest_end_first();
    let (could, saved) = (backlog.could_be_saved(3), backlog.saved());
    assert!((FEW..3 * FEW).contains(&could), "{could}: some can be saved, and some cannot");
    assert!(saved >= could, "{saved} were saved, and {could} could be");
}

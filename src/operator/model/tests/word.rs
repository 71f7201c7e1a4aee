//! What is said of a token that ends while the call that is to replace it hangs? Behaviour §2.4.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::World;
use super::super::operator::Flight;
use super::outage::fail_all;
use crate::auth::{Class, Scope};
use crate::decision::{Key, Kind};
use crate::operator::effect::Effect;

const KINDS: [Kind; 2] = [Kind::Credential, Kind::Request];
const SHORT: SignedDuration = SignedDuration::from_secs(1);

/// A world in which the call is out that is to renew the token of an object of this kind: the object, the call, and when its
/// token ends.
fn with_a_call_out(kind: Kind) -> (World, Key, Flight, Timestamp) {
    let mut world = World::new();
    world.service.life = SignedDuration::from_mins(1);
    let partner = world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    let key = if kind == Kind::Credential { partner } else { request };
    let end =
        world.status(&key)["token"]["expiresAt"].as_str().expect("a token").parse().expect("an instant");
    let call = next_call(&mut world, &key);
    assert!(world.now < end);
    (world, key, call, end)
}

/// Time passes until a call for it is out.
fn next_call(world: &mut World, key: &Key) -> Flight {
    loop {
        while world.deliver_all() || world.operator.turn_next(world.now) {}
        if let Some(Flight::Leaving(_, Effect::Issue { .. })) = world.operator.flights.get(key) {
            world.server.journal.clear();
            return world.operator.flights.remove(key).expect("it is there");
        }
        if !world.move_first() {
            world.now = world.operator.turns.next_look(world.now).expect("a renewal");
        }
    }
}

/// The same when the token has ended, and the status that says so is about to be written.
fn with_a_word_out(kind: Kind) -> (World, Key) {
    let (mut world, key, call, end) = with_a_call_out(kind);
    world.pass(world.now.duration_until(end) - SHORT);
    world.now = end;
    while world.operator.words.is_empty() {
        assert!(world.operator.turn_next(world.now));
    }
    world.operator.put_flight(call);
    (world, key)
}

fn statuses(world: &World, key: &Key) -> usize {
    let entry = format!("status {}", key.name);
    world.server.journal.iter().filter(|it| **it == entry).count()
}

#[test]
fn a_token_that_ends_while_its_call_hangs_is_said_at_once() {
    for kind in KINDS {
        let (mut world, key, call, end) = with_a_call_out(kind);
        world.pass(world.now.duration_until(end) - SHORT);
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("True Issued", 0));
        world.pass(SHORT * 15);
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("False Pending", 1));
        let since = &world.condition(&key, "Ready")["lastTransitionTime"];
        assert_eq!(since.as_str().and_then(|it| it.parse().ok()), Some(end), "{since}");
        world.operator.put_flight(call);
        world.settle();
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("True Issued", 2));
    }
}

/// What the clock shows when the token ends is another time then.
#[test]
fn a_token_that_ends_while_its_call_hangs_is_said_at_once_though_the_clock_was_set_back() {
    for kind in KINDS {
        let (mut world, key, call, end) = with_a_call_out(kind);
        let step = -SHORT * 4;
        let left = world.now.duration_until(end);
        world.now += step;
        world.operator.turns.clock_was_set(step);
        world.pass(left - SHORT);
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("True Issued", 0));
        world.pass(SHORT * 2);
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("False Pending", 1));
        world.operator.put_flight(call);
        world.settle();
        assert_eq!(world.ready(&key), "True Issued");
    }
}

/// The clock was set back during a call: the token that it brought ends so much earlier by this clock.
#[test]
fn a_token_ends_when_it_does_though_the_clock_was_set_while_it_was_issued() {
    for kind in KINDS {
        let (mut world, key, call, _) = with_a_call_out(kind);
        let issued = world.now;
        let step = -SHORT * 20;
        // The service has answered, and the answer is on its way.
        world.operator.put_flight(call);
        world.advance(&key);
        world.now += step;
        world.operator.turns.clock_was_set(step);
        world.settle();
        let told: Timestamp =
            world.status(&key)["token"]["expiresAt"].as_str().expect("a token").parse().expect("an instant");
        assert!(told > issued + world.service.life - SHORT, "{told}");
        fail_all(&mut world, Some((Class::Transient, Scope::Endpoint)));
        world.pass(world.now.duration_until(told + step) - SHORT);
        assert_eq!(world.ready(&key), "True Issued");
        world.pass(SHORT * 2);
        assert!(world.ready(&key).starts_with("False"), "{}", world.ready(&key));
    }
}

/// As after a machine slept: that is said, but not of a call that takes no longer than a moment.
#[test]
fn a_token_that_was_over_before_its_call_is_said_if_that_hangs() {
    for (waits, says) in [(SHORT / 2, "True Issued"), (SHORT, "False Pending")] {
        let mut world = World::new();
        world.service.life = SignedDuration::from_mins(1);
        let partner = world.partner();
        world.settle();
        world.now += SignedDuration::from_mins(2);
        let call = next_call(&mut world, &partner);
        world.pass(waits);
        assert_eq!(world.ready(&partner), says);
        world.operator.put_flight(call);
        world.settle();
        assert_eq!(world.ready(&partner), "True Issued");
    }
}

/// What is said beside a call takes no place, however long it lasts, and a call that is back in time leaves nothing to be said.
#[test]
fn what_is_said_beside_a_call_keeps_nobody_from_a_place() {
    let (mut world, key) = with_a_word_out(Kind::Request);
    assert_eq!(world.operator.turns.slots.taken(), 0);
    while world.operator.words.contains_key(&key) {
        world.advance(&key);
    }
    assert_eq!(world.operator.turns.slots.taken(), 0);
    let (mut world, _, call, end) = with_a_call_out(Kind::Request);
    world.operator.put_flight(call);
    world.settle();
    assert!(world.operator.turns.next_look(world.now).is_some_and(|at| at > end));
}

#[test]
fn an_answer_that_overtakes_what_is_said_of_the_token_before_stands() {
    for kind in KINDS {
        let (mut world, key) = with_a_word_out(kind);
        let late = world.operator.words.remove(&key).expect("it is there");
        world.settle();
        assert_eq!((&*world.ready(&key), statuses(&world, &key)), ("True Issued", 1));
        world.operator.put_flight(late);
        world.pass(SHORT * 10);
        assert_eq!(
            (&*world.ready(&key), statuses(&world, &key)),
            ("True Issued", 2),
            "refused, and left at that"
        );
    }
}

/// In whatever order the call, what is said beside it and the watches move on.
#[test]
fn whatever_comes_first_the_new_token_is_what_is_said_last() {
    const MOVES: u32 = 6;
    for kind in KINDS {
        for order in 0..3_u32.pow(MOVES) {
            let (mut world, key) = with_a_word_out(kind);
            let calls = world.service.total();
            for step in 0..MOVES {
                match order / 3_u32.pow(step) % 3 {
                    0 => {
                        world.deliver_all();
                    }
                    1 if world.operator.words.contains_key(&key) => {
                        world.advance(&key);
                    }
                    _ => {
                        let late = world.operator.words.remove(&key);
                        world.advance(&key);
                        if let Some(late) = late {
                            world.operator.put_flight(late);
                        }
                    }
                }
            }
            world.settle();
            assert_eq!(world.ready(&key), "True Issued", "{kind:?} {order}: {}", world.message(&key));
            assert!((2..=3).contains(&statuses(&world, &key)), "{:?}", world.server.journal);
            let issued = if kind == Kind::Credential { 1 } else { 2 };
            assert_eq!(world.service.total(), calls + issued, "{kind:?} {order}");
        }
    }
}

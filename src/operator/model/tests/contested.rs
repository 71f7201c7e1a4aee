//! Somebody edits or deletes a managed Secret in a loop, or a policy edits whatever is written: what does it cost, and whom?

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::World;
use super::super::operator::Flight;
use super::ownership::in_order;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::cluster::managed_secret::{Draft, manifest};
use crate::decision::{Content, Key};
use crate::operator::effect::Outcome;
use crate::operator::turns::Turn;
use crate::token::AccessToken;

const A_SECOND: SignedDuration = SignedDuration::from_secs(1);
/// In that time: five at once, and then one in half a minute.
const A_FEW: std::ops::RangeInclusive<usize> = 5..=9;
const SAYS: &str = "was deleted or edited often in a short time";

fn secret_of(world: &World, key: &Key) -> (String, String) {
    let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap();
    (key.namespace.to_string(), name.to_owned())
}

/// With a key that nobody asked for.
fn add_key(world: &mut World, key: &Key) {
    let (namespace, name) = secret_of(world, key);
    world.edit_secret(&namespace, &name, |it| it["data"]["added"] = json!("eA=="));
}

fn content(world: &World, key: &Key) -> Content {
    let (namespace, name) = secret_of(world, key);
    world.secret(&namespace, &name).content
}

/// Done every second of almost two minutes. Returns how often the Secret was written, and how many calls were made.
fn in_a_loop(world: &mut World, key: &Key, mut edit: impl FnMut(&mut World)) -> (usize, usize) {
    world.server.journal.clear();
    let calls = world.service.total();
    for _ in 0..110 {
        edit(world);
        world.pass(A_SECOND);
    }
    (writes(world, key), world.service.total() - calls)
}

fn writes(world: &World, key: &Key) -> usize {
    let entry = format!("write {}", secret_of(world, key).1);
    world.server.journal.iter().filter(|it| **it == entry).count()
}

fn statuses(world: &World, key: &Key) -> usize {
    world.server.journal.iter().filter(|it| **it == format!("status {}", key.name)).count()
}

#[test]
fn a_secret_edited_without_end_is_put_right_a_few_times_and_then_twice_a_minute() {
    let (mut world, partner, request) = in_order();
    let other = world.request("other", json!({}));
    world.pass(minutes(10));
    for key in [&partner, &request] {
        let (writes, calls) = in_a_loop(&mut world, key, |world| add_key(world, key));
        assert!(A_FEW.contains(&writes), "{writes} of {key:?}");
        assert_eq!(calls, 0);
        assert!(statuses(&world, key) <= 10, "{}", statuses(&world, key));
        assert_eq!(world.ready(key), "False SecretContested", "nobody looked what is in it now");
        assert!(world.message(key).contains(SAYS), "{}", world.message(key));

        // Nobody else waits for it.
        add_key(&mut world, &other);
        world.settle();
        assert_eq!((content(&world, &other), content(&world, key)), (Content::Intact, Content::Edited));
        assert!(!world.message(&other).contains(SAYS), "{}", world.message(&other));

        // It is put right in the end, and forgotten.
        world.pass(minutes(1));
        assert_eq!(content(&world, key), Content::Intact);
        assert!(!world.message(key).contains(SAYS), "{}", world.message(key));
        world.pass(minutes(3));
        add_key(&mut world, key);
        world.settle();
        assert_eq!(content(&world, key), Content::Intact, "at once again");
    }
}

#[test]
fn a_secret_deleted_without_end_is_put_back_a_few_times_and_then_twice_a_minute() {
    let (mut world, partner, _) = in_order();
    let name = secret_of(&world, &partner);
    let (writes, calls) = in_a_loop(&mut world, &partner, |world| {
        if world.server.secrets.contains_key(&name) {
            world.server.delete_secret(&name.0, &name.1);
        }
    });
    assert!(A_FEW.contains(&writes), "{writes}");
    assert_eq!(calls, 0, "the token is held");
    assert_eq!(world.ready(&partner), "False SecretContested");
    assert!(world.message(&partner).contains(SAYS), "{}", world.message(&partner));
    world.pass(minutes(1));
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(!world.message(&partner).contains(SAYS), "{}", world.message(&partner));
}

/// Whatever is written is edited at once, with nobody there to get tired of it.
#[test]
fn a_policy_that_adds_a_key_to_whatever_is_written_is_fought_twice_a_minute_and_delays_no_renewal() {
    let (mut world, partner, request) = in_order();
    world.server.policy = Some(|it, _| it["data"]["added"] = json!("eA=="));
    for key in [&partner, &request] {
        let due: jiff::Timestamp = world.status(key)["token"]["renewAt"]
            .as_str()
            .and_then(|it| it.parse().ok())
            .expect("an instant");
        add_key(&mut world, key);
        let (writes, calls) = in_a_loop(&mut world, key, |_| {});
        assert!(A_FEW.contains(&writes), "{writes} of {key:?}");
        assert_eq!(calls, 0);
        assert!(world.message(key).contains(SAYS), "{}", world.message(key));
        if *key == partner {
            continue;
        }
        world.pass(world.now.duration_until(due) - minutes(1));
        let before = token(&world, key);
        world.pass(minutes(1) + A_SECOND);
        assert_ne!(token(&world, key), before, "renewed, written, and edited again");
        assert_eq!(content(&world, key), Content::Edited);
    }
    world.server.policy = None;
    world.pass(minutes(1));
    for key in [&partner, &request] {
        assert_eq!(content(&world, key), Content::Intact);
        assert_eq!(world.ready(key), "True Issued");
    }
    world.pass(hours(2));
    assert!(!world.message(&request).contains(SAYS), "{}", world.message(&request));
}

/// The hash covers no owner, so the content is as it was written.
#[test]
fn a_policy_that_takes_the_owner_away_is_fought_twice_a_minute_and_keeps_nobody_waiting() {
    let (mut world, partner, request) = in_order();
    let other = world.request("other", json!({}));
    world.pass(minutes(10));
    world.server.policy = Some(|it, _| it["metadata"]["ownerReferences"] = json!([]));
    for key in [&partner, &request] {
        let (namespace, name) = secret_of(&world, key);
        world.edit_secret(&namespace, &name, |it| it["metadata"]["ownerReferences"] = json!([]));
        let (writes, calls) = in_a_loop(&mut world, key, |_| {});
        assert!(A_FEW.contains(&writes), "{writes} of {key:?}");
        assert_eq!(calls, 0);
    }
    add_key(&mut world, &other);
    world.settle();
    assert_eq!(content(&world, &other), Content::Intact);
}

/// The watch shows what is stored, with a hash that fits, at the version of our own write.
#[test]
fn a_policy_that_writes_another_token_with_a_hash_that_fits_is_found_out() {
    let (mut world, partner, request) = in_order();
    world.pass(minutes(10));
    world.server.policy = Some(|it, draft| {
        let theirs = AccessToken::read("theirs").expect("a token");
        let draft = Draft { token: &theirs, ..*draft };
        let written: Value = serde_json::from_slice(manifest(&draft, None).bytes()).expect("a manifest");
        it["data"] = written["data"].clone();
        it["metadata"]["annotations"] = written["metadata"]["annotations"].clone();
    });
    for key in [&partner, &request] {
        world.renew(key, "now");
        world.pass(SignedDuration::from_secs(20));
        assert_eq!(token(&world, key), "theirs");
        assert!(!world.ready(key).starts_with("True"), "{key:?} is {}", world.ready(key));
        assert!(writes(&world, key) <= 12, "{}", writes(&world, key));
    }
    world.server.policy = None;
    world.pass(minutes(11));
    for key in [&partner, &request] {
        assert_ne!(token(&world, key), "theirs");
        assert_eq!(world.ready(key), "True Issued");
    }
}

/// Whoever edits at the speed of the server would have a slot of it for himself.
#[test]
fn whoever_has_written_lets_those_who_are_ready_go_first() {
    let (mut world, partner, _) = in_order();
    world.pass(minutes(10));
    world.renew(&partner, "now");
    let is_written = |world: &World| {
        matches!(world.operator.flights.get(&partner), Some(Flight::Coming(_, Outcome::Written { .. })))
    };
    while !is_written(&world) {
        assert!(world.step(&partner), "it is renewed");
    }
    let Some(Flight::Coming(ticket, outcome)) = world.operator.take_flight(&partner) else {
        panic!("it was written")
    };
    let landed = world.operator.turns.land(ticket, outcome, world.now);
    assert!(matches!(landed.next, Turn::Rest), "its status comes in turn: {:?}", landed.next);
    world.settle();
    assert_eq!(world.status(&partner)["lastHandledRenewRequest"], "now");
}

/// A token that is new is written at once, and puts the Secret right with it.
#[test]
fn a_renewal_of_a_secret_that_is_edited_without_end_is_written_at_once() {
    let (mut world, partner, request) = in_order();
    world.pass(minutes(10));
    for key in [&partner, &request] {
        in_a_loop(&mut world, key, |world| add_key(world, key));
        assert_eq!(content(&world, key), Content::Edited);
        let before = token(&world, key);
        world.renew(key, "now");
        world.settle();
        assert_ne!(token(&world, key), before);
        assert_eq!(content(&world, key), Content::Intact);
    }
}

fn token(world: &World, key: &Key) -> Value {
    let (namespace, name) = secret_of(world, key);
    json!(world.value(&namespace, &name, "access_token"))
}

/// The gate is closed, so that whoever is in line is not called for long.
#[test]
fn what_is_edited_again_while_its_renewal_waits_in_line_is_put_right_at_its_time() {
    let (mut world, _, request) = in_order();
    world.service.fail(Call::ServiceToken, Some((Class::Throttled, Scope::Endpoint)));
    world.pass(minutes(10));
    world.renew(&request, "now");
    world.pass(minutes(45));
    for _ in 0..6 {
        add_key(&mut world, &request);
        world.pass(A_SECOND);
    }
    assert_eq!(content(&world, &request), Content::Edited, "the sixth waits");
    world.pass(SignedDuration::from_secs(31));
    assert_eq!(content(&world, &request), Content::Intact);
    assert!(world.message(&request).contains("asks for fewer calls"), "{}", world.message(&request));
}

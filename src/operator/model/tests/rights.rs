//! What do rights cost that are taken away, and given back? Counted in the model world.

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::cluster::status::StatusRefused;
use crate::decision::Key;

/// A credential that works, and requests of it that the operator can do nothing for without this right.
fn without(right: &str, requests: usize) -> (World, Vec<Key>) {
    let mut world = World::new();
    world.partner();
    world.settle();
    world.server.missing_rights.insert(right.to_owned());
    let keys = (0..requests).map(|n| world.request(&format!("request-{n}"), json!({}))).collect();
    // Not when an attempt of its own is about to come.
    world.pass(minutes(42));
    (world, keys)
}

fn asked(world: &World, what: &str) -> usize {
    world.server.journal.iter().filter(|it| it.starts_with(what)).count()
}

/// Seconds after it is given back, all is well: no delay stands that grew meanwhile.
fn is_soon_well(world: &mut World, keys: &[Key]) {
    world.server.missing_rights.clear();
    world.pass(SignedDuration::from_secs(15));
    for key in keys {
        assert_eq!(world.ready(key), "True Issued", "{}", key.name);
    }
}

#[test]
fn the_right_to_create_secrets_is_asked_for_once_for_all_and_used_at_once() {
    let (mut world, keys) = without("create secrets in web", 200);
    for key in &keys {
        assert_eq!(world.ready(key), "False ClusterAccessDenied");
    }
    let questions = asked(&world, "ask to create secrets in web");
    assert!((200..=252).contains(&questions), "{questions} questions in 42 minutes");
    let calls = world.service.total();
    is_soon_well(&mut world, &keys);
    assert_eq!(world.service.total(), calls, "the tokens were kept");
    world.server.journal.clear();
    world.pass(hours(1));
    assert_eq!(asked(&world, "ask to"), 0);
}

#[test]
fn the_right_to_write_a_status_is_used_as_soon_as_it_is_back() {
    let (mut world, keys) = without("patch scopedtokenrequests/status in web", 200);
    is_soon_well(&mut world, &keys);
}

/// A policy may refuse what a right allows: then there is no right to wait for.
#[test]
fn for_what_a_policy_refuses_no_right_is_asked_for_again_and_again() {
    let mut world = World::new();
    world.partner();
    world.server.refuse_status = Some(StatusRefused::Forbidden);
    world.pass(hours(4));
    let (questions, statuses) = (asked(&world, "ask to"), asked(&world, "status"));
    assert!(questions <= statuses, "{questions} questions after {statuses} refusals");
}

/// Nobody asks for what nobody wants any more.
#[test]
fn when_all_who_were_refused_are_gone_nothing_is_asked() {
    let (mut world, keys) = without("create secrets in web", 20);
    for key in &keys {
        world.server.delete_object(key);
    }
    world.pass(SignedDuration::from_mins(1));
    world.server.journal.clear();
    world.pass(hours(1));
    assert_eq!(asked(&world, "ask to"), 0);
}

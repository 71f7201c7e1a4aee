//! What becomes of a record that another hand wrote, and of an answer that comes too late?

use serde_json::{Value, json};

use super::super::World;
use super::ownership::{foreign, in_order};
use super::{hours, minutes};
use crate::auth::Call;
use crate::cluster::watch::Watched;

/// A backup tool, or `kubectl apply` of a copy: the right owner, intact, and old.
#[test]
fn a_restored_copy_is_replaced_once_in_ten_minutes() {
    for age in [8, 11] {
        let (mut world, _, request) = in_order();
        let copy = world.server.secrets[&("web".into(), "interview-token".into())].clone();
        world.pass(hours(age));
        let (_, calls) = world.watch(|world| {
            for _ in 0..9 {
                world.server.put_secret("web", "interview-token", copy.clone());
                world.pass(minutes(1));
            }
        });
        assert_eq!(calls, 2, "after {age} hours: one token, however often");
        let (_, calls) = world.watch(|world| world.pass(minutes(2)));
        assert_eq!(calls, 2, "after {age} hours: ten minutes later");
        assert_eq!(world.ready(&request), "True Issued");
    }
}

#[test]
fn a_restored_copy_is_overwritten_by_the_token_that_is_held() {
    let (mut world, partner, _) = in_order();
    let name = ("legal".to_owned(), "partner-access-token".to_owned());
    let copy = world.server.secrets[&name].clone();
    world.pass(minutes(1));
    world.renew(&partner, "now");
    world.settle();
    world.unrenew(&partner);
    world.settle();
    let current = world.value(&name.0, &name.1, "access_token");
    let (_, calls) = world.watch(|world| {
        world.server.put_secret(&name.0, &name.1, copy.clone());
        world.settle();
    });
    assert_eq!(calls, 0, "held in memory");
    assert_eq!(world.value(&name.0, &name.1, "access_token"), current);
    assert_eq!(world.ready(&partner), "True Issued");
}

/// Edited once, so that the next token is a repair; a renewal by the clock waits for nobody.
#[test]
fn an_edited_record_counts_as_a_repair_and_a_renewal_does_not() {
    let (mut world, ..) = in_order();
    let outdate = |it: &mut Value| {
        it["metadata"]["annotations"]["auth.rocketlawyer.com/expires-at"] = json!("2026-11-24T00:00:00Z");
    };
    let (_, calls) = world.watch(|world| {
        for _ in 0..9 {
            world.edit_secret("web", "interview-token", outdate);
            world.pass(minutes(1));
        }
    });
    assert_eq!(calls, 2, "one token, however often");
    world.service.life = minutes(4);
    world.pass(minutes(2));
    let (_, calls) = world.watch(|world| world.pass(minutes(9)));
    assert!(calls >= 6, "renewed as they should be, after a repair: {calls}");
}

/// A write of ours, and its deletion by somebody; the watch tells both before the answer is back.
#[test]
fn an_answer_after_the_end_of_its_secret_does_not_bring_it_back() {
    let mut world = World::new();
    world.partner();
    world.settle();
    let request = world.request("interview", json!({}));
    let name = ("web".to_owned(), "interview-token".to_owned());
    while !world.server.secrets.contains_key(&name) {
        assert!(world.step(&request), "it is written");
    }
    world.server.delete_secret(&name.0, &name.1);
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 0, "the token was not lost with its Secret");
    assert!(
        asked.contains("confirm owner interview") && asked.contains("write interview-token"),
        "{asked:?}"
    );
    assert!(world.server.secrets.contains_key(&name));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.operator.restored, 1);
}

/// The same of a client Secret that is read while it is deleted.
#[test]
fn a_client_secret_that_is_read_after_its_end_is_not_used() {
    let mut world = World::new();
    let partner = world.partner();
    world.step_until(&partner, "read partner-login");
    world.server.delete_secret("legal", "partner-login");
    let (_, calls) = world.watch(World::settle);
    assert_eq!(calls, 0);
    assert_eq!(world.ready(&partner), "False ClientSecretNotFound");
    world.login("legal", "partner-login", "app", "s3cret");
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
}

/// And of a foreign one that is looked at because a write found its name taken.
#[test]
fn a_look_that_comes_after_the_end_of_what_it_saw_frees_the_name() {
    let mut world = World::new();
    world.partner();
    world.settle();
    let request = world.request("interview", json!({}));
    while world.service.count(Call::ServiceToken) == 0 {
        assert!(world.step(&request), "it is issued");
    }
    foreign(&mut world, "interview-token");
    let late = world.server.feeds.remove(&Watched::OtherSecrets).unwrap();
    world.step_until(&request, "look interview-token");
    world.server.feeds.insert(Watched::OtherSecrets, late);
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
}

/// While the operator was away: what is there is the truth, and no older or younger token of it is known to anybody. It is
/// kept while it is good, and renewed when its own time has come, once.
#[test]
fn a_copy_that_is_restored_while_the_operator_is_away_is_renewed_at_its_own_time() {
    for (hours_old, expected) in [(3, 0), (8, 2), (11, 2)] {
        let (mut world, _, request) = in_order();
        let name = ("web".to_owned(), "interview-token".to_owned());
        let copy = world.server.secrets[&name].clone();
        world.pass(minutes(1));
        world.renew(&request, "now");
        world.settle();
        world.unrenew(&request);
        world.pass(hours(hours_old));
        world.server.put_secret(&name.0, &name.1, copy);
        world.restart();
        let (_, calls) = world.watch(|world| world.pass(minutes(1)));
        assert_eq!(calls, expected, "{hours_old} hours old");
        assert_eq!(world.ready(&request), "True Issued");
        let is_the_copy = world.value(&name.0, &name.1, "access_token").as_deref() == Some("scoped-3");
        assert_eq!(is_the_copy, expected == 0, "{hours_old} hours old");
        world.restart();
        let exchanges = world.service.count(Call::Exchange);
        world.pass(minutes(60));
        assert_eq!(world.service.count(Call::Exchange), exchanges, "{hours_old} hours old: once");
    }
}

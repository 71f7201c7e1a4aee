//! Whose Secret is it, and what becomes of one that somebody touched?

use serde_json::{Value, json};

use super::super::World;
use super::{hours, minutes};
use crate::auth::Call;
use crate::cluster::watch::Watched;
use crate::decision::{Content, Key};

fn in_order() -> (World, Key, Key) {
    let mut world = World::new();
    let partner = world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    (world, partner, request)
}

fn foreign(world: &mut World, name: &str) {
    world.server.put_secret("web", name, json!({"type": "Opaque", "data": {"mine": "eA=="}}));
}

#[test]
fn a_foreign_name_is_never_written_and_nothing_is_issued_for_it() {
    let mut world = World::new();
    world.partner();
    foreign(&mut world, "interview-token");
    let before = world.server.secrets[&("web".into(), "interview-token".into())].clone();
    let request = world.request("interview", json!({}));
    world.pass(minutes(60));
    assert_eq!(world.ready(&request), "False SecretNotOwned");
    assert_eq!(world.service.count(Call::ServiceToken), 0);
    assert_eq!(world.server.secrets[&("web".into(), "interview-token".into())], before);
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.ready(&request), "True Issued", "at once when the name is free");
}

/// The watch is late: the write finds the foreign Secret; it is looked at once, and the token is not wasted on it again.
#[test]
fn a_name_taken_behind_the_watchs_back_costs_one_token() {
    let mut world = World::new();
    world.partner();
    world.settle();
    let request = world.request("interview", json!({}));
    foreign(&mut world, "interview-token");
    let late = world.server.feeds.remove(&Watched::OtherSecrets).unwrap();
    world.pass(minutes(30));
    assert_eq!(world.ready(&request), "False SecretNotOwned");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.server.feeds.insert(Watched::OtherSecrets, late);
    world.settle();
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1, "the token that is held is written");
}

#[test]
fn two_objects_with_one_name_the_earlier_has_it() {
    let mut world = World::new();
    world.partner();
    let name = json!({"secret": {"name": "shared"}});
    let first = world.request("zebra", name.clone());
    world.now += minutes(1);
    let second = world.request("aardvark", name);
    world.pass(minutes(20));
    assert_eq!(world.ready(&first), "True Issued");
    assert_eq!(world.ready(&second), "False SecretNotOwned");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.server.delete_object(&first);
    world.server.collect_garbage();
    world.settle();
    assert_eq!(world.ready(&second), "True Issued");
}

#[test]
fn a_former_owners_secret_is_waited_for() {
    let (mut world, _, request) = in_order();
    world.server.delete_object(&request);
    let reborn = world.request("interview", json!({}));
    world.pass(minutes(20));
    assert_eq!(world.ready(&reborn), "False SecretNotOwned");
    assert!(world.message(&reborn).contains("about to be collected"));
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.server.collect_garbage();
    world.settle();
    assert_eq!(world.ready(&reborn), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 2);
}

#[test]
fn an_orphan_is_adopted_without_issuing() {
    let (mut world, _, request) = in_order();
    world.edit_secret("web", "interview-token", |it| {
        it["metadata"]["ownerReferences"].take();
    });
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 0);
    assert!(asked.contains("write interview-token"), "{asked:?}");
    let uid = world.server.objects[&request].uid.clone();
    let owner = world.secret("web", "interview-token").owner;
    assert!(format!("{owner:?}").contains(&uid), "{owner:?}");
    assert_eq!(world.value("web", "interview-token", "access_token").as_deref(), Some("scoped-3"));
}

#[test]
fn an_added_key_goes_without_issuing() {
    let (mut world, ..) = in_order();
    for (namespace, name) in [("web", "interview-token"), ("legal", "partner-access-token")] {
        world.edit_secret(namespace, name, |it| it["data"]["extra"] = json!("eA=="));
        let (_, calls) = world.watch(World::settle);
        assert_eq!(calls, 0, "{name}");
        assert_eq!(world.value(namespace, name, "extra"), None);
        assert_eq!(world.secret(namespace, name).content, Content::Intact);
    }
}

#[test]
fn an_edited_token_is_replaced_by_one_that_is_held_or_else_by_issuing() {
    let (mut world, ..) = in_order();
    world.edit_secret("legal", "partner-access-token", |it| {
        it["data"]["access_token"] = json!("eA==");
    });
    let (_, calls) = world.watch(World::settle);
    assert_eq!(calls, 0, "held in memory");
    assert_eq!(world.value("legal", "partner-access-token", "access_token").as_deref(), Some("access-1"));
    world.edit_secret("web", "interview-token", |it| {
        it["data"]["access_token"] = json!("eA==");
    });
    let (_, calls) = world.watch(World::settle);
    assert_eq!(calls, 2);
    let again = |world: &mut World| {
        world.edit_secret("web", "interview-token", |it| {
            it["data"]["access_token"] = json!("eA==");
        });
        world.watch(|world| world.pass(minutes(9))).1
    };
    assert_eq!(again(&mut world), 0, "at most once in ten minutes");
    let (_, calls) = world.watch(|world| world.pass(minutes(2)));
    assert_eq!(calls, 2);
}

#[test]
fn a_stripped_record_is_replaced_once_in_ten_minutes() {
    let (mut world, ..) = in_order();
    let strip = |it: &mut Value| {
        it["metadata"]["annotations"].take();
    };
    let (_, calls) = world.watch(|world| {
        for _ in 0..9 {
            world.edit_secret("web", "interview-token", strip);
            world.pass(minutes(1));
        }
    });
    assert_eq!(calls, 2, "one token, however often");
}

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

#[test]
fn a_vanished_secret_comes_back_after_a_look_at_its_owner() {
    let (mut world, partner, request) = in_order();
    world.server.delete_secret("legal", "partner-access-token");
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 0, "the token is held");
    assert!(asked.contains("confirm owner partner"), "{asked:?}");
    assert_eq!(world.ready(&partner), "True Issued");
    world.server.delete_secret("web", "interview-token");
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 2);
    assert!(asked.contains("confirm owner interview"), "{asked:?}");
    world.server.delete_secret("web", "interview-token");
    let (_, calls) = world.watch(|world| world.pass(minutes(9)));
    assert_eq!(calls, 0, "at most once in ten minutes");
    assert_eq!(world.ready(&request), "False Pending");
    assert!(world.message(&request).contains("Find out who deletes it"));
    world.pass(minutes(2));
    assert_eq!(world.ready(&request), "True Issued");
}

#[test]
fn only_what_somebody_undid_is_announced_as_restored() {
    let (mut world, ..) = in_order();
    world.restart();
    world.pass(minutes(8 * 60));
    assert_eq!(world.operator.restored, 0, "renewals after a restart restore nothing");
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.operator.restored, 1);
    world.edit_secret("legal", "partner-access-token", |it| {
        it["data"]["extra"] = json!("eA==");
    });
    world.settle();
    assert_eq!(world.operator.restored, 2);
}

/// Deleted while the operator was away: confirmed first, all the same.
#[test]
fn a_secret_that_vanished_during_a_restart_is_confirmed_first() {
    let (mut world, ..) = in_order();
    world.server.delete_secret("web", "interview-token");
    world.restart();
    let (asked, calls) = world.watch(World::settle);
    assert!(asked.contains("confirm owner interview"), "{asked:?}");
    assert_eq!(calls, 2);
}

/// The object is gone, and its watch has not said so yet: nothing is put back for it.
#[test]
fn nothing_is_put_back_for_an_owner_that_is_gone() {
    let (mut world, _, request) = in_order();
    world.server.delete_object(&request);
    let late = world.server.feeds.remove(&Watched::Requests).unwrap();
    world.server.collect_garbage();
    let (_, calls) = world.watch(|world| world.pass(minutes(20)));
    assert_eq!(calls, 0);
    assert!(!world.server.secrets.contains_key(&("web".into(), "interview-token".into())));
    world.server.feeds.insert(Watched::Requests, late);
    world.settle();
    assert!(world.operator.turns.state.object(&request).is_none());
}

/// A late word about the Secret that was there before ours is not taken for ours.
#[test]
fn a_late_sight_of_an_earlier_secret_issues_nothing() {
    let (mut world, _, request) = in_order();
    let feed = |world: &mut World| world.server.feeds.remove(&Watched::ManagedSecrets).unwrap_or_default();
    // Edited and deleted; the watch shows neither, until the write has come back "gone".
    world.edit_secret("web", "interview-token", |it| {
        it["metadata"]["labels"]["x"] = json!("y");
    });
    world.server.delete_secret("web", "interview-token");
    let mut late = feed(&mut world);
    world.pass(minutes(1));
    world.renew(&request, "now");
    world.settle();
    late.extend(feed(&mut world));
    assert_eq!(world.status(&request)["lastHandledRenewRequest"], "now");
    let (_, calls) = world.watch(|world| {
        for change in late {
            world.operator.turns.take(change);
            world.settle();
        }
    });
    assert_eq!(calls, 0);
    assert_eq!(world.ready(&request), "True Issued");
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
    while !world.server.journal.iter().any(|it| it == "read login partner-login") {
        assert!(world.step(&partner), "it is read");
    }
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
    while !world.server.journal.iter().any(|it| it == "look interview-token") {
        assert!(world.step(&request), "it is looked at");
    }
    world.server.feeds.insert(Watched::OtherSecrets, late);
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
}

#[test]
fn an_immutable_secret_is_said_and_left_alone() {
    let (mut world, _, request) = in_order();
    world.edit_secret("web", "interview-token", |it| it["immutable"] = json!(true));
    let (asked, _) = world.watch(|world| world.pass(minutes(14 * 60)));
    assert!(!asked.contains("write interview-token"), "{asked:?}");
    assert_eq!(world.ready(&request), "False SecretWriteRefused");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.server.delete_secret("web", "interview-token");
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
}

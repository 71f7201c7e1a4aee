//! Whose Secret is it, and what becomes of one that somebody touched?

use serde_json::{Value, json};

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::cluster::watch::Watched;
use crate::decision::{Content, Key};

pub(super) fn in_order() -> (World, Key, Key) {
    let mut world = World::new();
    let partner = world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    (world, partner, request)
}

pub(super) fn foreign(world: &mut World, name: &str) {
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

/// Whoever wants a name judges nothing that is another's: the one whose Secret it was, and that has a new owner by now.
#[test]
fn what_the_owner_makes_of_a_secret_is_no_forgery_to_whoever_wants_its_name() {
    let mut world = World::new();
    world.partner();
    let first = world.request("interview", json!({"secret": {"name": "shared"}}));
    world.now += minutes(1);
    let keys = json!({"accessToken": "TOKEN"});
    let heir = json!({"interviewId": "interview", "secret": {"name": "shared", "keys": keys}});
    let second = world.request("second", heir);
    world.settle();
    let uid = world.server.objects[&second].uid.clone();
    let (_, calls) = world.watch(|world| {
        world.edit_secret("web", "shared", |it| {
            it["metadata"]["ownerReferences"][0]["name"] = json!("second");
            it["metadata"]["ownerReferences"][0]["uid"] = json!(uid);
        });
        world.pass(minutes(20));
    });
    assert_eq!(calls, 0);
    assert_eq!([&first, &second].map(|it| world.ready(it)), ["False SecretNotOwned", "True Issued"]);
    let writes = world.server.journal.iter().filter(|it| *it == "write shared").count();
    assert_eq!(writes, 1, "under its own keys");
}

/// Nor is it to the one that adopts it then.
#[test]
fn a_secret_that_its_owner_left_as_it_made_it_is_adopted_without_issuing() {
    let mut world = World::new();
    world.partner();
    let owner = world.request("zebra", json!({"secret": {"name": "shared"}}));
    world.settle();
    let heir = world.request("aardvark", json!({"interviewId": "zebra", "secret": {"name": "shared"}}));
    world.settle();
    assert_eq!(world.ready(&heir), "False SecretNotOwned", "of the same second, but not its owner");
    let (_, calls) = world.watch(|world| {
        world.edit(&owner, json!({"secret": {"name": "shared", "keys": {"accessToken": "TOKEN"}}}));
        world.settle();
        world.server.delete_object(&owner);
        world.edit_secret("web", "shared", |it| {
            it["metadata"]["ownerReferences"].take();
        });
        world.settle();
    });
    assert_eq!(world.ready(&heir), "True Issued");
    assert_eq!(calls, 0);
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

/// As on `OpenShift`, where only those who may delete a Secret may give it an owner.
#[test]
fn an_adoption_that_is_refused_says_to_delete_the_secret() {
    for age in [1, 11] {
        let (mut world, _, request) = in_order();
        world.server.refuse_adoption = true;
        let mut copy = world.server.secrets[&("web".into(), "interview-token".into())].clone();
        copy["metadata"]["ownerReferences"].take();
        world.pass(hours(age));
        world.server.put_secret("web", "interview-token", copy);
        world.settle();
        assert_eq!(world.status(&request)["failure"]["reason"], "SecretNotOwned");
        assert_eq!(world.ready(&request), "False SecretNotOwned", "its token is {age} hours old");
        assert_eq!(world.condition(&request, "Stalled")["status"], "True");
        assert!(world.message(&request).contains("Delete it"), "{}", world.message(&request));
        let issued = world.service.count(Call::ServiceToken);
        world.pass(minutes(30));
        assert_eq!(world.ready(&request), "False SecretNotOwned");
        world.edit(&request, json!({"suspend": true}));
        world.settle();
        assert!(world.message(&request).contains("Delete it"), "suspended or not");
        world.edit(&request, json!({"suspend": null}));
        world.settle();
        world.server.delete_secret("web", "interview-token");
        world.settle();
        assert_eq!(world.service.count(Call::ServiceToken), issued, "the token is held");
        assert_eq!(world.ready(&request), "True Issued");
        assert!(world.status(&request)["failure"].is_null(), "at once");
    }
}

#[test]
fn who_wants_the_name_of_an_earlier_object_is_told_which_one() {
    let mut world = World::new();
    world.partner();
    world.service.fail(Call::ServiceToken, Some((Class::RequestRefused, Scope::Request)));
    let name = json!({"secret": {"name": "shared"}});
    world.request("zebra", name.clone());
    world.now += minutes(1);
    let second = world.request("aardvark", name);
    world.settle();
    assert_eq!(world.ready(&second), "False SecretNotOwned");
    let message = world.message(&second);
    assert!(message.contains("ScopedTokenRequest \"zebra\"") && !message.contains("exists"), "{message}");
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
    assert_eq!(world.ready(&request), "False SecretContested");
    assert!(world.message(&request).contains("Find out who does that"));
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

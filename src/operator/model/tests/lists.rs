//! What becomes of an answer that meets a list: which of the two is the older, and does what it tells of still exist?

use std::collections::BTreeSet;

use serde_json::json;

use super::super::World;
use super::super::feed::stream;
use super::minutes;
use crate::auth::Call;
use crate::cluster::watch::{Change, Trouble, Watched};
use crate::decision::Key;

const NAME: (&str, &str) = ("web", "interview-token");

fn name() -> (String, String) {
    (NAME.0.into(), NAME.1.into())
}

/// A first token that is written, and whose answer is on its way; the watch has broken meanwhile.
fn written() -> (World, Key) {
    let mut world = World::new();
    world.partner();
    world.settle();
    let request = world.request("interview", json!({}));
    while !world.server.secrets.contains_key(&name()) {
        assert!(world.step(&request), "it is written");
    }
    world.server.feeds.remove(&Watched::ManagedSecrets);
    (world, request)
}

/// Somebody deletes it before the watch lists again: no deletion is ever shown.
#[test]
fn an_answer_about_what_a_list_no_longer_showed_is_not_believed() {
    let (mut world, request) = written();
    world.server.delete_secret(NAME.0, NAME.1);
    world.server.relist(Watched::ManagedSecrets);
    while world.deliver(Watched::ManagedSecrets) {}
    let (asked, calls) = world.watch(World::settle);
    assert!(asked.contains("look interview-token"), "{asked:?}");
    assert_eq!(calls, 0, "the token that was not lost with its Secret is put back");
    assert!(world.server.secrets.contains_key(&name()));
    assert_eq!(world.ready(&request), "True Issued");
}

/// The same where the list has begun when the answer comes, and ends after it.
#[test]
fn an_answer_that_comes_amid_a_list_which_does_not_show_it_is_looked_into() {
    let (mut world, request) = written();
    world.server.delete_secret(NAME.0, NAME.1);
    world.server.relist(Watched::ManagedSecrets);
    assert!(world.deliver(Watched::ManagedSecrets), "it begins");
    assert!(world.advance(&request), "the answer");
    let (asked, _) = world.watch(World::settle);
    assert!(asked.contains("look interview-token"), "{asked:?}");
    assert!(asked.contains("confirm owner interview"), "{asked:?}");
    assert!(world.server.secrets.contains_key(&name()));
    assert_eq!(world.ready(&request), "True Issued");
}

/// The list is older than the write, and shows up before or after its answer.
#[test]
fn a_list_that_is_older_than_our_write_issues_nothing() {
    for answer_first in [true, false] {
        let mut world = World::new();
        world.partner();
        world.settle();
        let request = world.request("interview", json!({}));
        while world.service.count(Call::Exchange) == 0 {
            assert!(world.step(&request), "it is issued");
        }
        world.server.relist(Watched::ManagedSecrets);
        let list = world.server.feeds.remove(&Watched::ManagedSecrets).unwrap();
        while !world.server.secrets.contains_key(&name()) {
            assert!(world.step(&request), "it is written");
        }
        let echo = world.server.feeds.remove(&Watched::ManagedSecrets).unwrap();
        if answer_first {
            assert!(world.advance(&request), "the answer");
        }
        world.server.feeds.insert(Watched::ManagedSecrets, list);
        while world.deliver(Watched::ManagedSecrets) {}
        let (asked, calls) = world.watch(World::settle);
        assert!(asked.contains("look interview-token"), "answer first: {answer_first}, {asked:?}");
        assert!(!asked.contains("write interview-token"), "answer first: {answer_first}, {asked:?}");
        assert_eq!(calls, 0, "answer first: {answer_first}");
        world.server.feeds.insert(Watched::ManagedSecrets, echo);
        let (_, calls) = world.watch(World::settle);
        assert_eq!(calls, 0);
        assert_eq!(world.ready(&request), "True Issued");
    }
}

/// Behaviour §6.4: said on whoever has nothing that could be lost by it, and nothing is issued for what nobody may see.
#[test]
fn a_list_that_is_refused_is_said_and_a_token_that_may_not_be_looked_at_stands() {
    let mut world = World::new();
    let partner = world.partner();
    let refuse = |world: &mut World| {
        world.server.feeds.remove(&Watched::ManagedSecrets);
        for _ in 0..3 {
            let refused = Change::Broken(stream(Watched::ManagedSecrets), Trouble::Forbidden);
            world.operator.turns.take(refused);
        }
    };
    refuse(&mut world);
    let (_, calls) = world.watch(World::settle);
    assert_eq!((calls, world.ready(&partner).as_str()), (0, "False ClusterAccessDenied"));
    assert!(world.message(&partner).contains("may not read Secrets"), "{}", world.message(&partner));
    world.server.relist(Watched::ManagedSecrets);
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");

    world.restart();
    refuse(&mut world);
    let (asked, calls) = world.watch(|world| world.pass(minutes(590)));
    assert_eq!((asked, calls), (BTreeSet::new(), 0));
    assert_eq!(world.ready(&partner), "True Issued");
    world.pass(minutes(10));
    assert_eq!(world.ready(&partner), "False ClusterAccessDenied", "nobody calls a dead one good");
    world.server.relist(Watched::ManagedSecrets);
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
}

/// A client Secret is read, and deleted while the watch is broken.
#[test]
fn a_client_secret_that_a_list_no_longer_showed_is_not_used() {
    let mut world = World::new();
    let partner = world.partner();
    world.step_until(&partner, "read partner-login");
    world.server.delete_secret("legal", "partner-login");
    world.server.relist(Watched::OtherSecrets);
    while world.deliver(Watched::OtherSecrets) {}
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 0);
    assert!(!asked.contains("look partner-access-token"), "that is another Secret: {asked:?}");
    assert_eq!(world.ready(&partner), "False ClientSecretNotFound");
    world.login("legal", "partner-login", "app", "s3cret");
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
}

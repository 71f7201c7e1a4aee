//! What if a list is older than what the operator wrote itself? Nothing is issued twice, and nothing is written over.

use std::time::Instant;

use control_plane::Mark;
use rocketlawyer_operator::emulator::AppScope;
use serde_json::json;

use super::api_proxy::{Fault, How};
use super::api_server_misbehaves::one_of_each;
use super::process::until;
use super::server::Kind;
use super::told;
use super::world::{PATIENCE, World};

/// Calls of the first issue of both kinds: access token, service token, exchange.
const FIRST: u64 = 3;
/// Calls of a request that is issued, and loses its Secret.
const ANOTHER: u64 = 2 + 2;
/// Each of the four, once.
fn each_watch_ends() -> Fault {
    Fault { on: "WATCH ".to_owned(), times: Some(4), how: How::Expired }
}

#[test]
fn a_list_from_before_our_secrets_were_created_creates_none_and_issues_nothing() {
    let world = one_of_each("list-of-none");
    world.settle();
    let (before, mark) = (versions(&world), world.mark());
    let looks = world.proxy().count("LIST secrets");
    world.lists_what_was_before("LIST managed secrets");
    world.looks_for_both(looks);
    world.is_undisturbed(mark, &before);
    world.has_cost(FIRST + ANOTHER);
}

#[test]
fn a_list_from_before_our_secrets_were_replaced_replaces_none_and_issues_nothing() {
    let world = one_of_each("list-of-old");
    world.has_the_proxy_list();
    let first = world.change_app("second");
    world.is_back_with_others_than(&first, Instant::now());
    world.settle();
    let (before, mark) = (versions(&world), world.mark());
    // With the old records in mind, both would be renewed: they are of another login.
    world.lists_what_was_before("LIST managed secrets");
    world.is_undisturbed(mark, &before);
    world.has_cost(2 * FIRST + ANOTHER);
}

#[test]
fn lists_from_before_anything_was_issued_cost_nothing() {
    let world = World::behind_proxy("lists-of-all");
    world.credential("partner", json!({}));
    world.request("interview", json!({}));
    world.wait_told(Kind::Credential, "partner", "False/ClientSecretNotFound");
    world.wait_told(Kind::Request, "interview", "False/CredentialNotReady");
    world.has_the_proxy_list();
    world.login("client", AppScope::Backend);
    world.is_back(Instant::now());
    let (before, mark) = (versions(&world), world.mark());
    world.lists_what_was_before("LIST ");
    world.is_undisturbed(mark, &before);
    world.has_cost(FIRST + ANOTHER);
}

#[test]
fn a_restart_that_lists_what_was_before_our_secrets_issues_nothing() {
    let mut world = one_of_each("first-of-none");
    world.settle();
    let (before, mark) = (versions(&world), world.mark());
    world.operator.kill();
    let looks = world.proxy().count("LIST secrets");
    let secrets = ["LIST managed secrets", "WATCH managed secrets"];
    for (on, how) in secrets.into_iter().zip([How::Earlier, How::Stall]) {
        world.proxy().add(Fault { on: on.to_owned(), times: None, how });
    }
    world.operator.start();
    world.looks_for_both(looks);
    world.is_undisturbed(mark, &before);
    world.has_cost(FIRST + ANOTHER);
}

/// Uid and resourceVersion.
type Version = (String, String);

fn versions(world: &World) -> [Version; 2] {
    ["partner-access-token", "interview-token"].map(|name| told::version(&world.secret(name)))
}

impl World {
    /// From now on, what was before is what there is at this moment.
    fn has_the_proxy_list(&self) {
        let lists = self.lists();
        self.proxy().add(each_watch_ends());
        self.lists_again(lists);
    }

    /// Waits until the server was asked of both names whether there is really no Secret.
    fn looks_for_both(&self, before: usize) {
        let looked = || (self.proxy().count("LIST secrets") >= before + 2).then_some(());
        assert!(until(PATIENCE, looked).is_some(), "nobody looks\n{}", self.situation());
    }

    /// Has every watch end, and these lists answered as they were before. Then no event comes until the proxy does right again.
    fn lists_what_was_before(&self, on: &str) {
        let lists = self.lists();
        self.proxy().add(Fault { on: on.to_owned(), times: None, how: How::Earlier });
        self.proxy().add(each_watch_ends());
        self.proxy().add(Fault { on: "WATCH ".to_owned(), times: None, how: How::Stall });
        self.lists_again(lists);
    }

    /// The watches go on from where the lists were: in time, what comes is served, and what is lost is put back. Beside that, and
    /// whatever was tried, the server has taken no Secret, and those that there were are as they were.
    fn is_undisturbed(&self, mark: Mark, before: &[Version; 2]) {
        let lists = self.lists();
        let over = self.does_right();
        self.request("another", json!({}));
        self.back_when(over, Kind::Request, "another", |it| told::is(it, "True/Issued"));
        self.delete(Kind::Secret, "another-token");
        self.back_when(over, Kind::Secret, "another-token", |it| !it.is_null());
        self.is_back(over);
        self.settle();
        // That of `another`: created; and when it was lost, rehearsed and put back.
        assert_eq!(self.writes_of_since(mark, "create secrets"), 1 + 2);
        assert_eq!(self.writes_of_since(mark, "update secrets"), 0);
        assert_eq!(&versions(self), before);
        assert_eq!(self.lists(), lists, "a watch could not go on from a list that was old");
    }
}

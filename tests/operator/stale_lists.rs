//! What if a list is older than what the operator wrote itself? Nothing is issued twice, and nothing is written over.

use serde_json::json;

use super::api_proxy::{Fault, How};
use super::api_server_misbehaves::one_of_each;
use super::process::until;
use super::server::Kind;
use super::told;
use super::world::{PATIENCE, World};

/// Calls of the first issue of both kinds: access token, service token, exchange.
const FIRST: u64 = 3;
const SECRETS: [&str; 2] = ["partner-access-token", "interview-token"];

#[test]
fn a_list_from_before_our_secrets_were_created_creates_none_and_issues_nothing() {
    let world = one_of_each("list-of-none");
    world.settle();
    let before = SECRETS.map(|name| told::version(&world.secret(name)));
    let (mark, looks) = (world.mark(), world.proxy().count("LIST secrets"));
    world.lists_what_was_before("LIST managed secrets");
    // Whether there is really none is asked of the server, of each of both names.
    let looked = || (world.proxy().count("LIST secrets") >= looks + 2).then_some(());
    assert!(until(PATIENCE, looked).is_some(), "nobody looks\n{}", world.situation());
    world.is_undisturbed();
    for write in ["create secrets", "update secrets"] {
        assert_eq!(world.writes_of_since(mark, write), 0, "{write}");
    }
    assert_eq!(SECRETS.map(|name| told::version(&world.secret(name))), before);
    world.has_cost(FIRST);
    world.serves_on();
}

#[test]
fn a_list_from_before_our_secrets_were_replaced_replaces_none_and_issues_nothing() {
    let world = one_of_each("list-of-old");
    // From now on the proxy knows a list with the first tokens.
    let lists = world.lists();
    world.proxy().add(Fault { on: "WATCH ", times: None, how: How::Expired });
    world.lists_again(lists);
    world.proxy().clear();
    let first = world.change_app("second");
    world.is_back_with_others_than(&first);
    world.settle();
    let before = SECRETS.map(|name| told::version(&world.secret(name)));
    let mark = world.mark();
    // With the old records in mind, both would be renewed: they are of another login.
    world.lists_what_was_before("LIST managed secrets");
    world.is_undisturbed();
    for write in ["create secrets", "update secrets"] {
        assert_eq!(world.writes_of_since(mark, write), 0, "{write}");
    }
    assert_eq!(SECRETS.map(|name| told::version(&world.secret(name))), before);
    world.has_cost(2 * FIRST);
    world.serves_on();
}

impl World {
    /// Has every watch end, and these lists answered as they were before. Then no event comes until the proxy does right again.
    fn lists_what_was_before(&self, on: &'static str) {
        let lists = self.lists();
        self.proxy().add(Fault { on, times: None, how: How::Earlier });
        // Each of the four watches ends once.
        self.proxy().add(Fault { on: "WATCH ", times: Some(4), how: How::Expired });
        self.proxy().add(Fault { on: "WATCH ", times: None, how: How::Stall });
        self.lists_again(lists);
    }

    /// The watches go on from where the lists were; then all is in order.
    fn is_undisturbed(&self) {
        let lists = self.lists();
        self.proxy().clear();
        self.settle();
        self.is_back();
        assert_eq!(self.lists(), lists, "a watch could not go on from a list that was old");
    }

    /// What comes is served, and what is lost is put back.
    fn serves_on(&self) {
        self.request("another", json!({}));
        self.back_when(Kind::Request, "another", |it| told::is(it, "True/Issued"));
        self.delete(Kind::Secret, "another-token");
        self.back_when(Kind::Secret, "another-token", |it| !it.is_null());
    }
}

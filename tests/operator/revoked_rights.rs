//! What if a right is taken away, or a policy refuses the renewal alone? Told apart, said, and paid for once.

use std::time::{Duration, Instant};

use control_plane::RequestKind;
use control_plane::chart::RELEASE;
use rocketlawyer_operator::emulator::{AppScope, Call};
use serde_json::{Value, json};

use super::api_proxy::{Fault, How};
use super::api_server_misbehaves::{CREDENTIAL_SECRET as SECRET, FIRST, REQUEST_SECRET, one_of_each};
use super::process::until;
use super::server::{self, Kind};
use super::told::{self, condition, data};
use super::world::{PATIENCE, Wishes, World};

mod each;

/// Behaviour §6.4: so soon after a right is given back all is well.
const SOON: Duration = Duration::from_secs(15);

#[test]
fn without_the_right_to_create_secrets_the_token_is_kept_until_the_right_is_back() {
    let mut world = World::running("no-create");
    world.refusals = true;
    world.partner(json!({}));
    let before = world.secret(SECRET);
    let rules = take_away(&world, "create");
    world.request("interview", json!({}));
    let request = world.wait_told(Kind::Request, "interview", "False/ClusterAccessDenied");
    assert_eq!(condition(&request, "Stalled"), "True/ClusterAccessDenied");
    let message = told::message(&request, "Ready");
    assert!(
        message.contains("may not write Secrets") && message.contains("verbs: [create, update]"),
        "{message}"
    );
    assert_eq!(request["status"]["failure"]["step"], "WriteSecret");
    assert_eq!(world.emulator.calls(Call::Exchange), 1);
    // What is there already works on.
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
    assert_eq!(told::version(&world.secret(SECRET)), told::version(&before));

    // By now the next attempt of its own is longer away than it may take.
    world.wait_for_refusals("create", "secrets", "", 3);
    world.edit_role(&rules);
    world.wait_within(SOON, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    let secret = world.secret("interview-token");
    assert!(world.opens("scoped", &data(&secret, "authorization")));
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2);
}

#[test]
fn without_the_right_to_update_secrets_the_old_token_stays_in_service() {
    let mut world = World::running("no-update");
    world.refusals = true;
    let (app, _) = world.partner(json!({}));
    let before = world.secret(SECRET);
    let rules = take_away(&world, "update");
    world.change_secret(&app, "another");
    let says_so = |it: &Value| {
        told::is(it, "True/Issued") && told::message(it, "Ready").contains("may not write Secrets")
    };
    let credential = world.wait_for(Kind::Credential, "partner", says_so);
    assert_eq!(credential["status"]["failure"]["reason"], "ClusterAccessDenied");
    assert_eq!(condition(&credential, "Stalled"), "");
    assert_eq!(told::version(&world.secret(SECRET)), told::version(&before));
    assert_eq!(world.auth_calls(), 2);

    world.wait_for_refusals("update", "secrets", "", 3);
    world.edit_role(&rules);
    world.wait_within(SOON, Kind::Credential, "partner", |it| it["status"]["failure"].is_null());
    assert_ne!(told::annotation(&world.secret(SECRET), "issued-at"), told::annotation(&before, "issued-at"));
    world.settle();
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn a_status_that_may_not_be_written_is_written_as_soon_as_it_may() {
    let mut world = World::running("no-status");
    world.refusals = true;
    world.partner(json!({}));
    let rules = take_away_from(&world, &world.namespace, "scopedtokenrequests/status", &["patch"]);
    world.request("interview", json!({}));
    world.wait_for_refusals("patch", "scopedtokenrequests", "status", 4);
    assert!(world.opens("scoped", &data(&world.secret("interview-token"), "authorization")));
    world.edit_role(&rules);
    world.wait_within(SOON, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2);
}

#[test]
fn a_request_out_of_quota_burns_no_tokens() {
    let mut world = World::running("str-quota");
    world.refusals = true;
    world.partner(json!({}));
    let used = server::list(Kind::Secret, &world.namespace).len();
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": world.namespace},
        "spec": {"hard": {"count/secrets": used.to_string()}},
    });
    world.control_plane.apply(&quota.to_string()).expect("a quota");
    wait_until_full(&world);
    world.request("interview", json!({}));
    let request = world.wait_told(Kind::Request, "interview", "False/SecretWriteRefused");
    assert_eq!(condition(&request, "Stalled"), "True/SecretWriteRefused");
    assert!(told::message(&request, "Ready").contains("quota"));
    assert_eq!(world.auth_calls(), 1 + 2);

    world.kubectl(&["delete", "resourcequota", "tight"]);
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2);
}

#[test]
fn without_the_right_nothing_is_issued_after_a_restart_either() {
    let mut world = World::running("no-right");
    world.refusals = true;
    world.login("client", AppScope::Backend);
    let rules = take_away(&world, "create");
    world.credential("partner", json!({}));
    world.wait_told(Kind::Credential, "partner", "False/ClusterAccessDenied");
    assert_eq!(world.auth_calls(), 1);
    world.operator.kill();
    world.operator.start();
    world.wait_for_refusals("create", "secrets", "", 2);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "False/ClusterAccessDenied"));
    assert_eq!(world.auth_calls(), 1);

    world.edit_role(&rules);
    world.wait_ready(Kind::Credential, "partner");
    // The first token was lost with the process that held it.
    assert_eq!(world.auth_calls(), 2);
}

/// From the start: nothing of it was ever listed.
#[test]
fn a_namespace_whose_secrets_may_not_be_listed_says_so_and_is_served_once_they_may() {
    let mut world = World::new("no-list", &Wishes { others: &["no-list-other"], ..Wishes::default() });
    world.refusals = true;
    let other = world.others[0].clone();
    let rules = take_away_in(&world, &other, "list");
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    world.request_in(&other, "interview", json!({}));
    let credential = json!({"environment": "Sandbox", "clientSecretRef": {"name": "client"}});
    let manifest = json!({"metadata": {"name": "partner"}, "spec": credential});
    world.cluster().create(Kind::Credential, &other, manifest).expect("a credential");
    for (kind, name) in [(Kind::Request, "interview"), (Kind::Credential, "partner")] {
        let told = world.wait_in(&other, kind, name, |it| told::is(it, "False/ClusterAccessDenied"));
        assert_eq!(condition(&told, "Stalled"), "True/ClusterAccessDenied");
        let said = told::message(&told, "Ready");
        assert!(said.contains("resources: [secrets], verbs: [get, list, watch]"), "{said}");
    }
    // The others are served.
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    assert_eq!(server::list(Kind::Secret, &other), Vec::<Value>::new());

    world.cluster().edit(Kind::Role, &other, RELEASE, &json!({"rules": rules}));
    let served =
        world.cluster().wait_for(Kind::Request, &other, "interview", SOON, |it| told::is(it, "True/Issued"));
    served.unwrap_or_else(|(last, _)| panic!("{SOON:?} after it may list:\n{last:#}\n{}", world.situation()));
    world.wait_in(&other, Kind::Credential, "partner", |it| told::is(it, "False/ClientSecretNotFound"));
    assert_eq!(world.operator.starts, 1);
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2 + 2);
}

/// While it runs. A watch that is open stays so, so it has to end; a list follows.
#[test]
fn secrets_that_may_no_longer_be_listed_are_written_all_the_same_and_followed_once_they_may() {
    let mut world = one_of_each("blind-list");
    world.refusals = true;
    let rules = take_away(&world, "list");
    let right = "resources: [secrets], verbs: [get, list, watch]";
    goes_blind(&world, ["managed secrets", "other secrets"], How::Expired, right);
    let before = world.change_app("second");
    // A first issue and a renewal, in 13 s or a little more.
    world.emulator.set_lifetimes(36_000, 40);
    world.request("due", json!({"renewal": {"renewBeforePercentage": 65}}));
    let due = world.wait_ready(Kind::Request, "due");
    assert!(told::message(&due, "Ready").contains(right));
    world.emulator.set_lifetimes(36_000, 36_000);
    world.wait_renewed("due-token", &world.secret("due-token"));
    world.wait_for_refusals("list", "secrets", "", 2 * 5);
    assert_eq!(world.auth_calls(), FIRST + 2 * 2, "who told of the other app?");

    is_asked_once_more(&world, "LIST managed secrets");
    world.edit_role(&rules);
    world.is_back_with_others_than(&before, Instant::now());
    // `due` is of the other app, too.
    world.has_cost(FIRST + 2 * 2 + FIRST + 2);
}

/// The same where only watches are refused.
#[test]
fn objects_that_may_no_longer_be_watched_are_renewed_and_new_ones_served_once_they_may() {
    let mut world = one_of_each("blind-watch");
    world.refusals = true;
    let rules = take_away_from(&world, &world.namespace, "scopedtokenrequests", &["watch"]);
    let right = "resources: [rocketlawyercredentials, scopedtokenrequests], verbs: [get, list, watch]";
    goes_blind(&world, ["rocketlawyercredentials", "scopedtokenrequests"], How::End, right);
    world.request("another", json!({}));
    let before = [SECRET, REQUEST_SECRET].map(|name| world.secret(name));
    world.change_app("second");
    for secret in &before {
        world.wait_renewed(told::text(&secret["metadata"]["name"]), secret);
    }
    world.wait_for_refusals("watch", "scopedtokenrequests", "", 5);
    assert_eq!(world.auth_calls(), 2 * FIRST, "who told of the new request?");

    is_asked_once_more(&world, "WATCH scopedtokenrequests");
    world.edit_role(&rules);
    let over = Instant::now();
    world.back_when(over, Kind::Request, "another", |it| told::is(it, "True/Issued"));
    world.is_back(over);
    world.has_cost(2 * FIRST + 2);
}

/// Has these watches end, as each does after some minutes, and waits until it is said what is not followed any more.
fn goes_blind(world: &World, streams: [&str; 2], how: How, right: &str) {
    for stream in streams {
        world.proxy().add(Fault { on: format!("WATCH {stream}"), times: Some(1), how });
    }
    for (kind, name) in [(Kind::Credential, "partner"), (Kind::Request, "interview")] {
        world.wait_for(kind, name, |it| {
            let said = told::message(it, "Ready");
            told::is(it, "True/Issued")
                && it["status"]["failure"]["reason"] == "ClusterAccessDenied"
                && said.contains("What others change is not noticed: ")
                && said.contains(right)
        });
    }
}

/// Then the next attempt is as far away as it ever is.
fn is_asked_once_more(world: &World, what: &str) {
    let before = world.proxy().count(what);
    let asked = until(PATIENCE, || (world.proxy().count(what) > before).then_some(()));
    assert!(asked.is_some(), "{what} is not asked any more\n{}", world.situation());
}

/// Takes a verb on Secrets out of the operator's Role; returns the rules as they were.
fn take_away(world: &World, verb: &str) -> Value {
    take_away_in(world, &world.namespace, verb)
}

fn take_away_in(world: &World, namespace: &str, verb: &str) -> Value {
    take_away_from(world, namespace, "secrets", &[verb])
}

/// Takes verbs on a resource out of the role that grants them in a namespace; returns the rules as they were.
fn take_away_from(world: &World, namespace: &str, resource: &str, verbs: &[&str]) -> Value {
    let (kind, home, name) = role_of(world, namespace, resource);
    let before = world.cluster().get(kind, home, &name)["rules"].clone();
    let mut rules = before.clone();
    for rule in rules.as_array_mut().expect("rules") {
        if rule["resources"].as_array().is_some_and(|all| all.contains(&json!(resource))) {
            let granted = rule["verbs"].as_array_mut().expect("verbs");
            granted.retain(|it| !verbs.contains(&told::text(it)));
            if granted.is_empty() {
                granted.push(json!("get"));
            }
        }
    }
    assert_ne!(rules, before, "the Role grants none of {verbs:?}");
    give_back(world, namespace, resource, &rules);
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let subject = format!("--as={}", world.user);
    for verb in verbs {
        let taken = until(PATIENCE, || {
            let asked =
                ["auth", "can-i", verb, resource, "--subresource", subresource, "-n", namespace, &subject];
            world.control_plane.kubectl(&asked).is_err().then_some(())
        });
        assert_eq!(taken, Some(()), "the server still allows {verb}");
    }
    before
}

fn give_back(world: &World, namespace: &str, resource: &str, rules: &Value) {
    let (kind, home, name) = role_of(world, namespace, resource);
    world.cluster().edit(kind, home, &name, &json!({"rules": rules}));
}

/// Which role grants it there, and where that is.
fn role_of<'a>(world: &World, namespace: &'a str, resource: &str) -> (Kind, &'a str, String) {
    if resource == "namespaces" {
        return (Kind::ClusterRole, "", format!("{RELEASE}:{}", world.namespace));
    }
    (Kind::Role, namespace, RELEASE.to_owned())
}

/// The server takes a moment to heed a quota.
fn wait_until_full(world: &World) {
    let full = until(PATIENCE, || {
        let probe = json!({"metadata": {"generateName": "probe-"}, "type": "Opaque"});
        match server::create(Kind::Secret, &world.namespace, probe) {
            Ok(made) => {
                world.delete(Kind::Secret, told::text(&made["metadata"]["name"]));
                None
            }
            Err(refused) => Some(refused.code),
        }
    });
    assert_eq!(full, Some(403));
}

impl World {
    fn edit_role(&self, rules: &Value) {
        self.edit(Kind::Role, RELEASE, json!({"rules": rules}));
    }

    /// Waits until the operator was refused that so often. Status does not count along (behaviour 4.3).
    fn wait_for_refusals(&self, verb: &str, resource: &str, subresource: &str, at_least: usize) {
        let refused = || {
            let asked = self.asked_since(self.began);
            let is_meant = |it: &&RequestKind| {
                (&*it.verb, &*it.resource, &*it.subresource, it.code) == (verb, resource, subresource, 403)
            };
            (asked.iter().filter(is_meant).count() >= at_least).then_some(())
        };
        let often = until(2 * PATIENCE, refused);
        assert!(often.is_some(), "it was not tried {at_least} times\n{}", self.situation());
    }
}

//! What does each of the other rights cost while it is away, and how soon is it noticed that it is back? Each is taken away in a
//! namespace of its own, all at once.

use std::time::Instant;

use control_plane::RequestKind;
use rocketlawyer_operator::emulator::{App, AppScope};
use serde_json::{Value, json};

use super::super::api_proxy::{Fault, How};
use super::super::process::until;
use super::super::secrets_stay_secret::MARK;
use super::super::server::Kind;
use super::super::told::{self, data};
use super::super::world::{PATIENCE, Wishes, World};
use super::{SOON, give_back, take_away_from};

/// A right that may be missing.
struct Row {
    /// How the namespace's name begins.
    namespace: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    /// What needs it.
    begin: fn(&World, &str),
    /// Waits until all is said that can be said, or done that can be done.
    without: fn(&World, &str),
    /// After so many refusals the next attempt of its own is longer away than it may take.
    refusals: usize,
    /// Waits until all is well.
    back: fn(&World, &str, Instant),
}

const ROWS: [Row; 5] = [
    Row {
        namespace: "no-own-status",
        resource: "rocketlawyercredentials/status",
        verbs: &["patch"],
        begin: |world, here| {
            credential(world, here, "another");
            // It is refused three times before the others are refused once, so that none of them is about to try again.
            is_refused(world, here, "rocketlawyercredentials/status", &["patch"], 3);
        },
        without: |world, here| {
            let secret = world.wait_in(here, Kind::Secret, "another-access-token", |it| !it.is_null());
            assert!(world.opens("access", &data(&secret, "authorization")));
        },
        refusals: 4,
        back: |world, here, over| {
            back_in(world, here, over, Kind::Credential, "another", |it| told::is(it, "True/Issued"));
        },
    },
    Row {
        namespace: "no-get",
        resource: "secrets",
        verbs: &["get"],
        begin: |world, here| {
            let app = App { client_secret: format!("{MARK}another"), ..app(here) };
            let edit = json!({"stringData": {"client_secret": app.client_secret}});
            world.emulator.put_app(app);
            world.cluster().edit(Kind::Secret, here, "client", &edit);
        },
        without: |world, here| {
            world.wait_in(here, Kind::Credential, "partner", |it| {
                let right = "resources: [secrets], verbs: [get, list, watch]";
                told::is(it, "True/Issued") && names_what_is_missing(it, "may not read Secrets", right)
            });
        },
        refusals: 2,
        back: |world, here, over| {
            let renewed = |it: &Value| told::is(it, "True/Issued") && it["status"]["failure"].is_null();
            back_in(world, here, over, Kind::Credential, "partner", renewed);
        },
    },
    Row {
        namespace: "no-delete",
        resource: "scopedtokenrequests",
        verbs: &["delete"],
        begin: |world, here| {
            world.request_in(
                here,
                "finished",
                json!({
                    "credentialRef": {"name": "partner"},
                    "renewUntil": "2026-01-01T00:00:00Z", "ttlSecondsAfterFinished": 0,
                }),
            );
        },
        without: |world, here| {
            world.wait_in(here, Kind::Request, "finished", |it| {
                let right = "resources: [scopedtokenrequests], verbs: [delete]";
                names_what_is_missing(it, "may not delete this object", right)
            });
        },
        refusals: 2,
        back: |world, here, over| back_in(world, here, over, Kind::Request, "finished", Value::is_null),
    },
    Row {
        namespace: "no-events",
        resource: "events",
        verbs: &["create"],
        begin: |world, here| credential(world, here, "another"),
        without: |world, here| {
            let all_is_well = |it: &Value| told::is(it, "True/Issued") && it["status"]["failure"].is_null();
            world.wait_in(here, Kind::Credential, "another", all_is_well);
            assert!(!has_event(world, here, "another"));
        },
        refusals: 1,
        back: |world, here, over| {
            credential(world, here, "third");
            let said = || has_event(world, here, "third").then_some(());
            assert!(until(SOON.saturating_sub(over.elapsed()), said).is_some(), "{}", world.situation());
        },
    },
    Row {
        namespace: "no-labels",
        resource: "namespaces",
        verbs: &["list", "watch"],
        begin: |world, here| {
            let ends = Fault { on: "WATCH namespaces".to_owned(), times: Some(1), how: How::End };
            world.proxy().add(ends);
            world.wait_for(Kind::Credential, "choosy", |it| {
                let right = "resources: [namespaces], verbs: [get, list, watch]";
                let said = told::message(it, "Ready");
                told::is(it, "True/Issued")
                    && said.contains("What others change is not noticed: ")
                    && names_what_is_missing(it, "may not read namespaces", right)
            });
            let label = ["label", "namespace", here, "team=legal"];
            world.control_plane.kubectl(&label).expect("a label");
            let choosy = json!({"name": "choosy", "namespace": world.namespace});
            world.request_in(here, "interview", json!({"credentialRef": choosy}));
        },
        without: |world, here| {
            let unseen = |it: &Value| told::is(it, "False/CredentialNotFound");
            world.wait_in(here, Kind::Request, "interview", unseen);
        },
        refusals: 5,
        back: |world, here, over| {
            back_in(world, here, over, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
            back_in(world, &world.namespace, over, Kind::Credential, "choosy", |it| {
                told::is(it, "True/Issued") && it["status"]["failure"].is_null()
            });
        },
    },
];

#[test]
fn each_right_that_is_taken_away_costs_what_needs_it_and_is_used_as_soon_as_it_is_back() {
    let namespaces = ROWS.map(|row| row.namespace);
    let wishes = Wishes { others: &namespaces, selectors: true, proxied: true, ..Wishes::default() };
    let mut world = World::new("each-right", &wishes);
    world.refusals = true;
    world.operator.start();
    for here in &world.others {
        let app = app(here);
        let login = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        let secret = json!({"metadata": {"name": "client"}, "type": "Opaque", "stringData": login});
        world.emulator.put_app(app);
        world.cluster().create(Kind::Secret, here, secret).expect("a client Secret");
        credential(&world, here, "partner");
        world.wait_in(here, Kind::Credential, "partner", |it| told::is(it, "True/Issued"));
    }
    world.login("client", AppScope::Backend);
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"team": "legal"}}});
    world.credential("choosy", json!({"allowedNamespaces": selector}));
    world.wait_ready(Kind::Credential, "choosy");
    world.settle();

    let places: Vec<_> = ROWS.iter().zip(world.others.clone()).collect();
    let taken: Vec<_> =
        places.iter().map(|(row, here)| take_away_from(&world, here, row.resource, row.verbs)).collect();
    for (row, here) in &places {
        (row.begin)(&world, here);
    }
    for (row, here) in &places {
        (row.without)(&world, here);
        is_refused(&world, here, row.resource, row.verbs, row.refusals);
    }
    for ((row, here), rules) in places.iter().zip(&taken) {
        give_back(&world, here, row.resource, rules);
    }
    let over = Instant::now();
    for (row, here) in &places {
        (row.back)(&world, here, over);
    }
    world.settle();
    // Each credential one, but for the changed login one more; and the request.
    assert_eq!(world.auth_calls(), 5 + 1 + 1 + 1 + 2 + 2, "{}", world.situation());
}

fn is_refused(world: &World, here: &str, what: &str, verbs: &[&str], times: usize) {
    let (resource, subresource) = what.split_once('/').unwrap_or((what, ""));
    let is_meant = |it: &RequestKind| {
        (it.namespace == here || it.namespace.is_empty())
            && (&*it.resource, &*it.subresource, it.code) == (resource, subresource, 403)
            && verbs.contains(&&*it.verb)
    };
    let often = until(2 * PATIENCE, || {
        let asked = world.asked_since(world.began);
        (asked.iter().filter(|it| is_meant(it)).count() >= times).then_some(())
    });
    assert!(often.is_some(), "{what} is not tried {times} times\n{}", world.situation());
}

fn app(namespace: &str) -> App {
    App::new(&format!("{namespace}-key"), &format!("{MARK}{namespace}"), AppScope::Backend)
}

fn credential(world: &World, namespace: &str, name: &str) {
    let spec = json!({
        "environment": "Custom", "endpoint": {"url": world.service}, "clientSecretRef": {"name": "client"},
    });
    let manifest = json!({"metadata": {"name": name}, "spec": spec});
    world.cluster().create(Kind::Credential, namespace, manifest).expect("a credential");
}

/// Whether an object says what the operator may not do, and the rule that grants it.
fn names_what_is_missing(object: &Value, what: &str, right: &str) -> bool {
    let said = told::message(object, "Ready");
    object["status"]["failure"]["reason"] == "ClusterAccessDenied"
        && said.contains(what)
        && said.contains(right)
}

fn back_in(
    world: &World,
    namespace: &str,
    over: Instant,
    kind: Kind,
    name: &str,
    wanted: impl FnMut(&Value) -> bool,
) {
    world.wait_in_within(SOON.saturating_sub(over.elapsed()), namespace, kind, name, wanted);
}

fn has_event(world: &World, namespace: &str, name: &str) -> bool {
    world.cluster().list(Kind::Event, namespace).iter().any(|it| it["regarding"]["name"] == name)
}

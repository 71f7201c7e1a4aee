//! What can be done to an operator by whoever may write manifests, statuses and Secrets? Nothing that anybody else notices.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rocketlawyer_operator::api::Reason;
use rocketlawyer_operator::api::names::SECRET_TYPE;
use serde_json::{Value, json};

use super::server::{self, Kind};
use super::told::{self, text};
use super::world::{Wishes, World};

mod made;

use made::Maker;

const MANIFESTS: usize = 1000;
/// So many the server has to accept, or nothing is shown of the operator.
const FEWEST_ACCEPTED: usize = 300;
const AT_A_TIME: usize = 8;
const SEED: u64 = 0x5eed;

#[test]
fn hostile_manifests_statuses_and_secrets_stop_nothing() {
    let mut world = World::new("hostile", &Wishes { others: &["hostile-other"], ..Wishes::default() });
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let mut maker = Maker::new(SEED, world.emulator.base_url(), world.others.clone());

    let manifests: Vec<_> = (0..MANIFESTS).map(|number| maker.manifest(number)).collect();
    let accepted = apply(&world, manifests);
    assert!(accepted >= FEWEST_ACCEPTED, "only {accepted} of {MANIFESTS} were accepted");
    everything_is_clear(&world);

    // While it runs, and once more while it does not: then it reads all this at its start.
    spoil(&world, &mut maker);
    everything_is_clear(&world);
    assert!(world.operator.stop().success());
    spoil(&world, &mut maker);
    world.operator.start();
    everything_is_clear(&world);

    // Whoever else is here has not noticed.
    world.request("afterwards", json!({}));
    world.wait_ready(Kind::Request, "afterwards");
    world.request_in(&world.others[0], "afterwards", json!({}));
    world.wait_in(&world.others[0], Kind::Request, "afterwards", |it| told::is(it, "True/Issued"));
    world.credential("another", json!({}));
    world.wait_ready(Kind::Credential, "another");
    whoever_is_ready_has_a_secret(&world);
    nothing_panicked(&world);
    nothing_left_its_namespaces(&world);
}

/// Applies all; returns how many were accepted.
fn apply(world: &World, manifests: Vec<(Kind, Value)>) -> usize {
    side_by_side(manifests, |(kind, manifest)| server::create(kind, &world.namespace, manifest).is_ok())
}

/// Does something to each, several at a time; returns how often it succeeded.
fn side_by_side<T: Send>(all: Vec<T>, act: impl Fn(T) -> bool + Sync) -> usize {
    let all = Mutex::new(all);
    let next = || all.lock().expect("nobody panicked").pop();
    let work = || std::iter::from_fn(next).map(&act).filter(|succeeded| *succeeded).count();
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        working.into_iter().map(|it| it.join().expect("it was done")).sum()
    })
}

/// Writes nonsense into every other status, forges the annotations of the rest, and edits every managed Secret.
fn spoil(world: &World, maker: &mut Maker) {
    let mut objects = Vec::new();
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace) {
            let name = text(&object["metadata"]["name"]).to_owned();
            if is_ours(&name) {
                let annotations = json!({"metadata": {"annotations": maker.annotations()}});
                objects.push((kind, name, maker.chance().then(|| maker.status()), annotations));
            }
        }
    }
    let statuses = side_by_side(objects, |(kind, name, status, annotations)| match status {
        Some(status) => server::edit_status(kind, &world.namespace, &name, &status).is_ok(),
        None => server::try_edit(kind, &world.namespace, &name, &annotations).is_err(),
    });
    let mut secrets = server::list(Kind::Secret, &world.namespace);
    secrets.retain(|it| it["type"] == SECRET_TYPE && is_ours(text(&it["metadata"]["name"])));
    let edits: Vec<_> =
        secrets.iter().map(|it| (text(&it["metadata"]["name"]), maker.secret_edit())).collect();
    let secrets = side_by_side(edits, |(name, edit)| {
        server::try_edit(Kind::Secret, &world.namespace, name, &edit).is_ok()
    });
    assert!(statuses >= FEWEST_ACCEPTED / 4 && secrets >= 50, "{statuses} statuses, {secrets} Secrets");
}

fn is_ours(name: &str) -> bool {
    name.starts_with("hostile-") || name.starts_with("sss")
}

/// Waits until each object is told what it is, by a reason that is known.
fn everything_is_clear(world: &World) {
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace).iter().filter(|object| !is_clear(object)) {
            world.wait_for(kind, text(&object["metadata"]["name"]), is_clear);
        }
    }
}

fn is_clear(object: &Value) -> bool {
    let ready = told::condition(object, "Ready");
    let known = ready.split_once('/').is_some_and(|(status, reason)| {
        ["True", "False"].contains(&status) && reason != "Pending" && Reason::parse(reason).is_some()
    });
    let gone = object.is_null() || object["metadata"]["deletionTimestamp"].is_string();
    gone || known && told::is(object, &ready) && !told::message(object, "Ready").is_empty()
}

/// No forged status stands.
fn whoever_is_ready_has_a_secret(world: &World) {
    let secrets = server::list(Kind::Secret, &world.namespace);
    let ours = secrets.iter().filter(|secret| secret["type"] == SECRET_TYPE);
    let names: BTreeSet<_> = ours.map(|secret| text(&secret["metadata"]["name"])).collect();
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace) {
            if told::condition(&object, "Ready") == "True/Issued" {
                assert!(names.contains(text(&object["status"]["token"]["secretName"])), "{object:#}");
            }
        }
    }
}

fn nothing_panicked(world: &World) {
    let log = world.operator.log();
    let panic = log.lines().find(|line| line.contains("panic"));
    assert_eq!(panic, None);
}

fn nothing_left_its_namespaces(world: &World) {
    let here = [&world.namespace].into_iter().chain(&world.others).map(String::as_str);
    let allowed: BTreeSet<_> = here.chain([""]).collect();
    let asked = world.asked_since(world.began);
    assert!(asked.len() > FEWEST_ACCEPTED);
    let beyond: Vec<_> = asked.iter().filter(|request| !allowed.contains(&*request.namespace)).collect();
    assert!(beyond.is_empty(), "{beyond:#?}");
}

//! Promise: whoever fills a namespace with the fattest objects that the API server takes does not end the operator, which lists them,
//! follows them, reads the client Secrets among them, and stays below its Pod's limit.

use std::time::Duration;

use rocketlawyer_operator::api::names;
use rocketlawyer_operator::emulator::AppScope;
use serde_json::{Value, json};

use super::server::Kind;
use super::told;
use super::world::{Wishes, World};

/// More than a page of each kind.
const EACH: usize = 21;
/// How many of them are edited then.
const EDITED: usize = 5;
/// What etcd takes, less what else is in an object.
const FAT: usize = 1_400_000;
/// A build for tests reads a few megabytes a second.
const PATIENCE: Duration = Duration::from_mins(4);

#[test]
fn pages_and_lines_and_reads_of_the_fattest_objects_fit_into_the_pod() {
    let mut world = World::new("fattest", &Wishes { own_control_plane: true, ..Wishes::default() });
    for (kind, manifests) in everything(&world) {
        world.cluster().create_all(kind, &world.namespace, manifests.into_iter());
    }
    let listed = world.cluster().list(Kind::Secret, &world.namespace);
    assert!(listed.len() >= 2 * EACH, "the garbage collector leaves them alone: {}", listed.len());
    drop(listed);

    world.operator.start();
    world.login("client", AppScope::Backend);
    world.credential("partner", json!({}));
    world.request("interview", json!({}));
    world.wait_within(PATIENCE, Kind::Request, "interview", |it| told::is(it, "True/Issued"));
    let started = below_the_limit(&world, "a start");

    for (kind, manifests) in everything(&world) {
        for manifest in manifests.into_iter().take(EDITED) {
            let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
            world.edit(kind, &name, json!({"metadata": {"annotations": {"edited": "yes"}}}));
        }
    }
    // Each stream has shown all that came before.
    world.edit(Kind::Secret, "interview-token", json!({"stringData": {"added": "by somebody"}}));
    world.wait_within(PATIENCE, Kind::Secret, "interview-token", |it| it["data"]["added"].is_null());
    world.settle_within(PATIENCE);
    let followed = below_the_limit(&world, "their edits");
    println!("at most {started} MiB at the start, {followed} MiB after an edit of each");
}

/// The most that the operator ever held, in MiB.
fn below_the_limit(world: &World, after: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.operator.pid())).expect("it runs");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
    let most = most.trim().trim_end_matches(" kB").parse::<u64>().expect("a size") / 1024;
    let values = include_str!("../../charts/rocketlawyer-operator/values.yaml");
    let limit =
        values.split_once("limits: {memory: ").and_then(|(_, it)| it.split_once("Mi}")).expect("a limit").0;
    assert!(most < limit.parse().expect("a number of MiB"), "{most} MiB after {after}");
    most
}

/// Of each kind so many. An etcd that holds Secrets as they are has them escaped in JSON: six times as long.
fn everything(world: &World) -> [(Kind, Vec<Value>); 4] {
    let service = &world.service;
    let many = |make: &dyn Fn(usize) -> Value| (0..EACH).map(make).collect::<Vec<_>>();
    [
        (Kind::Secret, many(&|n| secret(&format!("client-{n}"), "Opaque"))),
        (Kind::Secret, many(&|n| secret(&format!("managed-{n}"), names::SECRET_TYPE))),
        (
            Kind::Credential,
            many(&|n| {
                let login = json!({"name": format!("client-{n}")});
                let endpoint = json!({"url": service});
                let spec = json!({"environment": "Custom", "endpoint": endpoint, "clientSecretRef": login});
                json!({"metadata": metadata(&format!("fat-{n}"), "x"), "spec": spec})
            }),
        ),
        (
            Kind::Request,
            many(&|n| {
                let spec = json!({"credentialRef": {"name": format!("fat-{n}")}, "interviewId": "i"});
                json!({"metadata": metadata(&format!("fat-{n}"), "x"), "spec": spec})
            }),
        ),
    ]
}

fn secret(name: &str, of_type: &str) -> Value {
    let login = json!({"client_id": name, "client_secret": name});
    json!({"metadata": metadata(name, "<"), "type": of_type, "stringData": login})
}

/// An owner of a kind that there is not.
fn metadata(name: &str, letter: &str) -> Value {
    let owner =
        json!({"apiVersion": "nobody.example/v1", "kind": "Nobody", "name": letter.repeat(FAT), "uid": name});
    json!({"name": name, "ownerReferences": [owner]})
}

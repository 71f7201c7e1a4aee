//! The streams: what they show, what they leave out, and that nothing stalls them.

use std::time::Duration;

use control_plane::ControlPlane;
use rocketlawyer_operator::cluster::Scope;
use rocketlawyer_operator::cluster::watch::{Change, Seen, Trouble, Watched, start, streams};
use rocketlawyer_operator::decision::{Content, SpecFault};
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use super::world::{World, clients, foreign_secret, text};

const ALL: [Watched; 5] = [
    Watched::Credentials,
    Watched::Requests,
    Watched::ManagedSecrets,
    Watched::OtherSecrets,
    Watched::Namespaces,
];

/// Takes nearly anything as a credential; the selectable field must stay.
const LOOSER: &str = r#"[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema","value":
        {"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"spec":
        {"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"environment":{"type":"string"}}}}}}]"#;

/// Waits for a change that `pick` takes.
async fn next<T>(changes: &mut Receiver<Change>, mut pick: impl FnMut(Change) -> Option<T>) -> T {
    let found = async {
        loop {
            let change = changes.recv().await.expect("the streams go on");
            if let Some(found) = pick(change) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.expect("a change in time")
}

async fn all_listed(changes: &mut Receiver<Change>, mut count: usize) {
    next(changes, |change| {
        count -= usize::from(matches!(change, Change::Listed(_)));
        (count == 0).then_some(())
    })
    .await;
}

fn scope(world: &World) -> Scope {
    Scope::Namespaces(vec![world.namespace.as_str().into()])
}

#[tokio::test]
async fn a_secret_is_followed_from_its_write_to_its_end() {
    let world = World::new("follows").await;
    let parts = world.parts("partner");
    let (_watches, mut changes) = start(&world.clients, streams(&scope(&world), &ALL));
    all_listed(&mut changes, 5).await;

    let written = world.clients.api.create_secret(&parts.draft(&world)).await.expect("created");
    let managed = |change| match change {
        Change::Seen { seen: Seen::ManagedSecret { name, secret, .. }, .. } => Some((name, *secret)),
        _ => None,
    };
    let (name, seen) = next(&mut changes, managed).await;
    assert_eq!((&*name, &seen), (parts.name(), &written));

    world.kubectl(&["patch", "secret", parts.name(), "-p", r#"{"stringData":{"extra":"x"}}"#]);
    assert_eq!(next(&mut changes, managed).await.1.content, Content::Edited);

    world.kubectl(&["delete", "secret", parts.name()]);
    let gone = next(&mut changes, |change| match change {
        Change::Gone { what, .. } => Some(what),
        _ => None,
    })
    .await;
    assert_eq!((&*gone.name, &gone.uid), (parts.name(), &written.uid));
    assert!(gone.version > written.version);
}

#[tokio::test]
async fn lists_show_what_was_there_before() {
    let world = World::new("lists").await;
    world.credential("partner");
    world.kubectl(&["annotate", "rlc", "partner", "auth.rocketlawyer.com/renew-requested-at=now"]);
    let foreign = world.apply(foreign_secret("theirs"));
    let (_watches, mut changes) = start(&world.clients, streams(&scope(&world), &ALL));
    let (mut credential, mut secret, mut namespace) = (None, None, None);
    let mut listed = 0;
    next(&mut changes, |change| {
        match change {
            Change::Seen { seen: Seen::Credential(object), .. } => credential = Some(object),
            Change::Seen { seen: Seen::OtherSecret { name, version, .. }, .. } => {
                secret = Some((name, version));
            }
            Change::Seen { seen: Seen::Namespace { name, labels, .. }, .. } if *name == world.namespace => {
                namespace = Some(labels);
            }
            Change::Listed(_) => listed += 1,
            _ => {}
        }
        (listed == 5).then_some(())
    })
    .await;
    let credential = credential.expect("the credential");
    assert_eq!((&*credential.name, credential.generation), ("partner", 1));
    assert_eq!(credential.renew_request.as_deref(), Some("now"));
    assert_eq!(credential.spec.as_ref().expect("a spec").client_secret_ref.name, "client");
    assert_eq!(credential.status.as_ref().expect("the default").observed_generation, Some(-1));
    let (name, version) = secret.expect("their Secret");
    assert_eq!((&*name, version.0.to_string()), ("theirs", text(&foreign["metadata"]["resourceVersion"])));
    let labels = namespace.expect("the namespace");
    assert_eq!(&*labels[0].0, "kubernetes.io/metadata.name");
}

#[tokio::test]
async fn a_stream_without_its_right_stops_no_other() {
    let world = World::new("no-right").await;
    let watching = json!([{"apiGroups": ["auth.rocketlawyer.com"], "resources": ["rocketlawyercredentials"], "verbs": ["list", "watch"]}]);
    let account = world.account("partial", watching).await;
    let what = [Watched::Credentials, Watched::ManagedSecrets];
    let (_watches, mut changes) = start(&account, streams(&scope(&world), &what));
    let (mut broken, mut listed) = (None, false);
    next(&mut changes, |change| {
        match change {
            Change::Broken(stream, trouble) => broken = Some((stream.what, trouble)),
            Change::Listed(stream) => listed = stream.what == Watched::Credentials,
            _ => {}
        }
        (broken.is_some() && listed).then_some(())
    })
    .await;
    assert_eq!(broken, Some((Watched::ManagedSecrets, Trouble::Forbidden)));
    world.credential("later");
    let name = next(&mut changes, |change| match change {
        Change::Seen { seen: Seen::Credential(object), .. } => Some(object.name),
        _ => None,
    })
    .await;
    assert_eq!(&*name, "later");

    world.apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "partial"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}],
    }));
    let mended = next(&mut changes, |change| match change {
        Change::Mended(stream) => Some(stream.what),
        _ => None,
    })
    .await;
    assert_eq!(mended, Watched::ManagedSecrets);
}

/// Needs a control plane of its own: it loosens the schema that everybody else relies on.
#[tokio::test]
async fn an_object_that_cannot_be_decoded_stalls_nothing() {
    let control_plane = ControlPlane::start().expect("a control plane");
    let crd = "crd/rocketlawyercredentials.auth.rocketlawyer.com";
    control_plane.kubectl(&["patch", crd, "--type=json", "-p", LOOSER]).expect("a looser schema");
    let apply = |name: &str, spec: serde_json::Value, status: serde_json::Value| {
        let object = json!({
            "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "RocketLawyerCredential",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec, "status": status,
        });
        control_plane.kubectl_with(&["create", "-f", "-"], &object.to_string())
    };
    let good = json!({"environment": "Sandbox", "clientSecretRef": {"name": "client"}});
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    // The looser schema is served a moment after it was patched.
    while apply("broken-listed", json!({"environment": "Mars"}), json!({"conditions": 7})).is_err() {
        assert!(std::time::Instant::now() < deadline, "the schema never loosened");
    }
    apply("good-listed", good.clone(), json!(null)).expect("created");

    let clients = clients(&control_plane.description().kubeconfig).await;
    let (_watches, mut changes) = start(&clients, streams(&Scope::AllNamespaces, &[Watched::Credentials]));
    all_listed(&mut changes, 1).await;
    apply("broken-watched", json!({"environment": "Sandbox", "suspend": "maybe"}), json!(null))
        .expect("created");
    apply("good-watched", good, json!(null)).expect("created");
    let mut seen = Vec::new();
    next(&mut changes, |change| {
        match change {
            Change::Seen { seen: Seen::Credential(object), .. } => {
                seen.push((object.name, object.spec.err()));
            }
            Change::Broken(..) => panic!("the stream broke"),
            _ => {}
        }
        (seen.len() == 2).then_some(())
    })
    .await;
    assert_eq!(
        seen,
        [("broken-watched".into(), Some(SpecFault::Undecodable)), ("good-watched".into(), None)]
    );
}

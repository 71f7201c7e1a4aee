//! Writing a managed Secret: what is refused, and how each refusal is named (behaviour §1.3, §1.6).

use rocketlawyer_operator::cluster::AccessReview;
use rocketlawyer_operator::cluster::managed_secret::{Over, StoredSecret};
use rocketlawyer_operator::cluster::secrets::{Look, WriteRefused};
use rocketlawyer_operator::decision::{Content, Owner, ResourceVersion, SeenSecret, Verb};
use serde_json::json;

use super::world::{World, foreign_secret, text};

fn over(seen: &SeenSecret) -> Over<'_> {
    Over { uid: &seen.uid, version: seen.version }
}

/// What is remembered of a Secret of ours that is read whole.
async fn whole(world: &World, name: &str) -> SeenSecret {
    let stored = world.clients.api.stored_secret(&world.namespace, name).await.expect("an answer");
    stored.filter(StoredSecret::has_our_type).expect("a Secret of ours").seen()
}

#[tokio::test]
async fn a_replacement_needs_the_uid_and_the_version_that_are_there() {
    let world = World::new("writes").await;
    let parts = world.parts("partner");
    let (api, draft) = (&world.clients.api, parts.draft(&world));

    let first = api.create_secret(&draft).await.expect("created");
    assert_eq!(first.content, Content::Intact);
    assert_eq!(first.rendering, parts.template.rendering());
    assert_eq!(first.record.as_ref(), Some(&parts.record));
    assert!(matches!(&first.owner, Owner::Ours { uid, .. } if **uid == *parts.owner_uid));
    assert_eq!(api.create_secret(&draft).await, Err(WriteRefused::Exists));

    let second = api.replace_secret(&draft, over(&first)).await.expect("replaced");
    assert_eq!(second.uid, first.uid);
    // The same bytes again change nothing, and so does the version.
    assert_eq!(second.version, first.version);
    world.kubectl(&["label", "secret", parts.name(), "edited=yes"]);
    assert_eq!(api.replace_secret(&draft, over(&first)).await, Err(WriteRefused::Conflict));

    let now = whole(&world, parts.name()).await;
    assert!(now.version > first.version);
    let wrong = Over { uid: "11111111-2222-3333-4444-555555555555", version: now.version };
    assert_eq!(api.replace_secret(&draft, wrong).await, Err(WriteRefused::Conflict));
    let third = api.replace_secret(&draft, over(&now)).await.expect("replaced");
    assert_eq!(third.rendering, parts.template.rendering());

    world.kubectl(&["delete", "secret", parts.name()]);
    assert_eq!(api.replace_secret(&draft, over(&third)).await, Err(WriteRefused::Gone));
}

#[tokio::test]
async fn a_look_tells_ours_from_theirs_and_from_nothing() {
    let world = World::new("looks").await;
    let parts = world.parts("partner");
    let api = &world.clients.api;
    let namespace = &world.namespace;
    assert_eq!(api.look(namespace, parts.name()).await, Ok(Look::Absent));
    assert_eq!(api.look(namespace, "../configmaps").await, Ok(Look::Absent));

    let written = api.create_secret(&parts.draft(&world)).await.expect("created");
    assert_eq!(whole(&world, parts.name()).await, written);
    let Ok(Look::Ours(seen)) = api.look(namespace, parts.name()).await else {
        panic!("the Secret is ours");
    };
    assert_eq!(seen.content, Content::Unseen);
    assert_eq!((seen.uid, seen.version, seen.record), (written.uid, written.version, written.record));

    let theirs = world.apply(foreign_secret("theirs"));
    let version = text(&theirs["metadata"]["resourceVersion"]).parse().expect("a number");
    assert_eq!(api.look(namespace, "theirs").await, Ok(Look::Foreign(ResourceVersion(version))));
}

#[tokio::test]
async fn a_foreign_secret_withstands_even_a_write_with_its_own_preconditions() {
    let world = World::new("foreign").await;
    let parts = world.parts("partner");
    let api = &world.clients.api;
    let theirs = world.apply(foreign_secret(parts.name()));
    assert_eq!(api.create_secret(&parts.draft(&world)).await, Err(WriteRefused::Exists));
    let uid = text(&theirs["metadata"]["uid"]);
    let version = ResourceVersion(text(&theirs["metadata"]["resourceVersion"]).parse().expect("a number"));
    let refused = api.replace_secret(&parts.draft(&world), Over { uid: &uid, version }).await;
    assert_eq!(refused, Err(WriteRefused::Immutable));
    let data = world.kubectl(&["get", "secret", parts.name(), "-o", "jsonpath={.data.password}"]);
    assert_eq!(data, "dGhlaXJz");
}

#[tokio::test]
async fn an_immutable_secret_is_named_so() {
    let world = World::new("immutable").await;
    let mut parts = world.parts("partner");
    let api = &world.clients.api;
    api.create_secret(&parts.draft(&world)).await.expect("created");
    world.kubectl(&["patch", "secret", parts.name(), "-p", r#"{"immutable":true}"#]);
    let seen = whole(&world, parts.name()).await;
    assert!(seen.immutable);
    let again = api.replace_secret(&parts.draft(&world), over(&seen)).await;
    assert_eq!(again, Err(WriteRefused::Immutable));
    parts.record.renew_handled = Some("later".into());
    let renewed = api.replace_secret(&parts.draft(&world), over(&seen)).await;
    assert_eq!(renewed, Err(WriteRefused::Immutable));
}

#[tokio::test]
async fn a_namespace_out_of_quota_is_named_so_and_a_rehearsal_finds_out() {
    let world = World::new("quota").await;
    let parts = world.parts("partner");
    let api = &world.clients.api;
    let rehearse = || api.rehearse_secret(&world.namespace, parts.owner(), &parts.template, None);
    assert_eq!(rehearse().await, Ok(()));
    assert_eq!(api.look(&world.namespace, parts.name()).await, Ok(Look::Absent));
    world.kubectl(&["create", "quota", "none", "--hard=count/secrets=0"]);
    world.kubectl(&["wait", "quota/none", "--for=jsonpath={.status.hard}", "--timeout=30s"]);
    assert_eq!(rehearse().await, Err(WriteRefused::Quota));
    assert_eq!(api.create_secret(&parts.draft(&world)).await, Err(WriteRefused::Quota));
}

#[tokio::test]
async fn a_namespace_that_ends_or_is_not_there_is_named_so() {
    let world = World::new("terminating").await;
    let parts = world.parts("partner");
    let api = &world.clients.api;
    world.apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "holds", "finalizers": ["example.com/test"]},
    }));
    let namespace = &world.namespace;
    world.kubectl(&["delete", "namespace", namespace, "--wait=false"]);
    assert_eq!(api.create_secret(&parts.draft(&world)).await, Err(WriteRefused::NamespaceTerminating));
    world.kubectl(&[
        "patch",
        "configmap",
        "holds",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);

    let mut draft = parts.draft(&world);
    draft.namespace = "there-is-no-such-namespace";
    assert_eq!(api.create_secret(&draft).await, Err(WriteRefused::NamespaceAbsent));
}

#[tokio::test]
async fn a_missing_right_is_told_from_an_admission_that_refuses() {
    let world = World::new("rights").await;
    let parts = world.parts("partner");
    let draft = parts.draft(&world);
    let review = |verb| AccessReview {
        verb,
        resource: "secrets",
        namespace: &world.namespace,
        ..AccessReview::default()
    };

    let reader = world
        .account("reader", json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]))
        .await;
    assert_eq!(reader.namespace(), world.namespace);
    let refused = reader.api.create_secret(&draft).await;
    assert_eq!(refused, Err(WriteRefused::Forbidden { verb: Verb::Create }));
    assert_eq!(reader.api.can(review("create")).await, Ok(false));
    assert_eq!(reader.api.can(review("get")).await, Ok(true));

    world.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": world.namespace},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"]}],
            },
            "validations": [{"expression": "false", "reason": "Forbidden"}],
        },
    }));
    world.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": world.namespace},
        "spec": {"policyName": world.namespace, "validationActions": ["Deny"]},
    }));
    let api = &world.clients.api;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // The policy is compiled a moment after it was applied; a rehearsal tells when.
    while api.rehearse_secret(&world.namespace, parts.owner(), &parts.template, None).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the policy never applied");
    }
    let refused = api.create_secret(&draft).await;
    assert_eq!(refused, Err(WriteRefused::Forbidden { verb: Verb::Create }));
    assert_eq!(api.can(review("create")).await, Ok(true));
}

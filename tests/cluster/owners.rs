//! Looking at owners, and removing requests that are finished.

use rocketlawyer_operator::cluster::ReadFailed;
use rocketlawyer_operator::cluster::owner::{Deletion, OwnerNow};
use rocketlawyer_operator::decision::{Key, Kind, ResourceVersion};
use serde_json::json;

use super::world::{World, text};

#[tokio::test]
async fn an_object_is_deleted_only_as_it_was_seen() {
    let world = World::new("owners").await;
    let api = &world.clients.api;
    let key = Key::new(Kind::Request, world.namespace.as_str(), "interview-42");
    assert_eq!(api.owner_now(&key).await, Ok(OwnerNow::Absent));
    let request = world.apply(json!({
        "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "ScopedTokenRequest",
        "metadata": {"name": "interview-42"},
        "spec": {"credentialRef": {"name": "partner"}, "interviewId": "42"},
    }));
    let Ok(OwnerNow::Present { uid, version, deleting }) = api.owner_now(&key).await else {
        panic!("the request is there");
    };
    assert_eq!(*uid, text(&request["metadata"]["uid"]));
    assert!(!deleting);

    let other = "11111111-2222-3333-4444-555555555555";
    assert_eq!(api.delete_object(&key, other, version).await, Deletion::Conflict);
    assert_eq!(api.delete_object(&key, &uid, ResourceVersion(version.0 - 1)).await, Deletion::Conflict);
    let reader = world.account("reader", json!([])).await;
    assert_eq!(reader.api.delete_object(&key, &uid, version).await, Deletion::Forbidden);
    assert_eq!(reader.api.owner_now(&key).await, Err(ReadFailed::Forbidden));

    assert_eq!(api.delete_object(&key, &uid, version).await, Deletion::Done);
    assert_eq!(api.owner_now(&key).await, Ok(OwnerNow::Absent));
    assert_eq!(api.delete_object(&key, &uid, version).await, Deletion::Done);
}

#[tokio::test]
async fn an_owner_that_is_being_deleted_is_seen() {
    let world = World::new("leaving").await;
    world.credential("partner");
    let finalizer = |list| format!(r#"{{"metadata":{{"finalizers":{list}}}}}"#);
    world.kubectl(&["patch", "rlc", "partner", "--type=merge", "-p", &finalizer(r#"["example.com/test"]"#)]);
    world.kubectl(&["delete", "rlc", "partner", "--wait=false"]);
    let key = Key::new(Kind::Credential, world.namespace.as_str(), "partner");
    let now = world.clients.api.owner_now(&key).await;
    assert!(matches!(now, Ok(OwnerNow::Present { deleting: true, .. })), "{now:?}");
    world.kubectl(&["patch", "rlc", "partner", "--type=merge", "-p", &finalizer("null")]);
}

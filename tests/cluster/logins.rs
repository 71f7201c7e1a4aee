//! Reading client Secrets, and tokens back from managed ones.

use rocketlawyer_operator::cluster::secrets::{Entry, LoginLook};
use rocketlawyer_operator::decision::Content;
use rocketlawyer_operator::token::{AccessToken, Deliverable as _, ScopedToken};
use serde_json::json;

use super::world::{World, foreign_secret};

#[tokio::test]
async fn a_login_is_read_as_people_write_it() {
    let world = World::new("logins").await;
    let api = &world.clients.api;
    let stored = async || api.stored_secret(&world.namespace, "client").await.expect("an answer");
    assert!(stored().await.is_none());
    world.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "client"},
        "stringData": {"client_id": "key-1\n", "client_secret": "s3cret\n", "bad": "a\u{0}b", "empty": ""},
    }));
    let stored = stored().await.expect("the Secret is there");
    let read = |id_key, secret_key| match LoginLook::of(&stored, id_key, secret_key) {
        LoginLook::Found { client_id, client_secret, version } => (client_id, client_secret, version),
        LoginLook::Absent => panic!("the Secret is there"),
    };
    let (client_id, client_secret, version) = read("client_id", "client_secret");
    assert!(matches!(client_id, Entry::Usable(id) if &*id == "key-1"));
    assert!(matches!(client_secret, Entry::Usable(secret) if secret.for_request() == "s3cret"));
    assert!(version.0 > 0);
    let (client_id, client_secret, _) = read("bad", "empty");
    assert!(matches!((client_id, client_secret), (Entry::Unusable, Entry::Unusable)));
    let (client_id, client_secret, _) = read("no", "nor-this");
    assert!(matches!((client_id, client_secret), (Entry::Missing, Entry::Missing)));
}

#[tokio::test]
async fn a_token_is_recalled_only_as_it_was_written() {
    let world = World::new("recalls").await;
    let parts = world.parts("partner");
    let (api, name) = (&world.clients.api, parts.name());
    let read = async |name| api.stored_secret(&world.namespace, name).await.expect("an answer");
    assert!(read(name).await.is_none());
    let written = api.create_secret(&parts.draft(&world)).await.expect("created");
    let stored = read(name).await.expect("a Secret");
    let token = stored.token(AccessToken::read).expect("the token is there");
    assert_eq!(token.for_managed_secret(), parts.token.for_managed_secret());
    assert_eq!(stored.seen(), written);

    world.kubectl(&["patch", "secret", name, "-p", r#"{"stringData":{"extra":"x"}}"#]);
    let stored = read(name).await.expect("a Secret");
    assert!(stored.token(AccessToken::read).is_none(), "the Secret was edited");
    assert_eq!(stored.seen().content, Content::Edited);
    let (token, record) =
        stored.salvage(&parts.template.keys, ScopedToken::read).expect("intact beside the new key");
    assert_eq!(token.for_managed_secret(), parts.token.for_managed_secret());
    assert_eq!(record, parts.record);

    world.apply(foreign_secret("theirs"));
    assert!(!read("theirs").await.expect("a Secret").has_our_type());
}

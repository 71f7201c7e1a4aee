//! Events arrive, and nobody waits for them.

use std::sync::atomic::Ordering::Relaxed;

use rocketlawyer_operator::cluster::events::{Event, Events, Severity};
use rocketlawyer_operator::decision::{Key, Kind};
use serde_json::json;

use super::world::{World, text};

fn event(world: &World, uid: &str, note: &str) -> Event {
    Event {
        regarding: Key::new(Kind::Credential, world.namespace.as_str(), "partner"),
        uid: uid.into(),
        severity: Severity::Normal,
        reason: "Issued",
        action: "Issue",
        note: note.into(),
    }
}

#[tokio::test]
async fn an_event_is_shown_with_its_object() {
    let world = World::new("events").await;
    let uid = text(&world.credential("partner")["metadata"]["uid"]);
    let (events, posting) = Events::start(world.clients.api.clone(), "pod-1");
    events.post(event(&world, &uid, &"ä".repeat(2_000)));
    let counts = events.counts();
    drop(events);
    posting.await.expect("the task ends when the queue is empty");
    assert_eq!(counts.posted.load(Relaxed), 1, "{counts:?}");
    let path = "jsonpath={.items[0].reason} {.items[0].regarding.uid}";
    let shown = world.kubectl(&["get", "events.events.k8s.io", "-o", path]);
    assert_eq!(shown, format!("Issued {uid}"));
}

#[tokio::test]
async fn what_cannot_be_posted_is_counted() {
    let world = World::new("refused-events").await;
    let nobody = world.account("nobody", json!([])).await;
    let (events, posting) = Events::start(nobody.api.clone(), "pod-1");
    events.post(event(&world, "u", "n"));
    let counts = events.counts();
    drop(events);
    posting.await.expect("the task ends when the queue is empty");
    assert_eq!(counts.failed.load(Relaxed), 1, "{counts:?}");
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_dropped_and_counted() {
    let world = World::new("dropped-events").await;
    let (events, posting) = Events::start(world.clients.api.clone(), "pod-1");
    // Without an await in between the task takes nothing, and the queue holds 256.
    for _ in 0..300 {
        events.post(event(&world, "u", "n"));
    }
    assert_eq!(events.counts().dropped.load(Relaxed), 300 - 256);
    posting.abort();
}

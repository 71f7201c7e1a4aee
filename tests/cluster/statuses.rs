//! Writing a status: guarded by the resourceVersion, cleared by nulls.

use rocketlawyer_operator::cluster::status::StatusRefused;
use rocketlawyer_operator::decision::{Key, Kind, ResourceVersion};
use serde_json::{Value, json};

use super::world::{World, text};

fn version(object: &Value) -> ResourceVersion {
    ResourceVersion(text(&object["metadata"]["resourceVersion"]).parse().expect("a number"))
}

#[tokio::test]
async fn a_stale_status_write_is_a_conflict_and_changes_nothing() {
    let world = World::new("statuses").await;
    let first = version(&world.credential("partner"));
    let key = Key::new(Kind::Credential, world.namespace.as_str(), "partner");
    let api = &world.clients.api;

    let handled = json!({"lastHandledRenewRequest": "one", "observedGeneration": 1});
    let second = api.write_status(&key, first, &handled).await.expect("written");
    assert!(second > first);
    let stale = api.write_status(&key, first, &json!({"lastHandledRenewRequest": "two"})).await;
    assert_eq!(stale, Err(StatusRefused::Conflict));
    let shown =
        || world.kubectl(&["get", "rlc", "partner", "-o", "jsonpath={.status.lastHandledRenewRequest}"]);
    assert_eq!(shown(), "one");

    let cleared = json!({"lastHandledRenewRequest": null});
    let third = api.write_status(&key, second, &cleared).await.expect("written");
    assert_eq!(shown(), "");
    let same = api.write_status(&key, third, &cleared).await;
    assert_eq!(same, Ok(third), "a write that changes nothing leaves the version");

    let invalid = api.write_status(&key, third, &json!({"observedGeneration": "many"})).await;
    assert_eq!(invalid, Err(StatusRefused::Invalid));
    let nobody = Key::new(Kind::Request, world.namespace.as_str(), "nobody");
    assert_eq!(api.write_status(&nobody, third, &cleared).await, Err(StatusRefused::Gone));
    world.kubectl(&["delete", "rlc", "partner"]);
    assert_eq!(api.write_status(&key, third, &cleared).await, Err(StatusRefused::Gone));

    let reader = world.account("reader", json!([])).await;
    let forbidden = reader.api.write_status(&key, third, &cleared).await;
    assert_eq!(forbidden, Err(StatusRefused::Forbidden));
}

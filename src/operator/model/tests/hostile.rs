//! What becomes of objects that cannot be read, of an older schema or written past it? They are told so, beside others that
//! notice nothing.

use serde_json::json;

use super::super::World;
use crate::auth::Call;

#[test]
fn what_cannot_be_read_is_told_so_and_holds_up_nobody() {
    let mut world = World::new();
    world.partner();
    let before = world.request("before", json!({}));
    let rows = [
        json!({"credentialRef": null}),
        json!({"credentialRef": "partner"}),
        json!({"claims": [1, 2]}),
        json!({"renewUntil": "yesterday"}),
        json!({"renewUntil": 7}),
        json!({"ttlSecondsAfterFinished": i64::MAX}),
        json!({"deliver": "Everything"}),
        json!({"serviceTokenTTL": "99999h"}),
        json!({"serviceTokenTTL": {}}),
        json!({"renewal": {"renewBefore": "-1h"}}),
        json!({"renewal": {"renewBeforePercentage": 1e9}}),
        json!({"secret": {"labels": {"a": 1}}}),
        json!({"suspend": "no"}),
    ];
    let odd: Vec<_> =
        rows.iter().zip(0..).map(|(row, n)| world.request(&format!("odd-{n}"), row.clone())).collect();
    let older = world.credential("older", json!({"environment": "Staging"}));
    let after = world.request("after", json!({}));
    world.settle();
    for (key, row) in odd.iter().zip(&rows) {
        assert_eq!(world.ready(key), "False InvalidSpec", "{row}");
        assert!(!world.message(key).is_empty());
    }
    assert_eq!(world.ready(&older), "False InvalidSpec");
    for good in [&before, &after] {
        assert_eq!(world.ready(good), "True Issued");
    }
    assert_eq!(world.service.count(Call::Exchange), 2);

    // Mended, each is as good as any other.
    world.edit(&odd[0], json!({"credentialRef": {"name": "partner", "namespace": "legal"}}));
    world.edit(&older, json!({"environment": "Sandbox"}));
    world.settle();
    assert_eq!(world.ready(&odd[0]), "True Issued");
    assert_eq!(world.ready(&older), "False ClientSecretNotFound");
}

#[test]
fn a_token_outlives_a_spec_that_cannot_be_read() {
    let mut world = World::new();
    world.partner();
    let request = world.request("served", json!({}));
    world.settle();
    let token = world.value("web", "served-token", "access_token");
    assert!(token.is_some());
    world.edit(&request, json!({"renewal": 7}));
    world.settle();
    assert!(world.ready(&request).ends_with(" InvalidSpec"), "{}", world.ready(&request));
    assert_eq!(world.value("web", "served-token", "access_token"), token);
    world.edit(&request, json!({"renewal": null}));
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.value("web", "served-token", "access_token"), token);
    assert_eq!(world.service.count(Call::Exchange), 1);
}

/// An instant that no clock has keeps the whole status from being read.
#[test]
fn of_a_status_that_cannot_be_read_nothing_stands() {
    let mut world = World::new();
    let partner = world.partner();
    world.settle();
    let good = world.status(&partner).clone();
    let version = world.server.tick();
    let stored = world.server.objects.get_mut(&partner).unwrap();
    stored.version = version;
    stored.status["failure"] = json!({"reason": "Nope", "since": "9999-12-31T23:59:59Z"});
    stored.status["lastHandledRenewRequest"] = json!("never");
    world.server.show_object(&partner);
    world.settle();
    let status = world.status(&partner);
    assert_eq!((status.get("failure"), status.get("lastHandledRenewRequest")), (None, None));
    assert_eq!(status["token"], good["token"]);

    world.restart();
    let (asked, _) = world.watch(World::settle);
    assert!(!asked.iter().any(|it| it.starts_with("status")), "{asked:?}");
}

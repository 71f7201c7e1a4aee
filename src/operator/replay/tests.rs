//! Which statuses say the same?

use serde_json::json;

use super::alike::{alike, patched};

#[test]
fn instants_of_a_decision_may_differ_a_little_and_nothing_else_may() {
    let said = json!({"conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-24T12:00:01Z",
        "message": "The next attempt is at 2026-11-24T12:01:00Z."}], "token": {"issuedAt": "2026-11-24T12:00:00Z"}});
    let mut near = said.clone();
    near["conditions"][0]["lastTransitionTime"] = json!("2026-11-24T12:00:02Z");
    near["conditions"][0]["message"] = json!("The next attempt is at 2026-11-24T12:01:01Z.");
    assert!(alike(&said, &near));

    let changes = [
        ("/conditions/0/lastTransitionTime", json!("2026-11-24T12:00:09Z")),
        ("/conditions/0/message", json!("The next attempt was at 2026-11-24T12:01:00Z.")),
        ("/conditions/0/type", json!("Stalled")),
        ("/token/issuedAt", json!("2026-11-24T12:00:01Z")),
        ("/token", json!(null)),
        ("/conditions", json!([])),
    ];
    for (path, change) in changes {
        let mut other = said.clone();
        *other.pointer_mut(path).expect("it is there") = change;
        assert!(!alike(&said, &other), "{path}");
    }
}

#[test]
fn a_patch_that_leaves_an_instant_out_may_lead_to_one_that_is_near() {
    let old = json!({"failure": {"since": "2026-11-24T12:00:01Z", "count": 3}, "token": {"issuedAt": "x"}});
    let without = patched(old.clone(), &json!({"failure": {"count": null}, "token": null}));
    assert_eq!(without, json!({"failure": {"since": "2026-11-24T12:00:01Z"}}));
    let with =
        patched(old, &json!({"failure": {"count": null, "since": "2026-11-24T12:00:00Z"}, "token": null}));
    assert!(alike(&without, &with));
}

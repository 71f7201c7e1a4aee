//! Promise: `kubectl apply` refuses a wrong manifest with a sentence that says what to write instead, takes every right
//! one, and never refuses the operator's own status. On a real API server, against the tables beside this file.
#![expect(clippy::expect_used, reason = "a test ends at what it did not expect")]

pub(crate) mod cluster;
mod rules;
mod server;
mod table;

use std::collections::BTreeSet;

use kube::core::Status;
use rocketlawyer_operator::api::{duration, names};
use rocketlawyer_operator::cluster::watch::{self, Seen, Watched};
use serde_json::{Value, json};

use rules::{Refusal, rules};
use server::{Mode, Namespace};
use table::Row;

const WRONG: [&str; 2] = [include_str!("wrong.yaml"), include_str!("wrong_subjects.yaml")];
const RIGHT: &str = include_str!("right.yaml");
const EDITS: &str = include_str!("edits.yaml");

#[tokio::test]
async fn every_rule_refuses_what_it_is_for_with_its_own_sentence() {
    let namespace = Namespace::new("admission-wrong").await;
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    let wrong: Vec<Row> = WRONG.into_iter().flat_map(Row::table).collect();
    assert!(wrong.len() >= 40, "only {} wrong manifests", wrong.len());
    for (n, row) in wrong.iter().enumerate() {
        let manifest = row.manifest("it");
        let answer = namespace.create(row.plural(), &manifest, Mode::DryRun).await;
        judge(row, &format!("wrong manifest {n}"), answer, &mut seen, &mut complaints);
    }
    for (n, row) in Row::table(EDITS).iter().enumerate() {
        let name = format!("edited-{n}");
        let before = row.before(&name);
        namespace.create(row.plural(), &before, Mode::ForReal).await.expect("a right manifest to edit");
        let answer = namespace.patch(row.plural(), &name, &row.edit(&name), Mode::DryRun).await;
        judge(row, &format!("edit {n}"), answer, &mut seen, &mut complaints);
    }
    for never in rules().difference(&seen) {
        complaints.push(format!("no row meets the rule {never:?}"));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn every_right_manifest_is_accepted_and_read_and_so_is_any_status_on_it() {
    let namespace = Namespace::new("admission-right").await;
    let mut complaints = Vec::new();
    let right = Row::table(RIGHT);
    assert!(right.len() >= 40, "only {} right manifests", right.len());
    for (n, row) in right.iter().enumerate() {
        let manifest = row.manifest(&format!("right-{n}"));
        match namespace.create(row.plural(), &manifest, Mode::ForReal).await {
            Err(status) => complaints.push(format!("{} is refused: {}", row.why, status.message)),
            Ok(object) => {
                let path = format!("{}/status", object["metadata"]["name"].as_str().expect("a name"));
                let answer = namespace.patch(row.plural(), &path, &a_later_status(), Mode::ForReal).await;
                match answer {
                    Ok(object) if is_read(row, &object) => {}
                    Ok(_) => complaints.push(format!("{} cannot be read", row.why)),
                    Err(status) => {
                        complaints.push(format!("the status of {} is refused: {}", row.why, status.message));
                    }
                }
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn a_new_object_says_that_nobody_has_seen_it() {
    let namespace = Namespace::new("admission-new").await;
    for row in
        Row::table(RIGHT).iter().filter(|row| row.why.starts_with("as short") || row.why == "one interview")
    {
        let object =
            namespace.create(row.plural(), &row.manifest("new"), Mode::ForReal).await.expect("created");
        let status = &object["status"];
        assert_eq!(status["observedGeneration"], -1, "{status}");
        let ready = &status["conditions"][0];
        assert_eq!((&ready["type"], &ready["status"]), (&json!("Ready"), &json!("Unknown")), "{status}");
        assert_eq!(ready["reason"], "Pending", "{status}");
        assert_eq!(ready["lastTransitionTime"], "1970-01-01T00:00:00Z", "{status}");
    }
}

#[tokio::test]
async fn kubectl_get_shows_the_columns() {
    let namespace = Namespace::new("admission-columns").await;
    let common = ["NAME", "READY", "REASON", "EXPIRES", "RENEWS", "SECRET"];
    for (plural, wide) in [
        ("rocketlawyercredentials", &["ENVIRONMENT"][..]),
        ("scopedtokenrequests", &["PURPOSE", "CREDENTIAL", "INTERVIEW"][..]),
    ] {
        let table = namespace.get(plural, "", "application/json;as=Table;v=v1;g=meta.k8s.io").await;
        let columns = table["columnDefinitions"].as_array().expect("columns");
        let shown = |wide: bool| -> Vec<String> {
            let of = columns.iter().filter(|it| (it["priority"] != 0) == wide);
            of.map(|it| it["name"].as_str().expect("a name").to_uppercase()).collect()
        };
        assert_eq!(shown(false), [&common[..], &["AGE"]].concat());
        assert_eq!(shown(true), wide);
        for time in columns.iter().filter(|it| it["name"] == "EXPIRES" || it["name"] == "RENEWS") {
            assert_eq!(time["type"], "string", "a date column cannot show a time to come");
        }
    }
}

#[tokio::test]
async fn objects_are_found_by_what_people_filter_by() {
    let namespace = Namespace::new("admission-selectors").await;
    for row in
        Row::table(RIGHT).iter().filter(|row| row.why == "production" || row.why == "a credential elsewhere")
    {
        namespace.create(row.plural(), &row.manifest("found"), Mode::ForReal).await.expect("created");
    }
    for (plural, selector, found) in [
        ("rocketlawyercredentials", "spec.environment=Production", 1),
        ("rocketlawyercredentials", "spec.environment=Sandbox", 0),
        ("scopedtokenrequests", "spec.credentialRef.name=partner.v2", 1),
        ("scopedtokenrequests", "spec.credentialRef.name=partner", 0),
    ] {
        let list = namespace.get(plural, &format!("?fieldSelector={selector}"), "application/json").await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(found), "{selector}");
    }
}

/// Whether the operator takes what the server has stored, however heavy, durations included.
fn is_read(row: &Row, object: &Value) -> bool {
    let spec = object["spec"].clone();
    let durations = [&spec["maxServiceTokenTTL"], &spec["serviceTokenTTL"], &spec["renewal"]["renewBefore"]];
    let all_parse = durations.into_iter().filter_map(Value::as_str).all(|it| duration::parse(it).is_some());
    let watched = match row.plural() {
        names::CREDENTIAL_PLURAL => Watched::Credentials,
        _ => Watched::Requests,
    };
    let seen = watch::sent(watched, object.to_string().as_bytes());
    all_parse
        && match seen {
            Some((Seen::Credential(it), _)) => it.spec.is_ok() && it.status.is_some(),
            Some((Seen::Request(it), _)) => it.spec.is_ok() && it.status.is_some(),
            _ => false,
        }
}

/// Compares an answer with its row.
fn judge(
    row: &Row,
    which: &str,
    answer: Result<Value, Status>,
    seen: &mut BTreeSet<Refusal>,
    complaints: &mut Vec<String>,
) {
    let complaint = match (answer, &row.says, &row.server) {
        (Ok(_), None, None) => return,
        (Ok(_), _, _) => "is accepted".to_owned(),
        (Err(status), Some(says), None) => {
            let refusals = Refusal::all(row.plural(), &status);
            let said: BTreeSet<&String> = refusals.iter().map(|it| &it.says).collect();
            if said == [Some(says), row.also.as_ref()].into_iter().flatten().collect() {
                seen.extend(refusals);
                return;
            }
            format!("is refused otherwise: {}", status.message)
        }
        (Err(status), None, Some(text)) if status.message.contains(text.as_str()) => return,
        (Err(status), ..) => format!("is refused otherwise: {}", status.message),
    };
    complaints.push(format!("{which} ({}) {complaint}", row.why));
}

/// What a later version might write: more than this one knows, and less.
fn a_later_status() -> Value {
    json!({ "status": {
        "observedGeneration": 7,
        "conditions": [
            { "type": "Ready", "status": "False", "reason": "SomethingLater", "message": "Later." },
            { "type": "SomethingElse", "status": "Perhaps" },
        ],
        "token": { "secretName": "s", "expiresAt": "2026-12-01T00:00:00Z", "renewAt": null },
        "failure": { "step": "SomeLaterStep", "httpStatus": 799, "count": 3 },
        "later": { "field": true },
    } })
}

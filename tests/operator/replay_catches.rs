//! Would a replay catch an operator that did something else? Doctored records of one that did not.

use rocketlawyer_operator::operator::replay::Deed;
use serde_json::json;

use super::api_proxy::How;
use super::replay::Record;
use super::replay::recorder::Recorder;
use super::server::Kind;
use super::world::World;

#[test]
fn a_deed_too_many_one_that_was_not_done_and_one_without_its_cause_are_caught() {
    let mut world = World::running("doctored");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let label = json!({"spec": {"secret": {"labels": {"team": "legal"}}}});
    world.edit(Kind::Credential, "partner", label);
    world.wait_for(Kind::Secret, "partner-access-token", |it| it["metadata"]["labels"]["team"] == "legal");
    world.delete(Kind::Secret, "interview-token");
    world.wait_for(Kind::Secret, "interview-token", |it| !it.is_null());
    world.settle();
    world.request("late", json!({"renewUntil": "2026-01-01T00:00:00Z", "ttlSecondsAfterFinished": 0}));
    world.wait_for(Kind::Request, "late", serde_json::Value::is_null);
    world.settle();
    world.operator.end();
    let record = Record::of(&world, &Recorder::shared());
    assert_eq!(record.unexplained(), [""; 0]);
    let kinds: [fn(&Deed) -> bool; 6] = [
        |deed| matches!(deed, Deed::Read { .. }),
        |deed| matches!(deed, Deed::Owner(_)),
        |deed| matches!(deed, Deed::Write { .. }),
        |deed| matches!(deed, Deed::Status { .. }),
        |deed| matches!(deed, Deed::Delete(_)),
        |deed| matches!(deed, Deed::Call(_)),
    ];
    for (number, is_it) in kinds.iter().enumerate() {
        assert!(record.dids.iter().any(|did| is_it(&did.deed)), "none of kind {number}: {:#?}", record.dids);
    }
    each_too_many_is_caught(&record);
    each_too_few_is_caught(&record);
    each_outcome_that_was_not_told_is_caught(&record);

    // What it heeded is another than was there.
    let unlabelled = |it: &serde_json::Value| it["spec"]["secret"]["labels"]["team"] != "legal";
    let mut doctored = record.clone();
    doctored.versions.retain(|it| it.name != "partner" || unlabelled(&it.object));
    assert!(doctored.unexplained()[0].contains("which nobody recorded"), "{:#?}", doctored.unexplained());
    let mut doctored = record.clone();
    for it in doctored.versions.iter_mut().filter(|it| it.name == "partner") {
        it.object["spec"]["secret"] = json!(null);
    }
    let unexplained = doctored.unexplained();
    assert!(unexplained[0].contains("the operator began [Step"), "{unexplained:#?}");
}

/// What a watch dropped was not seen, what was answered with 504 was not heard, and a process that died knows nothing.
#[test]
fn behind_a_proxy_and_over_a_restart_a_deed_too_many_is_caught() {
    let mut world = World::behind_proxy("doctored-proxy");
    world.wrong("POST secrets", 2, How::DoneThenTimeout);
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.operator.kill();
    world.operator.start();
    world.settle();
    let cut = world.proxy().done() + 1;
    world.wrong("WATCH rocketlawyercredentials partner", 1, How::Drop);
    let label = json!({"spec": {"secret": {"labels": {"team": "legal"}}}});
    world.edit(Kind::Credential, "partner", label);
    world.is_over(cut);
    world.wrong("WATCH rocketlawyercredentials", 1, How::Expired);
    world.wait_for(Kind::Secret, "partner-access-token", |it| it["metadata"]["labels"]["team"] == "legal");
    world.settle();
    world.operator.end();
    let record = Record::of(&world, &Recorder::shared());
    assert_eq!(record.unexplained(), [""; 0]);
    assert!(record.dids.iter().any(|did| matches!(did.deed, Deed::Look { .. })), "{:#?}", record.dids);
    each_too_many_is_caught(&record);
}

/// A loop that does something twice.
fn each_too_many_is_caught(record: &Record) {
    for place in 0..record.dids.len() {
        let did = &record.dids[place];
        let mut doctored = record.clone();
        doctored.dids.insert(place + 1, did.clone());
        let words = format!("{did}").split(' ').take(3).collect::<Vec<_>>().join(" ");
        let unexplained = doctored.unexplained();
        assert!(unexplained.iter().any(|it| it.starts_with(&words)), "{did}: {unexplained:#?}");
    }
}

/// A loop that believes what was never done.
fn each_too_few_is_caught(record: &Record) {
    for (place, did) in record.dids.iter().enumerate().filter(|(_, did)| did.status < 300) {
        let mut doctored = record.clone();
        doctored.dids.remove(place);
        assert_ne!(doctored.unexplained(), [""; 0], "{did}");
    }
}

/// A loop that forgets what it was told of a call or of a Secret that it wrote.
fn each_outcome_that_was_not_told_is_caught(record: &Record) {
    let tells = |line: &String| line.contains("\"Issued\":") || line.contains("\"Written\":");
    let places: Vec<usize> = (0..record.journal.len()).filter(|at| tells(&record.journal[*at])).collect();
    assert!(places.len() >= 4, "{:#?}", record.journal);
    for place in places {
        let mut doctored = record.clone();
        let line = doctored.journal.remove(place);
        assert_ne!(doctored.unexplained(), [""; 0], "{line}");
    }
}

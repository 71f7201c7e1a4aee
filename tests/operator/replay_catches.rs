//! Would a replay catch an operator that did something else? Doctored records of one that did not.

use rocketlawyer_operator::operator::replay::{Deed, Did};
use serde_json::json;

use super::api_proxy::How;
use super::replay::Record;
use super::server::Kind;
use super::world::World;

type IsIt = fn(&Deed) -> bool;

#[test]
fn a_deed_too_many_and_one_without_its_cause_are_caught() {
    let mut world = World::running("doctored");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let label = json!({"spec": {"secret": {"labels": {"team": "legal"}}}});
    world.edit(Kind::Credential, "partner", label);
    world.wait_for(Kind::Secret, "partner-access-token", |it| it["metadata"]["labels"]["team"] == "legal");
    world.settle();
    world.operator.end();
    let record = || Record::of(&world);
    assert_eq!(record().unexplained(), [""; 0]);

    each_done_once_more_is_caught(&record);

    // What it heeded is taken out of the record.
    let mut doctored = record();
    doctored.versions.retain(|it| it.name != "partner");
    let unexplained = doctored.unexplained();
    assert!(unexplained.iter().any(|it| it.starts_with("call access_token")), "{unexplained:#?}");
    let mut doctored = record();
    let is_labelled = |it: &serde_json::Value| it["spec"]["secret"]["labels"]["team"] == "legal";
    doctored.versions.retain(|it| !is_labelled(&it.object));
    let unexplained = doctored.unexplained();
    assert!(unexplained[0].starts_with("write of Secret"), "{unexplained:#?}");
}

/// What a watch dropped was not seen, what was answered with 504 was not heard, and a process that died knows nothing.
#[test]
fn behind_a_proxy_a_deed_too_many_and_one_that_nobody_told_of_are_caught() {
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
    let record = || Record::of(&world);
    assert_eq!(record().unexplained(), [""; 0]);
    each_done_once_more_is_caught(&record);

    // The watch of the test saw the edit; the operator's is what counts.
    let mut doctored = record();
    let shown = doctored.shown.as_mut().expect("a proxy");
    shown.retain(|sight| !format!("{:?}", sight.change).contains("legal"));
    let unexplained = doctored.unexplained();
    assert!(unexplained[0].starts_with("write of Secret"), "{unexplained:#?}");
}

/// At once after it was done.
fn each_done_once_more_is_caught(record: &dyn Fn() -> Record) {
    let deeds: [(&str, IsIt); 3] = [
        ("call", |deed| matches!(deed, Deed::Called(_))),
        ("write of Secret", |deed| matches!(deed, Deed::WroteSecret { .. })),
        ("status of", |deed| matches!(deed, Deed::WroteStatus { .. })),
    ];
    for (words, is_it) in deeds {
        let count = record().dids.iter().filter(|did| is_it(&did.deed)).count();
        assert!(count >= 3, "{words}: {count}");
        for number in 0..count {
            let mut doctored = record();
            let place = nth(&doctored.dids, is_it, number);
            let again = record().dids.swap_remove(place);
            doctored.dids.insert(place + 1, again);
            let unexplained = doctored.unexplained();
            assert!(unexplained.iter().any(|it| it.starts_with(words)), "{words} {number}: {unexplained:#?}");
        }
    }
}

fn nth(dids: &[Did], is_it: IsIt, number: usize) -> usize {
    let mut places = dids.iter().enumerate().filter(|(_, did)| is_it(&did.deed)).map(|(place, _)| place);
    places.nth(number).expect("so many were counted")
}

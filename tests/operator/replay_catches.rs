//! Would a replay catch an operator that did something else? Doctored records of one that did not.

use rocketlawyer_operator::operator::replay::{Deed, Did};
use serde_json::json;

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

    // Done once more, at once after it was done.
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

fn nth(dids: &[Did], is_it: IsIt, number: usize) -> usize {
    let mut places = dids.iter().enumerate().filter(|(_, did)| is_it(&did.deed)).map(|(place, _)| place);
    places.nth(number).expect("so many were counted")
}

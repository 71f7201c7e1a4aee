//! Would a replay catch an operator that did something else? Doctored records of one that did not; and `make seeded-bugs` has the
//! first of these tests run operators that do.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rocketlawyer_operator::auth;
use rocketlawyer_operator::emulator::{AppScope, Call, FaultPlan};
use rocketlawyer_operator::operator::replay::{Called, Deed, Held};
use serde_json::{Value, json};

use super::api_proxy::How;
use super::replay::recorder::{Kept, Recorder};
use super::replay::{self, Record, requests};
use super::server::Kind;
use super::told::{self, condition};
use super::world::{Wishes, World};

/// What is under way for so long was lost, and the loop has looked again since, which it does every 30 s.
const LOST: Duration = Duration::from_secs(45 + 30 + 5);

#[test]
fn a_deed_too_many_one_that_was_not_done_and_one_without_its_cause_are_caught() {
    let mut world = World::running("doctored");
    let came_to_its_end = live(&world).is_some();
    if came_to_its_end {
        world.settle();
    }
    world.operator.end();
    let record = Record::of(&world, &Recorder::shared());
    replay::nothing_is_left(&record.unexplained());
    assert!(came_to_its_end, "{}", world.situation());
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
    an_outcome_that_was_lost_is_caught(&record);
    a_token_that_another_call_brought_is_caught(&record);

    // What it heeded is another than was there.
    let unlabelled = |it: &Value| it["spec"]["secret"]["labels"]["team"] != "legal";
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

/// A life with a deed of each kind. `None`: something did not come.
fn live(world: &World) -> Option<()> {
    let comes = |kind: Kind, name: &str, wanted: &dyn Fn(&Value) -> bool| {
        world.cluster().wait_for(kind, &world.namespace, name, LOST, wanted).ok()
    };
    let is_issued = |it: &Value| told::is(it, "True/Issued");
    let app = world.login("client", AppScope::Backend);
    world.credential("partner", json!({}));
    world.request("interview", json!({}));
    comes(Kind::Request, "interview", &is_issued)?;
    let label = json!({"spec": {"secret": {"labels": {"team": "legal"}}}});
    world.edit(Kind::Credential, "partner", label);
    let is_labelled = |it: &Value| it["metadata"]["labels"]["team"] == "legal";
    let labelled = comes(Kind::Secret, "partner-access-token", &is_labelled)?;
    world.delete(Kind::Secret, "interview-token");
    comes(Kind::Secret, "interview-token", &|it| !it.is_null())?;
    // Another token to ask with, and a call that fails once.
    world.change_secret(&app, "another");
    let first = told::annotation(&labelled, "issued-at");
    comes(Kind::Secret, "partner-access-token", &|it| told::annotation(it, "issued-at") != first)?;
    let call = Some(Call::ServiceToken);
    world.emulator.add_fault(FaultPlan { call, status: Some(503), times: Some(1), ..FaultPlan::default() });
    world.request("second", json!({}));
    comes(Kind::Request, "second", &is_issued)?;
    world.request("late", json!({"renewUntil": "2026-01-01T00:00:00Z", "ttlSecondsAfterFinished": 0}));
    comes(Kind::Request, "late", &Value::is_null)?;
    Some(())
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
    each_request_of_another_kind_is_caught(&world, &record);
}

/// By the check at the end of every test. A proxy does here what a loop with a bug would do.
#[test]
#[should_panic(expected = "what the core does not explain, 1 in all")]
fn a_request_that_a_proxy_sends_twice_fails_the_test_it_is_seen_in() {
    let world = World::behind_proxy("twice");
    world.wrong("GET secrets", 1, How::Twice);
    world.partner(json!({}));
    assert_eq!(world.proxy().done(), 1);
}

/// A call that failed took no token away: which one is shared is known still.
#[test]
fn a_call_with_another_token_is_caught_though_one_has_failed_since() {
    let mut world = World::running("doctored-token");
    world.partner(json!({}));
    world.edit(Kind::Secret, "client", json!({"stringData": {"client_secret": "mistyped"}}));
    world.wait_for(Kind::Credential, "partner", |it| {
        condition(it, "CredentialsValid") == "False/InvalidClient"
    });
    world.request("embedded", json!({"deliver": "ServiceToken"}));
    world.wait_ready(Kind::Request, "embedded");
    world.operator.end();
    let record = Record::of(&world, &Recorder::shared());
    assert_eq!(record.unexplained(), [""; 0]);
    let mut doctored = record.clone();
    let calls = doctored.dids.iter_mut().filter_map(|did| match &mut did.deed {
        Deed::Call(Called { asked_with: Some(token), .. }) => Some(token),
        _ => None,
    });
    let doctored_calls = calls.map(|token| "another".clone_into(token)).count();
    assert_eq!(doctored_calls, 1, "{:#?}", record.dids);
    let unexplained = doctored.unexplained();
    assert!(unexplained.iter().any(|it| it.starts_with("call service_token")), "{unexplained:#?}");
}

/// What a watch did not show is not guessed.
#[test]
fn what_is_read_from_the_store_is_what_a_watch_would_have_shown() {
    let world = World::new("unwatched", &Wishes::default());
    let login = |id: &str| json!({"client_id": id, "client_secret": id});
    world.client_secret("client", &login("first"));
    let before = told::version(&world.secret("client")).1.parse::<u64>().expect("a version") - 1;
    world.edit(Kind::Secret, "client", json!({"stringData": login("second")}));
    world.delete(Kind::Secret, "client");
    world.client_secret("client", &login("third"));
    world.client_secret("another", &login("fourth"));
    world.delete(Kind::Secret, "another");
    let secrets = |kept: Vec<Kept>| {
        // Lists do not say these of each object.
        let bare = |mut object: Value| {
            object.as_object_mut().expect("an object").retain(|it, _| it != "kind" && it != "apiVersion");
            object
        };
        let ours = kept.into_iter().filter(|it| it.what == Held::Secret && it.namespace == world.namespace);
        ours.map(|it| (it.name, it.uid, it.version, it.gone, bare(it.object))).collect::<Vec<_>>()
    };
    let namespaces = std::slice::from_ref(&world.namespace);
    let shown = secrets(Recorder::shared().versions(world.cluster(), namespaces));
    assert_eq!(shown.iter().map(|it| it.3).collect::<Vec<_>>(), [false, false, true, false, false, true]);
    assert_eq!(secrets(Recorder::from_store(world.cluster(), Held::Secret, before)), shown);
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

/// A loop that loses what came of a call: it waits for that for ever, and so does the core.
fn an_outcome_that_was_lost_is_caught(record: &Record) {
    let entry = |line: &String| serde_json::from_str::<Value>(line).expect("an entry");
    let mut earlier: Vec<Value> = record.journal.iter().map(entry).collect();
    let is_of_it = |it: &Value| it.to_string().contains("\"interview\"");
    let came = |line: &Value| !line["Back"]["heard"]["Issued"].is_null() && is_of_it(line);
    let place = earlier.iter().position(came).expect("a call");
    let mut later = earlier.split_off(place);
    later.retain(|line| !line["Looked"].is_null() || !is_of_it(line));
    for began in later.iter_mut().filter_map(|line| line.pointer_mut("/Looked/began")?.as_array_mut()) {
        began.retain(|task| !is_of_it(task));
    }
    let last = later.iter().filter_map(|it| it["Looked"]["now"].as_str()).next_back().expect("a look");
    let last: Timestamp = last.parse().expect("an instant");
    let minute_later = json!({"Looked": {"now": last + SignedDuration::from_mins(1), "began": []}});
    let doctored = |after: &[Value]| {
        let lines = earlier.iter().chain(&later).chain(after);
        Record { journal: lines.map(Value::to_string).collect(), ..record.clone() }.unexplained()
    };
    let says = |unexplained: &[String]| unexplained.iter().any(|it| it.contains("never came back"));
    assert!(!says(&doctored(&[])), "{:#?}", doctored(&[]));
    for after in [vec![minute_later.clone()], vec![minute_later, earlier[0].clone()]] {
        let unexplained = doctored(&after);
        assert!(says(&unexplained), "{unexplained:#?}");
    }
}

/// A loop that writes the token of one request into the Secret of another.
fn a_token_that_another_call_brought_is_caught(record: &Record) {
    let mut doctored = record.clone();
    let exchanges = doctored.dids.iter_mut().filter_map(|did| match &mut did.deed {
        Deed::Call(Called { call: auth::Call::Exchange, issued, .. }) => Some(issued),
        _ => None,
    });
    let mut issued: Vec<_> = exchanges.collect();
    let (last, before) = issued.split_last_mut().expect("an exchange");
    std::mem::swap(*last, *before.last_mut().expect("another"));
    let unexplained = doctored.unexplained();
    assert!(matches!(&unexplained[..], [it, ..] if it.starts_with("call exchange")), "{unexplained:#?}");
}

/// A loop that does what no loop of ours does.
fn each_request_of_another_kind_is_caught(world: &World, record: &Record) {
    let mut requests = world.control_plane.audit().since(world.began).expect("the audit log");
    requests.retain(|it| it.user == world.user && it.kind.resource == "secrets" && !it.kind.name.is_empty());
    assert!(!requests.is_empty(), "{requests:#?}");
    for request in &mut requests {
        "delete".clone_into(&mut request.kind.verb);
        let mut doctored = record.clone();
        doctored.dids.extend(requests::dids(std::slice::from_ref(request), &world.user, &record.versions));
        let unexplained = doctored.unexplained();
        assert!(unexplained.iter().any(|it| it.starts_with("delete /api/v1/")), "{unexplained:#?}");
    }
}

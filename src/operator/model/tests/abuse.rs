//! What does it cost when somebody means harm? Work for one object stays that object's: counted, not timed.

use std::iter;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::{World, text};
use super::ownership::in_order;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::decision::Key;
use crate::operator::effect::Effect;
use crate::operator::turns::Turn;

/// A credential, and that many requests that want one Secret's name, each created after the one before.
fn rivals(count: usize) -> (World, Vec<Key>) {
    let mut world = World::new();
    world.partner();
    world.settle();
    let mut keys = Vec::new();
    for n in 0..count {
        world.now += minutes(1);
        keys.push(world.request(&format!("rival-{n:03}"), json!({"secret": {"name": "wanted"}})));
        world.settle();
    }
    (world, keys)
}

/// Decisions, and what is asked of the API server, while `during` runs.
fn cost(world: &mut World, during: impl FnOnce(&mut World)) -> (usize, usize) {
    let before = world.operator.decisions;
    world.server.journal.clear();
    during(world);
    world.settle();
    (world.operator.decisions - before, world.server.journal.len())
}

/// Deleted from either end, and with the name taken and freed by a Secret of somebody else's.
#[test]
fn what_happens_to_a_name_costs_the_same_however_many_want_it() {
    let costs = |count| {
        let (mut world, mut keys) = rivals(count);
        let youngest = keys.pop().expect("it was created");
        let taken = json!({"type": "Opaque", "data": {}});
        [
            cost(&mut world, |world| world.server.delete_object(&youngest)),
            cost(&mut world, |world| {
                world.server.delete_object(&keys[0]);
                world.server.collect_garbage();
            }),
            cost(&mut world, |world| {
                world.server.delete_secret("web", "wanted");
                world.server.put_secret("web", "wanted", taken);
            }),
            cost(&mut world, |world| world.server.delete_secret("web", "wanted")),
            cost(&mut world, |world| world.server.delete_object(&keys[1])),
        ]
    };
    assert_eq!(costs(5), costs(50));
}

/// Whose turn it is changes with each of them; who is not the next one hears of it at its next look.
#[test]
fn a_name_passes_to_the_next_in_line_and_the_others_are_left_alone() {
    let (mut world, keys) = rivals(4);
    assert_eq!(world.ready(&keys[0]), "True Issued");
    world.server.delete_object(&keys[0]);
    world.server.collect_garbage();
    let (asked, _) = world.watch(World::settle);
    assert_eq!(world.ready(&keys[1]), "True Issued");
    assert_eq!(world.ready(&keys[2]), "False SecretNotOwned");
    assert!(!asked.contains("status rival-002") && !asked.contains("status rival-003"), "{asked:?}");
    world.pass(minutes(16));
    assert!(world.message(&keys[3]).contains("rival-001"), "{}", world.message(&keys[3]));

    // One whose spec cannot be read claims nothing; mended, it is the earlier again, and takes nothing from who has it.
    world.edit(&keys[1], json!({"suspend": "no"}));
    world.settle();
    world.server.delete_secret("web", "wanted");
    world.settle();
    assert_eq!(world.ready(&keys[2]), "True Issued");
    world.edit(&keys[1], json!({"suspend": null}));
    world.settle();
    assert_eq!(world.ready(&keys[1]), "False SecretNotOwned");
    assert_eq!(world.ready(&keys[2]), "True Issued");
}

/// A line of objects that have nothing to do does not keep the loop from hearing anything else.
#[test]
fn a_long_line_is_worked_off_a_few_at_a_time() {
    let mut world = World::new();
    for n in 0..200 {
        world.request(&format!("request-{n}"), json!({}));
    }
    while world.deliver_all() {}
    let lengths: Vec<usize> = iter::from_fn(|| {
        let (few, more) = world.operator.turns.next_few(world.now);
        more.then_some(few.len())
    })
    .collect();
    assert_eq!(lengths, [64; 3]);
}

/// What a webhook of theirs takes long for.
#[test]
fn objects_that_hang_in_one_namespace_leave_places_to_the_others() {
    let mut world = World::new();
    for n in 0..100 {
        world.request(&format!("r{n:02}"), json!({}));
    }
    while world.deliver_all() || world.operator.turn_next(world.now) {}
    let of = |world: &World, namespace: &str| {
        world.operator.flights.keys().filter(|key| *key.namespace == *namespace).count()
    };
    assert_eq!(of(&world, "web"), 32, "each wants to say that its credential is absent");
    let lonely = world.credential("lonely", json!({}));
    while !world.operator.flights.contains_key(&lonely) {
        assert!(world.step(&lonely), "it waits for the others");
    }
    assert_eq!(of(&world, "web"), 32, "which are out still");
    world.settle();
    let mut keys = world.server.objects.keys();
    assert!(keys.all(|key| world.ready(key).starts_with("False")), "and all come to it");
    assert_eq!(world.operator.turns.slots.taken(), 0);
}

/// While others' effects hang, and have every place, tokens are issued all the same; and none is lost when the operator is stopped.
#[test]
fn what_hangs_keeps_no_call_from_being_made_and_what_was_issued_is_written_at_the_end() {
    let mut world = World::new();
    world.partner();
    world.settle();
    for _ in 0..64 {
        world.operator.turns.slots.begin(&"elsewhere".into());
    }
    for n in 0..50 {
        world.request(&format!("r{n:02}"), json!({"deliver": "ServiceToken"}));
    }
    loop {
        while world.deliver_all() || !world.operator.follow_few(world.now) {}
        let Some(call) = world.operator.flights.keys().next().cloned() else { break };
        world.advance(&call);
    }
    assert_eq!(world.service.total(), 1 + 50);
    let last = world.operator.turns.last_writes(world.now);
    let writes = last
        .iter()
        .filter(|turn| matches!(turn, Turn::Act(_, effect) if matches!(**effect, Effect::Write { .. })));
    assert_eq!(writes.count(), 50);
}

/// As often as a credential is edited, each of its requests has something else to say: five times in a row, and then once in half a
/// minute, and the word that takes it back.
#[test]
fn a_credential_edited_without_end_costs_its_requests_a_few_statuses() {
    let mut world = World::new();
    let partner = world.partner();
    let requests: Vec<_> = (0..20).map(|n| world.request(&format!("request-{n}"), json!({}))).collect();
    let toggle = |world: &mut World, times: usize, between: [serde_json::Value; 2]| {
        world.server.journal.clear();
        for n in 0..times {
            world.edit(&partner, between[n % 2].clone());
            world.pass(SignedDuration::from_secs(1));
        }
        world.server.journal.iter().filter(|it| it.starts_with("status request-")).count()
    };
    world.pass(hours(1));
    let statuses =
        toggle(&mut world, 119, [json!({"allowedPurposes": ["other"]}), json!({"allowedPurposes": null})]);
    assert!(statuses <= requests.len() * (5 + 2 * 4), "{statuses} statuses of {}", requests.len());
    // The last word is said.
    world.pass(SignedDuration::from_secs(60));
    for request in &requests {
        assert!(world.message(request).contains("does not allow purpose"), "{}", world.message(request));
    }
    // That a token is none any more is said at once, however much was said before.
    let ends: Timestamp = text(&world.status(&requests[0])["token"]["expiresAt"]).parse().unwrap();
    world.pass(world.now.duration_until(ends) - SignedDuration::from_secs(110));
    let consent = ["Same", "All"].map(|from| json!({"allowedNamespaces": {"from": from}}));
    let statuses = toggle(&mut world, 110, consent);
    assert!(
        statuses <= requests.len() * (5 + 4) + requests.len(),
        "{statuses} statuses of {}",
        requests.len()
    );
    assert!(world.now >= ends);
    for request in &requests {
        assert!(world.ready(request).starts_with("False"), "{}", world.ready(request));
    }
}

/// There and back: what a token is for differs, and does not.
#[test]
fn a_credential_moved_without_end_costs_its_requests_a_few_statuses() {
    let mut world = World::new();
    let partner = world.partner();
    let requests = (0..20).map(|n| world.request(&format!("request-{n}"), json!({}))).count();
    world.pass(hours(1));
    world.server.journal.clear();
    let there = json!({"environment": "Custom", "endpoint": {"url": "https://gateway.example.com"}});
    let back = json!({"environment": "Sandbox", "endpoint": null});
    for n in 0..120 {
        world.edit(&partner, [&there, &back][n % 2].clone());
        world.pass(SignedDuration::from_secs(1));
    }
    let statuses = world.server.journal.iter().filter(|it| it.starts_with("status request-")).count();
    assert!(statuses <= requests * (5 + 5) * 2, "{statuses} statuses of {requests}");
}

/// Whoever may edit the Secret names an owner that is nobody, and the garbage collector takes it.
#[test]
fn a_secret_given_away_and_collected_is_replaced_once_in_ten_minutes() {
    let (mut world, _, request) = in_order();
    let (asked, calls) = world.watch(|world| {
        for _ in 0..9 {
            if world.server.secrets.contains_key(&("web".into(), "interview-token".into())) {
                world.edit_secret("web", "interview-token", |it| {
                    it["metadata"]["ownerReferences"][0]["uid"] = json!("nobody");
                });
                world.settle();
                world.server.collect_garbage();
            }
            world.pass(minutes(1));
        }
    });
    assert_eq!(calls, 2, "one token, however often");
    assert!(asked.contains("confirm owner interview"), "{asked:?}");
    world.pass(minutes(2));
    assert_eq!(world.ready(&request), "True Issued");
}

/// Each edit makes another token; each renew request is a fresh attempt at what fails.
#[test]
fn edits_without_end_cost_a_few_tokens_and_then_two_a_minute() {
    let (mut world, ..) = in_order();
    let whole = world.request("whole", json!({"deliver": "ServiceToken"}));
    world.settle();
    let (_, calls) = world.watch(|world| {
        for n in 0..120 {
            world.edit(&whole, json!({"serviceTokenTTL": format!("{}h", 2 + n % 2)}));
            world.pass(SignedDuration::from_secs(1));
        }
    });
    assert!((5..=9).contains(&calls), "{calls} in two minutes");
    world.pass(minutes(2));
    assert_eq!(world.ready(&whole), "True Issued");

    world.service.fail(Call::ServiceToken, Some((Class::RequestRefused, Scope::Request)));
    let failing = world.request("failing", json!({}));
    let (_, calls) = world.watch(|world| {
        for n in 0..120 {
            world.renew(&failing, &n.to_string());
            world.pass(SignedDuration::from_secs(1));
        }
    });
    assert!((5..=9).contains(&calls), "{calls} in two minutes");
    world.renew(&failing, "the last");
    world.settle();
    assert!(world.message(&failing).contains("was changed often"), "{}", world.message(&failing));
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(1));
    assert_eq!(world.ready(&failing), "True Issued");
}

/// Whole Secrets may be a megabyte each.
#[test]
fn many_who_read_one_secret_cost_one_read() {
    let mut world = World::new();
    world.service.apps.insert("app".into(), "s3cret".into());
    world.login("legal", "shared-login", "app", "s3cret");
    let named = json!({"clientSecretRef": {"name": "shared-login"}});
    let keys: Vec<Key> = (0..50).map(|n| world.credential(&format!("c{n}"), named.clone())).collect();
    let (asked, _) = world.watch(World::settle);
    assert!(asked.contains("read shared-login"));
    assert_eq!(reads(&world), 1);
    for key in &keys {
        assert_eq!(world.ready(key), "True Issued");
    }
    // One that changes, too; and a restart.
    world.server.journal.clear();
    world.login("legal", "shared-login", "app", "wrong");
    world.settle();
    assert_eq!(reads(&world), 1);
    world.server.journal.clear();
    world.restart();
    world.settle();
    assert_eq!(reads(&world), 1);
    for key in &keys {
        assert_eq!(world.condition(key, "CredentialsValid")["status"], "False");
    }
}

fn reads(world: &World) -> usize {
    world.server.journal.iter().filter(|it| it.starts_with("read ")).count()
}

/// Each with a client Secret of its own, after a restart, some of which go while they wait for their turn.
#[test]
fn a_restart_reads_eight_secrets_at_a_time_and_none_of_those_that_are_gone() {
    let mut world = World::new();
    world.service.apps.insert("app".into(), "s3cret".into());
    let keys: Vec<Key> = (0..40)
        .map(|n| {
            world.login("legal", &format!("c{n}-login"), "app", "s3cret");
            world.credential(&format!("c{n}"), json!({}))
        })
        .collect();
    world.settle();
    let calls = world.service.total();
    world.restart();
    world.server.journal.clear();
    while world.deliver_all() || world.operator.turn_next(world.now) {}
    assert_eq!(world.operator.reads.len(), 8);
    for key in &keys[30..] {
        world.server.delete_object(key);
    }
    while world.deliver_all() {}
    world.settle();
    assert!((30..=38).contains(&reads(&world)), "{}", reads(&world));
    for key in &keys[..30] {
        assert_eq!(world.ready(key), "True Issued");
    }
    assert_eq!((world.service.total(), world.operator.turns.slots.taken()), (calls, 0));
}

/// Whoever waits for its turn to read still says when its token has ended.
#[test]
fn a_token_that_ends_in_the_line_of_reads_is_not_called_good() {
    let mut world = World::new();
    world.service.apps.insert("app".into(), "s3cret".into());
    for n in 0..9 {
        world.login("legal", &format!("c{n}-login"), "app", "s3cret");
    }
    let keys: Vec<Key> = (0..9).map(|n| world.credential(&format!("c{n}"), json!({}))).collect();
    world.settle();
    world.restart();
    while world.deliver_all() || world.operator.turn_next(world.now) {}
    assert_eq!(world.operator.reads.len(), 8);
    // The reads hang.
    world.now += hours(11);
    while world.operator.turn_next(world.now) {}
    let waits = keys
        .iter()
        .find(|key| world.operator.flights.contains_key(key))
        .expect("it writes its status")
        .clone();
    while world.operator.flights.contains_key(&waits) {
        world.advance(&waits);
    }
    assert!(world.ready(&waits).starts_with("False"), "{}", world.message(&waits));
    world.settle();
    for key in &keys {
        assert_eq!(world.ready(key), "True Issued");
    }
}

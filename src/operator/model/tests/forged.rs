//! A token that somebody else put into a managed Secret, under the record that is there and with a hash that fits: whoever can write
//! the Secret can compute that, but the operator knows what it wrote.

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::super::operator::Flight;
use super::ownership::in_order;
use super::{hours, minutes};
use crate::cluster::managed_secret::{Draft, Over, OwnedBy, manifest};
use crate::cluster::secrets::WriteRefused;
use crate::cluster::watch::Watched;
use crate::decision::{Content, Key, Record, Template};
use crate::operator::effect::Effect;
use crate::token::ScopedToken;

const THEIRS: &str = "theirs";

fn token(world: &World, key: &Key) -> String {
    let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap();
    world.value(&key.namespace, name, "access_token").expect("a token")
}

/// Writes the Secret of an object as the operator would, with another token. With a label or without.
fn replace(world: &mut World, key: &Key, label: bool) {
    forge(world, key, Some(THEIRS), |template, _| {
        if label {
            template.labels.insert("theirs".into(), "yes".into());
        }
    });
}

/// The same with the token that is there, and another record.
fn rewrite(world: &mut World, key: &Key, change: impl FnOnce(&mut Record)) {
    forge(world, key, None, |_, record| change(record));
}

fn forge(world: &mut World, key: &Key, token: Option<&str>, change: impl FnOnce(&mut Template, &mut Record)) {
    let object = world.operator.turns.state.object(key).unwrap();
    let mut template = object.template().unwrap().clone();
    let uid = object.meta.uid.clone();
    let name = (key.namespace.to_string(), template.name.to_string());
    let Some(stored) = world.server.stored(&name.0, &name.1) else { return };
    let seen = stored.seen();
    let mut record = seen.record.clone().unwrap();
    change(&mut template, &mut record);
    let there = world.value(&name.0, &name.1, "access_token");
    let draft = Draft {
        namespace: &key.namespace,
        owner: OwnedBy { kind: key.kind, name: &key.name, uid: &uid },
        template: &template,
        record: &record,
        token: &ScopedToken::read(token.or(there.as_deref()).unwrap()).unwrap(),
    };
    let over = Over { uid: &seen.uid, version: seen.version };
    let body = serde_json::from_slice(manifest(&draft, Some(over)).bytes()).unwrap();
    world.server.put_secret(&name.0, &name.1, body);
    assert_eq!(world.secret(&name.0, &name.1).content, Content::Intact, "the hash fits");
}

/// In ten minutes, of which this is done in each but the last.
fn costs_one_token(world: &mut World, request: &Key, forge: impl Fn(&mut World)) {
    let (_, calls) = world.watch(|world| {
        for _ in 0..9 {
            forge(world);
            world.pass(minutes(1));
        }
    });
    assert_eq!(calls, 2, "one token, however often");
    assert_eq!(world.ready(request), "False SecretContested", "{}", world.message(request));
    world.pass(minutes(2));
    assert_eq!(world.ready(request), "True Issued");
}

#[test]
fn the_token_of_a_credential_is_put_back_from_memory_however_often_it_is_replaced() {
    for label in [false, true] {
        let (mut world, partner, _) = in_order();
        let before = token(&world, &partner);
        for _ in 0..3 {
            let (_, calls) = world.watch(|world| {
                replace(world, &partner, label);
                world.settle();
            });
            assert_eq!((calls, token(&world, &partner)), (0, before.clone()));
            assert_eq!(world.ready(&partner), "True Issued");
        }
    }
}

#[test]
fn the_token_of_a_request_is_issued_anew_once_in_ten_minutes() {
    for label in [false, true] {
        let (mut world, _, request) = in_order();
        costs_one_token(&mut world, &request, |world| replace(world, &request, label));
        assert_ne!(token(&world, &request), THEIRS);
    }
}

/// All that there is then is the annotation; and from then on it is known again.
#[test]
fn what_was_replaced_while_the_operator_was_away_is_taken_as_it_is_and_known_from_then_on() {
    let (mut world, _, request) = in_order();
    world.restart();
    world.settle();
    let before = token(&world, &request);
    let (_, calls) = world.watch(|world| {
        replace(world, &request, false);
        world.settle();
    });
    assert_eq!(calls, 2);
    assert!(token(&world, &request) != THEIRS && token(&world, &request) != before);

    let (mut world, _, request) = in_order();
    replace(&mut world, &request, false);
    world.restart();
    let (_, calls) = world.watch(World::settle);
    assert_eq!((calls, token(&world, &request).as_str()), (0, THEIRS));
}

/// The watch shows what we wrote before the answer is back, or when it never comes: no stranger's hand.
#[test]
fn what_we_wrote_ourselves_is_not_taken_for_a_forgery() {
    let (mut world, partner, request) = in_order();
    for lost in [false, true] {
        for key in [&partner, &request] {
            let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap().to_owned();
            world.server.journal.clear();
            world.server.lose_answer = lost.then_some(WriteRefused::Timeout);
            let labels = json!({"secret": {"keys": {"accessToken": if lost { "LOST" } else { "TOKEN" }}}});
            let (_, calls) = world.watch(|world| {
                world.edit(key, labels);
                while !world.server.journal.iter().any(|it| *it == format!("write {name}")) {
                    assert!(world.step(key), "it writes");
                }
                while world.deliver_all() {}
                world.settle();
                world.pass(minutes(1));
            });
            assert_eq!(calls, 0, "lost: {lost}");
            let writes = world.server.journal.iter().filter(|it| **it == format!("write {name}")).count();
            assert_eq!(writes, 1, "lost: {lost}");
            assert_eq!(world.ready(key), "True Issued");
        }
    }
}

/// The server refuses our write for it, and the watch has shown it before that answer.
#[test]
fn a_token_that_came_between_a_write_and_its_refusal_is_not_taken_for_ours() {
    let (mut world, partner, _) = in_order();
    let before = token(&world, &partner);
    world.edit(&partner, json!({"secret": {"labels": {"team": "web"}}}));
    while !is_writing(&world, &partner) {
        assert!(world.step(&partner), "it writes");
    }
    replace(&mut world, &partner, false);
    world.deliver_all();
    world.settle();
    assert_eq!(token(&world, &partner), before);
    assert_eq!(world.ready(&partner), "True Issued");
}

/// The same where the server refuses ours for what it is, and writes it later.
#[test]
fn a_token_that_came_while_a_write_was_refused_is_not_taken_for_ours() {
    for refused in [WriteRefused::Quota, WriteRefused::Invalid, WriteRefused::Immutable] {
        let (mut world, partner, _) = in_order();
        let before = token(&world, &partner);
        world.edit(&partner, json!({"secret": {"labels": {"team": "web"}}}));
        while !is_writing(&world, &partner) {
            assert!(world.step(&partner), "it writes");
        }
        world.server.refuse_writes = Some(refused);
        replace(&mut world, &partner, false);
        world.deliver_all();
        world.settle();
        world.server.refuse_writes = None;
        world.pass(minutes(10));
        assert_eq!(token(&world, &partner), before, "{refused:?}");
        assert_eq!(world.ready(&partner), "True Issued");
    }
}

/// The watch shows what was written before that, though the server said that it was too busy.
#[test]
fn a_renewal_whose_answer_was_an_error_is_not_taken_for_a_forgery() {
    let (mut world, partner, request) = in_order();
    world.pass(minutes(2));
    for key in [&partner, &request] {
        let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap().to_owned();
        let before = token(&world, key);
        world.watch(|world| {
            world.server.lose_answer = Some(WriteRefused::Unavailable { retry_after: None });
            world.renew(key, "now");
            world.pass(minutes(2));
            world.edit_secret(&key.namespace, &name, |_| {});
            world.pass(minutes(2));
        });
        assert_ne!(token(&world, key), before);
        let writes = world.server.journal.iter().filter(|it| **it == format!("write {name}")).count();
        assert_eq!((writes, world.operator.restored), (1, 0), "{key:?}");
    }
}

fn is_writing(world: &World, key: &Key) -> bool {
    matches!(world.operator.flights.get(key), Some(Flight::Leaving(_, Effect::Write { .. })))
}

/// Without a record, twice, so that none is told of any more; then one of another issue, that lives for long.
#[test]
fn a_record_that_is_put_where_there_was_none_is_no_good() {
    let (mut world, _, request) = in_order();
    let name = ("web".to_owned(), "interview-token".to_owned());
    let whole = world.server.secrets[&name].clone();
    for _ in 0..2 {
        world.edit_secret("web", "interview-token", |it| drop(it["metadata"]["annotations"].take()));
        world.pass(minutes(1));
    }
    assert_eq!(world.ready(&request), "False SecretContested");
    // As it was, which nobody is shown, to be rewritten.
    let stored = world.server.secrets.get_mut(&name).unwrap();
    stored["metadata"]["annotations"] = whole["metadata"]["annotations"].clone();
    stored["data"] = whole["data"].clone();
    rewrite(&mut world, &request, |record| {
        later_issue(record);
        record.expires_at += hours(24 * 300);
    });
    world.pass(minutes(1));
    assert_eq!(world.ready(&request), "False SecretContested", "{}", world.message(&request));
    world.pass(minutes(10));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
}

/// A later end, with a hash that fits: whoever can write the Secret can compute it.
#[test]
fn a_record_with_a_later_end_than_the_one_written_is_no_good() {
    for forge in [later_end as fn(&mut Record), later_issue] {
        let (mut world, partner, request) = in_order();
        costs_one_token(&mut world, &request, |world| rewrite(world, &request, forge));
        assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));

        // A credential's token is held, and written back.
        let token = world.value("legal", "partner-access-token", "access_token");
        let (_, calls) = world.watch(|world| {
            rewrite(world, &partner, forge);
            world.settle();
        });
        assert_eq!(calls, 0);
        assert_eq!(world.value("legal", "partner-access-token", "access_token"), token);
        assert_eq!(world.secret("legal", "partner-access-token").record.unwrap().lifetime(), hours(10));
    }
}

/// The watch shows it before the answer to our own write is back.
#[test]
fn a_later_end_that_came_over_our_write_before_its_answer_is_no_good() {
    let (mut world, _, request) = in_order();
    world.renew(&request, "now");
    world.now += minutes(1);
    world.server.journal.clear();
    world.step_until(&request, "write interview-token");
    rewrite(&mut world, &request, later_end);
    world.deliver_all();
    world.pass(minutes(2));
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
}

/// It is read to be put under other keys, before the watch has shown what somebody made of it.
#[test]
fn a_record_that_is_read_before_it_is_shown_is_not_written_back() {
    let (mut world, _, request) = in_order();
    let (_, calls) = world.watch(|world| {
        world.edit(&request, json!({"secret": {"keys": {"accessToken": "TOKEN"}}}));
        rewrite(world, &request, later_end);
        world.server.feeds.remove(&Watched::ManagedSecrets);
        world.settle();
    });
    assert_eq!(calls, 2);
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
}

/// Another operator's may come first; after that it is judged as any other.
#[test]
fn a_later_record_that_came_between_our_issue_and_its_write_is_no_good() {
    let (mut world, _, request) = in_order();
    world.renew(&request, "now");
    world.now += minutes(1);
    world.server.refuse_writes = Some(WriteRefused::Quota);
    world.settle();
    world.server.refuse_writes = None;
    let now = world.now;
    rewrite(&mut world, &request, |record| {
        (record.issued_at, record.expires_at) = (now + minutes(2), now + hours(8000));
        record.renew_handled = Some("now".into());
    });
    world.pass(minutes(12));
    assert_eq!(world.ready(&request), "True Issued", "{}", world.message(&request));
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
}

/// No copy of an earlier Secret tells something else of the issue that is known.
#[test]
fn a_record_that_tells_something_else_of_the_same_issue_is_no_good() {
    let (mut world, partner, request) = in_order();
    for (key, calls) in [(&request, 2), (&partner, 0)] {
        let (_, made) = world.watch(|world| {
            rewrite(world, key, |record| record.expires_at -= SignedDuration::from_secs(1));
            world.settle();
        });
        assert_eq!(made, calls, "{key:?}");
        assert_eq!(world.ready(key), "True Issued");
    }
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
    assert_eq!(world.secret("legal", "partner-access-token").record.unwrap().lifetime(), hours(10));
}

/// While the operator is away nobody sees who wrote it; but the status tells when the token of that issue ends.
#[test]
fn a_later_end_that_was_written_before_a_restart_is_no_good() {
    let (mut world, _, request) = in_order();
    rewrite(&mut world, &request, later_end);
    world.restart();
    let (_, calls) = world.watch(World::settle);
    assert_eq!(calls, 2);
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.secret("web", "interview-token").record.unwrap().lifetime(), hours(10));
}

fn later_end(record: &mut Record) {
    record.expires_at += hours(100);
}

fn later_issue(record: &mut Record) {
    record.issued_at += minutes(1);
}

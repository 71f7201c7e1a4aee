//! A token that somebody else put into a managed Secret, under the record that is there and with a hash that fits: whoever can write
//! the Secret can compute that, but the operator knows what it wrote.

use serde_json::json;

use super::super::World;
use super::minutes;
use crate::cluster::managed_secret::{Draft, Over, OwnedBy, manifest};
use crate::decision::{Content, Key};
use crate::token::ScopedToken;

const THEIRS: &str = "theirs";

fn in_order() -> (World, Key, Key) {
    let mut world = World::new();
    let partner = world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    (world, partner, request)
}

fn token(world: &World, key: &Key) -> String {
    let name = world.operator.turns.state.object(key).unwrap().secret_name().unwrap();
    world.value(&key.namespace, name, "access_token").expect("a token")
}

/// Writes the Secret of an object as the operator would, with another token. With a label or without.
fn replace(world: &mut World, key: &Key, label: bool) {
    let object = world.operator.turns.state.object(key).unwrap();
    let mut template = object.template().unwrap().clone();
    if label {
        template.labels.insert("theirs".into(), "yes".into());
    }
    let uid = object.meta.uid.clone();
    let name = (key.namespace.to_string(), template.name.to_string());
    let Some(stored) = world.server.stored(&name.0, &name.1) else { return };
    let seen = stored.seen();
    let token = ScopedToken::read(THEIRS).unwrap();
    let draft = Draft {
        namespace: &key.namespace,
        owner: OwnedBy { kind: key.kind, name: &key.name, uid: &uid },
        template: &template,
        record: seen.record.as_ref().unwrap(),
        token: &token,
    };
    let over = Over { uid: &seen.uid, version: seen.version };
    let body = serde_json::from_slice(manifest(&draft, Some(over)).bytes()).unwrap();
    world.server.put_secret(&name.0, &name.1, body);
    assert_eq!(world.secret(&name.0, &name.1).content, Content::Intact, "the hash fits");
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
        let (_, calls) = world.watch(|world| {
            for _ in 0..9 {
                replace(world, &request, label);
                world.pass(minutes(1));
            }
        });
        assert_eq!(calls, 2, "one token, however often");
        assert_eq!(world.ready(&request), "False SecretContested", "{}", world.message(&request));
        world.pass(minutes(2));
        assert_eq!(world.ready(&request), "True Issued");
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
            world.server.lose_answers = lost;
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

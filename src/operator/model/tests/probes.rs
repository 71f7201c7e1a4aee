//! Who tries a credential that was refused, and what if that one cannot? Behaviour §4.2.

use serde_json::{Value, json};

use super::super::World;
use super::minutes;
use crate::auth::{Call, Class, Scope};
use crate::decision::Key;
use crate::operator::gate::{Gates, Limits};

const DENIED: (Class, Scope) = (Class::Forbidden, Scope::Credential);

/// A Backend's credential, and a Frontend's that exchanges.
fn with_two() -> (World, Key, Key) {
    let mut world = World::new();
    let partner = world.partner();
    let front = world.front();
    world.settle();
    (world, partner, front)
}

fn through_front() -> Value {
    json!({"exchangeCredentialRef": {"name": "front", "namespace": "legal"}})
}

fn failed_step(world: &World, key: &Key) -> String {
    world.status(key)["failure"]["step"].as_str().unwrap_or_default().to_owned()
}

/// The first is found refused by whoever tries the second: from then on each of them is to be tried, by one who needs both.
#[test]
fn who_needs_two_credentials_that_were_refused_tries_both() {
    let (mut world, partner, front) = with_two();
    world.service.fail(Call::Exchange, Some(DENIED));
    let request = world.request("interview", through_front());
    world.settle();
    assert_eq!(failed_step(&world, &front), "Exchange");
    world.service.fail(Call::ServiceToken, Some(DENIED));
    world.pass(minutes(6));
    assert_eq!(failed_step(&world, &partner), "ServiceToken");
    let (_, calls) = world.watch(|world| world.pass(minutes(60)));
    assert!((1..=4).contains(&calls), "each at its own times: {calls}");
    world.service.fail(Call::Exchange, None);
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(61));
    assert_eq!(world.ready(&request), "True Issued");
    assert!(world.status(&front)["failure"].is_null() && world.status(&partner)["failure"].is_null());
}

/// It needs another one that offers nothing, so it finds out nothing, however often it is asked.
#[test]
fn who_waits_for_another_credential_lets_the_next_one_try() {
    let (mut world, partner, front) = with_two();
    world.edit(&front, json!({"suspend": true}));
    // It has failed more often than the other one ever does, which would have its turn before it each time.
    world.service.fail(Call::ServiceToken, Some((Class::Unexpected, Scope::Request)));
    let second = world.request("b", json!({}));
    world.settle();
    world.service.fail(Call::ServiceToken, Some(DENIED));
    world.pass(minutes(1));
    assert_eq!(failed_step(&world, &partner), "ServiceToken");
    let first = world.request("a", through_front());
    world.settle();
    assert_eq!(world.ready(&first), "False CredentialNotReady");
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(6));
    assert_eq!(world.ready(&second), "True Issued");
}

/// All who wait for the credential wait for it: others of its own namespace with tokens that end do not go before it.
#[test]
fn who_tries_a_credential_goes_before_those_who_wait_for_nobody_else() {
    const RATE: u32 = 1;
    let (mut world, partner, _) = with_two();
    world.service.apps.insert("other".into(), "o".into());
    world.login("legal", "other-login", "other", "o");
    world.credential("other", json!({"allowedNamespaces": {"from": "All"}}));
    let of_other = json!({"credentialRef": {"name": "other", "namespace": "legal"}});
    let others: Vec<Key> = (0..60).map(|n| world.request(&format!("other-{n}"), of_other.clone())).collect();
    world.pass(minutes(1));
    world.service.fail(Call::ServiceToken, Some(DENIED));
    let request = world.request("interview", json!({}));
    world.settle();
    assert_eq!(failed_step(&world, &partner), "ServiceToken");
    world.service.fail(Call::ServiceToken, None);
    world.pass(minutes(4));
    world.operator.turns.gates = Gates::new(Limits { per_second: RATE, ..Limits::default() });
    for other in &others {
        world.renew(other, "now");
    }
    // Those take two minutes; it is tried after five at the latest.
    world.pass(minutes(1) + jiff::SignedDuration::from_secs(10));
    assert_eq!(world.ready(&request), "True Issued");
}

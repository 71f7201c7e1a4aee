//! What does a namespace out of quota cost, where many objects live in it?

use serde_json::json;

use super::super::World;
use super::minutes;
use crate::auth::Call;
use crate::cluster::secrets::WriteRefused;
use crate::decision::Key;

const MANY: usize = 50;

/// A namespace that has no room for the Secrets of many requests.
fn out_of_quota() -> (World, Vec<Key>) {
    let mut world = World::new();
    world.partner();
    world.settle();
    world.server.refuse_writes = Some(WriteRefused::Quota);
    let requests = (0..MANY).map(|n| world.request(&format!("r{n}"), json!({}))).collect();
    world.settle();
    (world, requests)
}

fn there_is_room_again(world: &mut World, requests: &[Key]) {
    world.server.refuse_writes = None;
    world.pass(minutes(6));
    for key in requests {
        assert_eq!(world.ready(key), "True Issued");
        assert!(world.status(key)["failure"].is_null());
    }
}

fn issued(world: &World) -> [usize; 2] {
    [Call::ServiceToken, Call::Exchange].map(|call| world.service.count(call))
}

#[test]
fn an_hour_out_of_quota_costs_each_of_many_objects_one_issue() {
    let (mut world, requests) = out_of_quota();
    let (asked, calls) = world.watch(|world| world.pass(minutes(60)));
    assert_eq!(calls, 0);
    assert!(asked.contains("write r0-token"), "only the writes are tried again: {asked:?}");
    for key in &requests {
        assert_eq!(world.ready(key), "False SecretWriteRefused");
    }
    there_is_room_again(&mut world, &requests);
    assert_eq!(issued(&world), [MANY, MANY]);
    assert_eq!(world.service.count(Call::AccessToken), 1);
}

/// Each restart loses what was held, and none finds out by issuing that there is still no room.
#[test]
fn restarts_in_an_hour_out_of_quota_cost_each_of_many_objects_one_more_issue() {
    let (mut world, requests) = out_of_quota();
    for _ in 0..6 {
        world.pass(minutes(10));
        world.restart();
        let (asked, calls) = world.watch(|world| world.pass(minutes(1)));
        assert_eq!(calls, 0, "{asked:?}");
        assert!(!asked.iter().any(|it| it.starts_with("write ")), "{asked:?}");
    }
    let (asked, calls) = world.watch(|world| world.pass(minutes(6)));
    assert_eq!(calls, 0);
    for n in 0..MANY {
        assert!(asked.contains(&format!("rehearse r{n}-token")), "{n}: {asked:?}");
    }
    assert_eq!(issued(&world), [MANY, MANY]);
    there_is_room_again(&mut world, &requests);
    assert_eq!(issued(&world), [2 * MANY, 2 * MANY]);
    assert_eq!(world.service.count(Call::AccessToken), 1);
}

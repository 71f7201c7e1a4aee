//! What is done to one object delays no other (behaviour §4.6).

use serde_json::json;

use super::super::World;
use super::super::operator::Flight;
use super::ownership::in_order;
use crate::operator::effect::Effect;

/// However often, and while what is done for it hangs.
#[test]
fn the_edit_of_one_object_never_delays_anothers() {
    let (mut world, _, edited) = in_order();
    let other = world.request("other", json!({}));
    world.settle();
    for n in 0..200 {
        world.edit(&edited, json!({"secret": {"labels": {"n": n.to_string()}}}));
        world.deliver_all();
        if n == 100 {
            // Its write hangs from now on, and the edits go on.
            step_to_write(&mut world, &edited, usize::MAX);
        }
    }
    world.edit(&other, json!({"secret": {"labels": {"team": "web"}}}));
    while world.deliver_all() {}
    // One turn of the one that is edited, and then its own: it is read, and written.
    step_to_write(&mut world, &other, 8);
}

/// Goes on with `key` alone until it is about to be written.
fn step_to_write(world: &mut World, key: &crate::decision::Key, decisions: usize) {
    let before = world.operator.decisions;
    while !matches!(world.operator.flights.get(key), Some(Flight::Leaving(_, Effect::Write { .. }))) {
        assert!(world.step(key), "it never came to a write");
        let taken = world.operator.decisions - before;
        assert!(taken <= decisions, "{taken} decisions");
    }
}

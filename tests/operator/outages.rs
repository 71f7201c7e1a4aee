//! What does an outage of the authentication service cost those whose tokens are about to end?

use rocketlawyer_operator::emulator::{FaultPlan, Outcome};
use serde_json::json;

use super::server::Kind;
use super::told::{annotation, instant};
use super::world::World;

/// What the demo has people try, with tokens that live for 40 s and are due after ten. Doubling alone would take a minute.
#[test]
fn an_outage_of_six_calls_leaves_no_short_token_to_end() {
    let world = World::running("outage");
    world.emulator.set_lifetimes(40, 40);
    let early = json!({"renewal": {"renewBeforePercentage": 75}});
    world.partner(early.clone());
    world.request("interview", early);
    world.wait_ready(Kind::Request, "interview");
    let secrets = ["partner-access-token", "interview-token"];
    let before = secrets.map(|name| world.secret(name));
    world.emulator.add_fault(FaultPlan { status: Some(503), times: Some(6), ..FaultPlan::default() });
    for (name, before) in secrets.into_iter().zip(&before) {
        let after = world.wait_renewed(name, before);
        let (issued, ended) = (annotation(&after, "issued-at"), annotation(before, "expires-at"));
        assert!(instant(&json!(issued)) < instant(&json!(ended)), "{name}: issued {issued}, after {ended}");
    }
    let failed = world.emulator.log().into_iter().filter(|entry| entry.outcome == Outcome::Fault);
    assert_eq!(failed.count(), 6);
}

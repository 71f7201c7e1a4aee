//! What does an outage of the authentication service cost those whose tokens are about to end?

use rocketlawyer_operator::emulator::{Call, FaultPlan, Outcome};
use serde_json::json;

use super::server::Kind;
use super::told::{annotation, condition, instant};
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

/// Behaviour §2.4: of both kinds, before the answer that is awaited; of the request between its two calls.
#[test]
fn a_token_that_ends_while_its_call_hangs_is_said_at_once() {
    const LONG: i64 = 36_000;
    const SHORT: i64 = 32;
    let world = World::running("hangs");
    let late = json!({"renewal": {"renewBeforePercentage": 10}});
    world.emulator.set_lifetimes(LONG, SHORT);
    world.partner(json!({}));
    world.request("interview", late.clone());
    world.wait_ready(Kind::Request, "interview");
    world.emulator.set_lifetimes(SHORT, LONG);
    world.credential("short", late);
    world.wait_ready(Kind::Credential, "short");
    // What comes last of a first issue: the audit log has a write only after its watch has shown it.
    world.wait_for_event("short", "Issued");
    world.emulator.set_lifetimes(LONG, LONG);
    let mark = world.mark();
    let hanging =
        [(Kind::Request, "interview", Call::Exchange), (Kind::Credential, "short", Call::AccessToken)];
    let answered = hanging.map(|(_, _, call)| world.emulator.calls(call));
    for (_, _, call) in hanging {
        // Longer than what is left of the token, and less than a call may take.
        let slow = FaultPlan { call: Some(call), delay: 12_000, times: Some(1), ..FaultPlan::default() };
        world.emulator.add_fault(slow);
    }
    for ((kind, name, call), answered) in hanging.into_iter().zip(answered) {
        world.wait_for(kind, name, |it| condition(it, "Ready") == "False/Pending");
        assert_eq!(world.emulator.calls(call), answered, "{name}: it was said with the answer");
    }
    for (kind, name, call) in hanging {
        world.wait_ready(kind, name);
        assert_eq!(world.emulator.calls(call), 2 + u64::from(call == Call::AccessToken), "{name}");
    }
    // The audit log has what came before what this makes the operator write.
    world.settle();
    let written = world.writes_since(mark);
    for status in ["patch scopedtokenrequests/status interview", "patch rocketlawyercredentials/status short"]
    {
        assert_eq!(written.get(status), Some(&2), "{status}: {written:?}");
    }
}

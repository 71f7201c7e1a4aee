//! How fast, in which order and how often does an operator that runs call the service? At its limiter's rate, whoever waits
//! with it (behaviour §4.4), and started again and again no faster than that (§4.3).
//!
//! Everything is read from the order and the times in the emulator's log. Times bound the calls from above alone: a slow machine
//! makes fewer.

use std::collections::BTreeSet;
use std::time::Duration;

use control_plane::Mark;
use jiff::{SignedDuration, Timestamp};
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{App, AppScope, Call, Entry, FaultPlan, Outcome};
use serde_json::{Value, json};

use super::process::until;
use super::server::Kind;
use super::told::{self, condition, instant};
use super::witness::shown;
use super::world::{PATIENCE, Wishes, World};

/// Calls in flight: an exchange takes its two permits together, so one request is served after the other.
const IN_FLIGHT: u32 = 2;
/// The shortest pause before a gate that is closed lets somebody probe.
const SHORTEST_PAUSE: i64 = 2;

fn with_limits(world: &mut World, rate: u32, burst: u32) {
    for (flag, value) in [("--auth-rate", rate), ("--auth-burst", burst), ("--auth-in-flight", IN_FLIGHT)] {
        world.operator.argument(flag, &value.to_string());
    }
}

/// How many calls may be logged in this time: what the bucket earned, what it had, and what had begun before.
fn allowed(rate: u32, had: u32, time: SignedDuration) -> i128 {
    let earned = time.as_nanos() * i128::from(rate) / 1_000_000_000;
    earned + i128::from(had)
}

/// In any time at all. It had its burst, and those that were in flight.
pub fn keep_the_rate(log: &[Entry], rate: u32, burst: u32, in_flight: u32) {
    for (n, first) in log.iter().enumerate() {
        for (calls, last) in (1..).zip(&log[n..]) {
            let time = first.time.duration_until(last.time);
            assert!(
                calls <= allowed(rate, burst + in_flight, time),
                "{calls} calls in {time}, from call {n} of {}",
                log.len()
            );
        }
    }
}

/// The names of interviews as they were exchanged.
fn in_turn(log: &[Entry]) -> Vec<String> {
    let served = log.iter().filter(|it| it.call == Call::Exchange && it.status == 200);
    served.map(|it| it.subject["interviewId"].clone()).collect()
}

/// Whose turns these are.
fn of<'a>(turns: &'a [String], what: &'a str) -> impl Iterator<Item = usize> + 'a {
    (0..turns.len()).filter(move |place| turns[*place].starts_with(what))
}

/// Until it says that the service is away: then it waits at the gate.
fn wait_in_line(world: &World, namespace: &str, name: &str) {
    world.wait_in(namespace, Kind::Request, name, |it| {
        it["status"]["failure"]["reason"] == "ServiceUnavailable"
    });
}

/// Its timers count on, so it looks when something happens.
fn set_clock(world: &mut World, apart: i64) {
    world.operator.set_clock(apart);
    world.settle();
}

fn away() -> FaultPlan {
    FaultPlan { status: Some(503), ..FaultPlan::default() }
}

#[test]
fn calls_keep_the_rate_and_a_small_namespace_waits_for_no_large_one() {
    const RATE: u32 = 10;
    const BURST: u32 = 2;
    const LARGE: usize = 40;
    const SMALL: usize = 5;
    let mut world = World::new("pace", &Wishes { others: &["pace-small"], ..Wishes::default() });
    with_limits(&mut world, RATE, BURST);
    world.operator.start();
    let small = world.others[0].clone();
    world.partner(json!({"allowedNamespaces": {"from": "Selected", "names": [small]}}));
    // All are in line before the first is served.
    world.emulator.add_fault(away());
    let large: Vec<_> = (0..LARGE).map(|number| (&*world.namespace, format!("large-{number}"))).collect();
    let all: Vec<_> =
        large.into_iter().chain((0..SMALL).map(|number| (&*small, format!("small-{number}")))).collect();
    for (namespace, name) in &all {
        world.request_in(namespace, name, json!({}));
    }
    for (namespace, name) in &all {
        wait_in_line(&world, namespace, name);
    }
    let before = world.emulator.log().len();
    world.emulator.clear_faults();
    for (namespace, name) in &all {
        world.wait_in(namespace, Kind::Request, name, |it| told::is(it, "True/Issued"));
    }

    let log = world.emulator.log();
    keep_the_rate(&log, RATE, BURST, IN_FLIGHT);
    let turns = in_turn(&log[before..]);
    assert_eq!(turns.len(), LARGE + SMALL);
    for (turn, place) in of(&turns, "small").enumerate() {
        let others = place - turn;
        // Whoever probed went out of turn.
        assert!(others <= turn + 2, "{others} of the large namespace before the {turn}th: {turns:?}");
    }
}

/// As many calls at once as are allowed, half as many once the service has asked for fewer, and by and by as many again.
#[test]
fn calls_in_flight_are_capped_halved_and_allowed_again_one_by_one() {
    const CAP: u64 = 8;
    /// Two calls each. After every 32 one more is allowed in flight.
    const REQUESTS: usize = 64;
    let mut world = World::new("in-flight", &Wishes::default());
    world.operator.argument("--auth-rate", "0");
    world.operator.argument("--auth-in-flight", &CAP.to_string());
    world.login("client", AppScope::Backend);
    world.operator.start();
    assert_eq!(most_at_once(&world, "at-first", CAP), CAP);

    let headers = [("retry-after".to_owned(), "1".to_owned())].into();
    let throttled = FaultPlan { status: Some(429), times: Some(1), headers, ..FaultPlan::default() };
    world.emulator.add_fault(throttled);
    world.credential("throttled", json!({}));
    are_allowed(&world, CAP / 2);
    assert_eq!(most_at_once(&world, "halved", CAP / 2), CAP / 2);

    let requests: Vec<_> = (0..REQUESTS).map(|number| format!("r{number}")).collect();
    for name in &requests {
        world.request(name, json!({"credentialRef": {"name": "throttled"}}));
    }
    for name in &requests {
        world.wait_ready(Kind::Request, name);
    }
    are_allowed(&world, CAP);
    assert_eq!(most_at_once(&world, "as-many-again", CAP), CAP);
}

/// Calls of new credentials that are open at once, while so many of them last long enough for all others to come.
fn most_at_once(world: &World, name: &str, slow: u64) -> u64 {
    const CREDENTIALS: usize = 20;
    let times = u32::try_from(slow).ok();
    world.emulator.add_fault(FaultPlan { delay: 6000, times, ..FaultPlan::default() });
    let _before = world.emulator.take_most_open();
    let names: Vec<_> = (0..CREDENTIALS).map(|number| format!("{name}-{number}")).collect();
    for name in &names {
        world.credential(name, json!({}));
    }
    for name in &names {
        world.wait_ready(Kind::Credential, name);
    }
    world.emulator.take_most_open()
}

/// Says the operator.
fn are_allowed(world: &World, calls: u64) {
    let origin = format!("http://{}", world.emulator.address());
    let said = format!("rocketlawyer_gate_calls_allowed{{origin=\"{origin}\"}} {calls}\n");
    let seen = until(PATIENCE, || world.page("metrics").1.contains(&said).then_some(()));
    assert!(seen.is_some(), "not {said}{}", world.page("metrics").1);
}

/// All three wait at a gate that is closed, in the opposite order.
#[test]
fn what_is_late_goes_before_what_is_new_and_that_before_what_is_merely_due() {
    const EACH: usize = 6;
    const LONG: i64 = 36_000;
    const SHORT: i64 = 24_500;
    let mut world = World::new("pace-order", &Wishes::default());
    with_limits(&mut world, 10, 2);
    world.operator.has_a_clock_of_its_own();
    world.operator.start();
    world.emulator.set_lifetimes(10 * LONG, LONG);
    world.partner(json!({}));
    let names = |what: &'static str| (0..EACH).map(move |number| format!("{what}-{number}"));
    let create = |world: &World, what, renewal: Value| {
        names(what).for_each(|name| drop(world.request(&name, json!({"renewal": renewal}))));
    };
    let are_ready = |world: &World, what| {
        names(what).for_each(|name| drop(world.wait_ready(Kind::Request, &name)));
    };
    let are_in_line = |world: &World, what| {
        names(what).for_each(|name| wait_in_line(world, &world.namespace, &name));
    };
    // Due between 18,000 and 20,000 s, and late 27,000 s after the issue at the earliest.
    create(&world, "due", json!({"renewBefore": "16000s"}));
    are_ready(&world, "due");
    world.emulator.set_lifetimes(10 * LONG, SHORT);
    // Due between 20,250 and 22,500 s, and late after 23,500 s at the latest.
    create(&world, "late", json!({"renewBefore": "2000s"}));
    are_ready(&world, "late");
    world.settle();
    world.emulator.add_fault(away());
    // Long enough for each to say that it is overdue.
    set_clock(&mut world, 20_190);
    are_in_line(&world, "due");
    world.emulator.set_lifetimes(10 * LONG, LONG);
    create(&world, "new", Value::Null);
    are_in_line(&world, "new");
    set_clock(&mut world, 24_000);
    are_in_line(&world, "late");
    let before = world.emulator.log().len();
    world.emulator.clear_faults();
    // The next probe is due.
    set_clock(&mut world, 24_300);
    let served = until(PATIENCE, || {
        let turns = in_turn(&world.emulator.log()[before..]);
        (turns.len() == 3 * EACH).then_some(turns)
    });
    let turns = served.unwrap_or_else(|| panic!("{}", world.situation()));

    // Each class leaves every fourth turn to the next, and whoever probed went out of turn.
    let may_go_before = |turn: usize| turn / 3 + 2;
    for (turn, place) in of(&turns, "late").enumerate() {
        assert!(place - turn <= may_go_before(turn), "{turns:?}");
    }
    let others: Vec<_> = turns.iter().filter(|it| !it.starts_with("late")).cloned().collect();
    for (turn, place) in of(&others, "new").enumerate() {
        assert!(place - turn <= may_go_before(turn), "{turns:?}");
    }
}

/// The bucket is empty after a start: whatever it might save up, nothing can be had by starting again. And each crash loses what
/// was in flight, at most.
#[test]
fn a_crash_loop_gets_no_bursts() {
    const RATE: u32 = 4;
    const BURST: u32 = 50;
    const CRASHES: usize = 6;
    // More than the loop can serve.
    const MANY: usize = 40;
    const EACH: u64 = 8;
    let mut world = World::new("crash-loop", &Wishes::default());
    with_limits(&mut world, RATE, BURST);
    world.login("client", AppScope::Backend);
    world.credential("partner", json!({}));
    for number in 0..MANY {
        world.request(&format!("r{number}"), json!({}));
    }
    let mut starts = Vec::new();
    for _ in 0..CRASHES {
        starts.push(clock::now());
        let before = world.auth_calls();
        world.operator.start();
        let enough = until(PATIENCE, || (world.auth_calls() >= before + EACH).then_some(()));
        assert!(enough.is_some(), "{}", world.situation());
        world.operator.kill();
    }
    starts.push(clock::now());
    world.operator.start();
    for number in 0..MANY {
        world.wait_ready(Kind::Request, &format!("r{number}"));
    }
    world.settle();
    let log = world.emulator.log();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(Timestamp::MAX);
        let of_this = log.iter().filter(|it| *start <= it.time && it.time < end);
        for (calls, entry) in (1..).zip(of_this) {
            // What the one before had on its way when it was killed may be logged now.
            let may_be = allowed(RATE, IN_FLIGHT, start.duration_until(entry.time));
            assert!(
                calls <= may_be,
                "{calls} calls of start {n} by {}, and {may_be} are allowed",
                entry.time
            );
        }
    }
    let whole = starts[0].duration_until(log.last().expect("calls").time);
    let slack = i128::from(IN_FLIGHT) * CRASHES as i128;
    assert!(log.len() as i128 <= allowed(RATE, IN_FLIGHT, whole) + slack, "{} calls in {whole}", log.len());
    // Of each chain one is at the service, which takes both permits, and the one before it on the way into its Secret.
    for call in [Call::ServiceToken, Call::Exchange] {
        let issued = log.iter().filter(|it| it.call == call && it.outcome == Outcome::Granted).count();
        let lost = issued - MANY;
        assert!(lost <= CRASHES * IN_FLIGHT as usize, "{lost} of {call:?} are lost in {CRASHES} crashes");
    }
}

/// Whoever probed for the first time may say what it was answered, once.
fn only_they_told(world: &World, mark: Mark, who_tried: &BTreeSet<&String>) {
    let may_say = |write: &str| match write.strip_prefix("patch scopedtokenrequests/status ") {
        Some(name) => usize::from(who_tried.contains(&format!("{name}-interview"))),
        None if write == "create events" => who_tried.len(),
        None => 0,
    };
    for (write, times) in world.writes_since(mark) {
        assert!(times <= may_say(&write), "{write}: {times} times; those had probed: {who_tried:?}");
    }
}

/// What was refused stands at its own time, and what cannot be reached is found out again by one call after the other.
#[test]
fn restarts_amid_failures_cost_a_handful_of_calls_and_no_status() {
    const MANY: usize = 40;
    const STARTS: usize = 4;
    let mut world = World::new("restarts", &Wishes::default());
    with_limits(&mut world, 25, 50);
    world.operator.start();
    world.partner(json!({}));
    let refused = App::new("refused-key", "another", AppScope::Backend);
    world.emulator.put_app(refused.clone());
    world.client_secret("refused", &json!({"client_id": refused.client_id, "client_secret": "wrong"}));
    world.credential("refused", json!({"clientSecretRef": {"name": "refused"}}));
    let refusal = world.wait_for(Kind::Credential, "refused", |it| {
        condition(it, "CredentialsValid") == "False/InvalidClient" && it["status"]["failure"].is_object()
    });
    world.wait_for_event("refused", "InvalidClient");
    world.emulator.add_fault(away());
    for number in 0..MANY {
        world.request(&format!("r{number}"), json!({}));
    }
    for number in 0..MANY {
        world.wait_told(Kind::Request, &format!("r{number}"), "False/ServiceUnavailable");
    }
    world.settle();
    let (mark, calls) = (world.mark(), world.emulator.log().len());
    let mut running = SignedDuration::ZERO;
    for _ in 0..STARTS {
        world.operator.kill();
        let before = world.auth_calls();
        let start = clock::now();
        world.operator.start();
        // Two that fail close the gate, and another one probes.
        let closed = until(PATIENCE, || (world.auth_calls() >= before + 3).then_some(()));
        assert!(closed.is_some(), "{}", world.situation());
        world.settle();
        running += start.duration_until(clock::now());
    }
    let log = world.emulator.log();
    let probes = usize::try_from(running.as_secs() / SHORTEST_PAUSE).expect("a while");
    let cost = log.len() - calls;
    assert!(cost <= STARTS * 3 + probes, "{cost} calls of {MANY} in {STARTS} starts and {running}");
    let who_tried: BTreeSet<_> = log[calls..].iter().filter_map(|it| it.subject.get("interviewId")).collect();
    assert!(who_tried.len() < MANY / 2, "{who_tried:?}");
    only_they_told(&world, mark, &who_tried);

    let next = instant(&refusal["status"]["failure"]["nextAttemptAt"]);
    let mut of_the_refused = log.iter().filter(|it| it.client_id.as_deref() == Some("refused-key"));
    assert!(of_the_refused.next().is_some(), "{}", shown(&refusal));
    let early = of_the_refused.find(|it| it.time < next);
    assert!(early.is_none(), "{early:?}, and it was to be tried at {next}");

    world.emulator.clear_faults();
    for number in 0..MANY {
        world.wait_within(PATIENCE + Duration::from_mins(1), Kind::Request, &format!("r{number}"), |it| {
            told::is(it, "True/Issued")
        });
    }
}

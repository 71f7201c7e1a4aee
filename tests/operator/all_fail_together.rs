//! What does it cost two thousand requests when what they share fails for hours? A handful of calls, and of each no status but
//! these: when its renewal is overdue, when its token ends, and when all is well again (behaviour §4.2). Everything is real but
//! the hours: the operator's clock is set on, some minutes at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use control_plane::Mark;
use jiff::Timestamp;
use rocketlawyer_operator::emulator::{App, AppScope, Call, Entry, FaultPlan};
use serde_json::{Value, json};

use super::pace::keep_the_rate;
use super::process::until_seen;
use super::server::Kind;
use super::told::{self, text};
use super::world::{Wishes, World};

const MANY: usize = 2000;
const MINUTE: i64 = 60;
const STEP: i64 = 5 * MINUTE;
/// So often that nothing is overdue before what is due was tried.
const OFTEN: i64 = 2 * MINUTE;
/// How long a request's token lives. Its renewal is due after half to two thirds of that, and overdue three minutes later.
const LIFE: i64 = 60 * MINUTE;
/// When all of them are overdue, and when all have ended, from when they were issued.
const OVERDUE: i64 = 45 * MINUTE;
const ENDED: i64 = LIFE + STEP;
const OUTAGE: i64 = 2 * LIFE;
/// Calls that may begin in a second.
const RATE: u32 = 200;
/// The usual ones: calls after a quiet time, and calls in flight.
const BURST: u32 = 50;
const IN_FLIGHT: u32 = 32;
/// Issues that are under way at once.
const UNDER_WAY: usize = 16;
/// The calls of these when the first of them fails: each has made one.
const AT_ONCE: u64 = UNDER_WAY as u64;
/// In two hours an endpoint is probed after 2 s, after twice that, and so on up to every five minutes, and so it is where
/// lives end sooner.
const PROBES: u64 = 2 * (7 + 24);
/// A refused key is tried again after 5 minutes, after 30, and then hourly.
const TRIES: u64 = 6;
const HOUR: i64 = 60 * MINUTE;
/// What a revoked key may cost in any hour, however many need it.
const AN_HOUR: u64 = 12;
/// The one that somebody edits while the endpoint is dead.
const EDITED: &str = "r1000";
/// What a request may tell: that its renewal is overdue, that its token has ended, and that all is well.
const TOLD: [usize; 2] = [2, 3];
/// Thousands of objects take their time on a machine that has other things to do.
const MANY_TAKE: Duration = Duration::from_mins(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

#[test]
fn two_thousand_requests_outlive_a_dead_endpoint_and_a_revoked_key() {
    let mut world = World::new("two-thousand", &Wishes::default());
    world.operator.has_a_clock_of_its_own();
    // At the usual rate the backlogs alone would take minutes.
    world.operator.argument("--auth-rate", &RATE.to_string());
    world.emulator.set_lifetimes(36_000, LIFE);
    let app = world.login("client", AppScope::Backend);
    world.credential("partner", json!({}));
    let manifests = (0..MANY).map(|number| {
        let spec = json!({"credentialRef": {"name": "partner"}, "interviewId": format!("{number}")});
        json!({"metadata": {"name": format!("r{number}")}, "spec": spec})
    });
    world.cluster().create_all(Kind::Request, &world.namespace, manifests);
    world.operator.start();

    let mut many = Many { world, apart: 0, calls: Vec::new() };
    many.are_all("True/Issued", None);
    many.outlive_a_dead_endpoint();
    many.outlive_a_revoked_key(&app);
    // The first issue, and one after each failure.
    assert_eq!(many.world.emulator.counters().granted[&Call::Exchange], 3 * MANY as u64);
}

/// Two thousand requests of one credential.
struct Many {
    world: World,
    /// How many seconds the operator's clock is ahead.
    apart: i64,
    /// How many calls had been made by then.
    calls: Vec<(i64, u64)>,
}

impl Many {
    fn outlive_a_dead_endpoint(&mut self) {
        let (mark, calls, begun) = (self.world.mark(), self.world.auth_calls(), self.apart);
        let reason = Some("ServiceUnavailable");
        self.world.emulator.add_fault(away());
        self.pass_until(begun + OVERDUE);
        self.are_all("True/Issued", reason);
        self.is_probed_by_one_at_a_time();
        self.pass_until(begun + ENDED);
        self.are_all("False/ServiceUnavailable", reason);
        self.is_edited();
        self.pass_until(begun + OUTAGE);
        let cost = self.world.auth_calls() - calls;
        assert!(cost <= AT_ONCE + PROBES, "{cost} calls to a dead endpoint in two hours");
        self.have_told(TOLD[0], mark, cost);

        let ends = self.ends();
        let calls_before = self.world.emulator.log().len();
        self.world.emulator.clear_faults();
        self.pass_until(self.apart + STEP);
        self.are_all("True/Issued", None);
        self.have_told(TOLD[1], mark, cost);
        let told = self.world.writes_since(mark)[&format!("patch scopedtokenrequests/status {EDITED}")];
        assert!(told <= TOLD[1] + 1, "the one that was edited told {told} times");
        let log = self.world.emulator.log();
        keep_the_rate(&log[calls_before..], RATE, BURST, IN_FLIGHT);
        were_served_in_order(&log[calls_before..], &ends);
    }

    /// While a probe hangs, time passes that would bring the next ones.
    fn is_probed_by_one_at_a_time(&mut self) {
        self.world.emulator.clear_faults();
        self.world.emulator.add_fault(FaultPlan { hang: true, ..FaultPlan::default() });
        let _before = self.world.emulator.take_most_open();
        for _ in 0..3 {
            self.pass(STEP);
        }
        assert_eq!(self.world.emulator.take_most_open(), 1, "two probes at once, or none");
        self.world.emulator.clear_faults();
        self.world.emulator.add_fault(away());
    }

    /// A new generation is another thing to tell.
    fn is_edited(&self) {
        let usual = json!({"spec": {"renewal": {"renewBeforePercentage": 40}}});
        self.world.edit(Kind::Request, EDITED, usual);
        self.world.wait_told(Kind::Request, EDITED, "False/ServiceUnavailable");
    }

    fn outlive_a_revoked_key(&mut self, app: &App) {
        let (mark, calls, begun) = (self.world.mark(), self.world.auth_calls(), self.apart);
        let logins = self.world.emulator.calls(Call::AccessToken);
        self.world.emulator.put_app(App { client_secret: "another".to_owned(), ..app.clone() });
        self.world.emulator.revoke(&app.client_id);
        // What is told while the refusal is under way would be another thing than it was.
        while self.world.auth_calls() == calls {
            self.pass(OFTEN);
        }
        self.world.wait_for(Kind::Credential, "partner", |it| {
            told::condition(it, "CredentialsValid") == "False/InvalidClient"
        });
        // By then each of those under way had made its last call.
        self.calls = vec![(self.apart, self.world.auth_calls())];
        self.pass_until(begun + OVERDUE);
        self.are_all("True/Issued", Some("CredentialNotReady"));
        self.pass_until(begun + ENDED);
        self.are_all("False/CredentialNotReady", None);
        self.pass_until(begun + OUTAGE);
        let cost = self.world.auth_calls() - calls;
        let tries = self.world.emulator.calls(Call::AccessToken) - logins;
        assert!(tries <= TRIES, "a revoked key was tried {tries} times in two hours");
        assert!(cost - tries <= AT_ONCE, "{} calls with a token that was revoked", cost - tries);
        let most = self.most_in_an_hour();
        assert!((1..=AN_HOUR).contains(&most), "{most} calls for a revoked key in an hour");
        self.have_told(TOLD[0], mark, cost);

        self.world.change_secret(app, "another");
        self.are_all("True/Issued", None);
        self.have_told(TOLD[1], mark, cost);
    }

    fn pass_until(&mut self, apart: i64) {
        while self.apart < apart {
            self.pass(STEP);
        }
    }

    /// Lets the operator's clock go on, and waits until it has come to rest.
    fn pass(&mut self, seconds: i64) {
        self.apart += seconds;
        self.world.operator.set_clock(self.apart);
        self.world.settle_within(MANY_TAKE);
        self.calls.push((self.apart, self.world.auth_calls()));
    }

    /// The calls of the hour with the most of them.
    fn most_in_an_hour(&self) -> u64 {
        let hours = self.calls.iter().flat_map(|(from, before)| {
            let within = self.calls.iter().filter(move |(to, _)| (*from..=from + HOUR).contains(to));
            within.map(move |(_, then)| then - before)
        });
        hours.max().unwrap_or_default()
    }

    /// Waits until each of them says this, and that it met this failure.
    fn are_all(&self, ready: &str, failure: Option<&str>) {
        let is_so = |it: &Value| told::is(it, ready) && it["status"]["failure"]["reason"].as_str() == failure;
        let (mut those, mut other) = (0, Value::Null);
        let all = until_seen(MANY_TAKE, LOOK_AGAIN_AFTER, || {
            let (so, others): (Vec<_>, Vec<_>) = self.list().into_iter().partition(is_so);
            (those, other) = (so.len(), others.into_iter().next().unwrap_or_default());
            (those == MANY).then_some(())
        });
        assert!(all.is_some(), "{those} of {MANY} are {ready} with {failure:?}; another: {other:#}");
    }

    fn list(&self) -> Vec<Value> {
        self.world.cluster().list(Kind::Request, &self.world.namespace)
    }

    /// So often each, since then. Only one that made a call may have told what came of that too.
    fn have_told(&self, often: usize, mark: Mark, calls: u64) {
        self.world.settle_within(MANY_TAKE);
        let mut counts = self.world.writes_since(mark);
        counts.retain(|what, _| what.starts_with("patch scopedtokenrequests/status "));
        assert_eq!(counts.len(), MANY);
        let most = counts.values().copied().max().unwrap_or_default();
        assert!(most <= often + 1, "a request told {most} times what there is to tell {often} times");
        let all: usize = counts.values().sum();
        let further = all.saturating_sub(often * MANY) as u64;
        assert!(further <= calls, "{all} statuses, which is {further} too many, and only {calls} calls");
    }

    /// When the token of each interview ends.
    fn ends(&self) -> BTreeMap<String, Timestamp> {
        let end = |it: Value| {
            let at = told::instant(&it["status"]["token"]["expiresAt"]);
            (text(&it["spec"]["interviewId"]).to_owned(), at)
        };
        self.list().into_iter().map(end).collect()
    }
}

fn away() -> FaultPlan {
    FaultPlan { status: Some(503), ..FaultPlan::default() }
}

/// The nearest end first, but for those that are under way together, and for those that were when the outage began: each
/// of these had failed by itself, and waits for its own next attempt.
fn were_served_in_order(log: &[Entry], ends: &BTreeMap<String, Timestamp>) {
    let exchanges = log.iter().filter(|it| it.call == Call::Exchange);
    let served: Vec<_> = exchanges.filter_map(|it| ends.get(it.subject.get("interviewId")?)).collect();
    let mut in_order = served.clone();
    in_order.sort();
    for (place, end) in served.iter().enumerate() {
        let may_be = in_order[(place + 2 * UNDER_WAY).min(in_order.len() - 1)];
        assert!(*end <= may_be, "a token that ended at {end} was replaced before one of {}", in_order[place]);
    }
    assert_eq!(served.len(), MANY);
}

//! What if the API server, or the store behind it, is really away: frozen, killed, gone for two minutes? What falls due meanwhile
//! is issued, kept, and written within fifteen seconds of the end, and nothing is issued twice. Each test has a control plane of
//! its own to take away.

use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{Call, Outcome};
use serde_json::{Value, json};

use super::process::until;
use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::{PATIENCE, Wishes, World};

/// How long it may take after the end of an outage until everything is in order.
const BACK: Duration = Duration::from_secs(15);
/// How long the API server is away.
const AWAY: Duration = Duration::from_mins(2);
/// A life in seconds that no test sees the end of.
const LONG: i64 = 36_000;

#[test]
fn a_store_that_freezes_costs_nothing_but_time() {
    let mut world = Away::new("etcd-frozen");
    world.take_away(|plane| plane.etcd().freeze());
    world.falls_due_and_cannot_be_written();
    world.give_back(|plane| plane.etcd().thaw());
    world.is_in_order();
}

#[test]
fn a_store_that_is_killed_and_comes_back_costs_nothing_but_time() {
    let mut world = Away::new("etcd-killed");
    world.take_away(|plane| plane.etcd().kill());
    world.falls_due_and_cannot_be_written();
    world.give_back(|plane| plane.etcd().restart());
    world.is_in_order();
}

/// `partner` and `interview` are due while it is away; the token of `interview` ends then, too. That of `brief` is due, and what
/// was issued in its place ends as well before it could be written. `last` may not be renewed. `steady` has nothing to do.
#[test]
fn an_api_server_that_is_away_for_two_minutes_is_paid_for_by_nobody_twice() {
    let mut world = Away::unready("away-2m");
    world.lives(150, LONG);
    world.partner(json!({}));
    world.is_asked_for("steady", json!({}));
    world.lives(LONG, 100);
    world.is_asked_for("interview", json!({}));
    world.lives(LONG, 31);
    let soon = clock::now() + Duration::from_secs(5);
    world.is_asked_for("last", json!({"renewUntil": soon.to_string()}));
    world.lives(LONG, 42);
    world.is_asked_for("brief", json!({}));
    let steady = ["steady", "partner"].map(|name| world.version_of(name));

    world.take_away(|plane| plane.api_server().kill());
    let since = Instant::now();
    world.waits_for_issues("brief", 2);
    world.lives(LONG, LONG);
    world.waits_for_issues("interview", 2);
    world.waits_for_issues("brief", 3);
    world.waits(AWAY, "partner is renewed", |it| it.world.emulator.calls(Call::AccessToken) >= 2);
    let two_minutes = until(AWAY + PATIENCE, || (since.elapsed() >= AWAY).then_some(()));
    assert!(two_minutes.is_some());
    world.is_alive();
    assert!(world.failed_writes() > 0.0);

    world.give_back(|plane| plane.api_server().restart());
    world.back_when(Kind::Request, "last", |it| told::is(it, "False/Expired"));
    world.is_in_order_with(&["steady", "interview", "brief"]);
    assert_eq!(world.version_of("steady"), steady[0]);
    assert_ne!(world.version_of("partner"), steady[1]);
    for (request, issues) in [("steady", 1), ("last", 1), ("interview", 2), ("brief", 3)] {
        assert_eq!(world.issues(request), issues, "{request}\n{}", world.world.situation());
    }
    assert_eq!(world.world.emulator.calls(Call::AccessToken), 2);
}

/// A world whose control plane is taken away and given back.
struct Away {
    world: World,
    /// What was issued in whose Secret before.
    before: Vec<(&'static str, String)>,
    /// The end of the outage.
    over: Instant,
}

/// Due a fifth of its life after its issue, a tenth of that before or earlier.
const DUE_EARLY: u32 = 80;
/// With that, due in 18 to 20 s.
const SHORT: i64 = 100;

impl Away {
    /// With nothing in it.
    fn unready(name: &str) -> Self {
        let wishes = Wishes { own_control_plane: true, ..Wishes::default() };
        let mut world = World::new(name, &wishes);
        // An API server that has just started knows no roles yet.
        world.refusals = true;
        world.operator.start();
        Self { world, before: Vec::new(), over: Instant::now() }
    }

    /// A request whose renewal is due in twenty seconds, one that has nothing to do, and their credential.
    fn new(name: &str) -> Self {
        let mut away = Self::unready(name);
        away.partner(json!({}));
        away.is_asked_for("steady", json!({}));
        away.lives(LONG, SHORT);
        away.is_asked_for("interview", json!({"renewal": {"renewBeforePercentage": DUE_EARLY}}));
        away.lives(LONG, LONG);
        away
    }

    fn partner(&mut self, spec: Value) {
        self.world.partner(spec);
        self.world.wait_for_event("partner", "Issued");
        self.note("partner");
    }

    fn is_asked_for(&mut self, request: &'static str, spec: Value) {
        self.world.request(request, spec);
        self.world.wait_ready(Kind::Request, request);
        self.world.wait_for_event(request, "Issued");
        self.note(request);
    }

    fn note(&mut self, name: &'static str) {
        let issued = annotation(&self.world.secret(&secret_of(name)), "issued-at").to_owned();
        self.before.push((name, issued));
    }

    fn version_of(&self, name: &str) -> (String, String) {
        told::version(&self.world.secret(&secret_of(name)))
    }

    /// How long what is issued from now on lives: access tokens, scoped tokens.
    fn lives(&self, access: i64, scoped: i64) {
        self.world.emulator.set_lifetimes(access, scoped);
    }

    fn take_away(&mut self, how: impl FnOnce(&mut ControlPlane) -> Result<(), control_plane::Error>) {
        assert!(self.failed_writes() < 1.0, "a write has failed before");
        how(self.world.control_plane.own()).expect("it was there");
    }

    /// Gives it back; from when it works, the operator's time runs.
    fn give_back(&mut self, how: impl FnOnce(&mut ControlPlane) -> Result<(), control_plane::Error>) {
        let plane = self.world.control_plane.own();
        how(plane).expect("it was away");
        plane.wait_until_ready().expect("a control plane");
        self.over = Instant::now();
    }

    /// How often a scoped token of that request was issued.
    fn issues(&self, request: &str) -> usize {
        let interview = format!("{request}-interview");
        let log = self.world.emulator.log();
        let is_meant = |it: &&rocketlawyer_operator::emulator::Entry| {
            it.call == Call::Exchange
                && it.outcome == Outcome::Granted
                && it.subject.get("interviewId") == Some(&interview)
        };
        log.iter().filter(is_meant).count()
    }

    fn waits_for_issues(&self, request: &str, count: usize) {
        self.waits(AWAY, &format!("{request} is issued {count} times"), |it| it.issues(request) >= count);
    }

    /// Where nothing can be asked of the API server.
    fn waits(&self, within: Duration, what: &str, is_so: impl Fn(&Self) -> bool) {
        let reached = until(within, || is_so(self).then_some(()));
        assert!(reached.is_some(), "not true after {within:?}: {what}\n{}", self.world.operator.log_tail());
    }

    /// The renewal is issued, and the operator has seen that it cannot be written.
    fn falls_due_and_cannot_be_written(&self) {
        self.waits_for_issues("interview", 2);
        self.waits(PATIENCE, "a write fails", |it| it.failed_writes() > 0.0);
        self.is_alive();
    }

    fn is_in_order(&self) {
        self.is_in_order_with(&["steady", "interview"]);
        for (request, issues) in [("steady", 1), ("interview", 2)] {
            assert_eq!(self.issues(request), issues, "{request}\n{}", self.world.situation());
        }
        assert_eq!(self.world.emulator.calls(Call::AccessToken), 1);
    }

    /// What was due is there and told, a new request is served, and nobody was harmed. All in time.
    fn is_in_order_with(&self, requests: &[&str]) {
        self.world.request("new", json!({}));
        for (kind, name, page) in [(Kind::Credential, "partner", "access")]
            .into_iter()
            .chain(requests.iter().map(|name| (Kind::Request, *name, "scoped")))
            .chain([(Kind::Request, "new", "scoped")])
        {
            let before = self.before.iter().find(|(of, _)| *of == name).map(|(_, issued)| issued.as_str());
            let is_renewed = self.is_renewed(name);
            let secret = self.back_when(Kind::Secret, &secret_of(name), |it| {
                !it.is_null() && (!is_renewed || Some(annotation(it, "issued-at")) != before)
            });
            let expires = told::instant(&json!(annotation(&secret, "expires-at")));
            assert!(expires > clock::now() + Duration::from_hours(1), "{name} holds what ended");
            self.back_when(kind, name, |it| {
                told::is(it, "True/Issued")
                    && it["status"]["failure"].is_null()
                    && told::instant(&it["status"]["token"]["expiresAt"]).as_second() == expires.as_second()
            });
            assert!(self.world.opens(page, &data(&secret, "authorization")), "{name} is dead");
        }
        self.is_alive();
        assert_eq!(self.world.page("readyz").0, 200);
        self.world.settle();
        let log = self.world.operator.log();
        let panicked = log.lines().find(|line| line.contains("panicked"));
        assert_eq!(panicked, None);
    }

    /// Whether a token was issued for it beside its first.
    fn is_renewed(&self, name: &str) -> bool {
        match name {
            "partner" => self.world.emulator.calls(Call::AccessToken) > 1,
            request => self.issues(request) > 1,
        }
    }

    fn back_when(&self, kind: Kind, name: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        let left = BACK.saturating_sub(self.over.elapsed());
        self.world.wait_within(left, kind, name, wanted)
    }

    fn is_alive(&self) {
        let (status, page) = self.world.page("healthz");
        assert_eq!(status, 200, "{page}\n{}", self.world.operator.log_tail());
    }

    /// Writes of Secrets without an answer that says anything of them.
    fn failed_writes(&self) -> f64 {
        let (_, page) = self.world.page("metrics");
        let is_meant = |line: &&str| {
            line.starts_with("rocketlawyer_secret_writes_total") && line.contains("outcome=\"failed\"")
        };
        page.lines().filter(is_meant).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

fn secret_of(name: &str) -> String {
    if name == "partner" { "partner-access-token".to_owned() } else { format!("{name}-token") }
}

//! What if the API server, or what stands before it, does wrong? Fifteen seconds after the end of it everything is in order,
//! and nothing was issued twice.

use std::time::{Duration, Instant};

use control_plane::{Mark, RequestKind};
use rocketlawyer_operator::emulator::{App, AppScope, Call};
use serde_json::{Value, json};

use super::api_proxy::{ApiProxy, Fault, How};
use super::process::until;
use super::secrets_stay_secret::MARK;
use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::{PATIENCE, Wishes, World};

/// How long it may take after the end of a fault until everything is in order.
pub const BACK: Duration = Duration::from_secs(15);
pub const CREDENTIAL_SECRET: &str = "partner-access-token";
pub const REQUEST_SECRET: &str = "interview-token";
/// Calls of the first issue of both kinds: access token, service token, exchange.
pub const FIRST: u64 = 3;

#[test]
fn a_secret_that_was_created_but_answered_with_504_is_neither_created_nor_issued_again() {
    let world = World::behind_proxy("create-504");
    world.wrong("POST secrets", 2, How::DoneThenTimeout);
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.is_back(world.is_over(2));
    assert_eq!(world.writes_of("create secrets"), 2);
    assert_eq!(world.writes_of("update secrets"), 0);
    world.has_cost(FIRST);
}

#[test]
fn a_secret_that_was_replaced_but_answered_with_504_is_neither_replaced_nor_issued_again() {
    let world = one_of_each("update-504");
    world.wrong("PUT secrets", 2, How::DoneThenTimeout);
    let before = world.change_app("second");
    world.is_back_with_others_than(&before, world.is_over(2));
    assert_eq!(world.writes_of("update secrets"), 2);
    world.has_cost(2 * FIRST);
}

#[test]
fn a_status_that_was_written_but_answered_with_504_is_not_written_again() {
    let world = World::behind_proxy("status-504");
    world.wrong("PATCH rocketlawyercredentials/status", 1, How::DoneThenTimeout);
    world.wrong("PATCH scopedtokenrequests/status", 1, How::DoneThenTimeout);
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.is_back(world.is_over(2));
    world.has_cost(FIRST);
    assert_eq!(world.writes_of("patch rocketlawyercredentials/status"), 1);
    assert_eq!(world.writes_of("patch scopedtokenrequests/status"), 1);
}

#[test]
fn conflicts_on_every_status_for_a_while_end_in_the_same_status() {
    let world = World::behind_proxy("status-409");
    world.wrong("PATCH ", 6, conflict());
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.is_back(world.is_over(6));
    world.has_cost(FIRST);
}

/// So does a server that has just started, and knows no roles yet.
#[test]
fn a_status_that_is_refused_for_a_moment_is_told_all_the_same() {
    let world = World::behind_proxy("status-403");
    world.wrong("PATCH ", 2, How::Answer { status: 403, retry_after: None });
    world.login("client", AppScope::Backend);
    world.credential("partner", json!({}));
    world.back_when(world.is_over(2), Kind::Credential, "partner", |it| told::is(it, "True/Issued"));
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn conflicts_on_every_secret_for_a_while_issue_nothing_and_hammer_nobody() {
    let world = one_of_each("secret-409");
    world.wrong("PUT secrets", 12, conflict());
    let before = world.change_app("second");
    world.is_back_with_others_than(&before, world.is_over(12));
    world.has_cost(2 * FIRST);
    // Each refusal is one look and one try.
    assert_eq!(world.proxy().count("PUT secrets"), 12 + 2);
}

#[test]
fn while_every_secret_conflicts_others_are_served_and_the_writes_are_few() {
    let world = one_of_each("always-409");
    world.proxy().add(Fault { on: "PUT secrets".to_owned(), times: None, how: conflict() });
    let before = world.change_app("second");
    world.is_over(2);
    let looks = world.proxy().count("LIST secrets");
    // What others take is the clock: at the server's speed both would be tried in every one of their turns.
    for _ in 0..3 {
        world.settle();
    }
    let tries = world.proxy().count("PUT secrets");
    assert!(tries <= 16, "tried {tries} times, and looked {looks} times before");
    world.is_back_with_others_than(&before, world.does_right());
    world.has_cost(2 * FIRST);
}

#[test]
fn an_api_server_that_throttles_everything_is_heeded() {
    let world = one_of_each("throttled");
    let throttles = How::Answer { status: 429, retry_after: Some(2) };
    world.proxy().add(Fault { on: String::new(), times: None, how: throttles });
    // The credential reads its client Secret, and nobody else reads one.
    let (begun, read) = (Instant::now(), world.proxy().count("GET secrets"));
    let before = world.change_app("second");
    world.is_over(5);
    let tries = world.proxy().count("GET secrets") - read;
    let seconds = begun.elapsed().as_secs();
    assert!(
        tries as u64 <= seconds / 2 + 1,
        "asked {tries} times in {seconds} s, each time told to wait for 2 s"
    );
    let over = world.does_right();
    world.request("another", json!({}));
    world.is_back_with_others_than(&before, over);
    world.back_when(over, Kind::Request, "another", |it| told::is(it, "True/Issued"));
    world.has_cost(2 * FIRST + 2);
}

#[test]
fn while_the_api_server_is_away_tokens_are_kept_and_afterwards_told() {
    let mut world = World::behind_proxy("away");
    world.partner(json!({}));
    world.emulator.set_lifetimes(36_000, 31);
    let soon = rocketlawyer_operator::clock::now() + Duration::from_secs(5);
    world.request("last", json!({"renewUntil": soon.to_string()}));
    world.wait_ready(Kind::Request, "last");
    world.emulator.set_lifetimes(36_000, 42);
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let before = world.secret(REQUEST_SECRET);
    let last = told::instant(&json!(annotation(&world.secret("last-token"), "expires-at")));
    world.emulator.set_lifetimes(36_000, 36_000);

    world.proxy.as_mut().expect("a proxy").away();
    world.wait_for_calls(Call::Exchange, 3);
    let expired = || (rocketlawyer_operator::clock::now() > last).then_some(());
    assert!(until(PATIENCE, expired).is_some());
    world.proxy.as_mut().expect("a proxy").back();
    let over = Instant::now();
    world.back_when(over, Kind::Request, "last", |it| told::is(it, "False/Expired"));
    let issued = annotation(&before, "issued-at").to_owned();
    world.is_back_with_others_than(&[String::new(), issued], over);
    world.has_cost(1 + 3 * 2);
}

fn conflict() -> How {
    How::Answer { status: 409, retry_after: None }
}

/// A credential and a request, both in order.
pub fn one_of_each(name: &str) -> World {
    let world = World::behind_proxy(name);
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    // What comes last of a first issue.
    world.wait_for_event("partner", "Issued");
    world.wait_for_event("interview", "Issued");
    world
}

impl World {
    pub fn behind_proxy(name: &str) -> Self {
        let mut world = Self::new(name, &Wishes { proxied: true, ..Wishes::default() });
        world.operator.start();
        world
    }

    pub fn proxy(&self) -> &ApiProxy {
        self.proxy.as_ref().expect("a proxy")
    }

    pub fn wrong(&self, on: &str, times: u32, how: How) {
        self.proxy().add(Fault { on: on.to_owned(), times: Some(times), how });
    }

    /// Waits until so much went wrong. Returns when.
    pub fn is_over(&self, times: usize) -> Instant {
        let over = until(PATIENCE, || (self.proxy().done() >= times).then(Instant::now));
        over.unwrap_or_else(|| panic!("only {} of {times} faults\n{}", self.proxy().done(), self.situation()))
    }

    /// Nothing goes wrong any more. Returns since when.
    pub fn does_right(&self) -> Instant {
        self.proxy().clear();
        Instant::now()
    }

    /// Puts another app's key and secret into the client Secret: the credential issues, and then the request. Returns when
    /// the tokens before that were issued.
    pub fn change_app(&self, name: &str) -> [String; 2] {
        let issued = [CREDENTIAL_SECRET, REQUEST_SECRET]
            .map(|secret| annotation(&self.secret(secret), "issued-at").to_owned());
        let app = App::new(&format!("{name}-key"), &format!("{MARK}{name}"), AppScope::Backend);
        let data = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        self.emulator.put_app(app);
        self.edit(Kind::Secret, "client", json!({"stringData": data}));
        issued
    }

    /// Both are in order, in time since all was over, and the tokens open what they are for.
    pub fn is_back(&self, over: Instant) {
        self.is_back_with_others_than(&[String::new(), String::new()], over);
    }

    /// The same, with tokens that were issued at other times.
    pub fn is_back_with_others_than(&self, issued: &[String; 2], over: Instant) {
        for ((kind, name, secret, page), issued) in [
            (Kind::Credential, "partner", CREDENTIAL_SECRET, "access"),
            (Kind::Request, "interview", REQUEST_SECRET, "scoped"),
        ]
        .into_iter()
        .zip(issued)
        {
            let is_another = |it: &Value| !it.is_null() && annotation(it, "issued-at") != issued;
            let secret = self.back_when(over, Kind::Secret, secret, is_another);
            let expires = told::instant(&json!(annotation(&secret, "expires-at"))).as_second();
            self.back_when(over, kind, name, |it| {
                told::is(it, "True/Issued")
                    && it["status"]["failure"].is_null()
                    && told::instant(&it["status"]["token"]["expiresAt"]).as_second() == expires
            });
            assert!(self.opens(page, &data(&secret, "authorization")));
        }
    }

    /// In time, counted from when all was over.
    pub fn back_when(
        &self,
        over: Instant,
        kind: Kind,
        name: &str,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.wait_within(BACK.saturating_sub(over.elapsed()), kind, name, wanted)
    }

    /// Nothing was issued twice.
    pub fn has_cost(&self, calls: u64) {
        self.settle();
        assert_eq!(self.auth_calls(), calls, "{}", self.situation());
    }

    /// How often the server did that, whatever the operator was told.
    fn writes_of(&self, write: &str) -> usize {
        self.writes_of_since(self.began, write)
    }

    /// The same since then.
    pub fn writes_of_since(&self, mark: Mark, write: &str) -> usize {
        let is_meant = |it: &RequestKind| {
            let slash = if it.subresource.is_empty() { "" } else { "/" };
            let done = format!("{} {}{slash}{}", it.verb, it.resource, it.subresource);
            done == write && it.code < 300 && !it.name.starts_with("settle-")
        };
        self.asked_since(mark).iter().filter(|it| is_meant(it)).count()
    }

    /// How often each kind of stream listed.
    pub fn lists(&self) -> [usize; 5] {
        ["rocketlawyercredentials", "scopedtokenrequests", "managed secrets", "other secrets", "namespaces"]
            .map(|of| self.proxy().count(&format!("LIST {of}")))
    }

    /// Waits until each stream has listed anew: those of each namespace, and that of namespaces where there is one.
    pub fn lists_again(&self, before: [usize; 5]) {
        let places = 1 + self.others.len();
        let streams = [places, places, places, places, usize::from(self.selectors)];
        let all = || {
            let now = self.lists();
            (0..now.len()).all(|it| now[it] >= before[it] + streams[it]).then_some(())
        };
        assert!(until(PATIENCE, all).is_some(), "a stream does not list again\n{}", self.situation());
    }
}

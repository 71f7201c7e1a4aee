//! What did it cost, and what was said? Counts calls and requests, and tells a failing test how things stand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use control_plane::RequestKind;
use control_plane::audit::Mark;
use rocketlawyer_operator::emulator::Call;
use serde_json::{Value, json};

use super::process::until;
use super::server::{Kind, runtime};
use super::told;
use super::world::{PATIENCE, World};

impl World {
    /// Waits until the emulator was asked so often.
    pub fn wait_for_calls(&self, call: Call, at_least: u64) {
        let reached = until(PATIENCE, || (self.emulator.calls(call) >= at_least).then_some(()));
        assert!(
            reached.is_some(),
            "{call:?} was asked {} times, not {at_least}\n{}",
            self.emulator.calls(call),
            self.situation()
        );
    }

    /// Waits for an event on an object of that name.
    pub fn wait_for_event(&self, name: &str, reason: &str) {
        let there = until(PATIENCE, || self.events(name, reason).first().map(|_| ()));
        assert!(there.is_some(), "no event {reason}\n{}", self.situation());
    }

    /// The events on objects of that name.
    pub fn events(&self, name: &str, reason: &str) -> Vec<Value> {
        let mut events = self.cluster().list(Kind::Event, &self.namespace);
        events.retain(|event| event["regarding"]["name"] == name && event["reason"] == reason);
        events
    }

    /// How often the authentication service was asked for anything.
    pub fn auth_calls(&self) -> u64 {
        let calls = self.emulator.counters().calls;
        calls.iter().filter(|(call, _)| **call != Call::Protected).map(|(_, count)| count).sum()
    }

    /// Whether a token opens the emulator's protected page for access tokens, or that for scoped ones.
    pub fn opens(&self, page: &str, authorization: &str) -> bool {
        let url = format!("http://{}/protected/{page}", self.emulator.address());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(url).header("Authorization", authorization);
        runtime().block_on(request.send()).expect("an answer").status() == 200
    }

    /// A page of the operator's, with its status.
    pub fn page(&self, name: &str) -> (u16, String) {
        self.operator.page(name)
    }

    /// Waits until the operator has come to rest: what came before a new object has been decided when that one is told of
    /// twice.
    pub fn settle(&self) {
        self.settle_within(PATIENCE);
    }

    /// The same where it has much to do before.
    pub fn settle_within(&self, within: Duration) {
        static LAST: AtomicU32 = AtomicU32::new(0);
        for _ in 0..2 {
            let name = format!("settle-{}", LAST.fetch_add(1, Ordering::Relaxed));
            self.client_secret(&name, &json!({"client_id": "settle", "client_secret": "settle"}));
            // Of all that can be told of a new object, this alone causes no event.
            self.credential(&name, json!({"appType": "Frontend", "clientSecretRef": {"name": name}}));
            self.wait_within(within, Kind::Credential, &name, |it| told::is(it, "True/Available"));
            self.delete(Kind::Credential, &name);
        }
    }

    pub fn mark(&self) -> Mark {
        self.control_plane.audit().mark().expect("the audit log")
    }

    /// What the operator wrote since then, by `verb resource name`; what [`World::settle`] caused is left out.
    pub fn writes_since(&self, mark: Mark) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for kind in self.asked_since(mark) {
            let reviews = kind.group == "authorization.k8s.io";
            if kind.is_write() && !reviews && !kind.name.starts_with("settle-") {
                *counts.entry(shown_write(&kind)).or_default() += 1;
            }
        }
        counts
    }

    /// What the operator asked of the API server since then.
    pub fn asked_since(&self, mark: Mark) -> Vec<RequestKind> {
        let requests = self.control_plane.audit().by_user(mark, &self.user).expect("the audit log");
        requests.into_iter().map(|request| request.kind).collect()
    }

    /// What a failing test says.
    pub fn situation(&self) -> String {
        let events: Vec<_> = self
            .cluster()
            .list(Kind::Event, &self.namespace)
            .iter()
            .map(|event| format!("{} {}: {}", event["regarding"]["name"], event["reason"], event["note"]))
            .collect();
        let calls: Vec<_> = self
            .emulator
            .log()
            .iter()
            .map(|entry| format!("{:?} {:?} {}", entry.call, entry.outcome, entry.status))
            .collect();
        let log = self.operator.log_tail();
        format!("events: {events:#?}\ncalls: {calls:#?}\nlog:\n{log}")
    }
}

/// Without the data of a Secret.
pub fn shown(object: &Value) -> String {
    let mut shown = object.clone();
    if let Some(data) = shown["data"].as_object_mut() {
        data.values_mut().for_each(|value| *value = json!("…"));
    }
    format!("{shown:#}")
}

fn shown_write(kind: &RequestKind) -> String {
    let RequestKind { verb, resource, subresource, name, .. } = kind;
    let slash = if subresource.is_empty() { "" } else { "/" };
    let name = if resource == "events" { "" } else { name };
    format!("{verb} {resource}{slash}{subresource} {name}").trim_end().to_owned()
}

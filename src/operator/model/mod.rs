//! What would happen? A small world around the real memory, decision and outcomes: an API server, an authentication service
//! and the watches between, all in memory, with the time as a value. Tests alone use it.

mod feed;
mod operator;
mod server;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::effect::{Effect, Outcome};
use crate::api::condition;
use crate::cluster::watch::Watched;
use crate::decision::{Key, Kind, SeenSecret};
use crate::state::Settings;
use feed::STREAMS;
use operator::{Flight, Operator};
use server::{Server, Stored};
use service::Service;

/// After so many turns without a pause it will never come to one, and so many more for each object.
const TOO_MANY: usize = 3000;
const TOO_MANY_EACH: usize = 30;

/// All of it.
pub(super) struct World {
    pub now: Timestamp,
    pub server: Server,
    pub service: Service,
    pub operator: Operator,
    settings: Settings,
    /// Effects that were done outside since the world began.
    pub effects: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let settings = Settings {
            allowed_origins: vec!["https://gateway.example.com".parse().expect("an origin")],
            reads_namespaces: true,
        };
        let mut world = Self {
            now: "2026-11-24T12:00:00Z".parse().expect("a time"),
            server: Server::default(),
            service: Service::new(),
            operator: Operator::new(settings.clone()),
            settings,
            effects: 0,
        };
        world.restart();
        world
    }

    /// The process ends, whatever was under way, and another begins.
    pub(super) fn restart(&mut self) {
        self.operator = Operator::new(self.settings.clone());
        for what in STREAMS {
            self.server.relist(what);
        }
    }

    // What people do.

    /// Creates a client Secret, or changes it.
    pub(super) fn login(&mut self, namespace: &str, name: &str, id: &str, secret: &str) {
        let [id, secret] = [id, secret].map(|text| BASE64_STANDARD.encode(text));
        let body = json!({"type": "Opaque", "data": {"client_id": id, "client_secret": secret}});
        self.server.put_secret(namespace, name, body);
    }

    /// An app that exists, with its client Secret and a Backend credential in namespace `legal`.
    pub(super) fn partner(&mut self) -> Key {
        self.service.apps.insert("app".into(), "s3cret".into());
        self.login("legal", "partner-login", "app", "s3cret");
        self.credential("partner", json!({"allowedNamespaces": {"from": "All"}}))
    }

    /// The same of a Frontend app, which exchanges.
    pub(super) fn front(&mut self) -> Key {
        self.service.apps.insert("front".into(), "f".into());
        self.login("legal", "front-login", "front", "f");
        self.credential("front", json!({"appType": "Frontend", "allowedNamespaces": {"from": "All"}}))
    }

    /// A credential in namespace `legal`, with client Secret `<name>-login`.
    pub(super) fn credential(&mut self, name: &str, more: Value) -> Key {
        let spec = json!({"environment": "Sandbox", "clientSecretRef": {"name": format!("{name}-login")}});
        self.create(Key::new(Kind::Credential, "legal", name), with(spec, more))
    }

    /// A request in namespace `web` for interview `name`, through `legal/partner`.
    pub(super) fn request(&mut self, name: &str, more: Value) -> Key {
        let spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": name});
        self.create(Key::new(Kind::Request, "web", name), with(spec, more))
    }

    fn create(&mut self, key: Key, spec: Value) -> Key {
        let version = self.server.tick();
        let pending = json!([{"type": "Ready", "status": "Unknown", "reason": "Pending",
            "lastTransitionTime": "1970-01-01T00:00:00Z"}]);
        let stored = Stored {
            uid: format!("uid-{version}"),
            version,
            generation: 1,
            created: self.now,
            renew_request: None,
            spec,
            status: json!({"observedGeneration": -1, "conditions": pending}),
        };
        self.server.objects.insert(key.clone(), stored);
        self.server.show_object(&key);
        key
    }

    /// Changes a spec; `null` removes a field.
    pub(super) fn edit(&mut self, key: &Key, change: Value) {
        let version = self.server.tick();
        let stored = self.server.objects.get_mut(key).expect("it is there");
        stored.spec = with(stored.spec.take(), change);
        stored.generation += 1;
        stored.version = version;
        self.server.show_object(key);
    }

    /// Annotates an object with the request for a renewal.
    pub(super) fn renew(&mut self, key: &Key, value: &str) {
        let version = self.server.tick();
        let stored = self.server.objects.get_mut(key).expect("it is there");
        stored.renew_request = Some(value.into());
        stored.version = version;
        self.server.show_object(key);
    }

    /// Takes the request for a renewal back.
    pub(super) fn unrenew(&mut self, key: &Key) {
        let version = self.server.tick();
        let stored = self.server.objects.get_mut(key).expect("it is there");
        stored.renew_request = None;
        stored.version = version;
        self.server.show_object(key);
    }

    /// Edits a Secret by hand.
    pub(super) fn edit_secret(&mut self, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut secret = self.server.secrets[&(namespace.to_owned(), name.to_owned())].clone();
        change(&mut secret);
        self.server.put_secret(namespace, name, secret);
    }

    // How time passes.

    /// Shows what the watches have, and works until there is nothing left to do now.
    pub(super) fn settle(&mut self) {
        self.come_to_rest();
        self.no_status_names_an_attempt_that_is_over();
    }

    /// The same where there are too many statuses to look at each time.
    pub(super) fn come_to_rest(&mut self) {
        for _ in 0..TOO_MANY + TOO_MANY_EACH * self.server.objects.len() {
            if !self.deliver_all() && !self.operator.turn_next(self.now) && !self.move_first() {
                return;
            }
        }
        let last = &self.server.journal[self.server.journal.len().saturating_sub(20)..];
        panic!(
            "it never comes to rest; last asked of the API server: {last:?}, calls: {:?}",
            self.service.calls
        );
    }

    /// Whenever the operator has come to rest.
    fn no_status_names_an_attempt_that_is_over(&self) {
        for (key, stored) in &self.server.objects {
            let named = stored.status["failure"]["nextAttemptAt"].as_str();
            let named = named.map(|it| it.parse::<Timestamp>().expect("an instant"));
            assert!(
                named.is_none_or(|it| it > self.now),
                "it is {}, and {key:?} says {}",
                self.now,
                stored.status
            );
        }
    }

    /// Lets time pass, from one look that was arranged to the next.
    pub(super) fn pass(&mut self, duration: SignedDuration) {
        let end = self.now + duration;
        self.settle();
        while let Some(next) = self.operator.turns.next_look(self.now).filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Shows the next change of one stream; `false`: there is none.
    pub(super) fn deliver(&mut self, what: Watched) -> bool {
        let change = self.server.feeds.entry(what).or_default().pop_front();
        let any = change.is_some();
        if let Some(change) = change {
            self.operator.turns.take(change);
        }
        any
    }

    pub(super) fn deliver_all(&mut self) -> bool {
        STREAMS.into_iter().any(|what| self.deliver(what))
    }

    pub(super) fn move_first(&mut self) -> bool {
        let first = self.operator.busy().first().cloned();
        first.is_some_and(|key| self.advance(&key))
    }

    /// Does outside what is under way for `key`, or brings its outcome back.
    pub(super) fn advance(&mut self, key: &Key) -> bool {
        match self.operator.take_flight(key) {
            None => return false,
            Some(Flight::Leaving(ticket, effect)) => {
                let outcome = self.execute(effect);
                self.operator.put_flight(Flight::Coming(ticket, outcome));
            }
            Some(Flight::Coming(ticket, outcome)) => self.operator.land(ticket, outcome, self.now),
        }
        true
    }

    /// The next thing that can happen on the way of `key`: a change that the watches have, a turn, or a move outside.
    pub(super) fn step(&mut self, key: &Key) -> bool {
        self.deliver_all() || self.operator.turn_next(self.now) || self.advance(key)
    }

    /// Goes on with `key` until this was asked of the API server.
    pub(super) fn step_until(&mut self, key: &Key, asked: &str) {
        while !self.server.journal.iter().any(|it| it == asked) {
            assert!(self.step(key), "it never came to: {asked}");
        }
    }

    fn execute(&mut self, effect: Effect) -> Outcome {
        self.effects += 1;
        match effect {
            Effect::Issue { issue, purpose } => self.service.execute(issue, purpose, self.now),
            effect => self.server.execute(effect),
        }
    }

    // What can be seen.

    /// `Ready` as `status reason`.
    pub(super) fn ready(&self, key: &Key) -> String {
        let it = self.condition(key, condition::READY);
        format!("{} {}", text(&it["status"]), text(&it["reason"]))
    }

    /// The message of `Ready`.
    pub(super) fn message(&self, key: &Key) -> String {
        text(&self.condition(key, condition::READY)["message"]).to_owned()
    }

    pub(super) fn condition(&self, key: &Key, type_: &str) -> Value {
        let all = self.status(key)["conditions"].as_array();
        let found = all.into_iter().flatten().find(|it| it["type"] == type_);
        found.cloned().unwrap_or_default()
    }

    pub(super) fn status(&self, key: &Key) -> &Value {
        &self.server.objects[key].status
    }

    /// A managed Secret, as the operator would see it.
    pub(super) fn secret(&self, namespace: &str, name: &str) -> SeenSecret {
        self.server.stored(namespace, name).expect("it is there").seen()
    }

    /// The value under a data key.
    pub(super) fn value(&self, namespace: &str, name: &str, key: &str) -> Option<String> {
        let secret = &self.server.secrets[&(namespace.to_owned(), name.to_owned())];
        let bytes = BASE64_STANDARD.decode(secret["data"][key].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// What is asked of the API server and of the service while `during` runs, journal entries in any order.
    pub(super) fn watch(&mut self, during: impl FnOnce(&mut Self)) -> (BTreeSet<String>, usize) {
        self.server.journal.clear();
        let before = self.service.total();
        during(self);
        (self.server.journal.iter().cloned().collect(), self.service.total() - before)
    }
}

fn with(mut spec: Value, more: Value) -> Value {
    let Value::Object(more) = more else { return spec };
    for (key, value) in more {
        if value.is_null() {
            spec.as_object_mut().expect("a spec").remove(&key);
        } else {
            spec[key] = value;
        }
    }
    spec
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

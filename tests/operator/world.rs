//! What does each test have for itself? Namespaces, an emulator, and an operator with exactly the chart's rights.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use control_plane::audit::Mark;
use control_plane::chart::RELEASE;
use control_plane::control_plane::service_account_user;
use control_plane::{ControlPlane, RequestKind};
use rocketlawyer_operator::emulator::{App, AppScope, Call, Emulator, Settings};
use serde_json::{Value, json};

use super::process::{Operator, until};
use super::server::{self, Kind, runtime};
use super::told;

/// How long anything that was asked for may take.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A test's own surroundings. Everything ends with it.
pub struct World {
    pub control_plane: &'static ControlPlane,
    /// Where the operator is installed, and most objects are.
    pub namespace: String,
    /// Further namespaces in which it works.
    pub others: Vec<String>,
    pub emulator: Emulator,
    pub operator: Operator,
    user: String,
}

/// What most tests do not need.
#[derive(Default)]
pub struct Wishes<'a> {
    /// Further namespaces in which the operator works: how their names begin.
    pub others: &'a [&'a str],
    /// It may read namespaces.
    pub selectors: bool,
}

impl World {
    /// One namespace, and an operator that runs.
    pub fn running(name: &str) -> Self {
        let mut world = Self::new(name, &Wishes::default());
        world.operator.start();
        world
    }

    /// An operator that does not run yet.
    pub fn new(name: &str, wishes: &Wishes) -> Self {
        let control_plane = ControlPlane::shared().expect("a control plane");
        let namespace = new_namespace(control_plane, name);
        let others: Vec<_> = wishes
            .others
            .iter()
            .map(|name| new_namespace(control_plane, name))
            .collect();
        let all: Vec<_> = [&namespace].into_iter().chain(&others).cloned().collect();
        let values = json!({"namespaces": all, "namespaceSelectors": wishes.selectors});
        let kubeconfig = control_plane
            .install_rights(&namespace, &values)
            .expect("the chart's rights");
        let loopback = ([127, 0, 0, 1], 0).into();
        let emulator = runtime()
            .block_on(Emulator::start(Settings::default(), loopback))
            .expect("an emulator");
        let arguments = [
            ("--namespaces", all.join(",")),
            ("--allow-endpoint", format!("http://{}", emulator.address())),
            ("--http-bind-address", "127.0.0.1:0".to_owned()),
            ("--log-level", "trace".to_owned()),
            ("--log-format", "json".to_owned()),
        ];
        let arguments = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value])
            .collect();
        let log = control_plane
            .description()
            .folder
            .join(format!("{namespace}.operator.log"));
        Self {
            control_plane,
            operator: Operator::new(kubeconfig, arguments, log),
            user: service_account_user(&namespace, RELEASE),
            namespace,
            others,
            emulator,
        }
    }

    /// An app of the emulator, and the client Secret of the same name with its key and secret.
    pub fn login(&self, name: &str, scope: AppScope) -> App {
        let app = App::new(&format!("{name}-key"), &format!("{name}-secret"), scope);
        self.emulator.put_app(app.clone());
        self.client_secret(
            name,
            &json!({"client_id": app.client_id, "client_secret": app.client_secret}),
        );
        app
    }

    /// A Secret with these data.
    pub fn client_secret(&self, name: &str, data: &Value) {
        self.create(
            Kind::Secret,
            json!({"metadata": {"name": name}, "type": "Opaque", "stringData": data}),
        );
    }

    /// Gives the app another secret, and the client Secret too.
    pub fn change_secret(&self, app: &App, secret: &str) {
        self.emulator.put_app(App {
            client_secret: secret.to_owned(),
            ..app.clone()
        });
        let name = app.client_id.trim_end_matches("-key");
        self.edit(
            Kind::Secret,
            name,
            json!({"stringData": {"client_secret": secret}}),
        );
    }

    /// A credential of the emulator, with the client Secret `client` unless `spec` says otherwise.
    pub fn credential(&self, name: &str, spec: Value) -> Value {
        let mut whole = json!({
            "environment": "Custom",
            "endpoint": {"url": self.emulator.base_url()},
            "clientSecretRef": {"name": "client"},
        });
        lay_over(&mut whole, spec);
        self.create(
            Kind::Credential,
            json!({"metadata": {"name": name}, "spec": whole}),
        )
    }

    /// A request for an interview with the credential `partner`, unless `spec` says otherwise.
    pub fn request(&self, name: &str, spec: Value) -> Value {
        let mut whole =
            json!({"credentialRef": {"name": "partner"}, "interviewId": format!("{name}-interview")});
        lay_over(&mut whole, spec);
        self.create(Kind::Request, json!({"metadata": {"name": name}, "spec": whole}))
    }

    /// A Backend app with its client Secret `client`, and a credential `partner` that is ready.
    pub fn partner(&self, spec: Value) -> (App, Value) {
        let app = self.login("client", AppScope::Backend);
        self.credential("partner", spec);
        let credential = self.wait_ready(Kind::Credential, "partner");
        (app, credential)
    }

    pub fn create(&self, kind: Kind, manifest: Value) -> Value {
        let made = server::create(kind, &self.namespace, manifest);
        made.unwrap_or_else(|status| panic!("{}", status.message))
    }

    pub fn edit(&self, kind: Kind, name: &str, change: Value) -> Value {
        server::edit(kind, &self.namespace, name, &change)
    }

    /// Asks for a renewal, as people do.
    pub fn ask_for_renewal(&self, kind: Kind, name: &str, value: &str) {
        let annotations = json!({"auth.rocketlawyer.com/renew-requested-at": value});
        self.edit(kind, name, json!({"metadata": {"annotations": annotations}}));
    }

    pub fn get(&self, kind: Kind, name: &str) -> Value {
        server::get(kind, &self.namespace, name)
    }

    pub fn secret(&self, name: &str) -> Value {
        let secret = self.get(Kind::Secret, name);
        assert!(!secret.is_null(), "there is no Secret {name}");
        secret
    }

    pub fn delete(&self, kind: Kind, name: &str) {
        server::delete(kind, &self.namespace, name, "Background");
    }

    /// Runs kubectl in the namespace, as administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let all: Vec<_> = ["-n", &self.namespace].iter().chain(arguments).copied().collect();
        self.control_plane.kubectl(&all).expect("kubectl succeeds")
    }

    /// Waits until `wanted` holds of the object, which is null while there is none.
    pub fn wait_for(&self, kind: Kind, name: &str, wanted: impl FnMut(&Value) -> bool) -> Value {
        self.wait_in(&self.namespace, kind, name, wanted)
    }

    pub fn wait_in(
        &self,
        namespace: &str,
        kind: Kind,
        name: &str,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        server::wait_for(kind, namespace, name, PATIENCE, wanted).unwrap_or_else(|(last, seen)| {
            panic!(
                "{kind:?} {name} is not as wanted after {PATIENCE:?} and {seen} versions; last:\n{}\n{}",
                shown(&last),
                self.situation()
            )
        })
    }

    /// Waits for a token, or for a login that is complete.
    pub fn wait_ready(&self, kind: Kind, name: &str) -> Value {
        self.wait_told(kind, name, if kind == Kind::Secret { "" } else { "True/Issued" })
    }

    /// Waits until the latest spec has been seen and `Ready` is `status/reason`.
    pub fn wait_told(&self, kind: Kind, name: &str, ready: &str) -> Value {
        self.wait_for(kind, name, |object| told::is(object, ready))
    }

    /// Waits for another token than that of `before`, in a Secret of that name.
    pub fn wait_renewed(&self, secret: &str, before: &Value) -> Value {
        let issued = told::annotation(before, "issued-at").to_owned();
        self.wait_for(Kind::Secret, secret, |now| {
            !now.is_null() && told::annotation(now, "issued-at") != issued
        })
    }

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
        let mut events = server::list(Kind::Event, &self.namespace);
        events.retain(|event| event["regarding"]["name"] == name && event["reason"] == reason);
        events
    }

    /// How often the authentication service was asked for anything.
    pub fn auth_calls(&self) -> u64 {
        let calls = self.emulator.counters().calls;
        calls
            .iter()
            .filter(|(call, _)| **call != Call::Protected)
            .map(|(_, count)| count)
            .sum()
    }

    /// Whether a token opens the emulator's protected page for access tokens, or that for scoped ones.
    pub fn opens(&self, page: &str, authorization: &str) -> bool {
        let url = format!("http://{}/protected/{page}", self.emulator.address());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(url).header("Authorization", authorization);
        runtime().block_on(request.send()).expect("an answer").status() == 200
    }

    /// Waits until the operator has come to rest: what came before a new object has been decided when that one is told of
    /// twice.
    pub fn settle(&self) {
        static LAST: AtomicU32 = AtomicU32::new(0);
        for _ in 0..2 {
            let name = format!("settle-{}", LAST.fetch_add(1, Ordering::Relaxed));
            self.credential(&name, json!({"clientSecretRef": {"name": "settle-absent"}}));
            self.wait_told(Kind::Credential, &name, "False/ClientSecretNotFound");
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
        let requests = self
            .control_plane
            .audit()
            .by_user(mark, &self.user)
            .expect("the audit log");
        requests.into_iter().map(|request| request.kind).collect()
    }

    /// What a failing test says.
    pub fn situation(&self) -> String {
        let events: Vec<_> = server::list(Kind::Event, &self.namespace)
            .iter()
            .map(|event| {
                format!(
                    "{} {}: {}",
                    event["regarding"]["name"], event["reason"], event["note"]
                )
            })
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

fn new_namespace(control_plane: &ControlPlane, name: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("{name}-{}-{number}", std::process::id());
    control_plane
        .kubectl(&["create", "namespace", &namespace])
        .expect("a namespace");
    namespace
}

/// Sets the fields of `changes`; null leaves one out.
fn lay_over(object: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { return };
    for (field, value) in changes {
        if value.is_null() {
            object.as_object_mut().expect("an object").remove(&field);
        } else {
            object[field] = value;
        }
    }
}

/// Without the data of a Secret.
fn shown(object: &Value) -> String {
    let mut shown = object.clone();
    if let Some(data) = shown["data"].as_object_mut() {
        data.values_mut().for_each(|value| *value = json!("…"));
    }
    format!("{shown:#}")
}

fn shown_write(kind: &RequestKind) -> String {
    let RequestKind {
        verb,
        resource,
        subresource,
        name,
        ..
    } = kind;
    let slash = if subresource.is_empty() { "" } else { "/" };
    let name = if resource == "events" { "" } else { name };
    format!("{verb} {resource}{slash}{subresource} {name}")
        .trim_end()
        .to_owned()
}

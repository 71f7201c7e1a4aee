//! What does each test have for itself? Namespaces, an emulator, and an operator with exactly the chart's rights.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use control_plane::ControlPlane;
use control_plane::audit::Mark;
use control_plane::chart::RELEASE;
use control_plane::control_plane::service_account_user;
use rocketlawyer_operator::emulator::{App, AppScope, Emulator, Settings};
use serde_json::{Value, json};

use super::api_proxy::ApiProxy;
use super::process::Operator;
use super::replay::{self, BrokenOff, MadeCall, recorder::Recorder};
use super::secrets_stay_secret::{self, MARK};
use super::server::{Cluster, Kind, runtime};
use super::witness::shown;
use super::{rights, told};

/// How long anything that was asked for may take.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// How long the cluster's garbage collector may take. Every 30 s it looks for kinds that it does not know, and while it waits
/// for the first list of one, which it does for as long, it collects nothing.
pub const COLLECTED: Duration = Duration::from_mins(2);

/// A test's own surroundings. Everything ends with it.
pub struct World {
    pub control_plane: Plane,
    /// Where the operator is installed, and most objects are.
    pub namespace: String,
    /// Further namespaces in which it works.
    pub others: Vec<String>,
    pub emulator: Emulator,
    /// Stands between the operator and both servers, where a test wishes so.
    pub proxy: Option<ApiProxy>,
    /// Where the operator finds the authentication service.
    pub service: String,
    pub operator: Operator,
    /// The operator's name in the audit log.
    pub user: String,
    /// Where this test's part of the audit log begins.
    pub began: Mark,
    /// The test has the cluster refuse what the operator may do.
    pub refusals: bool,
    /// What the chart grants, by namespace; empty is everywhere.
    pub granted: Vec<rights::Grant>,
    /// It may read namespaces.
    pub selectors: bool,
    /// What it asked of other services.
    pub further_calls: Vec<MadeCall>,
    /// When it called services that keep no log of their own, for what, and by which base URL.
    pub broken_off: Vec<BrokenOff>,
    /// Keeps all that the cluster held, so that what the operator did can be replayed.
    pub recorder: Recorder,
}

/// The control plane of all tests, or one of a test's own.
pub enum Plane {
    Shared(&'static ControlPlane),
    /// With its administrator.
    Own(Box<ControlPlane>, Cluster),
}

/// What most tests do not need.
#[expect(clippy::struct_excessive_bools, reason = "wishes that are independent of each other")]
#[derive(Default)]
pub struct Wishes<'a> {
    /// Further namespaces in which the operator works: how their names begin.
    pub others: &'a [&'a str],
    /// It may read namespaces.
    pub selectors: bool,
    /// Further purposes that the emulator knows, as `NAME=CLAIM,CLAIM?`.
    pub purposes: &'a [&'a str],
    /// The operator reaches the API server through a proxy.
    pub proxied: bool,
    /// The authentication service too.
    pub proxied_service: bool,
    /// The test has a control plane of its own, which it may take away.
    pub own_control_plane: bool,
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
        let control_plane = Plane::new(wishes.own_control_plane);
        let began = control_plane.audit().mark().expect("the audit log");
        let recorder = match &control_plane {
            Plane::Shared(_) => Recorder::shared(),
            Plane::Own(_, administrator) => Recorder::of(administrator),
        };
        let namespace = new_namespace(&control_plane, name);
        let others: Vec<_> = wishes.others.iter().map(|name| new_namespace(&control_plane, name)).collect();
        let all: Vec<_> = [&namespace].into_iter().chain(&others).cloned().collect();
        let values = json!({"namespaces": all, "namespaceSelectors": wishes.selectors});
        let kubeconfig = control_plane.install_rights(&namespace, &values).expect("the chart's rights");
        let mut settings = Settings::default();
        for purpose in wishes.purposes {
            settings.add_purpose(purpose).expect("a purpose");
        }
        let loopback = ([127, 0, 0, 1], 0).into();
        let emulator = runtime().block_on(Emulator::start(settings, loopback)).expect("an emulator");
        let given = control_plane.description();
        let proxy = wishes.proxied.then(|| ApiProxy::start(given, emulator.address()));
        if let Some(proxy) = &proxy {
            let text = std::fs::read_to_string(&kubeconfig).expect("a kubeconfig");
            let text = text.replace(&given.server, &format!("http://{}", proxy.address()));
            std::fs::write(&kubeconfig, text).expect("a kubeconfig");
        }
        let service = proxy.as_ref().filter(|_| wishes.proxied_service).map(ApiProxy::address);
        let service = service.unwrap_or(emulator.address());
        let arguments = [
            ("--namespaces", all.join(",")),
            ("--allow-endpoint", format!("http://{service}")),
            ("--http-bind-address", "127.0.0.1:0".to_owned()),
            ("--log-level", "trace".to_owned()),
            ("--log-format", "json".to_owned()),
        ];
        let arguments = arguments.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        let log = control_plane.description().folder.join(format!("{namespace}.operator.log"));
        Self {
            operator: Operator::new(kubeconfig, arguments, log),
            user: service_account_user(&namespace, RELEASE),
            granted: rights::granted(control_plane.cluster(), &namespace, &all),
            began,
            refusals: false,
            selectors: wishes.selectors,
            further_calls: Vec::new(),
            broken_off: Vec::new(),
            recorder,
            namespace,
            others,
            service: emulator.base_url().replace(&emulator.address().to_string(), &service.to_string()),
            proxy,
            emulator,
            control_plane,
        }
    }

    /// The API server, as its administrator.
    pub fn cluster(&self) -> &Cluster {
        self.control_plane.cluster()
    }

    /// An app of the emulator, and the client Secret of the same name with its key and secret.
    pub fn login(&self, name: &str, scope: AppScope) -> App {
        let app = App::new(&format!("{name}-key"), &format!("{MARK}{name}"), scope);
        self.emulator.put_app(app.clone());
        self.client_secret(name, &json!({"client_id": app.client_id, "client_secret": app.client_secret}));
        app
    }

    /// A Secret with these data.
    pub fn client_secret(&self, name: &str, data: &Value) {
        self.create(Kind::Secret, json!({"metadata": {"name": name}, "type": "Opaque", "stringData": data}));
    }

    /// Gives the app another secret, and the client Secret too.
    pub fn change_secret(&self, app: &App, secret: &str) {
        let secret = format!("{MARK}{secret}");
        self.emulator.put_app(App { client_secret: secret.clone(), ..app.clone() });
        let name = app.client_id.trim_end_matches("-key");
        self.edit(Kind::Secret, name, json!({"stringData": {"client_secret": secret}}));
    }

    /// A credential of the emulator, with the client Secret `client` unless `spec` says otherwise.
    pub fn credential(&self, name: &str, spec: Value) -> Value {
        let mut whole = json!({
            "environment": "Custom",
            "endpoint": {"url": self.service},
            "clientSecretRef": {"name": "client"},
        });
        lay_over(&mut whole, spec);
        self.create(Kind::Credential, json!({"metadata": {"name": name}, "spec": whole}))
    }

    /// A request for an interview with the credential `partner`, unless `spec` says otherwise.
    pub fn request(&self, name: &str, spec: Value) -> Value {
        let mut whole =
            json!({"credentialRef": {"name": "partner"}, "interviewId": format!("{name}-interview")});
        lay_over(&mut whole, spec);
        self.create(Kind::Request, json!({"metadata": {"name": name}, "spec": whole}))
    }

    /// The same in another namespace.
    pub fn request_in(&self, namespace: &str, name: &str, spec: Value) -> Value {
        let mut whole = json!({
            "credentialRef": {"name": "partner", "namespace": self.namespace},
            "interviewId": format!("{name}-interview"),
        });
        lay_over(&mut whole, spec);
        let manifest = json!({"metadata": {"name": name}, "spec": whole});
        let made = self.cluster().create(Kind::Request, namespace, manifest);
        made.unwrap_or_else(|status| panic!("{}", status.message))
    }

    /// A Backend app with its client Secret `client`, and a credential `partner` that is ready.
    pub fn partner(&self, spec: Value) -> (App, Value) {
        let app = self.login("client", AppScope::Backend);
        self.credential("partner", spec);
        let credential = self.wait_ready(Kind::Credential, "partner");
        (app, credential)
    }

    pub fn create(&self, kind: Kind, manifest: Value) -> Value {
        let made = self.cluster().create(kind, &self.namespace, manifest);
        made.unwrap_or_else(|status| panic!("{}", status.message))
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers write the change where they call")]
    pub fn edit(&self, kind: Kind, name: &str, change: Value) -> Value {
        self.cluster().edit(kind, &self.namespace, name, &change)
    }

    /// Asks for a renewal, as people do.
    pub fn ask_for_renewal(&self, kind: Kind, name: &str, value: &str) {
        let annotations = json!({"auth.rocketlawyer.com/renew-requested-at": value});
        self.edit(kind, name, json!({"metadata": {"annotations": annotations}}));
    }

    pub fn get(&self, kind: Kind, name: &str) -> Value {
        self.cluster().get(kind, &self.namespace, name)
    }

    pub fn secret(&self, name: &str) -> Value {
        let secret = self.get(Kind::Secret, name);
        assert!(!secret.is_null(), "there is no Secret {name}");
        secret
    }

    pub fn delete(&self, kind: Kind, name: &str) {
        self.cluster().delete(kind, &self.namespace, name, "Background");
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
        self.wait_in_within(PATIENCE, namespace, kind, name, wanted)
    }

    /// As [`World::wait_for`], with less patience.
    pub fn wait_within(
        &self,
        within: Duration,
        kind: Kind,
        name: &str,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.wait_in_within(within, &self.namespace, kind, name, wanted)
    }

    pub fn wait_in_within(
        &self,
        within: Duration,
        namespace: &str,
        kind: Kind,
        name: &str,
        wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.cluster().wait_for(kind, namespace, name, within, wanted).unwrap_or_else(|(last, seen)| {
            panic!(
                "{kind:?} {name} is not as wanted after {within:?} and {seen} versions; last:\n{}\n{}",
                shown(&last),
                self.situation()
            )
        })
    }

    /// Waits for a token.
    pub fn wait_ready(&self, kind: Kind, name: &str) -> Value {
        self.wait_told(kind, name, "True/Issued")
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
}

impl Plane {
    fn new(own: bool) -> Self {
        if own {
            let own = ControlPlane::start().expect("a control plane");
            let administrator = Cluster::of(&own);
            return Self::Own(Box::new(own), administrator);
        }
        Self::Shared(ControlPlane::shared().expect("a control plane"))
    }

    fn cluster(&self) -> &Cluster {
        match self {
            Self::Shared(_) => Cluster::shared(),
            Self::Own(_, administrator) => administrator,
        }
    }

    /// One that this test may do anything to.
    pub fn own(&mut self) -> &mut ControlPlane {
        match self {
            Self::Own(own, _) => own,
            Self::Shared(_) => panic!("other tests need it"),
        }
    }
}

impl Deref for Plane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        match self {
            Self::Shared(shared) => shared,
            Self::Own(own, _) => own,
        }
    }
}

impl Drop for World {
    /// Whatever a test was about: the operator asks for nothing that the chart does not grant, does nothing that the core
    /// does not explain, and shows no secret.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.operator.end();
            rights::check(self);
            replay::check(self);
            secrets_stay_secret::check(self);
        }
    }
}

fn new_namespace(control_plane: &ControlPlane, name: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let namespace = format!("{name}-{}-{number}", std::process::id());
    control_plane.kubectl(&["create", "namespace", &namespace]).expect("a namespace");
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

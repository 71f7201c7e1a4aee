//! How does a test see and change the cluster? As administrator, through one client and one runtime that all tests share; where
//! a test has a control plane of its own, through a client of that.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use control_plane::ControlPlane;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{Status, WatchEvent};
use kube::{Client, Config};
use rocketlawyer_operator::cluster::{ApiServer, Clients};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// How many objects are created at once, where there are many.
const AT_ONCE: usize = 16;

/// What tests look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Credential,
    Request,
    Secret,
    Event,
    ConfigMap,
    Role,
    ClusterRole,
}

/// Runs what is asynchronous; the emulators live in it.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

/// One API server, as its administrator.
pub struct Cluster {
    kubeconfig: PathBuf,
    client: OnceCell<Client>,
}

/// The object as it is; null where there is none.
pub fn get(kind: Kind, namespace: &str, name: &str) -> Value {
    Cluster::shared().get(kind, namespace, name)
}

/// All of a namespace.
pub fn list(kind: Kind, namespace: &str) -> Vec<Value> {
    Cluster::shared().list(kind, namespace)
}

/// What is at this path.
pub fn read(path: &str) -> Value {
    Cluster::shared().read(path)
}

/// Creates it, with `apiVersion` and `kind` filled in.
pub fn create(kind: Kind, namespace: &str, manifest: Value) -> Result<Value, Box<Status>> {
    Cluster::shared().create(kind, namespace, manifest)
}

/// Merges a change into it.
pub fn edit(kind: Kind, namespace: &str, name: &str, change: &Value) -> Value {
    Cluster::shared().edit(kind, namespace, name, change)
}

/// The same, where the server may refuse.
pub fn try_edit(kind: Kind, namespace: &str, name: &str, change: &Value) -> Result<Value, Box<Status>> {
    send(Method::PATCH, &kind.one(namespace, name), Some(change))
}

/// Merges a change into its status.
pub fn edit_status(kind: Kind, namespace: &str, name: &str, change: &Value) -> Result<Value, Box<Status>> {
    send(Method::PATCH, &format!("{}/status", kind.one(namespace, name)), Some(change))
}

/// Deletes it, as `policy` (`Background`, `Foreground`, `Orphan`) says.
pub fn delete(kind: Kind, namespace: &str, name: &str, policy: &str) {
    Cluster::shared().delete(kind, namespace, name, policy);
}

/// Uses the operator's own way of writing, with an administrator's rights.
pub fn as_operator<T>(write: impl AsyncFnOnce(&ApiServer) -> T) -> T {
    runtime().block_on(async {
        let clients = Clients::for_config(Cluster::shared().config().await).expect("clients");
        write(&clients.api).await
    })
}

fn send(method: Method, path: &str, body: Option<&Value>) -> Result<Value, Box<Status>> {
    Cluster::shared().send(method, path, body)
}

impl Cluster {
    /// That of all tests.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::of(ControlPlane::shared().expect("a control plane")))
    }

    /// That of a control plane.
    pub fn of(running: &ControlPlane) -> Self {
        Self { kubeconfig: running.description().kubeconfig.clone(), client: OnceCell::new() }
    }

    /// As [`get`].
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Value {
        match self.send(Method::GET, &kind.one(namespace, name), None) {
            Ok(object) => object,
            Err(status) if status.code == 404 => Value::Null,
            Err(status) => panic!("{kind:?} {name}: {}", status.message),
        }
    }

    /// As [`list`].
    pub fn list(&self, kind: Kind, namespace: &str) -> Vec<Value> {
        let list = self.send(Method::GET, &kind.all(namespace), None).expect("a list");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// As [`read`].
    pub fn read(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).expect("an answer")
    }

    /// An administrator's connection.
    pub fn connected(&self) -> Client {
        runtime().block_on(self.client()).clone()
    }

    /// As [`create`].
    pub fn create(&self, kind: Kind, namespace: &str, mut manifest: Value) -> Result<Value, Box<Status>> {
        let (version, name) = kind.type_meta();
        manifest["apiVersion"] = json!(version);
        manifest["kind"] = json!(name);
        self.send(Method::POST, &kind.all(namespace), Some(&manifest))
    }

    /// Creates many, a few at a time.
    pub fn create_all(&self, kind: Kind, namespace: &str, manifests: impl Iterator<Item = Value>) {
        let path = kind.all(namespace);
        let (version, name) = kind.type_meta();
        let created = stream::iter(manifests).map(|mut manifest| {
            manifest["apiVersion"] = json!(version);
            manifest["kind"] = json!(name);
            let path = &path;
            async move { self.request(Method::POST, path, Some(&manifest)).await.map(drop) }
        });
        let created = runtime().block_on(created.buffer_unordered(AT_ONCE).try_collect::<()>());
        created.expect("manifests that are accepted");
    }

    /// As [`edit`].
    pub fn edit(&self, kind: Kind, namespace: &str, name: &str, change: &Value) -> Value {
        let edited = self.send(Method::PATCH, &kind.one(namespace, name), Some(change));
        edited.expect("an edit that is accepted")
    }

    /// As [`delete`].
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str, policy: &str) {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy});
        let deleted = self.send(Method::DELETE, &kind.one(namespace, name), Some(&options));
        deleted.expect("a deletion that is accepted");
    }

    /// Watches the object until `wanted` holds of it (of null while there is none). `Err`: what was seen last, and how many
    /// versions.
    pub fn wait_for(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        within: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Value, (Value, usize)> {
        let (mut last, mut seen) = (Value::Null, 0);
        let found = runtime().block_on(async {
            let follow_until = async {
                loop {
                    let mut done = false;
                    self.follow(kind, namespace, name, |object| {
                        last = object;
                        seen += 1;
                        done = wanted(&last);
                        done
                    })
                    .await;
                    if done {
                        return;
                    }
                }
            };
            tokio::time::timeout(within, follow_until).await
        });
        match found {
            Ok(()) => Ok(last),
            Err(_) => Err((last, seen)),
        }
    }

    /// Shows every version of the object from now on, until one is the last that is wanted or the server ends the watch.
    async fn follow(&self, kind: Kind, namespace: &str, name: &str, mut show: impl FnMut(Value) -> bool) {
        let selected = format!("{}?fieldSelector=metadata.name%3D{name}", kind.all(namespace));
        let list = self.request(Method::GET, &selected, None).await.expect("a list");
        let mut object = list["items"][0].clone();
        if !object.is_null() {
            // The server leaves this out in lists, and an object is to look the same however it was seen.
            let (version, name) = kind.type_meta();
            object["apiVersion"] = json!(version);
            object["kind"] = json!(name);
        }
        if show(object) {
            return;
        }
        let version = list["metadata"]["resourceVersion"].as_str().expect("a version");
        let uri = format!("{selected}&watch=true&timeoutSeconds=300&resourceVersion={version}");
        let watch = Request::get(uri).body(Vec::new()).expect("a request");
        let events = self.client().await.request_events::<Value>(watch).await.expect("a watch");
        let mut events = std::pin::pin!(events);
        while let Ok(Some(event)) = events.try_next().await {
            let object = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
                WatchEvent::Deleted(_) => Value::Null,
                WatchEvent::Bookmark(_) | WatchEvent::Error(_) => return,
            };
            if show(object) {
                return;
            }
        }
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Box<Status>> {
        runtime().block_on(self.request(method, path, body))
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Box<Status>> {
        let content =
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content)
            .body(body.map(|it| it.to_string().into_bytes()).unwrap_or_default())
            .expect("a request");
        match self.client().await.request(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => Err(status),
            Err(other) => panic!("no answer of an API server: {other}"),
        }
    }

    async fn client(&self) -> &Client {
        let connect = || async { Client::try_from(self.config().await).expect("a client") };
        self.client.get_or_init(connect).await
    }

    async fn config(&self) -> Config {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        config.expect("a configuration")
    }
}

impl Kind {
    fn all(self, namespace: &str) -> String {
        let (version, _) = self.type_meta();
        let base = if version == "v1" { "/api" } else { "/apis" };
        let plural = match self {
            Self::Credential => "rocketlawyercredentials",
            Self::Request => "scopedtokenrequests",
            Self::Secret => "secrets",
            Self::Event => "events",
            Self::ConfigMap => "configmaps",
            Self::Role => "roles",
            Self::ClusterRole => return format!("{base}/{version}/clusterroles"),
        };
        format!("{base}/{version}/namespaces/{namespace}/{plural}")
    }

    fn one(self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.all(namespace))
    }

    fn type_meta(self) -> (&'static str, &'static str) {
        match self {
            Self::Credential => ("auth.rocketlawyer.com/v1alpha1", "RocketLawyerCredential"),
            Self::Request => ("auth.rocketlawyer.com/v1alpha1", "ScopedTokenRequest"),
            Self::Secret => ("v1", "Secret"),
            Self::Event => ("events.k8s.io/v1", "Event"),
            Self::ConfigMap => ("v1", "ConfigMap"),
            Self::Role => ("rbac.authorization.k8s.io/v1", "Role"),
            Self::ClusterRole => ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        }
    }
}

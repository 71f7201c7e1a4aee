//! What the tests share: the control plane, a namespace each, and something to write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use control_plane::ControlPlane;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rocketlawyer_operator::cluster::Clients;
use rocketlawyer_operator::cluster::managed_secret::{Draft, OwnedBy};
use rocketlawyer_operator::decision::{InputsHash, KeyNames, Kind, Record, Template};
use rocketlawyer_operator::token::AccessToken;
use serde_json::{Value, json};

/// The control plane, and a namespace of this test's own.
pub struct World {
    pub control_plane: &'static ControlPlane,
    pub clients: Clients,
    pub namespace: String,
}

/// What a managed Secret is written from. Its owner is a `ConfigMap`'s uid in disguise: the collector leaves it alone
/// only while an object with that uid exists, so tests that take long use a real one.
pub struct Parts {
    pub owner: String,
    pub owner_uid: String,
    pub template: Template,
    pub record: Record,
    pub token: AccessToken,
}

impl World {
    pub async fn new(name: &str) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let control_plane = ControlPlane::shared().expect("a control plane");
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("{name}-{}-{number}", std::process::id());
        control_plane.kubectl(&["create", "namespace", &namespace]).expect("a namespace");
        let clients = clients(&control_plane.description().kubeconfig).await;
        Self { control_plane, clients, namespace }
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let all: Vec<_> = ["-n", &self.namespace].iter().chain(arguments).copied().collect();
        self.control_plane.kubectl(&all).expect("kubectl succeeds")
    }

    /// Applies a manifest in the namespace and gives it back as the server has it.
    pub fn apply(&self, mut manifest: Value) -> Value {
        manifest["metadata"]["namespace"] = json!(self.namespace);
        let arguments = ["apply", "--server-side", "--force-conflicts", "-o", "json", "-f", "-"];
        let out = self.control_plane.kubectl_with(&arguments, &manifest.to_string());
        serde_json::from_str(&out.expect("a manifest that is taken")).expect("JSON")
    }

    /// A credential, to own what is written.
    pub fn credential(&self, name: &str) -> Value {
        self.apply(json!({
            "apiVersion": "auth.rocketlawyer.com/v1alpha1",
            "kind": "RocketLawyerCredential",
            "metadata": {"name": name},
            "spec": {"environment": "Sandbox", "clientSecretRef": {"name": "client"}},
        }))
    }

    /// Something to write, owned by a credential of that name.
    pub fn parts(&self, owner: &str) -> Parts {
        let credential = self.credential(owner);
        Parts {
            owner: owner.to_owned(),
            owner_uid: text(&credential["metadata"]["uid"]),
            template: Template {
                name: format!("{owner}-access-token").into(),
                labels: BTreeMap::from([("team".into(), "legal".into())]),
                annotations: BTreeMap::new(),
                keys: KeyNames {
                    token: "access_token".into(),
                    token_type: "token_type".into(),
                    authorization: "authorization".into(),
                    expires_at: "expires_at".into(),
                },
            },
            record: Record {
                issued_at: "2026-11-24T15:15:00.123456789Z".parse().expect("a time"),
                expires_at: "2026-11-24T20:15:00.5Z".parse().expect("a time"),
                inputs: InputsHash::V1 { made_for: [1; 16], made_with: [2; 16] },
                renew_handled: None,
            },
            token: AccessToken::read("eyJhbGciOiJSUzI1NiJ9.e30.c2ln").expect("a token"),
        }
    }

    /// A service account with these rules in the namespace, and its clients.
    pub async fn account(&self, name: &str, rules: Value) -> Clients {
        self.kubectl(&["create", "serviceaccount", name]);
        self.apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules,
        }));
        self.apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.namespace}],
        }));
        let kubeconfig = self.control_plane.service_account_kubeconfig(&self.namespace, name);
        clients(&kubeconfig.expect("a kubeconfig")).await
    }
}

impl Parts {
    pub fn owner(&self) -> OwnedBy<'_> {
        OwnedBy { kind: Kind::Credential, name: &self.owner, uid: &self.owner_uid }
    }

    pub fn draft<'a>(&'a self, world: &'a World) -> Draft<'a> {
        Draft {
            namespace: &world.namespace,
            owner: self.owner(),
            template: &self.template,
            record: &self.record,
            token: &self.token,
        }
    }

    pub fn name(&self) -> &str {
        &self.template.name
    }
}

/// A Secret of somebody else's.
pub fn foreign_secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "type": "Opaque", "stringData": {"password": "theirs"},
    })
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub async fn clients(kubeconfig: &Path) -> Clients {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Clients::for_config(config.expect("a configuration")).expect("clients")
}

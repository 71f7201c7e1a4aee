//! What does the chart install? Renders it with real helm, and takes from it what a test or the demo needs.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::control_plane::{ControlPlane, run_with_input, workspace};
use crate::error::Error;
use crate::tools::{KUBERNETES_VERSION, Tool};

/// The name of the release and, by the chart's rule, of what it installs.
pub const RELEASE: &str = "rocketlawyer-operator";

/// The chart's folder in the workspace.
#[must_use]
pub fn chart() -> PathBuf {
    workspace().join("charts").join("rocketlawyer-operator")
}

/// The manifests that `helm install -n namespace` with these values would create, each as an object.
pub fn render_chart(namespace: &str, values: &Value) -> Result<Vec<Value>, Error> {
    let text = render_chart_text(namespace, values)?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| Error::Undecodable {
        what: "what helm rendered".to_owned(),
        why: error.to_string(),
    })?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The same as one YAML text.
pub fn render_chart_text(namespace: &str, values: &Value) -> Result<String, Error> {
    let mut helm = Command::new(Tool::Helm.path()?);
    helm.args(["template", RELEASE]).arg(chart());
    helm.args(["--namespace", namespace, "--values", "-"]);
    helm.args(["--kube-version", KUBERNETES_VERSION]);
    run_with_input(&mut helm, &values.to_string())
}

/// Those objects that say who the operator is and what it may do.
#[must_use]
pub fn rights(rendered: &[Value]) -> Vec<Value> {
    let says_so = |object: &&Value| {
        matches!(
            object["kind"].as_str(),
            Some("ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding")
        )
    };
    rendered.iter().filter(says_so).cloned().collect()
}

/// The arguments that the chart's Deployment starts the operator with.
#[must_use]
pub fn operator_arguments(rendered: &[Value]) -> Vec<String> {
    rendered
        .iter()
        .filter(|object| object["kind"] == "Deployment")
        .filter_map(|deployment| deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array())
        .flatten()
        .filter_map(|argument| argument.as_str().map(str::to_owned))
        .collect()
}

impl ControlPlane {
    /// Gives an operator outside the cluster exactly what the chart would give it, in a namespace that exists: applies
    /// its `ServiceAccount` and rights, and writes a kubeconfig for that account.
    pub fn install_rights(&self, namespace: &str, values: &Value) -> Result<PathBuf, Error> {
        let objects = rights(&render_chart(namespace, values)?);
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.apply(&list.to_string())?;
        let account = objects.iter().find(|object| object["kind"] == "ServiceAccount");
        let name = account.and_then(|it| it["metadata"]["name"].as_str()).unwrap_or(RELEASE);
        self.service_account_kubeconfig(namespace, name)
    }
}

//! What does the chart install? Renders it with real helm; it applies nothing.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::control_plane::{run_with_input, workspace};
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
    helm.args(["--namespace", namespace, "--include-crds", "--values", "-"]);
    helm.args(["--kube-version", KUBERNETES_VERSION]);
    run_with_input(&mut helm, &values.to_string())
}

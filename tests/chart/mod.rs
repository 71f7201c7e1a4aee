//! What the chart promises, with real helm and a real API server. Needs nothing but `control_plane`.

mod installation;
mod network;
mod pod;
mod rights;
mod values;

use control_plane::ControlPlane;
use control_plane::chart::render_chart;
use serde_json::{Value, json};

/// A namespace of this run's own: a control plane may outlive a run. With Pod Security *restricted* in force.
fn namespace(name: &str) -> String {
    let name = format!("{name}-{}", std::process::id());
    let restricted = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let metadata = json!({"name": name, "labels": restricted});
    let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    if let Err(error) = control_plane().apply(&manifest.to_string()) {
        panic!("the namespace {name}: {error}");
    }
    name
}

fn control_plane() -> &'static ControlPlane {
    ControlPlane::shared().unwrap_or_else(|error| panic!("{error}"))
}

/// The combinations of values that change which objects there are.
fn installations(namespaces: &[String]) -> Vec<Value> {
    vec![
        json!({}),
        json!({"namespaces": namespaces}),
        json!({
            "namespaces": namespaces,
            "namespaceSelectors": true,
            "allowEndpoints": ["https://gateway.example.com", "http://127.0.0.1:8090"],
            "caBundle": {"configMap": "roots"},
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
            "imagePullSecrets": [{"name": "pull"}],
            "podLabels": {"team": "platform"},
            "podAnnotations": {"example.com/note": "yes"},
            "serviceAccount": {"name": "tokens", "annotations": {"example.com/note": "yes"}},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "priorityClassName": "system-cluster-critical",
            "networkPolicy": {"enabled": true, "from": [{"namespaceSelector": {"matchLabels": {"team": "watch"}}}]},
        }),
    ]
}

fn rendered(namespace: &str, values: &Value) -> Vec<Value> {
    render_chart(namespace, values).unwrap_or_else(|error| panic!("the chart with {values}: {error}"))
}

/// The only object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let (Some(object), None) = (found.next(), found.next()) else {
        panic!("not one {kind} among {} objects", objects.len());
    };
    object
}

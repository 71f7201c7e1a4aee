//! Does the operator's Pod pass Pod Security *restricted*, and would a softer one not?

use control_plane::{ControlPlane, Error};
use serde_json::{Value, json};

use super::{control_plane, installations, namespace, only, rendered};

#[test]
fn the_pod_passes_restricted_and_no_softer_one_does() {
    let control_plane = control_plane();
    let namespace = &namespace("chart-restricted");

    for values in installations(&["a".to_owned()]) {
        let objects = rendered(namespace, &values);
        control_plane.apply(&only(&objects, "ServiceAccount").to_string()).unwrap();
        let pod = pod(&objects, namespace);
        create_dry(control_plane, &pod).unwrap_or_else(|error| panic!("with {values}: {error}"));
    }

    let pod = pod(&rendered(namespace, &json!({})), namespace);
    let container = "/spec/containers/0/securityContext";
    let softer = [
        (format!("{container}/allowPrivilegeEscalation"), json!(true)),
        (format!("{container}/capabilities/drop"), json!([])),
        (format!("{container}/capabilities/add"), json!(["NET_ADMIN"])),
        ("/spec/securityContext/runAsNonRoot".to_owned(), json!(false)),
        ("/spec/securityContext/seccompProfile".to_owned(), Value::Null),
        ("/spec/hostNetwork".to_owned(), json!(true)),
    ];
    for (place, value) in softer {
        let mut changed = pod.clone();
        set(&mut changed, &place, value);
        let said = match create_dry(control_plane, &changed) {
            Ok(answer) => panic!("with {place} changed it is still accepted: {answer}"),
            Err(error) => error.to_string(),
        };
        assert!(said.contains("violates PodSecurity"), "{place}: {said}");
    }
}

#[test]
fn the_pod_can_write_nothing_and_takes_any_uid() {
    let objects = rendered("rl", &json!({}));
    let spec = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
    let text = spec.to_string();
    for fixed in ["runAsUser", "runAsGroup", "fsGroup", "emptyDir", "hostPath"] {
        assert!(!text.contains(fixed), "{fixed} in {text}");
    }
}

#[test]
fn there_are_never_two_at_once() {
    let objects = rendered("rl", &json!({}));
    let spec = &only(&objects, "Deployment")["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
}

fn pod(objects: &[Value], namespace: &str) -> Value {
    let template = &only(objects, "Deployment")["spec"]["template"];
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": template["metadata"]});
    pod["metadata"]["name"] = json!("operator");
    pod["metadata"]["namespace"] = json!(namespace);
    pod
}

fn create_dry(control_plane: &ControlPlane, pod: &Value) -> Result<String, Error> {
    control_plane.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &pod.to_string())
}

fn set(object: &mut Value, place: &str, value: Value) {
    let (parent, key) = place.rsplit_once('/').unwrap_or(("", place));
    match object.pointer_mut(parent) {
        Some(parent) => parent[key] = value,
        None => panic!("no {parent} in {object}"),
    }
}

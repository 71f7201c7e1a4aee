//! Can what the chart renders be installed, upgraded and removed?

use std::path::PathBuf;
use std::process::Command;

use control_plane::chart::{RELEASE, chart, rights};
use control_plane::control_plane::workspace;
use control_plane::{ControlPlane, Tool};
use serde_json::{Value, json};

use super::{control_plane, installations, namespace, rendered};

#[test]
fn a_server_accepts_all_that_is_rendered() {
    let namespaces = ["chart-accepted", "chart-accepted-a", "chart-accepted-b"].map(namespace);
    for values in installations(&namespaces[1..]) {
        let items = rendered(&namespaces[0], &values);
        assert!(items.len() > rights(&items).len(), "more than rights with {values}");
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let dry = ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"];
        control_plane()
            .kubectl_with(&dry, &list.to_string())
            .unwrap_or_else(|error| panic!("with {values}: {error}"));
    }
}

#[test]
fn the_definitions_are_those_of_the_repository() {
    let mut specs: Vec<Value> = rendered("rl", &json!({}))
        .into_iter()
        .filter(|object| object["kind"] == "CustomResourceDefinition")
        .collect();
    specs.sort_by_key(|it| it["metadata"]["name"].to_string());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(workspace().join("crds")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let sources: Vec<Value> = files
        .iter()
        .map(|path| serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect();
    assert_eq!(sources.len(), 2, "{files:?}");
    for (rendered, source) in specs.iter().zip(&sources) {
        assert_eq!(rendered["metadata"]["name"], source["metadata"]["name"]);
        assert_eq!(rendered["spec"], source["spec"], "{}", source["metadata"]["name"]);
        assert_eq!(rendered["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
    assert_eq!(specs.len(), sources.len());

    let without = rendered("rl", &json!({"crds": {"install": false}}));
    assert!(without.iter().all(|object| object["kind"] != "CustomResourceDefinition"));
    let unkept =
        rendered("rl", &json!({"crds": {"keep": false}})).iter().map(Value::to_string).collect::<String>();
    assert!(!unkept.contains("resource-policy"));
}

#[test]
fn a_fresh_cluster_needs_no_values_and_keeps_its_definitions() {
    // Of its own: in the shared one the definitions belong to nobody, and helm would not take them over.
    let fresh = ControlPlane::start_with(&[]).unwrap();
    let helm = |arguments: &[&str]| helm(&fresh, arguments);
    let chart = chart();
    let chart = chart.to_str().unwrap();
    let notes = helm(&["install", RELEASE, chart, "--create-namespace"]);
    assert!(notes.contains("works in every namespace"), "{notes}");
    let deployed =
        fresh.kubectl(&["get", "deployment", RELEASE, "-n", "rocketlawyer", "-o", "name"]).unwrap();
    assert_eq!(deployed.trim_end(), format!("deployment.apps/{RELEASE}"));

    // As if an older release had installed fewer short names.
    let older = r#"[{"op": "remove", "path": "/spec/names/shortNames"}]"#;
    let definition = "scopedtokenrequests.auth.rocketlawyer.com";
    fresh.kubectl(&["patch", "crd", definition, "--type=json", "-p", older]).unwrap();
    let short_names =
        || fresh.kubectl(&["get", "crd", definition, "-o", "jsonpath={.spec.names.shortNames[*]}"]).unwrap();
    assert_eq!(short_names(), "");
    helm(&["upgrade", RELEASE, chart, "--set", "logLevel=debug", "--force-conflicts"]);
    assert_eq!(short_names(), "str");

    helm(&["uninstall", RELEASE]);
    assert_eq!(short_names(), "str", "with the definitions every credential and request would be gone");
    assert!(fresh.kubectl(&["get", "clusterrole", &format!("{RELEASE}:rocketlawyer")]).is_err());
}

#[test]
fn two_releases_of_one_name_share_nothing_of_the_cluster() {
    let of_the_cluster = |namespace: &str| -> Vec<String> {
        let objects = rendered(namespace, &json!({"crds": {"install": false}}));
        let named = objects.iter().filter(|it| it["metadata"]["namespace"].is_null());
        named.map(|it| format!("{} {}", it["kind"], it["metadata"]["name"])).collect()
    };
    let (one, other) = (of_the_cluster("legal"), of_the_cluster("web"));
    assert!(one.len() >= 5, "{one:?}");
    let shared: Vec<_> = one.iter().filter(|it| other.contains(it)).collect();
    assert!(shared.is_empty(), "{shared:?} would be taken from the first release by the second");
}

/// Runs helm as administrator, in a namespace that the chart's text never mentions.
fn helm(cluster: &ControlPlane, arguments: &[&str]) -> String {
    let output = Tool::Helm.path().map(|helm| {
        let mut command = Command::new(helm);
        command.args(arguments).args(["--namespace", "rocketlawyer", "--kubeconfig"]);
        command.arg(&cluster.description().kubeconfig).output()
    });
    match output {
        Ok(Ok(output)) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(Ok(output)) => panic!("helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
        Ok(Err(error)) => panic!("helm {arguments:?}: {error}"),
        Err(error) => panic!("{error}"),
    }
}

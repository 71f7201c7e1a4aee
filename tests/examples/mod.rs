//! Promise: every manifest in examples/ and README.md is accepted as it stands, down to the last field name.
#![expect(clippy::expect_used, reason = "a test ends at what it did not expect")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, Error};
use rocketlawyer_operator::api::names::{CREDENTIAL_KIND, REQUEST_KIND};
use rocketlawyer_operator::state::spec::{CredentialSpec, RequestSpec};
use serde_json::{Value, json};

use crate::admission::cluster;

/// Where manifests without a namespace go.
const NAMESPACE: &str = "examples";
/// The same for those of the README, which have names of their own kind.
const README_NAMESPACE: &str = "readme";

#[tokio::test]
async fn every_example_is_accepted() {
    let client = cluster::client().await;
    apply(&client, NAMESPACE, &namespace(NAMESPACE)).await.expect("a namespace for the examples");
    let mut complaints = Vec::new();
    for path in manifests() {
        let text = std::fs::read_to_string(&path).expect("an example");
        let documents = documents(&text);
        assert!(!documents.is_empty(), "{} is empty", path.display());
        for document in documents {
            if let Err(error) = apply(&client, NAMESPACE, &document).await {
                complaints.push(format!(
                    "{}: {} is refused: {error}",
                    path.display(),
                    document["metadata"]["name"]
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What the API server takes may still make no sense to the operator.
#[test]
fn every_example_makes_sense_to_the_operator() {
    let allowed = ["https://gateway.example.com".parse().expect("an origin")];
    let mut checked = 0;
    for path in manifests() {
        let text = std::fs::read_to_string(&path).expect("an example");
        for document in documents(&text) {
            let name = document["metadata"]["name"].as_str().expect("a name");
            let spec = document["spec"].clone();
            let fault = match document["kind"].as_str() {
                Some(CREDENTIAL_KIND) => {
                    let spec = serde_json::from_value(spec).expect("a credential");
                    CredentialSpec::check(name, &spec, &allowed).err()
                }
                Some(REQUEST_KIND) => {
                    let spec = serde_json::from_value(spec).expect("a request");
                    RequestSpec::check(NAMESPACE, name, &spec).err()
                }
                _ => continue,
            };
            checked += 1;
            assert_eq!(fault, None, "{}: {name}", path.display());
        }
    }
    assert!(checked >= 15, "only {checked} objects");
}

#[tokio::test]
async fn every_manifest_of_the_readme_is_accepted() {
    let client = cluster::client().await;
    // One of its manifests is for a namespace of the reader's.
    for name in [README_NAMESPACE, "legal"] {
        let created = apply(&client, README_NAMESPACE, &namespace(name)).await;
        created.expect("a namespace for the README");
    }
    let text = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(blocks.len() >= 4, "only {} manifests", blocks.len());
    for document in blocks.iter().flat_map(|block| documents(block)) {
        let applied = apply(&client, README_NAMESPACE, &document).await;
        assert!(
            applied.is_ok(),
            "README.md: {} {}: {applied:?}",
            document["kind"],
            document["metadata"]["name"]
        );
    }
}

#[test]
fn the_examples_show_every_field_of_both_kinds() {
    let mut shown = BTreeSet::new();
    for path in manifests() {
        let text = std::fs::read_to_string(&path).expect("an example");
        for document in documents(&text) {
            let kind = document["kind"].as_str().expect("a kind");
            shown.extend(fields(&document["spec"]).into_iter().map(|field| format!("{kind}.{field}")));
        }
    }
    let mut missing = Vec::new();
    for crd in rocketlawyer_operator::api::crds() {
        let crd = serde_json::to_value(crd).expect("plain data");
        let kind = crd["spec"]["names"]["kind"].as_str().expect("a kind");
        let spec =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        let names = spec.as_object().expect("fields").keys();
        missing.extend(names.map(|name| format!("{kind}.{name}")).filter(|name| !shown.contains(name)));
    }
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

fn manifests() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).expect("examples/");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    assert!(paths.len() >= 10, "only {} examples", paths.len());
    paths
}

/// As `kubectl apply --server-side` does, with names that the server does not know refused.
async fn apply(client: &Client, default: &str, manifest: &Value) -> Result<(), Error> {
    let object: DynamicObject = serde_json::from_value(manifest.clone()).expect("an object");
    let types = object.types.clone().expect("apiVersion and kind");
    let kind = GroupVersionKind::try_from(types).expect("apiVersion and kind");
    let (resource, capabilities) = pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = match (capabilities.scope, &object.metadata.namespace) {
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
        (Scope::Namespaced, there) => {
            Api::namespaced_with(client.clone(), there.as_deref().unwrap_or(default), &resource)
        }
    };
    let name = object.metadata.name.clone().expect("a name");
    let how = PatchParams::apply("examples-test").force().validation_strict();
    api.patch(&name, &how, &Patch::Apply(manifest)).await.map(|_| ())
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn fields(spec: &Value) -> Vec<String> {
    spec.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

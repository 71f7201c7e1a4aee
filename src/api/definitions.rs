//! What is installed into a cluster? The two `CustomResourceDefinition`s, generated from the types beside this file.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

use super::condition::{READY, UNKNOWN};
use super::{Reason, RocketLawyerCredential, ScopedTokenRequest};

/// The definitions of both kinds.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 2] {
    [RocketLawyerCredential::crd(), ScopedTokenRequest::crd()].map(finished)
}

/// [`crds`] as one YAML stream, for `kubectl apply -f -`.
#[must_use]
pub fn crds_yaml() -> String {
    crds().iter().map(crd_yaml).collect::<Vec<_>>().join("---\n")
}

#[expect(clippy::expect_used, reason = "plain data; the test that compares crds/ writes both")]
fn crd_yaml(crd: &CustomResourceDefinition) -> String {
    serde_saphyr::to_string(crd).expect("a definition is plain data")
}

/// What the derive cannot say of a definition.
fn finished(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            without_nulls(schema);
            with_status_of_an_unseen_object(schema);
        }
    }
    crd
}

/// A null is an absent field: without `nullable` the server drops it before any rule looks.
fn without_nulls(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for property in schema.properties.iter_mut().flat_map(|it| it.values_mut()) {
        without_nulls(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        without_nulls(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        without_nulls(values);
    }
}

/// The status of a new object says that nobody has seen it, so that nobody takes it for a good one.
fn with_status_of_an_unseen_object(schema: &mut JSONSchemaProps) {
    let status = schema.properties.as_mut().and_then(|it| it.get_mut("status"));
    if let Some(status) = status {
        status.default = Some(JSON(json!({
            "observedGeneration": -1,
            "conditions": [{
                "type": READY,
                "status": UNKNOWN,
                "observedGeneration": -1,
                "reason": Reason::Pending.as_str(),
                "message": "Waiting for the operator to look at this object.",
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            }],
        })));
    }
}

#[cfg(test)]
mod tests;

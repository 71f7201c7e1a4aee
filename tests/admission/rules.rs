//! Which rules are there? What the definitions refuse, by field and sentence, and what an answer refused.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::core::Status;

/// A rule of a field, or its voice in an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    plural: String,
    field: String,
    pub(crate) says: String,
}

/// Every rule of both definitions.
pub(crate) fn rules() -> BTreeSet<Refusal> {
    let mut rules = BTreeSet::new();
    for crd in rocketlawyer_operator::api::crds() {
        for version in crd.spec.versions {
            let schema = version.schema.and_then(|it| it.open_api_v3_schema).expect("a schema");
            collect(&crd.spec.names.plural, "", &schema, &mut rules);
        }
    }
    rules
}

impl Refusal {
    /// All that an answer complains of.
    pub(crate) fn all(plural: &str, status: &Status) -> Vec<Self> {
        let causes = status.details.iter().flat_map(|it| &it.causes);
        let refusal = |cause: &kube::core::response::StatusCause| Self {
            plural: plural.to_owned(),
            field: without_indices(&cause.field),
            says: sentence(&cause.message),
        };
        causes.map(refusal).collect()
    }
}

fn collect(plural: &str, field: &str, schema: &JSONSchemaProps, rules: &mut BTreeSet<Refusal>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        rules.insert(Refusal {
            plural: plural.to_owned(),
            field: format!("{field}{}", rule.field_path.as_deref().unwrap_or_default()),
            says: rule.message.clone().expect("every rule has a sentence"),
        });
    }
    for (name, property) in schema.properties.iter().flatten() {
        let dot = if field.is_empty() { "" } else { "." };
        collect(plural, &format!("{field}{dot}{name}"), property, rules);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        collect(plural, field, items, rules);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        collect(plural, field, values, rules);
    }
}

/// `spec.allowedPurposes[1]` is `spec.allowedPurposes`; the whole object is nothing.
fn without_indices(field: &str) -> String {
    let mut depth = 0_u32;
    let outside = field.chars().filter(|c| match c {
        '[' => {
            depth += 1;
            false
        }
        ']' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    let outside: String = outside.collect();
    if outside == "<nil>" { String::new() } else { outside }
}

/// What follows the server's `Invalid value: "…": `, `Forbidden: ` and the like.
fn sentence(message: &str) -> String {
    static SENTENCES: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| rules().into_iter().map(|it| it.says).collect());
    let ours = SENTENCES.iter().find(|it| message.ends_with(&format!(": {it}")));
    ours.cloned().unwrap_or_else(|| message.to_owned())
}

//! How long may lists and maps be? Their schemas, with the rules of their items.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::value::{
    LABEL_VALUE, LABEL_VALUE_SENTENCE, NAMESPACE, NAMESPACE_SENTENCE, TRIMMED, TRIMMED_SENTENCE, WORD,
};

/// Labels of a Secret.
pub(in crate::api) fn labels(_: &mut SchemaGenerator) -> Schema {
    texts(32, 63)
}

/// Annotations of a Secret.
pub(in crate::api) fn annotations(_: &mut SchemaGenerator) -> Schema {
    texts(32, 4096)
}

/// Labels of a namespace.
pub(in crate::api) fn match_labels(_: &mut SchemaGenerator) -> Schema {
    texts(16, 63)
}

/// Claims of a service token.
pub(in crate::api) fn claims(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": "string",
            "maxLength": 1024,
            "x-kubernetes-validations": [{ "rule": TRIMMED, "message": TRIMMED_SENTENCE }],
        },
    })
}

/// Names of namespaces.
pub(in crate::api) fn namespace_names(_: &mut SchemaGenerator) -> Schema {
    list(256, 63, NAMESPACE, NAMESPACE_SENTENCE)
}

/// Purposes.
pub(in crate::api) fn purposes(_: &mut SchemaGenerator) -> Schema {
    list(64, 253, WORD, "write it without spaces and not empty, such as api.rocketlawyer.com/rocketdoc")
}

/// Values of one label.
pub(in crate::api) fn label_value_list(_: &mut SchemaGenerator) -> Schema {
    list(32, 63, LABEL_VALUE, LABEL_VALUE_SENTENCE)
}

/// An instant. The server checks the format.
pub(in crate::api) fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

fn texts(most: u32, longest: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": most,
        "additionalProperties": { "type": "string", "maxLength": longest },
    })
}

fn list(most: u32, longest: u32, rule: &str, message: &str) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "items": {
            "type": "string",
            "maxLength": longest,
            "x-kubernetes-validations": [{ "rule": rule, "message": message }],
        },
    })
}

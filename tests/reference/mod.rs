//! Promise: docs/reference.md is what the types, rules and reasons say. Generated here, compared here.
#![expect(clippy::expect_used, reason = "a test ends at what it did not expect")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rocketlawyer_operator::api::{Reason, condition, crds, names};
use serde_json::Value;

#[test]
fn the_reference_is_as_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let reference = reference();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &reference).expect("docs/");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == reference,
        "docs/reference.md is not as generated: run `UPDATE=1 cargo test the_reference_is_as_generated`"
    );
}

fn reference() -> String {
    let mut text = String::from(
        "<!-- Generated from src/api. To change it, change the types there and run\n     `UPDATE=1 cargo test the_reference_is_as_generated`. -->\n\n# Reference\n\n",
    );
    let _ = writeln!(text, "Group `{}`, version `{}`.", names::GROUP, names::VERSION);
    for crd in crds() {
        kind(&mut text, &serde_json::to_value(crd).expect("plain data"));
    }
    conditions(&mut text);
    reasons(&mut text);
    secret(&mut text);
    text
}

fn kind(text: &mut String, crd: &Value) {
    let names = &crd["spec"]["names"];
    let (kind, short) = (as_text(&names["kind"]), as_text(&names["shortNames"][0]));
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let _ = writeln!(text, "\n## {kind} (`{short}`)\n\n{}", as_text(&schema["description"]));
    for part in ["spec", "status"] {
        let _ = writeln!(text, "\n### {part}\n\n| field | type | default | meaning |\n|---|---|---|---|");
        fields(text, "", &schema["properties"][part]);
    }
    let mut sentences = BTreeMap::new();
    rules(&mut sentences, "", schema);
    let _ = writeln!(text, "\n### What is refused\n\n| field | the API server says |\n|---|---|");
    for (sentence, fields) in sentences {
        let _ = writeln!(text, "| {} | {} |", fields.join(", "), cell(&sentence).replace('<', "&lt;"));
    }
}

/// A row for each field, those of a structure below it. A required field says so in the place of its default.
fn fields(text: &mut String, path: &str, schema: &Value) {
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let default = match &field["default"] {
            _ if required(name) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
        let meaning = cell(field["description"].as_str().unwrap_or_default());
        let _ = writeln!(text, "| `{path}` | {} | {default} | {meaning} |", type_of(field));
        fields(text, &path, field);
        fields(text, &format!("{path}[]"), &field["items"]);
    }
}

fn type_of(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        return values.iter().map(as_text).collect::<Vec<_>>().join(", ");
    }
    match as_text(&field["type"]) {
        "array" => format!("list of {}", type_of(&field["items"])),
        "object" if field["additionalProperties"].is_object() => "map of texts".to_owned(),
        "object" => "structure".to_owned(),
        "string" if field["format"] == "date-time" => "instant".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        other => other.to_owned(),
    }
}

/// The fields of each sentence.
fn rules(sentences: &mut BTreeMap<String, Vec<String>>, path: &str, schema: &Value) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let field = format!("{path}{}", rule["fieldPath"].as_str().unwrap_or_default());
        let field = if field.is_empty() { "the object".to_owned() } else { format!("`{field}`") };
        sentences.entry(as_text(&rule["message"]).to_owned()).or_default().push(field);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        rules(sentences, &path, property);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            rules(sentences, &format!("{path}[]"), &schema[inner]);
        }
    }
}

fn conditions(text: &mut String) {
    let _ = writeln!(text, "\n## Conditions\n\n| type | meaning |\n|---|---|");
    for (name, meaning) in [
        (
            condition::READY,
            "True: a token that is valid now and made for this spec is in the Secret, whatever renewal does meanwhile. False: there is none. Unknown: the operator has not looked yet.",
        ),
        (condition::RECONCILING, "True: there is none, and it may come without a person. Absent otherwise."),
        (condition::STALLED, "True: there is none, and a person must act. Absent otherwise."),
        (
            condition::CREDENTIALS_VALID,
            "On credentials: what the service last said of the key and secret. False while Ready is True means: correct the client Secret before the token ends.",
        ),
    ] {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
}

fn reasons(text: &mut String) {
    let _ = writeln!(
        text,
        "\n## Reasons\n\nOne list for conditions, events, metric labels and logs. [What happens when …](what-happens-when.md) tells in which situation each is said, and what to do.\n\n| reason | meaning |\n|---|---|"
    );
    for reason in Reason::ALL {
        let _ = writeln!(text, "| `{reason}` | {} |", cell(reason.meaning()));
    }
}

fn secret(text: &mut String) {
    let _ = writeln!(
        text,
        "\n## The managed Secret\n\nType `{}`, label `{}: {}`.\n\n| key or annotation | meaning |\n|---|---|",
        names::SECRET_TYPE,
        names::MANAGED_BY_LABEL,
        names::OPERATOR
    );
    for (name, meaning) in [
        (names::ACCESS_TOKEN, "key: the access token, whole or scoped"),
        (
            names::SERVICE_TOKEN,
            "key: the service token, with `deliver: ServiceToken`, instead of `access_token`",
        ),
        (names::TOKEN_TYPE, "key: `Bearer`"),
        (names::AUTHORIZATION, "key: what an HTTP client sends, `Bearer eyJ…`"),
        (names::EXPIRES_AT_KEY, "key: when the token ends, RFC 3339"),
        (names::ISSUED_AT, "annotation: when the token was asked for"),
        (names::EXPIRES_AT, "annotation: when the token ends"),
        (names::INPUTS_HASH, "annotation: from which inputs the token was issued"),
        (names::CONTENT_HASH, "annotation: by which an edit is noticed"),
        (names::RENEW_REQUEST_HANDLED, "annotation: the renew request that was answered last"),
    ] {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    let _ = writeln!(
        text,
        "\nTo renew by hand, set the annotation `{}` of the credential or request to any new value.",
        names::RENEW_REQUESTED_AT
    );
}

/// A text in one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn as_text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

//! What do the tables say? Rows of YAML, made into whole manifests.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One row of a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The good manifest that it starts from.
    of: Of,
    /// What is wrong, or right, with it.
    pub(crate) why: String,
    /// Changes what is there before an edit.
    #[serde(default)]
    from: Value,
    /// The change.
    #[serde(default)]
    set: Value,
    /// Our sentence, in full.
    pub(crate) says: Option<String>,
    /// A second one, where two rules refuse.
    pub(crate) also: Option<String>,
    /// A part of the server's text.
    pub(crate) server: Option<String>,
}

/// The good manifests.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Credential,
    Frontend,
    Request,
    Service,
    Binder,
}

impl Row {
    /// Reads a table.
    pub(crate) fn table(yaml: &str) -> Vec<Self> {
        serde_saphyr::from_str(yaml).expect("a table")
    }

    /// The plural of the row's kind.
    pub(crate) fn plural(&self) -> &'static str {
        match self.of {
            Of::Credential | Of::Frontend => "rocketlawyercredentials",
            Of::Request | Of::Service | Of::Binder => "scopedtokenrequests",
        }
    }

    /// The manifest of a row of wrong.yaml or right.yaml.
    pub(crate) fn manifest(&self, name: &str) -> Value {
        let mut manifest = self.of.manifest(name);
        merge(&mut manifest, &written_out(&self.set, name));
        manifest
    }

    /// The manifest that a row of edits.yaml starts from.
    pub(crate) fn before(&self, name: &str) -> Value {
        let mut manifest = self.of.manifest(name);
        merge(&mut manifest, &written_out(&self.from, name));
        manifest
    }

    /// The merge patch of a row of edits.yaml.
    pub(crate) fn edit(&self, name: &str) -> Value {
        written_out(&self.set, name)
    }
}

impl Of {
    fn manifest(self, name: &str) -> Value {
        let spec = match self {
            Self::Credential => {
                json!({ "environment": "Sandbox", "clientSecretRef": { "name": "partner-client" } })
            }
            Self::Frontend => json!({
                "environment": "Sandbox",
                "appType": "Frontend",
                "clientSecretRef": { "name": "frontend-client" },
            }),
            Self::Request => json!({ "credentialRef": { "name": "partner" }, "interviewId": "42313c4d" }),
            Self::Service => json!({
                "credentialRef": { "name": "partner" },
                "interviewId": "42313c4d",
                "deliver": "ServiceToken",
            }),
            Self::Binder => json!({
                "credentialRef": { "name": "partner" },
                "purpose": "api.rocketlawyer.com/binder-party-access",
                "upid": "party-1",
            }),
        };
        let kind = match self {
            Self::Credential | Self::Frontend => "RocketLawyerCredential",
            Self::Request | Self::Service | Self::Binder => "ScopedTokenRequest",
        };
        json!({
            "apiVersion": "auth.rocketlawyer.com/v1alpha1",
            "kind": kind,
            "metadata": { "name": name },
            "spec": spec,
        })
    }
}

/// A JSON merge patch (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        if !patch.is_null() {
            *into = patch.clone();
        }
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let fields = into.as_object_mut().expect("an object");
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.as_str()).or_insert(Value::Null), change);
        }
    }
}

/// Writes out what stands between < and > in texts, keys and lists, and puts the object's name for @.
fn written_out(value: &Value, name: &str) -> Value {
    match value {
        Value::String(text) => text_written_out(text, name),
        Value::Array(items) => items.iter().map(|item| written_out(item, name)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, it)| (repeated(key), written_out(it, name))).collect()
        }
        other => other.clone(),
    }
}

fn text_written_out(text: &str, name: &str) -> Value {
    let inside = text.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
    let (what, times) = inside.and_then(|it| it.split_once('*')).unwrap_or_default();
    let numbered = |it: &str| {
        (0..times.parse().expect("a count"))
            .map(|n: usize| it.replace('%', &n.to_string()))
            .collect::<Vec<_>>()
    };
    if let Some(item) = what.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        return json!(numbered(item));
    }
    if let Some(pair) = what.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
        let (key, value) = pair.split_once('=').expect("key=value");
        return Value::Object(
            numbered(key).into_iter().map(|key| (key, json!(value))).collect::<Map<_, _>>(),
        );
    }
    json!(repeated(text).replace('@', name))
}

fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else {
        return text.to_owned();
    };
    let (what, rest) = rest.split_once('*').expect("<text*count>");
    let (count, after) = rest.split_once('>').expect("<text*count>");
    let count = count.parse().expect("a count");
    format!("{before}{}{after}", what.repeat(count))
}

//! What do the objects of the two kinds say of themselves, and what has changed since the last look? Reads what kubectl
//! printed; asks nobody.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a look saw, by name such as `rlc/partner`.
pub(crate) type Objects = BTreeMap<String, Object>;

/// An object of one of the two kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) namespace: String,
    /// Ready's status and reason, and the reason of what is failing behind it.
    pub(crate) verdict: [String; 3],
    pub(crate) message: String,
    pub(crate) token: Option<Token>,
}

/// What status says of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) issued_at: String,
    pub(crate) expires_at: String,
    pub(crate) renew_at: Option<String>,
}

/// What happened to one object between two looks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is there for the first time, or says something else of whether it is ready.
    Verdict,
    /// It has its first token, or one after the last had ended.
    Issued,
    /// It has another token while the last still lives.
    Renewed,
    /// It is gone.
    Gone,
}

impl Token {
    /// Whether it was issued before that instant: both are written to the second, in UTC.
    pub(crate) fn follows_one_that_ends(&self, at: &str) -> bool {
        self.issued_at.as_str() < at
    }
}

impl Object {
    pub(crate) fn is_ready(&self) -> bool {
        self.verdict[0] == "True"
    }
}

/// Reads `kubectl get rlc,str -o json`.
pub(crate) fn read(list: &Value) -> Objects {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(object).collect()
}

/// The events about objects of the two kinds in the same list, each as a line, by uid. That a token was issued is seen
/// on the object itself.
pub(crate) fn events(list: &Value) -> BTreeMap<String, String> {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told = items.iter().filter(|item| item["kind"] == "Event" && item["reason"] != "Issued");
    told.filter_map(|event| {
        let about = &event["involvedObject"];
        let short = short(about["kind"].as_str()?)?;
        let line = format!(
            "event on {short}/{}: {}: {}",
            text(&about["name"]),
            text(&event["reason"]),
            text(&event["message"])
        );
        Some((text(&event["metadata"]["uid"]), line))
    })
    .collect()
}

/// All changes, by name.
pub(crate) fn changes(before: &Objects, after: &Objects) -> Vec<(String, Change)> {
    let mut found = Vec::new();
    for (name, now) in after {
        let past = before.get(name);
        let past_token = past.and_then(|past| past.token.as_ref());
        let change = match (past_token, &now.token) {
            (None, Some(_)) => Some(Change::Issued),
            (Some(old), Some(new)) if old.issued_at != new.issued_at => {
                let in_time = new.follows_one_that_ends(&old.expires_at);
                Some(if in_time { Change::Renewed } else { Change::Issued })
            }
            _ => past.is_none_or(|past| past.verdict != now.verdict).then_some(Change::Verdict),
        };
        found.extend(change.map(|change| (name.clone(), change)));
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    found.extend(gone.map(|name| (name.clone(), Change::Gone)));
    found
}

fn object(item: &Value) -> Option<(String, Object)> {
    let short = short(item["kind"].as_str()?)?;
    let metadata = &item["metadata"];
    let namespace = text(&metadata["namespace"]);
    let mut name = format!("{short}/{}", text(&metadata["name"]));
    if namespace != "default" {
        name = format!("{name} -n {namespace}");
    }
    let status = &item["status"];
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let of_ready = |field: &str| ready.map_or_else(String::new, |ready| text(&ready[field]));
    let object = Object {
        namespace,
        verdict: [of_ready("status"), of_ready("reason"), text(&status["failure"]["reason"])],
        message: of_ready("message"),
        token: token(&status["token"]),
    };
    Some((name, object))
}

fn short(kind: &str) -> Option<&'static str> {
    match kind {
        "RocketLawyerCredential" => Some("rlc"),
        "ScopedTokenRequest" => Some("str"),
        _ => None,
    }
}

fn token(token: &Value) -> Option<Token> {
    Some(Token {
        secret: token["secretName"].as_str()?.to_owned(),
        issued_at: token["issuedAt"].as_str()?.to_owned(),
        expires_at: token["expiresAt"].as_str()?.to_owned(),
        renew_at: token["renewAt"].as_str().map(str::to_owned),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

//! What was the operator told of each of its requests? The audit log, corrected by what a proxy said in its place.

use std::ops::Deref;
use std::time::Duration;

use control_plane::{Request, RequestKind};
use serde_json::Value;

use crate::api_proxy::{Answer, status};
use crate::told::text;

/// The operator tries a call so often where it is told when to try again.
const TRIES: usize = 3;

/// A request of the operator's, and what it was told. Its `code` is the server's, whatever was told.
pub struct Asked {
    request: Request,
    /// The HTTP status that it was told.
    pub told: u16,
    /// When it was told to try again.
    pub retry_after: Option<Duration>,
    /// How often it was tried in one call.
    tries: usize,
}

/// All requests of this user, in their order.
pub fn asked(requests: &[Request], user: &str, heard: &[Answer]) -> Vec<Asked> {
    let ours = requests.iter().filter(|request| request.user == user && request.kind.code != 0);
    let logged = ours.map(|request| {
        let said = heard.iter().find(|it| it.id.as_ref() == Some(&request.id));
        let mut request = request.clone();
        if let Some(said) = said {
            request.answer = status(said.code);
        }
        let told = said.map_or(request.kind.code, |it| it.code);
        Asked { request, told, retry_after: None, tries: 1 }
    });
    let never_sent = heard.iter().filter(|it| it.id.is_none()).map(Asked::in_vain);
    let mut all: Vec<_> = logged.chain(never_sent).collect();
    all.sort_by_key(|it| it.at.parse::<jiff::Timestamp>().ok());
    let mut calls: Vec<Asked> = Vec::new();
    for it in all {
        match calls.iter_mut().rev().find(|earlier| earlier.is_same(&it)) {
            Some(call) if call.is_tried_again() => {
                let at = std::mem::take(&mut call.request.at);
                *call = Asked { request: Request { at, ..it.request }, tries: call.tries + 1, ..it };
            }
            _ => calls.push(it),
        }
    }
    calls
}

impl Asked {
    /// Of one that never reached the server.
    fn in_vain(said: &Answer) -> Self {
        let path: Vec<_> = said.uri.path().trim_matches('/').split('/').collect();
        let behind = path.iter().position(|it| *it == "namespaces").map_or(path.len(), |at| at + 1);
        let segment = |place: usize| path.get(behind + place).copied().unwrap_or_default().to_owned();
        let metadata = &said.body["metadata"];
        let name = if segment(2).is_empty() { text(&metadata["name"]).to_owned() } else { segment(2) };
        let verb = match said.method.as_str() {
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ if segment(2).is_empty() => "list",
            _ => "get",
        };
        let kind = RequestKind {
            verb: verb.to_owned(),
            group: String::new(),
            resource: segment(1),
            subresource: segment(3),
            namespace: segment(0),
            name,
            code: said.code,
        };
        let request = Request {
            id: String::new(),
            user: String::new(),
            user_agent: String::new(),
            uri: said.uri.to_string(),
            at: said.at.to_string(),
            ended: said.at.to_string(),
            uid: text(&metadata["uid"]).to_owned(),
            version: text(&metadata["resourceVersion"]).to_owned(),
            // As the audit log has it: of Secrets nothing.
            body: if verb == "patch" { said.body.clone() } else { Value::Null },
            answer: status(said.code),
            kind,
        };
        let retry_after = said.retry_after.map(Duration::from_secs);
        Self { request, told: said.code, retry_after, tries: 1 }
    }

    /// Whether both ask for the same.
    fn is_same(&self, other: &Self) -> bool {
        self.uri == other.uri
            && self.kind.verb == other.kind.verb
            && self.kind.name == other.kind.name
            && self.body == other.body
            && (self.body.is_object() || self.version == other.version)
    }

    fn is_tried_again(&self) -> bool {
        self.told == 429 && self.retry_after.is_some() && self.tries < TRIES
    }
}

impl Deref for Asked {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

//! Who asked the API server for what, and how did it end? Reads the audit log; it asks the server nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The audit log of one API server. A request is in it before its answer ends; a watch is in it from its start.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
}

/// A place in the log: what comes after it happened after it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Unique per request.
    pub id: String,
    /// Who asked, e.g. `system:serviceaccount:legal:operator`.
    pub user: String,
    /// The client's own name for itself.
    pub user_agent: String,
    /// Path and query.
    pub uri: String,
    /// When it came, RFC 3339.
    pub at: String,
    /// When it was last written to the log: at the end of its answer, or where a watch has begun.
    pub ended: String,
    /// The uid that a write was for, empty where it named none.
    pub uid: String,
    /// The resourceVersion that a write was over, empty where it named none.
    pub version: String,
    /// What was to be written: null unless the policy keeps it.
    pub body: Value,
    /// What a refusal said, as a `Status`.
    pub answer: Value,
    /// What it was.
    pub kind: RequestKind,
}

/// What requests are counted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKind {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// The API group, empty for the core.
    pub group: String,
    /// The plural, empty for paths that are no resources.
    pub resource: String,
    /// E.g. `status`.
    pub subresource: String,
    /// Empty for the whole cluster.
    pub namespace: String,
    /// Empty for lists and watches.
    pub name: String,
    /// The HTTP status of the answer; 0 while there is none.
    pub code: u16,
}

impl RequestKind {
    /// Whether it asks to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch" | "head" | "options")
    }
}

/// How often each kind of request was made.
#[must_use]
pub fn count(requests: &[Request]) -> BTreeMap<RequestKind, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(request.kind.clone()).or_default() += 1;
    }
    counts
}

impl AuditLog {
    /// The log in this file.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The end of the log as it is now.
    pub fn mark(&self) -> Result<Mark, Error> {
        let log = std::fs::metadata(&self.path).map_err(Error::io("read", &self.path))?;
        Ok(Mark(log.len()))
    }

    /// Every request since the mark, in the order in which they were first written, each once, as it was last seen.
    pub fn since(&self, mark: Mark) -> Result<Vec<Request>, Error> {
        let mut places = BTreeMap::new();
        let mut requests: Vec<Request> = Vec::new();
        for line in self.text_since(mark)?.lines() {
            let request = parse(line)?;
            let place = *places.entry(request.id.clone()).or_insert(requests.len());
            match requests.get_mut(place) {
                Some(earlier) => *earlier = request,
                None => requests.push(request),
            }
        }
        Ok(requests)
    }

    /// Those of one user, e.g. `service_account_user(namespace, name)`.
    pub fn by_user(&self, mark: Mark, user: &str) -> Result<Vec<Request>, Error> {
        let mut requests = self.since(mark)?;
        requests.retain(|request| request.user == user);
        Ok(requests)
    }

    /// Waits until the log shows a request that is looked for, and returns every request since the mark. Make a
    /// request that is easy to know (a marker) and wait for it: then all that ended earlier is there as well.
    pub fn wait_for(
        &self,
        mark: Mark,
        within: Duration,
        what: &str,
        is_it: impl Fn(&Request) -> bool,
    ) -> Result<Vec<Request>, Error> {
        let started = Instant::now();
        loop {
            let requests = self.since(mark)?;
            if requests.iter().any(&is_it) {
                return Ok(requests);
            }
            if started.elapsed() >= within {
                let (what, seconds, seen) = (what.to_owned(), within.as_secs(), requests.len());
                return Err(Error::NotAudited { what, seconds, seen });
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    /// Whole lines only: the last one may be under way, and so may one have been when the mark was taken. That request came
    /// earlier.
    fn text_since(&self, mark: Mark) -> Result<String, Error> {
        let mut bytes = Vec::new();
        File::open(&self.path)
            .and_then(|mut log| {
                log.seek(SeekFrom::Start(mark.0.saturating_sub(1)))?;
                log.read_to_end(&mut bytes)
            })
            .map_err(Error::io("read", &self.path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        bytes.truncate(whole);
        if mark.0 > 0 {
            let begins = bytes.iter().position(|byte| *byte == b'\n');
            bytes.drain(..begins.map_or(bytes.len(), |end| end + 1));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn parse(line: &str) -> Result<Request, Error> {
    let event: Event = serde_json::from_str(line).map_err(|error| Error::Undecodable {
        what: "a line of the audit log".to_owned(),
        why: error.to_string(),
    })?;
    let object = event.object_ref;
    Ok(Request {
        id: event.audit_id,
        user: event.user.username,
        user_agent: event.user_agent,
        uri: event.request_uri,
        at: event.request_received_timestamp,
        ended: event.stage_timestamp,
        uid: object.uid,
        version: object.resource_version,
        body: event.request_object,
        answer: event.response_status.clone(),
        kind: RequestKind {
            verb: event.verb,
            group: object.api_group,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            code: event.response_status["code"]
                .as_u64()
                .and_then(|code| code.try_into().ok())
                .unwrap_or_default(),
        },
    })
}

/// The part of `audit.k8s.io/v1` Event that is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    verb: String,
    #[serde(rename = "requestURI", default)]
    request_uri: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: Value,
    #[serde(default)]
    request_object: Value,
    request_received_timestamp: String,
    stage_timestamp: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
}

//! Which calls go wrong, and how? Switched on and off while the emulator runs.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, answer};

/// One fault. What is left out stays as it would be without it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Only this call.
    pub call: Option<Call>,
    /// Only calls with this key, or with a token of this app.
    pub client_id: Option<String>,
    /// How many calls; absent: until it is switched off.
    pub times: Option<u32>,
    /// Milliseconds before anything happens.
    pub delay: u64,
    /// Never answer.
    pub hang: bool,
    /// Do what was asked, then answer with the fault: the token is lost.
    pub after_issuing: bool,
    /// The status of the answer; without a `body` an empty one.
    pub status: Option<u16>,
    /// The body of the answer; without a `status` it is 200.
    pub body: Option<BodyKind>,
    /// Headers of the answer, `Retry-After` and `Location` for instance.
    pub headers: BTreeMap<String, String>,
    /// Fields to set in an answer that grants; null leaves one out.
    pub answer: Map<String, Value>,
    /// Claims to set in the token; null leaves one out. Says nothing of how long the token opens anything.
    pub claims: Map<String, Value>,
}

/// What stands in the body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum BodyKind {
    /// The gateway's shape.
    Gateway {
        /// The error code.
        code: String,
        /// The text beside it.
        #[serde(default)]
        text: String,
    },
    /// The application's shape.
    Application {
        /// Such as `BAD_REQUEST`.
        error: String,
        /// The text beside it.
        #[serde(default)]
        message: String,
    },
    /// A page.
    Html,
    /// Nothing.
    Empty,
    /// These very characters.
    Raw {
        /// The characters.
        text: String,
    },
    /// Fewer bytes than the length that was promised.
    Truncated,
    /// So many bytes of JSON.
    Huge {
        /// How many.
        bytes: u64,
    },
    /// A byte a time, so many milliseconds apart, for ever.
    Dripping {
        /// Milliseconds.
        every: u64,
    },
}

/// The faults that are switched on, in the order in which they came.
#[derive(Default)]
pub(super) struct Faults {
    plans: Vec<FaultPlan>,
}

const BLOCK: &[u8] = &[b' '; 16 * 1024];

impl Faults {
    pub(super) fn add(&mut self, plan: FaultPlan) {
        self.plans.push(plan);
    }

    pub(super) fn clear(&mut self) {
        self.plans.clear();
    }

    pub(super) fn plans(&self) -> &[FaultPlan] {
        &self.plans
    }

    /// The first that fits this call; one of its times is used up.
    pub(super) fn take(&mut self, call: Call, client_id: Option<&str>) -> Option<FaultPlan> {
        let fits = |plan: &FaultPlan| {
            plan.call.is_none_or(|only| only == call)
                && plan.client_id.as_deref().is_none_or(|only| Some(only) == client_id)
                && plan.times != Some(0)
        };
        let plan = self.plans.iter_mut().find(|plan| fits(plan))?;
        if let Some(times) = &mut plan.times {
            *times -= 1;
        }
        let taken = plan.clone();
        self.plans.retain(|plan| plan.times != Some(0));
        Some(taken)
    }
}

impl FaultPlan {
    /// Whether the answer is the fault's own.
    pub(super) fn answers(&self) -> bool {
        self.status.is_some() || self.body.is_some()
    }

    /// Lets pass the time that it wants to pass.
    pub(super) async fn wait(&self) {
        if self.delay > 0 {
            tokio::time::sleep(Duration::from_millis(self.delay)).await;
        }
        if self.hang {
            std::future::pending::<()>().await;
        }
    }

    /// The body of an answer of its own, and of which type it is; `None`: it does not come whole, or is too much.
    #[must_use]
    pub fn whole_body(&self, path: &str, now: Timestamp) -> Option<(&'static str, String)> {
        const JSON: &str = "application/json";
        Some(match &self.body {
            None | Some(BodyKind::Empty) => ("text/plain", String::new()),
            Some(BodyKind::Html) => {
                ("text/html", "<html><body><h1>Something went wrong</h1></body></html>".to_owned())
            }
            Some(BodyKind::Raw { text }) => (JSON, text.clone()),
            Some(BodyKind::Gateway { code, text }) => (JSON, answer::gateway(code, text).to_string()),
            Some(BodyKind::Application { error, message }) => {
                let status = self.status.unwrap_or(200);
                (JSON, answer::application(status, error, message, path, now).to_string())
            }
            Some(BodyKind::Truncated | BodyKind::Huge { .. } | BodyKind::Dripping { .. }) => return None,
        })
    }

    pub(super) fn response(&self, path: &str, now: Timestamp) -> Response {
        let status = self.status.unwrap_or(200);
        let (content_type, body) = match (self.whole_body(path, now), &self.body) {
            (Some((content_type, text)), _) => (content_type, Body::from(text)),
            (None, Some(BodyKind::Huge { bytes })) => ("application/json", huge(*bytes)),
            (None, Some(BodyKind::Dripping { every })) => ("application/json", dripping(*every)),
            (None, _) => ("application/json", truncated()),
        };
        let mut response = answer::response(status, content_type, body, now);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Breaks off in the middle: the connection is closed without the end that was announced.
fn truncated() -> Body {
    Body::from_stream(stream::unfold(true, |is_first| async move {
        if is_first {
            return Some((Ok(Bytes::from_static(b"{\"access_token\":\"ey")), false));
        }
        // Lets the first part go out before the connection breaks.
        tokio::task::yield_now().await;
        Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)), false))
    }))
}

fn huge(bytes: u64) -> Body {
    let block = BLOCK.len() as u64;
    Body::from_stream(stream::unfold(bytes, move |left| async move {
        let size = usize::try_from(left.min(block)).unwrap_or(BLOCK.len());
        (left > 0).then(|| {
            let part = Ok::<_, std::io::Error>(Bytes::from_static(&BLOCK[..size]));
            (part, left - size as u64)
        })
    }))
}

fn dripping(every: u64) -> Body {
    Body::from_stream(stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_millis(every)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    }))
}

//! How is one call to the API server made? Tried again only where nothing can have happened; all else is an answer.

use std::{
    error::Error as _,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request, header};
use kube::{Client, client::Body};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::client::CLOSE;
use super::intake::{Intake, Room};
use super::refusal::Refusal;

/// Overall limit of a call, tries and waits included.
const OVERALL: Duration = Duration::from_secs(15);
/// Most tries of a call.
const TRIES: u32 = 3;
/// Wait before a connection is tried again; doubles.
const RECONNECT: Duration = Duration::from_millis(250);

/// Asks for metadata only: the token does not travel back.
pub(super) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// The same for a collection.
pub(super) const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
/// A whole object. Only Secrets are read so: the connection ends with the answer.
pub(super) const WHOLE: &str = "application/json";

/// The API server, as seen by calls that are not watches. Cheap to clone.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    intake: Intake,
}

/// A request; its path and query are built from checked names only.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) accept: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
    /// Held as long as the body is.
    #[expect(dead_code, reason = "it is given up when this is dropped")]
    pub(super) room: Room,
}

/// Nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// No connection: nothing can have happened.
    NotSent,
    /// Sent, or perhaps sent, and no whole answer in time: anything may have happened.
    Lost,
}

/// Why a read gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadFailed {
    /// 403: the right is missing.
    Forbidden,
    /// The server cannot be reached, is overloaded, or answered what cannot be read.
    Unavailable {
        /// When it said when.
        retry_after: Option<Duration>,
    },
}

impl ApiServer {
    pub(super) fn over(client: Client, intake: Intake) -> Self {
        Self { client, intake }
    }

    /// Makes a call: at most three tries and 15 s overall.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, NoAnswer> {
        let deadline = Instant::now() + OVERALL;
        let mut tried = 0;
        loop {
            tried += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome =
                tokio::time::timeout(left, self.try_once(&call)).await.unwrap_or(Err(NoAnswer::Lost));
            let wait = match &outcome {
                Err(NoAnswer::NotSent) => RECONNECT * 2_u32.pow(tried - 1),
                Ok(Answer { status: 429, retry_after: Some(wait), .. }) => *wait,
                _ => return outcome,
            };
            if tried == TRIES || wait >= deadline.saturating_duration_since(Instant::now()) {
                return outcome;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// A read: 200 is parsed, `None` is what the server says is not there.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        path: String,
        accept: &'static str,
    ) -> Result<Option<T>, ReadFailed> {
        let unavailable = |retry_after| ReadFailed::Unavailable { retry_after };
        let answer = self.call(Call::get(path, accept)).await.map_err(|_| unavailable(None))?;
        match answer.status {
            200 => answer.parse().map(Some).ok_or(unavailable(None)),
            403 => Err(ReadFailed::Forbidden),
            _ => match Refusal::of(&answer) {
                Refusal::Absent | Refusal::NamespaceAbsent => Ok(None),
                _ => Err(unavailable(answer.retry_after)),
            },
        }
    }

    async fn try_once(&self, call: &Call) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(&call.path)
            .header(header::ACCEPT, call.accept)
            .header(header::CONTENT_TYPE, call.content_type);
        if call.method == Method::GET && call.accept == WHOLE {
            request = request.header(header::CONNECTION, CLOSE);
        }
        let request = request.body(Body::from(call.body.clone())).map_err(|_| NoAnswer::NotSent)?;
        let response = self.client.send(request).await.map_err(|error| no_answer(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        // Not `Client::request`: it logs a body that it cannot read.
        let (body, room) = self.intake.read(response.into_body()).await.map_err(|_| NoAnswer::Lost)?;
        Ok(Answer { status, retry_after, body, room })
    }
}

impl Call {
    pub(super) fn get(path: String, accept: &'static str) -> Self {
        Self::with_body(Method::GET, path, Bytes::new(), accept)
    }

    pub(super) fn with_body(method: Method, path: String, body: Bytes, accept: &'static str) -> Self {
        Self { method, path, accept, content_type: "application/json", body }
    }
}

impl Answer {
    /// The body as `T`. The parser's error, which may quote the body, is dropped.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Whether `name` can be an object's name, and so a segment of a path or a term of a selector: anything else names
/// nothing that exists.
pub(super) fn is_a_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=253).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('.')
}

fn no_answer(error: &kube::Error) -> NoAnswer {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return if error.is_connect() { NoAnswer::NotSent } else { NoAnswer::Lost };
        }
        cause = error.source();
    }
    NoAnswer::Lost
}

#[cfg(test)]
mod tests;

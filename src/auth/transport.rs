//! How does a request get there and an answer back? One HTTP client per CA bundle, bounded in time and size,
//! without redirects, retries or decompression. Judges no answer.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{CaBundle, Class, Endpoint, ErrorCode, Fault, Scope, wire};

/// How long a call may take and how much it may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the connection.
    pub connect: Duration,
    /// From the start to the last byte of the answer.
    pub whole_call: Duration,
    /// Largest body, in bytes.
    pub body: usize,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    /// The service's clock at its answer.
    pub(super) date: Option<Timestamp>,
    /// The body, or why it is not there.
    pub(super) body: Result<Zeroizing<Vec<u8>>, ErrorCode>,
}

pub(super) struct Transport {
    limits: Limits,
    extra_roots: Option<CaBundle>,
    clients: Mutex<HashMap<Option<CaBundle>, Young>>,
}

/// A client, and since when its connections are used.
struct Young {
    client: reqwest::Client,
    since: Instant,
}

/// Distinct CA bundles whose clients are kept; beyond it the oldest is built anew when needed.
const MOST_CLIENTS: usize = 64;
const LARGEST_HEADERS: u32 = 16 * 1024;
const MOST_HEADERS: usize = 100;
/// Short, because a connection's buffers hold what last went through it.
const IDLE: Duration = Duration::from_secs(20);
/// How long a connection is used that is never idle for so long, for the same reason.
const IN_USE: Duration = Duration::from_secs(30);

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole_call: Duration::from_secs(15), body: 64 * 1024 }
    }
}

impl Transport {
    pub(super) fn new(extra_roots: Option<CaBundle>, limits: Limits) -> Self {
        Self { limits, extra_roots, clients: Mutex::default() }
    }

    /// Posts `body` to `path` below the endpoint's base. An error is a call that brought no answer at all.
    pub(super) async fn post(
        &self,
        endpoint: &Endpoint,
        path: &str,
        bearer: Option<&str>,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Reply, Fault> {
        let client = self.client(endpoint.ca_bundle(), Instant::now())?;
        let mut request = client
            .post(format!("{}{path}", endpoint.base()))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from_owner(body));
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, bearer_header(token)?);
        }
        let mut response = request.send().await.map_err(|error| no_answer(&error, endpoint))?;
        Ok(Reply {
            status: response.status().as_u16(),
            retry_after: header(response.headers(), &RETRY_AFTER).map(str::to_owned),
            date: header(response.headers(), &DATE).and_then(wire::http_date),
            body: self.read(&mut response).await,
        })
    }

    /// Counts while it reads, so that no length that was promised matters.
    async fn read(&self, response: &mut reqwest::Response) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
        let promised = response.content_length().and_then(|length| usize::try_from(length).ok());
        // Never grows: growing would leave copies behind.
        let room = promised.unwrap_or(self.limits.body).min(self.limits.body);
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > room => return Err(ErrorCode::TooLarge),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body),
                Err(error) if error.is_timeout() => return Err(ErrorCode::TimedOut),
                Err(_) => return Err(ErrorCode::Truncated),
            }
        }
    }

    /// Built without the lock: whoever else builds the same one meanwhile has one of its own.
    fn client(&self, bundle: Option<&CaBundle>, now: Instant) -> Result<reqwest::Client, Fault> {
        let key = bundle.cloned();
        let kept = |young: &&Young| now.duration_since(young.since) < IN_USE;
        if let Some(young) = self.clients().get(&key).filter(kept) {
            return Ok(young.client.clone());
        }
        let client = self.build(bundle).map_err(|_| unreachable_endpoint(ErrorCode::TlsFailed, bundle))?;
        let mut clients = self.clients();
        clients.insert(key, Young { client: client.clone(), since: now });
        // The one without a bundle is almost everybody's, and stays.
        let of_bundles = || clients.iter().filter(|(key, _)| key.is_some());
        let oldest = of_bundles().min_by_key(|(_, young)| young.since).map(|(key, _)| key.clone());
        if of_bundles().count() > MOST_CLIENTS
            && let Some(oldest) = oldest
        {
            clients.remove(&oldest);
        }
        Ok(client)
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Option<CaBundle>, Young>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, bundle: Option<&CaBundle>) -> reqwest::Result<reqwest::Client> {
        let mut roots = Vec::new();
        for bundle in self.extra_roots.iter().chain(bundle) {
            for certificate in bundle.certificates() {
                roots.push(reqwest::Certificate::from_der(certificate)?);
            }
        }
        reqwest::Client::builder()
            .user_agent(concat!("rocketlawyer-operator/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.limits.connect)
            .timeout(self.limits.whole_call)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_max_headers(MOST_HEADERS)
            .http2_max_header_list_size(LARGEST_HEADERS)
            .pool_idle_timeout(IDLE)
            .tls_certs_merge(roots)
            .build()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Never logged by the layers below, and wiped when the request is dropped.
fn bearer_header(token: &str) -> Result<HeaderValue, Fault> {
    let mut text = Zeroizing::new(Vec::with_capacity("Bearer ".len() + token.len()));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(token.as_bytes());
    let Ok(mut value) = HeaderValue::from_maybe_shared(Bytes::from_owner(text)) else {
        // Tokens are visible ASCII, so this does not happen; if it did, another token would be needed.
        return Err(Fault {
            class: Class::OurTokenRefused,
            scope: Scope::Credential,
            http_status: None,
            error_code: None,
            retry_after: None,
        });
    };
    value.set_sensitive(true);
    Ok(value)
}

fn no_answer(error: &reqwest::Error, endpoint: &Endpoint) -> Fault {
    let code = if is_tls(error) {
        ErrorCode::TlsFailed
    } else if error.is_dns() {
        ErrorCode::NameNotResolved
    } else if error.is_timeout() {
        ErrorCode::TimedOut
    } else if error.is_connect() {
        ErrorCode::ConnectionFailed
    } else {
        ErrorCode::Truncated
    };
    unreachable_endpoint(code, endpoint.ca_bundle())
}

fn unreachable_endpoint(code: ErrorCode, bundle: Option<&CaBundle>) -> Fault {
    // Whoever brings a wrong CA bundle must not stop those who did not.
    let scope = match (code, bundle) {
        (ErrorCode::TlsFailed, Some(_)) => Scope::Credential,
        _ => Scope::Endpoint,
    };
    Fault { class: Class::Transient, scope, http_status: None, error_code: Some(code), retry_after: None }
}

/// An I/O error skips the error it wraps when asked for its source, so that one is asked for by name.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.is_some_and(|inner| is_tls(inner)) || error.source().is_some_and(is_tls)
}

#[cfg(test)]
mod tests;

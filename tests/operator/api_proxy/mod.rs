//! What stands between the operator and both servers? A proxy that speaks plain HTTP to the operator, counts what it asks by
//! method and resource, and does wrong, or stops, where a test says so. It decides nothing by itself.

mod asked;
mod faults;
mod watching;

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use control_plane::Description;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use reqwest::Certificate;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::process::until;
pub use asked::Asked;
pub use faults::{Fault, How, Moment};
use faults::{Shared, Turn};

/// A body of the operator's: a Secret at most.
const LARGEST_BODY: usize = 2 << 20;

/// One proxy. What begins with the authentication service's path goes to the emulator, all else to the API server.
pub struct ApiProxy {
    address: SocketAddr,
    servers: Servers,
    shared: Arc<Shared>,
    /// All connections live in it and end with it.
    runtime: Option<Runtime>,
}

#[derive(Clone)]
struct Servers {
    api_server: String,
    authority: Vec<u8>,
    emulator: String,
}

#[derive(Clone)]
struct Passage {
    servers: Servers,
    client: reqwest::Client,
    shared: Arc<Shared>,
}

impl ApiProxy {
    /// Listens on a free port.
    pub fn start(api_server: &Description, emulator: SocketAddr) -> Self {
        let authority = fs::read(&api_server.certificate_authority).expect("a certificate");
        let (server, emulator) = (api_server.server.clone(), format!("http://{emulator}"));
        let servers = Servers { api_server: server, authority, emulator };
        let (shared, loopback) = (Arc::<Shared>::default(), ([127, 0, 0, 1], 0).into());
        let (runtime, address) = serve(loopback, &servers, &shared).expect("a free port");
        Self { address, servers, shared, runtime: Some(runtime) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections are refused, and those that were open are closed.
    pub fn away(&mut self) {
        let runtime = self.runtime.take().expect("it was there");
        runtime.shutdown_timeout(Duration::from_secs(2));
    }

    /// It is there again.
    pub fn back(&mut self) {
        assert!(self.runtime.is_none(), "it was not away");
        let address = self.address;
        let served = until(Duration::from_secs(10), || serve(address, &self.servers, &self.shared).ok());
        self.runtime = Some(served.expect("the port is free again").0);
    }

    /// Does wrong from now on, in requests to come and in watches that are open.
    pub fn add(&self, fault: Fault) {
        self.shared.add(fault, 0);
    }

    /// Does wrong in events of what comes to be after this version of everything: none that is still on its way.
    pub fn add_after(&self, version: u64, fault: Fault) {
        self.shared.add(fault, version);
    }

    /// Does right from now on.
    pub fn clear(&self) {
        self.shared.clear();
    }

    /// How often a fault was done since the start.
    pub fn done(&self) -> usize {
        self.shared.done()
    }

    /// How often something was asked whose name begins so: `POST secrets`, `WATCH `, `LIST scopedtokenrequests`.
    pub fn count(&self, on: &str) -> usize {
        self.shared.count(on)
    }

    /// The writes of Secrets and status and the calls to the authentication service, since the last [`ApiProxy::forget`].
    pub fn effects(&self) -> Vec<String> {
        self.shared.effects()
    }

    /// Counts effects from 0 again.
    pub fn forget(&self) {
        self.shared.forget();
    }

    /// Stops everything at that effect, before or after it was done; its answer never comes.
    pub fn stop_at(&self, effect: usize, moment: Moment) {
        self.shared.stop_at(effect, moment);
    }

    /// Whether it stopped there.
    pub fn has_stopped(&self) -> bool {
        self.shared.has_stopped()
    }

    /// What is asked from now on goes through.
    pub fn go_on(&self) {
        self.shared.go_on();
    }
}

fn serve(address: SocketAddr, servers: &Servers, shared: &Arc<Shared>) -> io::Result<(Runtime, SocketAddr)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(address))?;
    let address = listener.local_addr()?;
    let authority = Certificate::from_pem(&servers.authority).expect("a certificate");
    let client = reqwest::Client::builder().no_proxy().http1_only().tls_certs_only([authority]);
    let passage = Passage {
        servers: servers.clone(),
        client: client.build().expect("a client"),
        shared: shared.clone(),
    };
    let router = Router::new().fallback(pass).with_state(passage);
    runtime.spawn(async move { axum::serve(listener, router).await });
    Ok((runtime, address))
}

/// One request, to its server and back.
async fn pass(State(passage): State<Passage>, request: Request) -> Response {
    let asked = Asked::of(request.method(), request.uri());
    let shared = &passage.shared;
    let number = match shared.arrives(&asked) {
        Turn::Stopped => return std::future::pending().await,
        Turn::Goes(number) => number,
    };
    let fault = shared.take_for_request(&asked);
    if matches!(fault, Some(How::Earlier)) {
        let list = shared.earlier_list(&asked).expect("the server was asked before");
        return listed(list);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else { return refusal(400, None) };
    if let Some(How::Answer { status, retry_after }) = fault {
        return refusal(status, retry_after);
    }
    if matches!(fault, Some(How::Twice)) {
        let _ = passage.forward(&asked, &parts, body.clone()).await;
    }
    let Ok(answer) = passage.forward(&asked, &parts, body).await else {
        // As a gateway that has no server behind it.
        return refusal(502, None);
    };
    if shared.is_done(number) {
        return std::future::pending().await;
    }
    if matches!(fault, Some(How::DoneThenTimeout)) {
        return refusal(504, None);
    }
    let (status, headers) = (answer.status(), kept(answer.headers()));
    let body = if asked.is_watch() && status == StatusCode::OK {
        watching::body(asked, answer, passage.shared.clone())
    } else {
        match answer.bytes().await {
            Ok(bytes) => {
                if asked.is_list() && status == StatusCode::OK {
                    shared.keep_list(&asked, bytes.clone());
                }
                Body::from(bytes)
            }
            Err(_) => return refusal(502, None),
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl Passage {
    async fn forward(&self, asked: &Asked, parts: &Parts, body: Bytes) -> io::Result<reqwest::Response> {
        let server = if asked.is_auth_call() { &self.servers.emulator } else { &self.servers.api_server };
        let path = parts.uri.path_and_query().ok_or(ErrorKind::InvalidInput)?;
        let request = self
            .client
            .request(parts.method.clone(), format!("{server}{path}"))
            .headers(kept(&parts.headers))
            .body(body);
        request.send().await.map_err(io::Error::other)
    }
}

/// The headers that are not about one connection.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        kept.remove(name);
    }
    kept
}

/// A list that the server gave.
fn listed(bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().expect("a header"));
    response
}

/// What the API server would say.
fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let mut response = Response::new(Body::from(faults::status(status).to_string()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().expect("a header"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

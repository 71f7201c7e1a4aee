//! Who asks how the process is? `/metrics`, `/healthz` and `/readyz` over plain HTTP. Reads only; shows no object and no secret.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use futures::future::{self, Either};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::health::Health;
use super::metrics::{Exposition, Metrics};

/// How long connections that are being answered may take after the end was asked for.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// Open at once. A probe and a few scrapers need one each.
const MOST_CONNECTIONS: usize = 64;
/// How long one may be open.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(15);
/// How long nobody is let in after nobody could be.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// What the server shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// `/metrics`.
    pub metrics: Arc<Metrics>,
    /// `/healthz` and `/readyz`.
    pub health: Arc<Health>,
}

/// Takes the address; port 0 lets the system choose. Separate from [`serve`], so that an address in use ends the start at once.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until `end` completes, and for a moment longer those who are being answered.
pub async fn serve(listener: TcpListener, shown: Shown, end: impl Future<Output = ()> + Send) {
    serve_within(listener, shown, end, LONGEST_EXCHANGE).await;
}

async fn serve_within(
    listener: TcpListener,
    shown: Shown,
    end: impl Future<Output = ()> + Send,
    longest: Duration,
) {
    let service = TowerToHyperService::new(router(shown));
    let mut connections = Connections::default();
    let mut end = pin!(end);
    loop {
        let accepted = match future::select(pin!(listener.accept()), end.as_mut()).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(_) => break,
        };
        match accepted {
            Ok((stream, _)) => connections.add(answer(stream, service.clone(), longest)),
            Err(error) if is_of_one_connection(&error) => {}
            // Out of file descriptors, most likely: asking again at once would find no other answer.
            Err(_) => sleep(AFTER_TROUBLE).await,
        }
    }
    drop(listener);
    connections.finish().await;
}

/// One request and its answer. Whoever is slower than `longest` is cut off.
async fn answer(stream: TcpStream, service: TowerToHyperService<Router>, longest: Duration) {
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // What a client did wrong is nothing that anybody here could mend.
    let _ = timeout(longest, connection).await;
}

/// The connections that are open: a bounded number, so that nobody can use up the file descriptors that the operator needs.
/// One too many ends the oldest: clients that hold on to theirs keep no probe and no scraper out.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    oldest_first: VecDeque<AbortHandle>,
}

impl Connections {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.oldest_first.retain(|it| !it.is_finished());
        if self.oldest_first.len() >= MOST_CONNECTIONS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            oldest.abort();
        }
        self.oldest_first.push_back(self.tasks.spawn(connection));
    }

    async fn finish(mut self) {
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = timeout(LAST_ANSWERS, all_ended).await;
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::ConnectionRefused)
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(shown)
}

async fn metrics(State(shown): State<Shown>, headers: HeaderMap) -> impl IntoResponse {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = if accepts.contains("application/openmetrics-text") {
        Exposition::OpenMetrics
    } else {
        Exposition::Prometheus
    };
    ([(header::CONTENT_TYPE, form.content_type())], shown.metrics.encode(form))
}

async fn healthz(State(shown): State<Shown>) -> (StatusCode, String) {
    match shown.health.silent_for() {
        None => (StatusCode::OK, "ok\n".into()),
        Some(silence) => {
            let said = format!("the loop has not come round for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, said)
        }
    }
}

async fn readyz(State(shown): State<Shown>) -> (StatusCode, String) {
    let missing = shown.health.waits_for();
    if missing.is_empty() {
        return (StatusCode::OK, "ok\n".into());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", missing.join("\nwaiting for ")))
}

#[cfg(test)]
mod tests;

//! Who asks how the process is? `/metrics`, `/healthz` and `/readyz` over plain HTTP. Reads only; shows no object and no secret.

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
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::health::Health;
use super::metrics::{Exposition, Metrics};

/// How long connections that are being answered may take after the end was asked for.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

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
pub async fn serve(
    listener: TcpListener,
    shown: Shown,
    end: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async move {
        // An error means that `stop` is gone, and that is an end too.
        let _ = stopped.await;
    };
    let server = axum::serve(listener, router(shown)).with_graceful_shutdown(stopping);
    let server = pin!(server.into_future());
    match future::select(server, pin!(end)).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), server)) => {
            drop(stop);
            match future::select(server, pin!(sleep(LAST_ANSWERS))).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => Ok(()),
            }
        }
    }
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

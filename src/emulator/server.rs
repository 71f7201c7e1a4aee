//! Runs the emulator on an address, and hands the same controls to a test in process as to others over HTTP.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::{get, post, put};
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::service::{BASE, Service};
use super::{App, Call, Counters, Entry, FaultPlan, Settings, control, protected, service};
use crate::auth::wire;

/// A running emulator. It stops listening when dropped.
pub struct Emulator {
    address: SocketAddr,
    service: Service,
    task: JoinHandle<()>,
}

impl Emulator {
    /// Starts on an address; port 0 is any free one.
    pub async fn start(settings: Settings, address: SocketAddr) -> io::Result<Self> {
        Self::start_on(settings, TcpListener::bind(address).await?)
    }

    /// Starts on a listener that is there: one that speaks TLS, for instance.
    pub fn start_on<L: Listener<Addr = SocketAddr>>(settings: Settings, listener: L) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let service = Service::new(settings);
        let router = router(service.clone());
        let task = tokio::spawn(async move {
            // Ends only with the runtime.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, service, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the two calls, over plain HTTP.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.address)
    }

    /// The calls since the start or the last reset.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.service.state().journal.after(0)
    }

    /// The counts of the same.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.service.state().journal.counters()
    }

    /// How often `call` was asked.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.counters().calls.get(&call).copied().unwrap_or_default()
    }

    /// The most calls that were open at once since this was asked before: asked, and neither answered nor given up.
    #[must_use]
    pub fn take_most_open(&self) -> u64 {
        self.service.state().journal.take_most_open()
    }

    /// Forgets the log and the counts.
    pub fn reset(&self) {
        self.service.state().journal.reset();
    }

    /// Switches a fault on.
    pub fn add_fault(&self, plan: FaultPlan) {
        self.service.state().faults.add(plan);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.service.state().faults.clear();
    }

    /// Adds an app, or gives one that is there another secret, scope and roles.
    pub fn put_app(&self, app: App) {
        control::put_app(&mut self.service.state(), app);
    }

    /// Removes an app and all its tokens.
    pub fn remove_app(&self, client_id: &str) {
        control::remove_app(&mut self.service.state(), client_id);
    }

    /// Makes every token of an app unknown.
    pub fn revoke(&self, client_id: &str) {
        self.service.state().tokens.revoke(client_id);
    }

    /// Seconds that tokens issued from now on live: access tokens, and scoped ones.
    pub fn set_lifetimes(&self, access_token: i64, scoped_token: i64) {
        let settings = &mut self.service.state().settings;
        settings.access_token_ttl = access_token;
        settings.scoped_token_ttl = scoped_token;
    }

    /// Sets how many seconds the emulator's clock is ahead.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.service.state().settings.clock_ahead = seconds;
    }

    /// Waits for it, which is for ever.
    pub async fn run(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(state: Service) -> Router {
    Router::new()
        .route(&format!("{BASE}{}", wire::ACCESS_TOKEN_PATH), post(service::access_token))
        .route(&format!("{BASE}{}", wire::SERVICE_TOKEN_PATH), post(service::service_token))
        .route("/protected/access", get(protected::access))
        .route("/protected/scoped", get(protected::scoped))
        .route("/_control/log", get(control::log).delete(control::reset))
        .route("/_control/counters", get(control::counters))
        .route("/_control/settings", get(control::settings).put(control::put_settings))
        .route(
            "/_control/faults",
            get(control::faults).post(control::add_fault).delete(control::clear_faults),
        )
        .route("/_control/apps", get(control::apps))
        .route("/_control/apps/{id}", put(control::app).delete(control::no_app))
        .route("/_control/apps/{id}/revoke", post(control::revoke))
        .fallback(service::not_found)
        .with_state(state)
}

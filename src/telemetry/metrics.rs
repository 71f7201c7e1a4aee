//! What is counted? Every metric's name, help and labels, once. No label names an object: series stay few whatever is installed.

use std::time::Duration;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::snapshot::{Latest, Snapshot};
use crate::api::Reason;
use crate::auth::Call;
use crate::decision::Kind;

/// Everything that is counted. Methods are called where an effect ends, by the loop.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    latest: Latest,
    issues: Counters<2>,
    failures: Counters<2>,
    restored: Counters<1>,
    auth_calls: Counters<2>,
    auth_seconds: Histograms,
    secret_writes: Counters<2>,
    status_writes: Counters<2>,
    watch_failures: Counters<1>,
    watch_restarts: Counters<1>,
    work_seconds: Histograms,
    renewal_delay_seconds: Histograms,
}

/// The text format that a scraper understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4, for everybody else.
    Prometheus,
}

/// What became of a write to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// It was taken.
    Done,
    /// Somebody else wrote first; it is looked at again.
    Conflict,
    /// It was refused: a right, a quota, an admission.
    Refused,
    /// No answer, or one that says nothing of this write.
    Failed,
}

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("rocketlawyer"),
            latest: Latest::default(),
            issues: Family::default(),
            failures: Family::default(),
            restored: Family::default(),
            auth_calls: Family::default(),
            auth_seconds: Family::new_with_constructor(|| Histogram::new(CALL_SECONDS)),
            secret_writes: Family::default(),
            status_writes: Family::default(),
            watch_failures: Family::default(),
            watch_restarts: Family::default(),
            work_seconds: Family::new_with_constructor(|| Histogram::new(WORK_SECONDS)),
            renewal_delay_seconds: Family::new_with_constructor(|| Histogram::new(DELAY_SECONDS)),
        };
        metrics.registered()
    }

    /// A token was issued and is in its Secret. `cause`: one of the decision's words.
    pub fn issued(&self, kind: Kind, cause: &'static str) {
        count(&self.issues, [("kind", kind.as_str()), ("cause", cause)]);
    }

    /// A token was replaced this long after it was due.
    pub fn renewed(&self, kind: Kind, delay: Duration) {
        observe(&self.renewal_delay_seconds, [("kind", kind.as_str())], delay);
    }

    /// Work on an object ended without what it was for.
    pub fn failed(&self, kind: Kind, reason: Reason) {
        count(&self.failures, [("kind", kind.as_str()), ("reason", reason.as_str())]);
    }

    /// A Secret that somebody deleted or edited was put back.
    pub fn restored(&self, kind: Kind) {
        count(&self.restored, [("kind", kind.as_str())]);
    }

    /// The authentication service was called: with success, or what its failure meant.
    pub fn auth_call(&self, call: Call, failure: Option<Reason>, took: Duration) {
        let outcome = failure.map_or("ok", Reason::as_str);
        count(&self.auth_calls, [("call", call.as_str()), ("outcome", outcome)]);
        observe(&self.auth_seconds, [("call", call.as_str())], took);
    }

    /// A managed Secret was written.
    pub fn secret_write(&self, kind: Kind, written: Written) {
        count(&self.secret_writes, [("kind", kind.as_str()), ("outcome", written.as_str())]);
    }

    /// A status was written.
    pub fn status_write(&self, kind: Kind, written: Written) {
        count(&self.status_writes, [("kind", kind.as_str()), ("outcome", written.as_str())]);
    }

    /// A watch ended with an error; it goes on by itself.
    pub fn watch_failed(&self, stream: &'static str) {
        count(&self.watch_failures, [("stream", stream)]);
    }

    /// A watch had to list everything again.
    pub fn watch_restarted(&self, stream: &'static str) {
        count(&self.watch_restarts, [("stream", stream)]);
    }

    /// One step of work on an object was done outside: calls, a read or a write.
    pub fn worked(&self, kind: Kind, took: Duration) {
        observe(&self.work_seconds, [("kind", kind.as_str())], took);
    }

    /// How things stand now; shown until the next.
    pub fn publish(&self, snapshot: Snapshot) {
        self.latest.replace(snapshot);
    }

    /// Everything, as text.
    #[must_use]
    pub fn encode(&self, form: Exposition) -> String {
        let mut page = String::new();
        let written = match form {
            Exposition::OpenMetrics => text::encode(&mut page, &self.registry),
            Exposition::Prometheus => prometheus_text::encode(&mut page, &self.registry),
        };
        debug_assert!(written.is_ok(), "writing to a String does not fail");
        page
    }

    fn registered(mut self) -> Self {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        self.registry.register("build", "The running program", build);
        self.register_counters();
        self.register_histograms();
        self.registry.register_collector(Box::new(self.latest.clone()));
        self
    }

    fn register_counters(&mut self) {
        let all = &mut self.registry;
        let restored = "Managed Secrets that others had deleted or edited";
        all.register("secrets_restored", restored, self.restored.clone());
        for (name, help, counters) in [
            ("issues", "Tokens issued and written, by cause", &self.issues),
            ("failures", "Attempts that failed, by reason", &self.failures),
            ("auth_calls", "Calls to the authentication service, by outcome", &self.auth_calls),
            ("secret_writes", "Writes of managed Secrets, by outcome", &self.secret_writes),
            ("status_writes", "Writes of status, by outcome", &self.status_writes),
        ] {
            all.register(name, help, counters.clone());
        }
        for (name, help, counters) in [
            ("watch_failures", "Watches that ended with an error", &self.watch_failures),
            ("watch_restarts", "Watches that had to list everything again", &self.watch_restarts),
        ] {
            all.register(name, help, counters.clone());
        }
    }

    fn register_histograms(&mut self) {
        for (name, help, histograms) in [
            ("auth_call_duration", "Time that a call to the authentication service took", &self.auth_seconds),
            ("work_duration", "Time that one step of work on an object took", &self.work_seconds),
            (
                "renewal_delay",
                "Time between when a token was due and its renewal",
                &self.renewal_delay_seconds,
            ),
        ] {
            self.registry.register_with_unit(name, help, Unit::Seconds, histograms.clone());
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Exposition {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Written {
    /// As the label says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// From a call on the same network to one that ran into its limit.
const CALL_SECONDS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a read that was answered at once to waiting for several servers.
const WORK_SECONDS: [f64; 9] = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// From on time to hours late: an outage.
const DELAY_SECONDS: [f64; 9] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];

fn count<const N: usize>(counters: &Counters<N>, labels: Labels<N>) {
    counters.get_or_create(&labels).inc();
}

fn observe(histograms: &Histograms, labels: Labels<1>, took: Duration) {
    histograms.get_or_create(&labels).observe(took.as_secs_f64());
}

#[cfg(test)]
mod tests;

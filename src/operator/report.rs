//! What do people see of what the loop did? The boundary at which everything is logged, counted and announced, once.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decide::{NewStatus, Said};
use super::effect::{Calls, Outcome, WriteFailed};
use super::observe;
use super::turns::Turns;
use crate::api::{Condition, Reason, condition};
use crate::auth::{Call, Fault};
use crate::cluster::events::{Event, Events, Severity};
use crate::cluster::secrets::WriteRefused;
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Stream, Trouble};
use crate::decision::{Cause, Key, ResourceVersion};
use crate::state::{Object, State};
use crate::telemetry::{
    self, EventCounts, GateLoad, Health, Metrics, QueueLoad, Snapshot, Standing, Written, admin,
};

/// The gauges are counted anew this often: it is the only work that grows with the number of objects.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(15);
/// The loop comes round at least every 30 s.
const PATIENCE: Duration = Duration::from_mins(2);

/// The boundary.
pub(super) struct Report {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    reporter: telemetry::Reporter,
    events: Events,
    snapshot_at: Option<Instant>,
    /// The loop has come round since.
    is_outdated: bool,
    /// Tokens that were issued and are not in their Secrets yet: what will be said of them.
    issued: HashMap<Key, Fresh>,
}

struct Fresh {
    cause: Cause,
    first: bool,
    expires_at: Timestamp,
    due: Option<Timestamp>,
}

impl Report {
    /// Starts the admin server at `address`; it ends with `stop`.
    pub(super) async fn start(
        address: SocketAddr,
        streams: &[Stream],
        events: Events,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let health = Arc::new(Health::new(PATIENCE, streams.iter().map(observe::first_list_of)));
        let listener = admin::bind(address).await?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "serving /metrics, /healthz and /readyz");
        }
        let shown = admin::Shown { metrics: metrics.clone(), health: health.clone() };
        tokio::spawn(admin::serve(listener, shown, stop.cancelled_owned()));
        let reporter = telemetry::Reporter::new(metrics.clone());
        Ok(Self {
            metrics,
            health,
            reporter,
            events,
            snapshot_at: None,
            is_outdated: false,
            issued: HashMap::new(),
        })
    }

    /// The loop came round.
    pub(super) fn beat(&mut self, turns: &Turns) {
        self.health.beat();
        let now = Instant::now();
        let is_complete = turns.observer.is_complete();
        let is_due = self.snapshot_at.is_none_or(|at| at <= now);
        self.is_outdated = is_complete && !is_due;
        if is_complete && is_due {
            self.snapshot_at = Some(now + SNAPSHOT_EVERY);
            // Of a token that was dropped unwritten, or whose object is gone, nothing will be said.
            self.issued.retain(|key, _| turns.state.object(key).is_some_and(|it| it.work.held.is_some()));
            self.metrics.publish(snapshot(turns, self.event_counts()));
        }
    }

    /// In how long the gauges are to be counted anew, if something has happened since they were.
    pub(super) fn next_snapshot(&self) -> Option<Duration> {
        let at = self.snapshot_at.filter(|_| self.is_outdated)?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// A change of the cluster came in.
    pub(super) fn change(&self, change: &Change) {
        match change {
            Change::Listed(stream) => {
                self.health.arrived(&observe::first_list_of(stream));
                self.health.arrived(&observe::right_to(stream));
            }
            // The first list of a stream is no restart: readiness still waits for it.
            Change::Relisting(stream)
                if !self.health.waits_for().contains(&observe::first_list_of(stream)) =>
            {
                self.reporter.watch_restarted(observe::word(stream.what));
            }
            Change::Broken(stream, trouble) => {
                let is_first = self.health.waits_for().contains(&observe::first_list_of(stream));
                if is_first && *trouble == Trouble::Forbidden {
                    self.health.wait_for(observe::right_to(stream));
                }
                let status = match trouble {
                    Trouble::Forbidden => Some(403),
                    Trouble::Unauthorized => Some(401),
                    Trouble::NotInstalled => Some(404),
                    Trouble::Expired => Some(410),
                    Trouble::Answered { status } => Some(*status),
                    Trouble::Unreachable | Trouble::Unreadable => None,
                };
                self.reporter.watch_failed(observe::word(stream.what), status);
            }
            Change::Relisting(_) | Change::Seen { .. } | Change::Gone { .. } | Change::Mended(_) => {}
        }
    }

    /// An effect has an outcome.
    pub(super) fn outcome(&mut self, key: &Key, outcome: &Outcome, state: &State, took: Duration) {
        self.metrics.worked(key.kind, took);
        match outcome {
            Outcome::Issued { purpose, result, calls, .. } => {
                book(&self.metrics, calls, result.as_ref().err());
                if let (Ok(issued), Some(object)) = (result, state.object(key)) {
                    let fresh = Fresh {
                        cause: purpose.cause,
                        first: !object.work.announced,
                        expires_at: issued.expires_at,
                        due: purpose.due,
                    };
                    self.issued.insert(key.clone(), fresh);
                }
            }
            Outcome::Written { result, .. } => {
                self.metrics.secret_write(key.kind, written(result));
                if result.is_ok()
                    && let Some(fresh) = self.issued.remove(key)
                {
                    self.wrote(key, &fresh, state);
                }
            }
            Outcome::Published(result) => self.published(key, result),
            Outcome::Panicked => self.panicked(key, state),
            _ => {}
        }
    }

    /// A panic, in a decision or an effect. The text of it goes nowhere: it might hold anything.
    pub(super) fn panicked(&self, key: &Key, state: &State) {
        let message = "The operator failed on this object; please report it with the version and this line.";
        let outcome = telemetry::Outcome::Failed {
            reason: Reason::Pending,
            message,
            next_attempt_at: None,
            changed: true,
        };
        tracing::error!(kind = key.kind.as_str(), namespace = &*key.namespace, name = &*key.name, "panicked");
        self.announce(key, state.object(key), &outcome);
    }

    /// A Secret is as it should be again.
    pub(super) fn restored(&self, key: &Key, state: &State) {
        self.announce(key, state.object(key), &telemetry::Outcome::Restored);
    }

    /// A status write has an answer.
    fn published(&self, key: &Key, result: &Result<ResourceVersion, StatusRefused>) {
        let written = match result {
            Ok(_) => Written::Done,
            Err(StatusRefused::Conflict | StatusRefused::Gone) => Written::Conflict,
            Err(StatusRefused::Forbidden | StatusRefused::Invalid) => Written::Refused,
            Err(StatusRefused::Lost | StatusRefused::Unavailable { .. }) => Written::Failed,
        };
        self.metrics.status_write(key.kind, written);
        if written == Written::Refused {
            let (kind, namespace, name) = (key.kind.as_str(), &*key.namespace, &*key.name);
            tracing::warn!(
                kind,
                namespace,
                name,
                "the API server refuses the status of this object: is the right to patch it granted, and are the CRDs this version's?"
            );
        }
    }

    /// A status that differs from the last one was written: transitions are announced, repetitions are not.
    pub(super) fn transition(&self, key: &Key, state: &State, before: &Said, new: &NewStatus) {
        let (conditions, failure) = new.said();
        let (now, condition) = (Said::of(conditions, failure), ready(conditions));
        let word = |trouble: &Option<String>| trouble.as_deref().and_then(Reason::parse);
        let outcome = match (word(&before.trouble), word(&now.trouble), condition) {
            (_, Some(reason), Some(condition)) if reason != Reason::Pending => telemetry::Outcome::Failed {
                reason,
                message: &condition.message,
                next_attempt_at: failure.and_then(|it| it.next_attempt_at.as_ref()).map(|it| it.0),
                changed: now != *before,
            },
            (Some(before), None, _) if before != Reason::Pending => telemetry::Outcome::Recovered,
            _ => return,
        };
        self.announce(key, state.object(key), &outcome);
    }

    fn wrote(&self, key: &Key, fresh: &Fresh, state: &State) {
        let late =
            |due: Timestamp| Duration::try_from(due.duration_until(crate::clock::now())).unwrap_or_default();
        let outcome = telemetry::Outcome::Issued {
            cause: fresh.cause.as_str(),
            first: fresh.first,
            expires_at: fresh.expires_at,
            delay: fresh.due.map(late),
        };
        self.announce(key, state.object(key), &outcome);
    }

    fn announce(&self, key: &Key, object: Option<&Object>, outcome: &telemetry::Outcome<'_>) {
        let (Some(said), Some(object)) = (self.reporter.report(key, outcome), object) else {
            return;
        };
        self.events.post(Event {
            regarding: key.clone(),
            uid: (&*object.meta.uid).into(),
            severity: match said.severity {
                telemetry::Severity::Normal => Severity::Normal,
                telemetry::Severity::Warning => Severity::Warning,
            },
            reason: said.reason.as_str(),
            action: "Reconcile",
            note: said.note.into(),
        });
    }

    fn event_counts(&self) -> EventCounts {
        let counts = self.events.counts();
        EventCounts {
            posted: counts.posted.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
        }
    }
}

/// Books each call with its own time, and the failure on the call that failed alone.
fn book(metrics: &Metrics, calls: &Calls, failed: Option<&(Call, Fault)>) {
    for (call, took) in calls {
        let failure = failed.filter(|(failed, _)| failed == call);
        metrics.auth_call(*call, failure.map(|(_, fault)| super::apply::reason_of(*fault)), *took);
    }
}

fn written(result: &Result<crate::decision::SeenSecret, WriteFailed>) -> Written {
    match result.as_ref().map_err(|failed| failed.refused) {
        Ok(_) => Written::Done,
        Err(WriteRefused::Exists | WriteRefused::Conflict | WriteRefused::Gone) => Written::Conflict,
        Err(WriteRefused::Timeout | WriteRefused::Unavailable { .. }) => Written::Failed,
        Err(
            WriteRefused::NamespaceTerminating
            | WriteRefused::NamespaceAbsent
            | WriteRefused::Forbidden { .. }
            | WriteRefused::Immutable
            | WriteRefused::Invalid
            | WriteRefused::Quota,
        ) => Written::Refused,
    }
}

fn ready(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|it| it.type_ == condition::READY)
}

fn snapshot(turns: &Turns, events: EventCounts) -> Snapshot {
    let (ready, later, running) = turns.queue.load();
    let gates = turns.gates.occupancy().map(|(origin, load)| {
        let load = GateLoad {
            in_flight: load.in_flight.into(),
            cap: load.cap.into(),
            waiting: load.waiting as u64,
            is_parked: load.is_parked,
        };
        (Arc::from(origin.as_str()), load)
    });
    let mut snapshot = Snapshot {
        events,
        queue: QueueLoad { ready: ready as u64, later: later as u64, running: running as u64 },
        gates: gates.collect::<BTreeMap<_, _>>(),
        ..Snapshot::default()
    };
    let now = crate::clock::now();
    for (key, object) in turns.state.objects() {
        count_standing(&mut snapshot, key, object);
        count_token(&mut snapshot, key, object, now);
        if let Some(ahead) = object.credential().and_then(|it| it.session.clock_ahead) {
            let ours_ahead = -ahead.as_secs_f64();
            if ours_ahead.abs() > snapshot.clock_difference.abs() {
                snapshot.clock_difference = ours_ahead;
            }
        }
    }
    snapshot
}

fn count_standing(snapshot: &mut Snapshot, key: &Key, object: &Object) {
    let (conditions, _) = object.said();
    let Some(condition) = ready(conditions) else {
        return;
    };
    let words = [condition::TRUE, condition::FALSE, condition::UNKNOWN];
    let standing = Standing {
        kind: key.kind,
        ready: words.into_iter().find(|it| *it == condition.status).unwrap_or(condition::UNKNOWN),
        reason: Reason::parse(&condition.reason).unwrap_or(Reason::Pending),
    };
    *snapshot.objects.entry(standing).or_default() += 1;
}

fn count_token(snapshot: &mut Snapshot, key: &Key, object: &Object, now: Timestamp) {
    let Some(token) = object.told_token() else { return };
    let Some(expires_at) = token.expires_at.as_ref().map(|it| it.0).filter(|at| *at > now) else {
        return;
    };
    let earliest = snapshot.earliest_expiry.entry(key.kind).or_insert(expires_at);
    *earliest = expires_at.min(*earliest);
    let overdue = token.renew_at.as_ref().is_some_and(|it| it.0 <= now);
    *snapshot.overdue.entry(key.kind).or_default() += u64::from(overdue);
}

impl NewStatus {
    fn said(&self) -> (&[Condition], Option<&crate::api::Failure>) {
        match self {
            Self::Credential(status) => (&status.conditions, status.failure.as_ref()),
            Self::Request(status) => (&status.conditions, status.failure.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests;

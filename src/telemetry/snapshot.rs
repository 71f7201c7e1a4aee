//! How do things stand at this moment? Plain numbers that the loop hands over; the gauges show the last that it did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::api::Reason;
use crate::decision::Kind;

/// Everything that is counted by looking rather than by adding up. Nothing in it is named after an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// How many objects stand how.
    pub objects: BTreeMap<Standing, u64>,
    /// When the first of the tokens of a kind ends.
    pub earliest_expiry: BTreeMap<Kind, Timestamp>,
    /// How many objects of a kind hold a live token whose `renewAt` has passed.
    pub overdue: BTreeMap<Kind, u64>,
    /// The queue.
    pub queue: QueueLoad,
    /// The gate of each origin.
    pub gates: BTreeMap<Arc<str>, GateLoad>,
    /// Events, since the start.
    pub events: EventCounts,
    /// The largest difference between our clock and an authentication service's, in seconds; positive where ours is ahead.
    pub clock_difference: f64,
}

/// How an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Standing {
    /// Its kind.
    pub kind: Kind,
    /// The status of its `Ready` condition: one of the three words of `api::condition`.
    pub ready: &'static str,
    /// The reason of its `Ready` condition.
    pub reason: Reason,
}

/// How full the queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLoad {
    /// Keys whose turn it is.
    pub ready: u64,
    /// Keys that wait for a time.
    pub later: u64,
    /// Keys being worked on.
    pub running: u64,
}

/// How full a gate is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateLoad {
    /// Calls in flight.
    pub in_flight: u64,
    /// How many calls may be: fewer after the service has throttled.
    pub cap: u64,
    /// Keys that wait for a permit.
    pub waiting: u64,
    /// The service is unwell, and left alone but for one probe at a time.
    pub is_parked: bool,
}

/// Where events went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Taken by the API server.
    pub posted: u64,
    /// Refused by it, or not answered in time.
    pub failed: u64,
    /// Never sent: there were too many.
    pub dropped: u64,
}

/// The last snapshot; nothing before the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest(Arc<Mutex<Option<Arc<Snapshot>>>>);

impl Latest {
    pub(super) fn replace(&self, snapshot: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(snapshot));
    }

    fn get(&self) -> Option<Arc<Snapshot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Collector for Latest {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        self.get().map_or(Ok(()), |snapshot| Writer(encoder).all(&snapshot))
    }
}

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn all(&mut self, now: &Snapshot) -> fmt::Result {
        self.standings(now)?;
        self.load(now)?;
        let EventCounts { posted, failed, dropped } = now.events;
        let events = [("posted", posted), ("failed", failed), ("dropped", dropped)];
        self.counters(
            "events",
            "Events, by what became of them",
            events.map(|(word, count)| ([("outcome", word)], count)),
        )?;
        let unit = Some(&Unit::Seconds);
        let help = "Largest difference between this clock and an authentication service's, positive where this one is ahead";
        let gauge = ConstGauge::new(now.clock_difference);
        gauge.encode(self.0.encode_descriptor("clock_difference", help, unit, MetricType::Gauge)?)
    }

    fn standings(&mut self, now: &Snapshot) -> fmt::Result {
        let standings = now.objects.iter().map(|(standing, count)| {
            let Standing { kind, ready, reason } = standing;
            ([("kind", kind.as_str()), ("ready", *ready), ("reason", reason.as_str())], *count)
        });
        self.gauges("objects", "Objects, by their Ready condition", None, standings)?;
        let overdue = now.overdue.iter().map(|(kind, count)| ([("kind", kind.as_str())], *count));
        self.gauges(
            "renewals_overdue",
            "Objects whose token lives but should have been renewed by now",
            None,
            overdue,
        )?;
        let seconds = Some(&Unit::Seconds);
        let earliest =
            now.earliest_expiry.iter().map(|(kind, time)| ([("kind", kind.as_str())], time.as_second()));
        self.gauges(
            "earliest_expiry_timestamp",
            "When the first of the tokens ends, Unix time",
            seconds,
            earliest,
        )
    }

    fn load(&mut self, now: &Snapshot) -> fmt::Result {
        let QueueLoad { ready, later, running } = now.queue;
        let queue = [("ready", ready), ("later", later), ("running", running)];
        self.gauges(
            "queue_keys",
            "Keys in the queue",
            None,
            queue.map(|(word, count)| ([("state", word)], count)),
        )?;
        let in_flight =
            now.gates.iter().map(|(origin, gate)| ([("origin", origin.as_ref())], gate.in_flight));
        self.gauges("gate_calls_in_flight", "Calls to an authentication service in flight", None, in_flight)?;
        let cap = now.gates.iter().map(|(origin, gate)| ([("origin", origin.as_ref())], gate.cap));
        self.gauges(
            "gate_calls_allowed",
            "Calls to an authentication service that may be in flight: fewer after it has throttled",
            None,
            cap,
        )?;
        let parked =
            now.gates.iter().map(|(origin, gate)| ([("origin", origin.as_ref())], u64::from(gate.is_parked)));
        self.gauges(
            "gate_parked",
            "1 while an authentication service is out of order or throttles, and is left alone but for a probe",
            None,
            parked,
        )?;
        let waiting = now.gates.iter().map(|(origin, gate)| ([("origin", origin.as_ref())], gate.waiting));
        self.gauges(
            "gate_keys_waiting",
            "Keys that wait for a permit to call an authentication service",
            None,
            waiting,
        )
    }

    fn gauges<L, V>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        rows: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result
    where
        L: EncodeLabelSet,
        ConstGauge<V>: EncodeMetric,
    {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in rows {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

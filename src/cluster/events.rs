//! How do people see what happened? events.k8s.io/v1, posted by one task from a bounded queue: never waited for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::call::{ApiServer, Call, METADATA, is_a_name};
use crate::api::names;
use crate::clock;
use crate::decision::Key;

/// Events that wait; beyond that they are dropped.
const WAITING: usize = 256;
/// One event in this time, in the long run.
const EACH: Duration = Duration::from_millis(100);
/// As many at once.
const BURST: u32 = 25;
/// Longest time for one event.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest note that the API takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Something that people should see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The object it is about.
    pub regarding: Key,
    /// Its uid.
    pub uid: Box<str>,
    /// Whether it is bad news.
    pub severity: Severity,
    /// One word: a reason of `api::Reason`, or one that only events have.
    pub reason: &'static str,
    /// What was being done, one word.
    pub action: &'static str,
    /// A sentence; cut at 1 kB.
    pub note: Box<str>,
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All is well.
    Normal,
    /// It is not.
    Warning,
}

/// The way to the queue. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    queue: mpsc::Sender<Event>,
    counts: Arc<Counts>,
}

/// How many events went where, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Taken by the API server.
    pub posted: AtomicU64,
    /// Refused by it, or not answered in time.
    pub failed: AtomicU64,
    /// Dropped because the queue was full.
    pub dropped: AtomicU64,
}

impl Events {
    /// Starts the task that posts. It ends when every `Events` is dropped and the queue is empty.
    /// `instance` tells replicas apart: the Pod's name.
    #[must_use]
    pub fn start(api: ApiServer, instance: &str) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(post_all(api, instance.into(), waiting, counts.clone()));
        (Self { queue, counts }, task)
    }

    /// Queues an event, or drops it.
    pub fn post(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events went where; outlives the queue.
    #[must_use]
    pub fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }
}

async fn post_all(
    api: ApiServer,
    instance: Box<str>,
    mut waiting: mpsc::Receiver<Event>,
    counts: Arc<Counts>,
) {
    // The moment up to which the rate is used up; a burst may run this far ahead of the clock.
    let mut used_up_to = Instant::now();
    while let Some(event) = waiting.recv().await {
        used_up_to = used_up_to.max(Instant::now()) + EACH;
        if let Some(then) = used_up_to.checked_sub(EACH * BURST) {
            sleep_until(then).await;
        }
        let posted = timeout(LIMIT, post(&api, &instance, &event)).await.unwrap_or(false);
        let count = if posted { &counts.posted } else { &counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn post(api: &ApiServer, instance: &str, event: &Event) -> bool {
    let namespace = &event.regarding.namespace;
    if !is_a_name(namespace) {
        return false;
    }
    let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let body = Bytes::from(body(instance, event).to_string());
    let call = Call::with_body(Method::POST, path, body, METADATA);
    api.call(call).await.is_ok_and(|answer| answer.status == 201)
}

fn body(instance: &str, event: &Event) -> serde_json::Value {
    let regarding = &event.regarding;
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "generateName": format!("{}-", regarding.name),
            "namespace": *regarding.namespace,
        },
        "eventTime": format!("{:.6}", clock::now()),
        "reportingController": names::OPERATOR,
        "reportingInstance": instance,
        "type": match event.severity {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        },
        "reason": event.reason,
        "action": event.action,
        "note": cut(&event.note),
        "regarding": {
            "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
            "kind": regarding.kind.as_str(),
            "namespace": *regarding.namespace,
            "name": *regarding.name,
            "uid": event.uid,
        },
    })
}

fn cut(note: &str) -> &str {
    &note[..note.floor_char_boundary(LONGEST_NOTE)]
}

#[cfg(test)]
mod tests;

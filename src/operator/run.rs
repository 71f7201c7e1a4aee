//! How does it all run? Start, the loop, and the stop. The loop owns everything that is known; effects run beside it and come
//! back as outcomes. It makes no choices: `decide` does.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::apply::{Aftermath, apply};
use super::decide::{Decision, NewStatus, Publish, Rest, Said, decide};
use super::effect::{Effect, Outcome, Outside};
use super::gate::{Asked, Gates};
use super::observe::Observer;
use super::offers;
use super::options::Options;
use super::queue::Queue;
use super::report::Report;
use crate::auth::AuthClient;
use crate::clock;
use crate::cluster::events::Events;
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{self, Change, Watched};
use crate::cluster::{AccessReview, Clients, NoCluster};
use crate::decision::Key;
use crate::decision::schedule::{LONGEST_WAIT, later};
use crate::state::{Settings, State};

/// Effects in flight beside the loop, calls to the authentication service included.
const EFFECTS: usize = 96;
/// How often a question at the start is asked.
const TRIES: u32 = 5;
/// How long what is in flight may take after the signal to stop.
const LAST_EFFECTS: Duration = Duration::from_secs(10);

/// Why the operator did not start, or ended. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no cluster to talk to.
    #[error("cannot reach a cluster: {0}")]
    NoCluster(#[from] NoCluster),
    /// The API server does not say what the operator may do.
    #[error("the API server does not answer a SelfSubjectAccessReview")]
    NoAnswer,
    /// A flag means nothing.
    #[error("{0}")]
    Option(String),
    /// The address of the admin server cannot be used.
    #[error("--http-bind-address {0}: {1}")]
    Bind(std::net::SocketAddr, std::io::Error),
}

/// Runs until `stop`.
pub async fn run(options: Options, stop: CancellationToken) -> Result<(), StartError> {
    let extra_roots = options.extra_roots().map_err(StartError::Option)?;
    let clients = Clients::infer().await?;
    for origin in options.allow_endpoints.iter().filter(|origin| origin.is_plain()) {
        tracing::warn!(%origin, "this endpoint is not encrypted: client secrets and tokens travel in the clear");
    }
    let scope = options.scope();
    let reads_namespaces = may_read_namespaces(&clients).await?;
    let mut subjects =
        vec![Watched::Credentials, Watched::Requests, Watched::ManagedSecrets, Watched::OtherSecrets];
    if reads_namespaces {
        subjects.push(Watched::Namespaces);
    } else {
        tracing::info!(
            "namespaces cannot be read: credentials may allow namespaces by name, not by selector"
        );
    }
    let streams = watch::streams(&scope, &subjects);
    let observer = Observer::new(streams.iter().cloned());
    let (events, _) = Events::start(clients.api.clone(), &instance());
    let address = options.http_bind_address;
    let report = Report::start(address, &streams, events, stop.clone())
        .await
        .map_err(|error| StartError::Bind(address, error))?;
    let (watching, changes) = watch::start(&clients, streams);
    let settings = Settings { allowed_origins: options.allow_endpoints.clone(), reads_namespaces };
    let outside = Outside { api: clients.api.clone(), auth: Arc::new(AuthClient::new(extra_roots)) };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    let mut work = Loop {
        state: State::new(settings),
        queue: Queue::default(),
        gates: Gates::default(),
        running: JoinSet::new(),
        acting: HashSet::new(),
        observer,
        outside,
        report,
    };
    work.until(stop, changes).await;
    drop(watching);
    work.drain().await;
    tracing::info!("stopped");
    Ok(())
}

struct Loop {
    state: State,
    queue: Queue,
    gates: Gates,
    running: JoinSet<Finished>,
    /// The keys with an effect in flight.
    acting: HashSet<Key>,
    observer: Observer,
    outside: Outside,
    report: Report,
}

/// An effect that has come back.
struct Finished {
    key: Key,
    /// The uid of the object that it was for.
    uid: Option<Arc<str>>,
    done: Done,
    took: Duration,
}

/// An outcome; of a status write with what was said before and the status that it was to lead to.
enum Done {
    Outcome(Outcome),
    Status(Box<(Said, NewStatus)>, Outcome),
}

impl Loop {
    async fn until(&mut self, stop: CancellationToken, mut changes: mpsc::Receiver<Change>) {
        loop {
            self.start_what_can();
            self.report.beat(&self.observer, &self.queue, &self.gates, &self.state);
            let now = clock::now();
            let next = self.queue.next_look().unwrap_or_else(|| later(now, LONGEST_WAIT));
            let pause =
                Duration::try_from(now.duration_until(next)).unwrap_or_default().min(Duration::from_secs(30));
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => self.take(change),
                    None => return,
                },
                Some(done) = self.running.join_next() => self.finished(done),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes in a change of the cluster.
    fn take(&mut self, change: Change) {
        self.report.change(&change);
        for key in self.observer.take(&mut self.state, change) {
            self.queue.wake(key);
        }
    }

    fn start_what_can(&mut self) {
        if !self.observer.is_complete() {
            return;
        }
        self.queue.pass(clock::now());
        while self.acting.len() < EFFECTS {
            let Some(key) = self.queue.take() else { return };
            if self.observer.sees(&key.namespace) {
                self.turn(key);
            } else {
                self.queue.done(&key);
            }
        }
    }

    /// One decision about one object. A panic in it concerns that object alone.
    fn turn(&mut self, key: Key) {
        let now = clock::now();
        let woken = offers::refresh(&mut self.state, &key, now);
        self.wake_all(woken);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(&self.state, &key, now)));
        let Ok(decision) = decided else {
            self.report.panicked(&key, &self.state);
            let called = self.gates.give_up(&key);
            self.wake_all(called);
            self.rest_after_panic(&key);
            return;
        };
        if !matches!(decision, Some(Decision::Call { .. })) {
            let called = self.gates.give_up(&key);
            self.wake_all(called);
        }
        match decision {
            None => {
                self.queue.wake_at(&key, None);
                self.queue.done(&key);
            }
            Some(Decision::Act(effect)) => self.spawn(&key, effect),
            Some(Decision::Call { origin, permits, effect, meanwhile }) => {
                let Asked { through, called } = self.gates.ask(&origin, &key, permits);
                self.wake_all(called);
                if through {
                    self.spawn(&key, effect);
                } else {
                    // It waits in line as a key: its turn wakes it, and so does anything that changes for it.
                    self.rest(key, meanwhile);
                }
            }
            Some(Decision::DropHeld) => {
                if let Some(object) = self.state.object_mut(&key) {
                    object.work.held = None;
                }
                self.queue.done(&key);
                self.queue.wake(key);
            }
            Some(Decision::Rest(rest)) => self.rest(key, rest),
        }
    }

    fn rest(&mut self, key: Key, rest: Rest) {
        self.queue.wake_at(&key, rest.until);
        if rest.waits {
            let credentials: Vec<Key> = crate::scoped_token::waits_for(&self.state, &key).cloned().collect();
            for credential in credentials {
                if self.state.wait_for(&credential, &key) {
                    self.queue.wake(credential);
                }
            }
        }
        let version = self.state.object(&key).map(|object| object.meta.version);
        match (rest.publish, version) {
            (Some(Publish { patch, status, before }), Some(version)) => {
                self.acting.insert(key.clone());
                let outside = self.outside.clone();
                let effect = Effect::Status { key: key.clone(), version, patch };
                let uid = self.uid(&key);
                self.running.spawn(async move {
                    // A task of its own, so that a panic comes back as an outcome.
                    let outcome = tokio::spawn(outside.execute(effect)).await;
                    let outcome = outcome.unwrap_or(Outcome::Panicked);
                    Finished {
                        key,
                        uid,
                        done: Done::Status(Box::new((before, status)), outcome),
                        took: Duration::ZERO,
                    }
                });
            }
            _ => self.queue.done(&key),
        }
    }

    fn spawn(&mut self, key: &Key, effect: Effect) {
        self.acting.insert(key.clone());
        let outside = self.outside.clone();
        let (key, uid) = (key.clone(), self.uid(key));
        self.running.spawn(async move {
            let begun = tokio::time::Instant::now();
            let outcome = tokio::spawn(outside.execute(effect)).await.unwrap_or(Outcome::Panicked);
            Finished { key, uid, done: Done::Outcome(outcome), took: begun.elapsed() }
        });
    }

    fn finished(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        // The tasks of this set only wait for one that may panic.
        let Ok(Finished { key, uid, done, took }) = done else {
            return;
        };
        self.acting.remove(&key);
        // A status may be written while its object is in line: it keeps its place.
        if matches!(done, Done::Outcome(_)) {
            let called = self.gates.leave(&key);
            self.wake_all(called);
        }
        if self.uid(&key) != uid {
            // What was done for an object that is gone says nothing of the one that bears its name now.
            self.turn(key);
            return;
        }
        match done {
            Done::Status(written, Outcome::Published(result)) => self.published(&key, *written, result),
            Done::Status(_, outcome) | Done::Outcome(outcome) => {
                self.report.outcome(&key, &outcome, &self.state, took);
                let Aftermath { wake, restored } = apply(&mut self.state, &key, outcome, clock::now());
                self.wake_all(wake);
                if restored {
                    self.report.restored(&key, &self.state);
                }
                self.turn(key);
            }
        }
    }

    fn published(
        &mut self,
        key: &Key,
        (before, status): (Said, NewStatus),
        result: Result<crate::decision::ResourceVersion, StatusRefused>,
    ) {
        self.report.published(key, &result);
        match result {
            Ok(version) => {
                if let Some(object) = self.state.object_mut(key) {
                    self.report.transition(key, object, &before, &status);
                    // Somebody else's edit of the status may have been seen since: that is what the server has.
                    if object.meta.version <= version {
                        object.meta.version = version;
                        status.keep(object);
                    }
                    object.work.published_at = Some(clock::now());
                }
            }
            // The watch shows what changed, or that it was written after all; should it not, a look in a moment.
            Err(StatusRefused::Conflict | StatusRefused::Lost | StatusRefused::Unavailable { .. }) => {
                self.queue.wake_at(key, Some(later(clock::now(), jiff::SignedDuration::from_secs(2))));
            }
            Err(StatusRefused::Gone | StatusRefused::Forbidden | StatusRefused::Invalid) => {}
        }
        self.queue.done(key);
    }

    fn rest_after_panic(&mut self, key: &Key) {
        let now = clock::now();
        self.queue.wake_at(key, Some(later(now, jiff::SignedDuration::from_mins(1))));
        self.queue.done(key);
    }

    fn uid(&self, key: &Key) -> Option<Arc<str>> {
        self.state.object(key).map(|object| object.meta.uid.clone())
    }

    fn wake_all(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake(key);
        }
    }

    /// No new work; what is in flight is finished, within the limit. A token that was issued is still written.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + LAST_EFFECTS;
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.running.join_next()).await {
            self.finished_last(done);
        }
    }

    /// As [`Loop::finished`], but only a token that is held and not yet written leads to more work.
    fn finished_last(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        let Ok(Finished { key, uid, done: Done::Outcome(outcome), .. }) = done else {
            return;
        };
        if self.uid(&key) != uid {
            return;
        }
        apply(&mut self.state, &key, outcome, clock::now());
        if let Some(Decision::Act(effect @ Effect::Write { .. })) = decide(&self.state, &key, clock::now()) {
            self.spawn(&key, effect);
        }
    }
}

impl NewStatus {
    pub(super) fn keep(self, object: &mut crate::state::Object) {
        match (self, &mut object.detail) {
            (Self::Credential(status), crate::state::Detail::Credential(it)) => it.status = *status,
            (Self::Request(status), crate::state::Detail::Request(it)) => it.status = *status,
            _ => {}
        }
    }
}

/// Asked until there is an answer: a hiccup at the start must not take selectors away until the next restart.
async fn may_read_namespaces(clients: &Clients) -> Result<bool, StartError> {
    for verb in ["list", "watch"] {
        let review = AccessReview { verb, resource: "namespaces", ..AccessReview::default() };
        let mut answer = clients.api.can(review).await;
        for _ in 1..TRIES {
            if answer.is_ok() {
                break;
            }
            answer = clients.api.can(review).await;
        }
        if !answer.map_err(|_| StartError::NoAnswer)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What tells replicas apart in events: the Pod's name.
fn instance() -> String {
    std::env::var("POD_NAME")
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "rocketlawyer-operator".to_owned())
}

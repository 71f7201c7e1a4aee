//! How does it all run? Start, the loop, and the stop. Effects run beside the loop and come back as outcomes. It makes no
//! choices: `turns` does.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, Outcome, Outside};
use super::journal::{self, Arrived, Entry, Task};
use super::options::Options;
use super::report::Report;
use super::turns::{Landed, Ticket, Turn, Turns};
use crate::auth::AuthClient;
use crate::clock;
use crate::cluster::events::Events;
use crate::cluster::watch::{self, Change, Watched};
use crate::cluster::{AccessReview, Clients, NoCluster};
use crate::decision::schedule::{LONGEST_WAIT, later};
use crate::state::Settings;

/// How often a question at the start is asked.
const TRIES: u32 = 5;
/// How long what is in flight may take after the signal to stop.
const LAST_EFFECTS: Duration = Duration::from_secs(10);

/// A clock that differs from the time that has passed by so much was set; less is its own course.
const SET: SignedDuration = SignedDuration::from_secs(1);
/// The loop comes round at least this often.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// At most so many changes are taken in before anything is begun.
const CHANGES_AT_A_TIME: usize = 256;

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
    let (events, _) = Events::start(clients.api.clone(), &instance());
    let address = options.http_bind_address;
    let report = Report::start(address, &streams, events, stop.clone())
        .await
        .map_err(|error| StartError::Bind(address, error))?;
    let settings = Settings { allowed_origins: options.allow_endpoints.clone(), reads_namespaces };
    let outside = Outside { api: clients.api.clone(), auth: Arc::new(AuthClient::new(extra_roots)) };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    journal::note(|| Entry::started(&settings, options.limits(), &streams));
    let turns = Turns::new(settings, options.limits(), streams.iter().cloned());
    let (watching, changes) = watch::start(&clients, streams);
    let mut work = Loop { turns, running: JoinSet::new(), outside, report, clock: clock::offset() };
    work.until(stop, changes).await;
    drop(watching);
    work.drain().await;
    tracing::info!("stopped");
    Ok(())
}

struct Loop {
    turns: Turns,
    running: JoinSet<Finished>,
    outside: Outside,
    report: Report,
    /// Where the wall clock stood against the time that passes.
    clock: SignedDuration,
}

/// An effect that has come back.
struct Finished {
    ticket: Ticket,
    outcome: Outcome,
    took: Duration,
}

impl Loop {
    async fn until(&mut self, stop: CancellationToken, mut changes: mpsc::Receiver<Change>) {
        loop {
            self.take_what_came(&mut changes);
            self.heed_the_clock();
            let more = self.start_what_can();
            self.report.beat(&self.turns);
            let now = clock::now();
            let next = self.turns.next_look(now).unwrap_or_else(|| later(now, LONGEST_WAIT));
            let pause = Duration::try_from(now.duration_until(next)).unwrap_or_default();
            let pause = pause.min(self.report.next_snapshot().unwrap_or(LONGEST_PAUSE)).min(LONGEST_PAUSE);
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => self.changed(change),
                    None => return,
                },
                Some(done) = self.running.join_next() => self.finished(done),
                () = tokio::time::sleep(pause), if !more => {}
                () = std::future::ready(()), if more => {}
            }
        }
    }

    /// All that came back, and as many changes as turns are taken at a time, or more: however many keys are ready, nobody's
    /// outcome or change waits behind them.
    fn take_what_came(&mut self, changes: &mut mpsc::Receiver<Change>) {
        while let Some(done) = self.running.try_join_next() {
            self.finished(done);
        }
        for _ in 0..CHANGES_AT_A_TIME {
            let Ok(change) = changes.try_recv() else { return };
            self.changed(change);
        }
    }

    fn changed(&mut self, change: Change) {
        self.report.change(&change);
        journal::note(|| Entry::changed(&change));
        self.turns.take(change);
    }

    /// A clock that is set has not let time pass.
    fn heed_the_clock(&mut self) {
        let offset = clock::offset();
        let by = offset - self.clock;
        if by.abs() >= SET {
            self.clock = offset;
            tracing::info!(seconds = by.as_secs(), "the clock was set");
            journal::note(|| Entry::ClockSet(by));
            self.turns.clock_was_set(by);
        }
    }

    /// Returns whether more could be started at once.
    fn start_what_can(&mut self) -> bool {
        let now = clock::now();
        let (turns, more) = self.turns.next_few(now);
        journal::note(|| Entry::Looked { now, began: Task::begun(&turns) });
        for turn in turns {
            self.follow(turn);
        }
        more
    }

    fn follow(&mut self, turn: Turn) {
        match turn {
            Turn::Act(ticket, effect) => self.spawn(ticket, *effect),
            Turn::Panicked(key) => self.report.panicked(&key, &self.turns.state),
            Turn::Rest => {}
        }
    }

    fn spawn(&mut self, ticket: Ticket, effect: Effect) {
        let outside = self.outside.clone();
        self.running.spawn(async move {
            let begun = tokio::time::Instant::now();
            // A task of its own, so that a panic comes back as an outcome.
            let outcome = tokio::spawn(outside.execute(effect)).await.unwrap_or(Outcome::Panicked);
            Finished { ticket, outcome, took: begun.elapsed() }
        });
    }

    fn finished(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        // The tasks of this set only wait for one that may panic.
        let Ok(Finished { ticket, outcome, took }) = done else {
            return;
        };
        let key = ticket.key.clone();
        if self.turns.is_current(&ticket) {
            self.report.outcome(&key, &outcome, &self.turns.state, took);
        }
        self.heed_the_clock();
        let arrived = Arrived::of(&ticket, &outcome);
        let now = clock::now();
        let Landed { restored, told, next } = self.turns.land(ticket, outcome, now);
        arrived.note(now, &next, false);
        if let Some(told) = told {
            self.report.transition(&key, &self.turns.state, &told.0, &told.1);
        }
        if restored {
            self.report.restored(&key, &self.turns.state);
        }
        self.follow(next);
    }

    /// No new work; what is in flight is finished, within the limit. A token that was issued is still written.
    async fn drain(&mut self) {
        let deadline = tokio::time::Instant::now() + LAST_EFFECTS;
        let now = clock::now();
        let turns = self.turns.last_writes(now);
        journal::note(|| Entry::Ended { now, began: Task::begun(&turns) });
        for turn in turns {
            self.follow(turn);
        }
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.running.join_next()).await {
            if let Ok(Finished { ticket, outcome, .. }) = done {
                let arrived = Arrived::of(&ticket, &outcome);
                let now = clock::now();
                let turn = self.turns.land_last(ticket, outcome, now);
                arrived.note(now, &turn, true);
                self.follow(turn);
            }
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

//! How is one stream kept alive? kube's watcher, a back-off of its own, and a new start where the watcher would not make one.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    pin::pin,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use kube::{
    Api, Client,
    runtime::watcher::{self, Event, watcher},
};
use tokio::sync::mpsc;

use super::edge::{Edge, Slim};
use super::{Change, Stream, Trouble};
use crate::cluster::intake::{GivenUp, Intake, Room};

/// How many objects at a time in a list: a page is held whole, and twice for a moment.
const PAGE: u32 = 20;
/// First wait after a failure; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(800);
/// Longest wait: everything is in order 15 s after an outage, however long it was.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Longest wait where a right is missing: that a watch has begun is known no sooner than it has been [`QUIET`].
const LONGEST_REFUSED: Duration = Duration::from_secs(4);
/// A failure this long after the last one is a first one again.
const FORGIVEN: Duration = Duration::from_mins(2);
/// A watch that is silent for this long after it was begun again has begun: longer than the connect timeout.
const QUIET: Duration = Duration::from_secs(8);

/// Whether the stream goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Poll,
    Rebuild,
    /// Nobody listens any more.
    End,
}

struct Follower {
    stream: Stream,
    out: mpsc::Sender<Change>,
    intake: Intake,
    room: Room,
    page: u32,
    quiet: Duration,
    broken: bool,
    listing: bool,
    failures: u32,
    failed_at: Option<Instant>,
    last_trouble: Option<Trouble>,
}

/// Lists and watches until nobody listens.
pub(super) async fn follow<E: Edge>(
    client: Client,
    intake: Intake,
    stream: Stream,
    out: mpsc::Sender<Change>,
) {
    Follower::new(stream, intake, out).follow::<E>(client).await;
}

impl Follower {
    fn new(stream: Stream, intake: Intake, out: mpsc::Sender<Change>) -> Self {
        Self {
            stream,
            out,
            intake,
            room: Room::default(),
            page: PAGE,
            quiet: QUIET,
            broken: false,
            listing: true,
            failures: 0,
            failed_at: None,
            last_trouble: None,
        }
    }

    async fn follow<E: Edge>(&mut self, client: Client) {
        let client = self.intake.over(client, &self.room);
        loop {
            let api: Api<Slim<E>> = match self.stream.namespace.as_deref() {
                None => Api::all(client.clone()),
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &()),
            };
            let config = watcher::Config {
                field_selector: E::fields(),
                page_size: Some(self.page),
                timeout: E::LASTS,
                ..watcher::Config::default()
            };
            if self.run(watcher(api, config)).await == Next::End {
                return;
            }
        }
    }

    async fn run<E: Edge>(
        &mut self,
        events: impl futures::Stream<Item = watcher::Result<Event<Slim<E>>>>,
    ) -> Next {
        let mut events = pin!(events);
        loop {
            let event = if self.broken && !self.listing {
                match tokio::time::timeout(self.quiet, events.next()).await {
                    Ok(event) => event,
                    Err(_) => match self.mended().await {
                        Next::Poll => continue,
                        other => return other,
                    },
                }
            } else {
                events.next().await
            };
            // A page, or a line, is slim by now.
            self.room.give_up();
            let next = match event {
                Some(Ok(event)) => self.pass_on(event).await,
                Some(Err(error)) => self.failed(&error).await,
                None => Next::Rebuild,
            };
            if next != Next::Poll {
                return next;
            }
        }
    }

    async fn pass_on<E: Edge>(&mut self, event: Event<Slim<E>>) -> Next {
        let stream = self.stream.clone();
        let (change, proves_health) = match event {
            Event::Init => {
                self.listing = true;
                (Change::Relisting(stream), false)
            }
            Event::InitApply(Slim { seen, .. }) => (Change::Seen { stream, seen }, false),
            Event::InitDone => {
                self.listing = false;
                self.page = PAGE;
                (Change::Listed(stream), true)
            }
            Event::Apply(Slim { seen, .. }) => (Change::Seen { stream, seen }, true),
            Event::Delete(Slim { what, .. }) => (Change::Gone { stream, what }, true),
        };
        match self.send(change).await {
            Next::Poll if proves_health && self.broken => self.mended().await,
            next => next,
        }
    }

    async fn failed(&mut self, error: &watcher::Error) -> Next {
        if self.page > 1 && is_given_up(error) {
            self.page /= 2;
            return Next::Rebuild;
        }
        let trouble = Trouble::of(error);
        self.broken = true;
        if self.send(Change::Broken(self.stream.clone(), trouble)).await == Next::End {
            return Next::End;
        }
        tokio::select! {
            () = tokio::time::sleep(self.wait_after(trouble)) => {}
            () = self.out.closed() => return Next::End,
        }
        // kube's watcher lists again after an ERROR event with 410, but asks for ever when the watch itself is refused so.
        if trouble == Trouble::Expired { Next::Rebuild } else { Next::Poll }
    }

    async fn mended(&mut self) -> Next {
        self.broken = false;
        self.send(Change::Mended(self.stream.clone())).await
    }

    async fn send(&self, change: Change) -> Next {
        match self.out.send(change).await {
            Ok(()) => Next::Poll,
            Err(_) => Next::End,
        }
    }

    /// An API server that was away has forgotten the history that is asked for next: that is its first sign of life, and not
    /// more of the same. Only one that says it again and again is left alone for longer and longer.
    fn wait_after(&mut self, trouble: Trouble) -> Duration {
        if trouble == Trouble::Expired && self.last_trouble != Some(Trouble::Expired) {
            self.failures = 0;
        }
        self.last_trouble = Some(trouble);
        let wait = self.next_wait();
        if trouble == Trouble::Forbidden { wait.min(LONGEST_REFUSED) } else { wait }
    }

    /// 0.8 s doubling to 10 s, stretched by up to a quarter so that streams that failed together part.
    fn next_wait(&mut self) -> Duration {
        let now = Instant::now();
        if self.failed_at.is_none_or(|then| now.duration_since(then) > FORGIVEN) {
            self.failures = 0;
        }
        self.failed_at = Some(now);
        let wait = FIRST_WAIT * 2_u32.pow(self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        let mut hasher = DefaultHasher::new();
        (&self.stream, self.failures).hash(&mut hasher);
        let stretch = u32::try_from(hasher.finish() % 256).unwrap_or_default();
        (wait + wait / 1024 * stretch).min(LONGEST_WAIT)
    }
}

/// Whether a page weighs more than is read, or hung: half as many objects weigh less.
fn is_given_up(error: &watcher::Error) -> bool {
    let watcher::Error::InitialListFailed(error) = error else { return false };
    [GivenUp::TooHeavy, GivenUp::TooSlow].into_iter().any(|why| why.is_cause_of(error))
}

impl Trouble {
    fn of(error: &watcher::Error) -> Self {
        let status = match error {
            watcher::Error::WatchError(status) => status.code,
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => match error {
                kube::Error::Api(status) => status.code,
                kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => return Self::Unreadable,
                _ => return Self::Unreachable,
            },
            watcher::Error::NoResourceVersion => return Self::Unreadable,
        };
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotInstalled,
            410 => Self::Expired,
            status => Self::Answered { status },
        }
    }
}

#[cfg(test)]
mod tests;

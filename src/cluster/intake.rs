//! How much of what the API server sends is held at once? Whoever may write in a namespace decides how heavy its objects are, and an
//! object that weighs 1.5 MB in etcd is up to 9 MB of JSON: one body, or one line of a watch, is read beyond what is usual at a time,
//! and none without end. What is light passes as it comes, whatever hangs.

use std::{
    error::Error as _,
    future::{Future as _, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use hyper::body::{Body as _, Frame, SizeHint};
use kube::{Client, client::Body};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::sync::PollSemaphore;
use tower::service_fn;

/// What is no heavier is read beside everything else: a page of usual objects is, and so is nearly every line.
const LIGHT: usize = 256 * 1024;
/// Nothing is read that is heavier: two objects of the heaviest that the API server takes are not. It is held twice for a moment.
const HEAVIEST: usize = 20 * 1024 * 1024;
/// How long something heavy may bring nothing. Others wait for it, so whatever hangs is given up.
const LONGEST: Duration = Duration::from_secs(10);

/// The room for what is heavy. Clones share it.
#[derive(Clone)]
pub(super) struct Intake {
    room: Arc<Semaphore>,
    heaviest: usize,
    longest: Duration,
}

/// The room, where something heavy has it: until that was made of it which is kept.
#[derive(Clone, Default)]
pub(super) struct Room(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

/// Why something is not read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GivenUp {
    #[error("heavier than anything that is read")]
    TooHeavy,
    #[error("brings nothing for too long, and others wait for it")]
    TooSlow,
}

/// What is held together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Body,
    Line,
}

/// A body that is read as far as there is room for it.
struct Measured {
    body: Body,
    whole: Whole,
    /// Of the body, or of the line, so far.
    weight: usize,
    waits: PollSemaphore,
    room: Room,
    /// Set once it has the room.
    until: Option<Pin<Box<Sleep>>>,
    heaviest: usize,
    longest: Duration,
    /// A heavy line is complete.
    ends: bool,
}

impl Default for Intake {
    fn default() -> Self {
        Self::of(HEAVIEST, LONGEST)
    }
}

impl Intake {
    pub(super) fn of(heaviest: usize, longest: Duration) -> Self {
        Self { room: Arc::new(Semaphore::new(1)), heaviest, longest }
    }

    /// The same client, for one conversation: whoever has it asks for one thing after the other, and gives up the room when it has
    /// made of an answer what it keeps.
    pub(super) fn over(&self, client: Client, room: &Room) -> Client {
        let namespace = client.default_namespace().to_owned();
        let (intake, room) = (self.clone(), room.clone());
        let measured = service_fn(move |request: Request<Body>| {
            // Nothing is held any more of what was asked for before.
            room.give_up();
            let whole = if is_a_watch(&request) { Whole::Line } else { Whole::Body };
            let (client, intake, room) = (client.clone(), intake.clone(), room.clone());
            async move {
                let response = client.send(request).await?;
                Ok::<_, kube::Error>(response.map(|body| intake.measure(body, whole, room)))
            }
        });
        Client::new(measured, namespace)
    }

    /// A whole body. The room is to be kept as long as that is.
    pub(super) async fn read(&self, body: Body) -> Result<(Bytes, Room), kube::Error> {
        let room = Room::default();
        let mut body = self.measure(body, Whole::Body, room.clone());
        let mut parts = Vec::new();
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            parts.extend(frame?.into_data());
        }
        let whole = if parts.len() == 1 { parts.pop() } else { None };
        Ok((whole.unwrap_or_else(|| parts.concat().into()), room))
    }

    fn measure(&self, body: Body, whole: Whole, room: Room) -> Measured {
        Measured {
            body,
            whole,
            weight: 0,
            waits: PollSemaphore::new(self.room.clone()),
            room,
            until: None,
            heaviest: self.heaviest,
            longest: self.longest,
            ends: false,
        }
    }
}

impl Room {
    /// Others may read something heavy.
    pub(super) fn give_up(&self) {
        self.keep(None);
    }

    fn keep(&self, permit: Option<OwnedSemaphorePermit>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}

impl GivenUp {
    /// Whether this is why a call failed.
    pub(super) fn is_cause_of(self, error: &kube::Error) -> bool {
        let mut cause = error.source();
        while let Some(error) = cause {
            if error.downcast_ref() == Some(&self) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl Measured {
    /// How much of this part is read: behind a heavy line nothing, as a line that has begun could end within a character.
    fn weigh(&mut self, part: &[u8]) -> Result<usize, GivenUp> {
        let line_ends = part.iter().rposition(|byte| *byte == b'\n').filter(|_| self.whole == Whole::Line);
        match line_ends {
            Some(at) if self.until.is_some() => {
                self.ends = true;
                return Ok(at + 1);
            }
            Some(at) => self.weight = part.len() - at - 1,
            None => self.weight += part.len(),
        }
        if self.weight > self.heaviest { Err(GivenUp::TooHeavy) } else { Ok(part.len()) }
    }
}

impl hyper::body::Body for Measured {
    type Data = Bytes;
    type Error = kube::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, kube::Error>>> {
        let this = self.get_mut();
        // The reader's buffer has grown, and is freed with it. The next watch goes on where this one ends.
        if this.ends {
            return Poll::Ready(None);
        }
        if this.weight > LIGHT && this.until.is_none() {
            let permit = ready!(this.waits.poll_acquire(context));
            this.room.keep(permit);
            this.until = Some(Box::pin(sleep(this.longest)));
        }
        if this.until.as_mut().is_some_and(|until| until.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Some(Err(given_up(GivenUp::TooSlow))));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(until) = &mut this.until {
            *until = Box::pin(sleep(this.longest));
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(match frame.into_data() {
                Ok(part) => this.weigh(&part).map(|read| Frame::data(part.slice(..read))).map_err(given_up),
                Err(trailers) => Ok(trailers),
            }),
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn given_up(why: GivenUp) -> kube::Error {
    kube::Error::Service(Box::new(why))
}

fn is_a_watch(request: &Request<Body>) -> bool {
    request.uri().query().is_some_and(|query| query.split('&').any(|it| it == "watch=true"))
}

#[cfg(test)]
mod tests;

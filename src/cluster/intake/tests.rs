//! What waits for what, over bodies that come as a test lets them.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, TryStreamExt as _};
use http::{Request, Response};
use hyper::body::Frame;
use kube::core::{DynamicObject, WatchEvent};
use kube::{Client, client::Body};
use serde_json::json;
use tokio::sync::mpsc;
use tower::service_fn;

use super::{GivenUp, Intake, LIGHT, Room};

/// What comes when the other end sends it.
struct Sent(mpsc::UnboundedReceiver<Bytes>);

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}

/// A body, and its other end.
async fn body() -> (Body, mpsc::UnboundedSender<Bytes>) {
    let (client, sends) = answering();
    (client.send(Request::new(Body::empty())).await.expect("an answer").into_body(), sends)
}

/// Whose one answer comes when the other end sends it; what is asked for after that hangs.
fn answering() -> (Client, mpsc::UnboundedSender<Bytes>) {
    let (sends, sent) = mpsc::unbounded_channel();
    let mut sent = Some(sent);
    let service = service_fn(move |_: Request<Body>| {
        let sent = sent.take();
        async {
            match sent {
                Some(sent) => Ok::<_, Infallible>(Response::new(Sent(sent))),
                None => std::future::pending().await,
            }
        }
    });
    (Client::new(service, "default"), sends)
}

/// Text of this weight, in parts.
fn send(sends: &mpsc::UnboundedSender<Bytes>, weight: usize) {
    for part in vec![b'x'; weight].chunks(10_000) {
        sends.send(Bytes::copy_from_slice(part)).expect("it is read");
    }
}

const LONG: Duration = Duration::from_mins(1);
const HEAVY: usize = 2 * LIGHT;

#[tokio::test]
async fn one_heavy_body_is_read_at_a_time_and_the_light_meanwhile() {
    let intake = Intake::of(usize::MAX, LONG);
    let ((first, first_sends), (second, second_sends), (light, light_sends)) =
        (body().await, body().await, body().await);
    let mut first = pin!(intake.read(first));
    send(&first_sends, HEAVY);
    assert!(first.as_mut().now_or_never().is_none(), "there is more to come");

    let mut second = pin!(intake.read(second));
    send(&second_sends, HEAVY);
    drop(second_sends);
    assert!(second.as_mut().now_or_never().is_none(), "it waits, with all there");
    send(&light_sends, LIGHT);
    drop(light_sends);
    let (read, _) = intake.read(light).now_or_never().expect("nobody is waited for").expect("a body");
    assert_eq!(read.len(), LIGHT);

    drop(first_sends);
    let (read, held) = first.now_or_never().expect("all is there").expect("a body");
    assert_eq!(read.len(), HEAVY);
    assert!(second.as_mut().now_or_never().is_none(), "what was read is still held");
    drop((read, held));
    assert_eq!(second.await.expect("a body").0.len(), HEAVY);
}

#[tokio::test]
async fn a_heavy_body_that_hangs_is_given_up_and_its_room_goes_on() {
    let intake = Intake::of(usize::MAX, Duration::from_millis(20));
    let ((hangs, hangs_sends), (waits, waits_sends)) = (body().await, body().await);
    send(&hangs_sends, HEAVY);
    send(&waits_sends, HEAVY);
    drop(waits_sends);
    let both = async { tokio::join!(intake.read(hangs), intake.read(waits)) };
    let (hung, waited) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("in time");
    let error = hung.err().expect("it hangs");
    assert!(GivenUp::TooSlow.is_cause_of(&error), "{error}");
    assert_eq!(waited.expect("a body").0.len(), HEAVY);
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit() {
    let intake = Intake::of(HEAVY, LONG);
    let (endless, sends) = body().await;
    send(&sends, HEAVY + 1);
    let read = intake.read(endless).now_or_never().expect("no more is waited for");
    let error = read.err().expect("too much");
    assert!(GivenUp::TooHeavy.is_cause_of(&error), "{error}");
}

fn line(weight: usize) -> Bytes {
    let object = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "x".repeat(weight)}});
    Bytes::from(format!("{}\n", json!({"type": "ADDED", "object": object})))
}

/// The buffer of a line is as large as the heaviest that went through it, and lives as long as the watch.
#[tokio::test]
async fn a_watch_ends_with_a_heavy_line_which_is_told() {
    let intake = Intake::of(usize::MAX, LONG);
    let room = Room::default();
    let (client, sends) = answering();
    let client = intake.over(client, &room);
    let watch =
        Request::get("/api/v1/secrets?watch=true&resourceVersion=1").body(Vec::new()).expect("a request");
    let events = client.request_events::<DynamicObject>(watch).await.expect("a watch");
    let mut events = pin!(events);
    let mut next = async || match events.try_next().await.expect("no error") {
        Some(WatchEvent::Added(object)) => Some(object.metadata.name.expect("a name").len()),
        None => None,
        Some(other) => panic!("{other:?}"),
    };
    for weight in [1, LIGHT, 2] {
        sends.send(line(weight)).expect("it is read");
    }
    assert_eq!((next().await, next().await, next().await), (Some(1), Some(LIGHT), Some(2)));
    assert_eq!(intake.room.available_permits(), 1);
    for part in [line(HEAVY), line(3)].concat().chunks(10_000) {
        sends.send(Bytes::copy_from_slice(part)).expect("it is read");
    }
    assert_eq!(next().await, Some(HEAVY));
    assert_eq!(intake.room.available_permits(), 0, "it was not made slim yet");
    room.give_up();
    // What came with it is told; what comes after it is the next watch's to tell.
    sends.send(line(4)).expect("it is read");
    let mut told = Vec::new();
    while let Some(weight) = next().await {
        told.push(weight);
    }
    assert!(told.is_empty() || told == [3], "{told:?}");
    // Whoever asks for the next thing holds nothing of the last.
    let _ = client.send(Request::new(Body::empty())).now_or_never();
    assert_eq!(intake.room.available_permits(), 1);
}

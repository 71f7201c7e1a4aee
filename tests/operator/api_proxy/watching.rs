//! What does the operator see of a watch? The server's lines one by one, and what a fault makes of them.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::asked::Asked;
use super::faults::{How, Shared, status};

/// What goes out next.
enum Part {
    Bytes(Bytes),
    /// The connection breaks, after what was sent before has gone out.
    Break {
        announced: bool,
    },
}

struct Watch {
    asked: Asked,
    shared: Arc<Shared>,
    out: mpsc::Sender<Part>,
    /// The begin of a line that is not complete.
    begun: Vec<u8>,
    /// The last event of each object.
    last: HashMap<String, Bytes>,
}

/// The body of a watch, for as long as both sides want it.
pub(super) fn body(asked: Asked, server: reqwest::Response, shared: Arc<Shared>) -> Body {
    let (out, mut parts) = mpsc::channel(16);
    let watch = Watch { asked, shared, out, begun: Vec::new(), last: HashMap::new() };
    tokio::spawn(watch.run(server));
    let mut breaks = None;
    Body::from_stream(stream::poll_fn(move |context| {
        let next = match breaks.take() {
            Some(part) => Poll::Ready(Some(part)),
            None => parts.poll_recv(context),
        };
        match next {
            Poll::Ready(Some(Part::Bytes(bytes))) => Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(Some(Part::Break { announced: false })) => {
                breaks = Some(Part::Break { announced: true });
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Some(Part::Break { announced: true })) => {
                Poll::Ready(Some(Err(io::Error::from(ErrorKind::ConnectionAborted))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }))
}

impl Watch {
    async fn run(mut self, mut server: reqwest::Response) {
        let mut changes = self.shared.changes();
        loop {
            match self.shared.take_for_watch(&self.asked) {
                Some(How::Stall) => {
                    tokio::select! {
                        _ = changes.changed() => continue,
                        () = self.out.closed() => return,
                    }
                }
                Some(How::Expired) => {
                    let event = json!({"type": "ERROR", "object": status(410)});
                    let _ = self.send(format!("{event}\n").into()).await;
                    return;
                }
                Some(_) => return,
                None => {}
            }
            let chunk = tokio::select! {
                chunk = server.chunk() => chunk,
                _ = changes.changed() => continue,
                () = self.out.closed() => return,
            };
            let Ok(Some(chunk)) = chunk else { return };
            self.begun.extend_from_slice(&chunk);
            while let Some(end) = self.begun.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                if self.deliver(line.into()).await.is_break() {
                    return;
                }
            }
        }
    }

    async fn deliver(&mut self, line: Bytes) -> ControlFlow<()> {
        let event: Value = serde_json::from_slice(&line).unwrap_or_default();
        if event["type"] == "BOOKMARK" {
            return self.send(line).await;
        }
        let of_object = |field| event["object"]["metadata"][field].as_str().unwrap_or_default();
        let before = self.last.insert(of_object("uid").to_owned(), line.clone());
        let version = of_object("resourceVersion").parse().unwrap_or_default();
        match self.shared.take_for_event(&self.asked, of_object("name"), version) {
            Some(How::Drop) => ControlFlow::Continue(()),
            Some(How::CutMidLine) => {
                for part in [Part::Bytes(line.slice(..line.len() / 2)), Part::Break { announced: false }] {
                    let _ = self.out.send(part).await;
                }
                ControlFlow::Break(())
            }
            Some(How::Repeat) => {
                let before = before.unwrap_or_else(|| line.clone());
                for again in [line.clone(), line, before] {
                    self.send(again).await?;
                }
                ControlFlow::Continue(())
            }
            _ => self.send(line).await,
        }
    }

    async fn send(&self, bytes: Bytes) -> ControlFlow<()> {
        match self.out.send(Part::Bytes(bytes)).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

//! What did the operator hear that the server's log does not tell? Answers that were not the server's, and all that lists and
//! watches showed, in the order in which it was sent.

use axum::body::Bytes;
use http::{Method, Uri};
use jiff::Timestamp;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::cluster::watch::{Change, Stream, Trouble};
use rocketlawyer_operator::operator::replay::{Sight, sight};
use serde_json::Value;

use super::asked::Asked;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub answers: Vec<Answer>,
    pub sights: Vec<Sight>,
}

/// An answer of the proxy's.
#[derive(Clone, Debug)]
pub struct Answer {
    pub at: Timestamp,
    /// The request's name in the audit log, where the server was asked.
    pub id: Option<String>,
    pub method: Method,
    pub uri: Uri,
    pub body: Value,
    pub code: u16,
    pub retry_after: Option<u64>,
}

impl Heard {
    /// A page of a list.
    pub(super) fn page(&mut self, asked: &Asked, page: &[u8]) {
        let Some(stream) = asked.stream() else { return };
        let list: Value = serde_json::from_slice(page).unwrap_or_default();
        if !asked.continues {
            self.add(Change::Relisting(stream.clone()));
        }
        for item in list["items"].as_array().into_iter().flatten() {
            self.shows(&stream, item, false);
        }
        if list["metadata"]["continue"].as_str().unwrap_or_default().is_empty() {
            self.add(Change::Listed(stream));
        }
    }

    /// A list that may not be had.
    pub(super) fn refused_list(&mut self, asked: &Asked) {
        if let Some(stream) = asked.stream() {
            self.add(Change::Broken(stream, Trouble::Forbidden));
        }
    }

    /// A line of a watch.
    pub(super) fn line(&mut self, asked: &Asked, line: &Bytes) {
        let Some(stream) = asked.stream() else { return };
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => self.shows(&stream, &event["object"], false),
            Some("DELETED") => self.shows(&stream, &event["object"], true),
            _ => {}
        }
    }

    fn shows(&mut self, stream: &Stream, object: &Value, gone: bool) {
        let json = object.to_string();
        let shown = sight(clock::now(), stream.clone(), json.as_bytes(), gone);
        self.sights.extend(shown.map(|it| Sight { order: self.next(), ..it }));
    }

    fn add(&mut self, change: Change) {
        let order = self.next();
        self.sights.push(Sight { at: clock::now(), order, version: None, change });
    }

    fn next(&self) -> u64 {
        self.sights.len() as u64
    }
}

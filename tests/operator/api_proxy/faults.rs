//! What goes wrong next, and where does everything stop? Memory that the proxy's tasks and the test share.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::asked::Asked;

/// Something to do wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What the name of a request must begin with; of an event of a watch, that and the name of its object.
    pub on: String,
    /// How often; absent: until it is cleared.
    pub times: Option<u32>,
    /// What.
    pub how: How,
}

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The server does it; the answer is 504.
    DoneThenTimeout,
    /// The server is asked twice.
    Twice,
    /// The server is not asked.
    Answer { status: u16, retry_after: Option<u64> },
    /// A list: what the server answered to it before this time.
    Earlier,
    /// A watch: no byte passes, and the connection stays.
    Stall,
    /// A watch: an ERROR event with 410, and the end.
    Expired,
    /// A watch: the end, between two lines.
    End,
    /// A watch: the next line breaks off in the middle, and the connection with it.
    CutMidLine,
    /// A watch: an event comes twice, and then the one before it of the same object: as if resumed too early, and slowly.
    Repeat,
    /// A watch: the next event never comes.
    Drop,
}

/// Before the server is asked, or when it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// What becomes of a request.
pub(super) enum Turn {
    /// Everything stands still.
    Stopped,
    /// It goes on; an effect has a number.
    Goes(Option<usize>),
}

pub(super) struct Shared {
    memory: Mutex<Memory>,
    /// Told whenever faults change: a watch without events must notice.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Memory {
    faults: Vec<Armed>,
    done: usize,
    counts: BTreeMap<String, usize>,
    effects: Vec<String>,
    /// What the server answered last to each list.
    lists: BTreeMap<String, Bytes>,
    stop_at: Option<(usize, Moment)>,
    stopped: bool,
}

/// A fault that waits for what it is meant for.
struct Armed {
    fault: Fault,
    /// Of events it is meant for none of an object of this version or an earlier one: what a watch has yet to tell of what was
    /// before.
    after: u64,
}

/// A `Status` of the API server.
pub(super) fn status(code: u16) -> Value {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": "the proxy of a test says so",
    })
}

impl Default for Shared {
    fn default() -> Self {
        Self { memory: Mutex::default(), changed: watch::channel(()).0 }
    }
}

/// The test's side.
impl Shared {
    pub(super) fn add(&self, fault: Fault, after: u64) {
        self.memory().faults.push(Armed { fault, after });
        self.changed.send_replace(());
    }

    pub(super) fn clear(&self) {
        self.memory().faults.clear();
        self.changed.send_replace(());
    }

    pub(super) fn done(&self) -> usize {
        self.memory().done
    }

    pub(super) fn count(&self, on: &str) -> usize {
        self.memory().counts.iter().filter(|(name, _)| name.starts_with(on)).map(|(_, count)| count).sum()
    }

    pub(super) fn effects(&self) -> Vec<String> {
        self.memory().effects.clone()
    }

    pub(super) fn forget(&self) {
        self.memory().effects.clear();
    }

    pub(super) fn stop_at(&self, effect: usize, moment: Moment) {
        self.memory().stop_at = Some((effect, moment));
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.memory().stopped
    }

    pub(super) fn go_on(&self) {
        let mut memory = self.memory();
        memory.stop_at = None;
        memory.stopped = false;
    }
}

/// The proxy's side.
impl Shared {
    /// Told whenever faults change.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn arrives(&self, asked: &Asked) -> Turn {
        let mut memory = self.memory();
        if memory.stopped {
            return Turn::Stopped;
        }
        *memory.counts.entry(asked.name.clone()).or_default() += 1;
        if !asked.is_effect() {
            return Turn::Goes(None);
        }
        let number = memory.effects.len();
        memory.effects.push(asked.name.clone());
        if memory.stop_at == Some((number, Moment::Before)) {
            memory.stopped = true;
            return Turn::Stopped;
        }
        Turn::Goes(Some(number))
    }

    /// Whether an effect that was done is where everything stops.
    pub(super) fn is_done(&self, number: Option<usize>) -> bool {
        let mut memory = self.memory();
        let stops = number.is_some_and(|it| memory.stop_at == Some((it, Moment::After)));
        memory.stopped |= stops;
        // An answer that comes while everything stands still is not heard either.
        memory.stopped && number.is_some()
    }

    /// The server's answer to a list.
    pub(super) fn keep_list(&self, asked: &Asked, answer: Bytes) {
        self.memory().lists.insert(asked.name.clone(), answer);
    }

    /// What it answered last.
    pub(super) fn earlier_list(&self, asked: &Asked) -> Option<Bytes> {
        self.memory().lists.get(&asked.name).cloned()
    }

    /// The fault of a request, used up.
    pub(super) fn take_for_request(&self, asked: &Asked) -> Option<How> {
        self.take(&asked.name, u64::MAX, |how| match how {
            How::DoneThenTimeout | How::Twice | How::Answer { .. } => true,
            How::Earlier => asked.is_list(),
            _ => false,
        })
    }

    /// The fault of a watch that may be silent, used up.
    pub(super) fn take_for_watch(&self, asked: &Asked) -> Option<How> {
        self.take(&asked.name, u64::MAX, |how| matches!(how, How::Stall | How::Expired | How::End))
    }

    /// The fault of an event of this version of an object, used up.
    pub(super) fn take_for_event(&self, asked: &Asked, object: &str, version: u64) -> Option<How> {
        self.take(&format!("{} {object}", asked.name), version, |how| {
            matches!(how, How::CutMidLine | How::Repeat | How::Drop)
        })
    }

    fn take(&self, name: &str, version: u64, is_meant: impl Fn(How) -> bool) -> Option<How> {
        let mut memory = self.memory();
        let fits = |Armed { fault, after }: &&mut Armed| {
            name.starts_with(&fault.on) && *after < version && is_meant(fault.how) && fault.times != Some(0)
        };
        let Armed { fault, .. } = memory.faults.iter_mut().find(fits)?;
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        let how = fault.how;
        memory.done += 1;
        Some(how)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

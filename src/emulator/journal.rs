//! What was the emulator asked, and what did it answer? Holds fingerprints of tokens, never a token.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Call, FaultPlan};

/// One call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts up from 1, also past a reset.
    pub number: u64,
    /// When it was answered, by the machine's clock.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// By how many seconds the emulator's own clock was ahead of that.
    #[serde(skip_serializing_if = "is_zero")]
    pub clock_ahead: i64,
    /// Which call.
    pub call: Call,
    /// The path that was asked, which need not be one of the service's.
    #[serde(skip)]
    pub path: String,
    /// The app, where it is a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Purpose and claims of the service or scoped token: of one that was not issued, the texts that it was asked for with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subject: BTreeMap<String, String>,
    /// How it went.
    pub outcome: Outcome,
    /// The HTTP status.
    pub status: u16,
    /// Why it was refused, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'static str>,
    /// The body of a refusal.
    #[serde(skip)]
    pub refusal_body: Option<String>,
    /// The fault that it met, if any.
    #[serde(skip)]
    pub fault: Option<Box<FaultPlan>>,
    /// Fingerprint of the token that was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<String>,
    /// Fingerprint of the token or service token that it was asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_with: Option<String>,
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A token was issued, or the page opened.
    Granted,
    /// Refused as the real service would.
    Refused,
    /// Answered by a fault that was switched on; a token may have been issued all the same.
    Fault,
}

/// Calls since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Calls that came.
    pub calls: BTreeMap<Call, u64>,
    /// Calls that were granted.
    pub granted: BTreeMap<Call, u64>,
    /// Calls that were refused.
    pub refused: BTreeMap<Call, u64>,
    /// Calls that were answered by a fault.
    pub faults: BTreeMap<Call, u64>,
    /// The most calls that were open at once: asked, and neither answered nor given up.
    pub most_open: u64,
}

/// The log. The oldest entries make room; the counters count all.
#[derive(Default)]
pub(super) struct Journal {
    entries: VecDeque<Entry>,
    counters: Counters,
    last: u64,
    open: u64,
}

/// Entries that are kept.
const MOST: usize = 200_000;

impl Journal {
    pub(super) fn add(&mut self, mut entry: Entry) {
        self.last += 1;
        entry.number = self.last;
        let counters = &mut self.counters;
        let by_outcome = match entry.outcome {
            Outcome::Granted => &mut counters.granted,
            Outcome::Refused => &mut counters.refused,
            Outcome::Fault => &mut counters.faults,
        };
        *by_outcome.entry(entry.call).or_default() += 1;
        *counters.calls.entry(entry.call).or_default() += 1;
        if self.entries.len() == MOST {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The entries after the one with this number.
    pub(super) fn after(&self, number: u64) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.number > number).cloned().collect()
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// What is open stays so.
    pub(super) fn reset(&mut self) {
        self.entries.clear();
        self.counters = Counters { most_open: self.open, ..Counters::default() };
    }

    pub(super) fn opened(&mut self) {
        self.open += 1;
        self.counters.most_open = self.counters.most_open.max(self.open);
    }

    pub(super) fn closed(&mut self) {
        self.open -= 1;
    }

    /// The most that were open at once since this was asked before, or since a reset.
    pub(super) fn take_most_open(&mut self) -> u64 {
        std::mem::replace(&mut self.counters.most_open, self.open)
    }
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

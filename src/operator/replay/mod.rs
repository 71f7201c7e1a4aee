//! Does the pure core explain what an operator was seen to do? Fed with what a cluster and the authentication service recorded
//! (which objects there were and when, what was asked and answered), it says of each deed whether the decision about that
//! object asks for it, in some state between what the operator had certainly seen and what it may have seen by then. Pure;
//! reads no log. For tests: it shares the decision, the memory and `apply` with the operator, and neither its loop and queue
//! nor anything that does effects. These are what it judges. Of the gates it uses what they make of answers: objects tell of an
//! endpoint that is unwell.
//!
//! A call is on its way for a while, and a status for a moment: it may have been decided before what others met since was
//! known, so it is also held against what its object knew then, provided that the object has done nothing since.
//!
//! It does not judge: whether something was left undone; whether a deed waited as long as the gate wanted; instants in a
//! status, within `alike::TOLERANCE`; how the life of a token was reckoned from the answer that brought it, and what of it is
//! said of clocks; for which of several objects a Secret was read; events. It takes a change for one that the operator may have
//! seen `RECORDED_LATE` before it was recorded, and may not have seen until `CERTAINLY_SEEN` after. What the operator was
//! told that nobody recorded (a connection that was refused) it does not know: such tests are not replayed, and say so. Where a
//! proxy stands between, that records what it showed and said, which is then what is replayed.

mod alike;
mod calls;
mod core;
mod deed;
mod explain;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::ResourceVersion;
use crate::state::Settings;
use calls::LONGEST_CALL;
use core::Core;
pub use deed::{Answer, Called, Deed, Did, Whole};

/// After this the operator has certainly seen a change: its watches lag, but on a machine that works not for so long.
const CERTAINLY_SEEN: SignedDuration = SignedDuration::from_secs(10);
/// A change was there before whoever recorded it saw it: so much earlier the operator may have.
const RECORDED_LATE: SignedDuration = SignedDuration::from_secs(2);
/// So long after its start its first lists may come: they tell what is not there.
const STARTING: SignedDuration = SignedDuration::from_secs(20);
/// How many states are kept.
const EARLIER: usize = 100;
/// Orders of the changes that may have been seen that are tried, at most.
const TRIES: usize = 600;

/// Something that a watch or a list showed, or would have shown.
#[derive(Clone, Debug)]
pub struct Sight {
    /// When it was recorded.
    pub at: Timestamp,
    /// Its place among all that was shown.
    pub order: u64,
    /// The resourceVersion of what was shown.
    pub version: Option<ResourceVersion>,
    /// What it was.
    pub change: Change,
}

/// How many of its changes each watch has shown.
type Shown = BTreeMap<Stream, usize>;
/// The state in which a deed is asked for, with what was shown by then.
type Explained = (Core, Shown);

/// Follows one operator.
pub struct Replay {
    settings: Settings,
    streams: Vec<Stream>,
    /// All that was ever to be seen, that of each stream in its order.
    history: Vec<Sight>,
    /// When the operator's own writes came, by what they made: nobody sees a version before it is asked for.
    asked_for: BTreeMap<ResourceVersion, Timestamp>,
    /// What the running process has not certainly seen.
    unseen: BTreeMap<Stream, VecDeque<Sight>>,
    core: Core,
    /// How it was before what was done last, the latest at the end: one object decides while what another did is on its way.
    earlier: VecDeque<Earlier>,
    /// What the running process has seen since its start, in the order in which it was taken in.
    taken: Vec<Sight>,
    started: Timestamp,
}

/// How it was before something was done.
struct Earlier {
    /// When that was done.
    at: Timestamp,
    core: Core,
    /// How much had been seen.
    taken: usize,
}

impl Replay {
    /// Of an operator that was started so, which was shown this, lists and changes of each stream in their order, and that did
    /// this.
    #[must_use]
    pub fn new(settings: Settings, streams: Vec<Stream>, history: Vec<Sight>, dids: &[Did]) -> Self {
        let asked_for = dids.iter().filter_map(|did| Some((did.became?, did.at))).collect();
        let core = Core::new(settings.clone(), &streams);
        Self {
            settings,
            streams,
            history,
            asked_for,
            unseen: BTreeMap::new(),
            core,
            earlier: VecDeque::new(),
            taken: Vec::new(),
            started: Timestamp::MIN,
        }
    }

    /// A process begins: first it is shown the next list of each stream, or that it may not have it. Nothing is shown to it
    /// once another has begun.
    pub fn start(&mut self, at: Timestamp, another: Option<Timestamp>) {
        self.core = Core::new(self.settings.clone(), &self.streams);
        self.unseen.clear();
        self.earlier.clear();
        self.taken.clear();
        self.started = at;
        for stream in &self.streams {
            let is_shown = |sight: &&Sight| {
                stream_of(&sight.change) == stream
                    && sight.at >= at
                    && another.is_none_or(|another| sight.at < another)
            };
            let mut shown = self.history.iter().filter(is_shown).peekable();
            let begins = |sight: &&Sight| matches!(sight.change, Change::Relisting(_) | Change::Broken(..));
            while shown.next_if(|sight| !begins(sight)).is_some() {}
            for sight in shown.by_ref() {
                self.core.take(sight.change.clone(), sight.at);
                if matches!(sight.change, Change::Listed(_) | Change::Broken(..)) {
                    break;
                }
            }
            self.unseen.insert(stream.clone(), shown.cloned().collect());
        }
    }

    /// Whether the core explains this deed. Deeds come in their order.
    ///
    /// # Errors
    ///
    /// What the core wanted instead.
    pub fn explain(&mut self, did: &Did) -> Result<(), String> {
        self.see_until(did.at - CERTAINLY_SEEN);
        let visible = self.visible(did);
        let found = self.in_order(did, &visible);
        if found.is_none() && self.core.may_read(&did.deed) {
            return Ok(());
        }
        let found = found.or_else(|| self.begun_earlier(did, &BTreeMap::new()));
        let found = found.or_else(|| self.in_any_order(did, &visible));
        let found = found.or_else(|| self.begun_earlier(did, &visible));
        if let Some((core, seen)) = found {
            self.becomes(did.at, core, seen);
            return Ok(());
        }
        let first = self.core.wants(&did.deed, did.at);
        self.see_until(did.at);
        let last = self.core.wants(&did.deed, did.at);
        let wanted = if first == last { first } else { format!("{first}; and once it saw all: {last}") };
        Err(format!("{} at {}: the core wanted {wanted}", did.deed, did.at))
    }

    /// It has seen so much more, and what was done is in memory.
    fn becomes(&mut self, at: Timestamp, core: Core, seen: Shown) {
        let core = std::mem::replace(&mut self.core, core);
        self.earlier.push_back(Earlier { at, core, taken: self.taken.len() });
        while self.earlier.len() > EARLIER {
            self.earlier.pop_front();
        }
        let mut new: Vec<Sight> = Vec::new();
        for (stream, count) in seen {
            new.extend(self.unseen.entry(stream).or_default().drain(..count));
        }
        new.sort_by_key(|sight| sight.order);
        self.taken.extend(new);
    }

    /// What was recorded before this instant is seen.
    fn see_until(&mut self, at: Timestamp) {
        let mut due: Vec<Sight> = Vec::new();
        for unseen in self.unseen.values_mut() {
            while unseen.front().is_some_and(|sight| sight.at <= at) {
                due.extend(unseen.pop_front());
            }
        }
        due.sort_by_key(|sight| sight.order);
        for sight in due {
            self.core.take(sight.change.clone(), sight.at);
            self.taken.push(sight);
        }
    }

    /// How many changes of each stream may have been seen when this was done.
    fn visible(&self, did: &Did) -> Shown {
        let until = did.at + RECORDED_LATE;
        let is_asked_for = |version| self.asked_for.get(&version).is_none_or(|at| *at < did.at);
        let may_be = |version| is_asked_for(version) && did.became.is_none_or(|became| version < became);
        let is_visible = |sight: &&Sight| sight.at <= until && sight.version.is_none_or(may_be);
        let count = |unseen: &VecDeque<Sight>| unseen.iter().take_while(is_visible).count();
        let all = self.unseen.iter().map(|(stream, unseen)| (stream.clone(), count(unseen)));
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// As if the watches showed all changes in the order in which they were made.
    fn in_order(&self, did: &Did, visible: &Shown) -> Option<Explained> {
        let mut core = self.core.clone();
        let mut seen = BTreeMap::new();
        let mut ahead = self.ahead(visible).into_iter();
        loop {
            if let Some(core) = core.explain(&did.deed, did.at) {
                return Some((core, seen));
            }
            if did.at.duration_since(self.started) <= STARTING {
                let mut core = core.clone();
                core.know_who_is_missing();
                if let Some(core) = core.explain(&did.deed, did.at) {
                    return Some((core, seen));
                }
            }
            let mut told = core.clone();
            told.tell_what_was_read(did.at);
            if let Some(core) = told.explain(&did.deed, did.at) {
                return Some((core, seen));
            }
            let (stream, sight) = ahead.next()?;
            core.take(sight.change.clone(), sight.at);
            *seen.entry(stream.clone()).or_default() += 1;
        }
    }

    /// What may have been seen, in the order in which it came to be.
    fn ahead<'a>(&'a self, visible: &'a Shown) -> Vec<(&'a Stream, &'a Sight)> {
        let of = |(stream, count): (&'a Stream, &'a usize)| {
            self.unseen[stream].iter().take(*count).map(move |sight| (stream, sight))
        };
        let mut ahead: Vec<_> = visible.iter().flat_map(of).collect();
        ahead.sort_by_key(|(_, sight)| sight.order);
        ahead
    }

    /// A call that was answered now was decided before, when what others have met since was not known, and so was a status that
    /// was written just after an answer: in any state since its object did something last, or what that became with what the
    /// watches showed since.
    fn begun_earlier(&self, did: &Did, visible: &Shown) -> Option<Explained> {
        let longest = match did.deed {
            Deed::Called(_) => LONGEST_CALL,
            Deed::WroteStatus { .. } => RECORDED_LATE,
            _ => return None,
        };
        let ahead = self.ahead(visible);
        let mut tries = 0;
        for earlier in self.earlier.iter().rev().filter(|it| did.at.duration_since(it.at) <= longest) {
            let mut then = earlier.core.clone();
            if let Some(core) = then.explain_later(&self.core, did, earlier.at) {
                return Some((core, BTreeMap::new()));
            }
            if ahead.is_empty() {
                continue;
            }
            for sight in &self.taken[earlier.taken..] {
                then.take(sight.change.clone(), sight.at);
            }
            let (mut core, mut seen) = (self.core.clone(), BTreeMap::new());
            for (stream, sight) in &ahead {
                then.take(sight.change.clone(), sight.at);
                core.take(sight.change.clone(), sight.at);
                *seen.entry((*stream).clone()).or_default() += 1;
                if let Some(core) = then.explain_later(&core, did, did.at) {
                    return Some((core, seen));
                }
                tries += 1;
            }
            if tries > TRIES {
                break;
            }
        }
        None
    }

    /// As each watch is a connection of its own: any beginning of each stream, the fewest changes first.
    fn in_any_order(&self, did: &Did, visible: &Shown) -> Option<Explained> {
        let mut next = VecDeque::from([(self.core.clone(), Shown::new())]);
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..TRIES {
            let (core, seen) = next.pop_front()?;
            if let Some(core) = core.explain(&did.deed, did.at) {
                return Some((core, seen));
            }
            for (stream, most) in visible {
                let count = seen.get(stream).copied().unwrap_or_default();
                let mut further = seen.clone();
                further.insert(stream.clone(), count + 1);
                if count < *most && met.insert(further.clone()) {
                    let mut core = core.clone();
                    let Sight { change, at, .. } = &self.unseen[stream][count];
                    core.take(change.clone(), *at);
                    next.push_back((core, further));
                }
            }
        }
        None
    }
}

fn stream_of(change: &Change) -> &Stream {
    match change {
        Change::Relisting(stream)
        | Change::Seen { stream, .. }
        | Change::Gone { stream, .. }
        | Change::Listed(stream)
        | Change::Broken(stream, _)
        | Change::Mended(stream) => stream,
    }
}

/// A change of an object that a watch or a list sent so, ordered as the whole cluster's changes are: for whoever records what a
/// cluster shows.
#[must_use]
pub fn sight(at: Timestamp, stream: Stream, json: &[u8], gone: bool) -> Option<Sight> {
    let (seen, what) = crate::cluster::watch::sent(stream.what, json)?;
    let (order, version) = (what.version.0, Some(what.version));
    let change = if gone { Change::Gone { stream, what } } else { Change::Seen { stream, seen } };
    Some(Sight { at, order, version, change })
}

/// The streams of an operator that works in these namespaces.
#[must_use]
pub fn streams(namespaces: &[String], reads_namespaces: bool) -> Vec<Stream> {
    let kinds = [Watched::Credentials, Watched::Requests, Watched::ManagedSecrets, Watched::OtherSecrets];
    let place = |namespace: &String| {
        let namespace: std::sync::Arc<str> = namespace.as_str().into();
        kinds.map(|what| Stream { what, namespace: Some(namespace.clone()) })
    };
    let all = reads_namespaces.then_some(Stream { what: Watched::Namespaces, namespace: None });
    namespaces.iter().flat_map(place).chain(all).collect()
}

#[cfg(test)]
mod tests;

//! Does the pure core explain what an operator was seen to do? Fed with what a cluster and the authentication service recorded
//! (which objects there were and when, what was asked and answered), it says of each deed whether the decision about that
//! object asks for it, in some state between what the operator had certainly seen and what it may have seen by then. Pure;
//! reads no log. For tests: it shares the decision, the memory and `apply` with the operator, and how it is known whose turn it
//! is, but neither its loop nor anything that does effects. These are what it judges. Of the gates it uses what they make of
//! answers: objects tell of an endpoint that is unwell.
//!
//! A call is on its way for a while, and whatever is asked of the cluster for a moment: it may have been decided before what others
//! met since was known, so it is also held against what its object knew then, provided that the object has done nothing since.
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

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::ResourceVersion;
use crate::state::Settings;
use calls::LONGEST_CALL;
use core::Core;
pub use deed::{Answer, Called, Deed, Did, Home, Whole};

/// After this the operator has certainly seen a change: its watches lag, but on a machine that works not for so long.
const CERTAINLY_SEEN: SignedDuration = SignedDuration::from_secs(10);
/// A change was there before whoever recorded it saw it: so much earlier the operator may have.
const RECORDED_LATE: SignedDuration = SignedDuration::from_secs(2);
/// So long after its start its first lists may come: they tell what is not there.
const STARTING: SignedDuration = SignedDuration::from_secs(20);
/// By so much a pause may be shorter than it would be if the operator heard of an answer when that was logged.
const A_MOMENT: SignedDuration = SignedDuration::from_secs(1);
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
    /// The same once those have had their turns who were woken.
    settled: OnceCell<Core>,
    /// How much had been seen.
    taken: usize,
}

impl Earlier {
    fn settled(&self) -> &Core {
        self.settled.get_or_init(|| self.core.settled(self.at))
    }
}

impl Replay {
    /// Of an operator that was started so, which was shown this, lists and changes of each stream in their order, and that did
    /// this.
    #[must_use]
    pub fn new(settings: Settings, mut streams: Vec<Stream>, history: Vec<Sight>, dids: &[Did]) -> Self {
        // Whoever is seen before the list of Secrets ends knows more: `knowing_who_is_missing` supposes that.
        streams.sort_by_key(|stream| stream.what != Watched::OtherSecrets);
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
        if found.is_none() && self.core.may_read(&did.deed, did.at) {
            return Ok(());
        }
        let found = found.or_else(|| self.about_to(did));
        let found = found.or_else(|| self.begun_earlier(did));
        let found = found.or_else(|| self.in_any_order(did, &visible));
        let found = found.or_else(|| self.begun_earlier_and_saw(did, &visible));
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
        self.earlier.push_back(Earlier { at, core, settled: OnceCell::new(), taken: self.taken.len() });
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
        let listed = self.started + STARTING;
        let mut core = self.core.clone();
        let ahead = self.ahead(visible);
        for place in 0..=ahead.len() {
            if core.explains(&did.deed, did.at) {
                return Some((core, counted(&ahead[..place])));
            }
            let missing = core.knowing_who_is_missing(&did.deed, listed);
            for mut supposed in missing.into_iter().chain(core.told_what_was_read(&did.deed, did.at)) {
                if supposed.explains(&did.deed, did.at) {
                    return Some((supposed, counted(&ahead[..place])));
                }
            }
            if let Some((_, sight)) = ahead.get(place) {
                core.take(sight.change.clone(), sight.at);
            }
        }
        None
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

    /// How long a pause is depends on when exactly the operator heard of what it follows: a call may come a moment early.
    fn about_to(&self, did: &Did) -> Option<Explained> {
        let soon = did.at + A_MOMENT;
        let then = matches!(did.deed, Deed::Called(_)).then(|| self.core.settled(soon))?;
        let core = then.explain_later(&self.core, || self.core.clone(), did, soon)?;
        Some((core, BTreeMap::new()))
    }

    /// A call that was answered now was decided before, when what others have met since was not known, and so was what was asked of
    /// the cluster just after an answer: in any state since its object did something last.
    fn begun_earlier(&self, did: &Did) -> Option<Explained> {
        let now = || self.core.clone();
        let core = self.states_before(did).find_map(|earlier| {
            let then = &earlier.core;
            let before = then.explain_later(&self.core, now, did, earlier.at);
            before.or_else(|| earlier.settled().explain_later(&self.core, now, did, earlier.at))
        })?;
        Some((core, BTreeMap::new()))
    }

    /// The same, in what such a state became with what the watches showed since.
    fn begun_earlier_and_saw(&self, did: &Did, visible: &Shown) -> Option<Explained> {
        let ahead = self.ahead(visible);
        let mut tries = 0;
        for earlier in self.states_before(did) {
            let mut then = earlier.core.clone();
            for sight in &self.taken[earlier.taken..] {
                then.take(sight.change.clone(), sight.at);
            }
            for (place, (_, sight)) in ahead.iter().enumerate() {
                then.take(sight.change.clone(), sight.at);
                let seen = &ahead[..=place];
                let now = || self.having_seen(seen);
                let before = then.explain_later(&self.core, now, did, did.at);
                let explained = before.or_else(|| {
                    then.settle(did.at);
                    then.explain_later(&self.core, now, did, did.at)
                });
                if let Some(core) = explained {
                    return Some((core, counted(seen)));
                }
                tries += 1;
            }
            if tries > TRIES {
                break;
            }
        }
        None
    }

    /// The states in which this may have been decided, the latest first.
    fn states_before(&self, did: &Did) -> impl Iterator<Item = &Earlier> {
        let longest = if matches!(did.deed, Deed::Called(_)) { LONGEST_CALL } else { RECORDED_LATE };
        self.earlier.iter().rev().take_while(move |it| did.at.duration_since(it.at) <= longest)
    }

    fn having_seen(&self, ahead: &[(&Stream, &Sight)]) -> Core {
        let mut core = self.core.clone();
        for (_, sight) in ahead {
            core.take(sight.change.clone(), sight.at);
        }
        core
    }

    /// As each watch is a connection of its own: any beginning of each stream, the fewest changes first.
    fn in_any_order(&self, did: &Did, visible: &Shown) -> Option<Explained> {
        let mut next = VecDeque::from([(self.core.clone(), Shown::new())]);
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..TRIES {
            let (core, seen) = next.pop_front()?;
            let mut tried = core.clone();
            if tried.explains(&did.deed, did.at) {
                return Some((tried, seen));
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

/// How many changes of each stream these are.
fn counted(ahead: &[(&Stream, &Sight)]) -> Shown {
    let mut counts = Shown::new();
    for (stream, _) in ahead {
        *counts.entry((*stream).clone()).or_default() += 1;
    }
    counts
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

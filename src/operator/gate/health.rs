//! Is the origin well, and if not, when is it asked again, and by whom? Pure. An origin that is unwell is left alone but for
//! one probe at a time (behaviour §4.2): its success opens the gate, its failure parks again. One that cannot be reached is
//! left alone for no longer than a quarter of the shortest life that is left to those who wait (§4.3).
//!
//! A call may fail by what it asks for, which anybody may write. So one that fails where others are served closes nothing, but the next
//! one does if nobody was served between them; and what only those of one namespace have met, the next of another one tries at once,
//! beside a probe of theirs, too: what they ask for may have it hang.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Verdict;
use super::line::Line;
use crate::auth::Origin;
use crate::decision::schedule::later;
use crate::decision::{Ailment, Key, LONGEST_ASKED, Parked, RetryClass, SHORTEST_DELAY, delay_after};

/// What is known of an origin from its answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    parked: Option<Parked>,
    /// When it was found unwell last, while it is parked.
    found: Timestamp,
    /// Nobody is let through before this, whoever's life ends: what the service asked for holds, and one short life among
    /// thousands, which anybody may bring about, buys a call every two seconds and no more.
    not_before: Timestamp,
    /// Who has met that it is unwell, since somebody was served.
    met: Met,
    /// The key that was let through, or called, to see whether the origin is well again.
    probe: Option<Key>,
    /// The one that waited for no pause, nor for a probe of those who met it: it is of another namespace.
    beside: Option<Key>,
    /// Whose calls have failed since it is unwell: others probe first, or one request that the service chokes on would hold
    /// up everybody.
    tried: BTreeSet<Key>,
    /// How often the gate was closed and opened: what a call says that began before the last time is old news.
    age: u64,
}

/// Whose calls have failed.
#[derive(Clone, Debug, Default)]
enum Met {
    /// Nobody's yet, and nobody was served.
    #[default]
    Unasked,
    /// Nobody's since somebody was served.
    Nobodys,
    /// One namespace's, and no other's.
    Ones(Arc<str>),
    Several,
}

/// Who in line may be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted<'a> {
    Nobody,
    Everybody,
    /// All but those of this namespace.
    Others(&'a str),
}

/// What the gate has to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// One more call was answered well.
    Served,
    /// It is well again.
    Opened,
    /// Nobody is let through any more, for this.
    Closed(Ailment),
}

impl Health {
    pub(super) fn parked(&self) -> Option<Parked> {
        self.parked
    }

    pub(super) fn age(&self) -> u64 {
        self.age
    }

    /// Who in line may be let through, for all that this origin's health is concerned.
    pub(super) fn admits(&self, line: &Line, now: Timestamp) -> Admitted<'_> {
        if self.next_probe(line, now).is_some_and(|at| at <= now) {
            return Admitted::Everybody;
        }
        match &self.met {
            Met::Ones(namespace) if self.waits_for_none_but(namespace) => Admitted::Others(namespace),
            _ => Admitted::Nobody,
        }
    }

    fn waits_for_none_but(&self, namespace: &Arc<str>) -> bool {
        self.beside.is_none() && self.probe.as_ref().is_none_or(|probe| probe.namespace == *namespace)
    }

    /// From when on it is tried again, by whoever is next; `None`, not before the probe is back.
    pub(super) fn next_probe(&self, line: &Line, now: Timestamp) -> Option<Timestamp> {
        match self.parked {
            None => Some(now),
            Some(_) if self.probe.is_some() || self.beside.is_some() => None,
            Some(parked) => {
                Some(self.hurried(line).map_or(parked.next_probe, |at| at.min(parked.next_probe)))
            }
        }
    }

    /// When the shortest life in line has somebody probe. It is reckoned from when the origin was found unwell, whenever its
    /// key came; one that was over by then has nothing to lose.
    fn hurried(&self, line: &Line) -> Option<Timestamp> {
        let end = line.first_end_after(self.found)?;
        Some(later(self.found, self.found.duration_until(end) / 4).max(self.not_before))
    }

    /// This key is let through, or called; beside the pauses, where it is of another namespace than those who met it.
    pub(super) fn admit(&mut self, key: &Key, beside: bool) {
        if self.parked.is_some() {
            *(if beside { &mut self.beside } else { &mut self.probe }) = Some(key.clone());
        }
    }

    /// This key is not on its way any more. Whether it was the probe.
    pub(super) fn release(&mut self, key: &Key) -> bool {
        self.beside.take_if(|it| it == key);
        self.probe.take_if(|it| it == key).is_some()
    }

    pub(super) fn has_tried(&self, key: &Key) -> bool {
        self.tried.contains(key)
    }

    /// Those who were put last, once there is no need for it any more.
    pub(super) fn forget_tried(&mut self) -> impl Iterator<Item = Key> + use<> {
        std::mem::take(&mut self.tried).into_iter()
    }

    /// A call of this key that began at that age has ended so.
    pub(super) fn hear(
        &mut self,
        origin: &Origin,
        key: &Key,
        began: u64,
        verdict: Verdict,
        now: Timestamp,
    ) -> Turn {
        let is_probe = self.release(key);
        let (ailment, asked) = match verdict {
            // So may have been under way when the gate was closed.
            Verdict::Served if is_probe || self.parked.is_some() && self.met.only_others_than(key) => {
                (self.parked, self.probe, self.beside) = (None, None, None);
                self.met = Met::Nobodys;
                self.age += 1;
                return Turn::Opened;
            }
            // What was under way when the gate was closed opens it no more than it closes it twice.
            Verdict::Served if self.parked.is_none() => {
                self.met = Met::Nobodys;
                return Turn::Served;
            }
            Verdict::Served | Verdict::Unheard => return Turn::None,
            Verdict::Throttled { retry_after } => (Ailment::Throttling, retry_after),
            Verdict::Unreachable => (Ailment::Unreachable, None),
        };
        if self.parked.is_none() && began != self.age {
            return Turn::None;
        }
        let others_are_served = matches!(self.met, Met::Nobodys);
        self.met.by(key, ailment);
        if others_are_served && ailment == Ailment::Unreachable {
            return Turn::None;
        }
        self.tried.insert(key.clone());
        match self.parked {
            Some(_) if !is_probe => {
                self.heed(asked, now);
                Turn::None
            }
            before => {
                self.park(origin, before, ailment, asked, now);
                self.age += 1;
                Turn::Closed(ailment)
            }
        }
    }

    /// Nobody is let through for the pause of behaviour §4.3, with the origin's name in the place of an object's uid.
    fn park(
        &mut self,
        origin: &Origin,
        before: Option<Parked>,
        ailment: Ailment,
        asked: Option<SignedDuration>,
        now: Timestamp,
    ) {
        let first = before.unwrap_or(Parked { ailment, since: now, next_probe: now, count: 0 });
        let count = first.count.saturating_add(1);
        let class = match ailment {
            Ailment::Unreachable => RetryClass::Transient,
            Ailment::Throttling => RetryClass::Throttled(asked),
        };
        let pause = delay_after(first.since.duration_until(now), class, count, None, origin.as_str());
        let least = if ailment == Ailment::Throttling { pause } else { SHORTEST_DELAY };
        // What another call was told while this one was under way still holds.
        let told = before.map_or(now, |_| self.not_before);
        self.found = now;
        self.not_before = later(now, least).max(told);
        self.parked = Some(Parked { count, next_probe: later(now, pause).max(told), ..first });
    }

    /// A call that failed together with the one that closed the gate counts for nothing, but if it was told how long to wait,
    /// that holds.
    fn heed(&mut self, asked: Option<SignedDuration>, now: Timestamp) {
        if let (Some(parked), Some(asked)) = (&mut self.parked, asked) {
            let until = later(now, asked.clamp(SignedDuration::ZERO, LONGEST_ASKED));
            self.not_before = self.not_before.max(until);
            parked.next_probe = parked.next_probe.max(until);
        }
    }

    /// The clock was set back by so much: what was arranged is still as far away.
    pub(super) fn shift_back(&mut self, by: SignedDuration) {
        if let Some(parked) = &mut self.parked {
            parked.since = earlier(parked.since, by);
            parked.next_probe = earlier(parked.next_probe, by);
            self.found = earlier(self.found, by);
            self.not_before = earlier(self.not_before, by);
        }
    }
}

impl Met {
    /// Whether all who have met it are of one namespace, and this key is not.
    fn only_others_than(&self, key: &Key) -> bool {
        matches!(self, Self::Ones(namespace) if *namespace != key.namespace)
    }

    /// A call of this key has failed so. What the service asks for concerns everybody, whoever was told.
    fn by(&mut self, key: &Key, ailment: Ailment) {
        *self = match self {
            Self::Unasked | Self::Nobodys if ailment == Ailment::Unreachable => {
                Self::Ones(key.namespace.clone())
            }
            Self::Ones(namespace) if ailment == Ailment::Unreachable && *namespace == key.namespace => return,
            _ => Self::Several,
        };
    }
}

pub(super) fn earlier(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

//! Is the origin well, and if not, when is it asked again, and by whom? Pure. An origin that is unwell is left alone but for
//! one probe at a time (behaviour §4.2): its success opens the gate, its failure parks again.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::Verdict;
use crate::auth::Origin;
use crate::decision::schedule::later;
use crate::decision::{Ailment, Key, Parked, RetryClass, delay};

/// What is known of an origin from its answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    parked: Option<Parked>,
    /// The key that was let through, or called, to see whether the origin is well again.
    probe: Option<Key>,
    /// Whose calls have failed since it is unwell: others probe first, or one request that the service chokes on would hold
    /// up everybody.
    tried: HashSet<Key>,
    /// How often the gate was closed and opened: what a call says that began before the last time is old news.
    age: u64,
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

    /// Whether somebody may be let through, for all that this origin's health is concerned.
    pub(super) fn admits(&self, now: Timestamp) -> bool {
        self.next_admission(now).is_some_and(|at| at <= now)
    }

    /// From when on somebody may be; `None`, not before the probe is back.
    pub(super) fn next_admission(&self, now: Timestamp) -> Option<Timestamp> {
        match (self.parked, &self.probe) {
            (None, _) => Some(now),
            (Some(_), Some(_)) => None,
            (Some(parked), None) => Some(parked.next_probe),
        }
    }

    /// This key is let through, or called.
    pub(super) fn admit(&mut self, key: &Key) {
        if self.parked.is_some() {
            self.probe = Some(key.clone());
        }
    }

    /// This key is not on its way any more. Whether it was the probe.
    pub(super) fn release(&mut self, key: &Key) -> bool {
        self.probe.take_if(|probe| probe == key).is_some()
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
            Verdict::Served if is_probe => {
                self.parked = None;
                self.age += 1;
                return Turn::Opened;
            }
            // What was under way when the gate was closed opens it no more than it closes it twice.
            Verdict::Served if self.parked.is_none() => return Turn::Served,
            Verdict::Served | Verdict::Unheard => return Turn::None,
            Verdict::Throttled { retry_after } => (Ailment::Throttling, retry_after),
            Verdict::Unreachable => (Ailment::Unreachable, None),
        };
        if self.parked.is_none() && began != self.age {
            return Turn::None;
        }
        self.tried.insert(key.clone());
        match self.parked {
            Some(parked) if !is_probe => {
                self.parked = Some(alongside(parked, asked, now));
                Turn::None
            }
            before => {
                let count = before.map_or(1, |parked| parked.count.saturating_add(1));
                let paused = later(now, pause(ailment, asked, count, origin));
                // What another call was told meanwhile still holds.
                let next_probe = before.map_or(paused, |parked| parked.next_probe.max(paused));
                let first = before.map_or((ailment, now), |parked| (parked.ailment, parked.since));
                self.parked = Some(Parked { ailment: first.0, since: first.1, next_probe, count });
                self.age += 1;
                Turn::Closed(ailment)
            }
        }
    }

    /// The clock was set back by so much: what was arranged is still as far away.
    pub(super) fn shift_back(&mut self, by: SignedDuration) {
        if let Some(parked) = &mut self.parked {
            parked.since = earlier(parked.since, by);
            parked.next_probe = earlier(parked.next_probe, by);
        }
    }
}

/// Behaviour §4.3, with the origin's name in the place of an object's uid.
fn pause(ailment: Ailment, asked: Option<SignedDuration>, count: u32, origin: &Origin) -> SignedDuration {
    let class = match ailment {
        Ailment::Unreachable => RetryClass::Transient,
        Ailment::Throttling => RetryClass::Throttled(asked),
    };
    delay(class, count, None, origin.as_str())
}

/// What a call says that failed together with the one that closed the gate: it counts for nothing, but if it was told how
/// long to wait, that holds.
fn alongside(parked: Parked, asked: Option<SignedDuration>, now: Timestamp) -> Parked {
    let asked = asked.map(|asked| later(now, asked.clamp(SignedDuration::ZERO, LONGEST_ASKED)));
    Parked { next_probe: asked.map_or(parked.next_probe, |until| until.max(parked.next_probe)), ..parked }
}

/// No service is left alone for longer because it asks for it.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_mins(15);

pub(super) fn earlier(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_sub(by).unwrap_or(Timestamp::MIN)
}

//! Who waits for a credential, who of them tries it next, and whose token ends first? No I/O, no clock. Whoever is asked for is found
//! without a look at all who wait.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use jiff::Timestamp;

use crate::decision::Key;

/// How a request waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// How often its steps have failed, if it would make its calls at once were it served: then it may try for the others. Whoever
    /// waits for more than its credential, for the time of its own next attempt say, finds out nothing for them.
    pub tries: Option<u32>,
    /// When the token ends that it still has.
    pub ends: Option<Timestamp>,
}

/// The requests that wait for one credential.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    requests: BTreeMap<Key, Waits>,
    /// Those that may try, by their namespaces, and by how often they had failed when they began to wait.
    turns: BTreeMap<Arc<str>, BTreeMap<u32, BTreeSet<Key>>>,
    /// When their tokens end, and how many then.
    ends: BTreeMap<Timestamp, usize>,
}

impl Waiting {
    /// Whether nobody does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// How many do.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// A request waits. Returns whether it did not before.
    pub fn insert(&mut self, request: &Key, waits: Waits) -> bool {
        let news = !self.remove(request);
        self.requests.insert(request.clone(), waits);
        if let Some(end) = waits.ends {
            *self.ends.entry(end).or_default() += 1;
        }
        if let Some(failed) = waits.tries {
            let turns = self.turns.entry(request.namespace.clone()).or_default();
            turns.entry(failed).or_default().insert(request.clone());
        }
        news
    }

    /// A request waits no longer. Returns whether it did.
    pub fn remove(&mut self, request: &Key) -> bool {
        let Some(waits) = self.requests.remove(request) else { return false };
        if let Some(end) = waits.ends
            && let Some(many) = self.ends.get_mut(&end)
        {
            *many -= 1;
            if *many == 0 {
                self.ends.remove(&end);
            }
        }
        if let Some(failed) = waits.tries
            && let Some(turns) = self.turns.get_mut(&request.namespace)
        {
            if let Some(requests) = turns.get_mut(&failed) {
                requests.remove(request);
                if requests.is_empty() {
                    turns.remove(&failed);
                }
            }
            if turns.is_empty() {
                self.turns.remove(&request.namespace);
            }
        }
        true
    }

    /// The first end of a token of theirs after this instant.
    #[must_use]
    pub fn first_end_after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.ends.range((Excluded(instant), Unbounded)).next().map(|(end, _)| *end)
    }

    /// All of them wait no longer.
    pub fn take(&mut self) -> Vec<Key> {
        std::mem::take(self).requests.into_keys().collect()
    }

    /// Those that may, in the order in which they try: by turns of their namespaces, from the last one's on, or who makes requests
    /// anew without end would leave nobody else a try; of one namespace who has failed least, and then in turn from the last one on.
    pub fn in_turn<'a>(&'a self, last: Option<&'a Key>) -> impl Iterator<Item = &'a Key> {
        let from = last.map_or(Unbounded, |last| Excluded(&*last.namespace));
        let after = self.turns.range::<str, _>((from, Unbounded));
        let before = last.map(|last| self.turns.range::<str, _>((Unbounded, Excluded(&*last.namespace))));
        let others =
            after.chain(before.into_iter().flatten()).flat_map(|(_, turns)| turns.values().flatten());
        let same = last.and_then(|last| Some((last, self.turns.get(&last.namespace)?)));
        let same = same.into_iter().flat_map(|(last, turns)| {
            turns.values().flat_map(move |requests| {
                requests.range((Excluded(last), Unbounded)).chain(requests.range(..=last))
            })
        });
        others.chain(same)
    }
}

#[cfg(test)]
mod tests;

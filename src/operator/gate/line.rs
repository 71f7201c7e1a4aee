//! Who is next? Keys that wait, by rank, though each rank leaves every fourth turn to those after it; within a rank by turns of
//! their namespaces, and of one namespace the earlier end of life, then the earlier arrival. Pure. Every operation is O(log n).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use super::Need;
use crate::decision::{Key, Urgency};

/// Keys that wait at one gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// A lane per urgency, and one for the keys that a closed gate lets probe last.
    lanes: [Lane; TRIED + 1],
    /// The number of the turn that was given out last.
    turn: u64,
    /// How many turns of each urgency were given out since those after it had one; not counted further than [`IN_A_ROW`].
    in_a_row: [u8; TRIED],
    waiting: usize,
    /// When the lives of those who wait end, with their arrivals.
    ends: BTreeSet<(Timestamp, u64)>,
}

/// The lane of those who probe last.
const TRIED: usize = 3;

/// Those of an urgency leave a turn to the less urgent after so many: one namespace with more short lives than the gate lets
/// through, or with as many renewals by hand, would keep it for itself for good.
const IN_A_ROW: u8 = 3;

/// A place in line: with what a key was put there, it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub need: Need,
    pub arrival: u64,
    /// A call of this key has failed since the gate is closed: others try first, and of those who have tried, whoever did so
    /// longest ago, which is the earlier arrival.
    pub tried: bool,
}

/// Namespaces take turns.
#[derive(Clone, Debug, Default)]
struct Lane {
    turns: BTreeMap<u64, Arc<str>>,
    groups: HashMap<Arc<str>, Group>,
}

/// The keys of one namespace.
#[derive(Clone, Debug)]
struct Group {
    turn: u64,
    keys: BTreeMap<(Timestamp, u64), (Key, Spot)>,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// The first end of a life among those who wait that is after this instant.
    pub(super) fn first_end_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let after = (Bound::Excluded((instant, u64::MAX)), Bound::Unbounded);
        self.ends.range(after).next().map(|(end, _)| *end)
    }

    pub(super) fn insert(&mut self, key: Key, spot: &Spot) {
        self.ends.extend(spot.end());
        self.put(key, spot);
    }

    fn put(&mut self, key: Key, spot: &Spot) {
        let lane = &mut self.lanes[spot.lane()];
        let turn = &mut self.turn;
        let group = lane.groups.entry(key.namespace.clone()).or_insert_with(|| {
            // Behind everybody who waits: who leaves the line and comes back wins nothing.
            *turn += 1;
            lane.turns.insert(*turn, key.namespace.clone());
            Group { turn: *turn, keys: BTreeMap::new() }
        });
        if group.keys.insert(spot.order(), (key, *spot)).is_none() {
            self.waiting += 1;
        }
    }

    pub(super) fn remove(&mut self, key: &Key, spot: &Spot) {
        self.forget_end(spot);
        self.take(key, spot);
    }

    fn take(&mut self, key: &Key, spot: &Spot) {
        let lane = &mut self.lanes[spot.lane()];
        let Some(group) = lane.groups.get_mut(&key.namespace) else { return };
        if group.keys.remove(&spot.order()).is_some() {
            self.waiting -= 1;
        }
        if group.keys.is_empty() {
            lane.turns.remove(&group.turn);
            lane.groups.remove(&key.namespace);
        }
    }

    /// Moves a key; within its lane its namespace keeps its turn.
    pub(super) fn relocate(&mut self, key: &Key, from: &Spot, to: &Spot) {
        self.forget_end(from);
        self.ends.extend(to.end());
        self.put(key.clone(), to);
        if from.lane() != to.lane() || from.order() != to.order() {
            self.take(key, from);
        }
    }

    fn forget_end(&mut self, spot: &Spot) {
        if let Some(end) = spot.end() {
            self.ends.remove(&end);
        }
    }

    fn next_lane(&self, but: Option<&str>) -> Option<usize> {
        let mut waits = (0..=TRIED).filter(|lane| self.lanes[*lane].first(but).is_some());
        let first = waits.next()?;
        let had_its_share = |lane: usize| self.in_a_row.get(lane).is_some_and(|many| *many == IN_A_ROW);
        let less_urgent = waits.filter(|lane| *lane < TRIED);
        let last = less_urgent.clone().next_back().unwrap_or(first);
        Some(std::iter::once(first).chain(less_urgent).find(|lane| !had_its_share(*lane)).unwrap_or(last))
    }

    /// The permits that the key needs whose turn it is, with one namespace left out or none.
    pub(super) fn first(&self, but: Option<&str>) -> Option<u32> {
        let lane = &self.lanes[self.next_lane(but)?];
        let (_, namespace) = lane.first(but)?;
        let (_, (_, spot)) = lane.groups.get(namespace)?.keys.first_key_value()?;
        Some(spot.need.permits)
    }

    /// Takes out the key whose turn it is; its namespace is last in its lane now.
    pub(super) fn pop(&mut self, but: Option<&str>) -> Option<Key> {
        let next = self.next_lane(but)?;
        if let Some(many) = self.in_a_row.get_mut(next) {
            *many = IN_A_ROW.min(*many + 1);
            self.in_a_row[..next].fill(0);
        }
        let lane = &mut self.lanes[next];
        let turn = *lane.first(but)?.0;
        let namespace = lane.turns.remove(&turn)?;
        let group = lane.groups.get_mut(&namespace)?;
        let (_, (key, spot)) = group.keys.pop_first()?;
        self.waiting -= 1;
        if group.keys.is_empty() {
            lane.groups.remove(&namespace);
        } else {
            self.turn += 1;
            group.turn = self.turn;
            lane.turns.insert(self.turn, namespace);
        }
        self.forget_end(&spot);
        Some(key)
    }
}

impl Lane {
    /// The namespace whose turn it is, with one left out or none.
    fn first(&self, but: Option<&str>) -> Option<(&u64, &Arc<str>)> {
        self.turns.iter().take(2).find(|(_, namespace)| Some(&***namespace) != but)
    }
}

impl Spot {
    fn lane(&self) -> usize {
        match self.need.urgency {
            _ if self.tried => TRIED,
            Urgency::LifeIsEnding => 0,
            Urgency::Wanted => 1,
            Urgency::Renewal => 2,
        }
    }

    fn end(&self) -> Option<(Timestamp, u64)> {
        self.need.expires_at.map(|end| (end, self.arrival))
    }

    /// What has no end of life comes after what has one.
    fn order(&self) -> (Timestamp, u64) {
        let end = self.need.expires_at.filter(|_| !self.tried);
        (end.unwrap_or(Timestamp::MAX), self.arrival)
    }
}

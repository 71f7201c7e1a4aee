//! Whose is the name of a Secret that several objects want? The earliest one's. No I/O, no clock.
//!
//! Whatever happens to the name is the first one's affair alone: five thousand objects that want one name cost what two cost.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use jiff::Timestamp;

use super::SecretName;
use crate::decision::Key;

/// Who wants which name, the earliest first.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<SecretName, BTreeSet<(Timestamp, Key)>>);

/// One object's claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// To this name.
    pub name: SecretName,
    /// Since when, and whose.
    pub by: (Timestamp, Key),
}

impl Claims {
    pub(super) fn add(&mut self, claim: Claim) {
        self.0.entry(claim.name).or_default().insert(claim.by);
    }

    pub(super) fn remove(&mut self, claim: &Claim) {
        if let Some(all) = self.0.get_mut(&claim.name) {
            all.remove(&claim.by);
            if all.is_empty() {
                self.0.remove(&claim.name);
            }
        }
    }

    /// Whose the name is.
    pub(super) fn first(&self, name: &SecretName) -> Option<&(Timestamp, Key)> {
        self.0.get(name)?.first()
    }

    /// Whose the name becomes without this claim, or no longer is with it: whoever comes after it, if nobody is before it.
    pub(super) fn rival(&self, claim: &Claim) -> Option<&Key> {
        let all = self.0.get(&claim.name)?;
        if all.range(..&claim.by).next().is_some() {
            return None;
        }
        let after = (Bound::Excluded(&claim.by), Bound::Unbounded);
        all.range(after).next().map(|(_, key)| key)
    }

    /// Every name that is wanted.
    pub(super) fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.0.keys()
    }

    /// Whether anybody wants it.
    pub(super) fn contains(&self, name: &SecretName) -> bool {
        self.0.contains_key(name)
    }
}

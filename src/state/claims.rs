//! Whose is the name of a Secret that several objects want? The earliest one's. No I/O, no clock.
//!
//! Whatever happens to the name is the first one's affair alone: five thousand objects that want one name cost what two cost.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use super::{SecretName, State};
use crate::decision::{Key, Owner, SeenSecret};

/// Who wants which name, the earliest first.
#[derive(Clone, Debug, Default)]
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

impl State {
    /// What an object claims, unless it is on its way out.
    pub(super) fn claim_of(&self, key: &Key) -> Option<Claim> {
        let object = self.objects.get(key).filter(|it| !it.meta.deleting)?;
        let name = (key.namespace.clone(), object.secret_name()?.into());
        Some(Claim { name, by: (object.meta.created, key.clone()) })
    }

    /// Whom a Secret of this name concerns: whose the name is, and who owns the Secret, or did. All others who want the name
    /// know no more of it than whose it is.
    pub(super) fn concerned(
        &self,
        namespace: &Arc<str>,
        name: &str,
        owners: impl IntoIterator<Item = Option<Key>>,
    ) -> Vec<Key> {
        let name = (namespace.clone(), name.into());
        let first = self.claims.first(&name).map(|(_, key)| key.clone());
        let owners = owners.into_iter().filter(|owner| *owner != first).flatten();
        let mut owners: Vec<Key> =
            owners.filter(|it| self.claim_of(it).is_some_and(|claim| claim.name == name)).collect();
        owners.dedup();
        first.into_iter().chain(owners).collect()
    }

    /// To whom the name passes with the end of this claim, or from whom with its beginning.
    pub(super) fn rival(&mut self, claim: &Claim) -> Option<Key> {
        let rival = self.claims.rival(claim)?.clone();
        let (home, name) = &claim.name;
        self.recognise(&rival, home, name);
        Some(rival)
    }
}

/// Whose a Secret is, by its controller reference.
pub(super) fn owner(namespace: &Arc<str>, secret: &SeenSecret) -> Option<Key> {
    match &secret.owner {
        Owner::Ours { kind, name, .. } => Some(Key::new(*kind, namespace.clone(), &**name)),
        Owner::Other | Owner::Nobody => None,
    }
}

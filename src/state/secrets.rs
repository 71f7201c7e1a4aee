//! Which Secrets are there? Ours with their records, the names of all others, and the versions of client Secrets: never a
//! byte of data. No I/O, no clock.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::decision::{ResourceVersion, SeenSecret};

/// Namespace and name.
pub type SecretName = (Arc<str>, Box<str>);

/// The index of Secrets.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    managed: HashMap<SecretName, Listed<SeenSecret>>,
    /// Hashes of the names of all Secrets of other types: a name that is taken is known before a token is spent on it.
    others: HashMap<u64, Listed<()>>,
    /// The versions of the client Secrets that somebody refers to.
    logins: HashMap<SecretName, ResourceVersion>,
    /// At which versions Secrets were deleted whose names somebody refers to: an answer that comes later and is older does
    /// not bring them back.
    gone: HashMap<SecretName, ResourceVersion>,
    hashing: RandomState,
    round: u32,
    ended: Lists,
}

/// How many lists of Secrets have ended. What was asked before one of them ended, and tells of a Secret that this list did
/// not show, tells of one that was created since, or that is gone: only another look can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Of ours.
    pub managed: u32,
    /// Of the others.
    pub others: u32,
}

/// A thing and the round of listing in which it was last seen or written.
#[derive(Clone, Debug)]
struct Listed<T> {
    thing: T,
    namespace: Arc<str>,
    round: u32,
    /// The watch has shown it. What only an answer told of may be missing in a list because that is older, or because the
    /// Secret is gone.
    shown: bool,
}

/// What a list of our Secrets did not show.
#[derive(Debug, Default)]
pub struct Unlisted {
    /// They are gone.
    pub gone: Vec<(SecretName, SeenSecret)>,
    /// These must be looked at.
    pub doubtful: Vec<SecretName>,
}

impl Secrets {
    /// Our Secret of this name.
    #[must_use]
    pub fn managed(&self, namespace: &Arc<str>, name: &str) -> Option<&SeenSecret> {
        self.managed.get(&key(namespace, name)).map(|it| &it.thing)
    }

    /// Whether a Secret of another type bears this name.
    #[must_use]
    pub fn is_taken(&self, namespace: &str, name: &str) -> bool {
        self.others.contains_key(&self.hash(namespace, name))
    }

    /// The version of a client Secret that somebody refers to; `None` where it was not seen.
    #[must_use]
    pub fn login_version(&self, namespace: &Arc<str>, name: &str) -> Option<ResourceVersion> {
        self.logins.get(&key(namespace, name)).copied()
    }

    /// The watch has shown a Secret of our type. An older sight than the one in memory is dropped; returns whether anything
    /// is new.
    pub fn see(&mut self, namespace: &Arc<str>, name: &str, seen: SeenSecret) -> bool {
        self.take_in(namespace, name, seen, true)
    }

    /// The same of one that was written, or told of in an answer. Metadata alone do not overwrite what is known of the data
    /// of the same version.
    pub fn know(&mut self, namespace: &Arc<str>, name: &str, seen: SeenSecret) -> bool {
        self.take_in(namespace, name, seen, false)
    }

    fn take_in(&mut self, namespace: &Arc<str>, name: &str, seen: SeenSecret, shown: bool) -> bool {
        let round = self.round;
        if self.is_gone(namespace, name, seen.version) {
            return false;
        }
        if let Some(known) = self.managed.get_mut(&key(namespace, name)) {
            if shown {
                (known.round, known.shown) = (round, true);
            }
            // Of an earlier Secret of this name too: versions compare across a resource.
            let older = seen.version.is_before(known.thing.version);
            let unseen =
                known.thing.version == seen.version && seen.content == crate::decision::Content::Unseen;
            if older || unseen || known.thing == seen {
                return false;
            }
            (known.thing, known.shown) = (seen, shown);
        } else {
            let listed = Listed { thing: seen, namespace: namespace.clone(), round, shown };
            self.managed.insert(key(namespace, name), listed);
        }
        true
    }

    /// Whatever its hash says, our Secret of this name is not as it was written.
    pub fn mistrust(&mut self, namespace: &Arc<str>, name: &str) {
        if let Some(known) = self.managed.get_mut(&key(namespace, name)) {
            known.thing.content = crate::decision::Content::Edited;
        }
    }

    /// A Secret of our type is gone. A late word about an earlier one of the same name is dropped.
    pub fn lose(&mut self, namespace: &Arc<str>, name: &str, uid: Option<&str>) -> Option<SeenSecret> {
        let key = key(namespace, name);
        let same = self.managed.get(&key).is_some_and(|known| uid.is_none_or(|uid| *known.thing.uid == *uid));
        if same { self.managed.remove(&key).map(|listed| listed.thing) } else { None }
    }

    /// A Secret of this name, which somebody refers to, was deleted at this version.
    pub fn bury(&mut self, namespace: &Arc<str>, name: &str, version: ResourceVersion) {
        if version != ResourceVersion::UNREADABLE {
            let at = self.gone.entry(key(namespace, name)).or_default();
            *at = version.max(*at);
        }
    }

    /// Whether what had this version was deleted since.
    #[must_use]
    pub fn is_gone(&self, namespace: &Arc<str>, name: &str, version: ResourceVersion) -> bool {
        self.gone.get(&key(namespace, name)).is_some_and(|at| version <= *at)
    }

    /// Nobody refers to this name any more: what was kept for it alone is forgotten.
    pub fn release(&mut self, name: &SecretName) {
        self.gone.remove(name);
        self.logins.remove(name);
    }

    /// The watch has shown a Secret of another type.
    pub fn see_other(&mut self, namespace: &Arc<str>, name: &str) -> bool {
        let listed = Listed { thing: (), namespace: namespace.clone(), round: self.round, shown: true };
        self.others.insert(self.hash(namespace, name), listed).is_none()
    }

    /// The same of one that an answer told of.
    pub fn know_other(&mut self, namespace: &Arc<str>, name: &str) {
        let listed = Listed { thing: (), namespace: namespace.clone(), round: self.round, shown: false };
        self.others.entry(self.hash(namespace, name)).or_insert(listed);
    }

    /// The version of a client Secret is this. Returns whether that is news.
    pub fn see_login(&mut self, namespace: &Arc<str>, name: &str, version: ResourceVersion) -> bool {
        let known = self.logins.entry(key(namespace, name)).or_default();
        let news = *known != version && !version.is_before(*known);
        if news {
            *known = version;
        }
        news
    }

    /// A Secret of another type is gone.
    pub fn lose_other(&mut self, namespace: &Arc<str>, name: &str) -> bool {
        self.logins.remove(&key(namespace, name));
        self.others.remove(&self.hash(namespace, name)).is_some()
    }

    /// A list begins: what it does not show is gone when it ends.
    pub fn begin_round(&mut self) {
        self.round += 1;
    }

    /// The list of our Secrets in these namespaces (`None`: everywhere) has ended.
    pub fn end_managed_round(&mut self, namespace: Option<&str>, began: u32) -> Unlisted {
        self.ended.managed += 1;
        let mut unlisted = Unlisted::default();
        let mut gone = Vec::new();
        for (key, listed) in self.managed.iter().filter(|(_, it)| within(namespace, &it.namespace)) {
            if !listed.shown {
                unlisted.doubtful.push(key.clone());
            } else if listed.round < began {
                gone.push(key.clone());
            }
        }
        let remove = |key: SecretName| self.managed.remove(&key).map(|listed| (key, listed.thing));
        unlisted.gone = gone.into_iter().filter_map(remove).collect();
        unlisted
    }

    /// The list of the other Secrets has ended. Returns which of `wanted` are gone or free, and which must be looked at.
    pub fn end_other_round(
        &mut self,
        namespace: Option<&str>,
        began: u32,
        wanted: &HashSet<SecretName>,
    ) -> (Vec<SecretName>, Vec<SecretName>) {
        self.ended.others += 1;
        self.others.retain(|_, listed| {
            !within(namespace, &listed.namespace) || !listed.shown || listed.round >= began
        });
        let mut wanted: Vec<SecretName> =
            wanted.iter().filter(|(home, _)| within(namespace, home)).cloned().collect();
        let freed = wanted.extract_if(.., |(home, name)| !self.is_taken(home, name)).collect();
        wanted.retain(|(home, name)| self.others.get(&self.hash(home, name)).is_some_and(|it| !it.shown));
        (freed, wanted)
    }

    /// How many lists have ended.
    #[must_use]
    pub fn lists(&self) -> Lists {
        self.ended
    }

    /// The current round.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    fn hash(&self, namespace: &str, name: &str) -> u64 {
        self.hashing.hash_one((namespace, name))
    }
}

fn within(scope: Option<&str>, namespace: &str) -> bool {
    scope.is_none_or(|scope| scope == namespace)
}

fn key(namespace: &Arc<str>, name: &str) -> SecretName {
    (namespace.clone(), name.into())
}

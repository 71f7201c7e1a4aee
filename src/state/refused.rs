//! What may the operator not list, and whom does that concern? No I/O, no clock.

use std::collections::HashSet;
use std::sync::Arc;

use super::State;
use crate::decision::{Key, Unlisted};

/// A list or a watch that the API server refuses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Where; `None`: anywhere.
    pub namespace: Option<Arc<str>>,
    /// Of what.
    pub what: Listing,
    /// It was listed before: what was seen then stands.
    pub was_listed: bool,
    /// So often that it is worth a word: a server that has just started knows no roles yet.
    pub lasting: bool,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Credentials.
    Credentials,
    /// Requests.
    Requests,
    /// Secrets, managed or not.
    Secrets,
    /// Namespaces, with their labels.
    Namespaces,
}

impl State {
    /// These lists are refused. Returns whom that concerns, where it is news: the objects there, and the requests that refer to
    /// credentials there.
    pub fn know_refused(&mut self, refused: HashSet<Refused>) -> Vec<Key> {
        let before = std::mem::replace(&mut self.refused, refused);
        let news: Vec<&Refused> = before.symmetric_difference(&self.refused).collect();
        let concerned = |key: &Key| news.iter().any(|it| it.is_in(&key.namespace));
        let asking = self.referrers.iter().filter(|(credential, _)| concerned(credential));
        let here = self.objects.keys().filter(|key| concerned(key));
        here.chain(asking.flat_map(|(_, requests)| requests)).cloned().collect()
    }

    /// What an object of this namespace would have to be known by, and may not be listed.
    #[must_use]
    pub fn unlisted(&self, namespace: &str) -> Option<Unlisted> {
        self.refused_in(namespace, false)
    }

    /// What an object of this namespace is known by, and may not be followed any more: what changes in it is not noticed.
    /// Whoever chooses namespaces by their labels goes by these too.
    #[must_use]
    pub fn unwatched(&self, namespace: &str, by_labels: bool) -> Option<Unlisted> {
        let labels = || self.is_refused(Listing::Namespaces, namespace, true) == Some(true);
        self.refused_in(namespace, true).or_else(|| (by_labels && labels()).then_some(Unlisted::Namespaces))
    }

    /// Whether the credentials of this namespace are unknown, and that for longer than a moment.
    #[must_use]
    pub fn are_credentials_refused(&self, namespace: &str) -> Option<bool> {
        self.is_refused(Listing::Credentials, namespace, false)
    }

    /// Whether the labels of namespaces are known.
    #[must_use]
    pub fn reads_namespaces(&self) -> bool {
        let unseen = |it: &Refused| it.what == Listing::Namespaces && !it.was_listed;
        self.settings.reads_namespaces && !self.refused.iter().any(unseen)
    }

    fn refused_in(&self, namespace: &str, was_listed: bool) -> Option<Unlisted> {
        let here = |what: Listing| self.is_refused(what, namespace, was_listed) == Some(true);
        if here(Listing::Secrets) {
            return Some(Unlisted::Secrets);
        }
        (here(Listing::Credentials) || here(Listing::Requests)).then_some(Unlisted::Objects)
    }

    fn is_refused(&self, what: Listing, namespace: &str, was_listed: bool) -> Option<bool> {
        let is_meant = |it: &&Refused| it.what == what && it.was_listed == was_listed && it.is_in(namespace);
        self.refused.iter().filter(is_meant).map(|it| it.lasting).max()
    }
}

impl Refused {
    fn is_in(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|it| it == namespace)
    }
}

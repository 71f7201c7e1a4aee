//! What does a change in a watch mean for what is known? Translates the cluster's words into the memory's, and keeps count of
//! the first lists: nothing is worked on before they are complete (behaviour §1.5).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cluster::WatchedObject;
use crate::cluster::watch::{Change, Seen, Stream, Trouble, Vanished, Watched};
use crate::decision::{Key, Kind, SpecFault};
use crate::state::{Deleted, Listing, Meta, Refused, Sighting, State};

/// A list that was refused so often in a row is not refused by a server that has just started.
const REFUSED_FOR_GOOD: u32 = 3;

/// Follows the streams.
#[derive(Clone, Debug)]
pub(super) struct Observer {
    /// The streams whose first list is not complete.
    missing: BTreeSet<Stream>,
    /// The streams that the operator may not list or watch, and how often it was told so. Where a first list is missing, the
    /// namespace is left alone, and the others are not held up; where it was made, what it showed stands.
    blind: BTreeMap<Stream, u32>,
    /// The round in which the running list of each stream began.
    rounds: HashMap<Stream, u32>,
}

impl Observer {
    /// Waits for the first lists of these streams.
    pub(super) fn new(streams: impl IntoIterator<Item = Stream>) -> Self {
        Self { missing: streams.into_iter().collect(), blind: BTreeMap::new(), rounds: HashMap::new() }
    }

    /// Whether every first list is complete, or refused: "not listed yet" is not "missing". Without the labels of namespaces
    /// nobody is selected by them, and told so: only when that is refused for good.
    #[must_use]
    pub(super) fn is_complete(&self) -> bool {
        let is_settled = |stream: &Stream| match (stream.what, self.blind.get(stream)) {
            (Watched::Namespaces, Some(refused)) => *refused >= REFUSED_FOR_GOOD,
            (_, refused) => refused.is_some(),
        };
        self.missing.iter().all(is_settled)
    }

    /// Whether everything that concerns this namespace has been listed.
    #[must_use]
    pub(super) fn sees(&self, namespace: &str) -> bool {
        let unseen = |stream: &&Stream| stream.what != Watched::Namespaces && self.missing.contains(stream);
        let mut blind = self.blind.keys().filter(unseen);
        !blind.any(|stream| stream.namespace.as_deref().is_none_or(|it| it == namespace))
    }

    /// Takes in one change. Returns the keys of the objects that it concerns.
    pub(super) fn take(&mut self, state: &mut State, change: Change) -> Vec<Key> {
        match change {
            Change::Relisting(stream) => {
                let round = state.begin_round();
                self.rounds.insert(stream, round);
                Vec::new()
            }
            Change::Seen { seen, .. } => see(state, seen),
            Change::Gone { stream, what } => lose(state, stream.what, &what),
            Change::Listed(stream) => self.listed(state, &stream),
            Change::Broken(stream, Trouble::Forbidden) => {
                *self.blind.entry(stream).or_default() += 1;
                self.tell(state)
            }
            Change::Mended(stream) if self.blind.remove(&stream).is_some() => self.tell(state),
            Change::Broken(..) | Change::Mended(_) => Vec::new(),
        }
    }

    /// Those whom it concerns look again.
    fn tell(&self, state: &mut State) -> Vec<Key> {
        let refused = self.blind.iter().map(|(stream, refused)| Refused {
            namespace: stream.namespace.clone(),
            what: listing(stream.what),
            was_listed: !self.missing.contains(stream),
            lasting: *refused >= REFUSED_FOR_GOOD,
        });
        // A moment of it keeps nobody from anything whose first list was made.
        state.know_refused(refused.filter(|it| it.lasting || !it.was_listed).collect())
    }

    fn listed(&mut self, state: &mut State, stream: &Stream) -> Vec<Key> {
        self.missing.remove(stream);
        let began = self.rounds.remove(stream).unwrap_or_default();
        let namespace = stream.namespace.as_deref();
        let mut woken = match stream.what {
            Watched::Credentials => state.end_objects_round(Kind::Credential, namespace, began),
            Watched::Requests => state.end_objects_round(Kind::Request, namespace, began),
            Watched::ManagedSecrets => state.end_secrets_round(namespace, began),
            Watched::OtherSecrets => state.end_other_secrets_round(namespace, began),
            Watched::Namespaces => state.end_namespaces_round(began),
        };
        if self.blind.remove(stream).is_some() {
            woken.extend(self.tell(state));
        }
        woken
    }
}

#[cfg(test)]
mod tests;

/// What readiness says of a stream whose first list is awaited.
#[must_use]
pub(super) fn first_list_of(stream: &Stream) -> String {
    let place = stream.namespace.as_ref().map_or(String::new(), |name| format!(" in namespace {name}"));
    format!("the first list of {}{place}", word(stream.what))
}

/// What a refused list keeps from being known.
fn listing(what: Watched) -> Listing {
    match what {
        Watched::ManagedSecrets | Watched::OtherSecrets => Listing::Secrets,
        Watched::Credentials => Listing::Credentials,
        Watched::Requests => Listing::Requests,
        Watched::Namespaces => Listing::Namespaces,
    }
}

/// What readiness says of a stream that the operator may not list.
#[must_use]
pub(super) fn right_to(stream: &Stream) -> String {
    let place = stream.namespace.as_ref().map_or(String::new(), |name| format!(" in namespace {name}"));
    format!("the right to list and watch {}{place}", word(stream.what))
}

/// The word for a stream in metrics, logs and readiness.
#[must_use]
pub(super) fn word(what: Watched) -> &'static str {
    match what {
        Watched::Credentials => "rocketlawyercredentials",
        Watched::Requests => "scopedtokenrequests",
        Watched::ManagedSecrets => "managed_secrets",
        Watched::OtherSecrets => "other_secrets",
        Watched::Namespaces => "namespaces",
    }
}

fn see(state: &mut State, seen: Seen) -> Vec<Key> {
    match seen {
        Seen::Credential(object) => {
            let key = Key::new(Kind::Credential, &*object.namespace, &*object.name);
            let (meta, spec, status) = parts(*object);
            state.see(&key, Sighting::Credential(meta, spec, Box::new(status)))
        }
        Seen::Request(object) => {
            let key = Key::new(Kind::Request, &*object.namespace, &*object.name);
            let (meta, spec, status) = parts(*object);
            state.see(&key, Sighting::Request(meta, spec, Box::new(status)))
        }
        Seen::ManagedSecret { namespace, name, secret } => {
            state.see_secret(&namespace.into(), &name, *secret)
        }
        Seen::OtherSecret { namespace, name, version } => {
            state.see_other_secret(&namespace.into(), &name, version)
        }
        Seen::Namespace { name, labels, .. } => {
            let labels = labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            state.see_namespace(&name.into(), labels)
        }
    }
}

fn lose(state: &mut State, what: Watched, vanished: &Vanished) -> Vec<Key> {
    let namespace: Arc<str> = (&*vanished.namespace).into();
    let name = &*vanished.name;
    let version = vanished.version;
    match what {
        Watched::Credentials => {
            state.forget(&Key::new(Kind::Credential, namespace, name), Some(&vanished.uid))
        }
        Watched::Requests => state.forget(&Key::new(Kind::Request, namespace, name), Some(&vanished.uid)),
        Watched::ManagedSecrets => {
            state.lose_secret(&namespace, name, Some(Deleted { uid: &vanished.uid, version }))
        }
        Watched::OtherSecrets => state.lose_other_secret(&namespace, name, version),
        Watched::Namespaces => state.lose_namespace(&name.into()),
    }
}

fn parts<Spec, Status: Default>(
    object: WatchedObject<Spec, Status>,
) -> (Meta, Result<Box<Spec>, SpecFault>, Status) {
    let meta = Meta {
        uid: (&*object.uid).into(),
        version: object.version,
        generation: object.generation,
        created: object.created,
        deleting: object.deleting,
        renew_request: object.renew_request,
    };
    (meta, object.spec.map(Box::new), object.status.unwrap_or_default())
}

//! What do the watches show? Streams that lag behind on their own, and lists.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::server::{Server, Stored, version};
use crate::api::names;
use crate::cluster::WatchedObject;
use crate::cluster::managed_secret::StoredSecret;
use crate::cluster::watch::{Change, Seen, Stream, Watched};
use crate::decision::{Key, Kind, ResourceVersion, SpecFault};

pub(in super::super) const STREAMS: [Watched; 5] = [
    Watched::Credentials,
    Watched::Requests,
    Watched::ManagedSecrets,
    Watched::OtherSecrets,
    Watched::Namespaces,
];

pub(in super::super) fn stream(what: Watched) -> Stream {
    Stream { what, namespace: None }
}

impl Server {
    /// Shows an object in its watch.
    pub(in super::super) fn show_object(&mut self, key: &Key) {
        let change = self.object_change(key);
        self.show(change);
    }

    pub(super) fn show(&mut self, change: Change) {
        let (Change::Seen { stream, .. } | Change::Gone { stream, .. }) = &change else {
            unreachable!("lists are made by `relist`")
        };
        self.feeds.entry(stream.what).or_default().push_back(change);
    }

    /// Forgets what a broken watch did not show, and lists everything.
    pub(in super::super) fn relist(&mut self, what: Watched) {
        let mut list = VecDeque::from([Change::Relisting(stream(what))]);
        for key in self.objects.keys().filter(|key| watched(key.kind) == what) {
            list.push_back(self.object_change(key));
        }
        for ((namespace, name), _) in self.secrets.iter().filter(|(_, it)| kind_of(it) == what) {
            list.push_back(self.secret_change(namespace, name));
        }
        for (name, labels) in self.namespaces.iter().filter(|_| what == Watched::Namespaces) {
            list.push_back(namespace_change(name, labels));
        }
        list.push_back(Change::Listed(stream(what)));
        self.feeds.insert(what, list);
    }

    /// Labels a namespace.
    pub(in super::super) fn label(&mut self, name: &str, labels: &[(&str, &str)]) {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        self.show(namespace_change(name, &labels));
        self.namespaces.insert(name.into(), labels);
    }

    fn object_change(&self, key: &Key) -> Change {
        let it = &self.objects[key];
        let seen = match key.kind {
            Kind::Credential => Seen::Credential(Box::new(slim(key, it))),
            Kind::Request => Seen::Request(Box::new(slim(key, it))),
        };
        let stream = stream(watched(key.kind));
        Change::Seen { stream, seen }
    }

    pub(super) fn secret_change(&self, namespace: &str, name: &str) -> Change {
        let secret = &self.secrets[&(namespace.into(), name.into())];
        let what = kind_of(secret);
        let (namespace, name): (Box<str>, Box<str>) = (namespace.into(), name.into());
        let seen = if what == Watched::ManagedSecrets {
            let stored = StoredSecret::parse(secret.to_string().as_bytes()).expect("a Secret");
            Seen::ManagedSecret { namespace, name, secret: Box::new(stored.seen()) }
        } else {
            Seen::OtherSecret { namespace, name, version: version(secret) }
        };
        Change::Seen { stream: stream(what), seen }
    }
}

fn namespace_change(name: &str, labels: &BTreeMap<String, String>) -> Change {
    let labels = labels.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into()));
    Change::Seen {
        stream: stream(Watched::Namespaces),
        seen: Seen::Namespace {
            name: name.into(),
            version: ResourceVersion::default(),
            labels: labels.collect(),
        },
    }
}

fn slim<Spec, Status>(key: &Key, it: &Stored) -> WatchedObject<Spec, Status>
where
    Spec: serde::de::DeserializeOwned,
    Status: serde::de::DeserializeOwned,
{
    WatchedObject {
        namespace: (&*key.namespace).into(),
        name: (&*key.name).into(),
        uid: it.uid.as_str().into(),
        version: ResourceVersion(it.version),
        generation: it.generation,
        deleting: false,
        created: it.created,
        renew_request: it.renew_request.as_deref().map(Into::into),
        spec: serde_json::from_value(it.spec.clone()).map_err(|_| SpecFault::Undecodable),
        status: serde_json::from_value(it.status.clone()).ok(),
    }
}

pub(super) fn watched(kind: Kind) -> Watched {
    match kind {
        Kind::Credential => Watched::Credentials,
        Kind::Request => Watched::Requests,
    }
}

pub(super) fn kind_of(secret: &Value) -> Watched {
    if secret["type"] == json!(names::SECRET_TYPE) { Watched::ManagedSecrets } else { Watched::OtherSecrets }
}

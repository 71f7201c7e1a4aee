//! What was there, and when? Watches all that operators watch, as administrator, and keeps every version: once for all tests that
//! share a control plane. Clients and tokens here are the emulator's.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::TryStreamExt as _;
use http::Request;
use jiff::Timestamp;
use kube::Client;
use kube::core::WatchEvent;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::operator::replay::Held;
use serde_json::Value;

use super::super::process::until;
use super::super::server::{Cluster, Kind, runtime};
use super::super::told::text;
use super::super::world::PATIENCE;

/// A server that is away is asked again after this.
const WHILE_AWAY: Duration = Duration::from_millis(50);

/// A version of an object, or its end.
#[derive(Clone, Debug)]
pub struct Kept {
    pub at: Timestamp,
    pub what: Held,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub version: u64,
    pub gone: bool,
    pub object: Value,
}

type Versions = Arc<Mutex<Vec<Kept>>>;

/// Records one cluster.
#[derive(Clone)]
pub struct Recorder(Versions);

impl Recorder {
    /// That of the shared one. Begins with the first test: what comes to be after this has returned is recorded.
    pub fn shared() -> Self {
        static SHARED: OnceLock<Recorder> = OnceLock::new();
        SHARED.get_or_init(|| Self::of(Cluster::shared())).clone()
    }

    /// One of another cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let all = Versions::default();
        for what in [Held::Credential, Held::Request, Held::Secret, Held::Namespace] {
            let there = cluster.read(path(what));
            let mut last = text(&there["metadata"]["resourceVersion"]).to_owned();
            for object in there["items"].as_array().cloned().unwrap_or_default() {
                keep(&all, what, object, false);
            }
            let (all, client) = (all.clone(), cluster.connected());
            runtime().spawn(async move { while follow(&all, &client, what, &mut last).await {} });
        }
        Self(all)
    }

    /// Every version of these namespaces' objects, and of all namespaces, once all that there is has been recorded.
    pub fn versions(&self, cluster: &Cluster, namespaces: &[String]) -> Vec<Kept> {
        let caught_up = until(PATIENCE, || self.has_caught_up(cluster, namespaces).then_some(()));
        assert!(caught_up.is_some(), "the recorder does not see what there is");
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |it: &&Kept| it.what == Held::Namespace || namespaces.contains(&it.namespace);
        all.iter().filter(ours).cloned().collect()
    }

    fn has_caught_up(&self, cluster: &Cluster, namespaces: &[String]) -> bool {
        let kinds = [
            (Held::Credential, Kind::Credential),
            (Held::Request, Kind::Request),
            (Held::Secret, Kind::Secret),
        ];
        namespaces.iter().all(|namespace| {
            kinds.iter().all(|(what, kind)| {
                let listed = cluster.list(*kind, namespace);
                let version = |it: &Value| (text(&it["metadata"]["name"]).to_owned(), version_of(it));
                let listed: BTreeMap<String, u64> = listed.iter().map(version).collect();
                let mut recorded = BTreeMap::new();
                let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                for it in all.iter().filter(|it| it.what == *what && it.namespace == *namespace) {
                    if it.gone {
                        recorded.remove(&it.name);
                    } else {
                        recorded.insert(it.name.clone(), it.version);
                    }
                }
                listed == recorded
            })
        })
    }
}

/// Records until the server ends the watch, or is away. Returns whether it can be resumed.
async fn follow(all: &Versions, client: &Client, what: Held, last: &mut String) -> bool {
    let uri = format!("{}?watch=true&allowWatchBookmarks=true&resourceVersion={last}", path(what));
    let watch = Request::get(uri).body(Vec::new()).expect("a request");
    let Ok(events) = client.request_events::<Value>(watch).await else {
        tokio::time::sleep(WHILE_AWAY).await;
        return true;
    };
    let mut events = pin!(events);
    while let Ok(Some(event)) = events.try_next().await {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                *last = keep(all, what, object, false);
            }
            WatchEvent::Deleted(object) => *last = keep(all, what, object, true),
            WatchEvent::Bookmark(bookmark) => last.clone_from(&bookmark.metadata.resource_version),
            // Whoever waits for it will say so.
            WatchEvent::Error(_) => return false,
        }
    }
    true
}

fn keep(all: &Versions, what: Held, object: Value, gone: bool) -> String {
    let metadata = &object["metadata"];
    let version = Kept {
        at: clock::now(),
        what,
        namespace: text(&metadata["namespace"]).to_owned(),
        name: text(&metadata["name"]).to_owned(),
        uid: text(&metadata["uid"]).to_owned(),
        version: version_of(&object),
        gone,
        object,
    };
    let resume = version.version.to_string();
    all.lock().unwrap_or_else(PoisonError::into_inner).push(version);
    resume
}

fn version_of(object: &Value) -> u64 {
    text(&object["metadata"]["resourceVersion"]).parse().unwrap_or_default()
}

fn path(what: Held) -> &'static str {
    match what {
        Held::Credential => "/apis/auth.rocketlawyer.com/v1alpha1/rocketlawyercredentials",
        Held::Request => "/apis/auth.rocketlawyer.com/v1alpha1/scopedtokenrequests",
        Held::Secret => "/api/v1/secrets",
        Held::Namespace => "/api/v1/namespaces",
    }
}

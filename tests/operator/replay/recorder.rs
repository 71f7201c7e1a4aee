//! What was there, and when? Watches all that operators watch, as administrator, and keeps every version: once for all tests that
//! share a control plane. What a server that came back shows no watch is read from its store. Clients and tokens here are the
//! emulator's.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::TryStreamExt as _;
use http::Request;
use jiff::Timestamp;
use kube::Client;
use kube::core::WatchEvent;
use rocketlawyer_operator::clock;
use rocketlawyer_operator::operator::replay::Held;
use serde_json::{Value, json};

use super::super::process::until;
use super::super::server::{Cluster, Kind, runtime};
use super::super::told::text;
use super::super::world::PATIENCE;

/// A server that is away is asked again after this.
const WHILE_AWAY: Duration = Duration::from_millis(50);

/// The status of what a store has forgotten.
const GONE: u16 = 410;
/// No name has as many bytes.
const NO_NAME: usize = 1000;

/// What is made to see how far a recorder is. No namespace: they change early in a test.
const MARKED: [Kind; 3] = [Kind::Credential, Kind::Request, Kind::Secret];

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

/// What was there, and what of it cannot be had, in words.
#[derive(Default)]
struct Recorded {
    versions: Vec<Kept>,
    lost: Vec<String>,
}

impl Recorded {
    /// What is there in the end, by namespace and name.
    fn there(&self, what: Held) -> BTreeMap<(&str, &str), &Kept> {
        let mut there = BTreeMap::new();
        for it in self.versions.iter().filter(|it| it.what == what) {
            let name = (it.namespace.as_str(), it.name.as_str());
            if it.gone {
                there.remove(&name);
            } else {
                there.insert(name, it);
            }
        }
        there
    }
}

/// Records one cluster.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Recorded>>);

impl Recorder {
    /// That of the shared one. Begins with the first test: what comes to be after this has returned is recorded.
    pub fn shared() -> Self {
        static SHARED: OnceLock<Recorder> = OnceLock::new();
        SHARED.get_or_init(|| Self::of(Cluster::shared())).clone()
    }

    /// One of another cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let recorder = Self::default();
        for what in [Held::Credential, Held::Request, Held::Secret, Held::Namespace] {
            let there = cluster.read(path(what));
            let mut last = text(&there["metadata"]["resourceVersion"]).to_owned();
            for object in there["items"].as_array().cloned().unwrap_or_default() {
                recorder.keep(what, object, false);
            }
            let (recorder, client) = (recorder.clone(), cluster.connected());
            runtime().spawn(async move { while recorder.follow(&client, what, &mut last).await {} });
        }
        recorder
    }

    /// What there was of this kind after a revision, by one that saw nothing.
    pub fn from_store(cluster: &Cluster, what: Held, revision: u64) -> Vec<Kept> {
        let (recorder, mut last) = (Self::default(), revision.to_string());
        let client = cluster.connected();
        let read = recorder.read_until_now(&client, what, &mut last);
        runtime().block_on(read).expect("a history");
        mem::take(&mut recorder.recorded().versions)
    }

    /// Every version of these namespaces' objects, and of all namespaces, once all that there was has been recorded.
    pub fn versions(&self, cluster: &Cluster, namespaces: &[String]) -> Vec<Kept> {
        let marks = MARKED.map(|kind| mark(cluster, kind));
        let has = |mark: &String| self.recorded().versions.iter().any(|it| it.uid == *mark);
        let has_lost = || !self.recorded().lost.is_empty();
        let done = until(PATIENCE, || (has_lost() || marks.iter().all(has)).then_some(()));
        let recorded = self.recorded();
        assert_eq!(recorded.lost, [""; 0]);
        assert!(done.is_some(), "the recorder does not see what there is");
        let ours = |it: &&Kept| it.what == Held::Namespace || namespaces.contains(&it.namespace);
        recorded.versions.iter().filter(ours).cloned().collect()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records until the server ends the watch, or is away. Returns whether it can be resumed.
    async fn follow(&self, client: &Client, what: Held, last: &mut String) -> bool {
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
                    *last = self.keep(what, object, false);
                }
                WatchEvent::Deleted(object) => *last = self.keep(what, object, true),
                WatchEvent::Bookmark(bookmark) => last.clone_from(&bookmark.metadata.resource_version),
                WatchEvent::Error(_) => return self.read_history(client, what, last).await,
            }
        }
        true
    }

    /// A server that has come back shows no watch what was before. Its store has that until it is compacted: what there was at
    /// each revision since the last one recorded. Returns whether the watch can be resumed then.
    async fn read_history(&self, client: &Client, what: Held, last: &mut String) -> bool {
        match self.read_until_now(client, what, last).await {
            Err(kube::Error::Api(status)) if status.code == GONE => {
                let why = format!("what there was of {what:?} after {last} is lost: {}", status.message);
                self.recorded().lost.push(why);
                false
            }
            // Away again, or not ready yet.
            Err(_) => {
                tokio::time::sleep(WHILE_AWAY).await;
                true
            }
            Ok(()) => true,
        }
    }

    async fn read_until_now(&self, client: &Client, what: Held, last: &mut String) -> kube::Result<()> {
        let read = async |query: &str| {
            let uri = format!("{}?{query}", path(what));
            client.request::<Value>(Request::get(uri).body(Vec::new()).expect("a request")).await
        };
        let now = version_of(&read("limit=1").await?);
        let from: u64 = last.parse().expect("a revision");
        for revision in from + 1..=now {
            let then = read(&format!("resourceVersion={revision}&resourceVersionMatch=Exact")).await?;
            let items = then["items"].as_array().map_or(&[][..], Vec::as_slice);
            for mut object in self.missing_in(what, items) {
                // As a watch shows it.
                object["metadata"]["resourceVersion"] = revision.to_string().into();
                self.keep(what, object, true);
            }
            for object in items.iter().filter(|it| version_of(it) == revision) {
                self.keep(what, object.clone(), false);
            }
            *last = revision.to_string();
        }
        Ok(())
    }

    /// What was there last, and is not in this list.
    fn missing_in(&self, what: Held, list: &[Value]) -> Vec<Value> {
        let listed: BTreeSet<_> = list.iter().map(name_of).collect();
        let recorded = self.recorded();
        let missing = recorded.there(what).into_values().filter(|it| !listed.contains(&name_of(&it.object)));
        missing.map(|it| it.object.clone()).collect()
    }

    /// Returns where a watch goes on after it.
    fn keep(&self, what: Held, mut object: Value, gone: bool) -> String {
        cut_names_of_owners(&mut object);
        let (namespace, name) = name_of(&object);
        let version = Kept {
            at: clock::now(),
            what,
            namespace,
            name,
            uid: text(&object["metadata"]["uid"]).to_owned(),
            version: version_of(&object),
            gone,
            object,
        };
        let resume = version.version.to_string();
        self.recorded().versions.push(version);
        resume
    }
}

/// Makes something of this kind, in a namespace of no test: who has seen it has seen all of its kind that was before, and what came
/// and went, too. Returns its uid.
fn mark(cluster: &Cluster, kind: Kind) -> String {
    let spec = match kind {
        Kind::Credential => json!({"environment": "Sandbox", "clientSecretRef": {"name": "client"}}),
        Kind::Request => json!({"credentialRef": {"name": "partner"}, "interviewId": "interview"}),
        _ => Value::Null,
    };
    let mut mark = json!({"metadata": {"generateName": "mark-"}});
    if !spec.is_null() {
        mark["spec"] = spec;
    }
    let made = cluster.create(kind, "default", mark).unwrap_or_else(|status| panic!("{}", status.message));
    text(&made["metadata"]["uid"]).to_owned()
}

/// One that is too long for a name is nobody's, and so is what is left of it: megabytes less to keep and to read again.
fn cut_names_of_owners(object: &mut Value) {
    let owners = object["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten();
    for name in owners.filter_map(|it| it.get_mut("name")) {
        if let Value::String(name) = name {
            name.truncate(name.floor_char_boundary(NO_NAME));
        }
    }
}

/// Namespace and name.
fn name_of(object: &Value) -> (String, String) {
    let metadata = &object["metadata"];
    (text(&metadata["namespace"]).to_owned(), text(&metadata["name"]).to_owned())
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

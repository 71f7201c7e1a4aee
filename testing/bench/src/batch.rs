//! What is worked on? A namespace with one credential and many requests; how it is made, watched and removed.

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::PostParams;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use rocketlawyer_operator::api::{RequestStatus, RocketLawyerCredential, ScopedTokenRequest, condition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::Result;
use crate::site::{CLIENT_ID, CLIENT_SECRET, Site};

/// Set-up is not measured; it only should not take long.
const AT_ONCE: usize = 16;
/// Nothing that is measured here takes so long unless it is stuck.
const PATIENCE: Duration = Duration::from_mins(10);

/// A namespace full of requests that nobody has looked at.
pub(crate) struct Batch {
    pub(crate) namespace: String,
    pub(crate) requests: Vec<Waiting>,
}

/// A request as it was created.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) version: String,
    pub(crate) interview: String,
}

/// A watch that counts.
pub(crate) struct Count {
    all_ready: oneshot::Receiver<Result<Instant>>,
}

impl Batch {
    pub(crate) async fn create(site: &Site, namespace: &str, requests: u32) -> Result<Self> {
        let client = site.administrator().await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        create(&namespaces, json!({"metadata": {"name": namespace}})).await?;
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let login = json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
        create(&secrets, json!({"metadata": {"name": "partner-client"}, "stringData": login})).await?;
        let credentials: Api<RocketLawyerCredential> = Api::namespaced(client.clone(), namespace);
        let credential = json!({
            "metadata": {"name": "partner"},
            "spec": {
                "environment": "Custom",
                "endpoint": {"url": site.base_url},
                "clientSecretRef": {"name": "partner-client"},
            },
        });
        create(&credentials, credential).await?;
        let api: Api<ScopedTokenRequest> = Api::namespaced(client, namespace);
        let requests = stream::iter(0..requests)
            .map(|number| wait_for_token(&api, number))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self { namespace: namespace.to_owned(), requests })
    }

    /// Starts to count; returns once the watch runs.
    pub(crate) async fn count(&self, site: &Site) -> Result<Count> {
        let api: Api<ScopedTokenRequest> = Api::namespaced(site.administrator().await?, &self.namespace);
        let (begun, watching) = oneshot::channel();
        let (done, all_ready) = oneshot::channel();
        let wanted = self.requests.len();
        tokio::spawn(async move {
            let _ = done.send(count_ready(api, wanted, begun).await);
        });
        watching.await?;
        Ok(Count { all_ready })
    }

    /// Every field of one managed Secret and of the status beside it, without their values.
    pub(crate) async fn shape(&self, site: &Site) -> Result<BTreeSet<String>> {
        let client = site.administrator().await?;
        let Some(request) = self.requests.first() else {
            return Ok(BTreeSet::new());
        };
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
        let secret = secrets.get(&format!("{}-token", request.name)).await?;
        let requests: Api<ScopedTokenRequest> = Api::namespaced(client, &self.namespace);
        let status = requests.get(&request.name).await?.status;
        let mut fields = BTreeSet::new();
        collect(&serde_json::to_value(secret)?, "secret", &mut fields);
        collect(&serde_json::to_value(status)?, "status", &mut fields);
        fields.retain(|field| !field.contains("managedFields"));
        Ok(fields)
    }

    /// Removes the namespace and waits until nothing of it is left.
    pub(crate) fn delete(&self, site: &Site) -> Result<()> {
        site.control_plane.kubectl(&["delete", "namespace", &self.namespace, "--timeout=300s"])?;
        Ok(())
    }
}

impl Count {
    /// The moment at which the watch had seen every request Ready.
    pub(crate) async fn all_ready(self) -> Result<Instant> {
        tokio::time::timeout(PATIENCE, self.all_ready).await??
    }
}

async fn wait_for_token(api: &Api<ScopedTokenRequest>, number: u32) -> Result<Waiting> {
    let interview = format!("42313c4d-11bb-414a-81a4-{number:012x}");
    let request = json!({
        "metadata": {"name": format!("interview-{number}")},
        "spec": {"credentialRef": {"name": "partner"}, "interviewId": interview},
    });
    let created = create(api, request).await?;
    Ok(Waiting {
        name: created.name_any(),
        uid: created.uid().unwrap_or_default(),
        version: created.resource_version().unwrap_or_default(),
        interview,
    })
}

async fn create<K>(api: &Api<K>, manifest: Value) -> Result<K>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let object: K = serde_json::from_value(manifest)?;
    Ok(api.create(&PostParams::default(), &object).await?)
}

async fn count_ready(
    api: Api<ScopedTokenRequest>,
    wanted: usize,
    begun: oneshot::Sender<()>,
) -> Result<Instant> {
    let mut begun = Some(begun);
    let mut ready = HashSet::new();
    let mut events = pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.try_next().await? {
        match event {
            Event::InitDone => {
                if let Some(begun) = begun.take() {
                    let _ = begun.send(());
                }
            }
            Event::Apply(request) | Event::InitApply(request) => {
                if request.status.as_ref().is_some_and(is_ready)
                    && ready.insert(request.name_any())
                    && ready.len() == wanted
                {
                    return Ok(Instant::now());
                }
            }
            Event::Init | Event::Delete(_) => {}
        }
    }
    Err("the watch that counts has ended".into())
}

fn is_ready(status: &RequestStatus) -> bool {
    let ready = |it: &rocketlawyer_operator::api::Condition| {
        it.type_ == condition::READY && it.status == condition::TRUE
    };
    status.conditions.iter().any(ready)
}

fn collect(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, &format!("{path}.{key}"), fields);
            }
        }
        Value::Array(list) => {
            for value in list {
                collect(value, &format!("{path}[]"), fields);
            }
        }
        _ => {
            fields.insert(path.to_owned());
        }
    }
}

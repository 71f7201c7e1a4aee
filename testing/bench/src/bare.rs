//! How fast can the same calls be made at all? A client that knows nothing: no watch, no queue, no decision, no memory.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use rocketlawyer_operator::api::{condition, names};
use rocketlawyer_operator::clock;
use rocketlawyer_operator::cluster::Clients;
use rocketlawyer_operator::cluster::events::{Event, Events, Severity};
use rocketlawyer_operator::decision::{Key, Kind};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::Result;
use crate::batch::{Batch, Waiting};
use crate::measured::{Run, Start};
use crate::site::{CLIENT_ID, CLIENT_SECRET, Site, client, config};

/// As the operator asks: what was written does not travel back.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

struct Bare {
    client: kube::Client,
    http: reqwest::Client,
    base_url: String,
    access_token: String,
    namespace: String,
    exchanges: Semaphore,
    events: Events,
    announcing: JoinHandle<()>,
}

/// Makes the calls for a batch.
pub(crate) async fn run(site: &Site, batch: &Batch, concurrency: usize, exchanges: usize) -> Result<Run> {
    let count = batch.count(site).await?;
    let start = Start::now(site, Some(std::process::id())).await?;
    let bare = Arc::new(Bare::start(site, batch, exchanges).await?);
    let calls = stream::iter(batch.requests.clone())
        .map(|request| {
            let bare = bare.clone();
            // A task each, so that both cores have something to do.
            async move { tokio::spawn(async move { bare.issue(&request).await }).await? }
        })
        .buffer_unordered(concurrency)
        .try_for_each(|()| std::future::ready(Ok(())));
    calls.await?;
    let end = count.all_ready().await?;
    let shape = batch.shape(site).await?;
    start.run(site, end, shape).await
}

impl Bare {
    async fn start(site: &Site, batch: &Batch, exchanges: usize) -> Result<Self> {
        let clients = Clients::for_config(config(&site.account).await?)?;
        // The same queue and rate as the operator's: most of the events of a batch never go out.
        let (events, announcing) = Events::start(clients.api, "bench");
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build()?;
        let mut bare = Self {
            client: client(&site.account).await?,
            http,
            base_url: site.base_url.clone(),
            access_token: String::new(),
            namespace: batch.namespace.clone(),
            exchanges: Semaphore::new(exchanges),
            events,
            announcing,
        };
        let login = json!({
            "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        });
        bare.access_token = text(&bare.ask("accesstoken", false, &login).await?, "access_token")?;
        Ok(bare)
    }

    async fn issue(&self, request: &Waiting) -> Result<()> {
        let issued_at = clock::now();
        let token = {
            let _permit = self.exchanges.acquire().await?;
            let wish = json!({
                "purpose": names::ROCKETDOC,
                "expirationTime": issued_at.as_second() + 86_400,
                "interviewId": request.interview,
            });
            let code = text(&self.ask("servicetoken", true, &wish).await?, "token")?;
            let exchange = json!({
                "grant_type": "authorization_code",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "code": code,
            });
            text(&self.ask("accesstoken", false, &exchange).await?, "access_token")?
        };
        let expires_at = issued_at + SignedDuration::from_hours(10);
        let secret = secret(&self.namespace, request, &token, issued_at, expires_at);
        let secrets = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        self.write(Method::POST, &secrets, "application/json", &secret).await?;
        self.announce(request, expires_at);
        let status = status(request, issued_at, expires_at);
        let path = format!(
            "/apis/{}/{}/namespaces/{}/{}/{}/status",
            names::GROUP,
            names::VERSION,
            self.namespace,
            names::REQUEST_PLURAL,
            request.name
        );
        self.write(Method::PATCH, &path, "application/merge-patch+json", &status).await
    }

    async fn ask(&self, path: &str, with_token: bool, body: &Value) -> Result<Value> {
        let mut request = self.http.post(format!("{}/{path}", self.base_url)).json(body);
        if with_token {
            request = request.bearer_auth(&self.access_token);
        }
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn write(&self, method: Method, path: &str, content_type: &str, body: &Value) -> Result<()> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?fieldManager={}", names::OPERATOR))
            .header(header::ACCEPT, METADATA)
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(serde_json::to_vec(body)?))?;
        let response = self.client.send(request).await?;
        let status = response.status();
        let answer = response.into_body().collect_bytes().await?;
        if status.is_success() {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&answer);
        Err(format!("{path} answered {status}: {answer}").into())
    }

    fn announce(&self, request: &Waiting, expires_at: Timestamp) {
        self.events.post(Event {
            regarding: Key::new(Kind::Request, self.namespace.as_str(), request.name.as_str()),
            uid: request.uid.as_str().into(),
            severity: Severity::Normal,
            reason: "Issued",
            action: "Reconcile",
            note: format!("Issued a token that is valid until {expires_at}.").into(),
        });
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // What is still in line would be posted during the next run.
        self.announcing.abort();
    }
}

fn secret(
    namespace: &str,
    request: &Waiting,
    token: &str,
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> Value {
    let hash = "0123456789abcdef0123456789abcdef";
    let encoded = |text: &str| BASE64_STANDARD.encode(text);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": names::SECRET_TYPE,
        "metadata": {
            "name": format!("{}{}", request.name, names::REQUEST_SECRET_SUFFIX),
            "namespace": namespace,
            "labels": {names::MANAGED_BY_LABEL: names::OPERATOR},
            "annotations": {
                names::ISSUED_AT: issued_at.to_string(),
                names::EXPIRES_AT: expires_at.to_string(),
                names::INPUTS_HASH: format!("v1:{hash}.{hash}"),
                names::CONTENT_HASH: format!("{hash}{hash}"),
            },
            "ownerReferences": [{
                "apiVersion": format!("{}/{}", names::GROUP, names::VERSION),
                "kind": names::REQUEST_KIND,
                "name": request.name,
                "uid": request.uid,
                "controller": true,
            }],
        },
        "data": {
            names::ACCESS_TOKEN: encoded(token),
            names::TOKEN_TYPE: encoded(names::BEARER),
            names::AUTHORIZATION: encoded(&format!("{} {token}", names::BEARER)),
            names::EXPIRES_AT_KEY: encoded(&seconds(expires_at)),
        },
    })
}

fn status(request: &Waiting, issued_at: Timestamp, expires_at: Timestamp) -> Value {
    json!({
        "metadata": {"resourceVersion": request.version},
        "status": {
            "observedGeneration": 1,
            "conditions": [{
                "type": condition::READY,
                "status": condition::TRUE,
                "observedGeneration": 1,
                "reason": "Issued",
                "message": format!("A token is in the Secret {}{}.", request.name, names::REQUEST_SECRET_SUFFIX),
                "lastTransitionTime": seconds(issued_at),
            }],
            "token": {
                "secretName": format!("{}{}", request.name, names::REQUEST_SECRET_SUFFIX),
                "issuedAt": seconds(issued_at),
                "expiresAt": seconds(expires_at),
                "renewAt": seconds(expires_at - SignedDuration::from_hours(1)),
            },
        },
    })
}

fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}

fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer[field].as_str().map(str::to_owned);
    text.ok_or_else(|| format!("an answer of the authentication service has no {field}").into())
}

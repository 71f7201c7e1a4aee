//! How does a row meet the API server? Requests as kubectl sends them, in a namespace of the test's own.

use http::Request;
use kube::Client;
use kube::core::Status;
use serde_json::{Value, json};

use super::cluster;

/// A namespace of a test's own; it goes when the control plane does.
pub(crate) struct Namespace {
    client: Client,
    name: String,
}

/// Whether a request is meant.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// It is.
    ForReal,
    /// The server judges it and writes nothing.
    DryRun,
}

impl Namespace {
    /// One more, whose name begins like this: a server that was there before may have others.
    pub(crate) async fn new(prefix: &str) -> Self {
        let client = cluster::client().await;
        let mut namespace = Self { client, name: String::new() };
        let metadata = json!({ "generateName": format!("{prefix}-") });
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
        let there = namespace
            .send("POST", "/api/v1/namespaces".to_owned(), "application/json", &body)
            .await
            .expect("a namespace of its own");
        let name = there["metadata"]["name"].as_str();
        namespace.name.push_str(name.expect("a name"));
        namespace
    }

    pub(crate) async fn create(&self, plural: &str, manifest: &Value, mode: Mode) -> Result<Value, Status> {
        let path = format!("{}{}", self.path(plural), mode.query());
        self.send("POST", path, "application/json", manifest).await
    }

    pub(crate) async fn patch(
        &self,
        plural: &str,
        name: &str,
        change: &Value,
        mode: Mode,
    ) -> Result<Value, Status> {
        let path = format!("{}/{name}{}", self.path(plural), mode.query());
        self.send("PATCH", path, "application/merge-patch+json", change).await
    }

    pub(crate) async fn get(&self, plural: &str, query: &str, accept: &str) -> Value {
        let request = Request::get(format!("{}{query}", self.path(plural)))
            .header("Accept", accept)
            .body(Vec::new())
            .expect("a request");
        self.client.request(request).await.expect("an answer")
    }

    fn path(&self, plural: &str) -> String {
        format!("/apis/auth.rocketlawyer.com/v1alpha1/namespaces/{}/{plural}", self.name)
    }

    async fn send(&self, method: &str, path: String, content: &str, body: &Value) -> Result<Value, Status> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content)
            .body(serde_json::to_vec(body).expect("JSON"))
            .expect("a request");
        match self.client.request(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => Err(*status),
            Err(other) => panic!("no answer of an API server: {other}"),
        }
    }
}

impl Mode {
    fn query(self) -> &'static str {
        match self {
            Self::ForReal => "",
            Self::DryRun => "?dryRun=All",
        }
    }
}

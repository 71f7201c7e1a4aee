//! What brings secrets uses no connection twice; what brings none does: against a server that says no to everything.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use http::{HeaderMap, StatusCode, Uri, header};
use kube::Config;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use super::Clients;
use crate::cluster::Scope;
use crate::cluster::watch::{self, Watched};

/// A request: where to, whether whole objects are to come back, and whether the connection ends with the answer.
type Asked = (String, bool, bool);

async fn server() -> (Clients, mpsc::Receiver<Asked>) {
    let (out, asked) = mpsc::channel(64);
    let note = move |uri: Uri, headers: HeaderMap| async move {
        let says = |name, what: &str| headers.get(name).is_some_and(|it| it.to_str().unwrap().contains(what));
        let whole = !says(header::ACCEPT, "PartialObjectMetadata");
        let _ = out.send((uri.path().to_owned(), whole, says(header::CONNECTION, "close"))).await;
        StatusCode::FORBIDDEN
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(note)).await });
    (Clients::for_config(Config::new(url)).unwrap(), asked)
}

#[tokio::test]
async fn what_brings_secrets_uses_no_connection_twice() {
    let (clients, mut asked) = server().await;
    let subjects = [Watched::ManagedSecrets, Watched::OtherSecrets];
    let (_watches, _changes) = watch::start(&clients, watch::streams(&Scope::AllNamespaces, &subjects));
    assert!(clients.api.stored_secret("team", "token").await.is_err());
    assert!(clients.api.look("team", "token").await.is_err());
    let (one, all) = ("/api/v1/namespaces/team/secrets", "/api/v1/secrets");
    let mut missing = BTreeSet::from([
        (format!("{one}/token"), true),
        (one.to_owned(), false),
        (all.to_owned(), true),
        (all.to_owned(), false),
    ]);
    while !missing.is_empty() {
        let next = timeout(Duration::from_secs(20), asked.recv()).await;
        let (path, whole, closes) = next.unwrap_or_else(|_| panic!("never asked for {missing:?}")).unwrap();
        assert_eq!(closes, whole, "{path}");
        missing.remove(&(path, whole));
    }
}

//! Where does a client secret go? A corpus of endpoints against an operator that was started with one origin.

use std::net::{Ipv4Addr, Ipv6Addr};

use rocketlawyer_operator::emulator::{AppScope, BodyKind, FaultPlan};
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{self, Kind};
use super::told;
use super::trap::Trap;
use super::world::World;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    endpoints: Vec<Row>,
    redirects: Vec<Redirect>,
}

/// An endpoint, and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    url: String,
    told: String,
}

/// An answer of the allowed origin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redirect {
    status: u16,
    to: String,
}

/// Everything that is not the allowed origin.
struct Elsewhere {
    trap: Trap,
    /// The allowed port, at other addresses; and the trap's own, at all.
    ports: (u16, u16),
}

const FEWEST: usize = 40;

#[test]
fn a_client_secret_goes_to_the_allowed_origin_alone() {
    let corpus: Corpus = serde_saphyr::from_str(include_str!("endpoints.yaml")).expect("a corpus");
    assert!(corpus.endpoints.len() >= FEWEST);
    let mut world = World::new("endpoints", &super::world::Wishes::default());
    world.login("client", AppScope::Backend);
    let elsewhere = Elsewhere::around(&world);
    // Whatever is sent to another host than 127.0.0.1, whatever its name resolves to, is sent to the trap.
    let proxy = elsewhere.trap.listen((Ipv4Addr::LOCALHOST, 0)).expect("a proxy");
    world.operator.environment = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]
        .map(|name| (name, format!("http://{proxy}")))
        .into_iter()
        .chain([("NO_PROXY", "127.0.0.1".to_owned())])
        .collect();
    let redirected: Vec<_> = corpus
        .redirects
        .iter()
        .zip(1..)
        .map(|(row, number)| redirect(&world, &elsewhere, row, number))
        .collect();
    let applied: Vec<_> =
        corpus.endpoints.iter().zip(1..).filter_map(|(row, n)| apply(&world, &elsewhere, row, n)).collect();
    world.operator.start();
    expect(&world, &elsewhere, &applied, &redirected);

    // Once more without the proxy, straight to wherever it wants to go.
    assert!(world.operator.stop().success());
    world.operator.environment.clear();
    world.operator.start();
    touch(&world, &applied);
    expect(&world, &elsewhere, &applied, &redirected);
    move_a_live_one(&world, &elsewhere);
    assert!(world.operator.stop().success());
    assert!(elsewhere.is_silent());
    let known = |id: &String| id == "client-key" || id.starts_with("redirect-");
    for entry in world.emulator.log() {
        assert!(entry.client_id.as_ref().is_none_or(known), "{entry:?}");
    }
}

/// Creates the row's credential. `None` where it is to be refused, and is.
fn apply(world: &World, elsewhere: &Elsewhere, row: &Row, number: usize) -> Option<(String, String)> {
    let (name, url) = (format!("endpoint-{number}"), elsewhere.fill_in(&row.url));
    let spec =
        json!({"environment": "Custom", "endpoint": {"url": url}, "clientSecretRef": {"name": "client"}});
    let manifest = json!({"metadata": {"name": name}, "spec": spec});
    match server::create(Kind::Credential, &world.namespace, manifest) {
        Ok(_) => {
            assert_ne!(row.told, "refused", "{url:?} was taken");
            Some((name, format!("{}/{}", if row.told == "Issued" { "True" } else { "False" }, row.told)))
        }
        Err(status) => {
            assert_eq!((row.told.as_str(), status.code), ("refused", 422), "{url:?}: {}", status.message);
            None
        }
    }
}

/// Creates a credential of an app of its own, which the allowed origin sends elsewhere.
fn redirect(world: &World, elsewhere: &Elsewhere, row: &Redirect, number: usize) -> String {
    let name = format!("redirect-{number}");
    let app = world.login(&name, AppScope::Backend);
    world.emulator.add_fault(FaultPlan {
        client_id: Some(app.client_id),
        status: Some(row.status),
        body: Some(BodyKind::Empty),
        headers: [("location".to_owned(), elsewhere.fill_in(&row.to))].into(),
        ..FaultPlan::default()
    });
    world.credential(&name, json!({"clientSecretRef": {"name": name}}));
    name
}

/// Has the operator look at each once more, and say so.
fn touch(world: &World, applied: &[(String, String)]) {
    for (name, _) in applied {
        world.edit(Kind::Credential, name, json!({"spec": {"suspend": true}}));
    }
    for (name, _) in applied {
        world.edit(Kind::Credential, name, json!({"spec": {"suspend": false}}));
    }
}

fn expect(world: &World, elsewhere: &Elsewhere, applied: &[(String, String)], redirected: &[String]) {
    for (name, told) in applied {
        let credential =
            world.wait_for(Kind::Credential, name, |it| elsewhere.is_silent() && told::is(it, told));
        let secret = world.get(Kind::Secret, &format!("{name}-access-token"));
        assert_eq!(!secret.is_null(), told == "True/Issued", "{credential:#}");
    }
    for name in redirected {
        let credential = world.wait_for(Kind::Credential, name, |it| {
            elsewhere.is_silent() && told::is(it, "False/UnexpectedResponse")
        });
        assert_eq!(credential["status"]["failure"]["errorCode"], "response.redirect");
        let log = world.emulator.log();
        assert!(log.iter().any(|entry| entry.client_id.as_deref() == Some(&format!("{name}-key"))));
    }
    world.settle();
    assert!(elsewhere.is_silent());
}

/// A credential that is in service, and one that only exchanges, are sent to the trap by an edit.
fn move_a_live_one(world: &World, elsewhere: &Elsewhere) {
    let to = |url: &str| json!({"endpoint": {"url": elsewhere.fill_in(url)}});
    world.login("frontend", AppScope::Frontend);
    world.credential("partner", json!({}));
    world.wait_ready(Kind::Credential, "partner");
    let mut exchange = to("http://127.0.0.1:{trap}/partners/v1/auth");
    exchange["appType"] = json!("Frontend");
    exchange["clientSecretRef"] = json!({"name": "frontend"});
    world.credential("trapped", exchange);
    world.request("exchanged", json!({"exchangeCredentialRef": {"name": "trapped"}}));
    let reason = |it: &Value| told::condition(it, "Ready");
    world.wait_told(Kind::Credential, "trapped", "False/EndpointNotAllowed");
    world.wait_for(Kind::Request, "exchanged", |it| {
        ["False/InvalidSpec", "False/CredentialNotReady"].contains(&&*reason(it))
    });
    world.edit(Kind::Credential, "partner", json!({"spec": to("http://localhost:{trap}/partners/v1/auth")}));
    world.wait_told(Kind::Credential, "partner", "False/EndpointNotAllowed");
    world.ask_for_renewal(Kind::Credential, "partner", "at the trap");
    world.request("late", json!({}));
    world.wait_told(Kind::Request, "late", "False/CredentialNotReady");
    world.settle();
}

impl Elsewhere {
    fn around(world: &World) -> Self {
        let trap = Trap::default();
        let allowed = world.emulator.address().port();
        let own = trap.listen((Ipv4Addr::UNSPECIFIED, 0)).expect("a trap").port();
        trap.listen((Ipv4Addr::new(127, 0, 0, 2), allowed)).expect("a trap");
        trap.listen((Ipv6Addr::LOCALHOST, allowed));
        trap.listen((Ipv6Addr::LOCALHOST, own));
        Self { trap, ports: (allowed, own) }
    }

    /// True, or says what was heard.
    fn is_silent(&self) -> bool {
        let heard = self.trap.heard();
        assert!(heard.is_empty(), "the operator sent elsewhere: {heard:#?}");
        true
    }

    fn fill_in(&self, url: &str) -> String {
        let (allowed, own) = self.ports;
        url.replace("{port}", &allowed.to_string()).replace("{trap}", &own.to_string())
    }
}

#[test]
fn a_trap_hears_who_comes() {
    let trap = Trap::default();
    let address = trap.listen((Ipv4Addr::LOCALHOST, 0)).expect("a trap");
    let url = format!("http://{address}/hello");
    server::runtime().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let call = client.get(url).timeout(std::time::Duration::from_secs(30)).send();
        let heard = async {
            while !trap.heard().iter().any(|it| it.contains("GET /hello")) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = call => panic!("a trap answers nothing: {answer:?}"),
            () = heard => {}
        }
    });
}

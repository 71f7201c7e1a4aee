//! Promise: a secret is in the process's memory at most twice, and a minute after it was replaced not at all. Reads that memory.

use std::collections::BTreeMap;
use std::time::Duration;

use rocketlawyer_operator::emulator::{App, AppScope, Call, FaultPlan};
use serde_json::{Value, json};

use super::memory_search::{Found, Memory};
use super::process::until_seen;
use super::server::Kind;
use super::sources::{Certificate, Source, Standing};
use super::told::{self, annotation, data};
use super::world::{Wishes, World};

/// Behaviour §5.3.
const COPIES: usize = 2;
/// How long what was replaced may linger, and a buffer may hold what went through it.
const LINGERS: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// So many in a row find no more copies than there may be.
const LOOKS: u32 = 4;
/// Of a token the end of its signature counts: nothing else of it is its own.
const TAIL: usize = 32;

const FIRST_SECRET: &str = "q7Vx1-first-client-secret-Lw93ZkTnB5yHcEoGs";
const SECOND_SECRET: &str = "m2Jr8-second-client-secret-Xd40PuQaWiFbNvKt";
const BUSY_SECRET: &str = "h5Cz6-busy-client-secret-Ro81MeYgSlUjDpIq";

#[test]
fn secrets_are_in_memory_rarely_and_soon_gone_while_others_are_renewed() {
    rare_and_soon_gone("memory-busy", Source::Http2, true);
}

/// What is not overwritten by what comes next.
#[test]
fn secrets_are_in_memory_rarely_and_soon_gone_when_nothing_else_happens() {
    rare_and_soon_gone("memory-idle", Source::Tls(Certificate::Good), false);
}

fn rare_and_soon_gone(name: &str, source: Source, busy: bool) {
    let (world, client) = behind_tls(name, source);
    let memory = Memory::of(world.operator.pid());
    let mut replaced = Secrets::default();
    let live = issue_and_replace(&world, &client, &mut replaced, busy);
    let of_exchanges = service_tokens_begin(&live.0["embedded-token"]);
    let mut lingering = String::new();
    let gone = until_seen(LINGERS, LOOK_AGAIN_AFTER, || {
        let found = memory.search(&replaced.needles());
        let service_tokens = memory.search(&[("service tokens".to_owned(), of_exchanges.clone())]);
        let delivered = memory.search(&[("delivered".to_owned(), live.tail("embedded-token"))]);
        let strays = service_tokens.len().saturating_sub(delivered.len());
        lingering = format!("{}\nand {strays} of {} service tokens", shown(&found), shown(&service_tokens));
        (found.is_empty() && strays == 0).then_some(())
    });
    assert!(gone.is_some(), "{LINGERS:?} after it was replaced:\n{lingering}");

    // What lives is found, so that this can find something at all, and rarely.
    let (mut too_many, mut in_a_row) = (String::new(), 0);
    let rare = until_seen(LINGERS, LOOK_AGAIN_AFTER, || {
        let found = memory.search(&live.needles());
        let counts = count(&found);
        for held in
            live.0.keys().filter(|name| **name == "partner-access-token" || name.starts_with("client"))
        {
            assert!(counts.contains_key(held.as_str()), "{held} is nowhere: something else is looked for");
        }
        too_many = shown(&found);
        // While it is at work there are more for a moment, which one look may miss or meet.
        in_a_row = if counts.values().all(|count| *count <= COPIES) { in_a_row + 1 } else { 0 };
        (in_a_row == LOOKS).then_some(())
    });
    assert!(rare.is_some(), "{too_many}");
}

/// A world whose authentication service speaks TLS, as real ones do, and its one app.
fn behind_tls(name: &str, source: Source) -> (World, App) {
    let mut world = World::new(name, &Wishes::default());
    let client = App::new("client-key", FIRST_SECRET, AppScope::Backend);
    let Standing { origin, ca_bundle, emulator, .. } = source.start(&client);
    let plain = format!("http://{}", world.emulator.address());
    world.service = world.service.replace(&plain, &origin);
    world.emulator = emulator.expect("an emulator");
    world.emulator.set_lifetimes(3600, 3600);
    let trusted = world.control_plane.description().folder.join(format!("{}.ca.pem", world.namespace));
    std::fs::write(&trusted, ca_bundle.expect("a certificate")).expect("a file");
    world.operator.argument("--allow-endpoint", &origin);
    world.operator.argument("--ca-bundle", trusted.to_str().expect("a path"));
    world.operator.start();
    (world, client)
}

/// Every sort of secret, each replaced several times and then once more by one that stays. Returns those.
fn issue_and_replace(world: &World, client: &App, replaced: &mut Secrets, busy: bool) -> Secrets {
    login(world, "client", client);
    soon_over(world, "client-key");
    let renewal = json!({"renewBeforePercentage": 90});
    world.credential("partner", json!({"renewal": renewal}));
    world.request("interview", json!({"renewal": renewal}));
    let embedded = json!({"deliver": "ServiceToken", "serviceTokenTTL": "1m", "renewal": renewal});
    world.request("embedded", embedded);
    let names = ["partner-access-token", "interview-token", "embedded-token"];
    for name in names {
        world.wait_for(Kind::Secret, name, |it| !it.is_null());
    }
    for round in 0..3 {
        for name in names {
            let before = world.secret(name);
            replaced.0.insert(format!("{name} {round}"), token(&before));
            world.wait_renewed(name, &before);
        }
    }
    // The next of each stays. What is there when it comes is replaced by it.
    world.emulator.clear_faults();
    let mut live = Secrets::default();
    if busy {
        let app = App::new("busy-key", BUSY_SECRET, AppScope::Backend);
        world.emulator.put_app(app.clone());
        login(world, "busy", &app);
        soon_over(world, "busy-key");
        world.credential("busy", json!({"clientSecretRef": {"name": "busy"}, "renewal": renewal}));
        live.0.insert("client secret of busy".to_owned(), BUSY_SECRET.to_owned());
    }
    replaced.0.insert("client secret".to_owned(), FIRST_SECRET.to_owned());
    world.change_secret(client, SECOND_SECRET);
    world.edit(Kind::Request, "embedded", json!({"spec": {"serviceTokenTTL": "1h"}}));
    for name in names {
        let stays = world.wait_for(Kind::Secret, name, |secret| {
            let at = |name| told::instant(&json!(annotation(secret, name)));
            let stays = at("issued-at").duration_until(at("expires-at")).as_mins() > 30;
            if !stays {
                replaced.0.insert(format!("{name} last"), token(secret));
            }
            stays
        });
        live.0.insert(name.to_owned(), token(&stays));
    }
    live.0.insert("client secret".to_owned(), SECOND_SECRET.to_owned());
    live
}

fn login(world: &World, name: &str, app: &App) {
    world.client_secret(name, &json!({"client_id": app.client_id, "client_secret": app.client_secret}));
}

/// The tokens of this app are said to live for 40 seconds from now on.
fn soon_over(world: &World, client_id: &str) {
    for call in [Call::AccessToken, Call::Exchange] {
        let Value::Object(answer) = json!({"expires_in": "40"}) else { unreachable!() };
        let client_id = Some(client_id.to_owned());
        world.emulator.add_fault(FaultPlan { call: Some(call), client_id, answer, ..FaultPlan::default() });
    }
}

/// Secrets by what they are.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn needles(&self) -> Vec<(String, String)> {
        self.0.keys().map(|name| (name.clone(), self.tail(name))).collect()
    }

    fn tail(&self, name: &str) -> String {
        let text = &self.0[name];
        text[text.len().saturating_sub(TAIL)..].to_owned()
    }
}

fn token(secret: &Value) -> String {
    let key = if secret["data"]["service_token"].is_null() { "access_token" } else { "service_token" };
    data(secret, key)
}

/// How the claims of every service token begin, and of no other token.
fn service_tokens_begin(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("a JSON Web Token");
    claims[..r#"{"aud":"rocketlawyer.com/service-tokens"#.len() * 4 / 3].to_owned()
}

fn count(found: &[Found]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for found in found {
        *counts.entry(found.what.as_str()).or_default() += 1;
    }
    counts
}

fn shown(found: &[Found]) -> String {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    format!("{:?}\n{}", count(found), lines.join("\n"))
}

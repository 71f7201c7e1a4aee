//! Does any secret or token show anywhere but in the managed Secrets' data? Canaries over the happy paths, and at the end of every
//! test of this program, at log level trace.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use rocketlawyer_operator::emulator::{App, AppScope};
use serde_json::{Value, json};

use super::server::Kind;
use super::told::{data, text};
use super::world::World;

/// In the client secrets of all tests. Characters that each encoding writes in its own way.
pub const MARK: &str = "canary+secret/of=the?";
const CLIENT_SECRET: &str = "canary+secret/of=the?backend&app";
const FRONTEND_SECRET: &str = "canary+secret/of=the?frontend&app";
/// How every JSON Web Token begins.
const TOKEN_BEGINS: &str = "eyJ";
/// How all of the emulator begin: long enough to be found within base64 wherever it begins there.
const TOKENS_BEGIN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOi";

#[test]
fn no_secret_and_no_token_shows_outside_the_managed_secrets() {
    let mut world = World::running("canary");
    world.emulator.set_lifetimes(40, 40);
    let mut canaries = BTreeSet::from([CLIENT_SECRET.to_owned(), FRONTEND_SECRET.to_owned()]);
    walk_the_happy_paths(&mut world, &mut canaries);
    assert!(canaries.len() >= 2 + 6, "{} canaries", canaries.len());

    let tokens: Vec<_> = canaries.iter().filter(|it| !it.contains(MARK)).collect();
    assert!(tokens.iter().all(|it| it.starts_with(TOKENS_BEGIN)), "what is looked for is no token's begin");
    for (place, text) in &everything_that_is_kept(&world) {
        assert!(!text.is_empty(), "{place} shows nothing at all");
        hides(place, text, canaries.iter().map(String::as_str));
    }
}

/// Panics if a client secret or a token shows, whatever the test was about.
pub fn check(world: &World) {
    for (place, text) in everything_that_is_kept(world) {
        hides(place, &text, []);
    }
}

fn hides<'a>(place: &str, text: &str, canaries: impl IntoIterator<Item = &'a str>) {
    for canary in canaries.into_iter().chain([MARK, TOKEN_BEGINS, TOKENS_BEGIN]) {
        for written in encodings(canary) {
            assert!(!text.contains(&written), "{place} shows a secret, written as {written:?}");
        }
    }
}

/// Issues, renews, recalls and renders every sort of token; every token that is seen becomes a canary.
fn walk_the_happy_paths(world: &mut World, canaries: &mut BTreeSet<String>) {
    app(world, "client", CLIENT_SECRET, AppScope::Backend);
    app(world, "frontend", FRONTEND_SECRET, AppScope::Frontend);
    let renewal = json!({"renewBeforePercentage": 90});
    let frontend = json!({"appType": "Frontend", "clientSecretRef": {"name": "frontend"}});
    world.credential("partner", json!({"renewal": renewal}));
    world.credential("partner-frontend", frontend);
    world.request("interview", json!({"renewal": renewal}));
    world.request("by-frontend", json!({"exchangeCredentialRef": {"name": "partner-frontend"}}));
    world.request("embedded", json!({"deliver": "ServiceToken"}));
    let renewed = [("partner-access-token", "access_token"), ("interview-token", "access_token")];
    let others = [("by-frontend-token", "access_token"), ("embedded-token", "service_token")];
    for (name, key) in renewed.iter().chain(&others) {
        let secret = world.wait_for(Kind::Secret, name, |it| !it.is_null());
        canaries.insert(data(&secret, key));
    }
    for (name, key) in renewed {
        let before = world.secret(name);
        canaries.insert(data(&before, key));
        canaries.insert(data(&world.wait_renewed(name, &before), key));
    }
    // A process that has not issued the tokens itself reads them back, to render one anew and to put one back.
    assert!(world.operator.stop().success());
    world.operator.start();
    world.edit(Kind::Request, "by-frontend", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    let labelled = |it: &Value| it["metadata"]["labels"]["team"] == "legal";
    world.wait_for(Kind::Secret, "by-frontend-token", labelled);
    world.edit(Kind::Secret, "embedded-token", json!({"stringData": {"added": "by somebody"}}));
    world.wait_for(Kind::Secret, "embedded-token", |it| it["data"]["added"].is_null());
    world.edit(Kind::Secret, "client", json!({"metadata": {"labels": {"touched": "yes"}}}));
    world.settle();
    for (name, key) in renewed.iter().chain(&others) {
        canaries.insert(data(&world.secret(name), key));
    }
}

fn app(world: &World, name: &str, secret: &str, scope: AppScope) {
    let app = App::new(&format!("{name}-key"), secret, scope);
    world.client_secret(name, &json!({"client_id": app.client_id, "client_secret": secret}));
    world.emulator.put_app(app);
}

/// The log, the pages of every operator that ran, events, and all of every object but the data of Secrets and what people wrote
/// into specs.
pub fn everything_that_is_kept(world: &World) -> Vec<(&'static str, String)> {
    let all = |kind, but: &str| {
        let namespaces = [&world.namespace].into_iter().chain(&world.others);
        let mut objects: Vec<_> = namespaces.flat_map(|it| world.cluster().list(kind, it)).collect();
        for object in &mut objects {
            assert_ne!(text(&object["metadata"]["name"]), "");
            if let Some(hidden) = object.get_mut(but) {
                *hidden = json!("…");
            }
        }
        json!(objects).to_string()
    };
    vec![
        ("the log", world.operator.log()),
        ("a page", world.operator.pages()),
        ("an event", all(Kind::Event, "")),
        ("a credential", all(Kind::Credential, "spec")),
        ("a request", all(Kind::Request, "spec")),
        ("a Secret's metadata", all(Kind::Secret, "data")),
    ]
}

/// The text itself, URL-encoded, and within base64, wherever in it the text begins.
pub fn encodings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned(), url_encoded(text)];
    for engine in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let bytes = [&b"xyz"[..before], text.as_bytes()].concat();
            // Whole groups of three bytes, of this text alone.
            let (from, to) = (before.div_ceil(3) * 4, bytes.len() / 3 * 4);
            all.push(engine.encode(&bytes)[from..to].to_owned());
        }
    }
    // So short a piece of base64 would be anywhere.
    all.retain(|written| written.len() >= text.len().min(4) && !written.is_empty());
    all
}

fn url_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let hidden = |text: &str| encodings(CLIENT_SECRET).iter().any(|written| text.contains(written));
    assert!(hidden(&format!("secret={CLIENT_SECRET}.")));
    assert!(hidden("x=canary%2Bsecret%2Fof%3Dthe%3Fbackend%26app"));
    for before in ["", "1", "12", "123"] {
        assert!(hidden(&STANDARD.encode(format!("{before}{CLIENT_SECRET}after"))));
        assert!(hidden(&URL_SAFE.encode(format!("{before}{CLIENT_SECRET}after"))));
    }
    assert!(!hidden("canary secret of the backend app"));
    let begins = |text: &str| encodings(TOKENS_BEGIN).iter().any(|written| text.contains(written));
    for before in ["", "1", "12", "123"] {
        assert!(begins(&STANDARD.encode(format!("{before}{TOKENS_BEGIN}JIUzI1NiJ9.e30.x"))));
        assert!(begins(&URL_SAFE_NO_PAD.encode(format!("{before}{TOKENS_BEGIN}JIUzI1NiJ9.e30.x"))));
    }
}

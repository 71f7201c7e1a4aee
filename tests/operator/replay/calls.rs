//! What did the operator ask of the authentication service? The emulator's log, with where each token went.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::SignedDuration;
use rocketlawyer_operator::auth::{self, Application};
use rocketlawyer_operator::emulator::{Call, Entry, Outcome};
use rocketlawyer_operator::operator::replay::{Answer, Called, Deed, Did};
use sha2::{Digest as _, Sha256};

use super::recorder::Kept;
use super::sights::is_managed;
use crate::told::{data, text};

/// A call, and the origin of the service that logged it.
pub type MadeCall = (Entry, String);

/// Every call.
pub fn dids(log: &[MadeCall], versions: &[Kept]) -> Vec<Did> {
    let homes = homes(versions);
    log.iter().filter_map(|call| did(call, log, &homes)).collect()
}

/// The fingerprint of the token in a managed Secret.
pub fn fingerprint(version: &Kept) -> Option<String> {
    let keys = version.object["data"].as_object()?.keys();
    let bearer = keys.map(|key| data_or_nothing(version, key)).find(|value| value.starts_with("Bearer "))?;
    let hash = Sha256::digest(bearer.trim_start_matches("Bearer ").as_bytes());
    let mut shown = String::new();
    for byte in &hash[..8] {
        write!(shown, "{byte:02x}").expect("a text");
    }
    Some(shown)
}

fn data_or_nothing(version: &Kept, key: &str) -> String {
    if text(&version.object["data"][key]).len() > 100_000 {
        String::new()
    } else {
        data(&version.object, key)
    }
}

/// The first Secret in which each token was seen.
fn homes(versions: &[Kept]) -> BTreeMap<String, &Kept> {
    let mut homes = BTreeMap::new();
    for version in versions.iter().filter(|it| is_managed(it) && !it.gone) {
        if let Some(fingerprint) = fingerprint(version) {
            homes.entry(fingerprint).or_insert(version);
        }
    }
    homes
}

fn did(made: &MadeCall, log: &[MadeCall], homes: &BTreeMap<String, &Kept>) -> Option<Did> {
    let (entry, origin) = made;
    let call = match entry.call {
        Call::AccessToken => auth::Call::AccessToken,
        Call::ServiceToken => auth::Call::ServiceToken,
        Call::Exchange => auth::Call::Exchange,
        Call::Protected => return None,
    };
    let exchanged = |service: &String| {
        let mut entries = log.iter().map(|(entry, _)| entry);
        let exchange =
            entries.find(|it| it.call == Call::Exchange && it.asked_with.as_ref() == Some(service))?;
        exchange.issued.clone()
    };
    let last = entry.issued.as_ref().and_then(|issued| exchanged(issued).or(Some(issued.clone())));
    let home = last.and_then(|last| homes.get(&last));
    let called = Called {
        call,
        origin: origin.parse().expect("an origin"),
        client_id: entry.client_id.clone(),
        subject: entry.subject.clone(),
        asked_with: entry.asked_with.clone(),
        into: home.map(|it| (it.namespace.clone(), it.name.clone())),
        clock_ahead: SignedDuration::from_secs(entry.clock_ahead),
        answer: answer(entry, call, home.copied()),
    };
    Some(Did { at: entry.time, became: None, deed: Deed::Called(Box::new(called)) })
}

fn answer(entry: &Entry, call: auth::Call, home: Option<&Kept>) -> Answer {
    if let (Outcome::Granted, Some(fingerprint)) = (entry.outcome, &entry.issued) {
        return Answer::Token {
            fingerprint: fingerprint.clone(),
            secret: home.map(|it| it.object.to_string().into_bytes()),
            application: (call == auth::Call::AccessToken).then(application),
        };
    }
    let body = entry.refusal_body.clone().unwrap_or_default();
    let answer =
        auth::Answer { status: entry.status, retry_after: None, now: entry.time, body: body.as_bytes() };
    Answer::Fault(auth::classify(call, &answer))
}

/// What the emulator says of every app.
fn application() -> Application {
    Application {
        name: Some("5b0c4f0e-8f5a-4a43-9d3f-0e4d7a1c2b66".to_owned()),
        organization: Some("rocketlawyer".to_owned()),
        products: ["emulated-rocketdoc-product", "emulated-auth-service-product"].map(Into::into).into(),
    }
}

//! What did the operator ask of the authentication service? The emulator's log, with where each token went.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rocketlawyer_operator::auth;
use rocketlawyer_operator::decision::{Key, Kind};
use rocketlawyer_operator::emulator::{Call, Entry};
use rocketlawyer_operator::operator::replay::{Called, Deed, Did, Held, bearer, fingerprint};

use super::recorder::Kept;
use crate::told::text;

/// A call, and the origin of the service that logged it.
pub type MadeCall = (Entry, String);

/// Every call.
pub fn dids(log: &[MadeCall], versions: &[Kept]) -> Vec<Did> {
    let homes = homes(versions);
    log.iter().filter_map(|call| did(call, log, &homes)).collect()
}

/// The app that called.
pub fn client_of(entry: &Entry) -> &str {
    entry.client_id.as_deref().unwrap_or_default()
}

/// A call that no emulator logged: when it came, which it was, and to which base URL.
pub type BrokenOff = (Timestamp, Call, String);

/// What is known of it.
pub fn broken_off((at, call, base): &BrokenOff) -> Option<Did> {
    let called = Called {
        call: of_operators(*call)?,
        base: base.clone(),
        client_id: None,
        subject: BTreeMap::new(),
        asked_with: None,
        issued: None,
        exchanged_by: None,
        into: None,
    };
    Some(Did { at: *at, status: 0, deed: Deed::Call(called) })
}

/// As the operator has it; `None`: operators make no such call.
fn of_operators(call: Call) -> Option<auth::Call> {
    match call {
        Call::AccessToken => Some(auth::Call::AccessToken),
        Call::ServiceToken => Some(auth::Call::ServiceToken),
        Call::Exchange => Some(auth::Call::Exchange),
        Call::Protected => None,
    }
}

/// The objects whose Secrets each token was seen in first.
fn homes(versions: &[Kept]) -> BTreeMap<String, Key> {
    let mut homes = BTreeMap::new();
    for version in versions.iter().filter(|it| it.what == Held::Secret && !it.gone) {
        let owner = &version.object["metadata"]["ownerReferences"][0];
        let kind = match text(&owner["kind"]) {
            "RocketLawyerCredential" => Kind::Credential,
            "ScopedTokenRequest" => Kind::Request,
            _ => continue,
        };
        if let Some(token) = bearer(&version.object) {
            let key = Key::new(kind, version.namespace.as_str(), text(&owner["name"]));
            homes.entry(fingerprint(&token)).or_insert(key);
        }
    }
    homes
}

fn did(made: &MadeCall, log: &[MadeCall], homes: &BTreeMap<String, Key>) -> Option<Did> {
    let (entry, origin) = made;
    let call = of_operators(entry.call)?;
    let exchanges =
        |it: &&Entry| it.call == Call::Exchange && it.issued.is_some() && it.asked_with == entry.issued;
    let exchange = log.iter().map(|(entry, _)| entry).find(exchanges).filter(|_| entry.issued.is_some());
    let last = exchange.unwrap_or(entry).issued.as_ref();
    let called = Called {
        call,
        base: format!("{origin}{}", entry.path.trim_end_matches(|it| it != '/').trim_end_matches('/')),
        client_id: entry.client_id.clone(),
        subject: entry.subject.clone(),
        asked_with: entry.asked_with.clone(),
        issued: entry.issued.clone(),
        exchanged_by: exchange.and_then(|it| it.client_id.clone()),
        into: last.and_then(|last| homes.get(last)).cloned(),
    };
    Some(Did { at: entry.time, status: entry.status, deed: Deed::Call(called) })
}

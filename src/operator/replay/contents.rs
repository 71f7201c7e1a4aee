//! What did the cluster hold? Gives the words of a journal, which are names and versions, their contents.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::effect::{Effect, Outcome};
use super::super::journal::{Heard, Issued, News, Place, Version};
use super::super::want::held;
use crate::auth;
use crate::cluster::managed_secret::StoredSecret;
use crate::cluster::owner::OwnerNow;
use crate::cluster::secrets::Look;
use crate::cluster::watch::{Change, Stream, Watched, sent};
use crate::decision::{Content, Delivery, Key, Kind, ResourceVersion, SeenSecret};
use crate::state::{HeldToken, Object, State};

/// All versions of all objects, as JSON.
#[derive(Default)]
pub struct Contents(BTreeMap<(Held, String, String), BTreeMap<ResourceVersion, Vec<u8>>>);

/// What the cluster holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// A `RocketLawyerCredential`.
    Credential,
    /// A `ScopedTokenRequest`.
    Request,
    /// A Secret of any type.
    Secret,
    /// A namespace.
    Namespace,
}

impl Contents {
    /// It held this.
    pub fn add(&mut self, what: Held, namespace: &str, name: &str, version: ResourceVersion, json: Vec<u8>) {
        let versions = self.0.entry((what, namespace.to_owned(), name.to_owned())).or_default();
        versions.insert(version, json);
    }

    fn versions(&self, what: Held, namespace: &str, name: &str) -> impl DoubleEndedIterator<Item = &Vec<u8>> {
        self.0.get(&(what, namespace.to_owned(), name.to_owned())).into_iter().flat_map(BTreeMap::values)
    }

    fn of(&self, what: Held, namespace: &str, name: &str, version: ResourceVersion) -> Result<&[u8], String> {
        let versions = self.0.get(&(what, namespace.to_owned(), name.to_owned()));
        let found = versions.and_then(|versions| versions.get(&version));
        found.map(Vec::as_slice).ok_or_else(|| {
            format!("{what:?} {namespace}/{name} at version {}, which nobody recorded, was seen", version.0)
        })
    }

    fn secret(
        &self,
        namespace: &str,
        name: &str,
        version: ResourceVersion,
    ) -> Result<(&[u8], StoredSecret), String> {
        let json = self.of(Held::Secret, namespace, name, version)?;
        let stored = StoredSecret::parse(json).ok_or_else(|| format!("{name} is no Secret"))?;
        Ok((json, stored))
    }

    /// What a stream said.
    pub(super) fn change(&self, place: Place, news: News) -> Result<Change, String> {
        let stream = stream(place);
        let shown = |Version(namespace, name, version): &Version| {
            let json = self.of(watched(stream.what), namespace, name, *version)?;
            sent(stream.what, json).ok_or_else(|| format!("{name} is no such object"))
        };
        Ok(match news {
            News::Relisting => Change::Relisting(stream),
            News::Seen(it) => Change::Seen { seen: shown(&it)?.0, stream },
            News::Gone(it) => Change::Gone { what: shown(&it)?.1, stream },
            News::Listed => Change::Listed(stream),
            News::Broken(trouble) => Change::Broken(stream, trouble),
            News::Mended => Change::Mended(stream),
        })
    }

    /// What the operator heard of an effect for this object, and the fingerprint of a token that came with it.
    pub(super) fn outcome(
        &self,
        state: &State,
        key: &Key,
        effect: &Effect,
        heard: &Heard,
    ) -> Result<(Outcome, Option<String>), String> {
        let mut token = None;
        let outcome = match (heard, effect) {
            (Heard::Read(Ok(Some(version))), Effect::Read((namespace, name))) => {
                let (json, stored) = self.secret(namespace, name, *version)?;
                token = bearer(&parsed(json)).map(|text| fingerprint(&text));
                Outcome::Read(Ok(Some(stored)))
            }
            (Heard::Read(other), Effect::Read(_)) => Outcome::Read(other.map(|_| None)),
            (Heard::Looked(Ok(Some(version))), Effect::Look { namespace, name }) => {
                Outcome::Looked(Ok(look(&self.secret(namespace, name, *version)?.1)))
            }
            (Heard::Looked(other), Effect::Look { .. }) => Outcome::Looked(other.map(|_| Look::Absent)),
            (Heard::Owner(Ok(Some(version))), Effect::ConfirmOwner { key }) => {
                let json = self.of(kind(key.kind), &key.namespace, &key.name, *version)?;
                Outcome::Owner(Ok(owner(json, *version)))
            }
            (Heard::Owner(other), Effect::ConfirmOwner { .. }) => {
                Outcome::Owner(other.map(|_| OwnerNow::Absent))
            }
            (Heard::Rehearsed(result), Effect::Rehearse(_)) => Outcome::Rehearsed(*result),
            (Heard::Issued(result), Effect::Issue { issue, purpose }) => {
                let result = match result {
                    Ok(issued) => {
                        let (issued, shown) = self.issued(state, key, issued)?;
                        token = shown;
                        Ok(issued)
                    }
                    Err(fault) => Err(*fault),
                };
                let (issue, purpose) = (issue.clone(), purpose.clone());
                Outcome::Issued { issue, purpose, result, calls: Vec::new() }
            }
            (Heard::Written(result), Effect::Write { secret: own, record, token, again }) => {
                let result = match result {
                    Ok(version) => {
                        let (_, stored) = self.secret(&own.key.namespace, &own.template.name, *version)?;
                        Ok(stored.written(&own.draft(record, token)))
                    }
                    Err(failed) => Err(*failed),
                };
                let rendering = own.template.rendering();
                Outcome::Written { record: record.clone(), rendering, again: *again, result }
            }
            (Heard::Finished(deletion), Effect::Finish { .. }) => Outcome::Finished(*deletion),
            (Heard::Published(result), Effect::Status { .. }) => Outcome::Published(*result),
            (Heard::Asked(result), Effect::Ask(_)) => Outcome::Asked(*result),
            (Heard::Panicked, _) => Outcome::Panicked,
            _ => return Err(format!("{heard:?} is no answer to {effect:?}")),
        };
        Ok((outcome, token))
    }

    /// What an answer brought, and the token's fingerprint. One that came into no Secret is as good as any other.
    fn issued(
        &self,
        state: &State,
        key: &Key,
        issued: &Issued,
    ) -> Result<(auth::Issued<HeldToken>, Option<String>), String> {
        let text = self.token(state, key, issued);
        let request = state.object(key).and_then(Object::request).and_then(|it| it.spec.as_ref().ok());
        let delivery = request.map_or(Delivery::AccessToken, |spec| spec.delivery);
        let token = held(text.as_deref().unwrap_or("unseen"), delivery, key.kind);
        let issued = auth::Issued {
            token: token.ok_or_else(|| format!("what is in the Secret of {key:?} is no token"))?,
            issued_at: issued.issued_at,
            expires_at: issued.expires_at,
            application: issued.application.clone(),
            service_clock_ahead: issued.clock_ahead,
        };
        Ok((issued, text.as_deref().map(fingerprint)))
    }

    /// The token that was issued then for this object's Secret, if it ever came into it.
    fn token(&self, state: &State, key: &Key, issued: &Issued) -> Option<String> {
        let name = state.object(key)?.secret_name()?;
        let is_of_it = |json: &&Vec<u8>| {
            let record = StoredSecret::parse(json).and_then(|it| it.seen().record);
            record.is_some_and(|it| it.issued_at == issued.issued_at && it.expires_at == issued.expires_at)
        };
        let first = self.versions(Held::Secret, &key.namespace, name).find(is_of_it);
        first.and_then(|json| bearer(&parsed(json)))
    }
}

/// As the watches have it.
pub(super) fn stream((what, namespace): Place) -> Stream {
    Stream { what, namespace: namespace.map(Arc::from) }
}

fn watched(what: Watched) -> Held {
    match what {
        Watched::Credentials => Held::Credential,
        Watched::Requests => Held::Request,
        Watched::ManagedSecrets | Watched::OtherSecrets => Held::Secret,
        Watched::Namespaces => Held::Namespace,
    }
}

fn kind(kind: Kind) -> Held {
    match kind {
        Kind::Credential => Held::Credential,
        Kind::Request => Held::Request,
    }
}

fn look(stored: &StoredSecret) -> Look {
    let seen = stored.seen();
    if !stored.has_our_type() {
        return Look::Foreign(seen.version);
    }
    Look::Ours(SeenSecret { content: Content::Unseen, rendering: 0, immutable: false, ..seen })
}

fn owner(json: &[u8], version: ResourceVersion) -> OwnerNow {
    let object = parsed(json);
    let metadata = &object["metadata"];
    let uid = metadata["uid"].as_str().unwrap_or_default().into();
    OwnerNow::Present { uid, version, deleting: !metadata["deletionTimestamp"].is_null() }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

/// The token in a managed Secret, whatever its key is called.
#[must_use]
pub fn bearer(secret: &Value) -> Option<String> {
    let decoded = |value: &Value| String::from_utf8(BASE64_STANDARD.decode(value.as_str()?).ok()?).ok();
    let mut values = secret["data"].as_object()?.values().filter_map(decoded);
    values.find_map(|value| value.strip_prefix("Bearer ").map(str::to_owned))
}

/// As the emulator logs it.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    let mut shown = String::new();
    for byte in &Sha256::digest(token.as_bytes())[..8] {
        let _ = write!(shown, "{byte:02x}");
    }
    shown
}

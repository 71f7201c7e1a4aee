//! Which tokens are out there? Signs JWTs and knows which of them are alive.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Access token of a whole app.
    Access,
    /// Service token.
    Service,
    /// Scoped access token.
    Scoped,
}

/// A token that was issued.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) kind: TokenKind,
    pub(super) client_id: String,
    /// Purpose and claims.
    pub(super) subject: BTreeMap<String, String>,
    /// When it stops opening anything, epoch seconds of the emulator's clock.
    pub(super) ends: i64,
    /// The `expirationTime` of the service token that it is or came from.
    pub(super) service_ends: Option<i64>,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dead {
    Unknown,
    Expired,
}

pub(super) struct Tokens {
    key: EncodingKey,
    serial: u64,
    known: HashMap<[u8; 32], Known>,
}

/// Once so many are known, the dead ones are forgotten.
const MANY: usize = 100_000;

impl Tokens {
    pub(super) fn new() -> Self {
        // A key of this run's own, so that tokens of an earlier run mean nothing.
        let mut key = Vec::new();
        for part in 0..4_u8 {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u8(part);
            key.extend_from_slice(&hasher.finish().to_ne_bytes());
        }
        Self { key: EncodingKey::from_secret(&key), serial: 0, known: HashMap::new() }
    }

    /// Issues a token; `distort` overrides its claims, null leaves one out.
    pub(super) fn issue(
        &mut self,
        token: Known,
        issued: i64,
        ends: i64,
        distort: &Map<String, Value>,
    ) -> String {
        self.serial += 1;
        let mut claims = claims(&token, self.serial, issued, ends);
        overlay(&mut claims, distort);
        let text = jsonwebtoken::encode(&Header::default(), &claims, &self.key).unwrap_or_default();
        if self.known.len() >= MANY {
            self.known.retain(|_, token| token.ends > issued);
        }
        self.known.insert(hash(&text), token);
        text
    }

    /// The token, if it is alive at `now`.
    pub(super) fn look_up(&self, text: &str, now: i64) -> Result<&Known, Dead> {
        let known = self.known.get(&hash(text)).ok_or(Dead::Unknown)?;
        if known.ends > now { Ok(known) } else { Err(Dead::Expired) }
    }

    /// Forgets every token of an app: each is unknown from now on. Returns how many.
    pub(super) fn revoke(&mut self, client_id: &str) -> usize {
        let before = self.known.len();
        self.known.retain(|_, token| token.client_id != client_id);
        before - self.known.len()
    }
}

/// Sets the entries of `changes` in `object`; null removes.
pub(super) fn overlay(object: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

/// Tells tokens apart without showing them.
pub(super) fn fingerprint(text: &str) -> String {
    let mut shown = String::new();
    for byte in &hash(text)[..8] {
        let _ = write!(shown, "{byte:02x}");
    }
    shown
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn claims(token: &Known, serial: u64, issued: i64, ends: i64) -> Map<String, Value> {
    let audience = match token.kind {
        TokenKind::Access | TokenKind::Scoped => "rocketlawyer.com/access-tokens",
        TokenKind::Service => "rocketlawyer.com/service-tokens",
    };
    let mut claims = Map::new();
    claims.insert("iss".into(), json!("rocketlawyer.com"));
    claims.insert("aud".into(), json!(audience));
    claims.insert("iat".into(), json!(issued));
    claims.insert("exp".into(), json!(ends));
    claims.insert("jti".into(), json!(serial.to_string()));
    claims.insert("rl_api_client_id".into(), json!(token.client_id));
    claims.insert("rl_user_id".into(), json!("00000000-0000-0000-0000-000000000000"));
    if token.kind != TokenKind::Access {
        let mut srv = Map::new();
        for (name, value) in &token.subject {
            srv.insert(name.clone(), json!(value));
        }
        srv.insert("expirationTime".into(), json!(token.service_ends));
        srv.insert("partnerId".into(), json!("emulated-partner"));
        srv.insert("originalTenantId".into(), json!("emulated-tenant"));
        srv.insert("originalClientId".into(), json!(token.client_id));
        srv.insert("brandId".into(), json!("emulated-brand"));
        srv.insert("owner".into(), json!("emulated-owner"));
        claims.insert("srv".into(), Value::Object(srv));
    }
    claims
}

//! Is a call granted? The real service's rules, as far as they are known; refuses rather than guesses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::answer::{self, Refusal};
use super::service::State;
use super::settings::{App, AppScope, Purpose};
use super::tokens::{Dead, Known, TokenKind, fingerprint};
use crate::auth::wire;

/// A call that was granted.
pub(super) struct Granted {
    pub(super) body: Value,
    pub(super) token: String,
}

/// What is known of a call, for the journal, whatever its end.
#[derive(Clone, Default)]
pub(super) struct Notes {
    pub(super) client_id: Option<String>,
    pub(super) subject: BTreeMap<String, String>,
    pub(super) asked_with: Option<String>,
}

/// No service token lives longer than a year, give or take clocks.
const LONGEST: i64 = 366 * 24 * 3600;

/// A client credentials grant or an exchange.
pub(super) fn access_token(
    state: &mut State,
    request: &Value,
    claims: &Map<String, Value>,
    notes: &mut Notes,
) -> Result<Granted, Refusal> {
    let grant_type = request.get("grant_type").and_then(Value::as_str).unwrap_or_default();
    if ![wire::CLIENT_CREDENTIALS, wire::AUTHORIZATION_CODE].contains(&grant_type) {
        return Err(Refusal::GRANT_TYPE);
    }
    let client_id = login(state, request).ok_or(Refusal::CLIENT)?;
    notes.client_id = Some(client_id.clone());
    let now = state.now();
    let (kind, subject, service_ends, lifetime) = if grant_type == wire::CLIENT_CREDENTIALS {
        (TokenKind::Access, BTreeMap::new(), None, state.settings.access_token_ttl)
    } else {
        let code = request.get("code").and_then(Value::as_str).unwrap_or_default();
        let service = state.tokens.look_up(code, now.as_second());
        let service = service.ok().filter(|token| token.kind == TokenKind::Service).ok_or(Refusal::CODE)?;
        notes.subject.clone_from(&service.subject);
        let subject = service.subject.clone();
        (TokenKind::Scoped, subject, service.service_ends, state.settings.scoped_token_ttl)
    };
    let ends = now.as_second().saturating_add(lifetime);
    let known = Known {
        kind,
        client_id: client_id.clone(),
        subject,
        // A scoped token ends with the service token that it came from, whatever it says of itself.
        ends: service_ends.map_or(ends, |service| service.min(ends)),
        service_ends,
    };
    let token = state.tokens.issue(known, now.as_second(), ends, claims);
    let body = answer::token(&token, &client_id, lifetime, now);
    Ok(Granted { body, token })
}

/// A service token.
pub(super) fn service_token(
    state: &mut State,
    bearer: Option<&str>,
    request: Option<&Value>,
    claims: &Map<String, Value>,
) -> Result<Granted, Refusal> {
    let bearer = bearer.ok_or(Refusal::NO_BEARER)?;
    let now = state.now().as_second();
    let known = alive(state, bearer, now)?.clone();
    let app = state.app(&known.client_id).ok_or(Refusal::UNKNOWN_BEARER)?;
    if known.kind != TokenKind::Access || app.scope != AppScope::Backend {
        return Err(Refusal::ROLE);
    }
    let request = request.and_then(Value::as_object).ok_or(Refusal::BODY)?;
    let (purpose, subject) = subject(state, app, request)?;
    let ends = request.get("expirationTime").and_then(Value::as_i64).ok_or(Refusal::EXPIRATION)?;
    if ends <= now {
        return Err(Refusal::PAST);
    }
    if ends - now > LONGEST {
        return Err(Refusal::EXPIRATION);
    }
    let issued = Known {
        kind: TokenKind::Service,
        client_id: known.client_id,
        subject,
        ends,
        service_ends: Some(ends),
    };
    let token = state.tokens.issue(issued, now, ends, claims);
    let body = answer::service_token(&token, &purpose, ends);
    Ok(Granted { body, token })
}

/// Whether a protected page opens for `bearer`.
pub(super) fn page(
    state: &State,
    bearer: Option<&str>,
    kind: TokenKind,
    notes: &mut Notes,
) -> Result<Known, Refusal> {
    let bearer = bearer.ok_or(Refusal::NO_BEARER)?;
    notes.asked_with = Some(fingerprint(bearer));
    let known = alive(state, bearer, state.now().as_second())?;
    notes.client_id = Some(known.client_id.clone());
    notes.subject.clone_from(&known.subject);
    if known.kind == kind { Ok(known.clone()) } else { Err(Refusal::ROLE) }
}

/// A bearer that is alive. A service token is none.
fn alive<'a>(state: &'a State, bearer: &str, now: i64) -> Result<&'a Known, Refusal> {
    match state.tokens.look_up(bearer, now) {
        Ok(known) if known.kind != TokenKind::Service => Ok(known),
        Err(Dead::Expired) => Err(Refusal::EXPIRED_BEARER),
        Ok(_) | Err(Dead::Unknown) => Err(Refusal::UNKNOWN_BEARER),
    }
}

fn login(state: &State, request: &Value) -> Option<String> {
    let client_id = request.get("client_id")?.as_str()?;
    let secret = request.get("client_secret")?.as_str()?;
    let app = state.app(client_id)?;
    (app.client_secret == secret).then(|| app.client_id.clone())
}

/// Purpose and claims, with the purpose among them as the token has it.
fn subject(
    state: &State,
    app: &App,
    request: &Map<String, Value>,
) -> Result<(String, BTreeMap<String, String>), Refusal> {
    let name = request.get("purpose").and_then(Value::as_str).ok_or(Refusal::PURPOSE)?;
    let purpose = state.settings.purposes.get(name).ok_or(Refusal::PURPOSE)?;
    if !app.may_ask_for(name) {
        return Err(Refusal::ROLE);
    }
    let mut subject = claims(purpose, request)?;
    subject.insert("purpose".to_owned(), name.to_owned());
    Ok((name.to_owned(), subject))
}

fn claims(purpose: &Purpose, request: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut claims = BTreeMap::new();
    for (name, value) in request {
        if wire::RESERVED_CLAIMS.contains(&name.as_str()) {
            continue;
        }
        let is_known = purpose.required.contains(name) || purpose.optional.contains(name);
        let text = value.as_str().filter(|text| is_known && !text.is_empty());
        claims.insert(name.clone(), text.ok_or(Refusal::CLAIM_INVALID)?.to_owned());
    }
    if purpose.required.iter().all(|name| claims.contains_key(name)) {
        Ok(claims)
    } else {
        Err(Refusal::CLAIM_MISSING)
    }
}

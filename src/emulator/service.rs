//! The two paths of the authentication service: take a call, let a fault have its say, judge, answer, keep a note.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::Response;
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::answer::{self, Refusal};
use super::faults::{FaultPlan, Faults};
use super::journal::Journal;
use super::judge::{self, Granted, Notes};
use super::settings::App;
use super::tokens::{Tokens, fingerprint, overlay};
use super::{Call, Entry, Outcome, Settings};
use crate::auth::wire;
use crate::clock;

/// Where the service's paths begin.
pub(super) const BASE: &str = "/partners/v1/auth";

/// All that the emulator knows.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
}

/// Shared by all connections.
#[derive(Clone)]
pub(super) struct Service(Arc<Mutex<State>>);

/// A call on its way to an answer.
struct Asked {
    call: Call,
    path: String,
    fault: Option<FaultPlan>,
}

impl State {
    /// The emulator's clock.
    pub(super) fn now(&self) -> Timestamp {
        let now = clock::now();
        now.checked_add(SignedDuration::from_secs(self.settings.clock_ahead)).unwrap_or(now)
    }

    pub(super) fn app(&self, client_id: &str) -> Option<&App> {
        self.settings.apps.iter().find(|app| app.client_id == client_id)
    }
}

impl Service {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(Mutex::new(State {
            settings,
            tokens: Tokens::new(),
            faults: Faults::default(),
            journal: Journal::default(),
        })))
    }

    /// Never held across an `await`.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `POST …/accesstoken`: a grant or an exchange.
pub(super) async fn access_token(
    Shared(service): Shared<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = json_body(&headers, &body).unwrap_or_default();
    let text = |name| request.get(name).and_then(Value::as_str);
    let call = match text("grant_type") {
        Some(wire::AUTHORIZATION_CODE) => Call::Exchange,
        _ => Call::AccessToken,
    };
    let (asked, mut notes) = ask(&service, call, wire::ACCESS_TOKEN_PATH, text("client_id")).await;
    answer(&service, &asked, &mut notes, |state, claims, notes| {
        judge::access_token(state, &request, claims, notes)
    })
}

/// `POST …/servicetoken`.
pub(super) async fn service_token(
    Shared(service): Shared<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = json_body(&headers, &body);
    let bearer = bearer(&headers);
    let client_id = bearer.and_then(|token| {
        let state = service.state();
        let known = state.tokens.look_up(token, state.now().as_second());
        known.ok().map(|known| known.client_id.clone())
    });
    let (asked, mut notes) =
        ask(&service, Call::ServiceToken, wire::SERVICE_TOKEN_PATH, client_id.as_deref()).await;
    answer(&service, &asked, &mut notes, |state, claims, notes| {
        judge::service_token(state, bearer, request.as_ref(), claims, notes)
    })
}

/// Whatever else is asked of the service.
pub(super) async fn not_found(Shared(service): Shared<Service>) -> Response {
    let now = service.state().now();
    answer::json(Refusal::NOT_FOUND.status, &Refusal::NOT_FOUND.body("", now), now)
}

/// The token of an `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").filter(|token| !token.is_empty())
}

/// Writes down how a call went, and tells whoever watches.
pub(super) fn note(
    state: &mut State,
    call: Call,
    notes: Notes,
    result: Result<Option<String>, Refusal>,
    fault: Option<u16>,
) {
    let (outcome, status, refusal) = match (fault, &result) {
        (Some(status), _) => (Outcome::Fault, status, None),
        (None, Ok(_)) => (Outcome::Granted, 200, None),
        (None, Err(refusal)) => (Outcome::Refused, refusal.status, Some(refusal.text)),
    };
    let entry = Entry {
        number: 0,
        time: clock::now(),
        clock_ahead: state.settings.clock_ahead,
        call,
        client_id: notes.client_id,
        subject: notes.subject,
        outcome,
        status,
        refusal,
        refusal_body: result.as_ref().err().map(|refusal| refusal.body("", clock::now()).to_string()),
        issued: result.ok().flatten(),
        asked_with: notes.asked_with,
    };
    let client = entry.client_id.as_deref().unwrap_or("?");
    tracing::info!(?call, ?outcome, status, client, refusal, issued = entry.issued.as_deref());
    state.journal.add(entry);
}

/// Lets a fault that fits do its waiting. A call that is never answered is noted before.
async fn ask(service: &Service, call: Call, path: &str, client_id: Option<&str>) -> (Asked, Notes) {
    let (fault, notes) = {
        let mut state = service.state();
        let known = client_id.filter(|id| state.app(id).is_some()).map(str::to_owned);
        let fault = state.faults.take(call, known.as_deref());
        let notes = || Notes { client_id: known.clone(), ..Notes::default() };
        if fault.as_ref().is_some_and(|fault| fault.hang) {
            note(&mut state, call, notes(), Ok(None), Some(0));
        }
        (fault, notes())
    };
    if let Some(fault) = &fault {
        fault.wait().await;
    }
    let path = format!("{BASE}{path}");
    (Asked { call, path, fault }, notes)
}

fn answer(
    service: &Service,
    asked: &Asked,
    notes: &mut Notes,
    judge: impl FnOnce(&mut State, &Map<String, Value>, &mut Notes) -> Result<Granted, Refusal>,
) -> Response {
    let mut state = service.state();
    let now = state.now();
    let none = FaultPlan::default();
    let plan = asked.fault.as_ref().unwrap_or(&none);
    if plan.answers() && !plan.after_issuing {
        note(&mut state, asked.call, std::mem::take(notes), Ok(None), Some(plan.status.unwrap_or(200)));
        return plan.response(&asked.path, now);
    }
    let result = judge(&mut state, &plan.claims, notes);
    let issued = result.as_ref().map(|granted| Some(fingerprint(&granted.token))).map_err(|refusal| *refusal);
    let overridden = plan.answers().then(|| plan.status.unwrap_or(200));
    note(&mut state, asked.call, std::mem::take(notes), issued, overridden);
    if plan.answers() {
        return plan.response(&asked.path, now);
    }
    match result {
        Ok(Granted { mut body, .. }) => {
            if let Value::Object(fields) = &mut body {
                overlay(fields, &plan.answer);
            }
            answer::json(200, &body, now)
        }
        Err(refusal) => answer::json(refusal.status, &refusal.body(&asked.path, now), now),
    }
}

/// A body that says it is JSON and is.
fn json_body(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.trim_start().starts_with("application/json") {
        return None;
    }
    serde_json::from_slice(body).ok()
}

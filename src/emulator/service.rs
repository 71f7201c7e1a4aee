//! The two paths of the authentication service: take a call, let a fault have its say, judge, answer, keep a note.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::Response;
use http::{HeaderMap, Uri, header};
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

/// A call that is open until this is dropped: answered, or given up by whoever asked.
struct Open(Service);

/// A call on its way to an answer.
struct Asked {
    call: Call,
    path: String,
    notes: Notes,
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

    fn open(&self) -> Open {
        self.state().journal.opened();
        Open(self.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().journal.closed();
    }
}

/// `POST …/accesstoken`: a grant or an exchange.
pub(super) async fn access_token(
    Shared(service): Shared<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let _open = service.open();
    let request = json_body(&headers, &body).unwrap_or_default();
    let (call, notes) = asked_for_access(&service, &request);
    let asked = ask(&service, call, wire::ACCESS_TOKEN_PATH, notes).await;
    answer(&service, asked, |state, claims, notes| judge::access_token(state, &request, claims, notes))
}

/// `POST …/servicetoken`.
pub(super) async fn service_token(
    Shared(service): Shared<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let _open = service.open();
    let request = json_body(&headers, &body);
    let bearer = bearer(&headers);
    let notes = asked_for_service(&service, bearer, request.as_ref());
    let asked = ask(&service, Call::ServiceToken, wire::SERVICE_TOKEN_PATH, notes).await;
    answer(&service, asked, |state, claims, _| judge::service_token(state, bearer, request.as_ref(), claims))
}

/// Whatever else is asked of the service. A call that was sent astray is noted.
pub(super) async fn not_found(
    Shared(service): Shared<Service>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = json_body(&headers, &body).unwrap_or_default();
    let (call, notes) = if uri.path().ends_with(wire::SERVICE_TOKEN_PATH) {
        (Call::ServiceToken, asked_for_service(&service, bearer(&headers), Some(&request)))
    } else {
        asked_for_access(&service, &request)
    };
    let mut state = service.state();
    if uri.path().ends_with(wire::SERVICE_TOKEN_PATH) || uri.path().ends_with(wire::ACCESS_TOKEN_PATH) {
        note(&mut state, (call, uri.path()), notes, Err(Refusal::NOT_FOUND), None);
    }
    let now = state.now();
    answer::json(Refusal::NOT_FOUND.status, &Refusal::NOT_FOUND.body("", now), now)
}

fn asked_for_access(service: &Service, request: &Value) -> (Call, Notes) {
    let text = |name| request.get(name).and_then(Value::as_str);
    let call = match text("grant_type") {
        Some(wire::AUTHORIZATION_CODE) => Call::Exchange,
        _ => Call::AccessToken,
    };
    let known = text("client_id").filter(|id| service.state().app(id).is_some());
    let code = text("code").filter(|code| !code.is_empty());
    let notes =
        Notes { client_id: known.map(str::to_owned), asked_with: code.map(fingerprint), ..Notes::default() };
    (call, notes)
}

fn asked_for_service(service: &Service, bearer: Option<&str>, request: Option<&Value>) -> Notes {
    let state = service.state();
    let known = bearer.and_then(|token| state.tokens.look_up(token, state.now().as_second()).ok());
    let fields = request.and_then(Value::as_object).into_iter().flatten();
    Notes {
        client_id: known.map(|known| known.client_id.clone()).filter(|id| state.app(id).is_some()),
        asked_with: bearer.map(fingerprint),
        subject: fields
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    }
}

/// The token of an `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").filter(|token| !token.is_empty())
}

/// Writes down how a call went, and tells whoever watches.
pub(super) fn note(
    state: &mut State,
    (call, path): (Call, &str),
    notes: Notes,
    result: Result<Option<String>, Refusal>,
    fault: Option<FaultPlan>,
) {
    let answers = fault.as_ref().filter(|plan| plan.hang || plan.answers());
    let (outcome, status, refusal) = match (answers, &result) {
        (Some(plan), _) if plan.hang => (Outcome::Fault, 0, None),
        (Some(plan), _) => (Outcome::Fault, plan.status.unwrap_or(200), None),
        (None, Ok(_)) => (Outcome::Granted, 200, None),
        (None, Err(refusal)) => (Outcome::Refused, refusal.status, Some(refusal.text)),
    };
    let entry = Entry {
        number: 0,
        time: clock::now(),
        clock_ahead: state.settings.clock_ahead,
        call,
        path: path.to_owned(),
        client_id: notes.client_id,
        subject: notes.subject,
        outcome,
        status,
        refusal,
        refusal_body: result.as_ref().err().map(|refusal| refusal.body("", clock::now()).to_string()),
        fault: fault.map(Box::new),
        issued: result.ok().flatten(),
        asked_with: notes.asked_with,
    };
    let client = entry.client_id.as_deref().unwrap_or("?");
    tracing::info!(?call, ?outcome, status, client, refusal, issued = entry.issued.as_deref());
    state.journal.add(entry);
}

/// Lets a fault that fits do its waiting. A call that is never answered is noted before.
async fn ask(service: &Service, call: Call, path: &str, notes: Notes) -> Asked {
    let path = format!("{BASE}{path}");
    let fault = {
        let mut state = service.state();
        let fault = state.faults.take(call, notes.client_id.as_deref());
        if fault.as_ref().is_some_and(|fault| fault.hang) {
            note(&mut state, (call, &path), notes.clone(), Ok(None), fault.clone());
        }
        fault
    };
    if let Some(fault) = &fault {
        fault.wait().await;
    }
    Asked { call, path, notes, fault }
}

fn answer(
    service: &Service,
    asked: Asked,
    judge: impl FnOnce(&mut State, &Map<String, Value>, &mut Notes) -> Result<Granted, Refusal>,
) -> Response {
    let Asked { call, path, mut notes, fault } = asked;
    let mut state = service.state();
    let now = state.now();
    let plan = fault.clone().unwrap_or_default();
    if plan.answers() && !plan.after_issuing {
        note(&mut state, (call, &path), notes, Ok(None), fault);
        return plan.response(&path, now);
    }
    let result = judge(&mut state, &plan.claims, &mut notes);
    let issued = result.as_ref().map(|granted| Some(fingerprint(&granted.token))).map_err(|refusal| *refusal);
    note(&mut state, (call, &path), notes, issued, fault);
    if plan.answers() {
        return plan.response(&path, now);
    }
    match result {
        Ok(Granted { mut body, .. }) => {
            if let Value::Object(fields) = &mut body {
                overlay(fields, &plan.answer);
            }
            answer::json(200, &body, now)
        }
        Err(refusal) => answer::json(refusal.status, &refusal.body(&path, now), now),
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

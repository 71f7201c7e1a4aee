//! Which pages does a token open? One for access tokens of whole apps, one for scoped tokens.

use axum::extract::State as Shared;
use axum::response::Response;
use http::HeaderMap;
use serde_json::json;

use super::judge::{self, Notes};
use super::service::{Service, bearer, note};
use super::tokens::TokenKind;
use super::{Call, answer};

/// `GET /protected/access`.
pub(super) async fn access(Shared(service): Shared<Service>, headers: HeaderMap) -> Response {
    page(&service, &headers, TokenKind::Access, "/protected/access")
}

/// `GET /protected/scoped`.
pub(super) async fn scoped(Shared(service): Shared<Service>, headers: HeaderMap) -> Response {
    page(&service, &headers, TokenKind::Scoped, "/protected/scoped")
}

fn page(service: &Service, headers: &HeaderMap, kind: TokenKind, path: &str) -> Response {
    let mut state = service.state();
    let now = state.now();
    let mut notes = Notes::default();
    let result = judge::page(&state, bearer(headers), kind, &mut notes);
    let judged = result.as_ref().map(|_| None).map_err(|refusal| *refusal);
    note(&mut state, (Call::Protected, path), notes, judged, None);
    match result {
        Ok(known) => {
            let left = known.ends - now.as_second();
            let body = json!({"clientId": known.client_id, "subject": known.subject, "secondsLeft": left});
            answer::json(200, &body, now)
        }
        Err(refusal) => answer::json(refusal.status, &refusal.body(path, now), now),
    }
}

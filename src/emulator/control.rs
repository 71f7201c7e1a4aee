//! How is the emulator controlled while it runs? Paths below `/_control`, JSON in and out; shows no secret.

use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use http::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::service::{Service, State};
use super::{App, AppScope, FaultPlan, answer};

/// Settings that can be changed; what is left out stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[serde(rename = "accessTokenTTL")]
    access_token_ttl: Option<i64>,
    #[serde(rename = "scopedTokenTTL")]
    scoped_token_ttl: Option<i64>,
    clock_ahead: Option<i64>,
}

/// An app without its key, which is in the path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppBody {
    client_secret: String,
    #[serde(default)]
    scope: AppScope,
    #[serde(default)]
    roles: Option<Vec<String>>,
}

/// `GET /_control/log`, with `?after=N` only what came after entry N.
pub(super) async fn log(Shared(service): Shared<Service>, uri: Uri) -> Response {
    let after = uri.query().and_then(|query| query.strip_prefix("after="));
    let after = match after.map(str::parse) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => return refused("after=N wants a number"),
    };
    let entries = service.state().journal.after(after);
    done(json!({"entries": entries}))
}

/// `DELETE /_control/log`: forgets entries and counters.
pub(super) async fn reset(Shared(service): Shared<Service>) -> Response {
    service.state().journal.reset();
    done(json!({}))
}

/// `GET /_control/counters`.
pub(super) async fn counters(Shared(service): Shared<Service>) -> Response {
    done(json!(service.state().journal.counters()))
}

/// `GET /_control/settings`.
pub(super) async fn settings(Shared(service): Shared<Service>) -> Response {
    done(shown(&service.state()))
}

/// `PUT /_control/settings`: lifetimes in seconds, and how far the clock is ahead.
pub(super) async fn put_settings(Shared(service): Shared<Service>, body: Bytes) -> Response {
    let Some(change) = read::<Change>(&body) else {
        return refused("accessTokenTTL, scopedTokenTTL and clockAhead are seconds; nothing else can be set");
    };
    let mut state = service.state();
    let settings = &mut state.settings;
    settings.access_token_ttl = change.access_token_ttl.unwrap_or(settings.access_token_ttl);
    settings.scoped_token_ttl = change.scoped_token_ttl.unwrap_or(settings.scoped_token_ttl);
    settings.clock_ahead = change.clock_ahead.unwrap_or(settings.clock_ahead);
    done(shown(&state))
}

/// `GET /_control/faults`: what is switched on, with the times that are left.
pub(super) async fn faults(Shared(service): Shared<Service>) -> Response {
    done(json!({"faults": service.state().faults.plans()}))
}

/// `POST /_control/faults`: switches one on, behind those that are there.
pub(super) async fn add_fault(Shared(service): Shared<Service>, body: Bytes) -> Response {
    let Some(plan) = read::<FaultPlan>(&body) else {
        return refused(
            "a fault has call, clientId, times, delay, hang, afterIssuing, status, body, headers, answer, claims",
        );
    };
    service.state().faults.add(plan);
    done(json!({}))
}

/// `DELETE /_control/faults`: switches all off.
pub(super) async fn clear_faults(Shared(service): Shared<Service>) -> Response {
    service.state().faults.clear();
    done(json!({}))
}

/// `GET /_control/apps`.
pub(super) async fn apps(Shared(service): Shared<Service>) -> Response {
    let state = service.state();
    let apps = state.settings.apps.iter();
    let apps: Vec<Value> =
        apps.map(|app| json!({"clientId": app.client_id, "scope": app.scope, "roles": app.roles})).collect();
    done(json!({"apps": apps}))
}

/// `PUT /_control/apps/{id}`: adds or changes one.
pub(super) async fn app(
    Shared(service): Shared<Service>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let Some(body) = read::<AppBody>(&body) else {
        return refused(
            "an app has clientSecret, scope (backend or frontend) and roles (a list of purposes)",
        );
    };
    let app = App { client_id, client_secret: body.client_secret, scope: body.scope, roles: body.roles };
    put_app(&mut service.state(), app);
    done(json!({}))
}

/// `DELETE /_control/apps/{id}`: removes one and its tokens.
pub(super) async fn no_app(Shared(service): Shared<Service>, Path(client_id): Path<String>) -> Response {
    remove_app(&mut service.state(), &client_id);
    done(json!({}))
}

/// `POST /_control/apps/{id}/revoke`: makes all its tokens unknown.
pub(super) async fn revoke(Shared(service): Shared<Service>, Path(client_id): Path<String>) -> Response {
    let revoked = service.state().tokens.revoke(&client_id);
    done(json!({"revoked": revoked}))
}

/// Adds an app, or changes the one with its key.
pub(super) fn put_app(state: &mut State, app: App) {
    let apps = &mut state.settings.apps;
    match apps.iter_mut().find(|known| known.client_id == app.client_id) {
        Some(known) => *known = app,
        None => apps.push(app),
    }
}

/// Removes an app and all its tokens.
pub(super) fn remove_app(state: &mut State, client_id: &str) {
    state.settings.apps.retain(|app| app.client_id != client_id);
    state.tokens.revoke(client_id);
}

fn shown(state: &State) -> Value {
    json!({
        "accessTokenTTL": state.settings.access_token_ttl,
        "scopedTokenTTL": state.settings.scoped_token_ttl,
        "clockAhead": state.settings.clock_ahead,
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

#[expect(clippy::needless_pass_by_value, reason = "made for this call")]
fn done(body: Value) -> Response {
    answer::json(200, &body, crate::clock::now())
}

fn refused(text: &str) -> Response {
    answer::json(400, &json!({"error": text}), crate::clock::now())
}

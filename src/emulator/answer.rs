//! How are answers and refusals written? The two body shapes and the odd types of the real service.

use axum::response::Response;
use http::{StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A refusal as the real service gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) shape: Shape,
    /// The error code, or the error of the application shape.
    pub(super) code: &'static str,
    pub(super) text: &'static str,
}

/// The two shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Gateway,
    Application,
}

impl Refusal {
    pub(super) const GRANT_TYPE: Self = Self::gateway(400, "Bad Request", "Missing or invalid grant_type");
    pub(super) const CLIENT: Self = Self::gateway(401, "Unauthorized", "Invalid Client Credentials");
    pub(super) const CODE: Self = Self::gateway(400, "Bad Request", "Missing or invalid code");
    pub(super) const NO_BEARER: Self =
        Self::gateway(401, "oauth.v2.InvalidAccessToken", "Invalid access token");
    pub(super) const UNKNOWN_BEARER: Self =
        Self::gateway(401, "keymanagement.service.invalid_access_token", "Invalid Access Token");
    pub(super) const EXPIRED_BEARER: Self =
        Self::gateway(401, "keymanagement.service.access_token_expired", "Access Token expired");
    pub(super) const BODY: Self = Self::application(400, "Request body is missing or not valid JSON");
    pub(super) const PURPOSE: Self = Self::application(400, "Missing or invalid purpose");
    pub(super) const EXPIRATION: Self = Self::application(400, "Missing or invalid expirationTime");
    pub(super) const PAST: Self = Self::application(400, "expirationTime is in the past");
    pub(super) const CLAIM_MISSING: Self =
        Self::application(400, "A claim that the purpose requires is missing");
    pub(super) const CLAIM_INVALID: Self = Self::application(400, "A claim is not valid for the purpose");
    pub(super) const ROLE: Self = Self::application(403, "The roles of the app do not allow this");
    pub(super) const NOT_FOUND: Self =
        Self::gateway(404, "messaging.adaptors.http.flow.ApplicationNotFound", "Unable to identify proxy");

    const fn gateway(status: u16, code: &'static str, text: &'static str) -> Self {
        Self { status, shape: Shape::Gateway, code, text }
    }

    const fn application(status: u16, text: &'static str) -> Self {
        let code = if status == 403 { "FORBIDDEN" } else { "BAD_REQUEST" };
        Self { status, shape: Shape::Application, code, text }
    }

    pub(super) fn body(self, path: &str, now: Timestamp) -> Value {
        match self.shape {
            Shape::Gateway => gateway(self.code, self.text),
            Shape::Application => application(self.status, self.code, self.text, path, now),
        }
    }
}

pub(super) fn gateway(code: &str, text: &str) -> Value {
    json!({"fault": {"faultstring": text, "detail": {"errorcode": code}}})
}

pub(super) fn application(status: u16, error: &str, text: &str, path: &str, now: Timestamp) -> Value {
    json!({"timestamp": now.to_string(), "status": status, "error": error, "message": text, "path": path})
}

/// The answer of the access token and exchange calls. Numbers are texts there, and so is one of the lists.
pub(super) fn token(token: &str, client_id: &str, lifetime: i64, now: Timestamp) -> Value {
    const PRODUCTS: [&str; 2] = ["emulated-rocketdoc-product", "emulated-auth-service-product"];
    json!({
        "access_token": token,
        "token_type": crate::auth::wire::TOKEN_TYPE,
        "expires_in": lifetime.to_string(),
        "issued_at": now.as_millisecond().to_string(),
        "client_id": client_id,
        "application_name": "5b0c4f0e-8f5a-4a43-9d3f-0e4d7a1c2b66",
        "organization_name": "rocketlawyer",
        "developer.email": "developer@example.com",
        "api_product_list": format!("[{}]", PRODUCTS.join(", ")),
        "api_product_list_json": PRODUCTS,
        "scope": "",
        "status": "approved",
        "refresh_token_expires_in": "0",
        "refresh_count": "0",
    })
}

/// The answer of the service token call.
pub(super) fn service_token(token: &str, purpose: &str, ends: i64) -> Value {
    json!({"purpose": purpose, "expirationTime": ends.to_string(), "token": token})
}

/// A JSON response, dated by the emulator's clock.
pub(super) fn json(status: u16, body: &Value, now: Timestamp) -> Response {
    response(status, "application/json", body.to_string().into(), now)
}

/// A response, dated by the emulator's clock.
pub(super) fn response(status: u16, content_type: &str, body: axum::body::Body, now: Timestamp) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    let headers = response.headers_mut();
    for (name, value) in [(header::DATE, date.ok().as_deref()), (header::CONTENT_TYPE, Some(content_type))] {
        if let Some(value) = value.and_then(|value| value.parse().ok()) {
            headers.insert(name, value);
        }
    }
    response
}

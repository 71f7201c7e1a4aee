//! What does a token say of its own life? Reads without verifying (the key is the service's); never keeps text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::wire::{Whole, whole};

/// The times in a JWT, epoch seconds, as far as they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// `exp`.
    pub(super) expires: Option<i64>,
    /// `iat`.
    pub(super) issued: Option<i64>,
    /// `srv.expirationTime`.
    pub(super) service_expires: Option<i64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default, deserialize_with = "whole")]
    exp: Whole,
    #[serde(default, deserialize_with = "whole")]
    iat: Whole,
    #[serde(default)]
    srv: Option<serde_json::Value>,
}

/// The longest payload that is read, in characters.
const LONGEST: usize = 48 * 1024;

/// The times in `token`; none at all where it is not a JWT that can be read: then it is opaque.
pub(super) fn times(token: &str) -> Times {
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Times::default();
    };
    if payload.len() > LONGEST {
        return Times::default();
    }
    let Ok(payload) = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map(Zeroizing::new) else {
        return Times::default();
    };
    let Ok(claims) = serde_json::from_slice::<Claims>(&payload) else {
        return Times::default();
    };
    Times {
        expires: claims.exp.0,
        issued: claims.iat.0,
        service_expires: claims
            .srv
            .as_ref()
            .and_then(|srv| srv.get("expirationTime"))
            .and_then(|time| Whole::of(time).0),
    }
}

#[cfg(test)]
mod tests;

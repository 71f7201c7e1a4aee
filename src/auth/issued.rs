//! What is a call made with, and what does it bring? Plain data around the types of `token`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Application, wire};
use crate::token::ClientSecret;

/// The key and secret of a developer app.
#[derive(Debug)]
pub struct Login {
    /// The key.
    pub client_id: String,
    /// The secret.
    pub client_secret: ClientSecret,
}

/// What a service token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    purpose: String,
    claims: BTreeMap<String, String>,
}

/// How long a service token is asked to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From now on: it is not believed to live for longer, whatever the service says of its clock.
    pub life: SignedDuration,
    /// Until when that is by the service's clock, epoch seconds: this is what it is told.
    pub until: i64,
}

/// A claim has the name of a field of the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a claim may not be named {0}")]
pub struct ReservedClaim(pub &'static str);

/// A token, and what is known of it.
#[derive(Debug)]
pub struct Issued<T> {
    /// The token.
    pub token: T,
    /// The moment before it was asked for, by the local clock.
    pub issued_at: Timestamp,
    /// When it ends, by the local clock (behaviour §2.1).
    pub expires_at: Timestamp,
    /// The app it belongs to, as far as the answer says and it can be shown.
    pub application: Option<Application>,
    /// How far the service's clock is ahead of the local one, where the answer tells; right to a second or two.
    pub service_clock_ahead: Option<SignedDuration>,
}

impl<T> Issued<T> {
    /// The same with another token in it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Issued<U> {
        Issued {
            token: change(self.token),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            application: self.application,
            service_clock_ahead: self.service_clock_ahead,
        }
    }
}

impl Subject {
    /// A purpose and its claims, by the names that the service knows (`interviewId`, `upid`, …).
    pub fn new(purpose: String, claims: BTreeMap<String, String>) -> Result<Self, ReservedClaim> {
        match wire::RESERVED_CLAIMS.iter().find(|name| claims.contains_key(**name)) {
            Some(name) => Err(ReservedClaim(name)),
            None => Ok(Self { purpose, claims }),
        }
    }

    /// The purpose.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &BTreeMap<String, String> {
        &self.claims
    }
}

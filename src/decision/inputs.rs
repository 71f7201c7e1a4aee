//! From which inputs is a token issued? The two parts of `inputs-hash` (behaviour §1.4). The form is kept for good: golden
//! vectors in the tests; a change of it needs a new version.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// What a token is for: endpoint, subject, delivery. `None` fields are told apart from empty ones.
#[must_use]
pub fn made_for(endpoint: &str, subject: Option<Subject<'_>>) -> [u8; 16] {
    let mut canon = Canon::new("for");
    canon.text(endpoint);
    match subject {
        None => canon.text("access"),
        Some(subject) => {
            canon.text(if subject.as_service_token { "service" } else { "scoped" });
            canon.text(subject.purpose);
            for (name, value) in subject.claims {
                canon.text(name);
                canon.text(value);
            }
        }
    }
    canon.finish()
}

/// The subject of a request.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Whether the service token itself is delivered.
    pub as_service_token: bool,
    /// The purpose.
    pub purpose: &'a str,
    /// Every claim, `interviewId` and the like among them, by name.
    pub claims: &'a BTreeMap<String, String>,
}

/// What a request's token is made with: the app that exchanges, and the lifetime asked for where the service token itself
/// is delivered. The client *secret* is no part of it: a rotated secret must not replace ten thousand tokens that work.
#[must_use]
pub fn request_made_with(
    made_for: [u8; 16],
    client_id: &str,
    service_token_ttl: Option<jiff::SignedDuration>,
) -> [u8; 16] {
    let mut canon = Canon::new("with");
    // Salted with what it is for, so that equal annotations do not show equal apps, and whoever is created anew for the same
    // keeps the token that was left (behaviour §1.6).
    canon.bytes(&made_for);
    canon.text(client_id);
    canon.text(&service_token_ttl.map_or_else(String::new, |ttl| ttl.as_secs().to_string()));
    canon.finish()
}

/// The bytes that a credential's HMAC, keyed by the client secret, is taken over.
#[must_use]
pub fn credential_made_with(client_id: &str) -> Vec<u8> {
    let mut bytes = b"with".to_vec();
    bytes.extend_from_slice(&(client_id.len() as u64).to_be_bytes());
    bytes.extend_from_slice(client_id.as_bytes());
    bytes
}

/// Length-prefixed texts: no two different lists give the same bytes.
struct Canon(Sha256);

impl Canon {
    fn new(domain: &str) -> Self {
        let mut canon = Self(Sha256::new());
        canon.text(domain);
        canon
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 16] {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0.finalize()[..16]);
        first
    }
}

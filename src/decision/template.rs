//! How is a managed Secret rendered? The part of the spec that never issues: names, labels, annotations, keys.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// `spec.secret`, checked and with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The effective name of the Secret.
    pub name: Box<str>,
    /// Further labels; the operator's own win.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Further annotations; the operator's own prefix is refused.
    pub annotations: BTreeMap<Box<str>, Box<str>>,
    /// The data keys.
    pub keys: KeyNames,
}

/// The names of the data keys, after renames.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyNames {
    /// Holds the token itself: `access_token` or `service_token` by default.
    pub token: Box<str>,
    /// Holds `Bearer`.
    pub token_type: Box<str>,
    /// Holds what an HTTP client sends.
    pub authorization: Box<str>,
    /// Holds the end of the token's life, RFC 3339.
    pub expires_at: Box<str>,
}

/// Which token a Secret holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// An access token, whole or scoped, under `access_token`.
    AccessToken,
    /// A service token, under `service_token`.
    ServiceToken,
}

impl Template {
    /// The hash that a Secret written from this template shows.
    #[must_use]
    pub fn rendering(&self) -> u64 {
        let keys = [&self.keys.token, &self.keys.token_type, &self.keys.authorization, &self.keys.expires_at];
        rendering(
            keys.into_iter().map(AsRef::as_ref),
            self.labels.iter().map(|(k, v)| (k.as_ref(), v.as_ref())),
            self.annotations.iter().map(|(k, v)| (k.as_ref(), v.as_ref())),
        )
    }
}

/// The hash of what a Secret shows besides values and record. Label and annotation pairs exclude the operator's own.
/// Within one process only: never stored.
pub fn rendering<'a>(
    keys: impl Iterator<Item = &'a str>,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
) -> u64 {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    let mut labels: Vec<_> = labels.collect();
    labels.sort_unstable();
    let mut annotations: Vec<_> = annotations.collect();
    annotations.sort_unstable();
    let mut hasher = DefaultHasher::new();
    (keys, labels, annotations).hash(&mut hasher);
    hasher.finish()
}

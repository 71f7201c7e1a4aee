//! Which apps does the emulator know, which purposes, and how long do tokens live? Parsed from flags or a file.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the emulator starts with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// The apps.
    pub apps: Vec<App>,
    /// The registered purposes by name.
    pub purposes: BTreeMap<String, Purpose>,
    /// Seconds that an access token lives.
    #[serde(rename = "accessTokenTTL")]
    pub access_token_ttl: i64,
    /// Seconds that a scoped token lives, unless its service token ends earlier.
    #[serde(rename = "scopedTokenTTL")]
    pub scoped_token_ttl: i64,
    /// Seconds that the emulator's clock is ahead.
    pub clock_ahead: i64,
}

/// A developer app.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// Its key.
    pub client_id: String,
    /// Its secret. The emulator's secrets protect nothing.
    pub client_secret: String,
    /// Its scope.
    #[serde(default)]
    pub scope: AppScope,
    /// The purposes that its roles may ask service tokens for; absent: every registered one.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
}

/// The two scopes of apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppScope {
    /// Server to server: may call everything.
    #[default]
    Backend,
    /// For user interfaces: exchanges, and asks for no service token.
    Frontend,
}

/// The claims of a purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Purpose {
    /// Claims that must be there.
    pub required: Vec<String>,
    /// Claims that may be there.
    pub optional: Vec<String>,
}

/// Why a flag or file is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// Not `ID:SECRET`, `ID:SECRET:SCOPE` or `ID:SECRET:SCOPE:PURPOSE,…`.
    #[error("an app is written ID:SECRET[:backend|frontend[:PURPOSE,...]]")]
    App,
    /// Not `NAME=CLAIM,CLAIM?`.
    #[error("a purpose is written NAME=CLAIM,CLAIM? (with a question mark: may be left out)")]
    Purpose,
    /// The file cannot be read as settings.
    #[error(
        "the file is not YAML or JSON with apps, purposes, accessTokenTTL, scopedTokenTTL (seconds), clockAhead"
    )]
    File,
}

/// An access token of the real service lives 10 hours.
const TEN_HOURS: i64 = 36_000;

impl Default for Settings {
    fn default() -> Self {
        let purpose = |name: &str, required: &str, optional: &[&str]| {
            let purpose = Purpose {
                required: vec![required.to_owned()],
                optional: optional.iter().map(|&name| name.to_owned()).collect(),
            };
            (name.to_owned(), purpose)
        };
        Self {
            apps: Vec::new(),
            purposes: BTreeMap::from([
                purpose("api.rocketlawyer.com/rocketdoc", "interviewId", &["partnerEndUserId"]),
                purpose("api.rocketlawyer.com/binder-party-access", "upid", &[]),
            ]),
            access_token_ttl: TEN_HOURS,
            scoped_token_ttl: TEN_HOURS,
            clock_ahead: 0,
        }
    }
}

impl Settings {
    /// Settings from a YAML or JSON text.
    pub fn from_text(text: &str) -> Result<Self, BadSettings> {
        serde_saphyr::from_str(text).map_err(|_| BadSettings::File)
    }

    /// Adds `NAME=CLAIM,CLAIM?`.
    pub fn add_purpose(&mut self, text: &str) -> Result<(), BadSettings> {
        let (name, claims) = text.split_once('=').ok_or(BadSettings::Purpose)?;
        if name.is_empty() {
            return Err(BadSettings::Purpose);
        }
        let mut purpose = Purpose::default();
        for claim in claims.split(',').filter(|claim| !claim.is_empty()) {
            match claim.strip_suffix('?') {
                Some(claim) => purpose.optional.push(claim.to_owned()),
                None => purpose.required.push(claim.to_owned()),
            }
        }
        self.purposes.insert(name.to_owned(), purpose);
        Ok(())
    }
}

impl App {
    /// An app that may do all that its scope may.
    #[must_use]
    pub fn new(client_id: &str, client_secret: &str, scope: AppScope) -> Self {
        Self { client_id: client_id.to_owned(), client_secret: client_secret.to_owned(), scope, roles: None }
    }

    /// Whether its roles may ask service tokens for `purpose`.
    #[must_use]
    pub fn may_ask_for(&self, purpose: &str) -> bool {
        let by_role = self.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| role == purpose));
        self.scope == AppScope::Backend && by_role
    }
}

impl FromStr for App {
    type Err = BadSettings;

    fn from_str(text: &str) -> Result<Self, BadSettings> {
        let mut parts = text.splitn(4, ':');
        let client_id = parts.next().filter(|id| !id.is_empty()).ok_or(BadSettings::App)?;
        let secret = parts.next().filter(|secret| !secret.is_empty()).ok_or(BadSettings::App)?;
        let scope = match parts.next() {
            None | Some("backend") => AppScope::Backend,
            Some("frontend") => AppScope::Frontend,
            Some(_) => return Err(BadSettings::App),
        };
        let mut app = Self::new(client_id, secret, scope);
        app.roles = parts.next().map(|roles| {
            let named = roles.split(',').filter(|role| !role.is_empty());
            named.map(str::to_owned).collect()
        });
        Ok(app)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("App");
        shown.field("client_id", &self.client_id).field("scope", &self.scope);
        shown.field("roles", &self.roles).finish_non_exhaustive()
    }
}

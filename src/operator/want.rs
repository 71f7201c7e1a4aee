//! What does an object want of a Secret that is read whole, and what does it make of it? Pure. The read itself is one for all
//! who want the same Secret: each takes its own part, and the rest is wiped.

use std::sync::Arc;

use super::effect::Outcome;
use crate::cluster::ReadFailed;
use crate::cluster::managed_secret::StoredSecret;
use crate::cluster::secrets::LoginLook;
use crate::decision::{Delivery, Key, Kind, Record, SeenSecret, Template};
use crate::state::spec::LoginRef;
use crate::state::{HeldToken, SecretName};
use crate::token::{AccessToken, ScopedToken, ServiceToken};

/// What an object wants of it.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// Key and secret, out of a client Secret.
    Login(LoginRef),
    /// The token back, out of a managed one.
    Token { template: Template, delivery: Delivery },
}

/// What was found.
pub(super) type Found = Result<Option<StoredSecret>, ReadFailed>;

/// A token read back.
#[derive(Debug)]
pub(super) enum Recall {
    /// There is no such Secret of ours any more.
    Gone,
    /// It was edited, and the token is not to be trusted.
    Damaged(SeenSecret),
    /// The token with its record.
    Token(HeldToken, Record, SeenSecret),
}

impl Want {
    /// Which Secret that is, for this object.
    pub(super) fn secret(&self, key: &Key) -> SecretName {
        let name = match self {
            Self::Login(login) => &login.name,
            Self::Token { template, .. } => &template.name,
        };
        (key.namespace.clone(), (&**name).into())
    }

    /// What the object makes of it.
    pub(super) fn of(self, found: &Found, kind: Kind) -> Outcome {
        let found = found.as_ref().map(Option::as_ref).map_err(|failed| *failed);
        match self {
            Self::Login(login) => {
                let look = |stored| LoginLook::of(stored, &login.id_key, &login.secret_key);
                let look = found.map(|stored| stored.map_or(LoginLook::Absent, look));
                Outcome::Login(login, look)
            }
            Self::Token { template, delivery } => {
                Outcome::Recalled(found.map(|stored| recall(stored, &template, delivery, kind)))
            }
        }
    }
}

/// The token as it was written, or beneath keys that somebody added.
pub(super) fn recall(
    stored: Option<&StoredSecret>,
    template: &Template,
    delivery: Delivery,
    kind: Kind,
) -> Recall {
    let Some(stored) = stored.filter(|stored| stored.has_our_type()) else {
        return Recall::Gone;
    };
    let seen = stored.seen();
    let read = |text: &str| held(text, delivery, kind);
    let whole = stored.token(read).zip(seen.record.clone());
    match whole.or_else(|| stored.salvage(&template.keys, read)) {
        Some((token, record)) => Recall::Token(token, record, seen),
        None => Recall::Damaged(seen),
    }
}

/// The text as a token of this kind.
pub(super) fn held(text: &str, delivery: Delivery, kind: Kind) -> Option<HeldToken> {
    match (kind, delivery) {
        (Kind::Credential, _) => AccessToken::read(text).map(|token| HeldToken::Access(Arc::new(token))),
        (Kind::Request, Delivery::AccessToken) => {
            ScopedToken::read(text).map(|token| HeldToken::Scoped(Arc::new(token)))
        }
        (Kind::Request, Delivery::ServiceToken) => {
            ServiceToken::read(text).map(|token| HeldToken::Service(Arc::new(token)))
        }
    }
}

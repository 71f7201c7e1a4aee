//! A client Secret was read: what does that change? Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::{read_failed, setback};
use crate::auth::Login;
use crate::cluster::ReadFailed;
use crate::cluster::secrets::{Entry, LoginLook};
use crate::decision::{FailedStep, Failure, InputsHash, Key, LoginGap, Validity, inputs};
use crate::state::{LoginState, Object, State};

pub(super) fn login(
    state: &mut State,
    key: &Key,
    look: Result<LoginLook, ReadFailed>,
    now: Timestamp,
) -> Vec<Key> {
    let found = match look {
        Ok(found) => found,
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ReadClientSecret, failed), now);
            return Vec::new();
        }
    };
    if is_behind(state, key, &found) {
        // The watch knows better by now: read again, in a moment.
        setback(state, key, super::api_server(FailedStep::ReadClientSecret), now);
        return Vec::new();
    }
    let record_made_with = recorded_made_with(state, key);
    let Some(object) = state.object_mut(key) else {
        return Vec::new();
    };
    let failure = object.work.failure.take();
    object.work.failure = failure.filter(|it| it.step != FailedStep::ReadClientSecret);
    let Some(credential) = object.credential_mut() else {
        return Vec::new();
    };
    let session = &mut credential.session;
    let first = session.login_version.is_none();
    match found {
        LoginLook::Absent => {
            session.login = LoginState::Absent;
            session.login_version = None;
            session.validity = Validity::Unknown;
        }
        LoginLook::Found {
            client_id,
            client_secret,
            version,
        } => {
            session.login = login_state(client_id, client_secret);
            session.login_version = Some(version);
            let made_with = session.login().map(|login| {
                login
                    .client_secret
                    .sign(&inputs::credential_made_with(&login.client_id))
            });
            if made_with.is_some() && made_with == record_made_with {
                session.validity = Validity::Accepted;
            } else if !first {
                session.validity = Validity::Unknown;
            }
        }
    }
    if first {
        adopt_inherited_failure(state, key);
    }
    state.stop_waiting(key)
}

/// Whether what was read is older than what the watch has shown since.
fn is_behind(state: &State, key: &Key, found: &LoginLook) -> bool {
    let name = state.object(key).and_then(Object::login_name);
    let known = name.and_then(|name| state.secrets().login_version(&key.namespace, name));
    match (known, found) {
        (None, _) => false,
        (Some(_), LoginLook::Absent) => true,
        (Some(known), LoginLook::Found { version, .. }) => *version < known,
    }
}

pub(super) fn recorded_made_with(state: &State, key: &Key) -> Option<[u8; 16]> {
    let facts = crate::credential::facts(state, key)?;
    match facts.record()?.inputs {
        InputsHash::V1 { made_with, .. } => Some(made_with),
        InputsHash::Other(_) => None,
    }
}

/// A failure that an earlier process left counts as one of this client Secret, now that it is known.
pub(super) fn adopt_inherited_failure(state: &mut State, key: &Key) {
    let Some(stamp) = crate::credential::facts(state, key).map(|facts| facts.stamp) else {
        return;
    };
    if let Some(failure) = state.object_mut(key).and_then(|it| it.work.failure.as_mut())
        && failure.stamp == Failure::INHERITED
    {
        failure.stamp = stamp;
    }
}

pub(super) fn login_state(
    client_id: Entry<Box<str>>,
    client_secret: Entry<crate::token::ClientSecret>,
) -> LoginState {
    match (client_id, client_secret) {
        (Entry::Usable(client_id), Entry::Usable(client_secret)) => LoginState::Ready(Arc::new(Login {
            client_id: client_id.into(),
            client_secret,
        })),
        (Entry::Missing, _) => LoginState::Incomplete(LoginGap::NoId),
        (Entry::Usable(_), Entry::Missing) => LoginState::Incomplete(LoginGap::NoSecret),
        (Entry::Unusable, _) | (_, Entry::Unusable) => LoginState::Incomplete(LoginGap::Unprintable),
    }
}

//! A client Secret was read: what does that change? Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::{read_failed, setback};
use crate::auth::Login;
use crate::cluster::ReadFailed;
use crate::cluster::secrets::{Entry, LoginLook};
use crate::decision::{FailedStep, InputsHash, Key, LoginGap, Validity, inputs};
use crate::state::spec::LoginRef;
use crate::state::{LoginState, Object, Session, State};

pub(super) fn login(
    state: &mut State,
    key: &Key,
    asked: &LoginRef,
    look: Result<LoginLook, ReadFailed>,
    now: Timestamp,
) -> Vec<Key> {
    let wanted = state.credential(key).and_then(|it| it.spec.as_ref().ok()).map(|spec| &spec.login);
    if wanted != Some(asked) {
        // The spec names another Secret by now: what this one holds is not for where that one's may go.
        return Vec::new();
    }
    let found = match look {
        Ok(found) => found,
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ReadClientSecret, failed), now);
            return Vec::new();
        }
    };
    if is_gone(state, key, &found) {
        // Its end was seen since: that it is absent is known.
        return Vec::new();
    }
    if is_behind(state, key, &found) {
        // The watch knows better by now: read again, in a moment.
        setback(state, key, super::api_server(FailedStep::ReadClientSecret), now);
        return Vec::new();
    }
    let record_made_with = recorded_made_with(state, key);
    let Some(object) = state.object_mut(key) else {
        return Vec::new();
    };
    object.work.failures.forgive(&[FailedStep::ReadClientSecret]);
    let Some(credential) = object.credential_mut() else {
        return Vec::new();
    };
    let first = !std::mem::replace(&mut credential.session.login_was_known, true);
    take_in(&mut credential.session, found, record_made_with, first);
    if first {
        adopt_inherited_failure(state, key);
    } else if let Some(object) = state.object_mut(key) {
        object.work.failures.drop_inherited();
    }
    // Another client id makes other tokens: those who exchange with it look again, and so do those who waited.
    let mut wake = state.stop_waiting(key);
    wake.extend(state.referrers(key).cloned());
    wake
}

/// What was read becomes the session's login.
fn take_in(session: &mut Session, found: LoginLook, record_made_with: Option<[u8; 16]>, first: bool) {
    let LoginLook::Found { client_id, client_secret, version } = found else {
        // What the service said last is not unsaid by it.
        session.login = LoginState::Absent;
        session.login_version = None;
        return;
    };
    session.login = login_state(client_id, client_secret);
    session.login_version = Some(version);
    let made_with = session.made_with();
    let as_before = made_with.is_some() && made_with == record_made_with;
    session.validity = match (as_before, first, session.validity) {
        // What the service said before a restart still stands.
        (_, true, said) if !as_before || said != Validity::Unknown => said,
        // The live token was made with this.
        (true, ..) => Validity::Accepted,
        (false, ..) => Validity::Unknown,
    };
}

/// Whether what was read was deleted since.
fn is_gone(state: &State, key: &Key, found: &LoginLook) -> bool {
    match (state.object(key).and_then(Object::login_name), found) {
        (Some(name), LoginLook::Found { version, .. }) => {
            state.secrets().is_gone(&key.namespace, name, *version)
        }
        _ => false,
    }
}

/// Whether what was read is older than what the watch has shown since.
fn is_behind(state: &State, key: &Key, found: &LoginLook) -> bool {
    let name = state.object(key).and_then(Object::login_name);
    let known = name.and_then(|name| state.secrets().login_version(&key.namespace, name));
    match (known, found) {
        (None, _) => false,
        (Some(_), LoginLook::Absent) => true,
        (Some(known), LoginLook::Found { version, .. }) => version.is_before(known),
    }
}

fn recorded_made_with(state: &State, key: &Key) -> Option<[u8; 16]> {
    let facts = crate::credential::facts(state, key)?;
    match facts.record()?.inputs {
        InputsHash::V1 { made_with, .. } => Some(made_with),
        InputsHash::Other(_) => None,
    }
}

/// A failure that an earlier process left counts as one of this client Secret, now that it is known.
fn adopt_inherited_failure(state: &mut State, key: &Key) {
    let Some(stamp) = crate::credential::facts(state, key).map(|facts| facts.stamp) else {
        return;
    };
    if let Some(object) = state.object_mut(key) {
        object.work.failures.adopt_inherited(stamp);
    }
}

fn login_state(client_id: Entry<Box<str>>, client_secret: Entry<crate::token::ClientSecret>) -> LoginState {
    match (client_id, client_secret) {
        (Entry::Usable(client_id), Entry::Usable(client_secret)) => {
            let made_with = client_secret.sign(&inputs::credential_made_with(&client_id));
            LoginState::Ready {
                login: Arc::new(Login { client_id: client_id.into(), client_secret }),
                made_with,
            }
        }
        (Entry::Missing, _) => LoginState::Incomplete(LoginGap::NoId),
        (Entry::Usable(_), Entry::Missing) => LoginState::Incomplete(LoginGap::NoSecret),
        (Entry::Unusable, _) | (_, Entry::Unusable) => LoginState::Incomplete(LoginGap::Unprintable),
    }
}

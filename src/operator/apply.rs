//! What does an outcome change in what is known? Pure. A failure becomes a delay here; nothing is decided again before the
//! uid, resourceVersion and record of our own write are in memory (behaviour §1.5).

use jiff::Timestamp;

use super::effect::{Issue, Outcome, Purpose, Recall, WriteFailed};
use crate::api::Reason;
use crate::auth::{self, Call, Class, Fault, Issued, Login, Scope};
use crate::cluster::ReadFailed;
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::{Entry, LoginLook, Look, WriteRefused};
use crate::decision::{
    Cause, FailedStep, Key, LoginGap, Record, RetryClass, SeenSecret, Setback, Validity, another_failure,
    inputs,
};
use crate::state::{Held, HeldToken, LoginState, Offer, State};

/// What an outcome brings about besides.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    /// The objects that look again.
    pub wake: Vec<Key>,
    /// A Secret that somebody had deleted or edited is as it should be again.
    pub restored: bool,
}

/// Takes an outcome into memory.
pub(super) fn apply(state: &mut State, key: &Key, outcome: Outcome, now: Timestamp) -> Aftermath {
    let mut aftermath = Aftermath::default();
    match outcome {
        Outcome::Login(look) => aftermath.wake = login(state, key, look, now),
        Outcome::Looked(look) => looked(state, key, look, now),
        Outcome::Owner(owner) => owner_seen(state, key, owner, now),
        Outcome::Recalled(recalled) => aftermath.wake = recall(state, key, recalled, now),
        Outcome::Rehearsed(Ok(())) => {
            if let Some(object) = state.object_mut(key) {
                object.work.care.rehearse = false;
                object.work.failure = None;
            }
        }
        Outcome::Rehearsed(Err(failed)) => refused_write(state, key, failed, now),
        Outcome::Issued {
            issue,
            purpose,
            result,
        } => match result {
            Ok(issued) => aftermath.wake = took(state, key, &issue, purpose, issued),
            Err((call, fault)) => aftermath.wake = fault_of(state, key, &issue, &purpose, (call, fault), now),
        },
        Outcome::Written { record, result, .. } => match result {
            Ok(seen) => aftermath.restored = wrote(state, key, &record, seen),
            Err(failed) => refused_write(state, key, failed, now),
        },
        Outcome::Finished(deletion) => finished(state, key, deletion, now),
        Outcome::Published(_) => {}
        Outcome::Panicked => setback(state, key, api_server(FailedStep::Internal), now),
    }
    aftermath
}

fn login(state: &mut State, key: &Key, look: Result<LoginLook, ReadFailed>, now: Timestamp) -> Vec<Key> {
    let found = match look {
        Ok(found) => found,
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ReadClientSecret, failed), now);
            return Vec::new();
        }
    };
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

fn recorded_made_with(state: &State, key: &Key) -> Option<[u8; 16]> {
    let facts = crate::credential::facts(state, key)?;
    match facts.record()?.inputs {
        crate::decision::InputsHash::V1 { made_with, .. } => Some(made_with),
        crate::decision::InputsHash::Other(_) => None,
    }
}

/// A failure that an earlier process left counts as one of this client Secret, now that it is known.
fn adopt_inherited_failure(state: &mut State, key: &Key) {
    let Some(stamp) = crate::credential::facts(state, key).map(|facts| facts.stamp) else {
        return;
    };
    if let Some(failure) = state.object_mut(key).and_then(|it| it.work.failure.as_mut())
        && failure.stamp == crate::decision::Failure::INHERITED
    {
        failure.stamp = stamp;
    }
}

fn login_state(client_id: Entry<Box<str>>, client_secret: Entry<crate::token::ClientSecret>) -> LoginState {
    match (client_id, client_secret) {
        (Entry::Usable(client_id), Entry::Usable(client_secret)) => {
            LoginState::Ready(std::sync::Arc::new(Login {
                client_id: client_id.into(),
                client_secret,
            }))
        }
        (Entry::Missing, _) => LoginState::Incomplete(LoginGap::NoId),
        (Entry::Usable(_), Entry::Missing) => LoginState::Incomplete(LoginGap::NoSecret),
        (Entry::Unusable, _) | (_, Entry::Unusable) => LoginState::Incomplete(LoginGap::Unprintable),
    }
}

fn looked(state: &mut State, key: &Key, look: Result<Look, ReadFailed>, now: Timestamp) {
    let Some(name) = secret_name(state, key) else {
        return;
    };
    match look {
        Ok(Look::Absent) => state.know_no_secret(&key.namespace, &name),
        Ok(Look::Ours(seen)) => {
            state.know_secret(&key.namespace, &name, seen);
        }
        Ok(Look::Foreign) => state.know_other_secret(&key.namespace, &name),
        Err(failed) => {
            return setback(
                state,
                key,
                read_failed(FailedStep::ReadManagedSecret, failed),
                now,
            );
        }
    }
    if let Some(object) = state.object_mut(key) {
        object.work.look = false;
    }
}

fn owner_seen(state: &mut State, key: &Key, owner: Result<OwnerNow, ReadFailed>, now: Timestamp) {
    match owner {
        Ok(OwnerNow::Present { uid, deleting, .. }) => {
            if let Some(object) = state.object_mut(key) {
                if *object.meta.uid == *uid && !deleting {
                    object.work.care.owner_confirmed = true;
                } else {
                    object.meta.deleting = true;
                }
            }
        }
        Ok(OwnerNow::Absent) => end(state, key),
        Err(failed) => setback(
            state,
            key,
            read_failed(FailedStep::ReadManagedSecret, failed),
            now,
        ),
    }
}

fn recall(state: &mut State, key: &Key, recalled: Result<Recall, ReadFailed>, now: Timestamp) -> Vec<Key> {
    let Some(name) = secret_name(state, key) else {
        return Vec::new();
    };
    match recalled {
        Ok(Recall::Gone) => state.lose_secret(&key.namespace, &name, None),
        Ok(Recall::Damaged(seen)) => {
            state.know_secret(&key.namespace, &name, seen);
            if let Some(object) = state.object_mut(key) {
                object.work.care.content_lost = true;
            }
            Vec::new()
        }
        Ok(Recall::Token(token, record, seen)) => {
            state.know_secret(&key.namespace, &name, seen);
            hold(state, key, Held { record, token });
            Vec::new()
        }
        Err(failed) => {
            setback(
                state,
                key,
                read_failed(FailedStep::ReadManagedSecret, failed),
                now,
            );
            Vec::new()
        }
    }
}

/// Holds a token. Of a credential it is a new generation: a refusal of an earlier one no longer counts.
fn hold(state: &mut State, key: &Key, held: Held) {
    let Some(object) = state.object_mut(key) else {
        return;
    };
    object.work.held = Some(held);
    if let Some(credential) = object.credential_mut() {
        credential.session.generation += 1;
    }
}

fn took(
    state: &mut State,
    key: &Key,
    issue: &Issue,
    purpose: Purpose,
    issued: Issued<HeldToken>,
) -> Vec<Key> {
    let lost = matches!(
        purpose.cause,
        Cause::SecretIsMissing | Cause::RecordIsUnreadable | Cause::TokenWasEdited
    );
    let issued_at = issued.issued_at;
    let record = Record {
        issued_at,
        expires_at: issued.expires_at,
        inputs: purpose.inputs,
        renew_handled: purpose.renew_request,
    };
    hold(
        state,
        key,
        Held {
            record,
            token: issued.token,
        },
    );
    if let Some(object) = state.object_mut(key) {
        object.work.failure = None;
        object.work.announced = true;
        if lost && (object.work.care.vanished || object.work.care.content_lost) {
            object.work.care.last_repair = Some(issued_at);
        }
        if let Some(credential) = object.credential_mut() {
            credential.session.validity = Validity::Accepted;
            credential.session.unproven = credential.session.refused.is_some();
            credential.session.clock_ahead = issued.service_clock_ahead.or(credential.session.clock_ahead);
            credential.name_application(issued.application);
        }
    }
    match issue {
        Issue::Access(_) => Vec::new(),
        Issue::Scoped(errand) => accepted(state, key, errand.generation),
    }
}

/// A request's calls were answered: the credentials they were made with are good.
fn accepted(state: &mut State, key: &Key, generation: u64) -> Vec<Key> {
    let mut wake = Vec::new();
    for credential in credentials_of(state, key) {
        if let Some(session) = state.session_mut(&credential) {
            if session.generation == generation {
                session.unproven = false;
            }
            if session.validity != Validity::Accepted {
                session.validity = Validity::Accepted;
                wake.push(credential);
            }
        }
    }
    wake
}

fn fault_of(
    state: &mut State,
    key: &Key,
    issue: &Issue,
    purpose: &Purpose,
    (call, fault): (Call, Fault),
    now: Timestamp,
) -> Vec<Key> {
    if let (Issue::Scoped(errand), Class::OurTokenRefused) = (issue, fault.class) {
        return token_refused(state, key, errand, call, fault, now);
    }
    let culprit = match (issue, fault.scope, call) {
        (Issue::Scoped(_), Scope::Credential, Call::Exchange) => exchanger_of(state, key),
        (Issue::Scoped(_), Scope::Credential, _) => credentials_of(state, key).into_iter().next(),
        _ => None,
    };
    match culprit {
        Some(credential) => park_at_credential(state, &credential, call, fault, now),
        None => {
            if matches!(issue, Issue::Access(_)) && fault.class == Class::CredentialRefused {
                refuse_login(state, key);
            }
            setback(
                state,
                key,
                Setback {
                    stamp: purpose.stamp,
                    ..of_fault(call, fault)
                },
                now,
            );
            Vec::new()
        }
    }
}

/// Behaviour §3.4: of the current generation, the credential issues anew, once; of an earlier one, the request tries again.
fn token_refused(
    state: &mut State,
    key: &Key,
    errand: &crate::scoped_token::issue::Errand,
    call: Call,
    fault: Fault,
    now: Timestamp,
) -> Vec<Key> {
    let Some(credential) = credentials_of(state, key).into_iter().next() else {
        return Vec::new();
    };
    let Some(session) = state.session_mut(&credential) else {
        return Vec::new();
    };
    if !session.refuse(errand.generation, errand.access_issued_at) {
        return Vec::new();
    }
    session.offer = Offer::Working;
    if session.unproven {
        return park_at_credential(state, &credential, call, fault, now);
    }
    vec![credential]
}

fn park_at_credential(
    state: &mut State,
    credential: &Key,
    call: Call,
    fault: Fault,
    now: Timestamp,
) -> Vec<Key> {
    if fault.class == Class::CredentialRefused {
        refuse_login(state, credential);
    }
    setback(state, credential, of_fault(call, fault), now);
    if let Some(failure) = state.object(credential).and_then(|it| it.work.failure.as_ref()) {
        let offer = Offer::NotReady(failure.reason);
        if let Some(session) = state.session_mut(credential) {
            session.offer = offer;
        }
    }
    vec![credential.clone()]
}

fn refuse_login(state: &mut State, credential: &Key) {
    if let Some(session) = state.session_mut(credential) {
        session.validity = Validity::Refused;
    }
}

fn credentials_of(state: &State, key: &Key) -> Vec<Key> {
    crate::scoped_token::waits_for(state, key).cloned().collect()
}

fn exchanger_of(state: &State, key: &Key) -> Option<Key> {
    let spec = state.object(key)?.request()?.spec.as_ref().ok()?;
    spec.exchanger().map(|name| name.key.clone())
}

fn wrote(state: &mut State, key: &Key, record: &Record, seen: SeenSecret) -> bool {
    let Some(name) = secret_name(state, key) else {
        return false;
    };
    let edited = state
        .secrets()
        .managed(&key.namespace, &name)
        .is_some_and(|it| it.content == crate::decision::Content::Edited);
    state.know_secret(&key.namespace, &name, seen);
    let Some(object) = state.object_mut(key) else {
        return false;
    };
    let care = &mut object.work.care;
    let restored = edited || care.vanished;
    care.vanished = false;
    care.owner_confirmed = false;
    care.content_lost = false;
    care.rehearse = false;
    object.work.look = false;
    object.work.failure = None;
    let written = object
        .work
        .held
        .as_ref()
        .is_some_and(|held| held.record == *record);
    if written && object.credential().is_none() {
        object.work.held = None;
    }
    restored
}

fn refused_write(state: &mut State, key: &Key, failed: WriteFailed, now: Timestamp) {
    let Some(object) = state.object_mut(key) else {
        return;
    };
    match failed.refused {
        WriteRefused::Exists | WriteRefused::Conflict | WriteRefused::Gone | WriteRefused::Timeout => {
            object.work.look = true;
        }
        WriteRefused::NamespaceTerminating | WriteRefused::NamespaceAbsent => {
            object.work.care.namespace_is_going = true;
        }
        WriteRefused::Forbidden { .. }
        | WriteRefused::Immutable
        | WriteRefused::Invalid
        | WriteRefused::Quota => {
            let reason = if failed.right_is_missing {
                Reason::ClusterAccessDenied
            } else {
                Reason::SecretWriteRefused
            };
            let setback_ = Setback {
                reason,
                class: RetryClass::WriteRefused,
                ..api_server(FailedStep::WriteSecret)
            };
            setback(state, key, setback_, now);
        }
        WriteRefused::Unavailable { .. } => setback(state, key, api_server(FailedStep::WriteSecret), now),
    }
}

fn finished(state: &mut State, key: &Key, deletion: Deletion, now: Timestamp) {
    match deletion {
        Deletion::Done => end(state, key),
        Deletion::Conflict | Deletion::Unavailable => {
            setback(state, key, api_server(FailedStep::Delete), now)
        }
        Deletion::Forbidden => {
            let denied = Setback {
                reason: Reason::ClusterAccessDenied,
                class: RetryClass::WriteRefused,
                ..api_server(FailedStep::Delete)
            };
            setback(state, key, denied, now);
        }
    }
}

/// The object is going: it gets no effect any more.
fn end(state: &mut State, key: &Key) {
    if let Some(object) = state.object_mut(key) {
        object.meta.deleting = true;
    }
}

/// Notes a failure of `key`; its stamp, unless it is given, is what the object depends on now.
fn setback(state: &mut State, key: &Key, news: Setback, now: Timestamp) {
    let Some((stamp, life_left)) = super::decide::facts(state, key, now).map(|facts| {
        let left = facts
            .record()
            .map(|record| now.duration_until(record.expires_at))
            .filter(|left| left.is_positive());
        (facts.stamp, left)
    }) else {
        return;
    };
    let news = if news.stamp == crate::decision::Failure::INHERITED {
        Setback { stamp, ..news }
    } else {
        news
    };
    if let Some(object) = state.object_mut(key) {
        let failure = another_failure(
            object.work.failure.as_ref(),
            &news,
            &object.meta.uid,
            life_left,
            now,
        );
        object.work.failure = Some(failure);
    }
}

fn read_failed(step: FailedStep, failed: ReadFailed) -> Setback {
    match failed {
        ReadFailed::Forbidden => Setback {
            reason: Reason::ClusterAccessDenied,
            class: RetryClass::WriteRefused,
            ..api_server(step)
        },
        ReadFailed::Unavailable { .. } => api_server(step),
    }
}

/// The API server did not do what was asked, for now.
fn api_server(step: FailedStep) -> Setback {
    Setback {
        step,
        reason: Reason::Pending,
        class: RetryClass::Transient,
        http_status: None,
        error_code: None,
        stamp: crate::decision::Failure::INHERITED,
    }
}

/// The reason that a fault of the authentication service is told as.
#[must_use]
pub(super) fn reason_of(fault: Fault) -> Reason {
    match fault.kind() {
        auth::Kind::ServiceUnavailable => Reason::ServiceUnavailable,
        auth::Kind::UnexpectedResponse => Reason::UnexpectedResponse,
        auth::Kind::Throttled => Reason::Throttled,
        auth::Kind::QuotaExhausted => Reason::QuotaExhausted,
        auth::Kind::InvalidClient => Reason::InvalidClient,
        auth::Kind::RequestRejected => Reason::RequestRejected,
        auth::Kind::AccessDenied | auth::Kind::AccessTokenRefused => Reason::AccessDenied,
        auth::Kind::UnusableToken => Reason::UnusableToken,
    }
}

/// A fault of the authentication service, and how it is retried (behaviour §4.1, §4.3).
fn of_fault(call: Call, fault: Fault) -> Setback {
    let reason = reason_of(fault);
    let class = match reason {
        Reason::ServiceUnavailable | Reason::UnexpectedResponse => RetryClass::Transient,
        Reason::Throttled | Reason::QuotaExhausted => RetryClass::Throttled(fault.retry_after),
        _ => RetryClass::Refused,
    };
    Setback {
        step: match call {
            Call::AccessToken => FailedStep::AccessToken,
            Call::ServiceToken => FailedStep::ServiceToken,
            Call::Exchange => FailedStep::Exchange,
        },
        reason,
        class,
        http_status: fault.http_status,
        error_code: fault.error_code.map(crate::auth::ErrorCode::as_str),
        stamp: crate::decision::Failure::INHERITED,
    }
}

fn secret_name(state: &State, key: &Key) -> Option<Box<str>> {
    state.object(key)?.secret_name().map(Into::into)
}

//! The authentication service answered: what does that change, and for whom? Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::effect::{Issue, Purpose};
use super::super::offers;
use super::secret::hold;
use super::setback;
use crate::api::Reason;
use crate::auth::{self, Call, Class, ErrorCode, Fault, Issued, Scope};
use crate::decision::{Cause, Content, FailedStep, Failure, Key, Record, RetryClass, Setback, Validity};
use crate::scoped_token;
use crate::state::{Held, HeldToken, Session, State};

pub(super) fn took(
    state: &mut State,
    key: &Key,
    issue: &Issue,
    purpose: Purpose,
    issued: Issued<HeldToken>,
) -> Vec<Key> {
    let cause = purpose.cause;
    let issued_at = issued.issued_at;
    let edited = cause.makes_unfit() && secret_was_edited(state, key);
    let record = Record {
        issued_at,
        expires_at: issued.expires_at,
        inputs: purpose.inputs,
        renew_handled: purpose.renew_request,
    };
    hold(state, key, Held { record, token: issued.token });
    if let Some(object) = state.object_mut(key) {
        object.work.failure = None;
        object.work.announced = true;
        if edited || is_repair(cause, object.work.care.vanished) {
            object.work.care.last_repair = Some(issued_at);
        }
        if let Some(credential) = object.credential_mut() {
            credential.session.validity = Validity::Accepted;
            credential.session.unproven = cause == Cause::TokenWasRefused;
            credential.session.clock_ahead = issued.service_clock_ahead.or(credential.session.clock_ahead);
            credential.name_application(issued.application);
        }
    }
    match issue {
        Issue::Access(_) => Vec::new(),
        Issue::Scoped(errand) => accepted(state, key, errand),
    }
}

/// Whether the record that asked for this token was not as the operator wrote it.
fn secret_was_edited(state: &State, key: &Key) -> bool {
    let name = super::secret_name(state, key);
    let seen = name.and_then(|name| state.secrets().managed(&key.namespace, &name));
    seen.is_some_and(|seen| seen.content == Content::Edited)
}

/// Whether a Secret that was there is replaced: rarely (behaviour §1.6).
fn is_repair(cause: Cause, vanished: bool) -> bool {
    match cause {
        Cause::RecordIsUnreadable | Cause::TokenWasEdited => true,
        Cause::SecretIsMissing => vanished,
        _ => false,
    }
}

/// Whether the exchange was made with the login as it is now.
fn is_current(session: &Session, errand: &scoped_token::issue::Errand) -> bool {
    match (session.login(), &errand.exchanger) {
        (Some(now), Some(then)) => Arc::ptr_eq(now, then),
        _ => false,
    }
}

/// A request's calls were answered: what they were made with is good, and what was parked for it goes on.
pub(super) fn accepted(state: &mut State, key: &Key, errand: &scoped_token::issue::Errand) -> Vec<Key> {
    let mut wake = Vec::new();
    if let Some(credential) = credentials_of(state, key).into_iter().next() {
        if let Some(session) = state.session_mut(&credential).filter(|it| it.generation == errand.generation)
        {
            session.unproven = false;
            session.refused = None;
        }
        if forgive(state, &credential, FailedStep::ServiceToken) {
            wake.push(credential);
        }
    }
    if let Some(exchanger) = exchanger_of(state, key) {
        let news = state.session_mut(&exchanger).is_some_and(|session| {
            let news = is_current(session, errand) && session.validity != Validity::Accepted;
            if news {
                session.validity = Validity::Accepted;
            }
            news
        });
        if forgive(state, &exchanger, FailedStep::Exchange) || news {
            wake.push(exchanger);
        }
    }
    wake
}

/// A failure that requests had met at their credential is over.
fn forgive(state: &mut State, credential: &Key, step: FailedStep) -> bool {
    let failure = state.object_mut(credential).map(|it| &mut it.work.failure);
    failure.is_some_and(|failure| failure.take_if(|it| it.step == step).is_some())
}

pub(super) fn fault_of(
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
    if let Some(credential) = culprit {
        if let (Issue::Scoped(errand), Call::Exchange) = (issue, call)
            && !state.credential(&credential).is_some_and(|it| is_current(&it.session, errand))
        {
            // Said of a client Secret that has changed since: the request tries again.
            return Vec::new();
        }
        return park_at_credential(state, &credential, call, fault, now);
    }
    if matches!(issue, Issue::Access(_)) && fault.class == Class::CredentialRefused {
        refuse_login(state, key);
    }
    setback(state, key, Setback { stamp: purpose.stamp, ..of_fault(call, fault) }, now);
    Vec::new()
}

/// Behaviour §3.4: of the current generation, the credential issues anew, once; of an earlier one, the request tries again.
pub(super) fn token_refused(
    state: &mut State,
    key: &Key,
    errand: &scoped_token::issue::Errand,
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
    if session.unproven {
        return park_at_credential(state, &credential, call, fault, now);
    }
    let mut wake = offers::refresh(state, &credential, now);
    wake.push(credential);
    wake
}

pub(super) fn park_at_credential(
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
    let mut wake = offers::refresh(state, credential, now);
    wake.push(credential.clone());
    wake
}

pub(super) fn refuse_login(state: &mut State, credential: &Key) {
    if let Some(session) = state.session_mut(credential) {
        session.validity = Validity::Refused;
    }
}

pub(super) fn credentials_of(state: &State, key: &Key) -> Vec<Key> {
    scoped_token::waits_for(state, key).cloned().collect()
}

pub(super) fn exchanger_of(state: &State, key: &Key) -> Option<Key> {
    let spec = state.object(key)?.request()?.spec.as_ref().ok()?;
    spec.exchanger().map(|name| name.key.clone())
}

/// The reason that a fault of the authentication service is told as.
#[must_use]
pub(in super::super) fn reason_of(fault: Fault) -> Reason {
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
pub(super) fn of_fault(call: Call, fault: Fault) -> Setback {
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
        error_code: fault.error_code.map(ErrorCode::as_str),
        stamp: Failure::INHERITED,
    }
}

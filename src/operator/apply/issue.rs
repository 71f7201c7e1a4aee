//! The authentication service answered: what does that change, and for whom? Pure.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::effect::{Issue, Purpose};
use super::super::offers;
use super::secret::hold;
use super::setback;
use crate::api::Reason;
use crate::auth::{self, Call, Class, ErrorCode, Fault, Issued, Login, Scope};
use crate::decision::{Cause, Content, FailedStep, Failure, Key, Record, RetryClass, Setback, Validity};
use crate::scoped_token::issue::{Errand, Party};
use crate::state::{Held, HeldToken, Object, Session, State};

/// Less than the first delay of a refusal: the next attempt is believed.
const A_MOMENT: SignedDuration = SignedDuration::from_mins(4);

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
        object.work.failures.forgive(forgiven(issue, cause));
        let had_a_token = std::mem::replace(&mut object.work.announced, true);
        if edited || object.work.care.strange || is_repair(cause, had_a_token) {
            object.work.care.last_repair = Some(issued_at);
        }
        object.work.care.asked_again = false;
        object.work.care.held_clock_set = object.work.clock_set_meanwhile;
    }
    match issue {
        Issue::Access(errand) => {
            if let Some(credential) = state.object_mut(key).and_then(Object::credential_mut) {
                let session = &mut credential.session;
                session.unproven = cause == Cause::TokenWasRefused;
                session.clock_ahead = issued.service_clock_ahead.or(session.clock_ahead);
                if is_current(session, &errand.login) {
                    session.validity = Validity::Accepted;
                }
                credential.name_application(issued.application);
            }
            Vec::new()
        }
        Issue::Scoped(errand) => accepted(state, errand),
    }
}

/// Which failures are over once a token was issued. A token that replaces a refused one has yet to prove itself: the count
/// of refusals goes on until a request was served with it.
fn forgiven(issue: &Issue, cause: Cause) -> &'static [FailedStep] {
    match issue {
        Issue::Access(_) if cause == Cause::TokenWasRefused => {
            &[FailedStep::AccessToken, FailedStep::Exchange]
        }
        Issue::Access(_) | Issue::Scoped(_) => {
            &[FailedStep::AccessToken, FailedStep::ServiceToken, FailedStep::Exchange]
        }
    }
}

/// Whether the record that asked for this token was not as the operator wrote it.
fn secret_was_edited(state: &State, key: &Key) -> bool {
    let name = super::secret_name(state, key);
    let seen = name.and_then(|name| state.secrets().managed(&key.namespace, &name));
    seen.is_some_and(|seen| seen.content == Content::Edited)
}

/// Whether a Secret that was there is replaced: rarely (behaviour §1.6).
fn is_repair(cause: Cause, had_a_token: bool) -> bool {
    match cause {
        Cause::RecordIsUnreadable | Cause::RecordIsMadeUp | Cause::TokenWasEdited => true,
        Cause::SecretIsMissing => had_a_token,
        _ => false,
    }
}

/// Whether a call was made with the login as it is now.
fn is_current(session: &Session, login: &Arc<Login>) -> bool {
    session.login().is_some_and(|now| Arc::ptr_eq(now, login))
}

/// A request was served: what its credentials met is over for them, too. Returns who looks again.
fn accepted(state: &mut State, errand: &Errand) -> Vec<Key> {
    let mut wake = Vec::new();
    let proven = prove(state, errand);
    if let Some(session) = session_of(state, errand, &errand.credential) {
        session.puzzled.clear();
        if forgive(state, &errand.credential.key, FailedStep::ServiceToken) || proven {
            wake.push(errand.credential.key.clone());
        }
    }
    if let Some((exchanger, login)) = &errand.exchanger
        && let Some(session) = session_of(state, errand, exchanger)
    {
        let news = is_current(session, login) && session.validity != Validity::Accepted;
        if news {
            session.validity = Validity::Accepted;
        }
        session.puzzled.clear();
        if forgive(state, &exchanger.key, FailedStep::Exchange) || news {
            wake.push(exchanger.key.clone());
        }
    }
    wake
}

/// The access token was accepted. Returns whether that is news.
fn prove(state: &mut State, errand: &Errand) -> bool {
    session_of(state, errand, &errand.credential).is_some_and(|session| {
        session.generation == errand.generation && std::mem::take(&mut session.unproven)
    })
}

/// The session of a credential, if it is still the one that the calls were made for, and of the same endpoint.
fn session_of<'a>(state: &'a mut State, errand: &Errand, party: &Party) -> Option<&'a mut Session> {
    let object = state.object(&party.key).filter(|object| object.meta.uid == party.uid)?;
    let endpoint = &object.credential()?.spec.as_ref().ok()?.endpoint;
    if endpoint.allowed() != Some(&errand.endpoint) {
        return None;
    }
    state.session_mut(&party.key)
}

/// A failure that requests had met at their credential is over.
fn forgive(state: &mut State, credential: &Key, step: FailedStep) -> bool {
    state.object_mut(credential).is_some_and(|object| object.work.failures.forgive(&[step]))
}

pub(super) fn fault_of(
    state: &mut State,
    key: &Key,
    issue: &Issue,
    purpose: &Purpose,
    (call, fault): (Call, Fault),
    now: Timestamp,
) -> Vec<Key> {
    let mut wake = Vec::new();
    // The call before it was served.
    if let (Issue::Scoped(errand), Call::Exchange) = (issue, call)
        && prove(state, errand)
    {
        wake.push(errand.credential.key.clone());
    }
    wake.extend(blame(state, key, issue, purpose, (call, fault), now));
    wake
}

/// Whoever is to blame notes it: the object, or a credential that it needs.
fn blame(
    state: &mut State,
    key: &Key,
    issue: &Issue,
    purpose: &Purpose,
    (call, fault): (Call, Fault),
    now: Timestamp,
) -> Vec<Key> {
    match issue {
        Issue::Access(errand) => {
            if fault.class == Class::CredentialRefused {
                refuse_login(state, key, &errand.login);
            }
        }
        Issue::Scoped(errand)
            if fault.class == Class::OurTokenRefused && is_of_the_token(state, errand, fault, now) =>
        {
            return token_refused(state, errand, call, fault, now);
        }
        Issue::Scoped(errand) if fault.scope == Scope::Credential => {
            return park_at_credential(state, errand, call, fault, now);
        }
        Issue::Scoped(_) => {}
    }
    let news = of_fault(call, fault);
    setback(state, key, Setback { stamp: purpose.stamp, ..news }, now);
    if fault.scope == Scope::Endpoint
        && is_away(state, issue)
        && let Some(object) = state.object_mut(key)
    {
        object.work.failures.leave_to_the_gate(news.step);
    }
    match issue {
        Issue::Scoped(errand) if fault.is_anybodys() => {
            park_if_shared(state, key, errand, (call, fault), now)
        }
        _ => Vec::new(),
    }
}

/// Whether others have met the same at the endpoint before this. Then nobody's own next attempt has a say: when it is back, whoever
/// had tried it is in line as all the others are. Whose failure was the first waits for its own, too: it may be the one thing that
/// the service chokes on, and would have the gate closed to everybody again and again.
fn is_away(state: &State, issue: &Issue) -> bool {
    state.unwell(issue.endpoint().origin()).is_some_and(|parked| parked.count > 1)
}

/// A page of a firewall, or another answer in nobody's words: one request's own affair, as nobody can tell what it took
/// offence at, until so many have met it that it can be no one's. Then it is the credential's, and one at a time finds out
/// whether it is still so (behaviour §4.2): of those who have not tried it, one of another namespace first.
fn park_if_shared(
    state: &mut State,
    key: &Key,
    errand: &Errand,
    (call, fault): (Call, Fault),
    now: Timestamp,
) -> Vec<Key> {
    let party = party(errand, call);
    let news = of_fault(call, fault);
    let Some(session) = session_of(state, errand, party) else {
        return Vec::new();
    };
    let many = session.puzzle(key);
    if many {
        session.probed_last = Some(key.clone());
    }
    let failures = state.object(&party.key).map(|object| &object.work.failures);
    let stands = failures.and_then(|it| it.of(news.step)).is_some_and(|it| it.reason == news.reason);
    if many || stands { park(state, &party.key, news, now) } else { Vec::new() }
}

/// Whose the call is that a request makes.
fn party(errand: &Errand, call: Call) -> &Party {
    match (&errand.exchanger, call) {
        (Some((exchanger, _)), Call::Exchange) => exchanger,
        _ => &errand.credential,
    }
}

/// Whether a refusal is of the access token, and not of what the request asks for. In words that are no code it is believed of
/// none that was issued a moment ago, or whoever is told so of its claims would have a token issued for each attempt.
fn is_of_the_token(state: &mut State, errand: &Errand, fault: Fault, now: Timestamp) -> bool {
    fault.scope == Scope::Credential
        || errand.access_issued_at.duration_until(now) >= A_MOMENT
        || session_of(state, errand, &errand.credential).is_none_or(|it| it.generation != errand.generation)
}

/// Behaviour §3.4: of the current generation, the credential issues anew, once; of an earlier one, the request tries again.
fn token_refused(state: &mut State, errand: &Errand, call: Call, fault: Fault, now: Timestamp) -> Vec<Key> {
    let Some(session) = session_of(state, errand, &errand.credential) else {
        return Vec::new();
    };
    if !session.refuse(errand.generation, errand.access_issued_at) {
        return Vec::new();
    }
    if session.unproven && fault.scope == Scope::Credential {
        return park(state, &errand.credential.key, of_fault(call, fault), now);
    }
    let mut wake = offers::refresh(state, &errand.credential.key, now);
    wake.push(errand.credential.key.clone());
    wake
}

/// What a request met is its credential's failure. Of one that is another by now, or of a client Secret that has changed
/// since, nothing was learnt: the request tries again.
fn park_at_credential(
    state: &mut State,
    errand: &Errand,
    call: Call,
    fault: Fault,
    now: Timestamp,
) -> Vec<Key> {
    let party = party(errand, call);
    if let (Some((_, login)), Call::Exchange) = (&errand.exchanger, call) {
        if !session_of(state, errand, party).is_some_and(|session| is_current(session, login)) {
            return Vec::new();
        }
        if fault.class == Class::CredentialRefused {
            refuse_login(state, &party.key, login);
        }
    }
    if session_of(state, errand, party).is_none() {
        return Vec::new();
    }
    park(state, &party.key, of_fault(call, fault), now)
}

/// Of many requests that meet the same at once, the first counts: the others were on their way already.
fn park(state: &mut State, credential: &Key, news: Setback, now: Timestamp) -> Vec<Key> {
    let facts = crate::credential::facts(state, credential);
    let known = facts.and_then(|facts| facts.failure_of(news.step).map(|failure| failure.is_awaited(now)));
    if known == Some(true) {
        return vec![credential.clone()];
    }
    setback(state, credential, news, now);
    let mut wake = offers::refresh(state, credential, now);
    wake.push(credential.clone());
    wake
}

fn refuse_login(state: &mut State, credential: &Key, login: &Arc<Login>) {
    if let Some(session) = state.session_mut(credential)
        && is_current(session, login)
    {
        session.validity = Validity::Refused;
    }
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

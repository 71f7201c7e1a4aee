//! Which token does the service issue? The three calls; each is made once and judged here.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::transport::{Reply, Transport};
use super::wire::{self, ServiceTokenAnswer, ServiceTokenRequest, TokenAnswer, TokenRequest};
use super::{
    Answer, Application, CaBundle, Call, Class, Endpoint, ErrorCode, Fault, Issued, Limits, Login, Scope,
    Subject, Term, classify, jwt, lifetime,
};
use crate::clock;
use crate::token::{AccessToken, ScopedToken, ServiceToken};

mod answered;

#[doc(hidden)]
pub use answered::Answered;

/// Calls the authentication service. One for the whole operator.
pub struct AuthClient {
    transport: Transport,
}

/// Seconds between the two clocks that one statement alone is believed about.
const MOST_DIFFERENCE: u64 = 3600;
/// Seconds by which two statements about one clock differ that confirm each other.
const CONFIRMS: u64 = 120;

/// An answer that succeeded, with what was known when it came.
struct Received<T> {
    answer: T,
    asked_at: Timestamp,
    /// Local clock, half-way between question and answer, as it stood at the answer.
    halfway: Timestamp,
    date: Option<Timestamp>,
    status: u16,
}

/// An answer that may hold a token.
trait BringsToken {
    fn token(&self) -> Option<&str>;
}

impl AuthClient {
    /// With `extra_roots` trusted besides the platform's for every endpoint.
    #[must_use]
    pub fn new(extra_roots: Option<CaBundle>) -> Self {
        Self::with_limits(extra_roots, Limits::default())
    }

    /// With limits other than those of behaviour §4.4.
    #[must_use]
    pub fn with_limits(extra_roots: Option<CaBundle>, limits: Limits) -> Self {
        Self { transport: Transport::new(extra_roots, limits) }
    }

    /// Asks for an access token of a whole app.
    pub async fn access_token(
        &self,
        endpoint: &Endpoint,
        login: &Login,
    ) -> Result<Issued<AccessToken>, Fault> {
        let body = wire::body(&TokenRequest {
            grant_type: wire::CLIENT_CREDENTIALS,
            client_id: &login.client_id,
            client_secret: login.client_secret.for_request(),
            code: None,
        });
        let received = self.call(Call::AccessToken, endpoint, None, body).await?;
        let leaks =
            |token: &AccessToken, text: &str| token.is_within(text) || login.client_secret.is_within(text);
        received.access_token(Call::AccessToken, AccessToken::read, leaks)
    }

    /// Asks for a service token that lives for `term`.
    pub async fn service_token(
        &self,
        endpoint: &Endpoint,
        access_token: &AccessToken,
        subject: &Subject,
        term: Term,
    ) -> Result<Issued<ServiceToken>, Fault> {
        let body = wire::body(&ServiceTokenRequest {
            purpose: subject.purpose(),
            expiration_time: term.until,
            claims: subject.claims(),
        });
        let bearer = Some(access_token.for_request());
        let received = self.call(Call::ServiceToken, endpoint, bearer, body).await?;
        received.service_token(term)
    }

    /// Exchanges a service token for a scoped access token, with the key and secret of the exchanging app.
    pub async fn exchange(
        &self,
        endpoint: &Endpoint,
        login: &Login,
        service_token: &ServiceToken,
    ) -> Result<Issued<ScopedToken>, Fault> {
        let body = wire::body(&TokenRequest {
            grant_type: wire::AUTHORIZATION_CODE,
            client_id: &login.client_id,
            client_secret: login.client_secret.for_request(),
            code: Some(service_token.for_request()),
        });
        let received = self.call(Call::Exchange, endpoint, None, body).await?;
        let leaks = |token: &ScopedToken, text: &str| {
            token.is_within(text) || service_token.is_within(text) || login.client_secret.is_within(text)
        };
        received.access_token(Call::Exchange, ScopedToken::read, leaks)
    }

    async fn call<T: DeserializeOwned + BringsToken>(
        &self,
        call: Call,
        endpoint: &Endpoint,
        bearer: Option<&str>,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Received<T>, Fault> {
        let path = match call {
            Call::AccessToken | Call::Exchange => wire::ACCESS_TOKEN_PATH,
            Call::ServiceToken => wire::SERVICE_TOKEN_PATH,
        };
        let (asked_at, begun) = (clock::now(), Instant::now());
        let reply = self.transport.post(endpoint, path, bearer, body).await?;
        // Counted back from the answer: the clock may have been set since the question.
        let (answered_at, half) = (clock::now(), begun.elapsed() / 2);
        let answer = reply.parsed(call, answered_at)?;
        Ok(Received {
            answer,
            asked_at,
            halfway: answered_at.checked_sub(half).unwrap_or(answered_at),
            date: reply.date,
            status: reply.status,
        })
    }
}

impl BringsToken for TokenAnswer {
    fn token(&self) -> Option<&str> {
        self.access_token.as_ref().map(|token| token.as_str())
    }
}

impl BringsToken for ServiceTokenAnswer {
    fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }
}

impl<T> Received<T> {
    fn issued<K>(&self, token: K, lifetime: SignedDuration, service_time: Option<Timestamp>) -> Issued<K> {
        Issued {
            token,
            issued_at: self.asked_at,
            expires_at: self.asked_at.checked_add(lifetime).unwrap_or(Timestamp::MAX),
            application: None,
            service_clock_ahead: service_time.map(|time| time.duration_since(self.halfway)),
        }
    }

    /// A date has whole seconds: on average half a second is cut off.
    fn dated(&self) -> Option<Timestamp> {
        self.date?.checked_add(SignedDuration::from_millis(500)).ok()
    }

    /// The service's clock at its answer. What is asked for depends on it, and a service token cannot be revoked: a date that
    /// is far from the local clock is believed as far as an hour, unless the token tells the same.
    fn service_time(&self, told: impl IntoIterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
        let told: Vec<Timestamp> = told.into_iter().flatten().collect();
        let apart = |a: Timestamp, b: Timestamp| a.as_second().abs_diff(b.as_second());
        let says = self.dated().or(told.first().copied())?;
        let said_twice = self.date.is_some() && told.iter().any(|it| apart(*it, says) <= CONFIRMS);
        if said_twice || apart(says, self.halfway) <= MOST_DIFFERENCE {
            return Some(says);
        }
        let hour = SignedDuration::from_hours(1);
        if says > self.halfway {
            self.halfway.checked_add(hour).ok()
        } else {
            self.halfway.checked_sub(hour).ok()
        }
    }

    fn fault(&self, class: Class, scope: Scope, code: ErrorCode) -> Fault {
        Fault { class, scope, http_status: Some(self.status), error_code: Some(code), retry_after: None }
    }
}

impl Received<TokenAnswer> {
    fn access_token<T>(
        &self,
        call: Call,
        read: impl Fn(&str) -> Option<T>,
        leaks: impl Fn(&T, &str) -> bool,
    ) -> Result<Issued<T>, Fault> {
        let text = self.answer.token().unwrap_or_default();
        let token =
            read(text).ok_or_else(|| self.fault(Class::Unexpected, call.own_scope(), ErrorCode::NoToken))?;
        let stamped = self.answer.issued_at.0.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let jwt = jwt::times(text);
        let issued = jwt.issued.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let lifetime = lifetime::of_access_token(
            self.answer.expires_in.0,
            jwt,
            self.dated().or(stamped).map(Timestamp::as_second),
        )
        .ok_or_else(|| self.fault(Class::Unusable, call.own_scope(), ErrorCode::Lifetime))?;
        let application = Application::shown(&self.answer, |text| leaks(&token, text));
        let mut issued = self.issued(token, lifetime, self.service_time([stamped, issued]));
        issued.application = application;
        Ok(issued)
    }
}

impl Received<ServiceTokenAnswer> {
    fn service_token(&self, asked: Term) -> Result<Issued<ServiceToken>, Fault> {
        let text = self.answer.token().unwrap_or_default();
        let scope = Call::ServiceToken.own_scope();
        let token = ServiceToken::read(text)
            .ok_or_else(|| self.fault(Class::Unexpected, scope, ErrorCode::NoToken))?;
        let jwt = jwt::times(text);
        let date = self.date.map(Timestamp::as_second);
        let local = self.asked_at.as_second();
        // A token's own word for its clock is believed within reason, or `asked` would mean nothing.
        let told = jwt.issued.filter(|issued| issued.abs_diff(local) <= MOST_DIFFERENCE);
        let service_now = date.or(told).unwrap_or(local);
        let lifetime = lifetime::of_service_token(asked, self.answer.expiration_time.0, jwt, service_now)
            .ok_or_else(|| self.fault(Class::Unusable, scope, ErrorCode::Lifetime))?;
        Ok(self.issued(token, lifetime, self.dated()))
    }
}

impl Reply {
    fn parsed<T: DeserializeOwned + BringsToken>(&self, call: Call, now: Timestamp) -> Result<T, Fault> {
        let success = (200..=299).contains(&self.status);
        let body = match &self.body {
            Ok(body) => body.as_slice(),
            Err(code) if success => return Err(broken(self.status, *code)),
            Err(_) => &[],
        };
        if success
            && let Ok(answer) = serde_json::from_slice::<T>(body)
            && answer.token().is_some()
        {
            return Ok(answer);
        }
        Err(classify(
            call,
            &Answer {
                status: self.status,
                retry_after: self.retry_after.as_deref(),
                now: self.date.unwrap_or(now),
                body,
            },
        ))
    }
}

/// A success whose body did not come whole: the token in it is lost.
fn broken(status: u16, code: ErrorCode) -> Fault {
    let class = match code {
        ErrorCode::TimedOut => Class::Transient,
        _ => Class::Unexpected,
    };
    Fault {
        class,
        scope: Scope::Endpoint,
        http_status: Some(status),
        error_code: Some(code),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;

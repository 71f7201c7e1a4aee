//! What would the authentication service do? In memory: who may log in, which tokens it knows, how often it issued.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::effect::{Issue, Outcome, Purpose};
use crate::auth::{Answer, Call, Class, Endpoint, Fault, Issued, Login, Scope, classify};
use crate::state::HeldToken;
use crate::token::{AccessToken, ScopedToken, ServiceToken};
use crate::{credential, scoped_token};

/// The authentication service.
pub(in super::super) struct Service {
    /// Key and secret of the apps.
    pub apps: BTreeMap<String, String>,
    /// How long access and scoped tokens live.
    pub life: SignedDuration,
    /// Access tokens that are good, by the base URL that issued them.
    pub live: BTreeMap<String, String>,
    /// Where every call fails, how.
    pub faults: BTreeMap<&'static str, Fault>,
    /// Whose its refusal of an access token is, in the words that it has for that.
    pub refuses_as: Scope,
    /// Interviews that a firewall takes offence at.
    pub blocked: BTreeSet<String>,
    /// Interviews that a call is answered so for: by status and body.
    pub answers: BTreeMap<String, (Call, u16, &'static str)>,
    /// Interviews that it chokes on, and answers as if it were out of order.
    pub chokes_on: BTreeSet<String>,
    /// Tokens that came to a place which had not issued them.
    pub strayed: BTreeSet<String>,
    /// How far its clock is ahead.
    pub clock_ahead: SignedDuration,
    /// When the last service token was asked to end.
    pub asked: Option<i64>,
    /// How often each call was made.
    pub calls: BTreeMap<&'static str, usize>,
    /// When each was, and for which interview.
    pub made: Vec<(Timestamp, Option<String>)>,
    issued: usize,
}

impl Service {
    pub(in super::super) fn new() -> Self {
        Self {
            apps: BTreeMap::new(),
            life: SignedDuration::from_hours(10),
            live: BTreeMap::new(),
            faults: BTreeMap::new(),
            refuses_as: Scope::Credential,
            blocked: BTreeSet::new(),
            answers: BTreeMap::new(),
            chokes_on: BTreeSet::new(),
            strayed: BTreeSet::new(),
            asked: None,
            calls: BTreeMap::new(),
            made: Vec::new(),
            clock_ahead: SignedDuration::ZERO,
            issued: 0,
        }
    }

    /// How often this call was made.
    pub(in super::super) fn count(&self, call: Call) -> usize {
        self.calls.get(call.as_str()).copied().unwrap_or_default()
    }

    /// All calls together.
    pub(in super::super) fn total(&self) -> usize {
        self.calls.values().sum()
    }

    /// From now on this call fails so; `None`: no more.
    pub(in super::super) fn fail(&mut self, call: Call, fault: Option<(Class, Scope)>) {
        self.faults.remove(call.as_str());
        if let Some((class, scope)) = fault {
            self.faults.insert(call.as_str(), a_fault(class, scope));
        }
    }

    /// Makes the calls of one step.
    pub(in super::super) fn execute(&mut self, issue: Issue, purpose: Purpose, now: Timestamp) -> Outcome {
        let result = match &issue {
            Issue::Access(errand) => self
                .access(&errand.endpoint, &errand.login, now)
                .map(credential::issue::held)
                .map_err(|fault| (Call::AccessToken, fault)),
            Issue::Scoped(errand) => self.scoped(errand, now),
        };
        Outcome::Issued { issue, purpose, result, calls: Vec::new() }
    }

    fn access(
        &mut self,
        endpoint: &Endpoint,
        login: &Login,
        now: Timestamp,
    ) -> Result<Issued<AccessToken>, Fault> {
        self.called(Call::AccessToken, None, now)?;
        self.admit(login)?;
        let text = self.next("access");
        self.live.insert(text.clone(), endpoint.base().to_owned());
        let issued = issued(AccessToken::read(&text).expect("a token"), now, self.life);
        Ok(Issued { service_clock_ahead: Some(self.clock_ahead), ..issued })
    }

    fn scoped(
        &mut self,
        errand: &scoped_token::issue::Errand,
        now: Timestamp,
    ) -> Result<Issued<HeldToken>, (Call, Fault)> {
        let service = self.service_token(errand, now).map_err(|fault| (Call::ServiceToken, fault))?;
        let Some((_, login)) = &errand.exchanger else {
            return Ok(service.map(|token| HeldToken::Service(Arc::new(token))));
        };
        let exchanged =
            self.exchange(login, interview(errand), now).map_err(|fault| (Call::Exchange, fault))?;
        Ok(exchanged.map(|token| HeldToken::Scoped(Arc::new(token))))
    }

    fn service_token(
        &mut self,
        errand: &scoped_token::issue::Errand,
        now: Timestamp,
    ) -> Result<Issued<ServiceToken>, Fault> {
        let claims = errand.subject.claims();
        self.called(Call::ServiceToken, interview(errand), now)?;
        if claims.values().any(|claim| self.blocked.contains(claim)) {
            return Err(a_fault(Class::Unexpected, Scope::Request));
        }
        if claims.values().any(|claim| self.chokes_on.contains(claim)) {
            return Err(a_fault(Class::Transient, Scope::Endpoint));
        }
        self.asked = Some(errand.expiration(now));
        let access = errand.access.for_request();
        match self.live.get(access) {
            Some(base) if base == errand.endpoint.base() => {}
            Some(_) => {
                self.strayed.insert(access.to_owned());
                return Err(a_fault(Class::OurTokenRefused, Scope::Credential));
            }
            None => return Err(a_fault(Class::OurTokenRefused, self.refuses_as)),
        }
        let text = self.next("service");
        Ok(issued(ServiceToken::read(&text).expect("a token"), now, errand.ttl))
    }

    fn exchange(
        &mut self,
        login: &Login,
        interview: Option<&str>,
        now: Timestamp,
    ) -> Result<Issued<ScopedToken>, Fault> {
        self.called(Call::Exchange, interview, now)?;
        self.admit(login)?;
        let text = self.next("scoped");
        Ok(issued(ScopedToken::read(&text).expect("a token"), now, self.life))
    }

    fn called(&mut self, call: Call, interview: Option<&str>, now: Timestamp) -> Result<(), Fault> {
        self.made.push((now, interview.map(str::to_owned)));
        *self.calls.entry(call.as_str()).or_default() += 1;
        if let Some((of, status, body)) = interview.and_then(|it| self.answers.get(it))
            && *of == call
        {
            let answer = Answer { status: *status, retry_after: None, now, body: body.as_bytes() };
            return Err(classify(call, &answer));
        }
        self.faults.get(call.as_str()).copied().map_or(Ok(()), Err)
    }

    fn admit(&self, login: &Login) -> Result<(), Fault> {
        let known = self.apps.get(&login.client_id).map(String::as_str);
        if known == Some(login.client_secret.for_request()) {
            Ok(())
        } else {
            Err(a_fault(Class::CredentialRefused, Scope::Credential))
        }
    }

    fn next(&mut self, what: &str) -> String {
        self.issued += 1;
        format!("{what}-{}", self.issued)
    }
}

fn interview(errand: &scoped_token::issue::Errand) -> Option<&str> {
    errand.subject.claims().values().next().map(|it| &**it)
}

fn issued<T>(token: T, now: Timestamp, life: SignedDuration) -> Issued<T> {
    Issued { token, issued_at: now, expires_at: now + life, application: None, service_clock_ahead: None }
}

fn a_fault(class: Class, scope: Scope) -> Fault {
    Fault { class, scope, http_status: Some(400), error_code: None, retry_after: None }
}

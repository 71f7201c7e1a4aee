//! How does a sighting become part of what is known, and under which names is it found? No I/O, no clock.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use jiff::SignedDuration;

use super::spec::{CredentialSpec, RequestSpec};
use super::{Credential, Detail, LoginState, Meta, Object, Request, Session, Sighting, State, Work};
use crate::api::{self, CredentialStatus, Reason, RocketLawyerCredentialSpec, condition};
use crate::auth::ErrorCode;
use crate::decision::{FailedStep, Failure, Key, SpecFault, Validity};

impl State {
    /// Puts a sighting where the old one was; what is under way stays.
    pub(super) fn place(&mut self, key: &Key, sighting: Sighting) {
        let old = self.objects.remove(key);
        let (old_detail, work) = match old {
            Some(old) => (Some(old.detail), Some(old.work)),
            None => (None, None),
        };
        let object = match sighting {
            Sighting::Credential(meta, spec, status) => {
                let spec = spec.and_then(|spec| self.check_credential(key, &spec));
                let (session, application) = match old_detail {
                    Some(Detail::Credential(old)) => {
                        let application = old.application.clone();
                        (kept_session(*old, spec.as_ref().ok()), application)
                    }
                    _ => (carried_over_session(&status), status.application.clone()),
                };
                let work = work.unwrap_or_else(|| {
                    carried_over(
                        &meta,
                        status.observed_generation,
                        status.failure.as_ref(),
                        status.token.is_some(),
                    )
                });
                let detail =
                    Detail::Credential(Box::new(Credential { spec, status: *status, application, session }));
                Object { meta, detail, work }
            }
            Sighting::Request(meta, spec, status) => {
                let spec = spec.and_then(|spec| RequestSpec::check(&key.namespace, &key.name, &spec));
                let work = work.unwrap_or_else(|| {
                    carried_over(
                        &meta,
                        status.observed_generation,
                        status.failure.as_ref(),
                        status.token.is_some(),
                    )
                });
                Object { meta, detail: Detail::Request(Box::new(Request { spec, status: *status })), work }
            }
        };
        self.objects.insert(key.clone(), object);
    }

    fn check_credential(
        &self,
        key: &Key,
        spec: &RocketLawyerCredentialSpec,
    ) -> Result<CredentialSpec, SpecFault> {
        CredentialSpec::check(&key.name, spec, &self.settings.allowed_origins)
    }

    pub(super) fn index(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        let home = key.namespace.clone();
        let read = object.login_name().map(|name| (home.clone(), name.into()));
        let referred: Vec<Key> = referred(object);
        if let Some(claim) = self.claim_of(key) {
            self.claims.add(claim);
        }
        if let Some(name) = read {
            self.readers.entry(name).or_default().insert(key.clone());
        }
        if referred.iter().any(|it| it.namespace != home) {
            self.visitors.entry(home).or_default().insert(key.clone());
        }
        for credential in referred {
            self.referrers.entry(credential).or_default().insert(key.clone());
        }
    }

    /// The credentials that a request refers to.
    pub(super) fn referred_by(&self, key: &Key) -> Vec<Key> {
        self.objects.get(key).map(referred).unwrap_or_default()
    }

    pub(super) fn unindex(&mut self, key: &Key) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        let home = key.namespace.clone();
        let read = object.login_name().map(|name| (home.clone(), name.into()));
        let referred = referred(object);
        if let Some(claim) = self.claim_of(key) {
            self.claims.remove(&claim);
        }
        remove(&mut self.readers, read, key);
        remove(&mut self.visitors, Some(home), key);
        for credential in referred {
            remove(&mut self.referrers, Some(credential), key);
        }
    }
}

fn referred(object: &Object) -> Vec<Key> {
    let spec = object.request().and_then(|it| it.spec.as_ref().ok());
    spec.map(|spec| spec.credentials().map(|it| it.key.clone()).collect()).unwrap_or_default()
}

fn remove<K: Hash + Eq>(index: &mut HashMap<K, HashSet<Key>>, at: Option<K>, key: &Key) {
    let Some(at) = at else { return };
    if let Some(keys) = index.get_mut(&at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(&at);
        }
    }
}

/// The session outlives a change of the spec, unless another client Secret is named: then it is read.
fn kept_session(old: Credential, new: Option<&CredentialSpec>) -> Session {
    let mut session = old.session;
    let before = old.spec.as_ref().ok().map(|spec| &spec.login);
    if new.map(|spec| &spec.login) != before {
        session.login = LoginState::Unread;
        session.login_version = None;
        session.validity = Validity::Unknown;
    }
    let asked_at = old.spec.as_ref().ok().map(|spec| &spec.endpoint);
    if new.map(|spec| &spec.endpoint) != asked_at {
        // What another service said of the same key and secret says nothing here.
        session.validity = Validity::Unknown;
    }
    session
}

/// What the last status says of the dealings with the service.
fn carried_over_session(status: &CredentialStatus) -> Session {
    let mut session = Session::new(validity(status));
    let ahead = status.clock_skew_seconds.map(SignedDuration::from_secs);
    session.clock_ahead = ahead.filter(|ahead| ahead.unsigned_abs() <= LONGEST_SKEW.unsigned_abs());
    session
}

/// A status that tells of clocks further apart is nonsense: expirations that are asked for depend on it.
const LONGEST_SKEW: SignedDuration = SignedDuration::from_hours(48);

/// What the last status says of key and secret (behaviour §1.5).
fn validity(status: &CredentialStatus) -> Validity {
    let said = status.conditions.iter().find(|it| it.type_ == condition::CREDENTIALS_VALID);
    match said.map(|it| it.status.as_str()) {
        Some(condition::TRUE) => Validity::Accepted,
        Some(condition::FALSE) => Validity::Refused,
        _ => Validity::Unknown,
    }
}

/// What status carries over a restart: a failure, so that a crash loop gets no fresh attempts.
fn carried_over(meta: &Meta, observed: Option<i64>, failure: Option<&api::Failure>, had_token: bool) -> Work {
    let current = observed == Some(meta.generation);
    let failure = failure.filter(|_| current).and_then(read_failure);
    let mut work = Work { announced: had_token, ..Work::default() };
    work.care.vanished = had_token;
    work.care.rehearse = failure.as_ref().is_some_and(|it| it.step == FailedStep::WriteSecret);
    match failure {
        // It had a token, and whatever brings one again is a repair.
        Some(lost) if lost.step == FailedStep::RestoreSecret => {
            work.care.last_repair = Some(lost.since);
            (work.announced, work.care.vanished) = (true, true);
        }
        failure => work.failures = failure.into_iter().collect(),
    }
    work
}

fn read_failure(told: &api::Failure) -> Option<Failure> {
    Some(Failure {
        step: told.step.as_deref().and_then(FailedStep::parse)?,
        reason: told.reason.as_deref().and_then(Reason::parse)?,
        http_status: told.http_status.and_then(|it| u16::try_from(it).ok()),
        error_code: told.error_code.as_deref().and_then(ErrorCode::parse).map(ErrorCode::as_str),
        count: told.count.and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
        since: told.since.as_ref()?.0,
        next_attempt: told.next_attempt_at.as_ref().map(|at| at.0),
        stamp: Failure::INHERITED,
    })
}

//! Is this call of the authentication service one that an object wants, and what follows from its answer?

use jiff::{SignedDuration, Timestamp};

use super::super::decide::Decision;
use super::super::effect::{Effect, Issue, Outcome, Purpose};
use super::super::want::{Recall, recall};
use super::core::{Core, Flight};
use super::deed::{Answer, Called};
use crate::auth::{Call, Fault, Issued};
use crate::cluster::managed_secret::StoredSecret;
use crate::decision::{Delivery, Key, Kind};
use crate::scoped_token::issue::Errand;
use crate::state::HeldToken;
use crate::token::{AccessToken, ScopedToken, ServiceToken};

/// A token that came into no Secret lived so long, for all that is known.
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_hours(10);
/// A call is answered after so long, or never.
pub(super) const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(35);

/// An object that wants to call, and what for.
pub(super) struct Wanted {
    key: Key,
    issue: Issue,
    purpose: Purpose,
}

impl Core {
    /// The first object of these that wants this call, the first of an issue.
    pub(super) fn wants_to_call(
        &self,
        called: &Called,
        at: Timestamp,
        may_be: impl Fn(&Key) -> bool,
    ) -> Option<Wanted> {
        let is_wanted = |key: &Key, it: &Decision| match it {
            Decision::Call { effect: Effect::Issue { issue, .. }, .. } => self.is_same(key, issue, called),
            _ => false,
        };
        self.wanted(is_wanted).filter(|key| may_be(key)).find_map(|key| match self.decide(key, at)? {
            Decision::Call { effect: Effect::Issue { issue, purpose }, .. }
                if self.is_same(key, &issue, called) =>
            {
                Some(Wanted { key: key.clone(), issue, purpose })
            }
            _ => None,
        })
    }

    /// Whether this object's issue begins with this call.
    fn is_same(&self, key: &Key, issue: &Issue, called: &Called) -> bool {
        let same = match issue {
            Issue::Access(errand) => {
                let client_id = called.client_id.as_deref();
                called.call == Call::AccessToken && client_id.is_none_or(|it| *it == *errand.login.client_id)
            }
            Issue::Scoped(errand) => called.call == Call::ServiceToken && self.is_same_errand(errand, called),
        };
        same && *issue.endpoint().base() == *called.base && self.is_destined(key, called)
    }

    /// Whether the service was asked for what the errand is for, with the access token that is current.
    fn is_same_errand(&self, errand: &Errand, called: &Called) -> bool {
        let subject = &errand.subject;
        let claims = called.subject.iter().filter(|(name, _)| *name != "purpose");
        let token = self.tokens.get(&errand.credential.key);
        let with = called.asked_with.as_ref().zip(token).is_none_or(|(with, token)| with == token);
        let asked = called.subject.get("purpose").is_some_and(|it| it == subject.purpose())
            && claims.eq(subject.claims());
        with && (called.subject.is_empty() || asked)
    }

    /// The call was made and answered.
    pub(super) fn calls(&mut self, wanted: Wanted, called: &Called, at: Timestamp) -> bool {
        let Wanted { key, issue, purpose } = wanted;
        let exchanges = matches!(&issue, Issue::Scoped(errand) if errand.exchanger.is_some());
        match &called.answer {
            Answer::Token { fingerprint, .. } if exchanges => {
                let Some(uid) = self.state.object(&key).map(|object| object.meta.uid.clone()) else {
                    return false;
                };
                self.acts(&key, true);
                self.flights.push(Flight { key, uid, issue, purpose, service: fingerprint.clone() });
                true
            }
            _ => self.answered(&key, issue, purpose, called, at),
        }
    }

    /// The second call of an issue.
    pub(super) fn exchanges(&mut self, called: &Called, at: Timestamp) -> bool {
        let same = |flight: &Flight| {
            let client = match &flight.issue {
                Issue::Scoped(errand) => errand.exchanger.as_ref().map(|(_, login)| &*login.client_id),
                Issue::Access(_) => None,
            };
            *flight.issue.endpoint().base() == *called.base
                && called.asked_with.as_ref().is_none_or(|it| *it == flight.service)
                && called.client_id.as_deref().is_none_or(|it| Some(it) == client)
        };
        let Some(place) = self.flights.iter().position(same) else { return false };
        let Flight { key, uid, issue, purpose, .. } = self.flights[place].clone();
        // What was done for an object that is gone says nothing of the one that bears its name now.
        let current = self.state.object(&key).is_some_and(|object| object.meta.uid == uid);
        let explained = !current || self.answered(&key, issue, purpose, called, at);
        if explained {
            self.flights.remove(place);
            self.queue.wake(key);
        }
        explained
    }

    /// Whether this object's Secret is the one that the token came into.
    fn is_destined(&self, key: &Key, called: &Called) -> bool {
        let Some(home) = &called.into else { return true };
        let Some(object) = self.state.object(key) else { return false };
        *home.owner == *object.meta.uid
            && *home.namespace == *key.namespace
            && object.secret_name() == Some(&home.name)
    }

    fn answered(
        &mut self,
        key: &Key,
        issue: Issue,
        purpose: Purpose,
        called: &Called,
        at: Timestamp,
    ) -> bool {
        let result = match &called.answer {
            Answer::Fault(fault) => Err((called.call, *fault)),
            Answer::Token { fingerprint, secret, application } => {
                let Some((token, issued_at, expires_at)) = self.token(key, secret.as_deref(), at) else {
                    return false;
                };
                if key.kind == Kind::Credential {
                    self.tokens.insert(key.clone(), fingerprint.clone());
                }
                let application = application.clone();
                let service_clock_ahead = Some(called.clock_ahead);
                Ok(Issued { token, issued_at, expires_at, application, service_clock_ahead })
            }
        };
        let result: Result<_, (Call, Fault)> = result;
        let outcome = Outcome::Issued { issue, purpose, result, calls: Vec::new() };
        self.hear(key, &outcome, at);
        self.land(key, outcome, at)
    }

    /// The token as it came into its Secret. `None`: the record there is not of this answer.
    fn token(
        &self,
        key: &Key,
        secret: Option<&[u8]>,
        at: Timestamp,
    ) -> Option<(HeldToken, Timestamp, Timestamp)> {
        let object = self.state.object(key)?;
        let delivery = object.request().and_then(|it| it.spec.as_ref().ok()).map(|spec| spec.delivery);
        let delivery = delivery.unwrap_or(Delivery::AccessToken);
        let stored = secret.and_then(StoredSecret::parse);
        let Some(template) = object.template().filter(|_| stored.is_some()) else {
            return Some((stand_in(key, delivery)?, at, at + UNKNOWN_LIFE));
        };
        match recall(stored.as_ref(), template, delivery, key.kind) {
            Recall::Token(token, record, _) => {
                let near = record.issued_at <= at && at.duration_since(record.issued_at) <= LONGEST_CALL;
                near.then_some((token, record.issued_at, record.expires_at))
            }
            Recall::Gone | Recall::Damaged(_) => None,
        }
    }
}

/// Of a token that came into no Secret nothing is known but that it was issued.
fn stand_in(key: &Key, delivery: Delivery) -> Option<HeldToken> {
    const TEXT: &str = "unseen";
    Some(match (key.kind, delivery) {
        (Kind::Credential, _) => HeldToken::Access(AccessToken::read(TEXT)?.into()),
        (Kind::Request, Delivery::AccessToken) => HeldToken::Scoped(ScopedToken::read(TEXT)?.into()),
        (Kind::Request, Delivery::ServiceToken) => HeldToken::Service(ServiceToken::read(TEXT)?.into()),
    })
}

//! What does a request's spec ask for?

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{renewal, template, ttl};
use crate::api::{CredentialRef, Deliver, ScopedTokenRequestSpec, names};
use crate::auth::Subject;
use crate::decision::{Delivery, Key, Kind, Renewal, SpecFault, Template};

/// A checked `ScopedTokenRequestSpec`.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// The credential whose access token asks.
    pub credential: CredentialName,
    /// The credential that exchanges, where it is another one.
    pub exchange: Option<CredentialName>,
    /// Purpose and claims.
    pub subject: Subject,
    /// Which token is delivered.
    pub delivery: Delivery,
    /// How long the service token is asked to live.
    pub service_token_ttl: SignedDuration,
    /// The managed Secret.
    pub template: Template,
    /// When its token is renewed.
    pub renewal: Renewal,
    /// Never issue after this.
    pub renew_until: Option<Timestamp>,
    /// How long the finished request is kept.
    pub ttl_after_finished: Option<SignedDuration>,
    /// Nothing is issued.
    pub suspended: bool,
}

/// A reference to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialName {
    /// The credential.
    pub key: Key,
    /// As messages call it: `name`, or `namespace/name` where the request names a namespace.
    pub shown: Box<str>,
}

impl RequestSpec {
    /// Checks the spec of the request `namespace`/`name`.
    pub fn check(namespace: &str, name: &str, spec: &ScopedTokenRequestSpec) -> Result<Self, SpecFault> {
        let delivery = match spec.deliver {
            Deliver::ScopedAccessToken => Delivery::AccessToken,
            Deliver::ServiceToken => Delivery::ServiceToken,
        };
        let default_name = format!("{name}{}", names::REQUEST_SECRET_SUFFIX);
        let ttl_after_finished =
            spec.ttl_seconds_after_finished.map(|secs| SignedDuration::from_secs(secs.into()));
        if ttl_after_finished.is_some_and(|it| it.is_negative()) {
            return Err(SpecFault::Field("spec.ttlSecondsAfterFinished"));
        }
        Ok(Self {
            credential: credential_name(namespace, &spec.credential_ref),
            exchange: spec.exchange_credential_ref.as_ref().map(|it| credential_name(namespace, it)),
            subject: subject(spec)?,
            delivery,
            service_token_ttl: ttl(&spec.service_token_ttl, "spec.serviceTokenTTL")?,
            template: template(spec.secret.as_ref(), default_name, delivery)?,
            renewal: renewal(spec.renewal.as_ref())?,
            renew_until: spec.renew_until.as_ref().map(|it| it.0),
            ttl_after_finished,
            suspended: spec.suspend,
        })
    }

    /// The credentials it refers to.
    pub fn credentials(&self) -> impl Iterator<Item = &CredentialName> {
        std::iter::once(&self.credential).chain(&self.exchange)
    }

    /// The credential whose login exchanges; `None` where nothing is exchanged.
    #[must_use]
    pub fn exchanger(&self) -> Option<&CredentialName> {
        match self.delivery {
            Delivery::AccessToken => Some(self.exchange.as_ref().unwrap_or(&self.credential)),
            Delivery::ServiceToken => None,
        }
    }
}

fn subject(spec: &ScopedTokenRequestSpec) -> Result<Subject, SpecFault> {
    let own = [
        ("interviewId", &spec.interview_id),
        ("partnerEndUserId", &spec.partner_end_user_id),
        ("upid", &spec.upid),
    ];
    let mut claims: BTreeMap<String, String> = spec.claims.clone();
    for (name, value) in own {
        if let Some(value) = value
            && claims.insert(name.to_owned(), value.clone()).is_some()
        {
            return Err(SpecFault::Field("spec.claims"));
        }
    }
    Subject::new(spec.purpose.clone(), claims).map_err(|_| SpecFault::Field("spec.claims"))
}

fn credential_name(namespace: &str, reference: &CredentialRef) -> CredentialName {
    let shown = match &reference.namespace {
        Some(other) => format!("{other}/{}", reference.name),
        None => reference.name.clone(),
    };
    let home = reference.namespace.as_deref().unwrap_or(namespace);
    CredentialName { key: Key::new(Kind::Credential, home, reference.name.as_str()), shown: shown.into() }
}

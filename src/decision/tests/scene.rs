//! A valid object in order, to be changed by one mutation at a time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::api::Reason;
use crate::decision::{
    Care, Chain, Content, Delivery, Facts, FailedStep, Failure, Failures, InputsHash, Key, KeyNames, Kind,
    LoginFact, Names, Owner, Parked, Record, Renewal, ResourceVersion, SecretFact, SeenSecret, SpecFault,
    Template, Unlisted, Validity, Wish,
};

/// What the facts of one object are borrowed from.
#[expect(clippy::struct_excessive_bools, reason = "as many as the facts have")]
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub key: Key,
    pub fault: Option<SpecFault>,
    pub template: Template,
    pub renewal: Renewal,
    pub renew_until: Option<Timestamp>,
    pub ttl_after_finished: Option<SignedDuration>,
    pub suspended: bool,
    pub refused_origin: bool,
    pub made_for: Option<[u8; 16]>,
    pub made_with: Option<[u8; 16]>,
    pub renew_request: Option<&'static str>,
    pub login: LoginFact,
    pub chain: Chain<'static>,
    pub endpoint: Option<Parked>,
    pub place: Place,
    pub seen: SeenSecret,
    pub look: bool,
    pub held: Option<Record>,
    pub care: Care,
    pub failures: Failures,
    pub token_refused: bool,
    pub unproven: bool,
    pub token_wanted: bool,
    pub validity: Validity,
    pub clock_ahead: Option<SignedDuration>,
    pub says_ready: bool,
    pub told_attempt: Option<Timestamp>,
    pub told_expires_at: Option<Timestamp>,
    pub unlisted: Option<Unlisted>,
    pub unwatched: Option<Unlisted>,
    pub deleting: bool,
}

/// What is at the wanted name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Unwanted,
    Unknown,
    Absent,
    Foreign,
    Claimed,
    FormerOwner,
    Ours,
    Orphan,
}

pub(super) const UID: &str = "0b1f7a52-7d0c-4f3e-9a51-2d1a6c8e4a10";
pub(super) const STAMP: u64 = 7;
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(10);

/// When the token of a [`Scene`] was issued.
pub(super) fn t0() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// `hours` after it was issued.
pub(super) fn after(hours: i64) -> Timestamp {
    t0() + SignedDuration::from_hours(hours)
}

/// A request whose token is fresh, as its spec wants it.
pub(super) fn request() -> Scene {
    let template = Template {
        name: "interview-token".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        keys: KeyNames {
            token: "access_token".into(),
            token_type: "token_type".into(),
            authorization: "authorization".into(),
            expires_at: "expires_at".into(),
        },
    };
    Scene {
        key: Key::new(Kind::Request, "web", "interview"),
        fault: None,
        seen: SeenSecret {
            uid: "3c0d".into(),
            version: ResourceVersion(40),
            owner: Owner::Ours { kind: Kind::Request, name: "interview".into(), uid: UID.into() },
            record: Some(record()),
            content: Content::Intact,
            seal: None,
            rendering: template.rendering(),
            immutable: false,
            deleting: false,
        },
        template,
        renewal: Renewal::Default,
        renew_until: None,
        ttl_after_finished: None,
        suspended: false,
        refused_origin: false,
        made_for: Some([1; 16]),
        made_with: Some([2; 16]),
        renew_request: None,
        login: LoginFact::Ready,
        chain: Chain::Live,
        endpoint: None,
        place: Place::Ours,
        look: false,
        held: None,
        care: Care::default(),
        failures: Failures::default(),
        token_refused: false,
        unproven: false,
        token_wanted: false,
        validity: Validity::Unknown,
        clock_ahead: None,
        says_ready: false,
        told_attempt: None,
        told_expires_at: None,
        unlisted: None,
        unwatched: None,
        deleting: false,
    }
}

/// A Backend credential whose token is fresh.
pub(super) fn credential() -> Scene {
    Scene {
        key: Key::new(Kind::Credential, "legal", "partner"),
        chain: Chain::Login,
        validity: Validity::Accepted,
        ..request()
    }
}

/// A Frontend credential with a complete login.
pub(super) fn frontend() -> Scene {
    Scene { place: Place::Unwanted, ..credential() }
}

pub(super) fn record() -> Record {
    Record {
        issued_at: t0(),
        expires_at: t0() + LIFE,
        inputs: InputsHash::V1 { made_for: [1; 16], made_with: [2; 16] },
        renew_handled: None,
    }
}

/// A failure that is tried again at 13:00.
pub(super) fn failure(step: FailedStep, reason: Reason) -> Failure {
    Failure {
        step,
        reason,
        http_status: Some(503),
        error_code: None,
        count: 3,
        since: t0(),
        next_attempt: Some(after(1)),
        stamp: STAMP,
    }
}

impl Scene {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn record_mut(&mut self) -> &mut Record {
        self.seen.record.as_mut().unwrap()
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        let frontend = self.place == Place::Unwanted;
        let wish = match self.fault {
            Some(fault) => Err(fault),
            None => Ok(Wish {
                selector_ignored: false,
                template: (!frontend).then_some(&self.template),
                delivery: Delivery::AccessToken,
                renewal: self.renewal,
                renew_until: self.renew_until,
                ttl_after_finished: self.ttl_after_finished,
                suspended: self.suspended,
                refused_origin: self.refused_origin.then_some("https://gateway.example.com:443"),
                made_for: self.made_for.filter(|_| !self.refused_origin),
                made_with: self.made_with.filter(|_| self.login == LoginFact::Ready),
                names: Names {
                    client_secret: "partner-login",
                    credential: "legal/partner",
                    purpose: "api.rocketlawyer.com/rocketdoc",
                },
            }),
        };
        Facts {
            key: &self.key,
            uid: UID,
            generation: 1,
            told_expires_at: self.told_expires_at,
            says_ready: self.says_ready,
            told_attempt: self.told_attempt,
            unlisted: self.unlisted,
            unwatched: self.unwatched,
            deleting: self.deleting,
            wish,
            renew_request: self.renew_request,
            login: self.login,
            chain: self.chain,
            endpoint: self.endpoint,
            secret: self.secret(),
            look: self.look,
            held: self.held.as_ref(),
            care: self.care,
            failures: &self.failures,
            stamp: STAMP,
            refused: self.token_refused.then(|| self.seen.record.as_ref().map(|it| it.issued_at)).flatten(),
            unproven: self.unproven,
            token_wanted: self.token_wanted,
            validity: self.validity,
            clock_ahead: self.clock_ahead,
        }
    }

    fn secret(&self) -> SecretFact<'_> {
        match self.place {
            Place::Unwanted => SecretFact::Unwanted,
            // The name is part of the spec.
            _ if self.fault.is_some() => SecretFact::Unwanted,
            Place::Unknown => SecretFact::Unknown,
            Place::Absent => SecretFact::Absent,
            Place::Foreign => SecretFact::Foreign,
            // Whose it is does not matter to what is decided.
            Place::Claimed => SecretFact::Claimed(&self.key),
            Place::FormerOwner => SecretFact::FormerOwner,
            Place::Ours => SecretFact::Ours(&self.seen),
            Place::Orphan => SecretFact::Orphan(&self.seen),
        }
    }
}

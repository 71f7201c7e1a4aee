//! What is known of one object: what it asks for, what it said last, and what is under way for it. No I/O, no clock.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::session::Session;
use super::spec::{CredentialSpec, RequestSpec};
use crate::api::{self, CredentialStatus, RequestStatus, condition};
use crate::decision::{Care, Failures, Pace, Record, ResourceVersion, SpecFault, Template};
use crate::token::{AccessToken, Deliverable, ScopedToken, ServiceToken};

/// One object of either kind, as last seen or written.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its metadata.
    pub meta: Meta,
    /// What is particular to its kind.
    pub detail: Detail,
    /// What is under way.
    pub work: Work,
}

/// The metadata that decisions depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its uid.
    pub uid: Arc<str>,
    /// Its resourceVersion.
    pub version: ResourceVersion,
    /// Its generation.
    pub generation: i64,
    /// When it was created.
    pub created: Timestamp,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// The value of the renew request.
    pub renew_request: Option<Box<str>>,
}

/// What is particular to each kind.
#[derive(Clone, Debug)]
pub enum Detail {
    /// A credential.
    Credential(Box<Credential>),
    /// A request.
    Request(Box<Request>),
}

/// A `RocketLawyerCredential`.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What it asks for.
    pub spec: Result<CredentialSpec, SpecFault>,
    /// What it said last.
    pub status: CredentialStatus,
    /// The application, as the service last named it.
    pub application: Option<api::Application>,
    /// Login, access token and who waits.
    pub session: Session,
}

/// A `ScopedTokenRequest`.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it asks for.
    pub spec: Result<RequestSpec, SpecFault>,
    /// What it said last.
    pub status: RequestStatus,
}

/// What is under way for an object, in memory only but for the failure that is told, which status carries over a restart.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// What failed.
    pub failures: Failures,
    /// The token that is held: a credential's while it lives, a request's until it is written.
    pub held: Option<Held>,
    /// What was done and learnt of the Secret.
    pub care: Care,
    /// A write of ours is under way, and the watch may show what it wrote before its answer is back.
    pub writing: bool,
    /// The Secret must be looked at: a write of ours came back with "exists" or "conflict".
    pub look: bool,
    /// How often in a row such a write came back so.
    pub contested: u32,
    /// When its status was last written by this process.
    pub published_at: Option<Timestamp>,
    /// How fast its status was written.
    pub voice: Pace,
    /// How often in a row its status was refused for want of a right.
    pub unheard: u32,
    /// How often in a row the API server did not write its status for another reason.
    pub unwritten: u32,
    /// How far the clock was set since its last call began, in all.
    pub clock_set_meanwhile: SignedDuration,
    /// A first issue was announced, or there was a token before: the next one is no first issue.
    pub announced: bool,
}

/// A token in memory, with the record it has, or will have, on the Secret.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its record.
    pub record: Record,
    /// The token.
    pub token: HeldToken,
}

/// The three kinds of token that a Secret can hold.
#[derive(Clone, Debug)]
pub enum HeldToken {
    /// A credential's, shared by its requests.
    Access(Arc<AccessToken>),
    /// A request's.
    Scoped(Arc<ScopedToken>),
    /// A request's, delivered as it is.
    Service(Arc<ServiceToken>),
}

impl HeldToken {
    /// What a managed Secret is written from.
    #[must_use]
    pub fn deliverable(&self) -> &dyn Deliverable {
        match self {
            Self::Access(token) => &**token,
            Self::Scoped(token) => &**token,
            Self::Service(token) => &**token,
        }
    }
}

impl Credential {
    /// The service named the application: status carries it from now on.
    pub fn name_application(&mut self, application: Option<crate::auth::Application>) {
        if let Some(it) = application {
            self.application = Some(api::Application {
                name: it.name,
                organization: it.organization,
                products: it.products,
            });
        }
    }
}

impl Object {
    /// The token that is known is in its Secret, as it was to be. What was wrong with that is put right; a request needs the token
    /// no longer.
    pub fn is_written(&mut self) {
        let is_credential = self.credential().is_some();
        let work = &mut self.work;
        work.contested = 0;
        let care = &mut work.care;
        care.clock_set = care.held_clock_set;
        care.strange = false;
        care.made_up = false;
        care.vanished = false;
        care.edited = false;
        care.owner_confirmed = false;
        care.content_lost = false;
        care.rehearse = false;
        care.landed = false;
        let known = care.known_record;
        work.held.take_if(|held| !is_credential && Some(held.record.fingerprint()) == known);
    }

    /// The credential's part, if it is one.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        match &self.detail {
            Detail::Credential(it) => Some(it),
            Detail::Request(_) => None,
        }
    }

    /// The credential's part, if it is one.
    pub fn credential_mut(&mut self) -> Option<&mut Credential> {
        match &mut self.detail {
            Detail::Credential(it) => Some(it),
            Detail::Request(_) => None,
        }
    }

    /// The request's part, if it is one.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.detail {
            Detail::Request(it) => Some(it),
            Detail::Credential(_) => None,
        }
    }

    /// The name of the Secret it wants.
    #[must_use]
    pub fn secret_name(&self) -> Option<&str> {
        match &self.detail {
            Detail::Credential(it) => {
                it.spec.as_ref().ok()?.template.as_ref().map(|template| &*template.name)
            }
            Detail::Request(it) => it.spec.as_ref().ok().map(|spec| &*spec.template.name),
        }
    }

    /// How its Secret is to look.
    #[must_use]
    pub fn template(&self) -> Option<&Template> {
        match &self.detail {
            Detail::Credential(it) => it.spec.as_ref().ok()?.template.as_ref(),
            Detail::Request(it) => it.spec.as_ref().ok().map(|spec| &spec.template),
        }
    }

    /// The name of the client Secret it reads.
    #[must_use]
    pub fn login_name(&self) -> Option<&str> {
        self.credential()?.spec.as_ref().ok().map(|spec| &*spec.login.name)
    }

    /// The token that its status speaks of.
    #[must_use]
    pub fn told_token(&self) -> Option<&api::TokenStatus> {
        match &self.detail {
            Detail::Credential(it) => it.status.token.as_ref(),
            Detail::Request(it) => it.status.token.as_ref(),
        }
    }

    /// The next attempt that its status names.
    #[must_use]
    pub fn told_attempt(&self) -> Option<Timestamp> {
        self.said().1?.next_attempt_at.as_ref().map(|at| at.0)
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn says_ready(&self) -> bool {
        let is_ready = |it: &api::Condition| it.type_ == condition::READY && it.status == condition::TRUE;
        self.said().0.iter().any(is_ready)
    }

    /// The conditions and the failure that it shows.
    #[must_use]
    pub fn said(&self) -> (&[api::Condition], Option<&api::Failure>) {
        match &self.detail {
            Detail::Credential(it) => (&it.status.conditions, it.status.failure.as_ref()),
            Detail::Request(it) => (&it.status.conditions, it.status.failure.as_ref()),
        }
    }
}

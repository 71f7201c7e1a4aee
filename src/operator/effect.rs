//! What is done outside? One exhaustive match over what was decided; no policy. Everything an effect needs it owns, so that it
//! can run beside the loop.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::gate::Verdict;
use super::want::{Found, Recall};
use crate::auth::{AuthClient, Call, Class, Endpoint, Fault, Issued, Scope};
use crate::cluster::managed_secret::{Draft, Over, OwnedBy};
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::{LoginLook, Look, WriteRefused};
use crate::cluster::status::StatusRefused;
use crate::cluster::{AccessReview, ApiServer, ReadFailed};
use crate::decision::{
    Cause, InputsHash, Key, On, Precondition, Record, ResourceVersion, Right, SeenSecret, Template,
};
use crate::state::spec::LoginRef;
use crate::state::{HeldToken, SecretName};
use crate::{clock, credential, scoped_token};

/// Something to do outside.
#[derive(Debug)]
pub(super) enum Effect {
    /// Read a Secret whole: a client Secret, or a token back from a managed one.
    Read(SecretName),
    /// See whose a Secret's name is.
    Look { namespace: Arc<str>, name: Box<str> },
    /// See whether an object still lives.
    ConfirmOwner { key: Key },
    /// Ask whether a managed Secret could be written.
    Rehearse(OwnSecret),
    /// Call the authentication service.
    Issue { issue: Issue, purpose: Purpose },
    /// Write a managed Secret; again, where it was written with this token before.
    Write { secret: OwnSecret, record: Record, token: HeldToken, again: bool },
    /// Delete a finished object.
    Finish { key: Key, uid: Arc<str>, version: ResourceVersion },
    /// Write a status.
    Status { key: Key, version: ResourceVersion, patch: Value },
    /// Ask whether a right that was missing is there again.
    Ask(Right),
}

/// The Secret of an object, and what must hold for it to be written.
#[derive(Clone, Debug)]
pub(crate) struct OwnSecret {
    /// Whose.
    pub key: Key,
    /// The object's uid.
    pub uid: Arc<str>,
    /// How it is rendered.
    pub template: Template,
    /// What must hold.
    pub precondition: Precondition,
}

/// Which calls.
#[derive(Clone, Debug)]
pub(super) enum Issue {
    /// A credential's.
    Access(credential::issue::Errand),
    /// A request's.
    Scoped(Box<scoped_token::issue::Errand>),
}

/// Why a token is issued, and what it will say of itself.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    /// Why.
    pub cause: Cause,
    /// The hash of its inputs.
    pub inputs: InputsHash,
    /// The renew request that it answers.
    pub renew_request: Option<Box<str>>,
    /// What a failure would depend on.
    pub stamp: u64,
    /// What the attempt depends on.
    pub basis: u64,
    /// When the token that is there was due, for a renewal.
    pub due: Option<Timestamp>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Of [`Effect::Read`]: for all who want it.
    Read(Found),
    /// What a credential made of its client Secret.
    Login(LoginRef, Result<LoginLook, ReadFailed>),
    /// Of [`Effect::Look`].
    Looked(Result<Look, ReadFailed>),
    /// Of [`Effect::ConfirmOwner`].
    Owner(Result<OwnerNow, ReadFailed>),
    /// What an object made of its managed Secret.
    Recalled(Result<Recall, ReadFailed>),
    /// Of [`Effect::Rehearse`].
    Rehearsed(Result<(), WriteFailed>),
    /// Of [`Effect::Issue`].
    Issued { issue: Issue, purpose: Purpose, result: Result<Issued<HeldToken>, (Call, Fault)>, calls: Calls },
    /// Of [`Effect::Write`]. It was to be rendered so: the object may ask for something else by now.
    Written { record: Record, rendering: u64, again: bool, result: Result<SeenSecret, WriteFailed> },
    /// Of [`Effect::Finish`].
    Finished(Deletion),
    /// Of [`Effect::Status`].
    Published(Result<ResourceVersion, StatusRefused>),
    /// Of [`Effect::Ask`].
    Asked(Result<bool, ReadFailed>),
    /// The effect panicked.
    Panicked,
}

/// The calls that were made, and how long each took. If one failed, it is the last.
pub(super) type Calls = Vec<(Call, Duration)>;

/// A refused write, with what only a question of rights could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFailed {
    /// What the server said.
    pub refused: WriteRefused,
    /// The right itself is missing.
    pub right_is_missing: bool,
}

/// The outside.
#[derive(Clone)]
pub(super) struct Outside {
    /// The API server.
    pub api: ApiServer,
    /// The authentication service.
    pub auth: Arc<AuthClient>,
}

impl Outside {
    /// Does it.
    pub(super) async fn execute(self, effect: Effect) -> Outcome {
        match effect {
            Effect::Read((namespace, name)) => Outcome::Read(self.api.stored_secret(&namespace, &name).await),
            Effect::Look { namespace, name } => Outcome::Looked(self.api.look(&namespace, &name).await),
            Effect::ConfirmOwner { key } => Outcome::Owner(self.api.owner_now(&key).await),
            Effect::Rehearse(draft) => Outcome::Rehearsed(self.rehearse(&draft).await),
            Effect::Issue { issue, purpose } => {
                let mut calls = Calls::new();
                let result = self.issue(&issue, &mut calls).await;
                Outcome::Issued { issue, purpose, result, calls }
            }
            Effect::Write { secret, record, token, again } => {
                let result = self.write(&secret, &record, &token).await;
                Outcome::Written { record, rendering: secret.template.rendering(), again, result }
            }
            Effect::Finish { key, uid, version } => {
                Outcome::Finished(self.api.delete_object(&key, &uid, version).await)
            }
            Effect::Status { key, version, patch } => {
                Outcome::Published(self.api.write_status(&key, version, &patch).await)
            }
            Effect::Ask(right) => Outcome::Asked(self.may(&right).await),
        }
    }

    async fn rehearse(&self, secret: &OwnSecret) -> Result<(), WriteFailed> {
        let namespace = &secret.key.namespace;
        let over = over(&secret.precondition);
        let result = self.api.rehearse_secret(namespace, secret.owner(), &secret.template, over).await;
        self.explain(&secret.key, result).await
    }

    async fn write(
        &self,
        secret: &OwnSecret,
        record: &Record,
        token: &HeldToken,
    ) -> Result<SeenSecret, WriteFailed> {
        let draft = secret.draft(record, token);
        let result = match over(&secret.precondition) {
            None => self.api.create_secret(&draft).await,
            Some(over) => self.api.replace_secret(&draft, over).await,
        };
        self.explain(&secret.key, result).await
    }

    async fn issue(&self, issue: &Issue, calls: &mut Calls) -> Result<Issued<HeldToken>, (Call, Fault)> {
        let mut asked_at = Instant::now();
        let mut answered = |call| {
            calls.push((call, asked_at.elapsed()));
            asked_at = Instant::now();
        };
        match issue {
            Issue::Access(errand) => {
                let issued = credential::issue::issue(&self.auth, errand).await;
                answered(Call::AccessToken);
                issued.map(credential::issue::held).map_err(|fault| (Call::AccessToken, fault))
            }
            Issue::Scoped(errand) => {
                scoped_token::issue::issue(&self.auth, errand, clock::now(), answered).await
            }
        }
    }

    async fn may(&self, right: &Right) -> Result<bool, ReadFailed> {
        let (group, resource, subresource) = right.resource();
        let (verb, namespace) = (right.verb.as_str(), &*right.namespace);
        self.api.can(AccessReview { verb, group, resource, subresource, namespace }).await
    }

    /// A 403 without a cause may be a right that is missing, or an admission that refuses: the server knows which.
    async fn explain<T>(&self, key: &Key, result: Result<T, WriteRefused>) -> Result<T, WriteFailed> {
        match result {
            Ok(written) => Ok(written),
            Err(refused @ WriteRefused::Forbidden { verb }) => {
                let right = Right { namespace: key.namespace.clone(), verb, on: On::Secrets };
                let allowed = self.may(&right).await.unwrap_or(true);
                Err(WriteFailed { refused, right_is_missing: !allowed })
            }
            Err(refused) => Err(WriteFailed { refused, right_is_missing: false }),
        }
    }
}

impl Outcome {
    /// What it says about the authentication service that was called, if it was (behaviour §4.2). A quota that is used up is
    /// the app's own affair, as a refused key is: the others of this origin have done nothing.
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Issued { result: Ok(_), .. } => Verdict::Served,
            Self::Issued { result: Err((_, fault)), .. } => match (fault.scope, fault.class) {
                (Scope::Endpoint, Class::Throttled | Class::QuotaExhausted) => {
                    Verdict::Throttled { retry_after: fault.retry_after }
                }
                (Scope::Endpoint, _) => Verdict::Unreachable,
                // A CA bundle of its own that does not fit: nothing was heard of the service.
                (Scope::Credential | Scope::Request, _) if fault.http_status.is_none() => Verdict::Unheard,
                (Scope::Credential | Scope::Request, _) => Verdict::Served,
            },
            _ => Verdict::Unheard,
        }
    }
}

impl OwnSecret {
    /// With this token.
    pub(super) fn draft<'a>(&'a self, record: &'a Record, token: &'a HeldToken) -> Draft<'a> {
        Draft {
            namespace: &self.key.namespace,
            owner: self.owner(),
            template: &self.template,
            record,
            token: token.deliverable(),
        }
    }

    fn owner(&self) -> OwnedBy<'_> {
        OwnedBy { kind: self.key.kind, name: &self.key.name, uid: &self.uid }
    }
}

impl Issue {
    /// Where the calls go.
    #[must_use]
    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Access(errand) => &errand.endpoint,
            Self::Scoped(errand) => &errand.endpoint,
        }
    }
}

fn over(precondition: &Precondition) -> Option<Over<'_>> {
    match precondition {
        Precondition::Absent => None,
        Precondition::Unchanged { uid, version } => Some(Over { uid, version: *version }),
    }
}

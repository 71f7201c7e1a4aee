//! The two kinds, their conditions and reasons, and every label, annotation and key name, once. Types only:
//! no client, runtime, clock or logger.
#![expect(unreachable_pub, reason = "`KubeSchema` writes a copy of each public struct into a function")]

mod allowed_namespaces;
pub mod condition;
mod credential;
mod definitions;
pub mod duration;
mod managed_secret;
pub mod names;
mod reason;
mod renewal;
mod rule;
mod scoped_token_request;
mod status;

pub use allowed_namespaces::{
    AllowedFrom, AllowedNamespaces, LabelOperator, LabelRequirement, NamespaceSelector,
};
pub use condition::Condition;
pub use credential::{
    AppType, ClientSecretRef, CustomEndpoint, Environment, RocketLawyerCredential, RocketLawyerCredentialSpec,
};
pub use definitions::{crds, crds_yaml};
pub use managed_secret::{SecretKeys, SecretTemplate};
pub use reason::Reason;
pub use renewal::Renewal;
pub use scoped_token_request::{CredentialRef, Deliver, ScopedTokenRequest, ScopedTokenRequestSpec};
pub use status::{Application, CredentialStatus, Failure, RequestStatus, TokenStatus, blank};

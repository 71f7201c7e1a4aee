//! The authentication service: what is sent, what comes back, and what an answer means. Knows no Kubernetes.

mod application;
mod classify;
mod client;
mod code;
mod endpoint;
mod fault;
mod issued;
mod jwt;
mod lifetime;
mod transport;
pub mod wire;

pub use application::Application;
pub use classify::{Answer, classify};
#[doc(hidden)]
pub use client::Answered;
pub use client::AuthClient;
pub use code::ErrorCode;
pub use endpoint::{BadEndpoint, CaBundle, Endpoint, Origin};
pub use fault::{Call, Class, Fault, Kind, Scope};
pub use issued::{Issued, Login, ReservedClaim, Subject, Term};
pub use transport::Limits;

//! Kubernetes: clients, watches, and the few kinds of write. Knows no authentication and makes no choices.
//!
//! Reads go through [`watch`] (slim objects, at the edge) and through one request each where memory cannot know;
//! writes carry preconditions (behaviour §1.3) and answer with what the caller needs to decide again. No text that the
//! API server sends is kept: its refusals may show the values of fields.

pub mod access;
mod call;
pub mod client;
pub mod events;
mod intake;
pub mod managed_secret;
mod metadata;
pub mod owner;
mod refusal;
pub mod scope;
pub mod secrets;
pub mod status;
pub mod watch;
mod watched;

pub use access::AccessReview;
pub use call::{ApiServer, ReadFailed};
pub use client::{Clients, NoCluster};
pub use scope::Scope;
pub use watched::WatchedObject;

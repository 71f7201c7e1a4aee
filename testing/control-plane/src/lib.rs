//! A real Kubernetes control plane on loopback, for tests and the demo: etcd, kube-apiserver and
//! kube-controller-manager, without containers, without privileges, and gone when their user is gone.
//!
//! In reading order:

pub mod audit;
pub mod chart;
pub mod control_plane;
mod data_folder;
pub mod description;
pub mod error;
mod identity;
pub mod outage;
mod port;
mod processes;
pub mod progress;
pub mod tools;
mod watcher;

pub use audit::{AuditLog, Mark, Request, RequestKind};
pub use control_plane::ControlPlane;
pub use description::Description;
pub use error::Error;
pub use tools::Tool;

/// The environment variable that names the description of a control plane that already runs.
pub const RUNNING: &str = "ROCKETLAWYER_CONTROL_PLANE";

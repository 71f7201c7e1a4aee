//! What do people see of the running process? Logs, metrics, health. Decides nothing, and holds no secret.

pub mod admin;
mod health;
pub mod logging;
mod metrics;
mod reporter;
mod snapshot;

pub use health::Health;
pub use metrics::{Exposition, Metrics, Written};
pub use reporter::{Announcement, Outcome, Reporter, Severity};
pub use snapshot::{EventCounts, GateLoad, QueueLoad, Snapshot, Standing};

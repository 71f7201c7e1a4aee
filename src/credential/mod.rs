//! What is particular to `RocketLawyerCredential`: its facts, how its token is issued, what it offers to requests, how its
//! status looks.

mod facts;
pub mod issue;
mod offer;
mod status;

pub use facts::facts;
pub use offer::{is_probe_due, offers};
pub use status::status;

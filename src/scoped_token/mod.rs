//! What is particular to `ScopedTokenRequest`: its facts, how its token is issued, how its status looks.

mod facts;
pub mod issue;
mod status;

pub use facts::{facts, waits_for};
pub use status::status;

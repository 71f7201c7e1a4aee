//! Must this token be replaced now, and why? Pure: no client, runtime, clock or logger.

mod kind;
pub mod record;
pub mod template;

pub use kind::{Key, Kind};
pub use record::{Content, InputsHash, Owner, Record, ResourceVersion, SeenSecret};
pub use template::{Delivery, KeyNames, Template};

//! The authentication service in a box, for demo, tests and development: strict where the real one is, with faults
//! that can be switched while it runs. Uses nothing of the operator but the wire's names and the clock.

mod answer;
mod control;
mod faults;
mod journal;
mod judge;
mod protected;
mod server;
mod service;
mod settings;
mod tokens;

pub use faults::{BodyKind, FaultPlan};
pub use journal::{Counters, Entry, Outcome};
pub use server::Emulator;
pub use settings::{App, AppScope, BadSettings, Purpose, Settings};

/// What the emulator is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A client credentials grant, or a request that is no grant at all.
    AccessToken,
    /// A service token.
    ServiceToken,
    /// An exchange.
    Exchange,
    /// A protected page.
    Protected,
}

//! Must this token be replaced now, and why? Pure: no client, runtime, clock or logger; `now` is an argument.
//!
//! Read [`checks`] first: its two lists are the specification. Then `plan`, `verdict` and `retry`.

pub mod checks;
mod facts;
mod failures;
pub mod inputs;
mod kind;
mod message;
mod obstacle;
mod pace;
mod parked;
mod plan;
mod record;
mod retry;
mod right;
pub mod schedule;
pub mod settle;
pub mod template;
mod told;
mod urgency;
mod verdict;

pub use checks::{Cause, Obstacle};
pub use facts::{
    Care, Chain, Facts, LoginFact, LoginGap, Names, Renewal, SecretFact, SpecFault, Unlisted, Validity, Wish,
};
pub use failures::Failures;
pub use kind::{Key, Kind};
pub use message::at;
pub use pace::Pace;
pub use parked::{Ailment, Parked};
pub use plan::{Precondition, Step, Wait, is_moot, is_written_again, plan};
pub use record::{Content, Fingerprint, InputsHash, Owner, Record, ResourceVersion, SeenSecret};
pub use retry::{
    FailedStep, Failure, LONGEST_ASKED, RetryClass, SHORTEST_DELAY, Setback, another_failure, delay,
    delay_after,
};
pub use right::{On, Right, Verb};
pub use template::{Delivery, KeyNames, Template};
pub use told::{Promise, Told};
pub use urgency::{Urgency, ends_soon_from, urgency};
pub use verdict::{Progress, Statement, TokenView, Truth, Verdict, at_gate, is_overdue, is_unfit, project};

#[cfg(test)]
mod tests;

//! What is known of an origin that is left alone for now (behaviour §4.2)? Plain data: the gates keep it, the objects that
//! wait at one may say it.

use jiff::Timestamp;

/// An origin that is left alone but for one probe at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parked {
    /// What is wrong.
    pub ailment: Ailment,
    /// Since when.
    pub since: Timestamp,
    /// When the next call is let through; not after now: it is under way, or waits for somebody who needs it.
    pub next_probe: Timestamp,
    /// How often in a row it was found so: once, and once more by each probe.
    pub count: u32,
}

/// What is wrong with an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// No connection, no answer in time, or an answer that says it is out of order.
    Unreachable,
    /// It asks for fewer calls.
    Throttling,
}

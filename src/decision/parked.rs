//! What is known of an origin that is left alone for now (behaviour §4.2)? Plain data: the gates keep it, the objects that
//! wait at one may say it.

use jiff::Timestamp;

use crate::api::Reason;

/// Probes that fail before objects tell of an endpoint that cannot be reached: a blip is nobody's news.
const BLIP: u32 = 2;

/// An origin that is left alone but for one probe at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parked {
    /// What was wrong with it first: what objects tell does not change with every probe.
    pub ailment: Ailment,
    /// Since when.
    pub since: Timestamp,
    /// When the next call is let through, unless the life of somebody who waits has one let through before; not after now: it
    /// is under way, or waits for somebody who needs it.
    pub next_probe: Timestamp,
    /// How often in a row it was found so: once, and once more by each probe.
    pub count: u32,
}

impl Parked {
    /// Whether those who wait say so.
    #[must_use]
    pub fn is_told(self) -> bool {
        self.ailment == Ailment::Throttling || self.count > BLIP
    }
}

impl Ailment {
    /// The reason to show.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Unreachable => Reason::ServiceUnavailable,
            Self::Throttling => Reason::Throttled,
        }
    }
}

/// What is wrong with an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// No connection, no answer in time, or an answer that says it is out of order.
    Unreachable,
    /// It asks for fewer calls.
    Throttling,
}

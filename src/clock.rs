//! What time is it? The only reader of a clock; everything else is handed the answer.

use jiff::Timestamp;

/// The wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

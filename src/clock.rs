//! What time is it? The only reader of the wall clock; everything else is handed the answer.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// Seconds that this process's clock is set apart from the machine's: always 0 in the operator.
static APART: AtomicI64 = AtomicI64::new(0);

/// The wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.saturating_add(SignedDuration::from_secs(APART.load(Ordering::Relaxed))).unwrap_or(now)
}

/// How far the wall clock is from the time that has passed since the machine started, asleep or not. Stays as it is unless
/// somebody sets the clock.
#[must_use]
pub fn offset() -> SignedDuration {
    let passed = clock_gettime(ClockId::Boottime);
    let nanoseconds = i32::try_from(passed.tv_nsec).unwrap_or_default();
    now().as_duration() - SignedDuration::new(passed.tv_sec, nanoseconds)
}

/// Sets this process's clock apart from the machine's, as somebody who steps the machine's would. For the test program
/// `testing/stepped-clock`: nothing in the library or its programs calls it, and `tests/architecture` sees to that.
#[doc(hidden)]
pub fn set_apart(seconds: i64) {
    APART.store(seconds, Ordering::Relaxed);
}

//! May another call begin by now? Credit for calls that grows with time. Pure; how much time has passed is an argument.

use jiff::SignedDuration;

use super::Limits;

/// The calls that may begin at once, counted so finely that nothing is ever rounded.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Calls per second; 0: no limit.
    per_second: i128,
    most: i128,
    /// What a call costs: a second's worth of nanoseconds, for each call that may be in flight.
    call: i128,
    credit: i128,
}

const NANOS: i128 = 1_000_000_000;

impl Bucket {
    /// An empty one: whoever starts again and again gets no burst out of it.
    pub(super) fn new(limits: Limits) -> Self {
        let call = NANOS * i128::from(limits.in_flight);
        let most = i128::from(limits.burst) * call;
        Self { per_second: i128::from(limits.per_second), most, call, credit: 0 }
    }

    /// Time has passed. With `cap` of the calls allowed in flight, credit comes at that share of its speed.
    pub(super) fn fill(&mut self, passed: SignedDuration, cap: u32) {
        let earned = passed.as_nanos().max(0).saturating_mul(self.speed(cap));
        self.credit = self.credit.saturating_add(earned).min(self.most);
    }

    /// How long until so many calls may begin.
    pub(super) fn wait(&self, calls: u32, cap: u32) -> SignedDuration {
        let missing = i128::from(calls) * self.call - self.credit;
        if self.per_second == 0 || missing <= 0 {
            return SignedDuration::ZERO;
        }
        let speed = self.speed(cap);
        let nanos = (missing + speed - 1) / speed;
        i64::try_from(nanos).map_or(SignedDuration::MAX, SignedDuration::from_nanos)
    }

    /// So many calls begin.
    pub(super) fn take(&mut self, calls: u32) {
        self.credit -= i128::from(calls) * self.call;
    }

    /// Calls that were to begin were not made.
    pub(super) fn give_back(&mut self, calls: u32) {
        self.credit = (self.credit + i128::from(calls) * self.call).min(self.most);
    }

    /// Nothing is left.
    pub(super) fn empty(&mut self) {
        self.credit = 0;
    }

    fn speed(&self, cap: u32) -> i128 {
        self.per_second * i128::from(cap)
    }
}

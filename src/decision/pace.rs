//! How soon may a change lead to another issue, another status, or another repair? A few at once, then one in half a minute.
//!
//! A change of spec, client Secret or renew request is tried at once, whatever failed before (behaviour §4.3). Whoever makes one
//! change after the other would have a token, or an attempt, for each. What is tried again without a change keeps its own times.
//! A change of a credential is also a status of each of its requests, for each change as many writes as there are requests.
//! And an edit of a managed Secret is undone by a write, which a policy of the server may edit again.

use jiff::{SignedDuration, Timestamp};

use super::schedule::{HAND_RENEWAL_REST, later};

/// So many changes in a row are tried at once.
const AT_ONCE: i32 = 5;
/// Then one in this time.
const REST: SignedDuration = HAND_RENEWAL_REST;

/// The attempts of one object, as far as they followed changes. In memory only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// What the last attempt depended on.
    pub(super) basis: Option<u64>,
    /// When nothing counts any more of what was tried.
    pub(super) spent_until: Option<Timestamp>,
}

impl Pace {
    /// An attempt was made that depended on this.
    pub fn attempted(&mut self, basis: u64, now: Timestamp) {
        if self.basis == Some(basis) {
            return;
        }
        self.basis = Some(basis);
        self.spend(now);
    }

    /// Until when an attempt that depends on this has to wait; `None`: it need not.
    #[must_use]
    pub fn rests_until(&self, basis: u64, now: Timestamp) -> Option<Timestamp> {
        if self.basis == Some(basis) { None } else { self.is_spent_until(now) }
    }

    /// What has this pace was done. Whatever was done in spite of it is forgotten as soon as all else.
    pub fn spend(&mut self, now: Timestamp) {
        let most = later(now, REST * AT_ONCE);
        // One that nothing can have led to was noted by a clock that was wrong.
        let spent = self.spent_until.filter(|it| *it <= most);
        self.spent_until = Some(later(spent.map_or(now, |it| it.max(now)), REST).min(most));
    }

    /// Until when it has to wait; `None`: it need not.
    #[must_use]
    pub fn is_spent_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.spent_until?.checked_sub(REST * (AT_ONCE - 1)).ok()?;
        (until > now && until <= later(now, REST)).then_some(until)
    }
}

//! What has settled itself? A write or a read that failed, or whose answer was lost, and that the watch has shown to be done or to be
//! wanted no more, is over: nobody may be told of it until the next renewal. Pure.

use jiff::Timestamp;

use super::decide;
use crate::decision::{FailedStep, Key, is_moot};
use crate::state::{Object, State};

/// What an effect on the managed Secret fails as.
const STEPS: [FailedStep; 3] =
    [FailedStep::WriteSecret, FailedStep::ReadManagedSecret, FailedStep::ConfirmOwner];

/// Forgets what is over for this object.
pub(super) fn heed(state: &mut State, key: &Key, now: Timestamp) {
    if !state.object(key).is_some_and(may_have_settled) {
        return;
    }
    let Some(facts) = decide::facts(state, key, now) else { return };
    let [written, read, confirmed] = STEPS.map(|step| is_moot(&facts, step, now));
    let Some(object) = state.object_mut(key) else { return };
    for (step, moot) in STEPS.into_iter().zip([written, read, confirmed]) {
        if moot {
            object.work.failures.forgive(&[step]);
        }
    }
    if written {
        object.is_written();
    }
}

/// Something failed, or the token of a request is still held.
fn may_have_settled(object: &Object) -> bool {
    let work = &object.work;
    let failed = work.failures.iter().any(|failure| STEPS.contains(&failure.step));
    failed || (work.held.is_some() && object.credential().is_none())
}

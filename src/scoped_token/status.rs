//! How does the status of a request look?

use jiff::Timestamp;

use crate::api::RequestStatus;
use crate::decision::settle::{conditions, failure, token};
use crate::decision::{Facts, project};

/// The status that these facts amount to.
#[must_use]
pub fn status(facts: &Facts<'_>, old: &RequestStatus, now: Timestamp) -> RequestStatus {
    let verdict = project(facts, now);
    RequestStatus {
        observed_generation: Some(facts.generation),
        conditions: conditions(&old.conditions, &verdict, facts.generation, now),
        token: verdict.token.as_ref().map(token),
        failure: verdict.failure.as_ref().map(failure),
        last_handled_renew_request: verdict.renew_handled.map(Into::into),
    }
}

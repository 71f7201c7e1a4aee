//! How does the status of a request look?

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::{RequestStatus, TokenStatus};
use crate::decision::settle::{conditions, failure, token};
use crate::decision::{Facts, project};

/// The status that these facts amount to.
#[must_use]
pub fn status(facts: &Facts<'_>, old: &RequestStatus, now: Timestamp) -> RequestStatus {
    let verdict = project(facts, now);
    RequestStatus {
        observed_generation: Some(facts.generation),
        conditions: conditions(&old.conditions, &verdict, facts.generation, now),
        token: verdict.token.as_ref().map(token).or_else(|| lives_out(facts, now)),
        failure: verdict.failure.as_ref().map(|told| failure(old.failure.as_ref(), told, now)),
        last_handled_renew_request: verdict.renew_handled.map(Into::into),
    }
}

/// The end of the last token, when nothing else is left of it: the request is finished then, not before (behaviour §2.4).
fn lives_out(facts: &Facts<'_>, now: Timestamp) -> Option<TokenStatus> {
    let ended = facts.sound()?.renew_until.is_some_and(|until| until <= now);
    let expires_at = facts.told_expires_at.filter(|_| ended && facts.record().is_none())?;
    Some(TokenStatus { expires_at: Some(Time(expires_at)), ..TokenStatus::default() })
}

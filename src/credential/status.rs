//! How does the status of a credential look? Its own part: the application, which only the service can name.

use jiff::Timestamp;

use crate::api::CredentialStatus;
use crate::decision::settle::{conditions, failure, token};
use crate::decision::{Facts, project};
use crate::state::Credential;

/// The status that these facts amount to; what only an answer of the service could tell is carried over from the old one.
#[must_use]
pub fn status(facts: &Facts<'_>, credential: &Credential, now: Timestamp) -> CredentialStatus {
    let verdict = project(facts, now);
    CredentialStatus {
        observed_generation: Some(facts.generation),
        conditions: conditions(&credential.status.conditions, &verdict, facts.generation, now),
        token: verdict.token.as_ref().map(token),
        application: credential.application.clone(),
        clock_skew_seconds: facts.clock_skew_minutes().map(|minutes| minutes * 60),
        failure: verdict.failure.as_ref().map(|told| failure(credential.status.failure.as_ref(), told, now)),
        last_handled_renew_request: verdict.renew_handled.map(Into::into),
    }
}

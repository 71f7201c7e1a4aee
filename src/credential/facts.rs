//! What is known of one credential? Looks it up in memory; no I/O, no clock, and no choice.

use crate::decision::inputs;
use crate::decision::{Chain, Delivery, Facts, Failure, Key, Names, SecretFact, SpecFault, Wish};
use crate::state::spec::CredentialSpec;
use crate::state::{Credential, State};

/// The facts of the credential `key`; `None` where there is none.
#[must_use]
pub fn facts<'a>(state: &'a State, key: &'a Key) -> Option<Facts<'a>> {
    let object = state.object(key)?;
    let credential = object.credential()?;
    let session = &credential.session;
    let wish = wish(credential, !state.reads_namespaces());
    let secret = match wish.as_ref().ok().and_then(|wish| wish.template) {
        Some(template) => state.secret_fact(key, object, &template.name),
        None => SecretFact::Unwanted,
    };
    let meta = &object.meta;
    Some(Facts {
        key,
        uid: &meta.uid,
        generation: meta.generation,
        told_expires_at: object.told_token().and_then(|token| token.expires_at.as_ref()).map(|at| at.0),
        says_ready: object.says_ready(),
        told_attempt: object.told_attempt(),
        unlisted: state.unlisted(&key.namespace),
        unwatched: state.unwatched(&key.namespace, goes_by_labels(credential)),
        deleting: meta.deleting,
        wish,
        renew_request: meta.renew_request.as_deref(),
        login: session.login_fact(),
        chain: Chain::Login,
        endpoint: credential.spec.as_ref().ok().and_then(|spec| state.unwell_for(spec)),
        secret,
        look: object.work.look,
        held: object.work.held.as_ref().map(|held| &held.record),
        care: object.work.care,
        failures: &object.work.failures,
        // Touching a client Secret without changing what it holds is no reason to try again.
        stamp: Failure::stamp_of((meta.generation, meta.renew_request.as_deref(), session.made_with())),
        refused: session.refused,
        unproven: session.unproven,
        token_wanted: !session.waiting.is_empty(),
        validity: session.validity,
        clock_ahead: session.clock_ahead,
    })
}

fn wish(credential: &Credential, labels_unknown: bool) -> Result<Wish<'_>, SpecFault> {
    let spec = credential.spec.as_ref().map_err(|fault| *fault)?;
    let selector_ignored = labels_unknown && goes_by_labels(credential);
    Ok(Wish {
        template: spec.template.as_ref(),
        delivery: Delivery::AccessToken,
        renewal: spec.renewal,
        renew_until: None,
        ttl_after_finished: None,
        suspended: spec.suspended,
        selector_ignored,
        refused_origin: spec.endpoint.refused(),
        made_for: Some(inputs::made_for(spec.endpoint.any().base(), None)),
        made_with: credential.session.made_with(),
        names: names(spec),
    })
}

fn goes_by_labels(credential: &Credential) -> bool {
    credential.spec.as_ref().is_ok_and(|spec| spec.consent.needs_labels())
}

fn names(spec: &CredentialSpec) -> Names<'_> {
    Names { client_secret: &spec.login.name, ..Names::default() }
}

//! What is known of one request, and of the credentials it depends on? Looks it up in memory; no I/O, no clock. "Absent" and
//! "not consenting" take the same path from the first line on (behaviour §6.2).

use jiff::Timestamp;

use crate::api::{AppType, Reason};
use crate::decision::inputs::{self, Subject};
use crate::decision::{
    Chain, Delivery, Facts, Failure, Key, LoginFact, Names, SecretFact, SpecFault, Validity, Wish,
};
use crate::state::spec::{CredentialName, CredentialSpec, RequestSpec};
use crate::state::{Offer, Request, Session, State};

/// The facts of the request `key`; `None` where there is none.
#[must_use]
pub fn facts<'a>(state: &'a State, key: &'a Key, now: Timestamp) -> Option<Facts<'a>> {
    let object = state.object(key)?;
    let request = object.request()?;
    let meta = &object.meta;
    let asked = request.spec.as_ref().ok().and_then(|spec| consenting(state, key, &spec.credential));
    let wish = wish(state, key, request, asked);
    let secret = match wish.as_ref().ok().and_then(|wish| wish.template) {
        Some(template) => state.secret_fact(key, object, &template.name),
        None => SecretFact::Unwanted,
    };
    let chain = request.spec.as_ref().map_or(Chain::Absent, |spec| {
        out_of_sight(state, spec).unwrap_or_else(|| chain(state, key, spec, asked, now))
    });
    Some(Facts {
        key,
        uid: &meta.uid,
        generation: meta.generation,
        told_expires_at: object.told_token().and_then(|token| token.expires_at.as_ref()).map(|at| at.0),
        says_ready: object.says_ready(),
        told_attempt: object.told_attempt(),
        unlisted: state.unlisted(&key.namespace),
        unwatched: state.unwatched(&key.namespace, false),
        deleting: meta.deleting,
        wish,
        renew_request: meta.renew_request.as_deref(),
        login: LoginFact::Ready,
        chain,
        endpoint: asked.and_then(|(credential, _)| state.unwell_for(credential)),
        secret,
        look: object.work.look,
        held: object.work.held.as_ref().map(|held| &held.record),
        care: object.work.care,
        failures: &object.work.failures,
        stamp: Failure::stamp_of((meta.generation, meta.renew_request.as_deref())),
        refused: None,
        unproven: false,
        token_wanted: false,
        validity: Validity::Unknown,
        clock_ahead: None,
    })
}

/// The credentials that this request waits for, where it waits.
pub fn waits_for<'a>(state: &'a State, key: &Key) -> impl Iterator<Item = &'a Key> {
    let spec = state.object(key).and_then(|it| it.request()).and_then(|it| it.spec.as_ref().ok());
    spec.into_iter().flat_map(RequestSpec::credentials).map(|it| &it.key)
}

fn wish<'a>(
    state: &'a State,
    key: &Key,
    request: &'a Request,
    asked: Option<Consenting<'a>>,
) -> Result<Wish<'a>, SpecFault> {
    let spec = request.spec.as_ref().map_err(|fault| *fault)?;
    let exchanger = spec.exchanger().and_then(|name| consenting(state, key, name));
    let out_of_reach = match &spec.exchange {
        Some(name) if asked.is_some() && exchanger.is_none() => name,
        _ => &spec.credential,
    };
    let endpoint = asked.map(|(credential, _)| credential.endpoint.any());
    let subject = Subject {
        as_service_token: spec.delivery == Delivery::ServiceToken,
        purpose: spec.subject.purpose(),
        claims: spec.subject.claims(),
    };
    let made_for = endpoint.map(|endpoint| inputs::made_for(endpoint.base(), Some(subject)));
    Ok(Wish {
        template: Some(&spec.template),
        delivery: spec.delivery,
        renewal: spec.renewal,
        renew_until: spec.renew_until,
        ttl_after_finished: spec.ttl_after_finished,
        suspended: spec.suspended,
        selector_ignored: false,
        refused_origin: None,
        made_for,
        made_with: made_for.and_then(|it| made_with(it, spec, exchanger.map(|(_, session)| session))),
        names: Names { client_secret: "", credential: &out_of_reach.shown, purpose: spec.subject.purpose() },
    })
}

/// The app that exchanges, or the lifetime asked for; unknown until the exchanging login was read.
fn made_with(made_for: [u8; 16], spec: &RequestSpec, exchanger: Option<&Session>) -> Option<[u8; 16]> {
    match spec.delivery {
        Delivery::AccessToken => {
            let login = exchanger?.login()?;
            Some(inputs::request_made_with(made_for, &login.client_id, None))
        }
        Delivery::ServiceToken => Some(inputs::request_made_with(made_for, "", Some(spec.service_token_ttl))),
    }
}

/// A credential of a namespace whose credentials may not be listed is neither there nor absent, as far as anybody knows. That is
/// the operator's affair, and said as such; a list that may come yet is waited for.
fn out_of_sight<'a>(state: &State, spec: &'a RequestSpec) -> Option<Chain<'a>> {
    spec.credentials().find_map(|CredentialName { key, .. }| {
        let lasting = state.are_credentials_refused(&key.namespace)?;
        Some(if lasting { Chain::Unlisted { namespace: &key.namespace } } else { Chain::Working })
    })
}

fn chain<'a>(
    state: &'a State,
    key: &Key,
    spec: &'a RequestSpec,
    asked: Option<Consenting<'a>>,
    now: Timestamp,
) -> Chain<'a> {
    let Some((credential, session)) = asked else {
        return missing(state, key, &spec.credential);
    };
    if credential.app_type == AppType::Frontend {
        return Chain::Misfit(SpecFault::CredentialIsFrontend);
    }
    if let Some(refusal) = refusal(credential, spec) {
        return refusal;
    }
    match &spec.exchange {
        Some(name) => {
            let Some((exchanging, exchanging_session)) = consenting(state, key, name) else {
                return missing(state, key, name);
            };
            if exchanging.app_type == AppType::Backend {
                return Chain::Misfit(SpecFault::ExchangeIsBackend);
            }
            if exchanging.endpoint != credential.endpoint {
                return Chain::Misfit(SpecFault::EndpointsDiffer);
            }
            if !exchanging.allows_purpose(spec.subject.purpose()) {
                return Chain::PurposeRefused;
            }
            closed(exchanging, &name.shown)
                .or_else(|| login(exchanging_session, key, &name.shown, now))
                .or_else(|| access(state, key, &spec.credential, credential, session, now))
                .unwrap_or(Chain::Live)
        }
        None if spec.delivery == Delivery::ServiceToken => {
            access(state, key, &spec.credential, credential, session, now).unwrap_or(Chain::Live)
        }
        None => access(state, key, &spec.credential, credential, session, now)
            .or_else(|| login(session, key, &spec.credential.shown, now))
            .unwrap_or(Chain::Live),
    }
}

/// What stands in the way of using the credential's access token. What its spec says now counts before what was offered:
/// a token never goes to an endpoint that it was not made for.
fn access<'a>(
    state: &State,
    key: &Key,
    name: &'a CredentialName,
    credential: &CredentialSpec,
    session: &Session,
    now: Timestamp,
) -> Option<Chain<'a>> {
    let held = state.object(&name.key).and_then(|object| object.work.held.as_ref());
    let made_for = inputs::made_for(credential.endpoint.any().base(), None);
    let made_here = held.is_some_and(|held| held.record.inputs.is_for(Some(made_for)));
    closed(credential, &name.shown)
        .or_else(|| parked(session.offers.access_parked, session, key, &name.shown))
        .or_else(|| serving(session.offers.access, &name.shown, now))
        .or_else(|| (!made_here).then_some(Chain::Working))
}

/// What stands in the way of exchanging with this login.
fn login<'a>(session: &Session, key: &Key, shown: &'a str, now: Timestamp) -> Option<Chain<'a>> {
    parked(session.offers.login_parked, session, key, shown)
        .or_else(|| serving(session.offers.login, shown, now))
}

/// A refusal that others met stands for everybody but the one who is to find out whether it still does.
fn parked<'a>(refusal: Option<Reason>, session: &Session, key: &Key, shown: &'a str) -> Option<Chain<'a>> {
    let reason = refusal.filter(|_| session.probe.as_ref() != Some(key))?;
    Some(Chain::NotReady { credential: shown, reason })
}

/// The credential's spec offers nothing to anybody.
fn closed<'a>(credential: &CredentialSpec, shown: &'a str) -> Option<Chain<'a>> {
    let reason = if credential.suspended {
        Reason::Suspended
    } else if credential.endpoint.refused().is_some() {
        Reason::EndpointNotAllowed
    } else {
        return None;
    };
    Some(Chain::NotReady { credential: shown, reason })
}

/// What the credential does not allow this request.
fn refusal<'a>(credential: &CredentialSpec, spec: &RequestSpec) -> Option<Chain<'a>> {
    if !credential.allows_purpose(spec.subject.purpose()) {
        return Some(Chain::PurposeRefused);
    }
    let longest = credential.max_service_token_ttl;
    let too_long = spec.delivery == Delivery::ServiceToken && spec.service_token_ttl > longest;
    too_long.then_some(Chain::TtlRefused { longest })
}

/// What stands in the way, if this is not to be had now.
fn serving(offer: Offer, credential: &str, now: Timestamp) -> Option<Chain<'_>> {
    match offer {
        Offer::Live { expires_at, .. } if expires_at.is_none_or(|at| at > now) => None,
        Offer::Live { .. } | Offer::Working => Some(Chain::Working),
        Offer::NotReady(reason) => Some(Chain::NotReady { credential, reason }),
    }
}

/// Why there is none to use. A credential next door whose spec is not valid is there; whom one elsewhere would allow nobody knows.
fn missing<'a>(state: &State, key: &Key, name: &'a CredentialName) -> Chain<'a> {
    let there = state.object(&name.key).filter(|it| !it.meta.deleting && key.namespace == name.key.namespace);
    let invalid = there.and_then(|it| it.credential()).is_some_and(|it| it.spec.is_err());
    if invalid {
        return Chain::NotReady { credential: &name.shown, reason: Reason::InvalidSpec };
    }
    Chain::Absent
}

/// A credential that a request may use.
type Consenting<'a> = (&'a CredentialSpec, &'a Session);

/// The credential of this name, if it exists and allows the request's namespace.
fn consenting<'a>(state: &'a State, key: &Key, name: &CredentialName) -> Option<Consenting<'a>> {
    let object = state.object(&name.key).filter(|it| !it.meta.deleting)?;
    let credential = object.credential()?;
    let spec = credential.spec.as_ref().ok()?;
    let labels = state.labels(&key.namespace);
    spec.consent.allows(&name.key.namespace, &key.namespace, labels).then_some((spec, &credential.session))
}

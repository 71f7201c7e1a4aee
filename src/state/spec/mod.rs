//! What does a spec ask for? Parsed once, at the edge; after this, what the API server let through and still means nothing
//! has become a [`SpecFault`]. No I/O, no clock.

mod consent;
mod credential;
mod request;

use std::collections::BTreeMap;

use crate::api::{self, duration};
use crate::decision::{Delivery, KeyNames, Renewal, SpecFault, Template};

pub use consent::{Consent, Labels};
pub use credential::{CredentialSpec, EndpointSpec, LoginRef};
pub use request::{CredentialName, RequestSpec};

/// Shortest and longest `renewBefore`, in seconds: CEL says so too, but objects outlive schemas.
const RENEW_BEFORE: std::ops::RangeInclusive<i64> = 10..=8760 * 3600;
/// Shortest and longest TTL of a service token, in seconds.
const SERVICE_TOKEN_TTL: std::ops::RangeInclusive<i64> = 60..=8760 * 3600;

fn renewal(spec: Option<&api::Renewal>) -> Result<Renewal, SpecFault> {
    let Some(spec) = spec else {
        return Ok(Renewal::Default);
    };
    match (&spec.renew_before, spec.renew_before_percentage) {
        (None, None) => Ok(Renewal::Default),
        (Some(text), None) => {
            let fault = SpecFault::Field("spec.renewal.renewBefore");
            let before =
                duration::parse(text).filter(|it| RENEW_BEFORE.contains(&it.as_secs())).ok_or(fault)?;
            Ok(Renewal::Before(before))
        }
        (None, Some(percent)) => {
            let fault = SpecFault::Field("spec.renewal.renewBeforePercentage");
            let percent = u8::try_from(percent).ok().filter(|it| (1..=90).contains(it)).ok_or(fault)?;
            Ok(Renewal::Percentage(percent))
        }
        (Some(_), Some(_)) => Err(SpecFault::Field("spec.renewal")),
    }
}

fn ttl(text: &str, field: &'static str) -> Result<jiff::SignedDuration, SpecFault> {
    duration::parse(text)
        .filter(|it| SERVICE_TOKEN_TTL.contains(&it.as_secs()))
        .ok_or(SpecFault::Field(field))
}

fn template(
    spec: Option<&api::SecretTemplate>,
    default_name: String,
    delivery: Delivery,
) -> Result<Template, SpecFault> {
    let pairs = |map: &BTreeMap<String, String>| {
        map.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect()
    };
    let keys = spec.and_then(|it| it.keys.as_ref());
    let named = |renamed: Option<&String>, default: &str| renamed.map_or(default, |it| it.as_str()).into();
    let token = match delivery {
        Delivery::AccessToken => {
            named(keys.and_then(|it| it.access_token.as_ref()), api::names::ACCESS_TOKEN)
        }
        Delivery::ServiceToken => {
            named(keys.and_then(|it| it.service_token.as_ref()), api::names::SERVICE_TOKEN)
        }
    };
    let keys = KeyNames {
        token,
        token_type: named(keys.and_then(|it| it.token_type.as_ref()), api::names::TOKEN_TYPE),
        authorization: named(keys.and_then(|it| it.authorization.as_ref()), api::names::AUTHORIZATION),
        expires_at: named(keys.and_then(|it| it.expires_at.as_ref()), api::names::EXPIRES_AT_KEY),
    };
    let mut distinct = [&keys.token, &keys.token_type, &keys.authorization, &keys.expires_at];
    distinct.sort_unstable();
    if distinct.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(SpecFault::Field("spec.secret.keys"));
    }
    Ok(Template {
        name: spec.and_then(|it| it.name.clone()).unwrap_or(default_name).into(),
        labels: spec.map(|it| pairs(&it.labels)).unwrap_or_default(),
        annotations: spec.map(|it| pairs(&it.annotations)).unwrap_or_default(),
        keys,
    })
}

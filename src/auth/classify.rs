//! What does an answer without a token mean? By error code first, by status second. Pure; keeps no byte of it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Call, Class, ErrorCode, Fault, Scope, wire};
use crate::decision::LONGEST_ASKED;

/// An answer, as far as its meaning depends on it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// What time it is for the service, or locally where it does not say: what a date in `Retry-After` is held against.
    pub now: Timestamp,
    /// The body, as far as it came.
    pub body: &'a [u8],
}

/// A gateway that is set up wrongly is not mended in seconds.
const SLOW: SignedDuration = SignedDuration::from_mins(5);

/// What `answer` to `call` means. An answer that held a usable token never gets here.
#[must_use]
pub fn classify(call: Call, answer: &Answer<'_>) -> Fault {
    let body = serde_json::from_slice::<Value>(answer.body).ok().filter(Value::is_object);
    let code = body.as_ref().and_then(code);
    let (class, scope) = code
        .and_then(|code| by_code(call, code, answer.status))
        .unwrap_or_else(|| by_status(call, answer.status, body.as_ref()));
    let said = answer.retry_after.and_then(|text| wait(text, answer.now));
    let retry_after = said.or_else(|| match code {
        Some(ErrorCode::SpikeArrest) => body.as_ref().and_then(pace),
        Some(code) if is_misconfigured_gateway(code) => Some(SLOW),
        _ => None,
    });
    Fault {
        class,
        scope,
        http_status: Some(answer.status),
        error_code: code.or_else(|| shape(answer, body.is_some())),
        retry_after,
    }
}

/// The known code in a body of any of the shapes: the gateway's, the application's, OAuth's.
fn code(body: &Value) -> Option<ErrorCode> {
    const GATEWAYS: &str = "/fault/detail/errorcode";
    // The application names the status there.
    let is_a_code = |path, code: &ErrorCode| path == GATEWAYS || *code != ErrorCode::Unauthorized;
    [GATEWAYS, "/error", "/ErrorCode"]
        .into_iter()
        .find_map(|path| ErrorCode::parse(body.pointer(path)?.as_str()?).filter(|code| is_a_code(path, code)))
        .filter(|code| !code.is_ours())
}

fn by_code(call: Call, code: ErrorCode, status: u16) -> Option<(Class, Scope)> {
    use ErrorCode as C;
    Some(match code {
        C::SpikeArrest | C::Throttled => (Class::Throttled, Scope::Endpoint),
        C::Quota => (Class::QuotaExhausted, Scope::Credential),
        C::AccessTokenExpired
        | C::InvalidAccessToken
        | C::OauthInvalidAccessToken
        | C::OauthAccessTokenExpired => match call {
            Call::ServiceToken => (Class::OurTokenRefused, Scope::Credential),
            Call::AccessToken | Call::Exchange => (Class::Unexpected, call.own_scope()),
        },
        C::AccessTokenNotApproved
        | C::ConsumerKeyExpired
        | C::InvalidConsumerKey
        | C::ClientAppNotApproved
        | C::DeveloperNotActive
        | C::CompanyNotActive
        | C::ApiKeyNotApproved
        | C::InvalidApiKey
        | C::InvalidApiKeyForResource
        | C::ApiKeyNotResolved
        | C::InvalidClientIdentifier
        | C::InvalidClient => (Class::CredentialRefused, Scope::Credential),
        C::NoApiProduct | C::InsufficientScope | C::InsufficientScopeShort => {
            (Class::Forbidden, call.own_scope())
        }
        C::ApiResourceDoesNotExist => (Class::RequestRefused, Scope::Credential),
        C::InvalidGrant => (Class::RequestRefused, call.own_scope()),
        C::GatewayTimeout | C::ServiceUnavailable => (Class::Transient, Scope::Endpoint),
        code if is_misconfigured_gateway(code) => (Class::Transient, Scope::Endpoint),
        // Words this general mean something only together with their status.
        C::Unauthorized if status == 401 && call != Call::ServiceToken => {
            (Class::CredentialRefused, Scope::Credential)
        }
        C::BadRequest if status == 400 => (Class::RequestRefused, call.own_scope()),
        _ => return None,
    })
}

fn by_status(call: Call, status: u16, body: Option<&Value>) -> (Class, Scope) {
    match status {
        200..=299 if body.is_some() => (Class::Unexpected, call.own_scope()),
        300..=399 => (Class::Unexpected, Scope::Credential),
        429 => (Class::Throttled, Scope::Endpoint),
        407 | 408 | 425 | 500..=599 => (Class::Transient, Scope::Endpoint),
        // Not the service's own words: some box on the way to it, or nothing of ours at this path. A firewall that takes
        // offence at one request's claim must not hold up the others, so the request is to blame first.
        400..=499 if body.is_none() => (Class::Unexpected, call.own_scope()),
        // A login that is answered so is refused, in whatever shape. What a request brought may be to blame as well as what its
        // credential lent it: without a code nobody can tell, and the request is to blame first.
        401 if call == Call::AccessToken => (Class::CredentialRefused, Scope::Credential),
        401 if call == Call::ServiceToken && body.is_some_and(is_fault) => {
            (Class::OurTokenRefused, call.own_scope())
        }
        403 if call == Call::AccessToken || body.is_some_and(is_fault) => {
            (Class::Forbidden, call.own_scope())
        }
        401 | 403 => (Class::Unexpected, call.own_scope()),
        400..=499 => (Class::RequestRefused, call.own_scope()),
        _ => (Class::Unexpected, Scope::Endpoint),
    }
}

/// Whether a body has one of the shapes in which the service, or its gateway, tells a fault.
fn is_fault(body: &Value) -> bool {
    let is = |name: &str, kind: fn(&Value) -> bool| body.get(name).is_some_and(kind);
    is("fault", Value::is_object)
        || ["error", "ErrorCode"].into_iter().any(|name| is(name, Value::is_string))
        || (is("status", Value::is_number) && is("path", Value::is_string))
}

fn is_misconfigured_gateway(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::SpikeArrestRate
            | ErrorCode::MessageWeight
            | ErrorCode::QuotaIntervalReference
            | ErrorCode::QuotaIntervalTimeUnitReference
            | ErrorCode::QuotaInterval
            | ErrorCode::QuotaTimeUnit
    )
}

/// Our own word for a body that says nothing.
fn shape(answer: &Answer<'_>, is_json: bool) -> Option<ErrorCode> {
    match answer.status {
        300..=399 => Some(ErrorCode::Redirect),
        200..=299 if is_json => Some(ErrorCode::NoToken),
        _ if is_json => None,
        _ if answer.body.is_empty() => Some(ErrorCode::Empty),
        _ => Some(ErrorCode::Unreadable),
    }
}

/// `Retry-After`: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than the longest wait.
        return Some(text.parse().map_or(LONGEST_ASKED, SignedDuration::from_secs).min(LONGEST_ASKED));
    }
    let until = wire::http_date(text)?;
    Some(until.duration_since(now).clamp(SignedDuration::ZERO, LONGEST_ASKED))
}

/// One message's share of the period, where the gateway tells its rate:
/// `MessageRate{messagesPerPeriod=60, periodInMicroseconds=60000000, …}`.
fn pace(body: &Value) -> Option<SignedDuration> {
    let text = body.pointer("/fault/faultstring")?.as_str()?;
    let messages = number_after(text, "messagesPerPeriod=")?;
    let period = number_after(text, "periodInMicroseconds=")?;
    let share = SignedDuration::from_micros(period.checked_div(messages)?);
    Some(share.clamp(SignedDuration::from_secs(1), LONGEST_ASKED))
}

fn number_after(text: &str, name: &str) -> Option<i64> {
    let (_, rest) = text.split_once(name)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests;

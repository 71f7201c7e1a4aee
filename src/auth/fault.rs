//! What does a failed call mean: what kind of failure, whose, and when to look again? Plain data.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::ErrorCode;

/// The three calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Call {
    /// A client credentials grant.
    AccessToken,
    /// A service token, asked for with an access token.
    ServiceToken,
    /// A service token exchanged for a scoped access token.
    Exchange,
}

/// A call that brought no token. Holds nothing that the service sent: numbers, and words of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of failure.
    pub class: Class,
    /// Whose failure: where it is parked (behaviour §4.2).
    pub scope: Scope,
    /// The HTTP status, where there was an answer.
    pub http_status: Option<u16>,
    /// What the service, or the connection, said, where it is one of the known codes.
    pub error_code: Option<ErrorCode>,
    /// How long the service asks to wait; at most 15 minutes.
    pub retry_after: Option<SignedDuration>,
}

/// What kind of failure (behaviour §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// Passes by itself: no connection, a timeout, an outage. May have issued a token that was lost.
    Transient,
    /// Too many calls in too short a time.
    Throttled,
    /// The app has used up its calls.
    QuotaExhausted,
    /// The key, the secret or the app is not accepted (any more).
    CredentialRefused,
    /// The call's content is not accepted.
    RequestRefused,
    /// The app may not do this.
    Forbidden,
    /// The access token that the call was made with is not accepted.
    OurTokenRefused,
    /// An answer that is none: truncated, huge, empty, not JSON, a redirect, no token in it. Retried as transient.
    Unexpected,
    /// A token with less than 30 seconds to live, or no way to tell how long.
    Unusable,
}

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Of this one request.
    Request,
    /// Of the credential that the call was made with: for an exchange, of the exchanging one.
    Credential,
    /// Of everything that calls this endpoint's origin.
    Endpoint,
}

/// How a failure is told to a person: each is one reason of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The service cannot be reached or is out of order.
    ServiceUnavailable,
    /// The service answered something that cannot be read.
    UnexpectedResponse,
    /// Too many calls.
    Throttled,
    /// Out of quota.
    QuotaExhausted,
    /// The key or secret is refused.
    InvalidClient,
    /// The content of the call is refused.
    RequestRejected,
    /// The app lacks the right.
    AccessDenied,
    /// The token would not live long enough.
    UnusableToken,
    /// The shared access token is refused: the credential has to issue anew.
    AccessTokenRefused,
}

impl Call {
    /// A word for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::ServiceToken => "service_token",
            Self::Exchange => "exchange",
        }
    }

    /// Whose failure it is when only this call's content is to blame.
    #[must_use]
    pub fn own_scope(self) -> Scope {
        match self {
            Self::AccessToken => Scope::Credential,
            Self::ServiceToken | Self::Exchange => Scope::Request,
        }
    }
}

impl Class {
    /// How it is told to a person.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Transient => Kind::ServiceUnavailable,
            Self::Throttled => Kind::Throttled,
            Self::QuotaExhausted => Kind::QuotaExhausted,
            Self::CredentialRefused => Kind::InvalidClient,
            Self::RequestRefused => Kind::RequestRejected,
            Self::Forbidden => Kind::AccessDenied,
            Self::OurTokenRefused => Kind::AccessTokenRefused,
            Self::Unexpected => Kind::UnexpectedResponse,
            Self::Unusable => Kind::UnusableToken,
        }
    }
}

impl Fault {
    /// How it is told to a person.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.class.kind()
    }

    /// Whether nothing in the answer to a request's call tells if this request met it or everybody would.
    #[must_use]
    pub fn is_anybodys(&self) -> bool {
        match self.class {
            Class::Unexpected | Class::OurTokenRefused => true,
            Class::RequestRefused | Class::Forbidden => {
                self.error_code.is_none() && matches!(self.http_status, Some(403 | 404 | 405 | 410))
            }
            _ => false,
        }
    }
}

//! Which error codes are known? A closed vocabulary: what is not in it is never repeated.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// A known error code. Shown as text of ours, never as what the service sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The code that `text` is.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Wrong key or secret, as the service itself says it.
    Unauthorized = "Unauthorized",
    /// A refused grant or code, as the service itself says it.
    BadRequest = "Bad Request",
    /// The key does not exist, in the words of OAuth.
    InvalidClient = "invalid_client",
    /// The grant is not accepted, in the words of OAuth.
    InvalidGrant = "invalid_grant",
    /// Too many calls in a short time.
    SpikeArrest = "policies.ratelimit.SpikeArrestViolation",
    /// The quota is used up.
    Quota = "policies.ratelimit.QuotaViolation",
    /// Some gateways say "throttled" with a 403.
    Throttled = "throttled",
    /// The gateway's rate limit is set up wrongly.
    SpikeArrestRate = "policies.ratelimit.FailedToResolveSpikeArrestRate",
    /// The gateway's rate limit is set up wrongly.
    MessageWeight = "policies.ratelimit.InvalidMessageWeight",
    /// The gateway's quota is set up wrongly.
    QuotaIntervalReference = "policies.ratelimit.FailedToResolveQuotaIntervalReference",
    /// The gateway's quota is set up wrongly.
    QuotaIntervalTimeUnitReference = "policies.ratelimit.FailedToResolveQuotaIntervalTimeUnitReference",
    /// The gateway's quota is set up wrongly.
    QuotaInterval = "policies.ratelimit.InvalidQuotaInterval",
    /// The gateway's quota is set up wrongly.
    QuotaTimeUnit = "policies.ratelimit.InvalidQuotaTimeUnit",
    /// Our access token has expired.
    AccessTokenExpired = "keymanagement.service.access_token_expired",
    /// Our access token is not known.
    InvalidAccessToken = "keymanagement.service.invalid_access_token",
    /// Our access token is not known.
    OauthInvalidAccessToken = "oauth.v2.InvalidAccessToken",
    /// Our access token is not known.
    OauthAccessTokenExpired = "oauth.v2.AccessTokenExpired",
    /// The app was revoked.
    AccessTokenNotApproved = "keymanagement.service.access_token_not_approved",
    /// The key has expired.
    ConsumerKeyExpired = "keymanagement.service.consumer_key_expired",
    /// The key is not known.
    InvalidConsumerKey = "keymanagement.service.invalid_consumer_key",
    /// The app lacks the product.
    NoApiProduct = "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound",
    /// There is nothing at this path.
    ApiResourceDoesNotExist = "keymanagement.service.apiresource_doesnot_exist",
    /// The app is not approved.
    ClientAppNotApproved = "keymanagement.service.invalid_client-app_not_approved",
    /// The developer is not active.
    DeveloperNotActive = "keymanagement.service.DeveloperStatusNotActive",
    /// The company is not active.
    CompanyNotActive = "keymanagement.service.CompanyStatusNotActive",
    /// The key is not approved.
    ApiKeyNotApproved = "oauth.v2.ApiKeyNotApproved",
    /// The key is not known.
    InvalidApiKey = "oauth.v2.InvalidApiKey",
    /// The key is not for this resource.
    InvalidApiKeyForResource = "oauth.v2.InvalidApiKeyForGivenResource",
    /// The key could not be found in the call.
    ApiKeyNotResolved = "steps.oauth.v2.FailedToResolveAPIKey",
    /// The key is not known.
    InvalidClientIdentifier = "oauth.v2.InvalidClientIdentifier",
    /// The app's scope does not reach.
    InsufficientScope = "steps.oauth.v2.insufficient_scope",
    /// The app's scope does not reach.
    InsufficientScopeShort = "InsufficientScope",
    /// The service behind the gateway took too long; it may have issued.
    GatewayTimeout = "messaging.adaptors.http.flow.GatewayTimeout",
    /// The service behind the gateway is away.
    ServiceUnavailable = "messaging.adaptors.http.flow.ServiceUnavailable",
    /// Ours: no connection.
    ConnectionFailed = "connection.failed",
    /// Ours: the host's name does not resolve.
    NameNotResolved = "connection.nameNotResolved",
    /// Ours: the certificate was not accepted, or the handshake failed.
    TlsFailed = "connection.tls",
    /// Ours: no whole answer in time.
    TimedOut = "connection.timeout",
    /// Ours: the connection broke before the answer was whole.
    Truncated = "response.truncated",
    /// Ours: a body beyond the limit.
    TooLarge = "response.tooLarge",
    /// Ours: no body.
    Empty = "response.empty",
    /// Ours: a body that is not the JSON it should be.
    Unreadable = "response.unreadable",
    /// Ours: a redirect; none is followed.
    Redirect = "response.redirect",
    /// Ours: an answer without a token in it, or with one that cannot be used.
    NoToken = "response.noToken",
    /// Ours: a token with too short a life, or none that can be read.
    Lifetime = "response.lifetime",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ErrorCode {
    /// Whether it is our own word for what happened, which no service can send.
    #[must_use]
    pub fn is_ours(self) -> bool {
        let text = self.as_str();
        text.starts_with("connection.") || text.starts_with("response.")
    }
}

//! What is everything called? Each name that users or other programs can see, once.

/// The API group of both kinds.
pub const GROUP: &str = "auth.rocketlawyer.com";
/// The one version that is served.
pub const VERSION: &str = "v1alpha1";
/// The category: `kubectl get rocketlawyer` lists both kinds.
pub const CATEGORY: &str = "rocketlawyer";

/// The kind that holds the login of one developer app.
pub const CREDENTIAL_KIND: &str = "RocketLawyerCredential";
/// Its plural.
pub const CREDENTIAL_PLURAL: &str = "rocketlawyercredentials";
/// The kind that asks for one scoped token or service token.
pub const REQUEST_KIND: &str = "ScopedTokenRequest";
/// Its plural.
pub const REQUEST_PLURAL: &str = "scopedtokenrequests";

/// What the operator calls itself: field manager, event source, `managed-by`.
pub const OPERATOR: &str = "rocketlawyer-operator";

/// The type of every managed Secret. Immutable on the server, so it guards other people's Secrets by itself.
pub const SECRET_TYPE: &str = "auth.rocketlawyer.com/token";
/// Appended to a credential's name for its Secret where `spec.secret.name` is absent.
pub const CREDENTIAL_SECRET_SUFFIX: &str = "-access-token";
/// Appended to a request's name for its Secret where `spec.secret.name` is absent.
pub const REQUEST_SECRET_SUFFIX: &str = "-token";

/// The label that every managed Secret carries, with [`OPERATOR`] as its value.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The prefix of all our annotations; nobody else's may begin so.
pub const PREFIX: &str = "auth.rocketlawyer.com/";

/// On a managed Secret: the moment before its token was asked for, RFC 3339.
pub const ISSUED_AT: &str = "auth.rocketlawyer.com/issued-at";
/// On a managed Secret: when its token ends, RFC 3339.
pub const EXPIRES_AT: &str = "auth.rocketlawyer.com/expires-at";
/// On a managed Secret: from which inputs its token was issued.
pub const INPUTS_HASH: &str = "auth.rocketlawyer.com/inputs-hash";
/// On a managed Secret: the hash of its data and of the rest of the record.
pub const CONTENT_HASH: &str = "auth.rocketlawyer.com/content-hash";
/// On a managed Secret: the renew request that it has answered.
pub const RENEW_REQUEST_HANDLED: &str = "auth.rocketlawyer.com/renew-request-handled";
/// On either kind, set by people: any new value renews once.
pub const RENEW_REQUESTED_AT: &str = "auth.rocketlawyer.com/renew-requested-at";

/// Data key of the client Secret that holds the app's key, unless `clientIdKey` says otherwise.
pub const CLIENT_ID_KEY: &str = "client_id";
/// Data key of the client Secret that holds the app's secret, unless `clientSecretKey` says otherwise.
pub const CLIENT_SECRET_KEY: &str = "client_secret";

/// Data key of a managed Secret: an access token, whole or scoped.
pub const ACCESS_TOKEN: &str = "access_token";
/// Data key of a managed Secret: a service token.
pub const SERVICE_TOKEN: &str = "service_token";
/// Data key of a managed Secret: always [`BEARER`].
pub const TOKEN_TYPE: &str = "token_type";
/// Data key of a managed Secret: what an HTTP client sends, `Bearer eyJ…`.
pub const AUTHORIZATION: &str = "authorization";
/// Data key of a managed Secret: when the token ends, RFC 3339.
pub const EXPIRES_AT_KEY: &str = "expires_at";
/// The value of [`TOKEN_TYPE`].
pub const BEARER: &str = "Bearer";

/// The purpose of a request that names none: one interview. Requires `interviewId`.
pub const ROCKETDOC: &str = "api.rocketlawyer.com/rocketdoc";
/// The purpose of a party's access to its binder. Requires `upid`.
pub const BINDER_PARTY_ACCESS: &str = "api.rocketlawyer.com/binder-party-access";

//! What does a user say of a developer app's login? The kind `RocketLawyerCredential`.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allowed_namespaces::AllowedNamespaces;
use super::managed_secret::SecretTemplate;
use super::names;
use super::renewal::Renewal;
use super::rule;
use super::status::CredentialStatus;

/// The login of one developer app. It holds no secret itself: it names the Secret that does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "auth.rocketlawyer.com",
    version = "v1alpha1",
    kind = "RocketLawyerCredential",
    plural = "rocketlawyercredentials",
    shortname = "rlc",
    category = "rocketlawyer",
    namespaced,
    status = "CredentialStatus",
    derive = "PartialEq",
    doc = "The login of one Rocket Lawyer developer app. A Backend app's access token is kept, always fresh, in a Secret beside it; ScopedTokenRequests refer to it.",
    selectable = ".spec.environment",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "REASON", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "EXPIRES", type_ = "string", json_path = ".status.token.expiresAt"),
    printcolumn(name = "RENEWS", type_ = "string", json_path = ".status.token.renewAt"),
    printcolumn(name = "SECRET", type_ = "string", json_path = ".status.token.secretName"),
    printcolumn(name = "ENVIRONMENT", type_ = "string", json_path = ".spec.environment", priority = 1),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = rule::name_leaves_room_for_access_token(),
    validation = rule::access_token_secret_is_immutable(),
    validation = rule::access_token_secret_is_not_the_client_secret(),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rule::custom_needs_endpoint(),
    validation = rule::endpoint_needs_custom(),
    validation = rule::frontend_has_no_secret(),
    validation = rule::frontend_has_no_renewal(),
    validation = rule::credential_has_no_service_token_key(),
)]
pub struct RocketLawyerCredentialSpec {
    /// Where the app lives: Sandbox, Production, or Custom with an `endpoint`.
    pub environment: Environment,
    /// The authentication service to use instead; only, and required, with `environment: Custom`. The operator must have been started with its origin (`--allow-endpoint`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<CustomEndpoint>,
    /// Backend: a server's app, whose access token is kept in a managed Secret. Frontend: a user interface's app, which issues no access token and only exchanges service tokens. Immutable. Default: Backend.
    #[serde(default)]
    #[x_kube(validation = rule::app_type_is_immutable())]
    pub app_type: AppType,
    /// The Secret with the app's key and secret, in the same namespace.
    pub client_secret_ref: ClientSecretRef,
    /// The managed Secret of a Backend app. Not for Frontend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretTemplate>,
    /// When the access token of a Backend app is renewed. Not for Frontend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Which namespaces may refer to this credential, beside its own. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// The purposes that requests may ask for. At most 64, of together 4096 bytes. Default: every purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rule::purposes")]
    #[x_kube(validation = rule::purposes_not_empty(), validation = rule::purposes_are_short())]
    pub allowed_purposes: Option<Vec<String>>,
    /// The longest life of a service token that a request may have delivered, which cannot be revoked: hours, minutes and seconds, such as `24h`; 1m to 8760h. Default: 24h.
    #[serde(default = "one_day", rename = "maxServiceTokenTTL")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rule::duration("1m", "8760h"))]
    pub max_service_token_ttl: String,
    /// Issue nothing, neither for this credential nor for its requests, until this is false again. Tokens that are there live out. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// Where an app lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Environment {
    /// Rocket Lawyer's sandbox.
    Sandbox,
    /// Rocket Lawyer's production.
    Production,
    /// The `endpoint` of the credential.
    Custom,
}

/// Whether an app is a server's or a user interface's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AppType {
    #[default]
    /// A server's: it logs in and gets an access token.
    Backend,
    /// A user interface's: its key and secret only exchange service tokens.
    Frontend,
}

/// An authentication service other than Rocket Lawyer's own two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomEndpoint {
    /// Its base URL, such as `https://gateway.example.com/partners/v1/auth`.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rule::base_url())]
    pub url: String,
    /// PEM certificates to trust beside the platform's own. At most 32 KiB: some twenty certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    #[x_kube(validation = rule::pem(), validation = rule::bundle_is_short())]
    pub ca_bundle: Option<String>,
}

/// Where an app's key and secret are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rule::key_is_not_secret())]
pub struct ClientSecretRef {
    /// The Secret, in the namespace of the credential.
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: String,
    /// The data key that holds the app's key. Default: `client_id`.
    #[serde(default = "client_id_key")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub client_id_key: String,
    /// The data key that holds the app's secret. Default: `client_secret`.
    #[serde(default = "client_secret_key")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::data_key())]
    pub client_secret_key: String,
}

fn one_day() -> String {
    "24h".to_owned()
}

fn client_id_key() -> String {
    names::CLIENT_ID_KEY.to_owned()
}

fn client_secret_key() -> String {
    names::CLIENT_SECRET_KEY.to_owned()
}

//! What does a user say of one scoped token? The kind `ScopedTokenRequest`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::managed_secret::SecretTemplate;
use super::names;
use super::renewal::Renewal;
use super::rule;
use super::status::RequestStatus;

/// One scoped token, or one service token, for one interview or party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "auth.rocketlawyer.com",
    version = "v1alpha1",
    kind = "ScopedTokenRequest",
    plural = "scopedtokenrequests",
    shortname = "str",
    category = "rocketlawyer",
    namespaced,
    status = "RequestStatus",
    derive = "PartialEq",
    doc = "Asks for one scoped token, or one service token, for one interview or party. It is kept, always fresh, in a Secret beside this request.",
    selectable = ".spec.credentialRef.name",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "REASON", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "EXPIRES", type_ = "string", json_path = ".status.token.expiresAt"),
    printcolumn(name = "RENEWS", type_ = "string", json_path = ".status.token.renewAt"),
    printcolumn(name = "SECRET", type_ = "string", json_path = ".status.token.secretName"),
    printcolumn(name = "PURPOSE", type_ = "string", json_path = ".spec.purpose", priority = 1),
    printcolumn(name = "CREDENTIAL", type_ = "string", json_path = ".spec.credentialRef.name", priority = 1),
    printcolumn(name = "INTERVIEW", type_ = "string", json_path = ".spec.interviewId", priority = 1),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = rule::name_leaves_room_for_token(),
    validation = rule::token_secret_is_immutable(),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rule::rocketdoc_needs_interview(),
    validation = rule::binder_party_access_needs_upid(),
    validation = rule::subject_is_immutable(),
    validation = rule::subject_is_short(),
    validation = rule::service_token_is_not_exchanged(),
    validation = rule::scoped_token_has_no_service_token_key(),
    validation = rule::service_token_has_no_access_token_key(),
    validation = rule::ttl_needs_renew_until(),
)]
pub struct ScopedTokenRequestSpec {
    /// The `RocketLawyerCredential` of a Backend app whose access token asks for the service token.
    pub credential_ref: CredentialRef,
    /// The `RocketLawyerCredential` of a Frontend app whose key and secret exchange the service token. Default: `credentialRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_credential_ref: Option<CredentialRef>,
    /// What the token is for. Immutable: another subject is another request. Default: api.rocketlawyer.com/rocketdoc.
    #[serde(default = "rocketdoc")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::word("api.rocketlawyer.com/rocketdoc"))]
    pub purpose: String,
    /// The interview that the token opens; required by the purpose api.rocketlawyer.com/rocketdoc. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rule::word("42313c4d-11bb-414a-81a4-9fda067d1ae7"))]
    pub interview_id: Option<String>,
    /// Your own id of your customer. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rule::trimmed())]
    pub partner_end_user_id: Option<String>,
    /// The party whose binder the token opens; required by the purpose api.rocketlawyer.com/binder-party-access. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = rule::trimmed())]
    pub upid: Option<String>,
    /// Further claims that other purposes ask for. At most 16; with purpose, interviewId, partnerEndUserId and upid at most 4096 bytes. Immutable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "rule::claims")]
    #[x_kube(validation = rule::claim_names(), validation = rule::claims_are_not_fields())]
    pub claims: BTreeMap<String, String>,
    /// `ScopedAccessToken`: the service token is exchanged for a scoped access token. `ServiceToken`: it is delivered as it is, for Rocket Lawyer's embedded user interface. Immutable. Default: `ScopedAccessToken`.
    #[serde(default)]
    #[x_kube(validation = rule::deliver_is_immutable())]
    pub deliver: Deliver,
    /// How long the service token is asked to live: hours, minutes and seconds, such as `24h`; 1m to 8760h, and for `deliver: ServiceToken` at most the credential's maxServiceTokenTTL. Default: 24h.
    #[serde(default = "one_day", rename = "serviceTokenTTL")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rule::duration("1m", "8760h"))]
    pub service_token_ttl: String,
    /// The managed Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretTemplate>,
    /// When the token is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Never issue after this instant, RFC 3339. The token that is there then lives out. Default: renew for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rule::instant")]
    #[x_kube(validation = rule::within_reckoning())]
    pub renew_until: Option<Time>,
    /// Delete this request, and with it its Secret, this many seconds after it finished: after `renewUntil` or the end of its last token, whichever is later; 0 to 31536000. Default: keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rule::ttl_seconds())]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Issue nothing until this is false again. A token that is there lives out. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// A `RocketLawyerCredential`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialRef {
    /// Its name.
    #[schemars(length(max = 253))]
    #[x_kube(validation = rule::object_name())]
    pub name: String,
    /// Its namespace, where that is another one; the credential must allow this one. Default: the request's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = rule::namespace_name())]
    pub namespace: Option<String>,
}

/// Which token a request's Secret holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Deliver {
    #[default]
    /// The scoped access token that the service token was exchanged for.
    ScopedAccessToken,
    /// The service token as it is.
    ServiceToken,
}

fn one_day() -> String {
    "24h".to_owned()
}

fn rocketdoc() -> String {
    names::ROCKETDOC.to_owned()
}

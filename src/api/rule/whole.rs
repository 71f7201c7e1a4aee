//! Which combinations are refused? Rules over several fields of an object, or over its name.

use kube::core::{Reason, Rule};

/// A field that may not be set as the others are.
fn forbidden(rule: &str, field: &str, sentence: &str) -> Rule {
    Rule::new(rule).message(sentence).reason(Reason::FieldValueForbidden).field_path(field)
}

/// A field that the others ask for.
fn required(rule: &str, field: &str, sentence: &str) -> Rule {
    Rule::new(rule).message(sentence).reason(Reason::FieldValueRequired).field_path(field)
}

pub(in crate::api) fn custom_needs_endpoint() -> Rule {
    required(
        "self.environment != 'Custom' || has(self.endpoint)",
        ".endpoint",
        "write endpoint.url, the base URL of the authentication service: environment Custom has no other",
    )
}

pub(in crate::api) fn endpoint_needs_custom() -> Rule {
    forbidden(
        "self.environment == 'Custom' || !has(self.endpoint)",
        ".endpoint",
        "remove endpoint, or write environment: Custom; Sandbox and Production have their own",
    )
}

pub(in crate::api) fn frontend_has_no_secret() -> Rule {
    forbidden(
        "self.appType != 'Frontend' || !has(self.secret)",
        ".secret",
        "remove secret: a Frontend app issues no access token, it only exchanges service tokens",
    )
}

pub(in crate::api) fn frontend_has_no_renewal() -> Rule {
    forbidden(
        "self.appType != 'Frontend' || !has(self.renewal)",
        ".renewal",
        "remove renewal: a Frontend app issues no access token that could be renewed",
    )
}

pub(in crate::api) fn credential_has_no_service_token_key() -> Rule {
    forbidden(
        "!has(self.secret) || !has(self.secret.keys) || !has(self.secret.keys.serviceToken)",
        ".secret.keys.serviceToken",
        "remove serviceToken: the Secret of a credential holds an access token, which keys.accessToken renames",
    )
}

pub(in crate::api) fn scoped_token_has_no_service_token_key() -> Rule {
    forbidden(
        "self.deliver == 'ServiceToken' || !has(self.secret) || !has(self.secret.keys) || !has(self.secret.keys.serviceToken)",
        ".secret.keys.serviceToken",
        "remove serviceToken: with deliver ScopedAccessToken the Secret holds an access token, which keys.accessToken renames",
    )
}

pub(in crate::api) fn service_token_has_no_access_token_key() -> Rule {
    forbidden(
        "self.deliver != 'ServiceToken' || !has(self.secret) || !has(self.secret.keys) || !has(self.secret.keys.accessToken)",
        ".secret.keys.accessToken",
        "remove accessToken: with deliver ServiceToken the Secret holds a service token, which keys.serviceToken renames",
    )
}

pub(in crate::api) fn service_token_is_not_exchanged() -> Rule {
    forbidden(
        "self.deliver != 'ServiceToken' || !has(self.exchangeCredentialRef)",
        ".exchangeCredentialRef",
        "remove exchangeCredentialRef: with deliver ServiceToken nothing is exchanged",
    )
}

pub(in crate::api) fn rocketdoc_needs_interview() -> Rule {
    required(
        "self.purpose != 'api.rocketlawyer.com/rocketdoc' || has(self.interviewId)",
        ".interviewId",
        "write interviewId: the purpose api.rocketlawyer.com/rocketdoc opens one interview",
    )
}

pub(in crate::api) fn binder_party_access_needs_upid() -> Rule {
    required(
        "self.purpose != 'api.rocketlawyer.com/binder-party-access' || has(self.upid)",
        ".upid",
        "write upid: the purpose api.rocketlawyer.com/binder-party-access opens the binder of one party",
    )
}

pub(in crate::api) fn ttl_needs_renew_until() -> Rule {
    required(
        "!has(self.ttlSecondsAfterFinished) || has(self.renewUntil)",
        ".renewUntil",
        "write renewUntil, or remove ttlSecondsAfterFinished: a request without renewUntil never finishes",
    )
}

pub(in crate::api) fn one_renewal_setting() -> Rule {
    forbidden(
        "!has(self.renewBefore) || !has(self.renewBeforePercentage)",
        ".renewBeforePercentage",
        "write either renewBefore or renewBeforePercentage, not both",
    )
}

pub(in crate::api) fn key_is_not_secret() -> Rule {
    Rule::new("self.clientIdKey != self.clientSecretKey")
        .message("write two different keys: clientIdKey and clientSecretKey cannot hold the same value")
}

pub(in crate::api) fn distinct_keys() -> Rule {
    Rule::new("[[self.?accessToken.orValue('access_token'), self.?serviceToken.orValue('service_token'), self.?tokenType.orValue('token_type'), self.?authorization.orValue('authorization'), self.?expiresAt.orValue('expires_at')]].all(names, names.all(name, names.exists_one(other, other == name)))")
        .message("write names that differ from each other and from the keys that keep their names: access_token, service_token, token_type, authorization, expires_at")
}

// Specs are kept in memory, for every object: what one may write is bounded as a whole, in bytes. A letter may have four.
// The heaviest that these rules let through, with the overhead of its parts, is what `cluster/watched.rs` still reads.

pub(in crate::api) fn labels_and_annotations_are_short() -> Rule {
    Rule::new(format!("{} + {} <= 4096", bytes_of_map("labels"), bytes_of_map("annotations"))).message(
        "shorten labels and annotations: their names and values together may have at most 4096 bytes",
    )
}

pub(in crate::api) fn subject_is_short() -> Rule {
    let bytes = |field: &str| format!("(has(self.{field}) ? size(bytes(self.{field})) : 0)");
    let ids = ["interviewId", "partnerEndUserId", "upid"].map(bytes).join(" + ");
    Rule::new(format!("size(bytes(self.purpose)) + {ids} + {} <= 4096", bytes_of_map("claims"))).message(
        "shorten purpose, interviewId, partnerEndUserId, upid and claims: with the names of the claims they may have at most 4096 bytes",
    )
}

/// What other rules let through here is ASCII.
pub(in crate::api) fn allowed_namespaces_are_short() -> Rule {
    Rule::new(
        "(has(self.names) ? self.names.map(name, size(name)).sum() : 0) + (has(self.selector) && has(self.selector.matchLabels) ? self.selector.matchLabels.map(key, size(key) + size(self.selector.matchLabels[key])).sum() : 0) + (has(self.selector) && has(self.selector.matchExpressions) ? self.selector.matchExpressions.map(it, size(it.key) + (has(it.values) ? it.values.map(value, size(value)).sum() : 0)).sum() : 0) <= 8192",
    )
    .message("list fewer namespaces, or select them by a label that they share: names and selector together may have at most 8192 bytes")
}

fn bytes_of_map(map: &str) -> String {
    format!(
        "(has(self.{map}) ? self.{map}.map(key, size(bytes(key)) + size(bytes(self.{map}[key]))).sum() : 0)"
    )
}

pub(in crate::api) fn lists_only_with_selected() -> Rule {
    Rule::new("self.from == 'Selected' || (!has(self.names) && !has(self.selector))")
        .message("write from: Selected, or remove names and selector")
        .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn selected_needs_a_list() -> Rule {
    required(
        "self.from != 'Selected' || has(self.selector) || (has(self.names) && size(self.names) > 0)",
        ".names",
        "list namespaces in names, or write a selector: from Selected allows nobody by itself",
    )
}

pub(in crate::api) fn values_fit_operator() -> Rule {
    Rule::new("self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0")
        .message("write values with In and NotIn, and none with Exists and DoesNotExist")
}

pub(in crate::api) fn name_leaves_room_for_access_token() -> Rule {
    Rule::new("self.spec.appType == 'Frontend' || self.spec.?secret.?name.hasValue() || size(self.metadata.name) <= 240")
        .message("write a name of at most 240 characters, or spec.secret.name: the Secret is called <name>-access-token by default")
}

pub(in crate::api) fn name_leaves_room_for_token() -> Rule {
    Rule::new("self.spec.?secret.?name.hasValue() || size(self.metadata.name) <= 247").message(
        "write a name of at most 247 characters, or spec.secret.name: the Secret is called <name>-token by default",
    )
}

pub(in crate::api) fn access_token_secret_is_not_the_client_secret() -> Rule {
    Rule::new("self.spec.appType == 'Frontend' || self.spec.?secret.?name.orValue(self.metadata.name + '-access-token') != self.spec.clientSecretRef.name")
        .message("write another spec.secret.name: the client Secret cannot hold the access token too")
}

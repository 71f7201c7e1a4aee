//! Which edits are refused? Rules that compare an object with what it was.

use kube::core::{Reason, Rule};

use crate::api::names;

pub(in crate::api) fn app_type_is_immutable() -> Rule {
    Rule::new("self == oldSelf")
        .message("appType is immutable: create another RocketLawyerCredential for the other app")
        .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn deliver_is_immutable() -> Rule {
    Rule::new("self == oldSelf")
        .message("deliver is immutable: create another ScopedTokenRequest for the other kind of token")
        .reason(Reason::FieldValueForbidden)
}

/// Whoever mounts the Secret must never find another customer's token in it.
pub(in crate::api) fn subject_is_immutable() -> Rule {
    let texts = ["interviewId", "partnerEndUserId", "upid"].map(same).join(" && ");
    let claims = "(has(self.claims) && size(self.claims) > 0 ? has(oldSelf.claims) && size(self.claims) == size(oldSelf.claims) && self.claims.all(key, key in oldSelf.claims && self.claims[key] == oldSelf.claims[key]) : !has(oldSelf.claims) || size(oldSelf.claims) == 0)";
    Rule::new(format!("self.purpose == oldSelf.purpose && {texts} && {claims}"))
        .message("the subject (purpose, interviewId, partnerEndUserId, upid, claims) is immutable: create another ScopedTokenRequest for another subject")
        .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn access_token_secret_is_immutable() -> Rule {
    Rule::new(same_effective_name(names::CREDENTIAL_SECRET_SUFFIX))
        .message("the name of the Secret is immutable: write spec.secret.name as it was, or create another RocketLawyerCredential")
        .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn token_secret_is_immutable() -> Rule {
    Rule::new(same_effective_name(names::REQUEST_SECRET_SUFFIX))
        .message("the name of the Secret is immutable: write spec.secret.name as it was, or create another ScopedTokenRequest")
        .reason(Reason::FieldValueForbidden)
}

/// An optional text is as it was. Spelled with `has`: the server cannot bound the cost of comparing optionals.
fn same(field: &str) -> String {
    format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    )
}

/// The name of the Secret, written or by default, is as it was; writing the default is no change.
fn same_effective_name(suffix: &str) -> String {
    let written = |it: &str| format!("has({it}.spec.secret) && has({it}.spec.secret.name)");
    let default = format!("self.metadata.name + '{suffix}'");
    let (now, before) = (written("self"), written("oldSelf"));
    format!(
        "{now} ? ({before} ? self.spec.secret.name == oldSelf.spec.secret.name : self.spec.secret.name == {default}) : (!({before}) || oldSelf.spec.secret.name == {default})"
    )
}

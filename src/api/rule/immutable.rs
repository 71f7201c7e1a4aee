//! Which edits are refused? Rules that compare an object with what it was.

use kube::core::{Reason, Rule};

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
    Rule::new(
        "self.purpose == oldSelf.purpose && self.?interviewId == oldSelf.?interviewId && self.?partnerEndUserId == oldSelf.?partnerEndUserId && self.?upid == oldSelf.?upid && (has(self.claims) && size(self.claims) > 0 ? has(oldSelf.claims) && self.claims == oldSelf.claims : !has(oldSelf.claims) || size(oldSelf.claims) == 0)",
    )
    .message("the subject (purpose, interviewId, partnerEndUserId, upid, claims) is immutable: create another ScopedTokenRequest for another subject")
    .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn access_token_secret_is_immutable() -> Rule {
    Rule::new("self.spec.?secret.?name.orValue(self.metadata.name + '-access-token') == oldSelf.spec.?secret.?name.orValue(oldSelf.metadata.name + '-access-token')")
        .message("the name of the Secret is immutable: write spec.secret.name as it was, or create another RocketLawyerCredential")
        .reason(Reason::FieldValueForbidden)
}

pub(in crate::api) fn token_secret_is_immutable() -> Rule {
    Rule::new("self.spec.?secret.?name.orValue(self.metadata.name + '-token') == oldSelf.spec.?secret.?name.orValue(oldSelf.metadata.name + '-token')")
        .message("the name of the Secret is immutable: write spec.secret.name as it was, or create another ScopedTokenRequest")
        .reason(Reason::FieldValueForbidden)
}

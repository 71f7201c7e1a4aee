//! Which single values are refused? Rules of one field, whatever the fields beside it.

use kube::core::Rule;

/// A duration between two others. The digits are bounded, because an overflow would be an error and not a refusal.
/// The syntax is that of `duration::parse`.
pub(in crate::api) fn duration(least: &str, most: &str) -> Rule {
    Rule::new(format!(
        "self.matches('^([0-9]{{1,4}}h|[0-9]{{1,6}}m|[0-9]{{1,8}}s){{1,3}}$') && duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
    ))
    .message(
        format!("write a duration from {least} to {most} in hours, minutes and seconds, such as 90s, 3h or 1h30m")
            .as_str(),
    )
}

/// A share of a lifetime.
pub(in crate::api) fn percentage() -> Rule {
    Rule::new("self >= 1 && self <= 90").message("write a percentage from 1 to 90")
}

/// A time to live, in seconds.
pub(in crate::api) fn ttl_seconds() -> Rule {
    Rule::new("self >= 0 && self <= 31536000")
        .message("write a number of seconds from 0 to 31536000 (a year)")
}

/// An instant that every part of the operator can reckon with. The server has checked its format.
pub(in crate::api) fn within_reckoning() -> Rule {
    Rule::new("self >= timestamp('2000-01-01T00:00:00Z') && self < timestamp('3000-01-01T00:00:00Z')")
        .message("write an instant from the year 2000 to 2999, such as 2026-12-01T00:00:00Z")
}

/// The name of a Secret or of a custom resource.
pub(in crate::api) fn object_name() -> Rule {
    Rule::new("!format.dns1123Subdomain().validate(self).hasValue()").message(
        "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
    )
}

/// The name of a namespace.
pub(in crate::api) fn namespace_name() -> Rule {
    Rule::new(NAMESPACE).message(NAMESPACE_SENTENCE)
}

pub(super) const NAMESPACE: &str = "!format.dns1123Label().validate(self).hasValue()";
pub(super) const NAMESPACE_SENTENCE: &str = "write the name of a namespace: lower-case letters, digits and '-', beginning and ending with a letter or digit";

/// A key in a Secret's data.
pub(in crate::api) fn data_key() -> Rule {
    Rule::new("self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')").message(
        "write a key that a Secret can have: letters, digits, '-', '_' and '.', and not '.' or '..' in front",
    )
}

/// A label's name.
pub(in crate::api) fn label_key() -> Rule {
    Rule::new("!format.qualifiedName().validate(self).hasValue()").message(LABEL_KEY_SENTENCE)
}

/// Every name in a map of labels.
pub(in crate::api) fn label_keys() -> Rule {
    Rule::new("self.all(key, !format.qualifiedName().validate(key).hasValue())").message(LABEL_KEY_SENTENCE)
}

const LABEL_KEY_SENTENCE: &str = "write label names as Kubernetes has them: app, or example.com/app; letters, digits, '-', '_' and '.', at most 63";

/// Every value in a map of labels.
pub(in crate::api) fn label_values() -> Rule {
    Rule::new("self.all(key, !format.labelValue().validate(self[key]).hasValue())")
        .message(LABEL_VALUE_SENTENCE)
}

pub(super) const LABEL_VALUE: &str = "!format.labelValue().validate(self).hasValue()";
pub(super) const LABEL_VALUE_SENTENCE: &str = "write label values as Kubernetes has them: letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, at most 63";

/// Every name in a map of annotations.
pub(in crate::api) fn annotation_keys() -> Rule {
    Rule::new("self.all(key, !format.qualifiedName().validate(key).hasValue())").message(
        "write annotation names as Kubernetes has them: note, or example.com/note; letters, digits, '-', '_' and '.', at most 63",
    )
}

/// Labels that the operator sets itself.
pub(in crate::api) fn not_our_labels() -> Rule {
    Rule::new("self.all(key, !key.startsWith('auth.rocketlawyer.com/') && key != 'app.kubernetes.io/managed-by')")
        .message("remove the labels that the operator sets itself: app.kubernetes.io/managed-by and all that begin with auth.rocketlawyer.com/")
}

/// Annotations that the operator sets itself.
pub(in crate::api) fn not_our_annotations() -> Rule {
    Rule::new("self.all(key, !key.startsWith('auth.rocketlawyer.com/'))").message(
        "remove the annotations that the operator sets itself: all that begin with auth.rocketlawyer.com/",
    )
}

/// A text without blanks, such as the example.
pub(in crate::api) fn word(example: &str) -> Rule {
    Rule::new(WORD).message(format!("write it without spaces and not empty, such as {example}").as_str())
}

pub(super) const WORD: &str = r"self.matches('^\\S+$')";

/// A text that is not empty and has no blanks around it: a YAML block ends with a newline that nobody meant.
pub(in crate::api) fn trimmed() -> Rule {
    Rule::new(TRIMMED).message(TRIMMED_SENTENCE)
}

pub(super) const TRIMMED: &str = "self != '' && self == self.trim()";
pub(super) const TRIMMED_SENTENCE: &str =
    "write a text that is not empty, without spaces or line breaks around it, or leave the field out";

/// The base URL of a service. Userinfo, query and fragment have no character to be written with.
pub(in crate::api) fn base_url() -> Rule {
    Rule::new(
        r"self.matches('^https?://([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?(/[-._~%A-Za-z0-9/]*)?$') && isURL(self) && (url(self).getPort() == '' || int(url(self).getPort()) <= 65535)",
    )
    .message("write the base URL of the authentication service, such as https://gateway.example.com/partners/v1/auth: https:// (or http://), a host, and no user, query or fragment")
}

/// Certificates, and nothing that should not be here.
pub(in crate::api) fn pem() -> Rule {
    Rule::new("self.contains('-----BEGIN CERTIFICATE-----') && self.contains('-----END CERTIFICATE-----') && !self.contains('PRIVATE KEY-----')")
        .message("write PEM certificates, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, and no private key")
}

/// No more text than is read.
pub(in crate::api) fn bundle_is_short() -> Rule {
    Rule::new("size(bytes(self)) <= 32768").message(
        "write only the certificates that are needed: with the text around them they may have at most 32768 bytes",
    )
}

/// Every name of a claim.
pub(in crate::api) fn claim_names() -> Rule {
    Rule::new("self.all(key, key.matches('^[A-Za-z_][-._A-Za-z0-9]{0,62}$'))").message(
        "write claim names of letters, digits, '_', '-' and '.', beginning with a letter or '_', at most 63",
    )
}

/// Claims that have a field of their own.
pub(in crate::api) fn claims_are_not_fields() -> Rule {
    Rule::new("!self.exists(key, key in ['purpose', 'expirationTime', 'interviewId', 'partnerEndUserId', 'upid'])")
        .message("write purpose, interviewId, partnerEndUserId and upid as fields of spec, and expirationTime as serviceTokenTTL; claims are for all others")
}

/// A list that would allow nothing.
pub(in crate::api) fn purposes_not_empty() -> Rule {
    Rule::new("size(self) > 0")
        .message("list at least one purpose, or leave allowedPurposes out to allow every purpose")
}

/// A list that is kept in memory.
pub(in crate::api) fn purposes_are_short() -> Rule {
    Rule::new("self.map(purpose, size(bytes(purpose))).sum() <= 4096")
        .message("list fewer purposes: together they may have at most 4096 bytes")
}

/// A selector that would allow everything.
pub(in crate::api) fn selector_not_empty() -> Rule {
    Rule::new("has(self.matchLabels) && size(self.matchLabels) > 0 || has(self.matchExpressions) && size(self.matchExpressions) > 0")
        .message("give the selector at least one label; to allow every namespace, write from: All")
}

//! What kind of refusal is this? From status code, reason and causes; the text, which may show values, is read and dropped.

use std::time::Duration;

use serde::Deserialize;

use super::call::Answer;

/// An answer other than success, in the terms that all writes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 409, and the name is taken.
    Exists,
    /// 409: a precondition does not hold.
    Conflict,
    /// 404, and it is the object that is not there.
    Absent,
    /// 404, and it is the namespace that is not there.
    NamespaceAbsent,
    /// 403 with that cause.
    NamespaceTerminating,
    /// 403 because of a quota.
    Quota,
    /// 403 without a cause: a missing right, or an admission.
    Forbidden,
    /// 422 because the object, or one of its fields, may not change.
    Immutable,
    /// 400, 413, 422: the object is not wanted as it is.
    Invalid,
    /// 504: it may have happened all the same.
    Timeout,
    /// 429, 401 and the other server errors: nothing about this object.
    Unavailable(Option<Duration>),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    message: Option<Text<'a>>,
    details: Option<Details<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    kind: Option<Text<'a>>,
    causes: Option<Vec<Cause<'a>>>,
    retry_after_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    message: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl Refusal {
    /// Classifies an answer; asked only about answers that are not a success.
    pub(super) fn of(answer: &Answer) -> Self {
        let status: Status<'_> = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.status {
            // Somebody else's on the way, or that of a server that does not know the kind at the moment.
            404 if !status.names_an_object() => Self::Unavailable(None),
            409 if status.has_reason("AlreadyExists") => Self::Exists,
            // Two writers raced for the quota's own counter: our object is not concerned.
            409 if status.is_about("resourcequotas") => Self::Unavailable(None),
            409 => Self::Conflict,
            404 if status.is_about("namespaces") => Self::NamespaceAbsent,
            404 => Self::Absent,
            403 if status.has_cause("NamespaceTerminating") => Self::NamespaceTerminating,
            403 if status.says("exceeded quota") => Self::Quota,
            403 => Self::Forbidden,
            422 if status.has_cause_that_says("immutable") => Self::Immutable,
            400 | 413 | 422 => Self::Invalid,
            504 => Self::Timeout,
            _ => Self::Unavailable(answer.retry_after.or_else(|| status.retry_after())),
        }
    }
}

impl Status<'_> {
    fn has_reason(&self, reason: &str) -> bool {
        is(self.reason.as_ref(), reason)
    }

    fn names_an_object(&self) -> bool {
        let name = self.details.as_ref().and_then(|details| details.name.as_ref());
        name.is_some_and(|name| !name.0.is_empty())
    }

    fn is_about(&self, resource: &str) -> bool {
        self.details.as_ref().is_some_and(|d| is(d.kind.as_ref(), resource))
    }

    fn says(&self, words: &str) -> bool {
        self.message.as_ref().is_some_and(|text| text.0.contains(words))
    }

    fn has_cause(&self, reason: &str) -> bool {
        self.causes().any(|cause| is(cause.reason.as_ref(), reason))
    }

    fn has_cause_that_says(&self, word: &str) -> bool {
        self.causes().any(|cause| cause.message.as_ref().is_some_and(|text| text.0.contains(word)))
    }

    fn causes(&self) -> impl Iterator<Item = &Cause<'_>> {
        self.details.iter().flat_map(|d| d.causes.iter().flatten())
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.details.as_ref()?.retry_after_seconds?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

fn is(text: Option<&Text<'_>>, wanted: &str) -> bool {
    text.is_some_and(|text| text.0 == wanted)
}

#[cfg(test)]
mod tests;

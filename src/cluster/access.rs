//! May this operator do that? A `SelfSubjectAccessReview`, which everybody may ask.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::call::{ApiServer, Call, NoAnswer, ReadFailed, WHOLE};

/// One question about rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessReview<'a> {
    /// Such as `create`.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The resource in the plural.
    pub resource: &'a str,
    /// Such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Where; empty for every namespace, and for what has none.
    pub namespace: &'a str,
}

#[derive(Deserialize)]
struct Reviewed {
    status: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    allowed: bool,
}

impl ApiServer {
    /// Whether the operator may.
    pub async fn can(&self, review: AccessReview<'_>) -> Result<bool, ReadFailed> {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": review.verb,
                "group": review.group,
                "resource": review.resource,
                "subresource": review.subresource,
                "namespace": review.namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let call = Call::with_body(Method::POST, path, Bytes::from(body.to_string()), WHOLE);
        let unavailable = |retry_after| ReadFailed::Unavailable { retry_after };
        let answer = self.call(call).await.map_err(|_: NoAnswer| unavailable(None))?;
        match answer.status {
            201 => {
                answer.parse::<Reviewed>().map(|reviewed| reviewed.status.allowed).ok_or(unavailable(None))
            }
            403 => Err(ReadFailed::Forbidden),
            _ => Err(unavailable(answer.retry_after)),
        }
    }
}

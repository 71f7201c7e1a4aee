//! Is a Secret that is stored the one that was drafted? What an admission of the cluster added to it is not held against it.

use serde_json::Value;

use super::{Draft, manifest};

/// In which of the parts that the operator writes the stored Secret differs from the draft; `None`: in none.
#[must_use]
pub(crate) fn differs(draft: &Draft<'_>, stored: &[u8]) -> Option<&'static str> {
    let drafted: Value = serde_json::from_slice(&manifest(draft, None).0).unwrap_or_default();
    let stored: Value = serde_json::from_slice(stored).unwrap_or_default();
    let owner = |secret: &Value| secret["metadata"]["ownerReferences"].clone();
    let parts = [
        ("type", drafted["type"] == stored["type"]),
        ("owner", owner(&drafted) == owner(&stored)),
        ("labels", is_within(&drafted["metadata"]["labels"], &stored["metadata"]["labels"])),
        ("annotations", is_within(&drafted["metadata"]["annotations"], &stored["metadata"]["annotations"])),
        ("data", drafted["data"] == stored["data"]),
    ];
    parts.into_iter().find(|(_, same)| !same).map(|(part, _)| part)
}

fn is_within(few: &Value, many: &Value) -> bool {
    few.as_object().into_iter().flatten().all(|(name, value)| many.get(name) == Some(value))
}

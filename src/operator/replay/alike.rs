//! Do two statuses say the same? Instants that depend on when exactly the operator decided may differ a little.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// By how much instants may differ that were taken when a decision was made: since when a condition holds, when something
/// failed, when it is tried again.
pub(super) const TOLERANCE: SignedDuration = SignedDuration::from_secs(4);

/// What a merge patch makes of this.
pub(super) fn patched(old: Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else { return patch.clone() };
    let mut new = match old {
        Value::Object(old) => old,
        _ => Map::new(),
    };
    for (name, field) in fields {
        let before = new.remove(name).unwrap_or_default();
        let after = patched(before, field);
        if !after.is_null() {
            new.insert(name.clone(), after);
        }
    }
    Value::Object(new)
}

/// Whether both say the same. What is said of a token comes from its record, and is exact.
pub(super) fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let same = |name: &str, one: &Value, other: &Value| match name {
                "token" => one == other,
                _ => alike(one, other),
            };
            a.len() == b.len()
                && a.iter().all(|(name, it)| b.get(name).is_some_and(|other| same(name, it, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::String(a), Value::String(b)) => texts_alike(a, b),
        _ => a == b,
    }
}

/// Word for word; a word that is an instant may be another that is near.
fn texts_alike(a: &str, b: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.split(' ').collect(), b.split(' ').collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || instants_near(a, b))
}

fn instants_near(a: &str, b: &str) -> bool {
    let read = |text: &str| text.trim_end_matches(['.', ',', ';', ')']).parse::<Timestamp>().ok();
    let (Some(a), Some(b)) = (read(a), read(b)) else { return false };
    a.duration_until(b).abs() <= TOLERANCE
}

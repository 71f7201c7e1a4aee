//! What changes in the status, and since when does it hold? Pure: conditions with their transition times, and the merge
//! patch from what the object says to what it should say.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value};

use super::schedule::down_to_seconds;
use super::{FailedStep, Progress, Promise, Statement, TokenView, Told, Truth, Verdict};
use crate::api::{self, Condition, condition};

/// The conditions that a verdict amounts to. A transition time moves only when the status of its condition does.
#[must_use]
pub fn conditions(old: &[Condition], verdict: &Verdict, generation: i64, now: Timestamp) -> Vec<Condition> {
    let mut all = vec![made(condition::READY, &verdict.ready, old, generation, now)];
    let progress = match verdict.progress {
        Progress::Settled => None,
        Progress::Reconciling => Some(condition::RECONCILING),
        Progress::Stalled => Some(condition::STALLED),
    };
    if let Some(type_) = progress {
        let statement = Statement { truth: Truth::True, ..verdict.ready.clone() };
        all.push(made(type_, &statement, old, generation, now));
    }
    if let Some(valid) = &verdict.credentials_valid {
        all.push(made(condition::CREDENTIALS_VALID, valid, old, generation, now));
    }
    all
}

fn made(type_: &str, statement: &Statement, old: &[Condition], generation: i64, now: Timestamp) -> Condition {
    let status = statement.truth.as_str();
    let since = old
        .iter()
        .find(|it| it.type_ == type_ && it.status == status)
        .and_then(|it| it.last_transition_time.clone());
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        observed_generation: Some(generation),
        reason: statement.reason.as_str().to_owned(),
        message: statement.message.clone(),
        last_transition_time: Some(since.unwrap_or_else(|| Time(down_to_seconds(now)))),
    }
}

/// `status.token`.
#[must_use]
pub fn token(view: &TokenView) -> api::TokenStatus {
    let shown = |instant: Timestamp| Some(Time(down_to_seconds(instant)));
    api::TokenStatus {
        secret_name: Some(view.secret_name.to_string()),
        issued_at: shown(view.issued_at),
        expires_at: shown(view.expires_at),
        renew_at: view.renew_at.and_then(shown),
    }
}

/// `status.failure`. What stands in the way does so since it is told.
#[must_use]
pub fn failure(old: Option<&api::Failure>, told: &Told, now: Timestamp) -> api::Failure {
    let (step, reason) = (told.step.map(FailedStep::as_str), told.reason.as_str());
    let same = old.filter(|old| old.step.as_deref() == step && old.reason.as_deref() == Some(reason));
    let told_since = same.and_then(|old| old.since.as_ref()).map_or(now, |since| since.0.min(now));
    let since = match told.since {
        // What is all the endpoint's comes and goes; to those who wait it is one trouble, and no news each time.
        Some(since) if told.next == Some(Promise::WithTheEndpoint) => since.min(told_since),
        Some(since) => since,
        None => told_since,
    };
    api::Failure {
        step: step.map(str::to_owned),
        reason: Some(reason.to_owned()),
        http_status: told.http_status.map(i32::from),
        error_code: told.error_code.map(str::to_owned),
        count: told.count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
        since: Some(Time(down_to_seconds(since))),
        next_attempt_at: told.next.and_then(Promise::instant).map(Time),
    }
}

/// A failure that goes on is told again at most this often.
pub const STATUS_REST: SignedDuration = SignedDuration::from_mins(15);

/// Whether a status says nothing new: the same failure has come once more.
#[must_use]
pub fn only_repeats(old: &Value, new: &Value) -> bool {
    let essence = |status: &Value| {
        let mut status = status.clone();
        if let Some(failure) = status.get_mut("failure").and_then(Value::as_object_mut) {
            failure.remove("count");
            failure.remove("nextAttemptAt");
        }
        for condition in status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            // The message names the next attempt.
            condition.as_object_mut().map(|it| it.remove("message"));
        }
        status
    };
    new.get("failure").is_some() && essence(old) == essence(new)
}

/// The merge patch that turns `old` into `new`, absent fields as explicit nulls; `None` where nothing differs.
#[must_use]
pub fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut patch = Map::new();
            for (key, value) in new {
                match old.get(key) {
                    Some(before) => {
                        if let Some(difference) = merge_patch(before, value) {
                            patch.insert(key.clone(), difference);
                        }
                    }
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (old != new).then(|| new.clone()),
    }
}

impl Truth {
    /// As conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => condition::TRUE,
            Self::False => condition::FALSE,
            Self::Unknown => condition::UNKNOWN,
        }
    }
}

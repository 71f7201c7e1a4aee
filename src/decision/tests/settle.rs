//! What is written in a status, and when its times move.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::any;
use super::scene::{Scene, after, credential, failure, request, t0};
use crate::api::{self, Condition, CredentialStatus, Reason, condition};
use crate::decision::settle::{conditions, failure as told, merge_patch, token};
use crate::decision::{Ailment, FailedStep, Failure, LoginFact, LoginGap, Parked, Progress, project};

/// A status of a credential, without what only the service can tell.
fn status(scene: &Scene, old: &CredentialStatus, now: Timestamp) -> CredentialStatus {
    let verdict = project(&scene.facts(), now);
    CredentialStatus {
        observed_generation: Some(1),
        conditions: conditions(&old.conditions, &verdict, 1, now),
        token: verdict.token.as_ref().map(token),
        application: old.application.clone(),
        clock_skew_seconds: None,
        failure: verdict.failure.as_ref().map(|it| told(old.failure.as_ref(), it, now)),
        last_handled_renew_request: verdict.renew_handled.map(Into::into),
    }
}

fn patched(old: Value, patch: &Value) -> Value {
    match (old, patch) {
        (Value::Object(mut old), Value::Object(patch)) => {
            for (key, change) in patch {
                if change.is_null() {
                    old.remove(key);
                } else {
                    let before = old.remove(key).unwrap_or_default();
                    old.insert(key.clone(), patched(before, change));
                }
            }
            Value::Object(old)
        }
        (_, Value::Object(_)) => patched(json!({}), patch),
        (_, patch) => patch.clone(),
    }
}

#[test]
fn a_patch_from_a_blank_status_leaves_nothing_of_one_that_could_not_be_read() {
    let since = Some(Time(t0()));
    // Every field, or this does not compile.
    let token = api::TokenStatus {
        secret_name: Some(String::new()),
        issued_at: since.clone(),
        expires_at: since.clone(),
        renew_at: since.clone(),
    };
    let failure = api::Failure {
        step: Some(String::new()),
        reason: Some(String::new()),
        http_status: Some(0),
        error_code: Some(String::new()),
        count: Some(0),
        since: since.clone(),
        next_attempt_at: since,
    };
    let application = api::Application {
        name: Some(String::new()),
        organization: Some(String::new()),
        products: vec![String::new()],
    };
    let request = api::RequestStatus {
        observed_generation: Some(0),
        conditions: vec![Condition::default()],
        token: Some(token.clone()),
        failure: Some(failure.clone()),
        last_handled_renew_request: Some(String::new()),
    };
    let credential = CredentialStatus {
        observed_generation: Some(0),
        conditions: vec![Condition::default()],
        token: Some(token),
        application: Some(application),
        clock_skew_seconds: Some(0),
        failure: Some(failure),
        last_handled_renew_request: Some(String::new()),
    };
    let full = [serde_json::to_value(credential), serde_json::to_value(request)];
    for full in full.map(|full| full.expect("JSON")) {
        for new in [json!({}), json!({"token": {}, "failure": {}, "application": {}}), full.clone()] {
            let patch = merge_patch(&api::blank(), &new).expect("a patch");
            assert_eq!(patched(full.clone(), &patch), new);
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..3_i32).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// As RFC 7386 reads it, the patch leads from the old to the new, and there is one only where they differ.
    #[test]
    fn a_merge_patch_leads_from_old_to_new(
        old in proptest::collection::btree_map("[a-d]", any_json(), 0..4),
        new in proptest::collection::btree_map("[a-d]", any_json(), 0..4),
    ) {
        let old = Value::Object(old.into_iter().collect());
        let new = Value::Object(new.into_iter().collect());
        if let Some(patch) = merge_patch(&old, &new) {
            prop_assert_ne!(&old, &new);
            prop_assert_eq!(patched(old, &patch), new, "{}", patch);
        } else { prop_assert_eq!(old, new) }
    }

    /// What was settled once is settled: the same facts, and the status that they led to, lead to no write, later too,
    /// until the next look that was asked for.
    #[test]
    fn settling_twice_writes_once(scene in any::scene(), minute in 0..900_i64, later in 0..900_i64) {
        // An object that is going is not looked at again, and says nothing more.
        prop_assume!(!scene.deleting);
        let now = t0() + SignedDuration::from_mins(minute);
        let once = status(&scene, &CredentialStatus::default(), now);
        let looks = any::next_look(&scene, now);
        let then = (now + SignedDuration::from_secs(later)).min(looks);
        let then = if then == looks { now } else { then };
        let twice = status(&scene, &once, then);
        let (once, twice) = (serde_json::to_value(once).unwrap(), serde_json::to_value(twice).unwrap());
        prop_assert_eq!(merge_patch(&once, &twice), None);
    }

    #[test]
    fn transition_time_moves_only_with_status(scenes in proptest::collection::vec(any::scene(), 1..6)) {
        let mut old = CredentialStatus::default();
        for (n, scene) in (1..).zip(scenes) {
            let now = t0() + SignedDuration::from_mins(97 * n);
            let new = status(&scene, &old, now);
            for it in &new.conditions {
                let before = old.conditions.iter().find(|other| other.type_ == it.type_);
                let since = match before {
                    Some(before) if before.status == it.status => before.last_transition_time.clone(),
                    _ => Some(Time(now)),
                };
                prop_assert_eq!(&it.last_transition_time, &since, "{}", &it.type_);
                prop_assert_eq!(it.observed_generation, Some(1));
            }
            old = new;
        }
    }
}

fn types(conditions: &[Condition]) -> Vec<(&str, &str)> {
    conditions.iter().map(|it| (it.type_.as_str(), it.status.as_str())).collect()
}

#[test]
fn the_conditions_of_each_standing() {
    let of = |scene: Scene| status(&scene, &CredentialStatus::default(), after(0)).conditions;
    assert_eq!(
        types(&of(credential())),
        [(condition::READY, "True"), (condition::CREDENTIALS_VALID, "True")]
    );
    let bare = request().with(|it| it.place = super::scene::Place::Absent);
    assert_eq!(types(&of(bare)), [(condition::READY, "False"), (condition::RECONCILING, "True")]);
    let foreign = request().with(|it| it.place = super::scene::Place::Foreign);
    assert_eq!(types(&of(foreign)), [(condition::READY, "False"), (condition::STALLED, "True")]);
}

/// A progress condition says why, as `Ready` does; it never stands beside the other.
#[test]
fn progress_repeats_the_reason() {
    let scene = request().with(|it| it.place = super::scene::Place::Foreign);
    let verdict = project(&scene.facts(), t0());
    assert_eq!(verdict.progress, Progress::Stalled);
    let all = conditions(&[], &verdict, 1, t0());
    assert_eq!(all[1].reason, all[0].reason);
    assert_eq!(all[1].message, all[0].message);
}

/// A hindrance counts from when it is told, for as long as it is the same.
#[test]
fn what_stands_in_the_way_does_so_since_it_was_first_told() {
    let said = |old: &CredentialStatus, login, now| {
        let scene = credential().with(|it| it.login = login);
        status(&scene, old, now)
    };
    let since = |status: &CredentialStatus| status.failure.as_ref().unwrap().since.as_ref().unwrap().0;
    let absent = said(&CredentialStatus::default(), LoginFact::Absent, after(1));
    assert_eq!(since(&absent), after(1));
    assert_eq!(since(&said(&absent, LoginFact::Absent, after(2))), after(1));
    let gap = LoginFact::Incomplete(LoginGap::NoId);
    assert_eq!(since(&said(&absent, gap, after(3))), after(3), "another");
}

#[test]
fn status_speaks_in_whole_seconds() {
    let scene = credential().with(|it| {
        it.record_mut().expires_at = "2026-11-24T22:00:00.987Z".parse().unwrap();
        it.failures.note(failure(FailedStep::AccessToken, Reason::Throttled));
    });
    let now = "2026-11-24T12:00:00.5Z".parse().unwrap();
    let text = serde_json::to_string(&status(&scene, &CredentialStatus::default(), now)).unwrap();
    assert!(text.contains("2026-11-24T22:00:00Z"), "{text}");
    assert!(!text.contains(".9") && !text.contains(".5"), "{text}");
}

/// It opens and closes again and again: to those who wait that is one trouble, told once.
#[test]
fn an_endpoint_that_is_unwell_again_is_no_news() {
    let scene = |since| {
        request().with(|it| {
            it.place = super::scene::Place::Absent;
            it.endpoint =
                Some(Parked { ailment: Ailment::Throttling, since, next_probe: after(2), count: 1 });
        })
    };
    let once = status(&scene(t0()), &CredentialStatus::default(), after(0));
    assert_eq!(once.failure.as_ref().and_then(|it| it.reason.as_deref()), Some("Throttled"));
    let again = status(&scene(after(1)), &once, after(1));
    assert_eq!(again.failure, once.failure);
}

/// What failed and was over is another trouble when it fails again, although nobody came to say so in between.
#[test]
fn a_failure_of_its_own_that_began_anew_counts_from_then() {
    let since = |old: &CredentialStatus, since| {
        let scene = credential().with(|it| {
            let failure = failure(FailedStep::AccessToken, Reason::Throttled);
            it.failures.note(Failure { since, ..failure });
        });
        let status = status(&scene, old, after(2));
        (status.failure.as_ref().unwrap().since.as_ref().unwrap().0, status)
    };
    let (first, told) = since(&CredentialStatus::default(), t0());
    assert_eq!(first, t0());
    assert_eq!(since(&told, after(1)).0, after(1));
}

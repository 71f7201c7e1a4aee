//! Delays of behaviour §4.3 and §9.

use jiff::SignedDuration;

use super::scene::{STAMP, UID, after, failure, t0};
use crate::api::Reason;
use crate::decision::retry::needs_a_person;
use crate::decision::{FailedStep, Failure, RetryClass, Setback, another_failure, delay, delay_after};

fn secs(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// Each class: the longest delay of the attempts 1, 2, 3, … while no life is left; the shortest is that share of it.
#[test]
fn delays_of_each_class() {
    let rows: &[(RetryClass, f64, &[i64])] = &[
        (RetryClass::Transient, 0.75, &[2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (RetryClass::ApiServer(None), 0.75, &[2, 4, 8, 10, 10]),
        (RetryClass::ApiServer(Some(secs(1))), 0.75, &[2, 4, 8, 10, 10]),
        (RetryClass::Throttled(None), 0.9, &[60, 120, 240, 480, 900, 900]),
        (RetryClass::Refused, 0.9, &[300, 1800, 3600, 3600]),
        (RetryClass::WriteRefused, 1.0, &[10, 20, 40, 80, 160, 300, 300]),
    ];
    for (class, share, longest) in rows {
        for (count, longest) in (1..).zip(*longest) {
            let delay = delay(*class, count, None, UID).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "seconds of an hour at most")]
            let longest = *longest as f64;
            let shortest = (longest * share).max(1.0);
            assert!(
                (shortest..=longest).contains(&delay),
                "{class:?}, attempt {count}: {delay} s is not in {shortest} to {longest}"
            );
        }
    }
    assert_eq!(delay(RetryClass::Transient, 1, None, UID), secs(2), "never under 2 s");
    assert!(delay(RetryClass::Transient, u32::MAX, None, UID) <= secs(300));
}

#[test]
fn a_transient_failure_is_tried_again_within_a_quarter_of_the_life_that_is_left() {
    let transient = |left| delay(RetryClass::Transient, 9, Some(left), UID);
    assert_eq!(transient(secs(400)), secs(100));
    assert_eq!(transient(secs(4)), secs(2), "but not under 2 s");
    assert!(transient(secs(36_000)) <= secs(300));
}

/// Ten attempts within 20 s, as a token's last seconds bring them about, are no reason to wait for five minutes.
#[test]
fn what_may_pass_is_left_alone_for_no_longer_than_it_has_been_failing() {
    let after = |failing, class| delay_after(secs(failing), class, 10, None, UID);
    assert_eq!(after(20, RetryClass::Transient), secs(22));
    assert!(after(2000, RetryClass::Transient) >= secs(225));
    assert_eq!(after(-5, RetryClass::Transient), secs(2), "whatever a clock said");
    assert!(after(0, RetryClass::Refused) >= secs(3240));
    assert_eq!(after(0, RetryClass::Throttled(Some(secs(90)))), secs(90));
    let news = setback(FailedStep::Exchange, Reason::ServiceUnavailable, STAMP);
    let old = Failure { count: 9, ..failure(FailedStep::Exchange, Reason::ServiceUnavailable) };
    let again = another_failure(Some(&old), &news, UID, None, t0() + secs(20));
    assert_eq!((again.count, again.next_attempt), (10, Some(t0() + secs(42))));
}

#[test]
fn retry_after_is_honoured_up_to_a_quarter_of_an_hour() {
    let asked = |it| delay(RetryClass::Throttled(Some(secs(it))), 3, Some(secs(40)), UID);
    assert_eq!(asked(90), secs(90));
    assert_eq!(asked(0), secs(1));
    assert_eq!(asked(86_400), secs(900));
    let asked = |it| delay(RetryClass::ApiServer(Some(secs(it))), 1, Some(secs(40)), UID);
    assert_eq!(
        (asked(9), asked(90)),
        (secs(9), secs(10)),
        "of the API server within a quarter of the life that is left"
    );
    let asked = |it| delay(RetryClass::ApiServer(Some(secs(it))), 1, None, UID);
    assert_eq!((asked(90), asked(86_400)), (secs(90), secs(900)), "and as long where none is");
}

/// Every reason that product.md has a person act upon, and every one that passes.
#[test]
fn who_must_act() {
    let people = [
        Reason::ClientSecretIncomplete,
        Reason::InvalidClient,
        Reason::EndpointNotAllowed,
        Reason::PurposeNotAllowed,
        Reason::ServiceTokenTtlNotAllowed,
        Reason::RequestRejected,
        Reason::AccessDenied,
        Reason::UnusableToken,
        Reason::SecretNotOwned,
        Reason::SecretWriteRefused,
        Reason::ClusterAccessDenied,
        Reason::InvalidSpec,
        Reason::Expired,
        Reason::Suspended,
    ];
    for reason in Reason::ALL {
        assert_eq!(needs_a_person(*reason), people.contains(reason), "{reason}");
    }
}

fn setback(step: FailedStep, reason: Reason, stamp: u64) -> Setback {
    Setback {
        step,
        reason,
        class: RetryClass::Transient,
        http_status: Some(502),
        error_code: Some("response.empty"),
        stamp,
    }
}

#[test]
fn the_same_failure_counts_on_and_another_begins_anew() {
    let old = failure(FailedStep::Exchange, Reason::ServiceUnavailable);
    let after_that = |news: Setback| another_failure(Some(&old), &news, UID, None, after(1));
    let same = after_that(setback(FailedStep::Exchange, Reason::ServiceUnavailable, STAMP));
    assert_eq!((same.count, same.since), (4, t0()));
    assert_eq!((same.http_status, same.error_code), (Some(502), Some("response.empty")), "the latest");
    for other in [
        setback(FailedStep::ServiceToken, Reason::ServiceUnavailable, STAMP),
        setback(FailedStep::Exchange, Reason::Throttled, STAMP),
        setback(FailedStep::Exchange, Reason::ServiceUnavailable, STAMP + 1),
    ] {
        let failure = after_that(other);
        assert_eq!((failure.count, failure.since), (1, after(1)), "{other:?}");
    }
}

#[test]
fn steps_are_read_back_as_they_are_told() {
    for step in [
        FailedStep::ReadClientSecret,
        FailedStep::ReadManagedSecret,
        FailedStep::AccessToken,
        FailedStep::ServiceToken,
        FailedStep::Exchange,
        FailedStep::WriteSecret,
        FailedStep::RestoreSecret,
        FailedStep::Delete,
        FailedStep::Internal,
    ] {
        assert_eq!(FailedStep::parse(step.as_str()), Some(step));
    }
    assert_eq!(FailedStep::parse("Rocketry"), None);
}

//! Numbers of behaviour §2.2, §2.3 and §9.

use jiff::SignedDuration;

use super::scene::{LIFE, UID, after, record, request, t0};
use crate::decision::schedule::{
    before_end, finished_at, jitter, next_look, overdue_at, removed_at, renew_at, scale,
};
use crate::decision::{Record, Renewal};

fn mins(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// The value was calculated apart from this code, from the words of behaviour §2.2: a change of it moves the renewal of
/// every token that is there.
#[test]
fn the_jitter_is_what_the_words_say() {
    let h = jitter("uid-1", "2026-11-24T12:00:00Z".parse().unwrap());
    assert!((h - 0.514_973_449_426_627_3).abs() < 1e-12, "{h}");
}

#[test]
fn renewal_by_each_setting() {
    let h = jitter(UID, t0());
    let at = |renewal| renew_at(&record(), renewal, UID).unwrap();
    assert_eq!(at(Renewal::Default), t0() + scale(LIFE, 0.5 + h / 6.0));
    assert_eq!(at(Renewal::Before(mins(60))), t0() + scale(mins(540), 1.0 - h / 10.0));
    assert_eq!(at(Renewal::Percentage(20)), t0() + scale(mins(480), 1.0 - h / 10.0));
}

#[test]
fn a_renew_before_as_long_as_the_life_falls_back() {
    let default = renew_at(&record(), Renewal::Default, UID);
    for before in [LIFE, LIFE + mins(1)] {
        assert_eq!(renew_at(&record(), Renewal::Before(before), UID), default);
    }
    assert_eq!(before_end(Renewal::Before(LIFE), LIFE), None);
    assert_eq!(before_end(Renewal::Before(LIFE - mins(60)), LIFE), Some(LIFE - mins(60)));
    let scene = request().with(|it| it.renewal = Renewal::Before(LIFE));
    let said = crate::decision::project(&scene.facts(), t0()).ready.message;
    assert!(said.contains("write a shorter renewBefore"), "{said}");
}

/// A token for a minute, renewed 59 seconds before its end, would be renewed every second.
#[test]
fn no_setting_renews_more_often_than_the_life_allows() {
    let left = |life: SignedDuration, left: SignedDuration| before_end(Renewal::Before(life - left), life);
    let secs = SignedDuration::from_secs;
    assert_eq!(left(secs(60), secs(1)), None);
    assert_eq!(left(secs(60), secs(29)), None);
    assert_eq!(left(secs(60), secs(30)), Some(secs(30)));
    assert_eq!(left(LIFE, mins(59)), None, "a tenth of the life");
    assert_eq!(left(LIFE, mins(60)), Some(mins(540)));
    for life in [secs(61), LIFE, SignedDuration::from_millis(123_457)] {
        assert!(
            before_end(Renewal::Percentage(90), life).is_some(),
            "{life} at the most that can be asked for"
        );
    }
}

#[test]
fn overdue_is_a_minute_or_a_twentieth_of_the_life() {
    let due = after(6);
    assert_eq!(overdue_at(&record(), due), due + mins(30));
    let short = Record { expires_at: t0() + mins(10), ..record() };
    assert_eq!(overdue_at(&short, due), due + mins(1));
}

#[test]
fn a_look_comes_at_the_first_instant_within_a_quarter_of_an_hour() {
    let look = |instants: &[SignedDuration]| {
        let all = instants.iter().map(|it| Some(t0() + *it)).chain([None]);
        next_look(all, t0()).duration_since(t0())
    };
    assert_eq!(look(&[]), mins(15));
    assert_eq!(look(&[mins(60)]), mins(15));
    assert_eq!(look(&[mins(3), mins(2), mins(9)]), mins(2));
    let soon = SignedDuration::from_millis(1);
    assert_eq!(look(&[soon, mins(1)]), soon, "a token is dead at the moment it expires");
    assert_eq!(look(&[mins(-1), mins(5)]), mins(5), "what is past asks for nothing");
    assert_eq!(look(&[SignedDuration::ZERO, mins(5)]), mins(5));
}

#[test]
fn finished_at_the_later_of_its_end_and_its_tokens() {
    let until = |hours| request().with(|it| it.renew_until = Some(after(hours)));
    assert_eq!(finished_at(&until(4).facts()), Some(after(10)));
    assert_eq!(finished_at(&until(12).facts()), Some(after(12)));
    let bare = until(4).with(|it| it.place = super::scene::Place::Absent);
    assert_eq!(finished_at(&bare.facts()), Some(after(4)));
    assert_eq!(finished_at(&request().facts()), None, "without renewUntil: never");
    let kept = until(4);
    assert_eq!(removed_at(&kept.facts()), None, "without ttlSecondsAfterFinished: kept");
    let removed = kept.with(|it| it.ttl_after_finished = Some(mins(60)));
    assert_eq!(removed_at(&removed.facts()), Some(after(11)));
}

/// The time shown is the time kept, and none is shown where none will come.
#[test]
fn renew_at_is_shown_where_a_renewal_will_come() {
    let shown = |scene: super::scene::Scene| {
        let token = crate::decision::project(&scene.facts(), t0()).token.unwrap();
        token.renew_at
    };
    let due = renew_at(&record(), Renewal::Default, UID);
    assert_eq!(shown(request()), due);
    assert_eq!(shown(request().with(|it| it.suspended = true)), None);
    assert_eq!(shown(request().with(|it| it.renew_until = due)), None, "not before its end");
    assert_eq!(shown(request().with(|it| it.renew_until = Some(after(9)))), due);
}

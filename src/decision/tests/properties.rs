//! The properties of architecture §4 of the decision, by their names there.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::any;
use super::scene::{LIFE, Place, Scene, record, request, t0};
use crate::api::Reason;
use crate::decision::checks::{cause, renewal_instant};
use crate::decision::schedule::{FUTURE_TOLERANCE, down_to_seconds, jitter, renew_at};
use crate::decision::{
    Content, FailedStep, Failures, InputsHash, LoginFact, Promise, Record, Renewal, RetryClass, Statement,
    Step, Truth, Validity, Verdict, Wait, delay, plan, project,
};

fn minute(n: i64) -> Timestamp {
    t0() + SignedDuration::from_mins(n)
}

fn issues(scene: &Scene, now: Timestamp) -> bool {
    matches!(plan(&scene.facts(), now), Step::Issue(_) | Step::Rehearse)
}

/// A second reading of behaviour §5.1 and product.md's table, in other words than the checks'.
fn has_a_live_token_for_this_spec(it: &Scene, now: Timestamp) -> bool {
    if it.care.made_up {
        return false;
    }
    let Some(record) = &it.seen.record else {
        return false;
    };
    let for_this = match (&record.inputs, it.facts().sound().and_then(|wish| wish.made_for)) {
        (InputsHash::V1 { made_for, .. }, Some(wanted)) => *made_for == wanted,
        // Of another version, and nobody vouches for it.
        (InputsHash::Other(_), Some(_)) if it.place == Place::Orphan => false,
        _ => true,
    };
    let alive = now < record.expires_at && record.issued_at <= now + FUTURE_TOLERANCE;
    let mine = matches!(it.place, Place::Ours | Place::Orphan) && it.fault.is_none();
    let whole = !(it.seen.content == Content::Edited && it.care.content_lost);
    let facts = it.facts();
    let refused_again = it.unproven && facts.failure_of(FailedStep::ServiceToken).is_some();
    let refused_for_good = refused_again || (facts.token_was_refused() && facts.told_failure().is_some());
    let refusal = facts.failure_of(FailedStep::WriteSecret).map(|failure| failure.reason);
    let adoptable = it.place != Place::Orphan || refusal != Some(Reason::SecretNotOwned);
    mine && adoptable && for_this && alive && whole && !refused_for_good
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn planning_twice_changes_nothing(scene in any::scene(), n in 0..900_i64) {
        let again = scene.clone();
        let now = minute(n);
        prop_assert_eq!(plan(&scene.facts(), now), plan(&again.facts(), now));
        prop_assert_eq!(project(&scene.facts(), now), project(&again.facts(), now));
    }

    #[test]
    fn no_verdict_changes_between_looks(scene in any::scene(), n in prop_oneof![4 => 0..900_i64, 1 => Just(0)], share in 0.0..1.0_f64) {
        let now = minute(n);
        let Step::Wait(wait) = plan(&scene.facts(), now) else { return Ok(()) };
        let Some(until) = wait.until else { return Ok(()) };
        let gap = until.duration_since(now) - SignedDuration::from_nanos(1);
        let then = now + SignedDuration::from_secs_f64(gap.as_secs_f64() * share).min(gap);
        for then in [then, now + gap] {
            let step = plan(&scene.facts(), then);
            prop_assert!(matches!(&step, Step::Wait(it) if it.speak == wait.speak), "{:?} at {}", step, then);
            prop_assert_eq!(project(&scene.facts(), then), project(&scene.facts(), now));
        }
    }

    /// What a status says of the next attempt holds for as long as nobody looks again; and once it does not, it is written anew.
    #[test]
    fn no_status_names_an_attempt_that_is_over(scene in any::scene(), n in 0..900_i64) {
        let now = minute(n);
        let said = project(&scene.facts(), now);
        let step = plan(&scene.facts(), now);
        for named in named(&said) {
            prop_assert!(named > now, "{:?}", said);
            if let Step::Wait(Wait { until: Some(until), .. }) = step {
                prop_assert!(until <= named, "nobody looks before {}", named);
            }
            let then = scene.clone().with(|it| it.told_attempt = Some(named));
            prop_assert!(then.facts().names_what_is_over(named));
            if let Step::Wait(wait) = plan(&then.facts(), named) {
                // What it says of a token that may not be looked at stands, all of it, until that ends.
                let unseen = scene.unlisted.is_some();
                prop_assert!(wait.speak || wait.until.is_none() || unseen, "it stands");
            }
        }
    }

    #[test]
    fn ready_iff_a_live_token_for_this_spec_is_there(scene in any::scene(), n in 0..900_i64) {
        let now = minute(n);
        let ready = project(&scene.facts(), now).ready.truth == Truth::True;
        let expected = if scene.place == Place::Unwanted {
            let may_call = scene.facts().sound().is_some_and(|wish| wish.refused_origin.is_none());
            may_call && scene.login == LoginFact::Ready && scene.validity != Validity::Refused
        } else {
            has_a_live_token_for_this_spec(&scene, now)
        };
        prop_assert_eq!(ready, expected);
    }

    #[test]
    fn once_due_always_due(scene in any::scene(), n in 0..600_i64, more in 1..600_i64) {
        let now = minute(n);
        // A clock that was wrong comes right: behaviour §2.1.
        let future = |record: &Option<Record>| record.as_ref().is_some_and(|it| it.issued_at > now);
        prop_assume!(!future(&scene.seen.record) && !future(&scene.held));
        prop_assume!(scene.care.last_repair.is_none_or(|at| at <= now));
        prop_assume!(scene.care.pace.spent_until.is_none_or(|at| at <= now));
        // What is edited is put right first.
        prop_assume!(scene.care.writes.spent_until.is_none_or(|at| at <= now));
        let then = match scene.renew_until {
            Some(until) => minute(n + more).min(until - SignedDuration::from_nanos(1)),
            None => minute(n + more),
        };
        prop_assume!(then > now);
        if cause(&scene.facts(), now).is_some() {
            prop_assert!(cause(&scene.facts(), then).is_some());
        }
        if issues(&scene, now) {
            prop_assert!(issues(&scene, then), "{:?}", plan(&scene.facts(), then));
        }
    }

    #[test]
    fn jitter_is_bounded_and_repeatable(uid in "[a-f0-9-]{1,36}", second in 0..2_000_000_000_i64, life in 30..90_000_i64, percent in 1..=90_u8) {
        let issued_at = Timestamp::from_second(second).unwrap();
        let h = jitter(&uid, issued_at);
        prop_assert!((0.0..1.0).contains(&h));
        prop_assert_eq!(h.to_bits(), jitter(&uid, issued_at).to_bits());
        let record = Record { issued_at, expires_at: issued_at + SignedDuration::from_secs(life), ..record() };
        let at = |renewal| renew_at(&record, renewal, &uid).unwrap().duration_since(issued_at).as_secs_f64();
        let life = f64::from(i32::try_from(life).unwrap());
        let default = at(Renewal::Default) / life;
        prop_assert!((0.4999..0.6668).contains(&default), "{}", default);
        let latest = life * (1.0 - f64::from(percent) / 100.0);
        let by_percentage = at(Renewal::Percentage(percent));
        prop_assert!(by_percentage <= latest + 0.002 && by_percentage >= latest * 0.9 - 0.002);
        prop_assert!(at(Renewal::Percentage(percent)).to_bits() == by_percentage.to_bits());
    }

    /// Labels, annotations, key names; and renewal settings, as long as the time they give is to come.
    #[test]
    fn cosmetic_edits_never_issue(scene in any::scene(), n in 0..900_i64, rendering in any::<u64>(), percent in 1..=90_u8) {
        let now = minute(n);
        prop_assume!(cause(&scene.facts(), now).is_none());
        let edited = scene.clone().with(|it| {
            it.template.keys.token = "TOKEN".into();
            it.template.labels.insert("team".into(), "web".into());
            it.template.annotations.insert("note".into(), "x".into());
            it.seen.rendering = rendering;
            it.renewal = Renewal::Percentage(percent);
        });
        let due = renewal_instant(&edited.facts());
        prop_assume!(due.is_none_or(|due| due > now));
        prop_assert_eq!(cause(&edited.facts(), now), None);
        prop_assert!(!issues(&edited, now));
    }

    /// Neither written nor adopted, read, or paid for with a token; and the same while whose it is is not known.
    #[test]
    fn a_foreign_secret_is_never_written(scene in any::scene(), n in 0..900_i64, place in 0..4_u8) {
        let place = [Place::Foreign, Place::Claimed, Place::FormerOwner, Place::Unknown][usize::from(place)];
        let scene = scene.with(|it| if it.place != Place::Unwanted { it.place = place });
        prop_assume!(scene.place == place);
        let step = plan(&scene.facts(), minute(n));
        let harmless = matches!(step, Step::Wait(_) | Step::ReadLogin | Step::Look | Step::DropHeld | Step::Finish);
        prop_assert!(harmless, "{:?}", step);
        prop_assert!(place == Place::Unknown || scene.look || step != Step::Look, "what is known is not asked");
    }

    /// However the clock steps: each reading of it issues at most once, and a step back within the tolerance never.
    #[test]
    fn clock_steps_never_issue_twice(steps in proptest::collection::vec(-700..700_i64, 1..8), back in 0..=120_i64, scene in any::scene()) {
        let mut scene = scene;
        let mut now = t0();
        for step in steps {
            now += SignedDuration::from_mins(step);
            let issued = settle(&mut scene, now);
            prop_assert!(issued <= 1, "{} at one reading of the clock", issued);
            if issued == 1 {
                let before = now - SignedDuration::from_secs(back);
                prop_assert_eq!(settle(&mut scene, before), 0);
            }
        }
    }

    #[test]
    fn delays_stay_within_class_and_life(count in any::<u32>(), left in proptest::option::of(0..100_000_i64), asked in proptest::option::of(-5..100_000_i64), uid in "[a-f0-9]{8}") {
        let secs = SignedDuration::from_secs;
        let left = left.map(secs);
        let of = |class| delay(class, count, left, &uid);
        let transient = of(RetryClass::Transient);
        prop_assert!(transient >= secs(2) && transient <= secs(300));
        if let Some(left) = left {
            prop_assert!(transient <= (left / 4).max(secs(2)));
        }
        let throttled = of(RetryClass::Throttled(asked.map(secs)));
        prop_assert!(throttled >= secs(1) && throttled <= secs(900));
        let refused = of(RetryClass::Refused);
        prop_assert!(refused >= secs(270) && refused <= secs(3600));
        let write = of(RetryClass::WriteRefused);
        prop_assert!(write >= secs(10) && write <= secs(300));
        for class in [RetryClass::Transient, RetryClass::Refused, RetryClass::Throttled(None)] {
            prop_assert_eq!(of(class), of(class));
        }
    }
}

/// The instants of attempts to come that are named anywhere in a status.
fn named(said: &Verdict) -> Vec<Timestamp> {
    let token = said.token.as_ref();
    let of_the_token = [token.map(|it| it.expires_at), token.and_then(|it| it.renew_at)];
    let of_the_token: Vec<_> = of_the_token.into_iter().flatten().map(down_to_seconds).collect();
    let words = |statement: &Statement| -> Vec<Timestamp> {
        let words = statement.message.split(' ').map(|word| word.trim_end_matches(['.', ',', ';']));
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let mut named = words(&said.ready);
    named.retain(|it| !of_the_token.contains(it));
    named.extend(said.credentials_valid.iter().flat_map(words));
    named.extend(said.failure.as_ref().and_then(|told| told.next).and_then(Promise::instant));
    named
}

/// Does what is planned, at one reading of the clock, until there is a wait. Returns how often it issued.
fn settle(scene: &mut Scene, now: Timestamp) -> usize {
    let mut issued = 0;
    for _ in 0..12 {
        match plan(&scene.facts(), now) {
            Step::Issue(_) => {
                issued += 1;
                scene.held = Some(Record {
                    issued_at: now,
                    expires_at: now + LIFE,
                    inputs: record().inputs,
                    renew_handled: scene.renew_request.map(Into::into),
                });
                scene.failures = Failures::default();
            }
            Step::Write(_) => {
                scene.seen.record = scene.held.take();
                scene.seen.content = Content::Intact;
                scene.seen.rendering = scene.template.rendering();
                scene.place = Place::Ours;
                scene.care = crate::decision::Care::default();
                scene.token_refused = false;
            }
            Step::DropHeld => scene.held = None,
            Step::Recall => {
                scene.held = scene.seen.record.clone();
                scene.care.content_lost = scene.held.is_none();
            }
            Step::ReadLogin => scene.login = LoginFact::Ready,
            Step::Look if std::mem::take(&mut scene.look) => {}
            Step::Look => scene.place = Place::Absent,
            Step::ConfirmOwner => scene.care.owner_confirmed = true,
            Step::Rehearse => scene.care.rehearse = false,
            Step::Finish => scene.deleting = true,
            Step::Wait(_) => return issued,
        }
    }
    panic!("never comes to a wait: {scene:?}");
}

/// A clock that steps far ahead and back: the one token that was issued ahead of time is replaced once, and that is all.
#[test]
fn a_clock_that_steps_ahead_and_back_costs_two_tokens() {
    let mut scene = request();
    let issued: Vec<usize> = [60, 6000, 60, 61, 120].map(|n| settle(&mut scene, minute(n))).to_vec();
    assert_eq!(issued, [0, 1, 1, 0, 0]);
}

//! Who goes first, row by row.

use jiff::SignedDuration;

use super::scene::{Place, Scene, after, credential, request};
use crate::decision::checks::{cause, overdue_instant, renewal_instant};
use crate::decision::{Cause, Renewal, Urgency, ends_soon_from, urgency};

/// The token lives for ten hours, until minute 600.
fn at(scene: &Scene, minutes: i64) -> (Cause, Urgency) {
    let now = after(0) + SignedDuration::from_mins(minutes);
    let cause = cause(&scene.facts(), now).expect("it is to be issued");
    (cause, urgency(&scene.facts(), cause, now))
}

/// From this minute on the life is ending, and not before: known beforehand, so that whoever waits in line looks again then.
fn begins(scene: &Scene) -> i64 {
    let known = ends_soon_from(&scene.facts()).expect("there is a token");
    let first = (after(0).duration_until(known).as_secs() + 59) / 60;
    assert_ne!(at(scene, first - 1).1, Urgency::LifeIsEnding);
    assert!((first..600).all(|minutes| at(scene, minutes).1 == Urgency::LifeIsEnding));
    first
}

fn renewed(renewal: Renewal) -> Scene {
    request().with(|it| it.renewal = renewal)
}

/// Half of the time between its due instant and its end is over, and less than a quarter of its life is left.
#[test]
fn a_renewal_goes_first_once_it_is_late() {
    let default = renewed(Renewal::Default);
    assert_eq!(begins(&default), half_way(&default).max(450));
    assert_eq!(at(&default, 449), (Cause::RenewalIsDue, Urgency::Renewal));
    // Due when nine tenths of the life are over, or almost: that alone is not late.
    let short = renewed(Renewal::Before(SignedDuration::from_mins(20)));
    assert!(half_way(&short) > 550);
    assert_eq!(begins(&short), half_way(&short));
    // Due early: half of that time is over long before anything is in danger.
    let early = renewed(Renewal::Percentage(90));
    assert!(half_way(&early) < 400);
    assert_eq!(begins(&early), 450);
    assert_eq!(at(&credential(), 599), (Cause::RenewalIsDue, Urgency::LifeIsEnding));
}

/// A clock that was set back shows all of that earlier.
#[test]
fn a_renewal_goes_first_when_it_is_late_whatever_the_clock_was_set_to() {
    let (set, ahead) = ([-60, 60].map(SignedDuration::from_mins), request());
    for (by, shift) in [(set[0], 60), (set[1], 0)] {
        let scene = request().with(|it| it.care.clock_set = by);
        let [known, as_it_was] = [&scene, &ahead].map(|it| ends_soon_from(&it.facts()));
        assert_eq!(known, as_it_was.map(|it| it - SignedDuration::from_mins(shift)));
        let [overdue, as_it_was] = [&scene, &ahead].map(|it| overdue_instant(&it.facts()));
        assert_eq!(overdue, as_it_was.map(|it| it - SignedDuration::from_mins(shift)));
    }
}

/// The first minute after half of the time that its renewal has.
fn half_way(scene: &Scene) -> i64 {
    let due = renewal_instant(&scene.facts()).expect("it is renewed");
    let secs = after(0).duration_until(due).as_secs();
    (i64::midpoint(secs, 600 * 60) + 59) / 60
}

#[test]
fn new_changed_and_by_hand_go_before_renewals() {
    let new = request().with(|it| it.place = Place::Absent);
    assert_eq!(at(&new, 60), (Cause::SecretIsMissing, Urgency::Wanted));
    let changed = request().with(|it| it.made_for = Some([9; 16]));
    assert_eq!(at(&changed, 60), (Cause::TokenIsForAnotherSpec, Urgency::Wanted));
    let by_hand = request().with(|it| it.renew_request = Some("now"));
    assert_eq!(at(&by_hand, 60), (Cause::RenewalWasRequested, Urgency::Wanted));
    assert_eq!(at(&by_hand, 500), (Cause::RenewalWasRequested, Urgency::LifeIsEnding));
}

/// What nobody can use has no deadline, however short its life is.
#[test]
fn an_unfit_token_has_no_deadline_that_could_be_met() {
    let changed = request().with(|it| it.made_for = Some([9; 16]));
    assert_eq!(at(&changed, 500), (Cause::TokenIsForAnotherSpec, Urgency::Wanted));
    assert_eq!(at(&request(), 601), (Cause::TokenHasExpired, Urgency::Wanted));
}

/// Its requests wait for it, and their tokens still live.
#[test]
fn a_dead_token_of_a_credential_goes_first() {
    assert_eq!(at(&credential(), 601), (Cause::TokenHasExpired, Urgency::LifeIsEnding));
}

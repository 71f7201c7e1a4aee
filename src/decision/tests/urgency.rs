//! Who goes first, row by row.

use jiff::SignedDuration;

use super::scene::{Place, Scene, after, credential, request};
use crate::decision::checks::cause;
use crate::decision::{Cause, Urgency, urgency};

/// The token lives for ten hours; less than a quarter of it is left from 7.5 hours on.
fn at(scene: &Scene, minutes: i64) -> (Cause, Urgency) {
    let now = after(0) + SignedDuration::from_mins(minutes);
    let cause = cause(&scene.facts(), now).expect("it is to be issued");
    (cause, urgency(&scene.facts(), cause, now))
}

#[test]
fn a_renewal_waits_until_its_last_quarter_begins() {
    assert_eq!(at(&request(), 449), (Cause::RenewalIsDue, Urgency::Renewal));
    assert_eq!(at(&request(), 450), (Cause::RenewalIsDue, Urgency::LifeIsEnding));
    assert_eq!(at(&credential(), 599), (Cause::RenewalIsDue, Urgency::LifeIsEnding));
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

//! Each cause: a valid object, one mutation, the name that is expected.

use jiff::SignedDuration;

use super::scene::{LIFE, Place, Scene, after, request, t0};
use crate::decision::checks::{CAUSES, Cause, cause};
use crate::decision::schedule::FUTURE_TOLERANCE;
use crate::decision::{Content, InputsHash, SpecFault, is_unfit, project};

struct Row {
    what: &'static str,
    change: fn(&mut Scene),
    expected: Option<Cause>,
}

const fn row(what: &'static str, change: fn(&mut Scene), expected: Cause) -> Row {
    Row { what, change, expected: Some(expected) }
}

const fn none(what: &'static str, change: fn(&mut Scene)) -> Row {
    Row { what, change, expected: None }
}

/// One hour after the token was issued; it lives for ten.
const ROWS: &[Row] = &[
    none("in order", |_| {}),
    row("no Secret", |it| it.place = Place::Absent, Cause::SecretIsMissing),
    row("somebody else's Secret", |it| it.place = Place::Foreign, Cause::SecretIsMissing),
    row("a former owner's", |it| it.place = Place::FormerOwner, Cause::SecretIsMissing),
    none("an orphan that fits", |it| it.place = Place::Orphan),
    none("none is wanted", |it| it.place = Place::Unwanted),
    row("no record", |it| it.seen.record = None, Cause::RecordIsUnreadable),
    row("later than what was written", |it| it.care.made_up = true, Cause::RecordIsMadeUp),
    none("edited, the token not yet looked at", |it| {
        it.seen.content = Content::Edited;
    }),
    row(
        "edited, and the token is another",
        |it| {
            it.seen.content = Content::Edited;
            it.care.content_lost = true;
        },
        Cause::TokenWasEdited,
    ),
    none("edited once, whole again", |it| it.care.content_lost = true),
    row("another subject", |it| it.made_for = Some([9; 16]), Cause::TokenIsForAnotherSpec),
    none("the subject cannot be known", |it| it.made_for = None),
    row("another login", |it| it.made_with = Some([9; 16]), Cause::LoginHasChanged),
    none("the login was not read", |it| it.made_with = None),
    row(
        "another subject and another login",
        |it| (it.made_for, it.made_with) = (Some([9; 16]), Some([9; 16])),
        Cause::TokenIsForAnotherSpec,
    ),
    none("a hash of another version", |it| {
        it.record_mut().inputs = InputsHash::Other("v9:abc".into());
    }),
    none("its last millisecond", |it| {
        it.record_mut().issued_at = after(1);
        it.record_mut().expires_at = after(1) + SignedDuration::from_millis(1);
    }),
    row("its life is over", |it| it.record_mut().expires_at = after(1), Cause::TokenHasExpired),
    none("two minutes in the future", |it| {
        it.record_mut().issued_at = after(1) + FUTURE_TOLERANCE;
    }),
    row(
        "more than two minutes in the future",
        |it| it.record_mut().issued_at = after(1) + FUTURE_TOLERANCE + SignedDuration::from_millis(1),
        Cause::TokenHasExpired,
    ),
    row("refused", |it| it.token_refused = true, Cause::TokenWasRefused),
    row("asked for by hand", |it| it.renew_request = Some("now"), Cause::RenewalWasRequested),
    none("asked for and answered", |it| {
        it.renew_request = Some("now");
        it.record_mut().renew_handled = Some("now".into());
    }),
    row(
        "asked for again",
        |it| {
            it.renew_request = Some("again");
            it.record_mut().renew_handled = Some("now".into());
        },
        Cause::RenewalWasRequested,
    ),
    none("the request was taken back", |it| {
        it.record_mut().renew_handled = Some("now".into());
    }),
    row("it is time", |it| it.record_mut().issued_at = t0() - LIFE, Cause::RenewalIsDue),
    row(
        "due and asked for: the hand comes first, or it would renew twice",
        |it| {
            it.record_mut().issued_at = t0() - LIFE;
            it.renew_request = Some("now");
        },
        Cause::RenewalWasRequested,
    ),
    none("the spec makes no sense", |it| {
        it.fault = Some(SpecFault::Undecodable);
    }),
];

#[test]
fn each_cause_has_its_name() {
    for Row { what, change, expected } in ROWS {
        let scene = request().with(change);
        assert_eq!(cause(&scene.facts(), after(1)), *expected, "{what}");
    }
}

#[test]
fn every_cause_is_in_the_table_and_in_the_list() {
    for (name, check) in CAUSES {
        let mut rows = ROWS.iter().filter(|row| row.expected == Some(*name));
        let row = rows.next().unwrap_or_else(|| panic!("{name:?} has no row"));
        let scene = request().with(row.change);
        assert!(check(&scene.facts(), after(1)), "{name:?} by itself: {}", row.what);
        assert!(!check(&request().facts(), after(1)), "{name:?} of an object in order");
    }
}

/// "Renew?" and "Ready?" read the same checks.
#[test]
fn a_cause_that_makes_unfit_is_not_ready() {
    for row in ROWS.iter().filter(|row| row.expected.is_some()) {
        let scene = request().with(row.change);
        let unfit = row.expected.unwrap().makes_unfit();
        assert_eq!(is_unfit(&scene.facts(), row.expected), unfit, "{}", row.what);
        let ready = project(&scene.facts(), after(1)).ready.truth;
        assert_eq!(ready == crate::decision::Truth::False, unfit, "{}", row.what);
    }
}

#[test]
fn names_of_causes_differ() {
    let mut names: Vec<_> = CAUSES.iter().map(|(cause, _)| cause.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CAUSES.len());
}

//! What holds at one instant and not a moment before or after it, and where two like rules part.

use jiff::SignedDuration;
use serde_json::json;

use super::scene::{Place, Scene, UID, after, credential, failure, record, request, t0};
use crate::api::Reason;
use crate::decision::checks::{Cause, Obstacle, cause, obstacle};
use crate::decision::schedule::{FUTURE_TOLERANCE, LONGEST_LIFE, overdue_at, renew_at};
use crate::decision::settle::only_repeats;
use crate::decision::{
    Care, Chain, Content, FailedStep, Failure, Failures, InputsHash, Precondition, Record, Renewal,
    SeenSecret, Step, Truth, is_moot, plan, project,
};

/// What is changed in a scene.
type Change = fn(&mut Scene);
/// What it is changed from.
type Base = fn() -> Scene;

const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// One hour after the token was issued.
fn step(scene: &Scene) -> Step {
    plan(&scene.facts(), after(1))
}

fn stands(scene: &Scene) -> bool {
    let facts = scene.facts();
    obstacle(&facts, cause(&facts, after(1)), after(1)).is_some()
}

#[test]
fn a_record_of_a_year_is_believed_and_of_a_moment_more_is_not() {
    let lives = |life: SignedDuration| request().with(|it| it.record_mut().expires_at = t0() + life);
    let cause_of = |scene: &Scene| cause(&scene.facts(), after(1));
    assert_eq!(cause_of(&lives(LONGEST_LIFE)), None);
    assert_eq!(cause_of(&lives(LONGEST_LIFE + MOMENT)), Some(Cause::TokenHasExpired));
    assert_eq!(cause_of(&lives(LONGEST_LIFE * 2)), Some(Cause::TokenHasExpired));
}

/// What its requests met holds up no credential, unless it is its own token that they were refused with.
#[test]
fn whose_failure_holds_up_whom() {
    let rows: [(Base, FailedStep, bool, bool); 6] = [
        (credential, FailedStep::Exchange, false, false),
        (credential, FailedStep::ServiceToken, false, false),
        (credential, FailedStep::ServiceToken, true, true),
        (request, FailedStep::Exchange, false, true),
        (request, FailedStep::ServiceToken, false, true),
        (request, FailedStep::Delete, false, false),
    ];
    for (base, failed, refused, holds_up) in rows {
        let scene = base().with(|it| {
            it.token_refused = refused;
            let mut failure = failure(failed, Reason::ServiceUnavailable);
            failure.next_attempt = Some(after(2));
            it.failures.note(failure);
        });
        assert_eq!(stands(&scene), holds_up, "{:?} {failed:?} {refused}", scene.key.kind);
    }
}

/// Soon after a Secret was put back only another loss waits, not a token that came to its end.
#[test]
fn what_a_repair_just_made_holds_up() {
    let rows: [(&str, Change, bool); 4] = [
        ("over", |it| it.record_mut().expires_at = after(1), false),
        (
            "over, and edited: nobody knows whether it is",
            |it| (it.seen.content, it.record_mut().expires_at) = (Content::Edited, after(1)),
            true,
        ),
        (
            "edited, and asked for by hand",
            |it| (it.seen.content, it.renew_request) = (Content::Edited, Some("now")),
            false,
        ),
        (
            "edited, and its token lost",
            |it| (it.seen.content, it.care.content_lost) = (Content::Edited, true),
            true,
        ),
    ];
    for (what, change, waits) in rows {
        let scene = request().with(|it| it.care.last_repair = Some(after(1) - SignedDuration::from_mins(1)));
        assert_eq!(stands(&scene.with(change)), waits, "{what}");
    }
}

#[test]
fn forgiving_tells_whether_anything_had_failed() {
    let mut failures = Failures::default();
    assert!(!failures.forgive(&[FailedStep::Exchange]));
    failures.note(failure(FailedStep::Exchange, Reason::ServiceUnavailable));
    assert!(!failures.forgive(&[FailedStep::WriteSecret]));
    assert!(failures.of(FailedStep::Exchange).is_some());
    assert!(failures.forgive(&[FailedStep::WriteSecret, FailedStep::Exchange]));
    assert!(failures.of(FailedStep::Exchange).is_none());
}

/// A right that is back excuses what was denied for want of it, and nothing else.
#[test]
fn a_reason_is_forgiven_only_to_the_steps_it_was_met_in() {
    let denied = Reason::ClusterAccessDenied;
    let rows = [
        (FailedStep::WriteSecret, denied, true),
        (FailedStep::WriteSecret, Reason::SecretWriteRefused, false),
        (FailedStep::ReadClientSecret, denied, false),
    ];
    for (met_in, reason, forgiven) in rows {
        let mut failures = Failures::default();
        failures.note(failure(met_in, reason));
        failures.forgive_for(denied, &[FailedStep::WriteSecret]);
        assert_eq!(failures.of(met_in).is_none(), forgiven, "{met_in:?} {reason:?}");
    }
}

/// The same record with another token beneath it. Another record is another's token, or an operator's before us.
#[test]
fn forged_is_the_record_that_is_known_with_a_seal_that_is_not() {
    let (known, another) = (Some(record().fingerprint()), Some(newer().fingerprint()));
    let rows = [
        (known, Some(1), Some(1), false),
        (known, Some(1), Some(2), true),
        (known, Some(1), None, true),
        (known, None, Some(2), false),
        (another, Some(1), Some(2), false),
        (None, Some(1), Some(2), false),
    ];
    for (known_record, known_seal, seal, forged) in rows {
        let seen = SeenSecret { seal, ..request().seen };
        let care = Care { known_record, known_seal, ..Care::default() };
        assert_eq!(care.is_forged(&seen), forged, "{known_record:?} {known_seal:?} {seal:?}");
    }
}

/// What no copy of an earlier issue says.
#[test]
fn a_record_is_outdone_by_a_younger_one_a_longer_one_and_another_of_the_same_issue() {
    let print = |issued, expires, made_for| {
        let inputs = InputsHash::V1 { made_for: [made_for; 16], made_with: [2; 16] };
        let record = Record { issued_at: after(issued), expires_at: after(expires), inputs, ..record() };
        record.fingerprint()
    };
    let known = print(1, 11, 1);
    let rows = [
        (print(1, 11, 1), false),
        (print(2, 11, 1), true),
        (print(2, 9, 1), true),
        (print(0, 12, 1), true),
        (print(1, 11, 3), true),
        (print(1, 9, 1), true),
        (print(0, 11, 3), false),
        (print(0, 10, 1), false),
    ];
    for (other, outdone) in rows {
        assert_eq!(known.is_outdone_by(&other), outdone, "{other:?}");
    }
}

/// The Secret is there again, whoever put it back: nobody needs to know whether its owner is.
#[test]
fn an_owner_needs_no_look_once_its_secret_is_there() {
    let moot = |change: Change| is_moot(&request().with(change).facts(), FailedStep::ConfirmOwner, after(1));
    assert!(moot(|_| {}));
    assert!(!moot(|it| (it.place, it.care.vanished) = (Place::Absent, true)));
    assert!(!moot(|it| it.place = Place::Orphan));
}

/// A token is read for those who wait for it, or to be put under other names, unless it is held.
#[test]
fn a_secret_needs_no_reading_where_nobody_wants_what_it_holds() {
    let rows: [(Change, bool); 5] = [
        (|_| {}, true),
        (|it| it.look = true, false),
        (|it| it.place = Place::Unknown, false),
        (|it| it.token_wanted = true, false),
        (|it| (it.token_wanted, it.held) = (true, Some(record())), true),
    ];
    for (n, (change, moot)) in (0..).zip(rows) {
        let facts = request().with(change);
        assert_eq!(is_moot(&facts.facts(), FailedStep::ReadManagedSecret, after(1)), moot, "row {n}");
    }
}

/// What goes with its namespace is left alone, until a token in it is dead.
#[test]
fn a_token_that_ends_while_its_namespace_goes_is_said_to_be_dead() {
    let speaks = |end| {
        let scene = request().with(|it| {
            it.care.namespace_goes_since = Some(after(1));
            it.record_mut().expires_at = end;
        });
        matches!(step(&scene), Step::Wait(it) if it.speak)
    };
    assert!(!speaks(after(1) + MOMENT));
    assert!(speaks(after(1)));
    assert!(speaks(after(1) - MOMENT));
}

#[test]
fn an_attempt_that_is_not_due_is_news_once_it_is_told() {
    let mut failure = failure(FailedStep::WriteSecret, Reason::Pending);
    let until = failure.next_attempt;
    assert_eq!(Obstacle::AttemptIsNotDue(&failure).until(), until);
    assert!(!Obstacle::AttemptIsNotDue(&failure).is_routine());
    failure.count = 1;
    assert!(Obstacle::AttemptIsNotDue(&failure).is_routine());
}

fn newer() -> Record {
    Record { issued_at: after(1), expires_at: after(11), ..record() }
}

#[test]
fn a_token_that_waits_to_be_written_is_not_issued_again_while_it_lives() {
    let waiting = |held: Record| {
        request().with(|it| {
            (it.place, it.held) = (Place::Absent, Some(held));
            let mut failure = failure(FailedStep::WriteSecret, Reason::SecretWriteRefused);
            failure.next_attempt = Some(after(2));
            it.failures.note(failure);
        })
    };
    assert!(matches!(step(&waiting(newer())), Step::Wait(_)));
    // The write that failed holds up issuing by itself; without it, that there is a token to write still does.
    let mut scene = waiting(newer());
    scene.failures = Failures::default();
    assert_eq!(step(&scene), Step::Write(Precondition::Absent));
    // One that ends now is worth no write.
    scene.held = Some(Record { expires_at: after(1), ..record() });
    assert_eq!(step(&scene), Step::Issue(Cause::SecretIsMissing));
    scene.held = Some(Record { expires_at: after(1) + MOMENT, ..record() });
    assert_eq!(step(&scene), Step::Write(Precondition::Absent));
}

/// Of two tokens that were issued at one instant neither is the earlier: what is in the Secret stays.
#[test]
fn only_an_earlier_token_was_put_in_the_place_of_a_later_one() {
    let strange = |issued_at| {
        request().with(|it| {
            it.care.strange = true;
            it.held = Some(Record { issued_at, expires_at: after(11), ..record() });
        })
    };
    assert_eq!(step(&strange(t0())), Step::DropHeld);
    assert!(matches!(step(&strange(t0() + MOMENT)), Step::Write(_)));
}

/// A clock that was ahead issued it: it is looked at again when it counts.
#[test]
fn a_token_from_the_future_is_looked_at_when_it_arrives() {
    let issued_at = after(1) + FUTURE_TOLERANCE + SignedDuration::from_mins(3);
    let ahead = Record { issued_at, expires_at: after(11), ..record() };
    let changes: [fn(&mut Scene, Record); 2] = [
        |it, ahead| it.seen.record = Some(ahead),
        |it, ahead| (it.place, it.held) = (Place::Absent, Some(ahead)),
    ];
    for change in changes {
        let scene = request().with(|it| {
            it.suspended = true;
            change(it, ahead.clone());
        });
        let Step::Wait(wait) = step(&scene) else { panic!("{:?}", step(&scene)) };
        assert_eq!(wait.until, Some(after(1) + SignedDuration::from_mins(3)));
    }
}

#[test]
fn a_status_only_repeats_what_fails_once_more() {
    let said = json!({"failure": {"reason": "Throttled", "count": 1, "nextAttemptAt": "a"},
        "conditions": [{"type": "Ready", "message": "Tried again at a."}]});
    let changed = |path: &str, to: serde_json::Value| {
        let mut new = said.clone();
        *new.pointer_mut(path).expect("it is there") = to;
        new
    };
    assert!(only_repeats(&said, &changed("/failure/count", json!(2))));
    assert!(only_repeats(&said, &changed("/failure/nextAttemptAt", json!("b"))));
    assert!(only_repeats(&said, &changed("/conditions/0/message", json!("Tried again at b."))));
    assert!(!only_repeats(&said, &changed("/failure/reason", json!("QuotaExhausted"))));
    assert!(!only_repeats(&said, &changed("/conditions/0/type", json!("Stalled"))));
    assert!(!only_repeats(&said, &json!({"conditions": []})));
    let well = json!({"conditions": []});
    assert!(!only_repeats(&well, &well));
}

/// The one that replaced a refused token is refused too: it is not called good while that lasts.
#[test]
fn a_token_that_was_refused_again_is_not_ready() {
    let ready = |change: Change| project(&credential().with(change).facts(), after(1)).ready.truth;
    assert_eq!(ready(|it| it.unproven = true), Truth::True);
    assert_eq!(ready(|it| it.token_refused = true), Truth::True);
    assert_eq!(
        ready(|it| {
            it.unproven = true;
            it.failures.note(failure(FailedStep::ServiceToken, Reason::UnexpectedResponse));
        }),
        Truth::False
    );
    assert_eq!(
        ready(|it| it.failures.note(failure(FailedStep::ServiceToken, Reason::UnexpectedResponse))),
        Truth::True
    );
}

/// What stands in the way of a renewal is no news while none is wanted, or while it is a moment's matter.
#[test]
fn what_is_not_said_of_a_token_that_is_good() {
    let rows: [(&str, Change); 4] = [
        ("its credential is gone, and no renewal is due", |it| it.chain = Chain::Absent),
        ("a renewal by hand that rests", |it| {
            it.record_mut().issued_at = after(1) - SignedDuration::from_secs(10);
            it.renew_request = Some("now");
        }),
        ("a Secret that was lost soon after it was put back", |it| {
            it.care.last_repair = Some(after(1) - SignedDuration::from_mins(1));
        }),
        ("an attempt that failed for the first time", |it| {
            it.record_mut().expires_at = after(1) + SignedDuration::from_mins(20);
            let mut failure = failure(FailedStep::WriteSecret, Reason::Pending);
            (failure.count, failure.since, failure.next_attempt) = (1, after(1), Some(after(2)));
            it.failures.note(failure);
        }),
    ];
    for (what, change) in rows {
        let said = project(&request().with(change).facts(), after(1)).ready.message;
        assert!(
            said.starts_with("The token is good until ") && !said.contains("cannot be renewed"),
            "{what}: {said}"
        );
    }
}

/// The service fails, which is told and due again, and the API server did not answer once.
#[test]
fn a_hiccup_is_no_word_beside_what_is_told() {
    for place in [Place::Ours, Place::Absent] {
        let scene = credential().with(|it| {
            it.place = place;
            it.record_mut().expires_at = after(1) + SignedDuration::from_mins(20);
            it.failures.note(failure(FailedStep::AccessToken, Reason::ServiceUnavailable));
            let hiccup = failure(FailedStep::WriteSecret, Reason::Pending);
            it.failures.note(Failure { count: 1, since: after(1), next_attempt: Some(after(2)), ..hiccup });
        });
        let ready = project(&scene.facts(), after(1)).ready;
        assert!(
            ready.message.contains("does not answer") || ready.message.contains("HTTP 503"),
            "{}",
            ready.message
        );
        assert_eq!(ready.reason == Reason::ServiceUnavailable, place == Place::Absent, "{:?}", ready.reason);
    }
}

/// What lies with somebody else is said once the renewal is overdue.
#[test]
fn a_credential_that_is_gone_is_said_when_the_renewal_is_overdue() {
    let scene = request().with(|it| it.chain = Chain::Absent);
    let due = renew_at(&record(), Renewal::Default, UID).expect("within the calendar");
    let said = |now| project(&scene.facts(), now).ready.message.contains("cannot be renewed");
    assert!(!said(due + MOMENT));
    assert!(said(overdue_at(&record(), due)));
}

#[test]
fn a_renewal_before_the_end_that_fits_needs_no_word() {
    let said = |renewal| project(&request().with(|it| it.renewal = renewal).facts(), after(1)).ready.message;
    assert!(!said(Renewal::Before(SignedDuration::from_hours(3))).contains("spec.renewal"));
    assert!(!said(Renewal::Default).contains("spec.renewal"));
    assert!(said(Renewal::Before(SignedDuration::from_hours(10))).contains("spec.renewal"));
}

/// Whoever put an older token in the place of this one is told of when that is dead, not while it serves.
#[test]
fn a_secret_is_contested_once_no_token_is_there() {
    let strange = |life| {
        request().with(|it| {
            it.care.strange = true;
            it.care.last_repair = Some(after(9) - SignedDuration::from_mins(1));
            it.record_mut().expires_at = t0() + life;
        })
    };
    let told = |scene: &Scene| {
        let verdict = project(&scene.facts(), after(9));
        (verdict.ready.reason, verdict.failure.map(|it| (it.reason, it.since)))
    };
    assert_eq!(told(&strange(SignedDuration::from_hours(10))), (Reason::Issued, None));
    let dead = strange(SignedDuration::from_hours(8));
    let since = dead.care.last_repair;
    assert_eq!(told(&dead), (Reason::SecretContested, Some((Reason::SecretContested, since))));
}

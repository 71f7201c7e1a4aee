//! Which step, in the order that `plan` promises.

use jiff::SignedDuration;

use super::scene::{Place, Scene, after, credential, failure, record, request, t0};
use crate::api::Reason;
use crate::decision::{
    Cause, Content, FailedStep, LoginFact, Precondition, Record, ResourceVersion, Step, plan,
};

fn newer() -> Record {
    Record { issued_at: after(1), expires_at: after(11), ..record() }
}

fn over() -> Step {
    Step::Write(Precondition::Unchanged { uid: "3c0d".into(), version: ResourceVersion(40) })
}

/// What is expected one hour after the token was issued; `None`: a wait.
type Row = (&'static str, fn(&mut Scene), Option<Step>);

/// In order, over, not known, not there.
fn without_a_token() -> Vec<Row> {
    vec![
        ("in order", |_| {}, None),
        ("being deleted", |it| (it.deleting, it.place) = (true, Place::Absent), None),
        (
            "its namespace is going",
            |it| (it.care.namespace_goes_since, it.place) = (Some(after(1)), Place::Absent),
            None,
        ),
        ("a login not read", |it| it.login = LoginFact::Unread, Some(Step::ReadLogin)),
        ("a write without an answer", |it| it.look = true, Some(Step::Look)),
        ("a name not known", |it| it.place = Place::Unknown, Some(Step::Look)),
        ("nothing there", |it| it.place = Place::Absent, Some(Step::Issue(Cause::SecretIsMissing))),
        ("it was there", |it| (it.place, it.care.vanished) = (Place::Absent, true), Some(Step::ConfirmOwner)),
        (
            "it was there, and its owner still is",
            |it| {
                it.place = Place::Absent;
                (it.care.vanished, it.care.owner_confirmed) = (true, true);
            },
            Some(Step::Issue(Cause::SecretIsMissing)),
        ),
        (
            "a write was refused before the restart",
            |it| (it.place, it.care.rehearse) = (Place::Absent, true),
            Some(Step::Rehearse),
        ),
    ]
}

/// A token is held.
fn with_a_token_held() -> Vec<Row> {
    vec![
        (
            "issued, not yet written",
            |it| (it.place, it.held) = (Place::Absent, Some(newer())),
            Some(Step::Write(Precondition::Absent)),
        ),
        (
            "renewed, not yet written",
            |it| {
                it.record_mut().expires_at = after(1);
                it.held = Some(newer());
            },
            Some(over()),
        ),
        ("another token is there already, and good", |it| it.held = Some(newer()), Some(Step::DropHeld)),
        (
            "held for another subject",
            |it| {
                it.made_for = Some([9; 16]);
                it.held = Some(newer());
            },
            Some(Step::Issue(Cause::TokenIsForAnotherSpec)),
        ),
        ("held, and written", |it| it.held = Some(record()), None),
        (
            "held, and lost from the Secret",
            |it| {
                it.seen.record = None;
                it.held = Some(record());
            },
            Some(over()),
        ),
    ]
}

/// Somebody changed the spec, or the Secret.
fn not_as_wanted() -> Vec<Row> {
    vec![
        ("other labels", |it| it.seen.rendering += 1, Some(Step::Recall)),
        (
            "other labels, and held",
            |it| {
                it.seen.rendering += 1;
                it.held = Some(record());
            },
            Some(over()),
        ),
        ("an orphan that fits", |it| it.place = Place::Orphan, Some(Step::Recall)),
        (
            "an orphan for another subject, which may be one because its object goes",
            |it| {
                it.place = Place::Orphan;
                it.made_for = Some([9; 16]);
            },
            Some(Step::ConfirmOwner),
        ),
        (
            "an orphan for another subject",
            |it| {
                it.place = Place::Orphan;
                it.made_for = Some([9; 16]);
                it.care.owner_confirmed = true;
            },
            Some(Step::Issue(Cause::TokenIsForAnotherSpec)),
        ),
        ("edited", |it| it.seen.content = Content::Edited, Some(Step::Recall)),
        (
            "edited, token lost",
            |it| {
                it.seen.content = Content::Edited;
                it.care.content_lost = true;
            },
            Some(Step::Issue(Cause::TokenWasEdited)),
        ),
        (
            "only metadata seen",
            |it| {
                it.seen.content = Content::Unseen;
                it.seen.rendering += 1;
            },
            None,
        ),
    ]
}

/// It cannot be written, or somebody waits.
fn at_the_edges() -> Vec<Row> {
    vec![
        (
            "immutable, and edited",
            |it| {
                it.seen.content = Content::Edited;
                it.seen.immutable = true;
            },
            None,
        ),
        (
            "immutable, and held",
            |it| {
                it.seen.immutable = true;
                it.record_mut().expires_at = after(1);
                it.held = Some(newer());
            },
            None,
        ),
        (
            "the Secret is going",
            |it| {
                it.seen.deleting = true;
                it.record_mut().expires_at = after(1);
                it.held = Some(newer());
            },
            None,
        ),
        ("somebody waits for the token", |it| it.token_wanted = true, Some(Step::Recall)),
        (
            "somebody waits, and it is held",
            |it| {
                it.token_wanted = true;
                it.held = Some(record());
            },
            None,
        ),
    ]
}

/// It is finished.
fn at_the_end() -> Vec<Row> {
    vec![
        (
            "finished",
            |it| {
                it.renew_until = Some(t0());
                it.record_mut().expires_at = after(1);
                it.ttl_after_finished = Some(jiff::SignedDuration::ZERO);
            },
            Some(Step::Finish),
        ),
        (
            "finished and suspended",
            |it| {
                it.renew_until = Some(t0());
                it.record_mut().expires_at = after(1);
                it.ttl_after_finished = Some(jiff::SignedDuration::ZERO);
                it.suspended = true;
            },
            None,
        ),
    ]
}

fn rows() -> Vec<Row> {
    [without_a_token(), with_a_token_held(), not_as_wanted(), at_the_edges(), at_the_end()].concat()
}

#[test]
fn each_situation_has_its_step() {
    for (what, change, expected) in rows() {
        let scene = request().with(change);
        let step = plan(&scene.facts(), after(1));
        match expected {
            Some(expected) => assert_eq!(step, expected, "{what}"),
            None => assert!(matches!(step, Step::Wait(_)), "{what}: {step:?}"),
        }
    }
}

/// Not even a status: whatever holds it there is somebody else's.
#[test]
fn what_is_being_deleted_gets_nothing_whatever_becomes_of_its_token() {
    let ended: fn(&mut Scene) = |it| it.record_mut().expires_at = after(1);
    for change in [ended, |it| it.place = Place::Absent, |it| it.held = Some(newer())] {
        let scene = request().with(|it| it.deleting = true).with(change);
        let step = plan(&scene.facts(), after(1));
        assert!(matches!(&step, Step::Wait(it) if it.until.is_none() && !it.speak), "{step:?}");
    }
}

/// Routine is not said, but where the status still names an attempt that is over.
#[test]
fn what_is_over_does_not_stand_while_the_credential_is_at_work() {
    let says = |told_attempt| {
        let scene = request().with(|it| {
            (it.place, it.chain, it.told_attempt) =
                (Place::Absent, crate::decision::Chain::Working, told_attempt);
        });
        match plan(&scene.facts(), after(1)) {
            Step::Wait(wait) => (wait.speak, wait.until),
            step => panic!("{step:?}"),
        }
    };
    let quarter = SignedDuration::from_mins(15);
    let soon = after(1) + SignedDuration::from_secs(7);
    assert_eq!(says(None), (false, Some(after(1) + quarter)));
    assert_eq!(says(Some(after(1))), (true, Some(after(1) + quarter)));
    assert_eq!(says(Some(soon)), (false, Some(soon)), "a look at that time");
}

/// A write that was refused: the token is kept, and only the write is tried again; nothing is issued meanwhile.
#[test]
fn a_refused_write_keeps_the_token() {
    let scene = request().with(|it| {
        it.place = Place::Absent;
        it.held = Some(newer());
        it.failures.note(failure(FailedStep::WriteSecret, Reason::SecretWriteRefused));
    });
    let before = after(1) - jiff::SignedDuration::from_secs(1);
    let waits = matches!(plan(&scene.facts(), before), Step::Wait(it) if it.until == Some(after(1)));
    assert!(waits, "{:?}", plan(&scene.facts(), before));
    assert_eq!(plan(&scene.facts(), after(1)), Step::Write(Precondition::Absent));
}

/// A read that fails holds up the next read, not the token that is there.
#[test]
fn a_failed_read_is_not_repeated_before_its_time() {
    let scene = credential().with(|it| {
        it.login = LoginFact::Unread;
        it.failures.note(failure(FailedStep::ReadClientSecret, Reason::Pending));
    });
    assert!(
        matches!(plan(&scene.facts(), t0()), Step::Wait(it) if it.until == Some(after(0) + jiff::SignedDuration::from_mins(15)))
    );
    assert_eq!(plan(&scene.facts(), after(1)), Step::ReadLogin);
}

/// Routine work in progress is not worth a word.
#[test]
fn a_first_issue_behind_a_working_credential_is_quiet() {
    let scene = request().with(|it| {
        it.place = Place::Absent;
        it.chain = crate::decision::Chain::Working;
    });
    assert!(matches!(plan(&scene.facts(), t0()), Step::Wait(it) if !it.speak));
}

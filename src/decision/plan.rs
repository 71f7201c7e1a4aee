//! What is done next for one object? One [`Step`], which carries all that its execution needs: execution makes no choices.

use jiff::Timestamp;

use super::checks::{Cause, Obstacle, cause, obstacle, overdue_instant, renewal_instant};
use super::schedule::{self, FUTURE_TOLERANCE, LONGEST_WAIT, later, next_look};
use super::{
    Content, Facts, FailedStep, LoginFact, Parked, Record, ResourceVersion, SecretFact, SeenSecret, Template,
    Wish,
};

/// One transition of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do before this instant, unless something changes.
    Wait(Wait),
    /// Read the client Secret into memory.
    ReadLogin,
    /// Ask the API server what bears the managed Secret's name: memory does not know.
    Look,
    /// Ask the API server whether the object still lives, before its vanished Secret is put back or an orphaned one adopted.
    ConfirmOwner,
    /// Read the managed Secret in full, and hold its token in memory if it is as it was written.
    Recall,
    /// Ask the API server whether it would accept the Secret, before a token is spent on it.
    Rehearse,
    /// Issue a token, because.
    Issue(Cause),
    /// Write the token that is held.
    Write(Precondition),
    /// The Secret holds a token that serves as well: forget the one that is held.
    DropHeld,
    /// Delete the finished object.
    Finish,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The next look, if nothing changes before. `None`: an object that gets no effect any more.
    pub until: Option<Timestamp>,
    /// Whether this is worth a word in status: routine work in progress is not.
    pub speak: bool,
}

/// What must hold for the Secret to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// There is none of that name.
    Absent,
    /// It is this one, unchanged.
    Unchanged {
        /// Its uid.
        uid: Box<str>,
        /// Its resourceVersion.
        version: ResourceVersion,
    },
}

/// Decides. The order is: what is over, what is not known, what is held and not yet written, what must be rendered
/// anew (a renewal may have to wait in line, and a token that somebody edited must not), what must be issued, what somebody
/// waits for.
#[must_use]
pub fn plan(facts: &Facts<'_>, now: Timestamp) -> Step {
    if facts.deleting {
        return Step::Wait(Wait { until: None, speak: false });
    }
    if goes_until(facts, now).is_some() {
        return wait(facts, cause(facts, now), now);
    }
    let Ok(wish) = &facts.wish else {
        return wait(facts, None, now);
    };
    if facts.unlisted.is_some() {
        return wait(facts, cause(facts, now), now);
    }
    read(facts, now)
        .or_else(|| finish(facts, wish, now))
        .or_else(|| write_held(facts, now))
        .or_else(|| render(facts, wish, now))
        .or_else(|| issue(facts, now))
        .or_else(|| recall_for_those_who_wait(facts, now))
        .unwrap_or_else(|| wait(facts, cause(facts, now), now))
}

/// Until when it is believed that the namespace is being deleted.
fn goes_until(facts: &Facts<'_>, now: Timestamp) -> Option<Timestamp> {
    let since = facts.care.namespace_goes_since.filter(|since| *since <= now)?;
    Some(later(since, LONGEST_WAIT)).filter(|until| *until > now)
}

fn finish(facts: &Facts<'_>, wish: &Wish<'_>, now: Timestamp) -> Option<Step> {
    let due = !wish.suspended && schedule::removed_at(facts).is_some_and(|at| at <= now);
    (due && may_try(facts, FailedStep::Delete, now)).then_some(Step::Finish)
}

fn read(facts: &Facts<'_>, now: Timestamp) -> Option<Step> {
    if facts.login == LoginFact::Unread && may_try(facts, FailedStep::ReadClientSecret, now) {
        return Some(Step::ReadLogin);
    }
    (must_look(facts) && may_try(facts, FailedStep::ReadManagedSecret, now)).then_some(Step::Look)
}

fn must_look(facts: &Facts<'_>) -> bool {
    facts.look || matches!(facts.secret, SecretFact::Unknown)
}

/// A token that is held and that the Secret does not hold, or holds no longer as it was written.
fn write_held(facts: &Facts<'_>, now: Timestamp) -> Option<Step> {
    let held = facts.held?;
    let seen = facts.secret.seen();
    if unwritten(facts, held) {
        // Of an edited Secret the record says nothing, and one that was restored is the older: the token that is held is
        // written over it, if it is good for that.
        let worse = |seen: &SeenSecret| seen.content == Content::Edited || is_restored(facts, held);
        let stays = seen.is_some_and(|seen| !worse(seen) || !serves(facts, held, now));
        if stays && !facts.look && cause(facts, now).is_none() {
            return Some(Step::DropHeld);
        }
    } else if !must_be_rendered(facts) {
        return None;
    }
    if !serves(facts, held, now)
        || blocks_writing(facts)
        || !may_try(facts, FailedStep::WriteSecret, now)
        || (is_written_again(facts, held) && facts.care.writes.is_spent_until(now).is_some())
    {
        return None;
    }
    if owner_is_in_doubt(facts) {
        return may_try(facts, FailedStep::ConfirmOwner, now).then_some(Step::ConfirmOwner);
    }
    Some(Step::Write(Precondition::of(facts)))
}

fn issue(facts: &Facts<'_>, now: Timestamp) -> Option<Step> {
    let cause = cause(facts, now)?;
    if obstacle(facts, Some(cause), now).is_some()
        || waits_for_write(facts, now)
        || facts.login != LoginFact::Ready
    {
        return None;
    }
    if owner_is_in_doubt(facts) {
        return Some(Step::ConfirmOwner);
    }
    if facts.care.rehearse {
        return Some(Step::Rehearse);
    }
    Some(Step::Issue(cause))
}

fn render(facts: &Facts<'_>, wish: &Wish<'_>, now: Timestamp) -> Option<Step> {
    let readable = must_be_rendered(facts) && !facts.care.content_lost && facts.held.is_none();
    // A token for another subject stays as it is until it is replaced: nobody may find it under new names.
    let fit = !cause(facts, now).is_some_and(Cause::makes_unfit);
    let possible = readable && fit && wish.template.is_some() && !blocks_writing(facts);
    (possible && may_try(facts, FailedStep::ReadManagedSecret, now)).then_some(Step::Recall)
}

fn recall_for_those_who_wait(facts: &Facts<'_>, now: Timestamp) -> Option<Step> {
    let useful =
        facts.token_wanted && facts.held.is_none() && !cause(facts, now).is_some_and(Cause::makes_unfit);
    let possible = facts.secret.seen().is_some() && !facts.care.content_lost;
    (useful && possible && may_try(facts, FailedStep::ReadManagedSecret, now)).then_some(Step::Recall)
}

/// Whether the Secret is ours and not as the spec wants it to look.
fn must_be_rendered(facts: &Facts<'_>) -> bool {
    let wanted = facts.sound().and_then(|wish| wish.template);
    match (facts.secret, wanted) {
        (SecretFact::Orphan(_), Some(_)) => true,
        (SecretFact::Ours(seen), Some(template)) => {
            seen.content == Content::Edited
                || (seen.content == Content::Intact && !is_rendered(facts, seen, template))
        }
        _ => false,
    }
}

/// Whether the Secret looks as the spec wants it to, as far as the server lets it.
fn is_rendered(facts: &Facts<'_>, seen: &SeenSecret, template: &Template) -> bool {
    let wanted = template.rendering();
    seen.rendering == wanted || facts.care.rendered == Some((wanted, seen.rendering))
}

/// Whether the held token is not the one of the Secret.
fn unwritten(facts: &Facts<'_>, held: &Record) -> bool {
    facts.record() != Some(held)
}

/// Whether somebody put an earlier token of this Secret in the place of the one that is held.
fn is_restored(facts: &Facts<'_>, held: &Record) -> bool {
    facts.care.strange && facts.record().is_some_and(|record| record.issued_at < held.issued_at)
}

/// Whether the held token is worth writing: for this spec, alive, and not of a time to come.
fn serves(facts: &Facts<'_>, held: &Record, now: Timestamp) -> bool {
    facts.held_is_live(now) && held.issued_at <= later(now, FUTURE_TOLERANCE)
}

/// Whether the Secret was written with this token before: whoever undoes what is written, or edits how it is to look, would
/// have as many writes as he, or his policy, is fast. A new token does not wait.
#[must_use]
pub fn is_written_again(facts: &Facts<'_>, held: &Record) -> bool {
    facts.care.known_record == Some(held.fingerprint())
}

/// A token was issued, and its write is refused for now: issuing another would not help.
fn waits_for_write(facts: &Facts<'_>, now: Timestamp) -> bool {
    facts.held.is_some_and(|held| unwritten(facts, held) && serves(facts, held, now))
}

/// Whether the object may be going, for all that memory knows: its Secret has vanished, or was let go by the collector that
/// leaves it to nobody (`--cascade=orphan`). What is written for an object that is gone is collected.
fn owner_is_in_doubt(facts: &Facts<'_>) -> bool {
    let doubtful = match facts.secret {
        SecretFact::Orphan(_) => true,
        _ => facts.secret.seen().is_none() && facts.care.vanished,
    };
    doubtful && !facts.care.owner_confirmed
}

/// Whether a failure of this step holds up nothing any more: what it was to do is done, as the Secret shows, or not wanted.
#[must_use]
pub fn is_moot(facts: &Facts<'_>, step: FailedStep, now: Timestamp) -> bool {
    match step {
        FailedStep::WriteSecret => {
            let intact = facts.secret.seen().is_some_and(|seen| seen.content == Content::Intact);
            // What keeps the next token from being issued was refused to a rehearsal.
            let over = facts.care.landed && cause(facts, now).is_none();
            over && intact
                && facts.held.is_some_and(|held| !unwritten(facts, held))
                && !must_be_rendered(facts)
        }
        FailedStep::ReadManagedSecret => {
            let wanted = facts.token_wanted || must_be_rendered(facts);
            !must_look(facts) && (facts.held.is_some() || !wanted)
        }
        FailedStep::ConfirmOwner => !owner_is_in_doubt(facts),
        _ => false,
    }
}

fn blocks_writing(facts: &Facts<'_>) -> bool {
    let taken = matches!(
        facts.secret,
        SecretFact::Foreign | SecretFact::Claimed(_) | SecretFact::FormerOwner | SecretFact::Unknown
    );
    taken || facts.look || facts.secret.seen().is_some_and(|seen| seen.immutable || seen.deleting)
}

/// Whatever the operator itself failed at on this object, it does nothing more about it for a while.
fn may_try(facts: &Facts<'_>, step: FailedStep, now: Timestamp) -> bool {
    [step, FailedStep::Internal]
        .into_iter()
        .all(|it| facts.failure_of(it).is_none_or(|failure| !failure.is_awaited(now)))
}

impl Precondition {
    /// What is known of the Secret now.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        match facts.secret.seen() {
            None => Self::Absent,
            Some(seen) => Self::Unchanged { uid: seen.uid.clone(), version: seen.version },
        }
    }
}

/// When a token that was issued by a clock ahead of this one counts.
fn arrives_at(record: &Record) -> Option<Timestamp> {
    record.issued_at.checked_sub(FUTURE_TOLERANCE).ok()
}

/// What the status says of a token that may not be looked at stands for as long as that lives.
fn stands_unseen(facts: &Facts<'_>, now: Timestamp) -> bool {
    let lives = facts.told_expires_at.is_some_and(|at| at > now);
    facts.unlisted.is_some() && facts.record().is_none() && facts.says_ready && lives
}

fn wait(facts: &Facts<'_>, cause: Option<Cause>, now: Timestamp) -> Step {
    let obstacle = obstacle(facts, cause, now);
    let record = facts.record();
    // A token that is on its way is no news, unless status says that there is one.
    let on_its_way =
        obstacle.as_ref().is_some_and(Obstacle::is_routine) && cause.is_some_and(Cause::makes_unfit);
    let endpoint_is_unwell = facts.endpoint.is_some_and(Parked::is_told);
    let quiet = on_its_way && !facts.says_ready && !endpoint_is_unwell && !facts.names_what_is_over(now);
    let lives = facts.token_ends().is_none_or(|end| end > now);
    let quiet = quiet || stands_unseen(facts, now) || (lives && goes_until(facts, now).is_some());
    let until = next_look(
        [
            facts.unlisted.and(facts.told_expires_at),
            renewal_instant(facts).map(|due| facts.by_this_clock(due)),
            overdue_instant(facts),
            facts.token_ends(),
            record.and_then(arrives_at),
            facts.held.and_then(arrives_at),
            facts.sound().and_then(|wish| wish.renew_until),
            schedule::removed_at(facts),
            obstacle.as_ref().and_then(Obstacle::until),
            facts.held_ends(),
            facts.told_attempt,
            facts.care.writes.is_spent_until(now),
            goes_until(facts, now),
        ],
        now,
    );
    let attempts = facts.standing().filter_map(|failure| failure.next_attempt).filter(|at| *at > now);
    let until = attempts.fold(until, Timestamp::min);
    Step::Wait(Wait { until: Some(until), speak: !quiet })
}

//! What does the object say of itself? A projection of the facts: nothing here is remembered, so a lost status is made
//! again as it was. Messages hold instants, never countdowns, and not a byte of what the service sent.

use jiff::{SignedDuration, Timestamp};

use super::checks::{Cause, Obstacle, cause, login_was_refused, obstacle, overdue_instant, renewal_instant};
use super::message;
use super::retry::needs_a_person;
use super::schedule::before_end;
use super::{
    Content, Facts, FailedStep, Failure, Kind, LoginFact, Promise, Renewal, SecretFact, Told, Validity,
};
use crate::api::Reason;

/// What is parked at an endpoint's gate (behaviour §4.2).
const OF_THE_ENDPOINT: [Reason; 2] = [Reason::ServiceUnavailable, Reason::Throttled];

/// Everything in a status that both kinds have.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The condition `Ready`.
    pub ready: Statement,
    /// Whether the object is on its way (`Reconciling`), stuck (`Stalled`) or neither.
    pub progress: Progress,
    /// The condition `CredentialsValid`, of a credential.
    pub credentials_valid: Option<Statement>,
    /// The token that is in service.
    pub token: Option<TokenView>,
    /// What is failing, or stands in the way.
    pub failure: Option<Told>,
    /// The renew request that was answered last.
    pub renew_handled: Option<Box<str>>,
}

/// One condition, before it knows since when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// True, False, or Unknown.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// A sentence with the next step in it.
    pub message: String,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

/// What kstatus wants to know besides `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to wait for.
    Settled,
    /// It may become ready by itself.
    Reconciling,
    /// A person must act.
    Stalled,
}

/// `status.token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The Secret.
    pub secret_name: Box<str>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it is renewed; absent when no renewal will come.
    pub renew_at: Option<Timestamp>,
}

/// What the object says.
#[must_use]
pub fn project(facts: &Facts<'_>, now: Timestamp) -> Verdict {
    let cause = cause(facts, now);
    let obstacle = obstacle(facts, cause, now);
    let unfit = is_unfit(facts, cause) || is_left_edited(facts, now);
    let at_gate = at_gate(facts, cause, obstacle.as_ref())
        .filter(|_| unfit || may_say_so_early(facts) || is_overdue(facts, now));
    let obstacle = obstacle.filter(|_| at_gate.is_none());
    let failure = at_gate.or_else(|| told(facts, cause, obstacle.as_ref(), unfit, now));
    // A hiccup is no word beside what is told.
    let obstacle = obstacle.filter(|it| failure.is_none() || !it.is_untold());
    let token = token(facts, obstacle.as_ref());
    let (mut ready, progress) = if unfit {
        not_ready(facts, obstacle.as_ref(), failure.as_ref(), now)
    } else {
        let renew_at = token.as_ref().and_then(|token| token.renew_at);
        (ready(facts, cause, obstacle.as_ref(), failure.as_ref(), renew_at, now), Progress::Settled)
    };
    if facts.sound().is_some_and(|wish| wish.selector_ignored) {
        ready.message.push_str(message::SELECTOR_IGNORED);
    }
    if let Some(what) = facts.unwatched {
        ready.message.push_str(&message::unwatched(what));
    }
    if let Some(minutes) = facts.clock_skew_minutes() {
        ready.message.push_str(&message::clock_skew(minutes));
    }
    Verdict {
        ready,
        progress,
        credentials_valid: (facts.key.kind == Kind::Credential).then(|| credentials_valid(facts)),
        token,
        // It hinders nothing that is known to be due.
        failure: failure.or_else(|| {
            facts.unwatched.filter(|_| !unfit).map(|_| Told::hindrance(Reason::ClusterAccessDenied))
        }),
        renew_handled: facts.record().and_then(|record| record.renew_handled.clone()),
    }
}

/// What is failing; or, while a token lives, what keeps another from following it; or until when a lost Secret has to wait.
fn told(
    facts: &Facts<'_>,
    cause: Option<Cause>,
    obstacle: Option<&Obstacle<'_>>,
    unfit: bool,
    now: Timestamp,
) -> Option<Told> {
    let hindrance = obstacle.filter(|it| !unfit && worth_saying(facts, it, cause, now));
    match obstacle {
        Some(Obstacle::RepairIsTooSoon(until)) if unfit => {
            Some(Told::contested(facts.care.last_repair, *until))
        }
        _ => match facts.told_failure() {
            Some(failure) => Some(Told::of(failure, now)),
            None => hindrance.and_then(Obstacle::trouble).map(Told::hindrance),
        },
    }
}

/// Whether there is no token that is alive and made for this spec.
#[must_use]
pub fn is_unfit(facts: &Facts<'_>, cause: Option<Cause>) -> bool {
    match (&facts.wish, facts.secret) {
        (Err(_), _) => true,
        (Ok(wish), SecretFact::Unwanted) => {
            facts.login != LoginFact::Ready || login_was_refused(facts) || wish.refused_origin.is_some()
        }
        (Ok(_), _) => {
            cause.is_some_and(Cause::makes_unfit)
                || is_refused_for_good(facts)
                || refused_adoption(facts).is_some()
        }
    }
}

/// Whether nobody has looked what somebody made of the Secret, which is not put right yet: the token in it may be any.
fn is_left_edited(facts: &Facts<'_>, now: Timestamp) -> bool {
    let edited = facts.secret.seen().is_some_and(|seen| seen.content == Content::Edited);
    edited && facts.care.writes.is_spent_until(now).is_some()
}

/// A Secret that cannot be adopted is not this object's, whatever it holds: it would be neither renewed nor collected, and a
/// person has to delete it (behaviour §1.6).
fn refused_adoption<'a>(facts: &Facts<'a>) -> Option<&'a Failure> {
    let orphan = matches!(facts.secret, SecretFact::Orphan(_));
    facts.failure_of(FailedStep::WriteSecret).filter(|it| orphan && it.reason == Reason::SecretNotOwned)
}

/// The service refused the token, and replacing it fails, or the one that replaced it is refused again and again.
fn is_refused_for_good(facts: &Facts<'_>) -> bool {
    let unproven = facts.unproven && facts.failure_of(FailedStep::ServiceToken).is_some();
    unproven || (facts.token_was_refused() && facts.told_failure().is_some())
}

/// What all those tell who wait for an endpoint that is unwell (behaviour §4.2). It is no request's own failure, not even of
/// one that probed: count and next attempt are not shown, or each probe would be news.
#[must_use]
pub fn at_gate(facts: &Facts<'_>, cause: Option<Cause>, obstacle: Option<&Obstacle<'_>>) -> Option<Told> {
    cause?;
    let told = facts.told_failure();
    let met = told.filter(|failure| is_of_the_endpoint(facts, failure.reason));
    let parked = facts.endpoint.filter(|it| it.is_told());
    if told != met || obstacle.is_some_and(|it| !waits_for_the_endpoint(facts, it)) {
        return None;
    }
    let step = match facts.key.kind {
        Kind::Credential => FailedStep::AccessToken,
        Kind::Request => FailedStep::ServiceToken,
    };
    Some(Told {
        step: Some(met.map_or(step, |met| met.step)),
        reason: met.map(|met| met.reason).or(parked.map(|parked| parked.ailment.reason()))?,
        http_status: met.and_then(|met| met.http_status),
        error_code: met.and_then(|met| met.error_code),
        count: None,
        // One that was met before a restart is the older one.
        since: [met.map(|met| met.since), parked.map(|parked| parked.since)].into_iter().flatten().min(),
        next: Some(Promise::WithTheEndpoint),
    })
}

/// A renewal that failed is overdue; and a credential speaks for all its requests.
fn may_say_so_early(facts: &Facts<'_>) -> bool {
    facts.key.kind == Kind::Credential || facts.told_failure().is_some()
}

/// Whether a failure of this reason is parked at the endpoint. A credential tells its own as its own.
fn is_of_the_endpoint(facts: &Facts<'_>, reason: Reason) -> bool {
    facts.key.kind == Kind::Request && OF_THE_ENDPOINT.contains(&reason)
}

/// A credential that waits at the same gate says no more than its requests can say themselves.
fn waits_for_the_endpoint(facts: &Facts<'_>, obstacle: &Obstacle<'_>) -> bool {
    match obstacle {
        Obstacle::CredentialIsWorking => true,
        Obstacle::CredentialIsNotReady(_, reason) => OF_THE_ENDPOINT.contains(reason),
        Obstacle::AttemptIsNotDue(failure) => is_of_the_endpoint(facts, failure.reason),
        _ => false,
    }
}

fn ready(
    facts: &Facts<'_>,
    cause: Option<Cause>,
    obstacle: Option<&Obstacle<'_>>,
    failure: Option<&Told>,
    renew_at: Option<Timestamp>,
    now: Timestamp,
) -> Statement {
    let reason = match obstacle {
        Some(Obstacle::IsSuspended) => Reason::Suspended,
        Some(Obstacle::RenewalHasEnded) => Reason::RenewalEnded,
        _ => Reason::Issued,
    };
    let Some(record) = facts.record() else {
        return login_ready(reason);
    };
    let trouble = failure.is_some() || obstacle.is_some_and(|it| worth_saying(facts, it, cause, now));
    let ends = facts.by_this_clock(record.expires_at);
    let mut text = match (reason, obstacle) {
        (Reason::Suspended | Reason::RenewalEnded, _) => message::kept(reason, ends),
        (_, obstacle) if trouble => message::renewal_fails(facts, obstacle, failure, ends, now),
        _ => message::issued(ends, renew_at),
    };
    if renewal_falls_back(facts) {
        text.push_str(message::RENEW_BEFORE_TOO_LONG);
    }
    if facts.care.writes.is_spent_until(now).is_some() {
        text.push(' ');
        text.push_str(message::PUT_BACK_OFTEN);
    }
    Statement { truth: Truth::True, reason, message: text }
}

/// A Frontend credential that can serve, or could if it were not suspended.
fn login_ready(reason: Reason) -> Statement {
    let (reason, message) = match reason {
        Reason::Suspended => (Reason::Suspended, message::login_suspended()),
        _ => (Reason::Available, message::login_complete()),
    };
    Statement { truth: Truth::True, reason, message }
}

/// Whether an obstacle to a renewal is said while the token is still good. What lies with somebody else is said once the
/// renewal is overdue: ten thousand requests do not repeat at once what their credential says already.
fn worth_saying(facts: &Facts<'_>, obstacle: &Obstacle<'_>, cause: Option<Cause>, now: Timestamp) -> bool {
    match obstacle {
        Obstacle::CredentialIsAbsent
        | Obstacle::CredentialsAreUnlisted(_)
        | Obstacle::CredentialIsNotReady(..)
        | Obstacle::CredentialIsWorking => cause.is_some() && is_overdue(facts, now),
        Obstacle::RepairIsTooSoon(_) | Obstacle::HandRenewalIsTooSoon(_) => false,
        Obstacle::AttemptIsNotDue(failure) => failure.is_told(),
        _ => true,
    }
}

/// Whether a renewal should have happened and has not.
#[must_use]
pub fn is_overdue(facts: &Facts<'_>, now: Timestamp) -> bool {
    overdue_instant(facts).is_some_and(|at| at <= now)
}

fn not_ready(
    facts: &Facts<'_>,
    obstacle: Option<&Obstacle<'_>>,
    failure: Option<&Told>,
    now: Timestamp,
) -> (Statement, Progress) {
    let refused = refused_adoption(facts).map(|refusal| Told::of(refusal, now));
    let (obstacle, failure) = if refused.is_some() { (None, refused.as_ref()) } else { (obstacle, failure) };
    let (reason, may_pass) = match (obstacle, failure) {
        (Some(obstacle), _) => (obstacle.reason(), obstacle.may_pass()),
        (None, Some(failure)) => (failure.reason, !needs_a_person(failure.reason)),
        (None, None) if login_was_refused(facts) => (Reason::InvalidClient, false),
        (None, None) if facts.care.writes.is_spent_until(now).is_some() => (Reason::SecretContested, true),
        (None, None) => (Reason::Pending, true),
    };
    let message = message::not_ready(facts, obstacle, failure, reason, now);
    let progress = if may_pass { Progress::Reconciling } else { Progress::Stalled };
    (Statement { truth: Truth::False, reason, message }, progress)
}

fn credentials_valid(facts: &Facts<'_>) -> Statement {
    let (truth, reason) = match facts.validity {
        Validity::Unknown => (Truth::Unknown, Reason::Pending),
        Validity::Accepted => (Truth::True, Reason::Accepted),
        Validity::Refused => (Truth::False, Reason::InvalidClient),
    };
    Statement { truth, reason, message: message::credentials_valid(facts) }
}

fn token(facts: &Facts<'_>, obstacle: Option<&Obstacle<'_>>) -> Option<TokenView> {
    let record = facts.record()?;
    let wish = facts.sound();
    let renewal = match obstacle {
        Some(Obstacle::HandRenewalIsTooSoon(until)) => Some(*until),
        _ => renewal_instant(facts).map(|due| facts.by_this_clock(due)),
    };
    let renew_at = wish
        .filter(|wish| !wish.suspended)
        .and_then(|wish| renewal.filter(|at| wish.renew_until.is_none_or(|until| *at < until)));
    let secret_name = wish.and_then(|wish| wish.template).map(|template| template.name.clone())?;
    Some(TokenView { secret_name, issued_at: record.issued_at, expires_at: record.expires_at, renew_at })
}

/// `renewBefore` is not shorter than the token lives, or hardly so.
fn renewal_falls_back(facts: &Facts<'_>) -> bool {
    let (Some(wish), Some(record)) = (facts.sound(), facts.record()) else {
        return false;
    };
    let lifetime: SignedDuration = record.lifetime();
    wish.renewal != Renewal::Default && before_end(wish.renewal, lifetime).is_none()
}

//! Must this token be replaced, and what stands in the way? Two ordered lists of named checks, for both kinds; the lists
//! are the specification. "Renew?" and "Ready?" read the same checks, so they can never disagree.

use jiff::Timestamp;

use super::schedule::{
    FUTURE_TOLERANCE, HAND_RENEWAL_REST, LONGEST_LIFE, REPAIR_REST, down_to_seconds, later, overdue_at,
    renew_at,
};
use super::{
    Chain, Content, Facts, FailedStep, Failure, InputsHash, Key, Kind, LoginFact, LoginGap, SecretFact,
    SpecFault, Unlisted, Validity,
};
use crate::api::Reason;

/// Why a token must be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is no Secret of ours.
    SecretIsMissing,
    /// The Secret has no record that can be read.
    RecordIsUnreadable,
    /// Its record was made up: it is later than the one that was written.
    RecordIsMadeUp,
    /// Its token was edited, and is held nowhere else.
    TokenWasEdited,
    /// Endpoint, subject or delivery are others now.
    TokenIsForAnotherSpec,
    /// Its life is over, or it was issued in a future that this clock does not know.
    TokenHasExpired,
    /// Key, secret or lifetime asked for are others now.
    LoginHasChanged,
    /// The service refused it before its time.
    TokenWasRefused,
    /// A person asked for it.
    RenewalWasRequested,
    /// It is time.
    RenewalIsDue,
}

/// A check for a cause.
pub type CauseCheck = fn(&Facts<'_>, Timestamp) -> bool;

/// Every cause, the first that holds counts. The causes down to [`Cause::TokenHasExpired`] make the token that is there
/// unfit; the others leave it good.
pub const CAUSES: &[(Cause, CauseCheck)] = &[
    (Cause::SecretIsMissing, secret_is_missing),
    (Cause::RecordIsUnreadable, record_is_unreadable),
    (Cause::RecordIsMadeUp, record_is_made_up),
    (Cause::TokenWasEdited, token_was_edited),
    (Cause::TokenIsForAnotherSpec, token_is_for_another_spec),
    (Cause::TokenHasExpired, token_has_expired),
    (Cause::LoginHasChanged, login_has_changed),
    (Cause::TokenWasRefused, token_was_refused),
    (Cause::RenewalWasRequested, renewal_was_requested),
    (Cause::RenewalIsDue, renewal_is_due),
];

/// Why nothing may be issued now.
#[derive(Clone, Debug, PartialEq)]
pub enum Obstacle<'a> {
    /// The operator may not list what it would have to know.
    ListIsForbidden(Unlisted),
    /// The spec, or what it refers to, makes no sense.
    SpecIsInvalid(SpecFault),
    /// The operator was not started with this origin.
    EndpointIsNotAllowed(&'a str),
    /// `renewUntil` has passed.
    RenewalHasEnded,
    /// `suspend: true`.
    IsSuspended,
    /// The Secret's name is taken by somebody else.
    NameIsTaken,
    /// An earlier object wants the same name.
    NameIsClaimed(&'a Key),
    /// A former object of this name still controls the Secret.
    FormerOwnerIsLeaving,
    /// Somebody made the Secret immutable.
    SecretIsImmutable,
    /// The Secret is being deleted, and something of somebody else's holds it.
    SecretIsLeaving,
    /// There is no client Secret.
    LoginIsMissing,
    /// It lacks something.
    LoginIsIncomplete(LoginGap),
    /// Absent, or not consenting.
    CredentialIsAbsent,
    /// Nobody knows: the operator may not list the credentials of that namespace.
    CredentialsAreUnlisted(&'a str),
    /// The credential does not allow the purpose.
    PurposeIsNotAllowed,
    /// The credential does not allow a service token that lives so long.
    TtlIsNotAllowed(jiff::SignedDuration),
    /// The credential cannot serve yet.
    CredentialIsNotReady(&'a str, Reason),
    /// The credential is at work: quiet.
    CredentialIsWorking,
    /// The same failure would come again: not before its time.
    AttemptIsNotDue(&'a Failure),
    /// A lost Secret was replaced a moment ago.
    RepairIsTooSoon(Timestamp),
    /// What a token depends on was changed often, and each change led to an attempt at once.
    ChangesComeTooFast(Timestamp),
    /// A renewal by hand would follow the last issue too closely.
    HandRenewalIsTooSoon(Timestamp),
}

/// A check for an obstacle.
pub type ObstacleCheck = for<'a> fn(&Facts<'a>, Option<Cause>, Timestamp) -> Option<Obstacle<'a>>;

/// Every obstacle, the first that stands counts: what only a person can change comes first.
pub const OBSTACLES: &[ObstacleCheck] = &[
    list_is_forbidden,
    spec_is_invalid,
    endpoint_is_not_allowed,
    renewal_has_ended,
    is_suspended,
    name_is_taken,
    secret_cannot_be_written,
    login_is_missing,
    credential_cannot_serve,
    attempt_is_not_due,
    repair_is_too_soon,
    changes_come_too_fast,
    hand_renewal_is_too_soon,
];

/// The first cause that holds.
#[must_use]
pub fn cause(facts: &Facts<'_>, now: Timestamp) -> Option<Cause> {
    if matches!(facts.secret, SecretFact::Unwanted) || facts.wish.is_err() {
        return None;
    }
    CAUSES.iter().find(|(_, holds)| holds(facts, now)).map(|(cause, _)| *cause)
}

/// The first obstacle that stands.
#[must_use]
pub fn obstacle<'a>(facts: &Facts<'a>, cause: Option<Cause>, now: Timestamp) -> Option<Obstacle<'a>> {
    OBSTACLES.iter().find_map(|check| check(facts, cause, now))
}

impl Cause {
    /// Whether the token that is there, if any, must not be called good.
    #[must_use]
    pub fn makes_unfit(self) -> bool {
        match self {
            Self::SecretIsMissing
            | Self::RecordIsUnreadable
            | Self::RecordIsMadeUp
            | Self::TokenWasEdited
            | Self::TokenIsForAnotherSpec
            | Self::TokenHasExpired => true,
            Self::LoginHasChanged
            | Self::TokenWasRefused
            | Self::RenewalWasRequested
            | Self::RenewalIsDue => false,
        }
    }

    /// The name in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecretIsMissing => "secret_is_missing",
            Self::RecordIsUnreadable => "record_is_unreadable",
            Self::RecordIsMadeUp => "record_is_made_up",
            Self::TokenWasEdited => "token_was_edited",
            Self::TokenIsForAnotherSpec => "token_is_for_another_spec",
            Self::TokenHasExpired => "token_has_expired",
            Self::LoginHasChanged => "login_has_changed",
            Self::TokenWasRefused => "token_was_refused",
            Self::RenewalWasRequested => "renewal_was_requested",
            Self::RenewalIsDue => "renewal_is_due",
        }
    }
}

// The causes.

fn secret_is_missing(facts: &Facts<'_>, _: Timestamp) -> bool {
    facts.secret.seen().is_none()
}

fn record_is_unreadable(facts: &Facts<'_>, _: Timestamp) -> bool {
    facts.record().is_none()
}

fn record_is_made_up(facts: &Facts<'_>, _: Timestamp) -> bool {
    facts.care.made_up && facts.record().is_some()
}

fn token_was_edited(facts: &Facts<'_>, _: Timestamp) -> bool {
    facts.care.content_lost && facts.secret.seen().is_some_and(|seen| seen.content == Content::Edited)
}

fn token_is_for_another_spec(facts: &Facts<'_>, _: Timestamp) -> bool {
    let wanted = facts.sound().and_then(|wish| wish.made_for);
    matches!((hashes(facts), wanted), (Some((made_for, _)), Some(wanted)) if made_for != wanted)
}

fn token_has_expired(facts: &Facts<'_>, now: Timestamp) -> bool {
    facts.record().is_some_and(|record| {
        let impossible = record.lifetime() > LONGEST_LIFE || record.issued_at > later(now, FUTURE_TOLERANCE);
        facts.by_this_clock(record.expires_at) <= now || impossible
    })
}

fn login_has_changed(facts: &Facts<'_>, _: Timestamp) -> bool {
    let wanted = facts.sound().and_then(|wish| wish.made_with);
    matches!((hashes(facts), wanted), (Some((_, made_with)), Some(wanted)) if made_with != wanted)
}

fn token_was_refused(facts: &Facts<'_>, _: Timestamp) -> bool {
    facts.token_was_refused()
}

fn renewal_was_requested(facts: &Facts<'_>, _: Timestamp) -> bool {
    let handled = facts.record().and_then(|record| record.renew_handled.as_deref());
    facts.renew_request.is_some_and(|request| Some(request) != handled)
}

fn renewal_is_due(facts: &Facts<'_>, now: Timestamp) -> bool {
    renewal_instant(facts).is_some_and(|due| facts.by_this_clock(due) <= now)
}

/// When the token that is there is to be renewed.
#[must_use]
pub fn renewal_instant(facts: &Facts<'_>) -> Option<Timestamp> {
    renew_at(facts.record()?, facts.sound()?.renewal, facts.uid)
}

/// When that should have happened.
#[must_use]
pub fn overdue_instant(facts: &Facts<'_>) -> Option<Timestamp> {
    Some(facts.by_this_clock(overdue_at(facts.record()?, renewal_instant(facts)?)))
}

fn hashes(facts: &Facts<'_>) -> Option<([u8; 16], [u8; 16])> {
    match facts.record()?.inputs {
        InputsHash::V1 { made_for, made_with } => Some((made_for, made_with)),
        // Of another version: counts as matching until the next renewal, but not where nobody vouches for the Secret.
        InputsHash::Other(_) if matches!(facts.secret, SecretFact::Orphan(_)) => Some(([0; 16], [0; 16])),
        InputsHash::Other(_) => None,
    }
}

// The obstacles.

fn list_is_forbidden<'a>(facts: &Facts<'_>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    facts.unlisted.map(Obstacle::ListIsForbidden)
}

fn spec_is_invalid<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    let fault = match (&facts.wish, facts.chain) {
        (Err(fault), _) => *fault,
        (Ok(_), Chain::Misfit(fault)) => fault,
        _ => return None,
    };
    Some(Obstacle::SpecIsInvalid(fault))
}

fn endpoint_is_not_allowed<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    facts.sound()?.refused_origin.map(Obstacle::EndpointIsNotAllowed)
}

fn renewal_has_ended<'a>(facts: &Facts<'a>, _: Option<Cause>, now: Timestamp) -> Option<Obstacle<'a>> {
    facts.sound()?.renew_until.filter(|until| *until <= now).map(|_| Obstacle::RenewalHasEnded)
}

fn is_suspended<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    facts.sound()?.suspended.then_some(Obstacle::IsSuspended)
}

fn name_is_taken<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    match facts.secret {
        SecretFact::Foreign => Some(Obstacle::NameIsTaken),
        SecretFact::Claimed(by) => Some(Obstacle::NameIsClaimed(by)),
        SecretFact::FormerOwner => Some(Obstacle::FormerOwnerIsLeaving),
        _ => None,
    }
}

fn secret_cannot_be_written<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    match facts.secret.seen() {
        Some(seen) if seen.immutable => Some(Obstacle::SecretIsImmutable),
        Some(seen) if seen.deleting => Some(Obstacle::SecretIsLeaving),
        _ => None,
    }
}

fn login_is_missing<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    match facts.login {
        LoginFact::Absent => Some(Obstacle::LoginIsMissing),
        LoginFact::Incomplete(gap) => Some(Obstacle::LoginIsIncomplete(gap)),
        LoginFact::Unread | LoginFact::Ready => None,
    }
}

fn credential_cannot_serve<'a>(facts: &Facts<'a>, _: Option<Cause>, _: Timestamp) -> Option<Obstacle<'a>> {
    match facts.chain {
        Chain::Login | Chain::Live | Chain::Misfit(_) => None,
        Chain::Absent => Some(Obstacle::CredentialIsAbsent),
        Chain::Unlisted { namespace } => Some(Obstacle::CredentialsAreUnlisted(namespace)),
        Chain::PurposeRefused => Some(Obstacle::PurposeIsNotAllowed),
        Chain::TtlRefused { longest } => Some(Obstacle::TtlIsNotAllowed(longest)),
        Chain::NotReady { credential, reason } => Some(Obstacle::CredentialIsNotReady(credential, reason)),
        Chain::Working => Some(Obstacle::CredentialIsWorking),
    }
}

fn attempt_is_not_due<'a>(facts: &Facts<'a>, _: Option<Cause>, now: Timestamp) -> Option<Obstacle<'a>> {
    let awaited = facts.standing().filter(|it| holds_up_issuing(facts, it.step) && it.is_awaited(now));
    awaited.max_by_key(|failure| failure.weight()).map(Obstacle::AttemptIsNotDue)
}

/// What its requests met does not keep a credential from renewing its own token, unless that token is what was refused.
fn holds_up_issuing(facts: &Facts<'_>, failed: FailedStep) -> bool {
    match failed {
        FailedStep::Delete | FailedStep::RestoreSecret => false,
        FailedStep::Exchange => facts.key.kind == Kind::Request,
        FailedStep::ServiceToken => facts.key.kind == Kind::Request || facts.token_was_refused(),
        FailedStep::ReadClientSecret
        | FailedStep::ReadManagedSecret
        | FailedStep::ConfirmOwner
        | FailedStep::AccessToken
        | FailedStep::WriteSecret
        | FailedStep::Internal => true,
    }
}

fn repair_is_too_soon<'a>(facts: &Facts<'a>, cause: Option<Cause>, now: Timestamp) -> Option<Obstacle<'a>> {
    let edited = facts.secret.seen().is_some_and(|seen| seen.content == Content::Edited);
    let lost = match cause? {
        Cause::SecretIsMissing | Cause::RecordIsUnreadable | Cause::TokenWasEdited => true,
        // Of a record that this operator did not write, no cause is its own: not even that a renewal is due.
        other => facts.care.strange || (edited && other.makes_unfit()),
    };
    // Whoever asks for a renewal meanwhile wants it now.
    let rest = if facts.care.asked_again { HAND_RENEWAL_REST } else { REPAIR_REST };
    let again = later(down_to_seconds(facts.care.last_repair?), rest);
    let soon = again > now && again <= later(now, rest);
    (lost && soon).then_some(Obstacle::RepairIsTooSoon(again))
}

fn changes_come_too_fast<'a>(
    facts: &Facts<'a>,
    cause: Option<Cause>,
    now: Timestamp,
) -> Option<Obstacle<'a>> {
    cause?;
    facts.care.pace.rests_until(facts.basis()?, now).map(Obstacle::ChangesComeTooFast)
}

fn hand_renewal_is_too_soon<'a>(
    facts: &Facts<'a>,
    cause: Option<Cause>,
    now: Timestamp,
) -> Option<Obstacle<'a>> {
    let rested = facts.by_this_clock(later(facts.record()?.issued_at, HAND_RENEWAL_REST));
    (cause == Some(Cause::RenewalWasRequested) && rested > now)
        .then_some(Obstacle::HandRenewalIsTooSoon(rested))
}

/// Whether a Frontend credential, which holds no token, cannot serve.
#[must_use]
pub fn login_was_refused(facts: &Facts<'_>) -> bool {
    matches!(facts.secret, SecretFact::Unwanted) && facts.validity == Validity::Refused
}

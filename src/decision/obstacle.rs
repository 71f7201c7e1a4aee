//! What does an obstacle mean to people: which reason do they see, and does it go by itself?

use jiff::Timestamp;

use super::Obstacle;
use crate::api::Reason;

impl Obstacle<'_> {
    /// The reason that the object shows.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::ListIsForbidden(_) | Self::CredentialsAreUnlisted(_) => Reason::ClusterAccessDenied,
            Self::SpecIsInvalid(_) => Reason::InvalidSpec,
            Self::EndpointIsNotAllowed(_) => Reason::EndpointNotAllowed,
            Self::RenewalHasEnded => Reason::Expired,
            Self::IsSuspended => Reason::Suspended,
            Self::NameIsTaken | Self::NameIsClaimed(_) | Self::FormerOwnerIsLeaving => Reason::SecretNotOwned,
            Self::SecretIsImmutable | Self::SecretIsLeaving => Reason::SecretWriteRefused,
            Self::LoginIsMissing => Reason::ClientSecretNotFound,
            Self::LoginIsIncomplete(_) => Reason::ClientSecretIncomplete,
            Self::CredentialIsAbsent => Reason::CredentialNotFound,
            Self::PurposeIsNotAllowed => Reason::PurposeNotAllowed,
            Self::TtlIsNotAllowed(_) => Reason::ServiceTokenTtlNotAllowed,
            Self::CredentialIsNotReady(..) => Reason::CredentialNotReady,
            Self::RepairIsTooSoon(_) => Reason::SecretContested,
            Self::CredentialIsWorking | Self::ChangesComeTooFast(_) | Self::HandRenewalIsTooSoon(_) => {
                Reason::Pending
            }
            Self::AttemptIsNotDue(failure) => failure.reason,
        }
    }

    /// What is wrong when it keeps a token from being followed by another; `None`: nothing is, it was asked for.
    #[must_use]
    pub fn trouble(&self) -> Option<Reason> {
        match self {
            Self::IsSuspended | Self::RenewalHasEnded | Self::ChangesComeTooFast(_) => None,
            _ => Some(self.reason()),
        }
    }

    /// Whether it is a failure that nobody is told of yet.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        matches!(self, Self::AttemptIsNotDue(failure) if !failure.is_told())
    }

    /// Whether it goes by itself, or at least may.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::FormerOwnerIsLeaving
            | Self::LoginIsMissing
            | Self::CredentialIsAbsent
            | Self::CredentialIsNotReady(..)
            | Self::CredentialIsWorking
            | Self::RepairIsTooSoon(_)
            | Self::ChangesComeTooFast(_)
            | Self::HandRenewalIsTooSoon(_) => true,
            Self::AttemptIsNotDue(failure) => !failure.needs_a_person(),
            Self::ListIsForbidden(_)
            | Self::CredentialsAreUnlisted(_)
            | Self::SpecIsInvalid(_)
            | Self::EndpointIsNotAllowed(_)
            | Self::RenewalHasEnded
            | Self::IsSuspended
            | Self::NameIsTaken
            | Self::NameIsClaimed(_)
            | Self::SecretIsImmutable
            | Self::SecretIsLeaving
            | Self::LoginIsIncomplete(_)
            | Self::PurposeIsNotAllowed
            | Self::TtlIsNotAllowed(_) => false,
        }
    }

    /// Whether it is a moment's matter that nobody needs to hear of.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        match self {
            Self::CredentialIsWorking => true,
            Self::AttemptIsNotDue(failure) => !failure.is_told(),
            _ => false,
        }
    }

    /// When it goes, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::AttemptIsNotDue(failure) => failure.next_attempt,
            Self::RepairIsTooSoon(until)
            | Self::ChangesComeTooFast(until)
            | Self::HandRenewalIsTooSoon(until) => Some(*until),
            _ => None,
        }
    }
}

//! Each obstacle: a valid object, one mutation; which obstacle, which reason, who must act, and what the message says to do.

use jiff::SignedDuration;

use super::scene::{Place, Scene, after, credential, failure, frontend, request, t0};
use crate::api::Reason;
use crate::decision::checks::{OBSTACLES, cause, obstacle};
use crate::decision::{
    Chain, FailedStep, LoginFact, LoginGap, Progress, SpecFault, Truth, Unlisted, project,
};

struct Row {
    what: &'static str,
    base: fn() -> Scene,
    change: fn(&mut Scene),
    /// Begins the obstacle's `Debug`; empty: there is none.
    obstacle: &'static str,
    reason: Reason,
    progress: Progress,
    /// Part of the sentence that says what to do, or what happens by itself.
    says: &'static str,
}

/// An object without a token, so that the obstacle is what `Ready` speaks of.
fn bare() -> Scene {
    request().with(|it| it.place = Place::Absent)
}

fn bare_credential() -> Scene {
    credential().with(|it| it.place = Place::Absent)
}

macro_rules! rows {
    ($($what:literal $base:ident $change:expr => $obstacle:literal $reason:ident $progress:ident $says:literal;)+) => {
        &[$(Row {
            what: $what,
            base: $base,
            change: $change,
            obstacle: $obstacle,
            reason: Reason::$reason,
            progress: Progress::$progress,
            says: $says,
        }),+]
    };
}

const ROWS: &[Row] = rows! {
    "nothing in the way" bare |_| {} => "" Pending Reconciling "about to be issued";
    "Secrets that may not be listed" bare |it| it.unlisted = Some(Unlisted::Secrets)
        => "ListIsForbidden(Secrets" ClusterAccessDenied Stalled "resources: [secrets], verbs: [get, list, watch]";
    "objects that may not be listed" bare |it| it.unlisted = Some(Unlisted::Objects)
        => "ListIsForbidden(Objects" ClusterAccessDenied Stalled "resources: [rocketlawyercredentials, scopedtokenrequests]";
    "a spec that is too heavy" bare |it| it.fault = Some(SpecFault::TooHeavy)
        => "SpecIsInvalid(TooHeavy" InvalidSpec Stalled "Shorten it";
    "a spec that cannot be read" bare |it| it.fault = Some(SpecFault::Undecodable)
        => "SpecIsInvalid(Undecodable" InvalidSpec Stalled "Apply it again";
    "a field that means nothing" bare |it| it.fault = Some(SpecFault::Field("spec.renewal"))
        => "SpecIsInvalid(Field" InvalidSpec Stalled "spec.renewal has a value that means nothing. Correct it";
    "a bundle without a certificate" bare_credential |it| it.fault = Some(SpecFault::NoCertificate)
        => "SpecIsInvalid(NoCertificate" InvalidSpec Stalled "spec.endpoint.caBundle has no certificate. Write PEM";
    "a certificate that cannot be read" bare_credential |it| it.fault = Some(SpecFault::BadCertificate(2))
        => "SpecIsInvalid(BadCertificate" InvalidSpec Stalled "Certificate 2 in spec.endpoint.caBundle cannot be read";
    "a Frontend credential" bare |it| it.chain = Chain::Misfit(SpecFault::CredentialIsFrontend)
        => "SpecIsInvalid(CredentialIsFrontend" InvalidSpec Stalled "Name a Backend credential";
    "a Backend exchanger" bare |it| it.chain = Chain::Misfit(SpecFault::ExchangeIsBackend)
        => "SpecIsInvalid(ExchangeIsBackend" InvalidSpec Stalled "Name a Frontend credential, or leave it out";
    "two endpoints" bare |it| it.chain = Chain::Misfit(SpecFault::EndpointsDiffer)
        => "SpecIsInvalid(EndpointsDiffer" InvalidSpec Stalled "Name two of the same environment";
    "an endpoint that is not listed" bare_credential |it| it.refused_origin = true
        => "EndpointIsNotAllowed" EndpointNotAllowed Stalled "--allow-endpoint https://gateway.example.com:443";
    "past renewUntil" bare |it| it.renew_until = Some(after(1))
        => "RenewalHasEnded" Expired Stalled "Move it, or delete";
    "suspended" bare |it| it.suspended = true
        => "IsSuspended" Suspended Stalled "Set spec.suspend to false";
    "a name that is taken" bare |it| it.place = Place::Foreign
        => "NameIsTaken" SecretNotOwned Stalled "Secret \"interview-token\" exists and does not belong to this object";
    "a name that another wants" bare |it| it.place = Place::Claimed
        => "NameIsClaimed" SecretNotOwned Stalled "ScopedTokenRequest \"interview\", which is older, claims Secret \"interview-token\"";
    "a former owner" bare |it| it.place = Place::FormerOwner
        => "FormerOwnerIsLeaving" SecretNotOwned Reconciling "about to be collected";
    "an immutable Secret without a record" request |it| { it.seen.immutable = true; it.seen.record = None; }
        => "SecretIsImmutable" SecretWriteRefused Stalled "Delete it; it is written anew at once";
    "a Secret that is being deleted, and is held" request |it| { it.seen.deleting = true; it.seen.record = None; }
        => "SecretIsLeaving" SecretWriteRefused Stalled "Remove the finalizer";
    "no client Secret" bare_credential |it| it.login = LoginFact::Absent
        => "LoginIsMissing" ClientSecretNotFound Reconciling "Secret \"partner-login\" does not exist. Create it";
    "no client id" bare_credential |it| it.login = LoginFact::Incomplete(LoginGap::NoId)
        => "LoginIsIncomplete(NoId" ClientSecretIncomplete Stalled "Add it under the key that spec.clientSecretRef.clientIdKey";
    "no client secret" bare_credential |it| it.login = LoginFact::Incomplete(LoginGap::NoSecret)
        => "LoginIsIncomplete(NoSecret" ClientSecretIncomplete Stalled "spec.clientSecretRef.clientSecretKey";
    "control characters" bare_credential |it| it.login = LoginFact::Incomplete(LoginGap::Unprintable)
        => "LoginIsIncomplete(Unprintable" ClientSecretIncomplete Stalled "Write it anew as you were given it";
    "no credential, or none that consents" bare |it| it.chain = Chain::Absent
        => "CredentialIsAbsent" CredentialNotFound Reconciling "\"legal/partner\" does not exist, or does not allow this namespace";
    "credentials that may not be listed" bare |it| it.chain = Chain::Unlisted { namespace: "legal" }
        => "CredentialsAreUnlisted" ClusterAccessDenied Stalled "may not list the credentials in namespace \"legal\"";
    "another purpose" bare |it| it.chain = Chain::PurposeRefused
        => "PurposeIsNotAllowed" PurposeNotAllowed Stalled "Have its owner add it to spec.allowedPurposes";
    "too long a life" bare |it| it.chain = Chain::TtlRefused { longest: SignedDuration::from_hours(24) }
        => "TtlIsNotAllowed" ServiceTokenTtlNotAllowed Stalled "lives longer than 24h. Lower spec.serviceTokenTTL";
    "a credential without a token" bare |it| it.chain = Chain::NotReady { credential: "legal/partner", reason: Reason::InvalidClient }
        => "CredentialIsNotReady" CredentialNotReady Reconciling "\"legal/partner\" cannot serve this object now (InvalidClient): its own status says why. This object goes on as soon as it can.";
    "a credential at work" bare |it| it.chain = Chain::Working
        => "CredentialIsWorking" Pending Reconciling "about to be issued";
    "a failure that passes" bare |it| it.failures.note(failure(FailedStep::Exchange, Reason::ServiceUnavailable))
        => "AttemptIsNotDue" ServiceUnavailable Reconciling "(Exchange: HTTP 503) It is asked again until it answers";
    "the same of a credential" bare_credential |it| it.failures.note(failure(FailedStep::AccessToken, Reason::ServiceUnavailable))
        => "AttemptIsNotDue" ServiceUnavailable Reconciling "(AccessToken: HTTP 503) It is tried again at least every five minutes.";
    "a failure of a person's making" bare |it| it.failures.note(failure(FailedStep::Exchange, Reason::RequestRejected))
        => "AttemptIsNotDue" RequestRejected Stalled "It is tried again at 2026-11-24T13:00:00Z.";
    "a refused login" bare_credential |it| it.failures.note(failure(FailedStep::AccessToken, Reason::InvalidClient))
        => "AttemptIsNotDue" InvalidClient Stalled "(AccessToken: HTTP 503) Correct them in Secret \"partner-login\"; they are tried as soon as it changes, and at 2026-11-24T13:00:00Z.";
    "out of quota at the service" bare |it| it.failures.note(failure(FailedStep::ServiceToken, Reason::QuotaExhausted))
        => "AttemptIsNotDue" QuotaExhausted Reconciling "It is tried again when the service allows it";
    "a write refused" bare |it| it.failures.note(failure(FailedStep::WriteSecret, Reason::SecretWriteRefused))
        => "AttemptIsNotDue" SecretWriteRefused Stalled "make room for it";
    "an adoption refused" bare |it| it.failures.note(failure(FailedStep::WriteSecret, Reason::SecretNotOwned))
        => "AttemptIsNotDue" SecretNotOwned Stalled "Delete it; it is written anew at once";
    "a right missing" bare |it| it.failures.note(failure(FailedStep::WriteSecret, Reason::ClusterAccessDenied))
        => "AttemptIsNotDue" ClusterAccessDenied Stalled "Grant it";
    "lost twice" bare |it| it.care.last_repair = Some(t0())
        => "RepairIsTooSoon" SecretContested Reconciling "it is put back at 2026-11-24T12:10:00Z. Find out who does that; to have it at once, renew by hand";
    "changed often" bare |it| (0..5).for_each(|basis| it.care.pace.attempted(basis, t0() + SignedDuration::from_secs(50)))
        => "ChangesComeTooFast" Pending Reconciling "was changed often in a short time: while that goes on, one is issued every 30 seconds";
    "a refused Frontend app" frontend |it| it.validity = crate::decision::Validity::Refused
        => "" InvalidClient Stalled "Correct them in Secret \"partner-login\"";
    "a Frontend app without a Secret" frontend |it| it.login = LoginFact::Absent
        => "LoginIsMissing" ClientSecretNotFound Reconciling "Create it";
};

/// The instant at which a row is judged: where it matters, the row's own times are placed around it.
fn now_for(row: &Row) -> jiff::Timestamp {
    if row.obstacle == "RenewalHasEnded" { after(1) } else { t0() + SignedDuration::from_mins(1) }
}

#[test]
fn each_obstacle_has_its_name_reason_and_next_step() {
    for row in ROWS {
        let scene = (row.base)().with(row.change);
        let (facts, now) = (scene.facts(), now_for(row));
        let found = obstacle(&facts, cause(&facts, now), now);
        let shown = found.map_or_else(String::new, |it| format!("{it:?}"));
        assert!(shown.starts_with(row.obstacle), "{}: {shown}", row.what);
        assert_eq!(shown.is_empty(), row.obstacle.is_empty(), "{}: {shown}", row.what);
        let verdict = project(&facts, now);
        assert_eq!(verdict.ready.truth, Truth::False, "{}", row.what);
        assert_eq!(verdict.ready.reason, row.reason, "{}", row.what);
        assert_eq!(verdict.progress, row.progress, "{}", row.what);
        let said = &verdict.ready.message;
        assert!(said.contains(row.says), "{}: {said}", row.what);
        assert!(said.ends_with('.'), "a sentence: {said}");
    }
}

#[test]
fn every_obstacle_check_has_a_row() {
    for (n, check) in OBSTACLES.iter().enumerate() {
        let fires = |row: &&Row| {
            let scene = (row.base)().with(row.change);
            let (facts, now) = (scene.facts(), now_for(row));
            check(&facts, cause(&facts, now), now).is_some()
        };
        // The last one needs a token that is there; it has a test of its own.
        let is_last = n + 1 == OBSTACLES.len();
        assert!(is_last || ROWS.iter().any(|row| fires(&row)), "check {n} of OBSTACLES");
    }
}

#[test]
fn a_hand_renewal_rests_for_30_seconds() {
    let scene = request().with(|it| it.renew_request = Some("now"));
    let facts = scene.facts();
    let at = |secs| t0() + SignedDuration::from_secs(secs);
    let seen = |now| obstacle(&facts, cause(&facts, now), now).map(|it| it.until());
    assert_eq!(seen(at(0)), Some(Some(at(30))));
    assert_eq!(seen(at(29)), Some(Some(at(30))));
    assert_eq!(seen(at(30)), None);
    let said = project(&facts, at(1));
    assert_eq!((said.ready.reason, said.failure), (Reason::Issued, None), "nobody is told off");
    assert_eq!(said.token.and_then(|it| it.renew_at), Some(at(30)), "but when it comes");
    assert!(
        said.ready.message.ends_with("its renewal is due at 2026-11-24T12:00:30Z."),
        "{}",
        said.ready.message
    );
}

/// What only a person can change comes before what passes.
#[test]
fn the_first_obstacle_counts() {
    let scene = request().with(|it| {
        it.place = Place::Foreign;
        it.suspended = true;
        it.chain = Chain::Absent;
        it.failures.note(failure(FailedStep::Exchange, Reason::Throttled));
    });
    let reason = |scene: &Scene| project(&scene.facts(), t0()).ready.reason;
    assert_eq!(reason(&scene), Reason::Suspended);
    let scene = scene.with(|it| it.suspended = false);
    assert_eq!(reason(&scene), Reason::SecretNotOwned);
    let scene = scene.with(|it| it.place = Place::Absent);
    assert_eq!(reason(&scene), Reason::CredentialNotFound);
    let scene = scene.with(|it| it.chain = Chain::Live);
    assert_eq!(reason(&scene), Reason::Throttled);
}

/// What keeps a living token from being followed by another is told as a failure, so that people are told when it begins and ends;
/// what was asked for is not.
#[test]
fn what_stands_in_the_way_of_a_renewal_is_told_as_failing() {
    let told = |change: fn(&mut Scene)| {
        let scene = credential().with(change);
        let verdict = project(&scene.facts(), after(1));
        assert_eq!(verdict.ready.truth, Truth::True);
        verdict.failure.map(|told| (told.step, told.reason))
    };
    assert_eq!(told(|it| it.login = LoginFact::Absent), Some((None, Reason::ClientSecretNotFound)));
    assert_eq!(
        told(|it| it.login = LoginFact::Incomplete(LoginGap::NoSecret)),
        Some((None, Reason::ClientSecretIncomplete))
    );
    assert_eq!(told(|it| it.seen.immutable = true), Some((None, Reason::SecretWriteRefused)));
    assert_eq!(told(|it| it.suspended = true), None);
    assert_eq!(told(|_| ()), None);
}

/// With a live token the same obstacles spoil nothing; the message says what stands in the way of the renewal.
#[test]
fn a_live_token_is_ready_whatever_stands_in_the_way() {
    for row in ROWS.iter().filter(|row| !row.obstacle.is_empty()) {
        let scene = (row.base)().with(row.change);
        if !matches!(scene.place, Place::Absent) || scene.fault.is_some() {
            continue;
        }
        let scene = scene.with(|it| it.place = Place::Ours);
        let verdict = project(&scene.facts(), now_for(row));
        assert_eq!(verdict.ready.truth, Truth::True, "{}", row.what);
        assert_eq!(verdict.progress, Progress::Settled, "{}", row.what);
        assert!(verdict.ready.message.contains("good until 2026-11-24T22:00:00Z"), "{}", row.what);
    }
}

//! In which words? Every sentence that a status shows: what is so, and the next step. One place, so that they read alike.

use jiff::Timestamp;

use super::checks::Obstacle;
use super::{Facts, FailedStep, Key, Kind, LoginGap, Names, Promise, SpecFault, Told, Unlisted, Validity};
use crate::api::Reason;

/// Follows the message of a token whose `renewBefore` cannot be kept.
pub(super) const RENEW_BEFORE_TOO_LONG: &str = " spec.renewal asks to renew at once, or nearly so, after the token is issued: the default window is used; write a shorter renewBefore.";

/// Follows the message of a credential whose selector cannot be honoured.
pub(super) const SELECTOR_IGNORED: &str = " spec.allowedNamespaces.selector is ignored: this installation may not read namespaces; list them in names, or let it list and watch namespaces.";

/// Follows the message of a credential whose service tells another time.
pub(super) fn clock_skew(minutes: i64) -> String {
    let (minutes, side) = (minutes.unsigned_abs(), if minutes > 0 { "ahead of" } else { "behind" });
    format!(
        " The service's clock is {minutes} minutes {side} this one: check the time on the cluster's nodes."
    )
}

/// There is no token, and nothing is in its way.
const ON_ITS_WAY: &str = "A token is about to be issued.";

/// A token is in service.
pub(super) fn issued(expires_at: Timestamp, renew_at: Option<Timestamp>) -> String {
    match renew_at {
        Some(renew_at) => {
            format!("The token is good until {}; its renewal is due at {}.", at(expires_at), at(renew_at))
        }
        None => format!("The token is good until {}; it will not be renewed.", at(expires_at)),
    }
}

/// A token lives on, but no other will follow.
pub(super) fn kept(reason: Reason, expires_at: Timestamp) -> String {
    let until = at(expires_at);
    if reason == Reason::Suspended {
        format!("Renewal is suspended; the token is good until {until}. Set spec.suspend to false to go on.")
    } else {
        format!("spec.renewUntil has passed; the token is good until {until} and will not be renewed.")
    }
}

/// A Frontend credential that can serve.
pub(super) fn login_complete() -> String {
    "The client Secret is complete; a Frontend app holds no token of its own.".to_owned()
}

/// The same, while nothing is exchanged with it.
pub(super) fn login_suspended() -> String {
    "The client Secret is complete; requests wait until spec.suspend is false.".to_owned()
}

/// The token is good, its renewal is not coming along.
pub(super) fn renewal_fails(
    facts: &Facts<'_>,
    obstacle: Option<&Obstacle<'_>>,
    failure: Option<&Told>,
    expires_at: Timestamp,
    now: Timestamp,
) -> String {
    let why = not_ready(facts, obstacle, failure, Reason::Pending, now);
    format!("The token is good until {}, but it cannot be renewed: {why}", at(expires_at))
}

/// There is no token to be had, because.
pub(super) fn not_ready(
    facts: &Facts<'_>,
    obstacle: Option<&Obstacle<'_>>,
    failure: Option<&Told>,
    reason: Reason,
    now: Timestamp,
) -> String {
    match (obstacle, failure) {
        (None, Some(failure)) => failing(facts, failure),
        (Some(Obstacle::AttemptIsNotDue(failure)), _) if !failure.is_told() => ON_ITS_WAY.to_owned(),
        (Some(obstacle), _) => standing(facts, obstacle, now),
        (None, None) if reason == Reason::InvalidClient => refused_login(facts, None),
        (None, None) if reason == Reason::SecretContested => PUT_BACK_OFTEN.to_owned(),
        (None, None) => ON_ITS_WAY.to_owned(),
    }
}

/// The condition `CredentialsValid`.
pub(super) fn credentials_valid(facts: &Facts<'_>) -> String {
    match facts.validity {
        Validity::Unknown => "The service was not asked yet.".to_owned(),
        Validity::Accepted => "The service accepted the client id and secret.".to_owned(),
        Validity::Refused => refused_login(facts, None),
    }
}

fn refused_login(facts: &Facts<'_>, failure: Option<&Told>) -> String {
    let answer = failure.map(answered).unwrap_or_default();
    let instant = failure.and_then(|it| it.next).and_then(Promise::instant);
    let next = instant.map(|it| format!(", and at {}", at(it))).unwrap_or_default();
    format!(
        "The service refused the client id and secret. {answer}Correct them in Secret \"{}\"; they are tried as soon as it changes{next}.",
        client_secret(facts)
    )
}

fn standing(facts: &Facts<'_>, obstacle: &Obstacle<'_>, now: Timestamp) -> String {
    let names = facts.sound().map(|wish| wish.names).unwrap_or_default();
    let secret = facts.sound().and_then(|wish| wish.template).map_or("", |template| &template.name);
    match obstacle {
        Obstacle::ListIsForbidden(what) => may_not_list(*what).to_owned(),
        Obstacle::SpecIsInvalid(fault) => spec_fault(*fault),
        Obstacle::EndpointIsNotAllowed(origin) => format!(
            "The operator was not started with this endpoint. Start it with --allow-endpoint {origin}, or use environment Sandbox or Production."
        ),
        Obstacle::RenewalHasEnded => ended(facts),
        Obstacle::IsSuspended => {
            "Suspended: no token is issued. Set spec.suspend to false to go on.".to_owned()
        }
        Obstacle::NameIsTaken => format!(
            "Secret \"{secret}\" exists and does not belong to this object, so it is not touched. Delete or rename it, or create this object anew with another spec.secret.name."
        ),
        Obstacle::NameIsClaimed(by) => claimed(by, secret),
        Obstacle::FormerOwnerIsLeaving => {
            format!(
                "Secret \"{secret}\" belongs to an earlier object of this name; it is about to be collected, then a token is issued."
            )
        }
        Obstacle::SecretIsImmutable => {
            format!(
                "Secret \"{secret}\" was made immutable, so it cannot be renewed. Delete it; it is written anew at once."
            )
        }
        Obstacle::SecretIsLeaving => {
            format!(
                "Secret \"{secret}\" is being deleted and a finalizer holds it. Remove the finalizer; it is written anew at once."
            )
        }
        Obstacle::LoginIsMissing => {
            format!(
                "Secret \"{}\" does not exist. Create it; it is read as soon as it appears.",
                names.client_secret
            )
        }
        Obstacle::LoginIsIncomplete(gap) => format!("Secret \"{}\" {}", names.client_secret, login_gap(*gap)),
        Obstacle::CredentialIsAbsent
        | Obstacle::CredentialsAreUnlisted(_)
        | Obstacle::PurposeIsNotAllowed
        | Obstacle::TtlIsNotAllowed(_)
        | Obstacle::CredentialIsNotReady(..)
        | Obstacle::CredentialIsWorking => credential(names, obstacle),
        Obstacle::AttemptIsNotDue(failure) => failing(facts, &Told::of(failure, now)),
        Obstacle::RepairIsTooSoon(until) => format!(
            "Secret \"{secret}\" was deleted or overwritten again soon after it had been put back; it is put back at {}. Find out who does that; to have it at once, renew by hand.",
            at(*until)
        ),
        Obstacle::ChangesComeTooFast(_) => CHANGED_OFTEN.to_owned(),
        Obstacle::HandRenewalIsTooSoon(_) => {
            "The renewal that was asked for comes 30 seconds after the last token was issued.".to_owned()
        }
    }
}

/// And that it may not be removed, if that is to follow.
fn ended(facts: &Facts<'_>) -> String {
    let denied = facts.failure_of(FailedStep::Delete).filter(|it| it.reason == Reason::ClusterAccessDenied);
    let denied = denied.map(|it| format!(" {}", missing_right(Some(it.step)))).unwrap_or_default();
    format!(
        "spec.renewUntil has passed: no token is issued any more. Move it, or delete this object.{denied}"
    )
}

/// Names no instant: each repair more would move it.
pub(super) const PUT_BACK_OFTEN: &str = "The managed Secret was deleted or edited often in a short time: while that goes on, it is put right every 30 seconds. Find out who does that.";

/// Names no instant: each change more would move it.
const CHANGED_OFTEN: &str = "What the token depends on (spec, client Secret or renew request) was changed often in a short time: while that goes on, one is issued every 30 seconds. Find out who changes it.";

/// An earlier object wants the name too.
fn claimed(by: &Key, secret: &str) -> String {
    let (kind, name) = (by.kind.as_str(), &by.name);
    format!(
        "{kind} \"{name}\", which is older, claims Secret \"{secret}\". Create this object anew with another spec.secret.name, or delete the other one."
    )
}

/// What a request's credential has to do with it.
fn credential(names: Names<'_>, obstacle: &Obstacle<'_>) -> String {
    match obstacle {
        Obstacle::CredentialIsAbsent => format!(
            "RocketLawyerCredential \"{}\" does not exist, or does not allow this namespace. Create it, or have its owner list this namespace in spec.allowedNamespaces.",
            names.credential
        ),
        Obstacle::CredentialsAreUnlisted(namespace) => format!(
            "The operator may not list the credentials in namespace \"{namespace}\", to which this object refers. Grant it there as the chart's roles do: apiGroups: [auth.rocketlawyer.com], resources: [rocketlawyercredentials, scopedtokenrequests], verbs: [get, list, watch]."
        ),
        Obstacle::PurposeIsNotAllowed => format!(
            "The credential does not allow purpose \"{}\". Have its owner add it to spec.allowedPurposes, or ask for another purpose in a new object.",
            names.purpose
        ),
        Obstacle::TtlIsNotAllowed(longest) => format!(
            "The credential allows no service token that lives longer than {longest:#}. Lower spec.serviceTokenTTL, or have its owner raise spec.maxServiceTokenTTL."
        ),
        Obstacle::CredentialIsNotReady(credential, reason) => format!(
            "RocketLawyerCredential \"{credential}\" cannot serve this object now ({}): its own status says why. This object goes on as soon as it can.",
            reason.as_str()
        ),
        _ => "The credential's token is about to be issued.".to_owned(),
    }
}

fn spec_fault(fault: SpecFault) -> String {
    match fault {
        SpecFault::Undecodable => {
            "The spec cannot be read: it does not fit this version's schema. Apply it again with the current CRDs installed.".to_owned()
        }
        SpecFault::TooHeavy => {
            "The spec is larger than any that the current CRDs let through. Shorten it, or apply it again: the answer says what is too long.".to_owned()
        }
        SpecFault::Field(field) => format!("{field} has a value that means nothing. Correct it as `kubectl explain` says."),
        SpecFault::NoCertificate => {
            "spec.endpoint.caBundle has no certificate. Write PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or leave it out.".to_owned()
        }
        SpecFault::BadCertificate(number) => format!(
            "Certificate {number} in spec.endpoint.caBundle cannot be read: it is cut off, or what it holds is no certificate. Copy it anew, or leave it out."
        ),
        SpecFault::CredentialIsFrontend => {
            "spec.credentialRef names a Frontend app, which issues no access token. Name a Backend credential, and the Frontend one in exchangeCredentialRef.".to_owned()
        }
        SpecFault::ExchangeIsBackend => {
            "spec.exchangeCredentialRef names a Backend app. Name a Frontend credential, or leave it out.".to_owned()
        }
        SpecFault::EndpointsDiffer => {
            "The two credentials are of different endpoints. Name two of the same environment.".to_owned()
        }
    }
}

fn login_gap(gap: LoginGap) -> &'static str {
    match gap {
        LoginGap::NoId => {
            "lacks the client id. Add it under the key that spec.clientSecretRef.clientIdKey names."
        }
        LoginGap::NoSecret => {
            "lacks the client secret. Add it under the key that spec.clientSecretRef.clientSecretKey names."
        }
        LoginGap::Unprintable => {
            "holds a client id or secret with control characters, or that is no text, or is longer than any (1 KiB, 4 KiB). Write it anew as you were given it."
        }
    }
}

fn failing(facts: &Facts<'_>, failure: &Told) -> String {
    let what = match failure.reason {
        Reason::InvalidClient => return refused_login(facts, Some(failure)),
        Reason::ClusterAccessDenied => missing_right(failure.step),
        Reason::SecretNotOwned => {
            "The managed Secret has no owner, and the API server does not let this object adopt it. Delete it; it is written anew at once."
        }
        Reason::SecretWriteRefused => {
            "The API server refuses to write the managed Secret (quota, admission policy, or immutable). The token is kept; make room for it."
        }
        Reason::RequestRejected => {
            "The service rejected the request. Check purpose and claims; another subject needs a new object."
        }
        Reason::AccessDenied => {
            "The service denies this app the call. Have Rocket Lawyer grant it the role or product."
        }
        Reason::Throttled => "The service asks for fewer calls.",
        Reason::QuotaExhausted => "The app's quota at the service is used up.",
        Reason::UnexpectedResponse => "The service's answer could not be understood.",
        Reason::UnusableToken => {
            "The service issued a token that lives too short a time to be of use. Ask Rocket Lawyer."
        }
        Reason::ServiceUnavailable => "The service cannot be reached or does not answer.",
        _ if failure.step == Some(FailedStep::Internal) => {
            "The operator failed on this object; its log has the details."
        }
        _ => "The API server did not answer as expected.",
    };
    format!("{what} {}{}", answered(failure), next_attempt(failure.next))
}

fn next_attempt(next: Option<Promise>) -> String {
    match next {
        Some(Promise::At(instant)) => return format!("It is tried again at {}.", at(instant)),
        Some(Promise::Due) | None => "The next attempt is due, and made as soon as it can be.",
        Some(Promise::Soon) => {
            "It is tried again every few seconds, unless the API server asks for more time."
        }
        Some(Promise::EveryFiveMinutes) => "It is tried again at least every five minutes.",
        Some(Promise::WhenAllowed) => {
            "It is tried again when the service allows it, and at least every 15 minutes."
        }
        Some(Promise::WithTheEndpoint) => {
            "It is asked again until it answers; then this object has its turn."
        }
    }
    .to_owned()
}

/// It goes on with what is known.
pub(super) fn unwatched(what: Unlisted) -> String {
    format!(" What others change is not noticed: {}", may_not_list(what))
}

fn may_not_list(what: Unlisted) -> &'static str {
    match what {
        Unlisted::Secrets => missing_right(None),
        Unlisted::Objects => {
            "The operator may not list the objects of both kinds in this namespace. Grant it as the chart's roles do: apiGroups: [auth.rocketlawyer.com], resources: [rocketlawyercredentials, scopedtokenrequests], verbs: [get, list, watch]."
        }
        Unlisted::Namespaces => {
            "The operator may not read namespaces. Grant it as the chart's roles do: apiGroups: [\"\"], resources: [namespaces], verbs: [get, list, watch]."
        }
    }
}

/// Which right, and the rule that grants it.
fn missing_right(step: Option<FailedStep>) -> &'static str {
    match step {
        Some(FailedStep::Delete) => {
            "The operator may not delete this object. Grant it as the chart's roles do: apiGroups: [auth.rocketlawyer.com], resources: [scopedtokenrequests], verbs: [delete]."
        }
        Some(FailedStep::ConfirmOwner) => {
            "The operator may not read this object. Grant it as the chart's roles do: apiGroups: [auth.rocketlawyer.com], resources: [rocketlawyercredentials, scopedtokenrequests], verbs: [get, list, watch]."
        }
        Some(FailedStep::WriteSecret) => {
            "The operator may not write Secrets in this namespace. Grant it as the chart's roles do: apiGroups: [\"\"], resources: [secrets], verbs: [create, update]."
        }
        _ => {
            "The operator may not read Secrets in this namespace. Grant it as the chart's roles do: apiGroups: [\"\"], resources: [secrets], verbs: [get, list, watch]."
        }
    }
}

fn answered(failure: &Told) -> String {
    let Some(step) = failure.step.map(FailedStep::as_str) else {
        return String::new();
    };
    match (failure.http_status, failure.error_code) {
        (Some(status), Some(code)) => format!("({step}: HTTP {status}, {code}) "),
        (Some(status), None) => format!("({step}: HTTP {status}) "),
        (None, Some(code)) => format!("({step}: {code}) "),
        (None, None) if failure.next == Some(Promise::WithTheEndpoint) => String::new(),
        (None, None) => format!("({step}) "),
    }
}

fn client_secret<'a>(facts: &Facts<'a>) -> &'a str {
    let own = facts.sound().map_or("", |wish| wish.names.client_secret);
    if own.is_empty() && facts.key.kind == Kind::Request { "the exchanging credential's" } else { own }
}

/// An instant as people read it everywhere: seconds are all that they need.
#[must_use]
pub fn at(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

//! Every sentence that no other table reads whole: a mutation, and what is said then, word for word.

use super::scene::{Place, Scene, after, credential, failure, frontend, request, t0};
use crate::api::Reason;
use crate::decision::{FailedStep, Failure, Renewal, Validity, Verdict, project};
use jiff::SignedDuration;

/// Ten minutes after the token was issued.
fn said(scene: &Scene) -> Verdict {
    project(&scene.facts(), t0() + SignedDuration::from_mins(10))
}

fn ready(scene: &Scene) -> String {
    said(scene).ready.message
}

/// Of a request without a token.
fn of_failure(step: FailedStep, reason: Reason, change: fn(&mut Failure)) -> String {
    let mut failure = failure(step, reason);
    change(&mut failure);
    ready(&request().with(|it| {
        it.place = Place::Absent;
        it.failures.note(failure);
    }))
}

#[test]
fn what_is_said_of_a_token_that_lives() {
    let rows: [(Scene, &str); 4] = [
        (
            request(),
            "The token is good until 2026-11-24T22:00:00Z; its renewal is due at 2026-11-24T18:26:29Z.",
        ),
        (
            request().with(|it| it.suspended = true),
            "Renewal is suspended; the token is good until 2026-11-24T22:00:00Z. Set spec.suspend to false to go on.",
        ),
        (
            request().with(|it| it.renew_until = Some(t0())),
            "spec.renewUntil has passed; the token is good until 2026-11-24T22:00:00Z and will not be renewed.",
        ),
        (
            request().with(|it| it.renewal = Renewal::Before(SignedDuration::from_hours(10))),
            "The token is good until 2026-11-24T22:00:00Z; its renewal is due at 2026-11-24T18:26:29Z. spec.renewal asks to renew at once, or nearly so, after the token is issued: the default window is used; write a shorter renewBefore.",
        ),
    ];
    for (scene, words) in rows {
        assert_eq!(ready(&scene), words);
    }
}

/// Of a token that lives, and of one that somebody deleted.
#[test]
fn what_is_said_of_a_secret_that_was_put_right_often() {
    let words = "The managed Secret was deleted or edited often in a short time: while that goes on, it is put right every 30 seconds. Find out who does that.";
    for place in [Place::Ours, Place::Absent] {
        let scene = request().with(|it| {
            it.place = place;
            (0..5).for_each(|_| it.care.writes.spend(t0() + SignedDuration::from_secs(595)));
        });
        let ready = said(&scene).ready;
        let reason = if place == Place::Ours { Reason::Issued } else { Reason::SecretContested };
        assert_eq!(ready.reason, reason);
        assert!(ready.message.ends_with(words), "{}", ready.message);
        let later = project(&scene.facts(), t0() + SignedDuration::from_secs(625)).ready;
        assert!(!later.message.contains(words), "{}", later.message);
    }
}

#[test]
fn what_is_said_of_a_frontend_app() {
    let rows: [(Scene, &str); 2] = [
        (frontend(), "The client Secret is complete; a Frontend app holds no token of its own."),
        (
            frontend().with(|it| it.suspended = true),
            "The client Secret is complete; requests wait until spec.suspend is false.",
        ),
    ];
    for (scene, words) in rows {
        assert_eq!(ready(&scene), words);
    }
}

#[test]
fn what_is_said_of_the_client_secret() {
    let rows = [
        (Validity::Unknown, "The service was not asked yet."),
        (Validity::Accepted, "The service accepted the client id and secret."),
        (
            Validity::Refused,
            "The service refused the client id and secret. Correct them in Secret \"partner-login\"; they are tried as soon as it changes.",
        ),
    ];
    for (validity, words) in rows {
        let verdict = said(&credential().with(|it| it.validity = validity));
        assert_eq!(verdict.credentials_valid.map(|it| it.message).as_deref(), Some(words));
    }
    // A request has no client Secret of its own: it speaks of whoever exchanges for it.
    for (base, named) in [(request(), "the exchanging credential's"), (credential(), "")] {
        let scene = base.with(|it| {
            it.place = Place::Absent;
            it.failures.note(failure(FailedStep::AccessToken, Reason::InvalidClient));
        });
        let mut facts = scene.facts();
        facts.wish.as_mut().expect("a sound spec").names.client_secret = "";
        let said = project(&facts, t0() + SignedDuration::from_mins(10)).ready.message;
        assert!(said.contains(&format!("Correct them in Secret \"{named}\";")), "{said}");
    }
}

#[test]
fn what_is_said_of_clocks() {
    let rows = [
        (0, None),
        (120, None),
        (121, Some("2 minutes ahead of")),
        (-120, None),
        (-121, Some("2 minutes behind")),
        (149, Some("2 minutes ahead of")),
        (150, Some("3 minutes ahead of")),
        (-150, Some("3 minutes behind")),
        (7200, Some("120 minutes ahead of")),
    ];
    for (seconds, words) in rows {
        let said = ready(&credential().with(|it| it.clock_ahead = Some(SignedDuration::from_secs(seconds))));
        match words {
            Some(words) => {
                let words = format!(
                    " The service's clock is {words} this one: check the time on the cluster's nodes."
                );
                assert!(said.ends_with(&words), "{seconds}: {said}");
            }
            None => assert!(!said.contains("clock"), "{seconds}: {said}"),
        }
    }
}

#[test]
fn what_is_said_of_a_failure() {
    let rows = [
        (
            of_failure(FailedStep::ServiceToken, Reason::AccessDenied, |_| {}),
            "The service denies this app the call. Have Rocket Lawyer grant it the role or product. (ServiceToken: HTTP 503) It is tried again at 2026-11-24T13:00:00Z.",
        ),
        (
            of_failure(FailedStep::ServiceToken, Reason::Throttled, |_| {}),
            "The service asks for fewer calls. (ServiceToken: HTTP 503) It is asked again until it answers; then this object has its turn.",
        ),
        (
            of_failure(FailedStep::ServiceToken, Reason::QuotaExhausted, |_| {}),
            "The app's quota at the service is used up. (ServiceToken: HTTP 503) It is tried again when the service allows it, and at least every 15 minutes.",
        ),
        (
            of_failure(FailedStep::Exchange, Reason::UnexpectedResponse, |it| {
                it.error_code = Some("response.html");
            }),
            "The service's answer could not be understood. (Exchange: HTTP 503, response.html) It is tried again at least every five minutes.",
        ),
        (
            of_failure(FailedStep::Exchange, Reason::UnusableToken, |it| {
                (it.http_status, it.error_code) = (None, Some("response.lifetime"));
            }),
            "The service issued a token that lives too short a time to be of use. Ask Rocket Lawyer. (Exchange: response.lifetime) It is tried again at 2026-11-24T13:00:00Z.",
        ),
        (
            of_failure(FailedStep::Exchange, Reason::RequestRejected, |it| it.next_attempt = None),
            "The service rejected the request. Check purpose and claims; another subject needs a new object. (Exchange: HTTP 503) The next attempt is due, and made as soon as it can be.",
        ),
        (
            of_failure(FailedStep::Exchange, Reason::ServiceUnavailable, |it| it.http_status = None),
            "The service cannot be reached or does not answer. It is asked again until it answers; then this object has its turn.",
        ),
        (
            of_failure(FailedStep::Internal, Reason::Pending, |it| it.http_status = None),
            "The operator failed on this object; its log has the details. (Internal) It is tried again at least every five minutes.",
        ),
        (
            of_failure(FailedStep::WriteSecret, Reason::Pending, |it| it.http_status = None),
            "The API server did not answer as expected. (WriteSecret) It is tried again every few seconds, unless the API server asks for more time.",
        ),
        (
            of_failure(FailedStep::WriteSecret, Reason::Pending, |it| it.count = 2),
            "A token is about to be issued.",
        ),
    ];
    for (said, words) in rows {
        assert_eq!(said, words);
    }
}

#[test]
fn which_right_is_missing() {
    let rows = [
        (FailedStep::ConfirmOwner, "may not read this object", "verbs: [get, list, watch]"),
        (FailedStep::Delete, "may not delete this object", "verbs: [delete]"),
        (FailedStep::WriteSecret, "may not write Secrets", "verbs: [create, update]"),
        (FailedStep::ReadManagedSecret, "may not read Secrets", "verbs: [get, list, watch]"),
        (FailedStep::ReadClientSecret, "may not read Secrets", "verbs: [get, list, watch]"),
    ];
    for (step, what, verbs) in rows {
        // What hinders a deletion hinders no renewal: it is said of a token that lives.
        let said = ready(&request().with(|it| {
            it.failures.note(failure(step, Reason::ClusterAccessDenied));
        }));
        assert!(said.contains(what) && said.contains(verbs), "{step:?}: {said}");
    }
    let finished = ready(&request().with(|it| {
        (it.place, it.renew_until) = (Place::Absent, Some(t0()));
        it.failures.note(failure(FailedStep::Delete, Reason::ClusterAccessDenied));
    }));
    assert_eq!(
        finished,
        "spec.renewUntil has passed: no token is issued any more. Move it, or delete this object. The operator may not delete this object. Grant it as the chart's roles do: apiGroups: [auth.rocketlawyer.com], resources: [scopedtokenrequests], verbs: [delete]."
    );
}

#[test]
fn times_are_told_to_the_second() {
    let said =
        ready(&request().with(|it| it.record_mut().expires_at = after(2) + SignedDuration::from_nanos(7)));
    assert!(said.starts_with("The token is good until 2026-11-24T14:00:00Z;"), "{said}");
}

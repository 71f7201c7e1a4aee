//! What do those say who wait for an endpoint that is unwell? The same, however often it is probed (behaviour §4.2).

use jiff::Timestamp;

use super::scene::{LIFE, Place, Scene, after, credential, failure, frontend, request, t0};
use crate::api::Reason;
use crate::decision::schedule::overdue_at;
use crate::decision::{
    Ailment, Chain, FailedStep, Failure, Parked, Progress, Promise, Step, Told, Truth, Verdict, plan, project,
};

fn unreachable(count: u32) -> Parked {
    Parked { ailment: Ailment::Unreachable, since: t0(), next_probe: after(2), count }
}

fn throttling() -> Parked {
    Parked { ailment: Ailment::Throttling, ..unreachable(1) }
}

fn bare() -> Scene {
    request().with(|it| (it.place, it.endpoint) = (Place::Absent, Some(unreachable(3))))
}

fn says(scene: &Scene, now: Timestamp) -> Verdict {
    project(&scene.facts(), now)
}

/// When the renewal of the scene's token is overdue.
fn overdue(scene: &Scene) -> Timestamp {
    let due = super::super::checks::renewal_instant(&scene.facts()).unwrap();
    overdue_at(scene.seen.record.as_ref().unwrap(), due)
}

const SECOND: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

#[test]
fn one_without_a_token_says_what_it_waits_for_and_stays_in_line() {
    let said = says(&bare(), after(1));
    assert_eq!((said.ready.truth, said.ready.reason), (Truth::False, Reason::ServiceUnavailable));
    assert_eq!(said.progress, Progress::Reconciling);
    assert!(said.ready.message.contains("cannot be reached"), "{}", said.ready.message);
    let failure = said.failure.unwrap();
    assert_eq!(
        (failure.step, failure.since, failure.next),
        (Some(FailedStep::ServiceToken), Some(t0()), Some(Promise::WithTheEndpoint))
    );
    assert!(
        matches!(plan(&bare().facts(), after(1)), Step::Issue(_)),
        "the gate lets it through, not its own clock"
    );
}

#[test]
fn a_blip_is_nobodys_news_but_throttling_is() {
    let reason = |endpoint| says(&bare().with(|it| it.endpoint = Some(endpoint)), after(1)).ready.reason;
    assert_eq!(reason(unreachable(2)), Reason::Pending);
    assert_eq!(reason(unreachable(3)), Reason::ServiceUnavailable);
    assert_eq!(reason(throttling()), Reason::Throttled);
}

#[test]
fn more_probes_change_nothing_that_is_said() {
    let told = |count| says(&bare().with(|it| it.endpoint = Some(unreachable(count))), after(1));
    assert_eq!(told(3), told(40));
}

#[test]
fn a_request_with_a_token_says_so_from_when_its_renewal_is_overdue() {
    let scene = request().with(|it| it.endpoint = Some(unreachable(9)));
    let overdue = overdue(&scene);
    assert_eq!(says(&scene, overdue - SECOND).failure, None);
    let said = says(&scene, overdue);
    assert_eq!((said.ready.truth, said.ready.reason), (Truth::True, Reason::Issued));
    assert!(said.ready.message.contains("cannot be renewed: The service cannot be reached"));
    assert_eq!(said.failure.map(|it| it.reason), Some(Reason::ServiceUnavailable));
    let ended = says(&scene, t0() + LIFE);
    assert_eq!((ended.ready.truth, ended.ready.reason), (Truth::False, Reason::ServiceUnavailable));
}

#[test]
fn a_credential_says_so_as_soon_as_it_is_due() {
    let scene = credential().with(|it| it.endpoint = Some(unreachable(9)));
    assert_eq!(says(&scene, after(1)).failure, None, "nothing is due");
    let due = super::super::checks::renewal_instant(&scene.facts()).unwrap();
    assert_eq!(says(&scene, due).failure.and_then(|it| it.step), Some(FailedStep::AccessToken));
}

#[test]
fn a_credential_that_waits_at_the_same_gate_hides_nothing() {
    for chain in
        [Chain::Working, Chain::NotReady { credential: "legal/partner", reason: Reason::ServiceUnavailable }]
    {
        assert_eq!(
            says(&bare().with(|it| it.chain = chain), after(1)).ready.reason,
            Reason::ServiceUnavailable
        );
    }
    let refused = Chain::NotReady { credential: "legal/partner", reason: Reason::InvalidClient };
    assert_eq!(
        says(&bare().with(|it| it.chain = refused), after(1)).ready.reason,
        Reason::CredentialNotReady
    );
}

#[test]
fn what_a_request_met_itself_is_told_with_what_was_answered_and_as_old_as_it_is() {
    let met = failure(FailedStep::Exchange, Reason::ServiceUnavailable);
    let told = |met: Failure| says(&bare().with(|it| it.failures.note(met)), after(1)).failure.unwrap();
    let said = told(Failure { since: after(1), ..met.clone() });
    assert_eq!((said.step, said.http_status, said.count), (Some(met.step), met.http_status, None));
    assert_eq!(said.since, Some(t0()), "as long as the endpoint is unwell");
    let inherited = Failure { since: t0() - SECOND, stamp: Failure::INHERITED, next_attempt: None, ..met };
    assert_eq!(told(inherited).since, Some(t0() - SECOND));
}

#[test]
fn another_failure_of_its_own_comes_first() {
    let met = failure(FailedStep::ServiceToken, Reason::RequestRejected);
    let said = says(&bare().with(|it| it.failures.note(met.clone())), after(1));
    assert_eq!(said.failure, Some(Told::of(&met, after(1))));
}

#[test]
fn a_credential_tells_its_own_attempts() {
    let met = failure(FailedStep::AccessToken, Reason::ServiceUnavailable);
    let scene = credential().with(|it| (it.place, it.endpoint) = (Place::Absent, Some(unreachable(3))));
    let said = says(&scene.with(|it| it.failures.note(met.clone())), after(0));
    assert_eq!(said.failure, Some(Told::of(&met, after(0))));
}

#[test]
fn who_needs_nothing_of_it_says_nothing_of_it() {
    let frontend = frontend().with(|it| it.endpoint = Some(unreachable(9)));
    assert_eq!(
        (says(&frontend, after(1)).ready.truth, says(&frontend, after(1)).failure),
        (Truth::True, None)
    );
    let suspended = bare().with(|it| it.suspended = true);
    assert_eq!(says(&suspended, after(1)).ready.reason, Reason::Suspended);
}

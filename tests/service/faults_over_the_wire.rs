//! Faults of the gateway and the application, as they come over the wire, for each of the three calls.

use rocketlawyer_operator::auth::{Class, Fault, Scope};
use rocketlawyer_operator::emulator::{BodyKind, Call, FaultPlan};

use crate::{World, interview};

const CANARY: &str = "canary-41c7";

async fn ask(world: &World, call: Call) -> Fault {
    match call {
        Call::AccessToken => world.access().await.unwrap_err(),
        Call::ServiceToken => world.service(&interview()).await.unwrap_err(),
        _ => {
            let service = world.service(&interview()).await.unwrap();
            world.exchange(&service.token).await.unwrap_err()
        }
    }
}

/// Status, body, and what they mean; no scope: that of the call's own content.
fn rows() -> [(u16, BodyKind, Class, Option<Scope>); 8] {
    let gateway = |code: &str| BodyKind::Gateway { code: code.to_owned(), text: CANARY.to_owned() };
    let application = BodyKind::Application { error: CANARY.to_owned(), message: CANARY.to_owned() };
    [
        (429, gateway("policies.ratelimit.SpikeArrestViolation"), Class::Throttled, Some(Scope::Endpoint)),
        (500, gateway("policies.ratelimit.QuotaViolation"), Class::QuotaExhausted, Some(Scope::Credential)),
        (401, gateway("oauth.v2.ApiKeyNotApproved"), Class::CredentialRefused, Some(Scope::Credential)),
        (503, gateway(CANARY), Class::Transient, Some(Scope::Endpoint)),
        (500, application.clone(), Class::Transient, Some(Scope::Endpoint)),
        (400, application.clone(), Class::RequestRefused, None),
        (403, application, Class::Forbidden, None),
        (502, BodyKind::Html, Class::Transient, Some(Scope::Endpoint)),
    ]
}

#[tokio::test]
async fn each_call_tells_a_fault_and_repeats_nothing_of_it() {
    let world = World::start().await;
    for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
        for (status, body, class, scope) in rows() {
            world.emulator.add_fault(FaultPlan {
                call: Some(call),
                times: Some(1),
                status: Some(status),
                body: Some(body.clone()),
                headers: [("retry-after".to_owned(), "7".to_owned())].into(),
                ..FaultPlan::default()
            });
            let fault = ask(&world, call).await;
            let own = if call == Call::AccessToken { Scope::Credential } else { Scope::Request };
            assert_eq!(
                (fault.class, fault.scope),
                (class, scope.unwrap_or(own)),
                "{call:?} {status} {body:?}"
            );
            assert_eq!(fault.http_status, Some(status));
            assert_eq!(fault.retry_after.map(|wait| wait.as_secs()), Some(7));
            assert!(!format!("{fault:?}").contains(CANARY));
        }
    }
}

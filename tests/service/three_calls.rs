//! The three calls bring tokens that open what they should, and say how long they live.

use rocketlawyer_operator::emulator::Call;
use rocketlawyer_operator::token::Deliverable;

use crate::{BINDER, World, interview, subject};

#[tokio::test]
async fn an_access_token_opens_the_page_of_whole_apps() {
    let world = World::start().await;
    let before = rocketlawyer_operator::clock::now();
    let issued = world.access().await.unwrap();
    assert!(issued.issued_at >= before, "counted from the moment before the request");
    assert_eq!(issued.expires_at.duration_since(issued.issued_at).as_secs(), 36_000);
    let application = issued.application.unwrap();
    assert_eq!(application.organization.as_deref(), Some("rocketlawyer"));
    assert_eq!(application.products.len(), 2);
    let ahead = issued.service_clock_ahead.unwrap();
    assert!(ahead.abs().as_secs() <= 2, "both clocks are this machine's, yet {ahead} apart");
    let (status, page) = world.page("/protected/access", issued.token.for_managed_secret()).await;
    assert_eq!((status, page["clientId"].as_str()), (200, Some("backend-key")));
    assert_eq!(world.page("/protected/scoped", issued.token.for_managed_secret()).await.0, 403);
}

#[tokio::test]
async fn a_new_access_token_leaves_earlier_ones_valid() {
    let world = World::start().await;
    let (first, second) = (world.access().await.unwrap(), world.access().await.unwrap());
    assert_ne!(first.token.for_managed_secret(), second.token.for_managed_secret());
    for issued in [first, second] {
        assert_eq!(world.page("/protected/access", issued.token.for_managed_secret()).await.0, 200);
    }
}

#[tokio::test]
async fn a_service_token_is_exchanged_for_a_scoped_one() {
    let world = World::start().await;
    for subject in [interview(), subject(BINDER, &[("upid", "customer-77")])] {
        let service = world.service(&subject).await.unwrap();
        let life = service.expires_at.duration_since(service.issued_at).as_secs();
        assert!((3599..=3600).contains(&life), "{life} s for an hour");
        let scoped = world.exchange(&service.token).await.unwrap();
        // The earliest of what the scoped token and its service token say.
        let life = scoped.expires_at.duration_since(scoped.issued_at).as_secs();
        assert!((3598..=3600).contains(&life), "{life} s for what is left of an hour");
        let (status, page) = world.page("/protected/scoped", scoped.token.for_managed_secret()).await;
        assert_eq!((status, page["subject"]["purpose"].as_str()), (200, Some(subject.purpose())));
        for (name, value) in subject.claims() {
            assert_eq!(page["subject"][name].as_str(), Some(value.as_str()));
        }
        assert_eq!(world.page("/protected/access", scoped.token.for_managed_secret()).await.0, 403);
        assert_eq!(world.page("/protected/scoped", service.token.for_managed_secret()).await.0, 401);
    }
    let log = world.emulator.log();
    let exchange = log.iter().find(|entry| entry.call == Call::Exchange).unwrap();
    assert_eq!(exchange.client_id.as_deref(), Some("frontend-key"));
    assert_eq!(exchange.asked_with, log.iter().find(|e| e.call == Call::ServiceToken).unwrap().issued);
}

#[tokio::test]
async fn a_backend_app_may_exchange_by_itself() {
    let world = World::start().await;
    let service = world.service(&interview()).await.unwrap();
    let scoped = world.client.exchange(&world.endpoint, &world.backend, &service.token).await.unwrap();
    assert_eq!(world.page("/protected/scoped", scoped.token.for_managed_secret()).await.0, 200);
}

#[tokio::test]
async fn every_call_is_made_once() {
    let world = World::start().await;
    let service = world.service(&interview()).await.unwrap();
    world.exchange(&service.token).await.unwrap();
    for call in [Call::AccessToken, Call::ServiceToken, Call::Exchange] {
        assert_eq!(world.emulator.calls(call), 1, "{call:?}");
    }
}

#[tokio::test]
async fn the_log_shows_no_token_and_no_secret() {
    let world = World::start().await;
    let service = world.service(&interview()).await.unwrap();
    let scoped = world.exchange(&service.token).await.unwrap();
    let log = serde_json::to_string(&world.emulator.log()).unwrap();
    assert!(log.contains("interview-42"));
    for secret in [service.token.for_managed_secret(), scoped.token.for_managed_secret(), "backend-secret"] {
        assert!(!log.contains(secret));
    }
}

#[tokio::test]
async fn a_scoped_token_ends_with_the_service_token_it_came_from() {
    let world = World::start().await;
    let access = world.access().await.unwrap();
    let service = world.service_with(&access.token, &interview(), 60).await.unwrap();
    let scoped = world.exchange(&service.token).await.unwrap();
    world.emulator.set_clock_ahead(61);
    assert_eq!(world.page("/protected/scoped", scoped.token.for_managed_secret()).await.0, 401);
    assert_eq!(world.page("/protected/access", access.token.for_managed_secret()).await.0, 200);
}

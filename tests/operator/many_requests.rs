//! What do many requests of one credential share, and what does a change of their spec cost?

use rocketlawyer_operator::emulator::Call;
use serde_json::json;

use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::World;

#[test]
fn a_refused_shared_token_is_replaced_once_for_all_that_are_served_and_all_that_wait() {
    let world = World::running("shared");
    let (app, _) = world.partner(json!({}));
    let served: Vec<_> = (0..12).map(|number| format!("served-{number}")).collect();
    for name in &served {
        world.request(name, json!({}));
    }
    for name in &served {
        world.wait_ready(Kind::Request, name);
    }
    let before = world.secret("partner-access-token");

    world.emulator.revoke(&app.client_id);
    let new: Vec<_> = (0..12).map(|number| format!("new-{number}")).collect();
    for name in &new {
        world.request(name, json!({"deliver": "ServiceToken"}));
    }
    // Their service tokens come of the same access token, so these must be renewed with the next one.
    for name in &served {
        world.ask_for_renewal(Kind::Request, name, "after the refusal");
    }
    for name in &new {
        world.wait_ready(Kind::Request, name);
    }
    for name in &served {
        let secret = world.wait_for(Kind::Secret, &format!("{name}-token"), |it| {
            annotation(it, "renew-request-handled") == "after the refusal"
        });
        assert!(world.opens("scoped", &data(&secret, "authorization")), "{name}");
        assert!(told::is(&world.get(Kind::Request, name), "True/Issued"), "{name}");
    }
    let after = world.secret("partner-access-token");
    assert_ne!(told::version(&after), told::version(&before));
    assert!(world.opens("access", &data(&after, "authorization")));
    world.settle();
    assert_eq!(world.emulator.calls(Call::AccessToken), 2);
    assert_eq!(world.emulator.counters().granted[&Call::ServiceToken], 12 + 12 + 12);
    assert_eq!(world.emulator.counters().granted[&Call::Exchange], 12 + 12);
}

#[test]
fn key_names_and_labels_of_a_request_are_rendered_anew_without_issuing() {
    let mut world = World::running("str-rendered");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let before = world.secret("interview-token");
    let token = data(&before, "access_token");
    let template = json!({"keys": {"accessToken": "TOKEN"}, "labels": {"team": "legal"}});
    world.edit(Kind::Request, "interview", json!({"spec": {"secret": template}}));
    let after = world.wait_for(Kind::Secret, "interview-token", |it| it["data"]["TOKEN"].is_string());
    assert_eq!(data(&after, "TOKEN"), token);
    assert_eq!(after["data"]["access_token"], json!(null));
    assert_eq!(after["metadata"]["labels"]["team"], "legal");
    assert_eq!(annotation(&after, "issued-at"), annotation(&before, "issued-at"));

    world.operator.kill();
    world.edit(Kind::Request, "interview", json!({"spec": {"secret": {"keys": null}}}));
    world.operator.start();
    let after = world.wait_for(Kind::Secret, "interview-token", |it| it["data"]["access_token"].is_string());
    assert_eq!(data(&after, "access_token"), token);
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2);
}

#[test]
fn a_renewal_by_hand_waits_for_the_resume_of_the_credential() {
    let world = World::running("str-resume");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    let before = world.secret("interview-token");
    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": true}}));
    world.wait_told(Kind::Credential, "partner", "True/Suspended");
    world.ask_for_renewal(Kind::Request, "interview", "while asleep");
    world.settle();
    assert_eq!(told::version(&world.secret("interview-token")), told::version(&before));
    assert!(told::is(&world.get(Kind::Request, "interview"), "True/Issued"));
    assert_eq!(world.auth_calls(), 1 + 2);

    world.edit(Kind::Credential, "partner", json!({"spec": {"suspend": false}}));
    let after = world.wait_renewed("interview-token", &before);
    assert_eq!(annotation(&after, "renew-request-handled"), "while asleep");
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2 + 2);
}

#[test]
fn a_request_that_has_its_token_is_not_touched_by_its_credentials_renewal() {
    let world = World::running("untouched");
    let (app, _) = world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.wait_for_event("interview", "Issued");
    let (secret, before) = (world.secret("interview-token"), world.secret("partner-access-token"));
    let request = world.get(Kind::Request, "interview");
    world.change_secret(&app, "another");
    world.wait_renewed("partner-access-token", &before);
    world.settle();
    assert_eq!(world.secret("interview-token"), secret);
    assert_eq!(world.get(Kind::Request, "interview"), request);
    assert_eq!(world.auth_calls(), 1 + 2 + 1);
}

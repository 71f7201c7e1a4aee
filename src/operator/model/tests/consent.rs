//! Who may use which credential, for what, and what those see who may not.

use serde_json::{Value, json};

use super::super::World;
use super::hours;
use crate::auth::Call;
use crate::cluster::watch::Watched;

/// `credentialRef`, `exchangeCredentialRef` and what they must be.
#[test]
fn a_frontend_app_exchanges_and_misfits_are_said() {
    let mut world = World::new();
    world.partner();
    let front = world.front();
    world.login("legal", "other-login", "app", "s3cret");
    let all = json!({"from": "All"});
    let production = json!({"appType": "Frontend", "environment": "Production", "allowedNamespaces": all});
    world.credential("other", production);
    let reference = |name: &str| json!({"name": name, "namespace": "legal"});
    let good = world.request("good", json!({"exchangeCredentialRef": reference("front")}));
    let rows = [
        (json!({"credentialRef": reference("front")}), "Name a Backend credential"),
        (json!({"exchangeCredentialRef": reference("partner")}), "Name a Frontend credential"),
        (json!({"exchangeCredentialRef": reference("other")}), "of the same environment"),
    ];
    for (n, (spec, says)) in rows.into_iter().enumerate() {
        let request = world.request(&format!("bad-{n}"), spec);
        world.settle();
        assert_eq!(world.ready(&request), "False InvalidSpec");
        assert!(world.message(&request).contains(says), "{}", world.message(&request));
    }
    assert_eq!(world.ready(&good), "True Issued");
    assert_eq!(world.ready(&front), "True Available");
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    // It is refused: said on the Frontend credential, and its requests wait.
    world.service.apps.insert("front".into(), "rotated".into());
    let late = world.request("late", json!({"exchangeCredentialRef": reference("front")}));
    world.settle();
    assert_eq!(world.ready(&front), "False InvalidClient");
    assert_eq!(world.ready(&late), "False CredentialNotReady");
    world.login("legal", "front-login", "front", "rotated");
    world.settle();
    assert_eq!(world.ready(&late), "True Issued");
    assert_eq!(world.ready(&front), "True Available");
}

#[test]
fn purposes_and_lifetimes_are_the_credentials_to_allow() {
    let mut world = World::new();
    let partner = world.partner();
    world.edit(&partner, json!({"allowedPurposes": ["other"], "maxServiceTokenTTL": "1h"}));
    let scoped = world.request("scoped", json!({}));
    let service =
        world.request("service", json!({"deliver": "ServiceToken", "purpose": "other", "interviewId": null}));
    let shorter =
        json!({"deliver": "ServiceToken", "purpose": "other", "serviceTokenTTL": "30m", "interviewId": null});
    let short = world.request("short", shorter);
    world.settle();
    assert_eq!(world.ready(&scoped), "False PurposeNotAllowed");
    assert_eq!(world.ready(&service), "False ServiceTokenTTLNotAllowed");
    assert_eq!(world.ready(&short), "True Issued");
    assert_eq!(world.value("web", "short-token", "service_token").as_deref(), Some("service-2"));
    world.edit(&partner, json!({"allowedPurposes": null, "maxServiceTokenTTL": null}));
    world.settle();
    assert_eq!((world.ready(&scoped), world.ready(&service)), ("True Issued".into(), "True Issued".into()));
}

fn consent(spec: &Value, labels: &[(&str, &str)]) -> bool {
    let mut world = World::new();
    world.server.label("web", labels);
    let partner = world.partner();
    world.edit(&partner, json!({"allowedNamespaces": spec}));
    let request = world.request("interview", json!({}));
    world.settle();
    world.ready(&request) == "True Issued"
}

#[test]
fn only_namespaces_that_the_credential_allows() {
    assert!(!consent(&Value::Null, &[]), "default: nobody else");
    assert!(!consent(&json!({"from": "Same"}), &[]));
    assert!(consent(&json!({"from": "All"}), &[]));
    assert!(consent(&json!({"from": "Selected", "names": ["db", "web"]}), &[]));
    assert!(!consent(&json!({"from": "Selected", "names": ["web-2"]}), &[("team", "web")]));
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"team": "web"}}});
    assert!(consent(&selector, &[("team", "web")]));
    assert!(!consent(&selector, &[("team", "db")]));
    let empty = json!({"from": "Selected", "selector": {}});
    assert!(!consent(&empty, &[("team", "web")]), "an empty selector selects nothing");
}

#[test]
fn consent_comes_and_goes_with_the_label() {
    let mut world = World::new();
    world.server.label("web", &[]);
    let partner = world.partner();
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"team": "web"}}});
    world.edit(&partner, json!({"allowedNamespaces": selector}));
    let request = world.request("interview", json!({}));
    world.settle();
    assert_eq!(world.ready(&request), "False CredentialNotFound");
    world.server.label("web", &[("team", "web")]);
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    world.server.label("web", &[]);
    world.pass(hours(7));
    assert_eq!(world.ready(&request), "True Issued", "its token lives out");
    assert!(world.message(&request).contains("cannot be renewed"), "{}", world.message(&request));
    assert_eq!(world.service.count(Call::ServiceToken), 1);
}

/// Absent and not consenting: same status, same calls, same next look.
#[test]
fn nobody_can_tell_an_absent_credential_from_one_that_does_not_consent() {
    let asked = |consenting: bool| {
        let mut world = World::new();
        if consenting {
            let partner = world.partner();
            world.edit(&partner, json!({"allowedNamespaces": null}));
            world.settle();
        }
        world.settle();
        let request = world.request("interview", json!({}));
        let (asked, calls) = world.watch(|world| world.pass(hours(1)));
        let mut status = world.status(&request).clone();
        for condition in status["conditions"].as_array_mut().unwrap() {
            condition["lastTransitionTime"].take();
        }
        let shown = format!(
            "{:?}",
            super::super::super::decide::facts(&world.operator.turns.state, &request, world.now)
                .unwrap()
                .chain
        );
        (status, asked.into_iter().filter(|it| it.contains("interview")).collect::<Vec<_>>(), shown, calls)
    };
    assert_eq!(asked(true), asked(false));
    assert_eq!(asked(true).2, "Absent");
}

/// Two watches have no common order: a request may be seen before a change of a client Secret that is older. That costs one
/// more token, and none where the app is the same.
#[test]
fn a_client_secret_whose_change_is_seen_after_a_request_costs_one_more_token_at_most() {
    for (id, exchanges) in [("another", 2), ("front", 1)] {
        let mut world = World::new();
        world.partner();
        let front = world.front();
        world.settle();
        world.service.apps.insert(id.into(), "f".into());
        world.login("legal", "front-login", id, "f");
        let change = world.server.feeds.remove(&Watched::OtherSecrets).unwrap();
        let reference = json!({"name": "front", "namespace": "legal"});
        let request = world.request("interview", json!({"exchangeCredentialRef": reference}));
        world.settle();
        assert_eq!(world.service.count(Call::Exchange), 1);
        world.server.feeds.insert(Watched::OtherSecrets, change);
        world.settle();
        world.pass(hours(1));
        assert_eq!(world.service.count(Call::Exchange), exchanges, "{id}");
        assert_eq!(world.ready(&request), "True Issued");
        assert_eq!(world.ready(&front), "True Available");
    }
}

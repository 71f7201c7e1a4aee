//! When a token is issued, and when none is.

use jiff::SignedDuration;
use serde_json::json;

use super::super::World;
use super::{hours, minutes};
use crate::auth::{Call, Class, Scope};
use crate::operator::decide::Decision;

/// A credential and a request, both in order.
fn in_order() -> (World, crate::decision::Key, crate::decision::Key) {
    let mut world = World::new();
    let partner = world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    (world, partner, request)
}

#[test]
fn a_first_issue_takes_three_calls_and_two_writes_each() {
    let (world, partner, request) = in_order();
    assert_eq!(world.ready(&partner), "True Issued");
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.service.total(), 3);
    let writes: Vec<_> = world.server.journal.iter().filter(|it| !it.starts_with("read")).collect();
    assert_eq!(writes.len(), 4, "{writes:?}");
    assert_eq!(world.value("web", "interview-token", "access_token").as_deref(), Some("scoped-3"));
    assert_eq!(
        world.value("legal", "partner-access-token", "authorization").as_deref(),
        Some("Bearer access-1")
    );
}

#[test]
fn a_token_that_ends_in_the_gates_line_is_not_called_good() {
    let (mut world, _, request) = in_order();
    let decide =
        |world: &World, now| crate::operator::decide::decide(&world.operator.turns.state, &request, now);
    let due = world.now + hours(8);
    let Some(Decision::Call { meanwhile, .. }) = decide(&world, due) else { panic!("a renewal is due") };
    assert!(meanwhile.publish.is_none(), "it is good, and nothing is said of routine work");
    world.edit(&request, json!({}));
    let ended = world.now + hours(11);
    match decide(&world, ended) {
        // Its credential's token has ended too: it waits for that one, and says so.
        Some(Decision::Rest(rest)) => assert!(rest.publish.is_some()),
        Some(Decision::Call { meanwhile, .. }) => assert!(meanwhile.publish.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restart_with_objects_in_order_reads_each_login_and_does_nothing_else() {
    let (mut world, ..) = in_order();
    for n in 0..20 {
        world.request(&format!("more-{n}"), json!({}));
    }
    world.settle();
    let (asked, calls) = world.watch(|world| {
        world.restart();
        world.pass(minutes(60));
    });
    assert_eq!(asked, ["read partner-login".to_owned()].into());
    assert_eq!(calls, 0);
    let (asked, calls) = world.watch(|world| {
        for what in super::super::STREAMS {
            world.server.relist(what);
        }
        world.settle();
    });
    assert!(asked.is_empty() && calls == 0, "a relist: {asked:?}");
}

#[test]
fn after_a_restart_the_access_token_is_read_once_when_a_request_needs_it() {
    let (mut world, ..) = in_order();
    world.restart();
    world.settle();
    let (asked, calls) = world.watch(|world| {
        world.request("second", json!({}));
        world.request("third", json!({}));
        world.settle();
    });
    assert!(asked.contains("read partner-access-token"), "{asked:?}");
    assert_eq!(world.server.journal.iter().filter(|it| it.starts_with("read ")).count(), 1);
    assert_eq!(calls, 4, "two service tokens, two exchanges");
}

#[test]
fn a_token_is_renewed_within_its_window_and_only_then() {
    let (mut world, partner, _) = in_order();
    let (_, calls) = world.watch(|world| world.pass(minutes(299)));
    assert_eq!(calls, 0, "before half of its life");
    let (_, calls) = world.watch(|world| world.pass(minutes(111)));
    assert_eq!(calls, 3, "by two thirds of its life");
    assert_eq!(world.service.count(Call::AccessToken), 2);
    assert_eq!(world.ready(&partner), "True Issued");
}

/// A day at 10 hours a token is at most four renewals of each, each of them two writes.
#[test]
fn a_day_costs_what_it_must() {
    let (mut world, ..) = in_order();
    world.server.journal.clear();
    world.pass(hours(24));
    let (access, service) = (world.service.count(Call::AccessToken), world.service.count(Call::ServiceToken));
    assert!((4..=6).contains(&access) && (4..=6).contains(&service), "{access} {service}");
    let writes = world.server.journal.iter().filter(|it| it.starts_with("write")).count();
    let statuses = world.server.journal.iter().filter(|it| it.starts_with("status")).count();
    assert_eq!(writes, access + service - 2);
    assert_eq!(statuses, writes, "two writes per renewal: {:?}", world.server.journal);
}

#[test]
fn an_upgrade_issues_nothing_until_the_next_renewal() {
    let (mut world, partner, request) = in_order();
    for (namespace, name) in [("legal", "partner-access-token"), ("web", "interview-token")] {
        let whole = world.secret(namespace, name).record.unwrap();
        rewrite_with_other_hash(&mut world, namespace, name, &whole);
    }
    world.restart();
    let (_, calls) = world.watch(|world| world.pass(minutes(60)));
    assert_eq!(calls, 0);
    assert_eq!((world.ready(&partner), world.ready(&request)), ("True Issued".into(), "True Issued".into()));
    let (_, calls) = world.watch(|world| world.pass(hours(6)));
    assert_eq!(calls, 3);
}

/// As another version would have written it: content hash included.
fn rewrite_with_other_hash(world: &mut World, namespace: &str, name: &str, record: &crate::decision::Record) {
    use crate::cluster::managed_secret::{Draft, OwnedBy, manifest};
    use crate::token::AccessToken;
    let text = world.value(namespace, name, "access_token").unwrap();
    let token = AccessToken::read(&text).unwrap();
    let old = world.server.secrets[&(namespace.to_owned(), name.to_owned())].clone();
    let key = world.server.objects.keys().find(|it| *it.namespace == *namespace).unwrap().clone();
    let object = world.operator.turns.state.object(&key).unwrap();
    let template = match &object.detail {
        crate::state::Detail::Credential(it) => it.spec.as_ref().unwrap().template.clone().unwrap(),
        crate::state::Detail::Request(it) => it.spec.as_ref().unwrap().template.clone(),
    };
    let record = crate::decision::Record {
        inputs: crate::decision::InputsHash::Other("v0:older".into()),
        ..record.clone()
    };
    let draft = Draft {
        namespace,
        owner: OwnedBy { kind: key.kind, name: &key.name, uid: &object.meta.uid.clone() },
        template: &template,
        record: &record,
        token: &token,
    };
    let mut body: serde_json::Value = serde_json::from_slice(manifest(&draft, None).bytes()).unwrap();
    body["metadata"]["uid"] = old["metadata"]["uid"].clone();
    world.server.put_secret(namespace, name, body);
}

#[test]
fn a_renewal_by_hand_comes_once_and_not_within_30_seconds() {
    let (mut world, _, request) = in_order();
    let (_, calls) = world.watch(|world| {
        world.renew(&request, "now");
        world.pass(SignedDuration::from_secs(29));
    });
    assert_eq!(calls, 0, "deferred");
    world.restart();
    let (_, calls) = world.watch(|world| world.pass(SignedDuration::from_secs(2)));
    assert_eq!(calls, 2, "across a restart, and not dropped");
    assert_eq!(world.status(&request)["lastHandledRenewRequest"], "now");
    let (_, calls) = world.watch(|world| world.pass(hours(1)));
    assert_eq!(calls, 0, "once");
}

#[test]
fn suspended_nothing_is_issued_and_the_token_stays() {
    let (mut world, partner, request) = in_order();
    world.edit(&request, json!({"suspend": true}));
    world.settle();
    assert_eq!(world.ready(&request), "True Suspended");
    assert!(world.status(&request)["token"]["renewAt"].is_null());
    world.renew(&request, "now");
    world.pass(hours(9));
    assert_eq!(world.service.count(Call::ServiceToken), 1);
    world.pass(hours(2));
    assert_eq!(world.ready(&request), "False Suspended");
    assert_eq!(world.ready(&partner), "True Issued");
    world.edit(&request, json!({"suspend": false}));
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert_eq!(world.status(&request)["lastHandledRenewRequest"], "now", "the hand renewal waited");
    assert_eq!(world.service.count(Call::ServiceToken), 2);
}

#[test]
fn requests_of_a_suspended_credential_wait_too() {
    let (mut world, partner, _) = in_order();
    world.edit(&partner, json!({"suspend": true}));
    world.settle();
    let second = world.request("second", json!({}));
    let (_, calls) = world.watch(World::settle);
    assert_eq!(calls, 0);
    assert_eq!(world.ready(&second), "False CredentialNotReady");
    world.edit(&partner, json!({"suspend": false}));
    world.settle();
    assert_eq!(world.ready(&second), "True Issued");
}

#[test]
fn after_renew_until_the_token_lives_out_and_the_request_goes() {
    let mut world = World::new();
    world.partner();
    let until = world.now + hours(4);
    let spec = json!({"renewUntil": until.to_string(), "ttlSecondsAfterFinished": 3600});
    let request = world.request("interview", spec);
    world.settle();
    assert_eq!(world.ready(&request), "True Issued");
    assert!(world.status(&request)["token"]["renewAt"].is_null(), "none will come");
    world.pass(hours(5));
    assert_eq!(world.ready(&request), "True RenewalEnded");
    world.pass(hours(5) + minutes(1));
    assert_eq!(world.ready(&request), "False Expired");
    world.pass(minutes(57));
    assert!(world.server.objects.contains_key(&request), "kept for an hour after its last token");
    world.pass(minutes(2));
    assert!(!world.server.objects.contains_key(&request), "removed");
}

#[test]
fn after_renew_until_a_lost_secret_is_not_replaced() {
    let mut world = World::new();
    world.partner();
    let until = world.now + hours(4);
    let request = world.request("interview", json!({"renewUntil": until.to_string()}));
    world.pass(hours(5));
    world.server.delete_secret("web", "interview-token");
    let (_, calls) = world.watch(|world| world.pass(minutes(20)));
    assert_eq!(calls, 0);
    assert_eq!(world.ready(&request), "False Expired");
}

/// The token that was in it lives on, wherever it was copied to.
#[test]
fn a_request_whose_secret_was_deleted_is_finished_when_its_token_ends() {
    let mut world = World::new();
    world.partner();
    let until = world.now + hours(4);
    let spec = json!({"renewUntil": until.to_string(), "ttlSecondsAfterFinished": 3600});
    let request = world.request("interview", spec);
    world.pass(hours(5));
    let told = world.status(&request)["token"]["expiresAt"].clone();
    world.server.delete_secret("web", "interview-token");
    world.pass(minutes(90));
    assert_eq!(world.ready(&request), "False Expired");
    assert_eq!(world.status(&request)["token"], json!({"expiresAt": told}));
    world.restart();
    world.pass(hours(4));
    assert!(world.server.objects.contains_key(&request), "its token ended half an hour ago");
    world.pass(minutes(31));
    assert!(!world.server.objects.contains_key(&request), "removed");
}

#[test]
fn a_request_created_after_its_own_end_issues_nothing() {
    let mut world = World::new();
    world.partner();
    let until = world.now - minutes(1);
    let request = world.request("late", json!({"renewUntil": until.to_string()}));
    world.settle();
    assert_eq!(world.ready(&request), "False Expired");
    assert_eq!(world.service.count(Call::ServiceToken), 0);
}

#[test]
fn ready_turns_false_within_a_second_of_a_tokens_end() {
    let (mut world, partner, _) = in_order();
    world.service.fail(Call::AccessToken, Some((Class::Transient, Scope::Endpoint)));
    let end = world.now + hours(10);
    world.pass(hours(10) - SignedDuration::from_secs(2));
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.message(&partner).contains("cannot be renewed"), "{}", world.message(&partner));
    world.pass(end.duration_since(world.now) + SignedDuration::from_secs(1));
    assert_eq!(world.ready(&partner), "False ServiceUnavailable");
    world.service.fail(Call::AccessToken, None);
    world.pass(minutes(5));
    assert_eq!(world.ready(&partner), "True Issued");
    assert!(world.status(&partner)["failure"].is_null());
}

/// The Secret that comes of such a write is as the spec was before.
#[test]
fn an_edit_while_the_secret_is_written_is_rendered_all_the_same() {
    let (mut world, partner, _) = in_order();
    world.server.journal.clear();
    world.edit(&partner, json!({"secret": {"labels": {"team": "legal"}}}));
    world.step_until(&partner, "write partner-access-token");
    world.edit(&partner, json!({"secret": {"labels": {"team": "web"}}}));
    world.settle();
    let secret = &world.server.secrets[&("legal".into(), "partner-access-token".into())];
    assert_eq!(secret["metadata"]["labels"]["team"], "web");
}

#[test]
fn cosmetic_edits_render_anew_without_issuing() {
    let (mut world, partner, request) = in_order();
    let (_, calls) = world.watch(|world| {
        let look = json!({"secret": {"keys": {"accessToken": "TOKEN"}, "labels": {"team": "web"}}});
        world.edit(&request, look.clone());
        world.edit(&partner, look);
        world.settle();
    });
    assert_eq!(calls, 0);
    assert_eq!(world.value("web", "interview-token", "TOKEN").as_deref(), Some("scoped-3"));
    assert_eq!(world.value("web", "interview-token", "access_token"), None);
    assert_eq!(world.value("legal", "partner-access-token", "TOKEN").as_deref(), Some("access-1"));
    let (asked, _) = world.watch(World::settle);
    assert!(asked.is_empty(), "{asked:?}");
}

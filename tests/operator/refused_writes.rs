//! What if the cluster refuses the managed Secret? The token is kept, nothing is issued twice, and the condition says why.

use control_plane::audit::Mark;
use rocketlawyer_operator::emulator::{AppScope, Call, FaultPlan};
use serde_json::{Value, json};

use super::process::until;
use super::server::{self, Kind};
use super::told::{self, condition};
use super::world::{PATIENCE, Wishes, World};

const SECRET: &str = "partner-access-token";

#[test]
fn a_namespace_out_of_quota_burns_no_tokens() {
    let mut world = World::running("quota");
    world.refusals = true;
    world.login("client", AppScope::Backend);
    out_of_quota(&world, 1);
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretWriteRefused");
    assert_eq!(condition(&credential, "Stalled"), "True/SecretWriteRefused");
    wait_for_attempts(&world, world.began, 2);
    assert_eq!(world.auth_calls(), 1);

    // After a restart the server is asked before the service is.
    world.operator.kill();
    let mark = world.mark();
    world.operator.start();
    wait_for_attempts(&world, mark, 1);
    assert_eq!(world.auth_calls(), 1);
    world
        .control_plane
        .kubectl(&["delete", "resourcequota", "tight", "-n", &world.namespace])
        .expect("deleted");
    world.edit(Kind::Credential, "partner", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn a_token_that_could_not_be_written_is_written_when_there_is_room() {
    let mut world = World::running("room");
    world.refusals = true;
    world.login("client", AppScope::Backend);
    out_of_quota(&world, 1);
    world.credential("partner", json!({}));
    world.wait_told(Kind::Credential, "partner", "False/SecretWriteRefused");
    world
        .control_plane
        .kubectl(&["delete", "resourcequota", "tight", "-n", &world.namespace])
        .expect("deleted");
    world.wait_ready(Kind::Credential, "partner");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

/// Issue 8, point 5. What an hour and restarts cost is shown in the model world.
#[test]
fn many_objects_out_of_quota_cost_one_issue_each() {
    const MANY: u64 = 50;
    let mut world = World::running("no-room-for-many");
    world.refusals = true;
    world.partner(json!({}));
    world.wait_ready(Kind::Credential, "partner");
    out_of_quota(&world, 2);
    let mark = world.mark();
    let names: Vec<String> = (0..MANY).map(|n| format!("interview-{n}")).collect();
    for name in &names {
        world.request(name, json!({}));
    }
    for name in &names {
        world.wait_told(Kind::Request, name, "False/SecretWriteRefused");
    }
    wait_for_attempts(&world, mark, 3 * names.len());
    assert_eq!(world.auth_calls(), 1 + 2 * MANY);
    world.kubectl(&["delete", "resourcequota", "tight", "-n", &world.namespace]);
    // Their next attempts are up to 40 seconds away.
    wait_for_attempts(&world, world.mark(), names.len());
    for name in &names {
        world.wait_ready(Kind::Request, name);
    }
    world.settle();
    assert_eq!(world.auth_calls(), 1 + 2 * MANY);
}

#[test]
fn an_admission_policy_that_refuses_burns_no_tokens() {
    let mut world = World::running("policy");
    world.refusals = true;
    let app = world.login("client", AppScope::Backend);
    let name = world.namespace.clone();
    forbid_managed_secrets(&world, &name);
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretWriteRefused");
    assert_eq!(condition(&credential, "Stalled"), "True/SecretWriteRefused");
    assert!(told::message(&credential, "Ready").contains("admission policy"));
    // What the policy says may hold anything: it goes nowhere.
    assert!(!credential.to_string().contains("canary of the policy"));
    world.kubectl(&["delete", "validatingadmissionpolicybinding", &name]);
    world.wait_ready(Kind::Credential, "partner");
    world.settle();
    assert_eq!(world.auth_calls(), 1);

    // A renewal, and after a restart the server is asked before the service is.
    let before = world.secret(SECRET);
    forbid_managed_secrets(&world, &name);
    world.change_secret(&app, "another");
    world.wait_for(Kind::Credential, "partner", |it| {
        told::is(it, "True/Issued") && it["status"]["failure"]["reason"] == "SecretWriteRefused"
    });
    assert_eq!(world.auth_calls(), 2);
    world.operator.kill();
    let mark = world.mark();
    world.operator.start();
    wait_for_writes(&world, mark, "update", 1);
    world.settle();
    assert_eq!(world.auth_calls(), 2);
    assert_eq!(told::version(&world.secret(SECRET)), told::version(&before));
    world.kubectl(&["delete", "validatingadmissionpolicybinding", &name]);
    world.edit(Kind::Credential, "partner", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    world.wait_renewed(SECRET, &before);
    // What was issued before died with the process that held it.
    assert_eq!(world.auth_calls(), 3);
}

/// Seen while the call is under way: what it brings is good for when the Secret is gone.
#[test]
fn a_token_that_arrives_when_its_secret_was_made_immutable_is_kept() {
    let wishes = Wishes { proxied: true, proxied_service: true, ..Wishes::default() };
    let mut world = World::new("fixed-meanwhile", &wishes);
    world.operator.start();
    let (app, _) = world.partner(json!({}));
    world.emulator.add_fault(FaultPlan { delay: 4_000, times: Some(1), ..FaultPlan::default() });
    let asked = || world.proxy().count("POST accesstoken");
    assert_eq!(asked(), 1);
    world.change_secret(&app, "another");
    assert!(until(PATIENCE, || (asked() > 1).then_some(())).is_some(), "{}", world.situation());
    let fixed = world.edit(Kind::Secret, SECRET, json!({"immutable": true}));
    world.wait_for(Kind::Credential, "partner", |it| {
        let message = told::message(it, "Ready");
        told::is(it, "True/Issued") && message.contains("immutable") && message.contains("Delete it")
    });
    world.wait_for_calls(Call::AccessToken, 2);
    world.settle();
    assert_eq!(world.secret(SECRET), fixed);
    assert_eq!(world.auth_calls(), 2);

    world.delete(Kind::Secret, SECRET);
    world.wait_renewed(SECRET, &fixed);
    world.wait_for(Kind::Credential, "partner", |it| {
        told::is(it, "True/Issued") && it["status"]["failure"].is_null()
    });
    world.settle();
    assert_eq!(world.auth_calls(), 2);
}

/// Waits until the operator has tried so often to create a Secret.
fn wait_for_attempts(world: &World, since: Mark, wanted: usize) {
    wait_for_writes(world, since, "create", wanted);
}

/// The same of any verb.
fn wait_for_writes(world: &World, since: Mark, verb: &str, wanted: usize) {
    let reached = || {
        let asked = world.asked_since(since);
        let writes = asked.iter().filter(|it| it.verb == verb && it.resource == "secrets" && it.code != 0);
        (writes.count() >= wanted).then_some(())
    };
    let tried = until(PATIENCE, reached).is_some();
    assert!(tried, "it is not tried again\n{}", world.situation());
}

/// No room for another Secret than those `used`.
fn out_of_quota(world: &World, used: usize) {
    let hard = json!({"count/secrets": used.to_string()});
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "tight", "namespace": world.namespace}, "spec": {"hard": hard},
    });
    world.control_plane.apply(&quota.to_string()).expect("a quota");
    let status = json!({"status": {"hard": hard, "used": hard}}).to_string();
    world.kubectl(&[
        "patch",
        "resourcequota",
        "tight",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ]);
    wait_until_refused(world);
}

fn forbid_managed_secrets(world: &World, name: &str) {
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
    });
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]},
            "validations": [{
                "expression": "object.type != 'auth.rocketlawyer.com/token'",
                "message": "canary of the policy", "reason": "Forbidden",
            }],
        },
    });
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here},
        },
    });
    for manifest in [policy, binding] {
        world.control_plane.apply(&manifest.to_string()).expect("a policy");
    }
    wait_until_refused(world);
}

/// The server takes a moment to heed what it was told.
fn wait_until_refused(world: &World) {
    let attempt = || {
        let probe = json!({"metadata": {"generateName": "probe-"}, "type": "auth.rocketlawyer.com/token"});
        match server::create(Kind::Secret, &world.namespace, probe) {
            Ok(made) => {
                world.delete(Kind::Secret, told::text(&made["metadata"]["name"]));
                None
            }
            Err(refused) => Some(refused),
        }
    };
    let refused: Option<_> = until(PATIENCE, attempt);
    assert_ne!(refused.map(|it| Value::from(it.code)), None, "the cluster refuses nothing");
}

//! Whose is a Secret of that name? Nothing foreign is touched, nothing is issued twice, and the condition says what to do.

use rocketlawyer_operator::emulator::AppScope;
use serde_json::{Value, json};

use super::process::until;
use super::server::{self, Kind};
use super::told::{self, condition, text};
use super::world::{COLLECTED, PATIENCE, Wishes, World};

const SECRET: &str = "partner-access-token";

/// Secrets that are not ours, each of another sort.
fn foreign(world: &World) -> [(&'static str, Value); 8] {
    let by_someone = world.create(Kind::ConfigMap, json!({"metadata": {"name": "someone"}}));
    let controller = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "someone", "uid": by_someone["metadata"]["uid"],
        "controller": true,
    }]);
    let ours = json!({"app.kubernetes.io/managed-by": "rocketlawyer-operator"});
    [
        ("opaque", json!({"type": "Opaque", "stringData": {"access_token": "theirs"}})),
        ("empty", json!({"type": "Opaque"})),
        ("tls", json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": "", "tls.key": ""}})),
        ("basic", json!({"type": "kubernetes.io/basic-auth", "stringData": {"username": "them"}})),
        (
            "docker",
            json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}),
        ),
        ("labelled", json!({"type": "Opaque", "metadata": {"labels": ours}})),
        ("near", json!({"type": "auth.rocketlawyer.com/tokens"})),
        (
            "controlled",
            json!({"type": "auth.rocketlawyer.com/token", "metadata": {"ownerReferences": controller}}),
        ),
    ]
}

#[test]
fn foreign_secrets_of_every_sort_are_left_alone() {
    let world = World::running("foreign");
    let app = world.login("client", AppScope::Backend);
    let mut before = Vec::new();
    for (name, mut manifest) in foreign(&world) {
        manifest["metadata"]["name"] = json!(format!("{name}-access-token"));
        before.push((name, world.create(Kind::Secret, manifest)));
        world.credential(name, json!({}));
    }
    // The client Secret of somebody else is foreign too.
    world.credential(
        "client-as-target",
        json!({"clientSecretRef": {"name": "other"}, "secret": {"name": "client"}}),
    );
    world.client_secret("other", &json!({"client_id": app.client_id, "client_secret": app.client_secret}));
    before.push(("client-as-target", world.secret("client")));
    for (name, secret) in &before {
        let credential = world.wait_told(Kind::Credential, name, "False/SecretNotOwned");
        assert_eq!(condition(&credential, "Stalled"), "True/SecretNotOwned");
        let message = told::message(&credential, "Ready");
        let secret_name = text(&secret["metadata"]["name"]);
        assert!(
            message.contains(&format!("\"{secret_name}\"")) && message.contains("Delete or rename it"),
            "{message}"
        );
    }
    for (name, _) in &before {
        world.wait_for_event(name, "SecretNotOwned");
    }
    world.settle();
    for (_, secret) in &before {
        let now = world.secret(text(&secret["metadata"]["name"]));
        assert_eq!(now, *secret);
    }
    assert_eq!(world.auth_calls(), 0);
}

#[test]
fn a_name_that_becomes_free_is_taken_at_once() {
    let world = World::running("freed");
    world.login("client", AppScope::Backend);
    let theirs = json!({"metadata": {"name": SECRET}, "type": "Opaque"});
    world.create(Kind::Secret, theirs);
    world.credential("partner", json!({}));
    world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    world.delete(Kind::Secret, SECRET);
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_foreign_secret_in_place_of_a_deleted_one_is_left_alone() {
    let mut world = World::running("replaced");
    world.partner(json!({}));
    world.operator.kill();
    world.delete(Kind::Secret, SECRET);
    let theirs = json!({"metadata": {"name": SECRET}, "type": "Opaque", "stringData": {"a": "b"}});
    let theirs = world.create(Kind::Secret, theirs);
    world.operator.start();
    world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    world.settle();
    assert_eq!(world.secret(SECRET), theirs);
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn of_two_objects_with_one_secret_name_the_first_has_it_until_it_goes() {
    let world = World::running("rivals");
    world.partner(json!({}));
    let first = world.secret(SECRET);
    world.credential("rival", json!({"secret": {"name": SECRET}}));
    world.request("rival", json!({"secret": {"name": SECRET}}));
    world.wait_told(Kind::Credential, "rival", "False/SecretNotOwned");
    world.wait_told(Kind::Request, "rival", "False/SecretNotOwned");
    world.settle();
    assert_eq!(world.secret(SECRET), first);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
    assert_eq!(world.auth_calls(), 1);

    world.delete(Kind::Request, "rival");
    world.delete(Kind::Credential, "partner");
    world.wait_ready(Kind::Credential, "rival");
    assert_eq!(world.secret(SECRET)["metadata"]["ownerReferences"][0]["name"], "rival");
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn an_orphaned_secret_is_adopted_with_its_token() {
    let world = World::running("orphan");
    let (_, credential) = world.partner(json!({}));
    let before = world.secret(SECRET);
    server::delete(Kind::Credential, &world.namespace, "partner", "Orphan");
    world.wait_within(COLLECTED, Kind::Credential, "partner", Value::is_null);
    world.wait_for(Kind::Secret, SECRET, |it| it["metadata"]["ownerReferences"].is_null());

    let again = world.credential("partner", json!({}));
    assert_ne!(again["metadata"]["uid"], credential["metadata"]["uid"]);
    world.wait_ready(Kind::Credential, "partner");
    let after = world.secret(SECRET);
    assert_eq!(after["data"], before["data"]);
    assert_eq!(after["metadata"]["ownerReferences"][0]["uid"], again["metadata"]["uid"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_secret_whose_owner_was_stripped_is_adopted_with_its_token() {
    let world = World::running("stripped");
    let (_, credential) = world.partner(json!({}));
    let before = world.secret(SECRET);
    world.edit(Kind::Secret, SECRET, json!({"metadata": {"ownerReferences": null}}));
    let uid = &credential["metadata"]["uid"];
    let adopted = |it: &Value| it["metadata"]["ownerReferences"][0]["uid"] == *uid;
    let after = world.wait_for(Kind::Secret, SECRET, adopted);
    assert_eq!(after["data"], before["data"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_secret_of_our_type_that_holds_no_token_of_ours_is_adopted_and_filled() {
    let world = World::running("hollow");
    world.login("client", AppScope::Backend);
    let hollow = json!({
        "metadata": {"name": SECRET}, "type": "auth.rocketlawyer.com/token", "stringData": {"access_token": "no"},
    });
    world.create(Kind::Secret, hollow);
    world.credential("partner", json!({}));
    world.wait_ready(Kind::Credential, "partner");
    let secret = world.secret(SECRET);
    assert!(world.opens("access", &told::data(&secret, "authorization")));
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

/// As on `OpenShift`, where only those who may delete a Secret may give it an owner.
#[test]
fn an_adoption_that_is_refused_says_to_delete_the_secret() {
    let mut world = World::running("unadopted");
    world.refusals = true;
    world.login("client", AppScope::Backend);
    forbid_adoption(&world);
    let restored = json!({"metadata": {"name": SECRET}, "type": "auth.rocketlawyer.com/token"});
    world.create(Kind::Secret, restored);
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    assert_eq!(condition(&credential, "Stalled"), "True/SecretNotOwned");
    assert!(told::message(&credential, "Ready").contains("Delete it"), "{credential:#}");

    world.delete(Kind::Secret, SECRET);
    world.wait_ready(Kind::Credential, "partner");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_secret_restored_with_an_old_owner_is_awaited_to_go_and_then_issued_once() {
    let world = World::running("restored");
    world.login("client", AppScope::Backend);
    let owner = json!([{
        "apiVersion": "auth.rocketlawyer.com/v1alpha1", "kind": "RocketLawyerCredential", "name": "partner",
        "uid": "00000000-0000-0000-0000-000000000001", "controller": true,
    }]);
    let finalizers = json!(["example.com/hold"]);
    let restored = json!({
        "metadata": {"name": SECRET, "ownerReferences": owner, "finalizers": finalizers},
        "type": "auth.rocketlawyer.com/token", "stringData": {"access_token": "of an earlier life"},
    });
    world.create(Kind::Secret, restored);
    world.credential("partner", json!({}));
    let credential = world.wait_told(Kind::Credential, "partner", "False/SecretNotOwned");
    assert_eq!(condition(&credential, "Reconciling"), "True/SecretNotOwned");
    world.wait_within(COLLECTED, Kind::Secret, SECRET, |it| !it["metadata"]["deletionTimestamp"].is_null());
    world.settle();
    assert_eq!(world.auth_calls(), 0);

    world.edit(Kind::Secret, SECRET, json!({"metadata": {"finalizers": null}}));
    world.wait_ready(Kind::Credential, "partner");
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn an_immutable_secret_is_said_and_written_anew_when_it_is_deleted() {
    let world = World::running("immutable");
    world.partner(json!({}));
    let before = world.edit(Kind::Secret, SECRET, json!({"immutable": true}));
    world.edit(Kind::Credential, "partner", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    let says_so =
        |it: &Value| told::is(it, "True/Issued") && told::message(it, "Ready").contains("Delete it");
    world.wait_for(Kind::Credential, "partner", says_so);
    world.settle();
    assert_eq!(told::version(&world.secret(SECRET)), told::version(&before));

    world.delete(Kind::Secret, SECRET);
    let after = world.wait_for(Kind::Secret, SECRET, |it| it["metadata"]["labels"]["team"] == "legal");
    assert_eq!(after["data"], before["data"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_secret_that_is_held_while_it_is_deleted_is_put_back_once_it_is_gone() {
    let world = World::running("held");
    world.partner(json!({}));
    let before = world.edit(Kind::Secret, SECRET, json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    world.delete(Kind::Secret, SECRET);
    world.settle();
    world.edit(Kind::Secret, SECRET, json!({"metadata": {"finalizers": null}}));
    let uid = &before["metadata"]["uid"];
    let after = world.wait_for(Kind::Secret, SECRET, |it| !it.is_null() && it["metadata"]["uid"] != *uid);
    assert_eq!(after["data"], before["data"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn what_belongs_to_a_deleted_object_goes_and_does_not_come_back() {
    let world = World::running("gone");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.wait_for_event("interview", "Issued");
    world.wait_for_event("partner", "Issued");
    let (calls, mark) = (world.auth_calls(), world.mark());
    // One that is held in the foreground, so that its Secret goes before it does.
    world.edit(Kind::Credential, "partner", json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    server::delete(Kind::Credential, &world.namespace, "partner", "Foreground");
    server::delete(Kind::Request, &world.namespace, "interview", "Background");
    world.wait_within(COLLECTED, Kind::Secret, SECRET, Value::is_null);
    world.wait_within(COLLECTED, Kind::Secret, "interview-token", Value::is_null);
    world.settle();
    assert!(!world.get(Kind::Credential, "partner").is_null());
    assert!(world.get(Kind::Secret, SECRET).is_null());
    world.edit(Kind::Credential, "partner", json!({"metadata": {"finalizers": null}}));
    world.wait_within(COLLECTED, Kind::Credential, "partner", Value::is_null);
    world.settle();
    // A word about an object that has just gone does no harm.
    let writes = world.writes_since(mark);
    assert!(writes.keys().all(|write| write.contains("/status ")), "{writes:#?}");
    assert_eq!(world.auth_calls(), calls);
    assert!(
        world.get(Kind::Secret, SECRET).is_null() && world.get(Kind::Secret, "interview-token").is_null()
    );
}

#[test]
fn a_namespace_that_is_deleted_ends_quietly() {
    let wishes = Wishes { others: &["ending"], ..Wishes::default() };
    let mut world = World::new("staying", &wishes);
    // The Role there goes with it, and may go first.
    world.refusals = true;
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let ending = world.others[0].clone();
    for name in ["a", "b", "c"] {
        world.request_in(&ending, name, json!({}));
        world.wait_in(&ending, Kind::Request, name, |it| told::is(it, "True/Issued"));
    }
    let calls = world.auth_calls();
    world.kubectl(&["delete", "namespace", &ending, "--timeout=120s"]);
    world.settle();
    assert_eq!(world.auth_calls(), calls);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

#[test]
fn a_namespace_that_is_deleted_before_its_first_token_ends_quietly() {
    let wishes = Wishes { others: &["unborn"], ..Wishes::default() };
    let mut world = World::new("waiting", &wishes);
    world.refusals = true;
    world.operator.start();
    let unborn = world.others[0].clone();
    for name in ["a", "b"] {
        world.request_in(&unborn, name, json!({}));
        world.wait_in(&unborn, Kind::Request, name, |it| told::is(it, "False/CredentialNotFound"));
    }
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    server::edit(Kind::Request, &unborn, "a", &hold);
    world.kubectl(&["delete", "namespace", &unborn, "--wait=false"]);
    world.wait_in(&unborn, Kind::Request, "b", Value::is_null);
    let mark = world.mark();
    // What they waited for comes too late for both.
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    world.settle();
    let writes = world.writes_since(mark);
    let late = |write: &&String| write.ends_with(" a") || write.ends_with(" b") || write.contains("a-token");
    assert_eq!(writes.keys().find(late), None, "{writes:#?}");
    assert_eq!(world.auth_calls(), 1);
    server::edit(Kind::Request, &unborn, "a", &json!({"metadata": {"finalizers": null}}));
    world
        .control_plane
        .kubectl(&["wait", "--for=delete", "namespace", &unborn, "--timeout=120s"])
        .expect("it ends");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    let log = world.operator.log();
    assert_eq!(log.lines().find(|line| line.contains("\"level\":\"ERROR\"")), None);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

/// Nobody gives an owner to a Secret that has none.
fn forbid_adoption(world: &World) {
    let name = &world.namespace;
    let rule =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"]});
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
            "validations": [{
                "expression": "has(oldObject.metadata.ownerReferences) || !has(object.metadata.ownerReferences)",
                "reason": "Forbidden",
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    for manifest in [policy, binding] {
        world.control_plane.apply(&manifest.to_string()).expect("a policy");
    }
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "probe", "uid": "00000000-0000-0000-0000-000000000001"}]);
    let change = json!({"metadata": {"ownerReferences": owner}}).to_string();
    world.create(Kind::Secret, json!({"metadata": {"name": "probe"}, "type": "Opaque"}));
    let arguments =
        ["-n", name, "patch", "secret", "probe", "--type=merge", "--dry-run=server", "-p", &change];
    let refused = until(PATIENCE, || world.control_plane.kubectl(&arguments).err());
    assert!(refused.is_some(), "the policy never applied");
}

//! What happens to a managed Secret that somebody deletes or edits?

use std::collections::BTreeMap;

use rocketlawyer_operator::cluster::managed_secret::{Draft, Over, OwnedBy, StoredSecret};
use rocketlawyer_operator::decision::{KeyNames, Kind as Owned, Record, Template};
use rocketlawyer_operator::token::AccessToken;
use serde_json::{Value, json};

use super::process::until;
use super::server::{self, Kind};
use super::told::{self, data, text};
use super::world::{PATIENCE, World};

#[test]
fn a_deleted_secret_is_put_back_from_memory() {
    let world = World::running("deleted");
    world.partner(json!({}));
    let before = world.secret("partner-access-token");

    world.delete(Kind::Secret, "partner-access-token");
    let uid = &before["metadata"]["uid"];
    let after = world
        .wait_for(Kind::Secret, "partner-access-token", |it| !it.is_null() && it["metadata"]["uid"] != *uid);
    assert_eq!(after["data"], before["data"]);
    assert_eq!(after["metadata"]["annotations"], before["metadata"]["annotations"]);
    world.wait_for_event("partner", "SecretRestored");
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn an_edited_secret_is_put_back_as_it_was_written() {
    let world = World::running("edited");
    world.partner(json!({"secret": {"labels": {"team": "legal"}}}));
    let before = world.secret("partner-access-token");
    let edits = [
        json!({"stringData": {"access_token": "theirs"}}),
        json!({"data": {"token_type": null}}),
        json!({"stringData": {"added": "by somebody"}}),
        json!({"metadata": {"annotations": {"auth.rocketlawyer.com/expires-at": "2099-01-01T00:00:00Z"}}}),
        json!({"metadata": {"annotations": {"auth.rocketlawyer.com/inputs-hash": null}}}),
        json!({"metadata": {"labels": {"team": "theirs"}}}),
    ];
    for edit in edits {
        world.edit(Kind::Secret, "partner-access-token", edit);
        world.wait_for(Kind::Secret, "partner-access-token", |it| {
            it["data"] == before["data"]
                && it["metadata"]["annotations"] == before["metadata"]["annotations"]
                && it["metadata"]["labels"] == before["metadata"]["labels"]
        });
    }
    world.settle();
    assert_eq!(world.auth_calls(), 1);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
}

/// Whoever can write the Secret can write all of it as the operator does.
#[test]
fn a_token_that_is_replaced_with_a_hash_that_fits_is_put_back() {
    let world = World::running("forged");
    world.partner(json!({}));
    world.request("interview", json!({}));
    world.wait_ready(Kind::Request, "interview");
    world.settle();
    let calls = world.auth_calls();
    let owners = [(Owned::Credential, "partner-access-token"), (Owned::Request, "interview-token")];
    let [held, issued] = owners.map(|(kind, name)| {
        let before = world.secret(name);
        write_as_the_operator(&world, kind, &before, "theirs", |_| {});
        let after = world.wait_for(Kind::Secret, name, |it| data(it, "access_token") != "theirs");
        data(&before, "access_token") == data(&after, "access_token")
    });
    assert!(held, "a credential's token is in memory");
    assert!(!issued, "a request's is not, and is issued anew");
    world.settle();
    assert_eq!(world.auth_calls(), calls + 2);
    assert!(told::is(&world.get(Kind::Credential, "partner"), "True/Issued"));
    world.wait_ready(Kind::Request, "interview");
}

/// Replaces the Secret of an object as the operator would, with this token and the record that is there, changed.
pub fn write_as_the_operator(
    world: &World,
    kind: Owned,
    secret: &Value,
    token: &str,
    change: impl FnOnce(&mut Record),
) {
    let metadata = &secret["metadata"];
    let seen = StoredSecret::parse(secret.to_string().as_bytes()).expect("a Secret").seen();
    let template = Template {
        name: text(&metadata["name"]).into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        keys: KeyNames {
            token: "access_token".into(),
            token_type: "token_type".into(),
            authorization: "authorization".into(),
            expires_at: "expires_at".into(),
        },
    };
    let mut record = seen.record.clone().expect("a record");
    change(&mut record);
    let owner = &metadata["ownerReferences"][0];
    let draft = Draft {
        namespace: &world.namespace,
        owner: OwnedBy { kind, name: text(&owner["name"]), uid: text(&owner["uid"]) },
        template: &template,
        record: &record,
        token: &AccessToken::read(token).expect("a token"),
    };
    let over = Over { uid: &seen.uid, version: seen.version };
    let written = server::as_operator(async |api| api.replace_secret(&draft, over).await);
    written.expect("a replaced Secret");
}

#[test]
fn a_key_added_while_the_operator_was_away_goes_without_issuing() {
    let mut world = World::running("added");
    world.partner(json!({}));
    let before = world.secret("partner-access-token");
    world.operator.kill();
    world.edit(Kind::Secret, "partner-access-token", json!({"stringData": {"added": "by somebody"}}));
    world.operator.start();

    world.wait_for(Kind::Secret, "partner-access-token", |it| it["data"] == before["data"]);
    world.settle();
    assert_eq!(world.auth_calls(), 1);
}

#[test]
fn a_secret_lost_while_the_operator_was_away_is_replaced_by_issuing_once() {
    let mut world = World::running("lost");
    world.partner(json!({}));
    world.operator.kill();
    world.edit(Kind::Secret, "partner-access-token", json!({"stringData": {"access_token": "theirs"}}));
    let edited = world.secret("partner-access-token");
    world.operator.start();

    let secret = world.wait_renewed("partner-access-token", &edited);
    assert!(world.opens("access", &data(&secret, "authorization")));
    world.settle();
    assert_eq!(world.auth_calls(), 2);
}

#[test]
fn what_a_policy_adds_to_a_secret_is_not_fought() {
    let world = World::running("mutated");
    label_managed_secrets(&world);
    world.partner(json!({}));
    let before = world.secret("partner-access-token");
    assert_eq!(before["metadata"]["labels"]["policy"], "was-here");
    world.settle();
    assert_eq!(told::version(&world.secret("partner-access-token")), told::version(&before));

    // Neither does it keep the spec from being followed, once.
    let mark = world.mark();
    world.edit(Kind::Credential, "partner", json!({"spec": {"secret": {"labels": {"team": "legal"}}}}));
    world.wait_for(Kind::Secret, "partner-access-token", |it| it["metadata"]["labels"]["team"] == "legal");
    world.settle();
    assert_eq!(world.writes_since(mark).get("update secrets partner-access-token"), Some(&1));
    assert_eq!(world.auth_calls(), 1);
}

/// A policy of the cluster that labels every managed Secret of the namespace.
fn label_managed_secrets(world: &World) {
    let name = &world.namespace;
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
    });
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let label = "[JSONPatch{op: 'add', path: '/metadata/labels/policy', value: 'was-here'}]";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
            "matchConditions": [{"name": "ours", "expression": "object.type == 'auth.rocketlawyer.com/token'"}],
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": label}}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name},
    });
    for manifest in [policy, binding] {
        world.control_plane.apply(&manifest.to_string()).expect("a policy");
    }
    let probe = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "auth.rocketlawyer.com/token",
        "metadata": {"name": "probe", "namespace": name, "labels": {"probe": "yes"}},
    });
    let arguments = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let labelled = until(PATIENCE, || {
        let made = world.control_plane.kubectl_with(&arguments, &probe.to_string()).expect("an answer");
        made.contains("was-here").then_some(())
    });
    assert!(labelled.is_some(), "the policy never applied");
}

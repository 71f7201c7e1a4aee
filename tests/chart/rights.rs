//! May the operator do what it must, and nothing else, in each installation?

use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use control_plane::chart::RELEASE;
use control_plane::control_plane::service_account_user;
use serde_json::{Value, json};

use super::{control_plane, namespace};

/// Verbs, group and resources: what each installation grants where it works.
const WORK: Table = &[
    ("get,list,watch", OURS, "rocketlawyercredentials,scopedtokenrequests"),
    ("patch", OURS, "rocketlawyercredentials/status,scopedtokenrequests/status"),
    ("delete", OURS, "scopedtokenrequests"),
    ("get,list,watch,create,update", "", "secrets"),
    ("create", "events.k8s.io", "events"),
];

/// What is granted nowhere: what a stolen token must not be good for.
const NEVER: Table = &[
    ("patch,delete,deletecollection", "", "secrets"),
    ("create,update,patch", OURS, "rocketlawyercredentials,scopedtokenrequests"),
    ("delete", OURS, "rocketlawyercredentials"),
    ("deletecollection", OURS, "scopedtokenrequests"),
    ("update", OURS, "rocketlawyercredentials/status,scopedtokenrequests/status"),
    ("get,list,patch,delete", "events.k8s.io", "events"),
    ("get,list,create,delete", "", "pods,configmaps,services,serviceaccounts"),
    ("create", "", "serviceaccounts/token,pods/exec"),
    ("get,create,update,escalate,bind", "rbac.authorization.k8s.io", "roles,rolebindings,clusterroles"),
    ("impersonate", "", "users,groups,serviceaccounts"),
    ("get,create,update,patch,delete", "", "namespaces"),
    ("get,create,update", "apiextensions.k8s.io", "customresourcedefinitions"),
];

const NAMESPACES: Table = &[("list,watch", "", "namespaces")];

type Table = &'static [(&'static str, &'static str, &'static str)];

const OURS: &str = "auth.rocketlawyer.com";
/// A review without a namespace asks for all of them.
const ANYWHERE: &str = "";

#[test]
fn the_cluster_installation_may_work_everywhere_and_nothing_else() {
    let installed = namespace("chart-cluster");
    let asked = Asked::installed(&installed, &json!({}));
    for place in [&installed, "default", ANYWHERE] {
        asked.expect(WORK, place, true);
        asked.expect(NEVER, place, false);
    }
    asked.expect(NAMESPACES, ANYWHERE, true);
}

#[test]
fn a_list_of_namespaces_is_all_that_it_may_work_in() {
    let installed = namespace("chart-listed");
    let listed = [namespace("chart-listed-a"), namespace("chart-listed-b")];
    let asked = Asked::installed(&installed, &json!({"namespaces": listed}));
    for namespace in &listed {
        asked.expect(WORK, namespace, true);
        asked.expect(NEVER, namespace, false);
    }
    for place in [&installed, "default", ANYWHERE] {
        asked.expect(WORK, place, false);
        asked.expect(NEVER, place, false);
    }
    asked.expect(NAMESPACES, ANYWHERE, false);

    let asked = Asked::installed(&installed, &json!({"namespaces": listed, "namespaceSelectors": true}));
    asked.expect(NAMESPACES, ANYWHERE, true);
    asked.expect(WORK, ANYWHERE, false);
}

#[test]
fn view_edit_and_admin_reach_the_two_kinds() {
    let namespace = &namespace("chart-people");
    let control_plane = control_plane();
    Asked::installed(namespace, &json!({}));
    let kinds = "rocketlawyercredentials,scopedtokenrequests";
    let read = [("get,list,watch", OURS, kinds)];
    let write = [("create,update,patch,delete,deletecollection", OURS, kinds)];
    for (role, may_write) in [("view", false), ("edit", true), ("admin", true)] {
        let user = format!("chart-{role}");
        let arguments =
            ["create", "rolebinding", role, "-n", namespace, "--clusterrole", role, "--user", &user];
        control_plane.kubectl(&arguments).unwrap();
        let asked = Asked { control_plane, user };
        // A controller of the cluster adds the rules, one role after the other.
        asked.wait_for(if may_write { &write } else { &read }, namespace);
        asked.expect(&read, namespace, true);
        asked.expect(&write, namespace, may_write);
        asked.expect(&read, "default", false);
    }
}

/// Whose rights are asked for.
struct Asked {
    control_plane: &'static ControlPlane,
    user: String,
}

impl Asked {
    /// The operator's own account, as the chart sets it up in a namespace that exists.
    fn installed(namespace: &str, values: &Value) -> Self {
        let control_plane = control_plane();
        if let Err(error) = control_plane.install_rights(namespace, values) {
            panic!("the rights with {values}: {error}");
        }
        let user = service_account_user(namespace, RELEASE);
        Self { control_plane, user }
    }

    fn expect(&self, table: &[(&str, &str, &str)], place: &str, expected: bool) {
        let wrong: Vec<_> = self.ask(table, place).into_iter().filter(|(_, may)| *may != expected).collect();
        assert!(wrong.is_empty(), "{} in {place:?}, expected {expected} everywhere: {wrong:?}", self.user);
    }

    fn wait_for(&self, table: &[(&str, &str, &str)], place: &str) {
        let started = Instant::now();
        while self.ask(table, place).iter().any(|(_, may)| !may) {
            let answers = self.ask(table, place);
            assert!(started.elapsed() < Duration::from_secs(15), "{} in {place}: {answers:?}", self.user);
        }
    }

    /// Asks the API server's own authoriser, all questions at once.
    fn ask(&self, table: &[(&str, &str, &str)], place: &str) -> Vec<(String, bool)> {
        let mut questions = Vec::new();
        for (verbs, group, resources) in table {
            for (verb, resource) in
                verbs.split(',').flat_map(|verb| resources.split(',').map(move |it| (verb, it)))
            {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                questions.push(json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": {"user": self.user, "resourceAttributes": {"verb": verb, "group": group,
                        "resource": resource, "subresource": subresource, "namespace": place}},
                }));
            }
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": questions}).to_string();
        let answer = match self.control_plane.kubectl_with(&["create", "-o", "json", "-f", "-"], &list) {
            Ok(answer) => answer,
            Err(error) => panic!("cannot ask what {} may: {error}", self.user),
        };
        // One document after the other.
        let items: Vec<Value> = serde_json::Deserializer::from_str(&answer).into_iter().flatten().collect();
        assert_eq!(items.len(), questions.len(), "one answer to each question");
        let told = items.iter().map(|it| {
            let allowed = it["status"]["allowed"].as_bool();
            (it["spec"]["resourceAttributes"].to_string(), allowed.unwrap_or_default())
        });
        told.collect()
    }
}

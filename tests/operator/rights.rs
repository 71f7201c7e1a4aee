//! Does the operator ask for nothing that the chart does not grant? Held of every test of this program when it ends.

use control_plane::RequestKind;
use control_plane::chart::RELEASE;
use serde_json::{Value, json};

use super::server::{Cluster, Kind};
use super::told::text;
use super::world::{Wishes, World};

/// A rule and where it holds; an empty namespace is everywhere.
pub struct Grant {
    namespace: String,
    rule: Value,
}

/// What everybody who has a name may ask, by the server's own roles.
const FOR_EVERYBODY: &[(&str, &str)] = &[("create", "selfsubjectaccessreviews")];

/// What the chart granted to the operator that is installed in `home` and works in `namespaces`.
pub fn granted(cluster: &Cluster, home: &str, namespaces: &[String]) -> Vec<Grant> {
    let roles =
        namespaces.iter().map(|namespace| (namespace.clone(), cluster.get(Kind::Role, namespace, RELEASE)));
    let everywhere = cluster.get(Kind::ClusterRole, "", &format!("{RELEASE}:{home}"));
    let all = roles.chain([(String::new(), everywhere)]);
    all.flat_map(|(namespace, role)| {
        let listed = role["rules"].as_array().cloned().unwrap_or_default();
        listed.into_iter().map(move |rule| Grant { namespace: namespace.clone(), rule })
    })
    .collect()
}

/// Panics if the operator asked for anything else, or was refused.
pub fn check(world: &World) {
    let asked = world.asked_since(world.began);
    let beyond: Vec<_> = asked
        .iter()
        .filter(|request| (request.code == 403 && !world.refusals) || !is_covered(&world.granted, request))
        .collect();
    assert!(beyond.is_empty(), "beyond what the chart grants: {beyond:#?}");
}

fn is_covered(granted: &[Grant], request: &RequestKind) -> bool {
    let resource = if request.subresource.is_empty() {
        request.resource.clone()
    } else {
        format!("{}/{}", request.resource, request.subresource)
    };
    let lists = |rule: &Value, field: &str, wanted: &str| {
        let list = rule[field].as_array();
        list.is_some_and(|list| list.iter().any(|it| text(it) == wanted))
    };
    let by_rule = granted.iter().any(|Grant { namespace, rule }| {
        (namespace.is_empty() || *namespace == request.namespace)
            && lists(rule, "apiGroups", &request.group)
            && lists(rule, "resources", &resource)
            && lists(rule, "verbs", &request.verb)
    });
    by_rule || FOR_EVERYBODY.contains(&(&request.verb, &resource))
}

#[test]
fn what_the_chart_does_not_grant_is_told_apart() {
    let mut world = World::new("rights", &Wishes { others: &["rights-other"], ..Wishes::default() });
    world.operator.start();
    world.partner(json!({}));
    world.settle();
    let asked = world.asked_since(world.began);
    assert!(asked.iter().any(|it| it.resource == "secrets" && it.verb == "create"), "{asked:#?}");
    assert!(asked.iter().all(|it| is_covered(&world.granted, it)));

    let request = |verb: &str, resource: &str, namespace: &str| RequestKind {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.to_owned(),
        ..RequestKind::default()
    };
    let here = &world.namespace;
    assert!(is_covered(&world.granted, &request("update", "secrets", here)));
    assert!(is_covered(&world.granted, &request("update", "secrets", &world.others[0])));
    for wrong in [
        request("patch", "secrets", here),
        request("delete", "secrets", here),
        request("list", "secrets", ""),
        request("get", "secrets", "default"),
        request("get", "configmaps", here),
        request("list", "namespaces", ""),
    ] {
        assert!(!is_covered(&world.granted, &wrong), "{wrong:?}");
    }
}

//! Which values does the chart take, and do they reach the operator?

use std::process::Command;

use control_plane::Tool;
use control_plane::chart::{chart, operator_arguments, render_chart};
use serde_json::{Value, json};

use super::{only, rendered};

#[test]
fn helm_finds_nothing_to_object_to() {
    let helm =
        Command::new(Tool::Helm.path().unwrap()).args(["lint", "--strict"]).arg(chart()).output().unwrap();
    assert!(helm.status.success(), "{}", String::from_utf8_lossy(&helm.stdout));
}

#[test]
fn values_become_arguments() {
    assert_eq!(
        operator_arguments(&rendered("rl", &json!({}))),
        [
            "--auth-rate=25",
            "--auth-burst=50",
            "--auth-in-flight=32",
            "--log-level=info",
            "--log-format=json",
            "--http-bind-address=[::]:8080"
        ]
    );
    let values = json!({
        "namespaces": ["legal", "web"],
        "allowEndpoints": ["https://a.example.com", "https://b.example.com:8443"],
        "caBundle": {"configMap": "roots", "key": "all.pem"},
        "authService": {"rate": 0, "burst": 3, "inFlight": 4},
        "logLevel": "debug",
        "logFormat": "text",
        "httpPort": 9090,
    });
    let expected = [
        "--namespaces=legal,web",
        "--allow-endpoint=https://a.example.com",
        "--allow-endpoint=https://b.example.com:8443",
        "--ca-bundle=/etc/rocketlawyer-operator/ca/all.pem",
        "--auth-rate=0",
        "--auth-burst=3",
        "--auth-in-flight=4",
        "--log-level=debug",
        "--log-format=text",
        "--http-bind-address=[::]:9090",
    ];
    assert_eq!(operator_arguments(&rendered("rl", &values)), expected);
}

#[test]
fn an_image_is_pinned_by_its_digest() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let image = |values: Value| {
        let objects = rendered("rl", &json!({"image": values}));
        only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(json!({"repository": "r.example.com/o", "tag": "1.2"})), "r.example.com/o:1.2");
    let pinned = image(json!({"repository": "r.example.com/o", "tag": "1.2", "digest": digest}));
    assert_eq!(pinned, format!("r.example.com/o@{digest}"));
}

#[test]
fn wrong_values_are_refused() {
    let wrong: [(Value, &str); 11] = [
        (json!({"image": {"digest": "1.2"}}), "/image/digest"),
        (json!({"replicas": 2}), "replicas"),
        (json!({"namespaces": "legal"}), "/namespaces"),
        (json!({"namespaces": ["Legal"]}), "/namespaces/0"),
        (json!({"namespaces": ["a", "a"]}), "/namespaces"),
        (json!({"allowEndpoints": ["gateway.example.com"]}), "/allowEndpoints/0"),
        (json!({"logLevel": "loud"}), "/logLevel"),
        (json!({"networkPolicy": {"enabled": "yes"}}), "/networkPolicy/enabled"),
        // An empty peer would be everybody.
        (json!({"networkPolicy": {"enabled": true, "from": [{}]}}), "/networkPolicy/from/0"),
        (json!({"authService": {"burst": 1}}), "/authService/burst"),
        (json!({"crds": {"instal": true}}), "instal"),
    ];
    for (values, place) in wrong {
        let said = match render_chart("rl", &values) {
            Ok(objects) => panic!("{values} was taken for {} objects", objects.len()),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(place), "{values} is refused without naming {place}: {said}");
    }
}

//! Who may reach the Pod, where the chart is asked to say so?

use serde_json::{Value, json};

use super::{only, rendered};

#[test]
fn the_policy_lets_in_scrapers_and_bars_no_way_out() {
    let scrapers = json!([{"namespaceSelector": {"matchLabels": {"team": "watch"}}}]);
    let objects = rendered("rl", &json!({"networkPolicy": {"enabled": true, "from": scrapers}}));
    let spec = &only(&objects, "NetworkPolicy")["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress"]));
    assert_eq!(spec["ingress"], json!([{"ports": [{"port": "http", "protocol": "TCP"}], "from": scrapers}]));

    let pod = &only(&objects, "Deployment")["spec"]["template"];
    let ports = &pod["spec"]["containers"][0]["ports"];
    assert!(ports.as_array().is_some_and(|it| it.iter().any(|port| port["name"] == "http")), "{ports}");
    let chosen = spec["podSelector"]["matchLabels"].as_object().filter(|it| !it.is_empty());
    for (name, value) in chosen.expect("labels, or every Pod of the namespace is meant") {
        assert_eq!(&pod["metadata"]["labels"][name], value, "{name}");
    }
}

#[test]
fn without_a_list_everybody_may_scrape_and_unasked_there_is_no_policy() {
    let objects = rendered("rl", &json!({"networkPolicy": {"enabled": true}}));
    let rule = &only(&objects, "NetworkPolicy")["spec"]["ingress"][0];
    assert_eq!((&rule["from"], &rule["ports"][0]["port"]), (&Value::Null, &json!("http")));

    let objects = rendered("rl", &json!({}));
    assert!(objects.iter().all(|object| object["kind"] != "NetworkPolicy"));
}

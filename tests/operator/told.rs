//! What does an object say of itself? Readers of conditions, tokens and managed Secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

/// A condition as `status/reason`; empty where it is absent.
pub fn condition(object: &Value, type_: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|it| it["type"] == type_));
    found.map_or(String::new(), |it| format!("{}/{}", text(&it["status"]), text(&it["reason"])))
}

/// The message of a condition; empty where it is absent.
pub fn message(object: &Value, type_: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|it| it["type"] == type_));
    found.map_or(String::new(), |it| text(&it["message"]).to_owned())
}

/// Whether the latest spec has been seen, and `Ready` is this.
pub fn is(object: &Value, ready: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    !object.is_null()
        && object["status"]["observedGeneration"] == *generation
        && condition(object, "Ready") == ready
}

/// A data key of a Secret; empty where it is absent.
pub fn data(secret: &Value, key: &str) -> String {
    let bytes = STANDARD.decode(text(&secret["data"][key])).expect("base64");
    String::from_utf8(bytes).expect("text")
}

/// An annotation of ours; empty where it is absent.
pub fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    text(&object["metadata"]["annotations"][format!("auth.rocketlawyer.com/{name}")])
}

/// An instant; panics where it is none.
pub fn instant(value: &Value) -> Timestamp {
    text(value).parse().unwrap_or_else(|_| panic!("{value} is no instant"))
}

/// A text; empty where it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Uid and resourceVersion: what changes when anybody touches the object.
pub fn version(object: &Value) -> (String, String) {
    let metadata = &object["metadata"];
    (text(&metadata["uid"]).to_owned(), text(&metadata["resourceVersion"]).to_owned())
}

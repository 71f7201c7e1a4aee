//! What was asked? A method and a resource, in words that tests write: `PUT secrets`, `PATCH scopedtokenrequests/status`,
//! `WATCH managed secrets`, `POST accesstoken`.

use http::{Method, Uri};

/// A request by its name.
pub struct Asked {
    /// `METHOD resource`.
    pub(super) name: String,
}

impl Asked {
    pub fn of(method: &Method, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let segments: Vec<_> = uri.path().trim_matches('/').split('/').collect();
        if segments.first() == Some(&"partners") {
            let name = format!("{method} {}", segments.last().unwrap_or(&""));
            return Self { name };
        }
        // Behind `api/v1` or `apis/GROUP/VERSION`.
        let rest = segments.get(if segments.first() == Some(&"api") { 2 } else { 3 }..).unwrap_or_default();
        let rest = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            rest => rest,
        };
        let (resource, name, subresource) = match rest {
            [resource, rest @ ..] => (*resource, rest.first(), rest.get(1)),
            [] => ("", None, None),
        };
        let verb = match method.as_str() {
            "GET" if query.contains("watch=") => "WATCH",
            "GET" if name.is_none() => "LIST",
            "POST" | "PUT" if query.contains("dryRun=") => "REHEARSE",
            other => other,
        };
        let which = match (verb, resource) {
            ("WATCH" | "LIST", "secrets") if query.contains("%21%3D") || query.contains("!=") => "other ",
            ("WATCH" | "LIST", "secrets") if query.contains("type") && !query.contains("metadata.name") => {
                "managed "
            }
            _ => "",
        };
        let slash = if subresource.is_some() { "/" } else { "" };
        let name = format!("{verb} {which}{resource}{slash}{}", subresource.unwrap_or(&""));
        Self { name }
    }

    pub(super) fn is_watch(&self) -> bool {
        self.name.starts_with("WATCH ")
    }

    /// Whether it asks for all there is, to be watched from then on.
    pub(super) fn is_list(&self) -> bool {
        self.name.starts_with("LIST ") && self.name != "LIST secrets"
    }

    pub(super) fn is_auth_call(&self) -> bool {
        self.name.ends_with(" accesstoken") || self.name.ends_with(" servicetoken")
    }

    /// Whether it changes something that the operator must not lose.
    pub(super) fn is_effect(&self) -> bool {
        let is_secret = ["POST secrets", "PUT secrets"].contains(&self.name.as_str());
        is_secret
            || self.is_auth_call()
            || (self.name.starts_with("PATCH ") && self.name.ends_with("/status"))
    }
}

#[test]
fn requests_bear_the_names_that_tests_write() {
    let secrets = "/api/v1/namespaces/a/secrets";
    let requests = "/apis/auth.rocketlawyer.com/v1alpha1/namespaces/a/scopedtokenrequests";
    for (method, uri, name) in [
        ("POST", format!("{secrets}?fieldManager=x"), "POST secrets"),
        ("POST", format!("{secrets}?fieldManager=x&dryRun=All"), "REHEARSE secrets"),
        ("PUT", format!("{secrets}/b?fieldManager=x"), "PUT secrets"),
        ("GET", format!("{secrets}/b"), "GET secrets"),
        ("GET", format!("{secrets}?fieldSelector=metadata.name%3Db%2Ctype%3Dc"), "LIST secrets"),
        ("GET", format!("{secrets}?&watch=true&fieldSelector=type%3Dc"), "WATCH managed secrets"),
        ("GET", format!("{secrets}?&fieldSelector=type%21%3Dc&limit=100"), "LIST other secrets"),
        ("PATCH", format!("{requests}/b/status?fieldManager=x"), "PATCH scopedtokenrequests/status"),
        ("GET", format!("{requests}?&watch=true"), "WATCH scopedtokenrequests"),
        ("GET", "/api/v1/namespaces?&watch=true".to_owned(), "WATCH namespaces"),
        ("POST", "/partners/v1/auth/servicetoken".to_owned(), "POST servicetoken"),
    ] {
        let asked = Asked::of(&method.parse().expect("a method"), &uri.parse().expect("a path"));
        assert_eq!(asked.name, name, "{method} {uri}");
    }
}

//! The bodies: what is sent, byte for byte, and what is tolerated in what comes back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ServiceTokenAnswer, ServiceTokenRequest, TokenAnswer, TokenRequest, Whole, body};
use crate::auth::Application;

fn answer(value: &Value) -> TokenAnswer {
    serde_json::from_str(&value.to_string()).unwrap()
}

#[test]
fn requests_are_written_as_the_service_reads_them() {
    let grant = TokenRequest {
        grant_type: super::CLIENT_CREDENTIALS,
        client_id: "id",
        client_secret: "s\"c",
        code: None,
    };
    let expected = br#"{"grant_type":"client_credentials","client_id":"id","client_secret":"s\"c"}"#;
    let written = body(&grant);
    assert_eq!(written.as_slice(), expected);
    assert_eq!(written.capacity(), expected.len(), "a body that grew has left a copy behind");
    let exchange = TokenRequest { grant_type: super::AUTHORIZATION_CODE, code: Some("st"), ..grant };
    assert!(body(&exchange).ends_with(br#","code":"st"}"#));
    let claims = BTreeMap::from([("interviewId".to_owned(), "i".to_owned())]);
    let service = ServiceTokenRequest { purpose: "p", expiration_time: 17, claims: &claims };
    assert_eq!(body(&service).as_slice(), br#"{"purpose":"p","expirationTime":17,"interviewId":"i"}"#);
}

#[test]
fn numbers_are_read_in_either_form() {
    for (value, read) in [
        (json!(35999), Some(35999)),
        (json!("35999"), Some(35999)),
        (json!(" 35999 "), Some(35999)),
        (json!("35999.7"), Some(35999)),
        (json!(-1), Some(-1)),
        (json!("1e3"), Some(1000)),
        (json!(u64::MAX), None),
        (json!("99999999999999999999999"), None),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!(""), None),
        (json!("soon"), None),
        (json!(true), None),
        (json!(null), None),
        (json!([1]), None),
        (json!({"a": 1}), None),
    ] {
        assert_eq!(Whole::of(&value).0, read, "{value}");
        assert_eq!(answer(&json!({"expires_in": value})).expires_in.0, read, "{value}");
    }
}

#[test]
fn fields_of_the_wrong_type_count_as_missing() {
    for wrong in
        [json!(null), json!(1), json!(-1), json!(1.5), json!(true), json!([1, [2]]), json!({"a": {}})]
    {
        let answer = answer(&json!({
            "access_token": wrong, "expires_in": {}, "application_name": wrong, "organization_name": wrong,
            "api_product_list": 7, "api_product_list_json": {"a": 1}, "developer.email": wrong,
        }));
        assert!(answer.access_token.is_none() && answer.application_name.is_none(), "{wrong}");
        assert!(answer.products().is_empty());
        let text = json!({"token": wrong, "expirationTime": wrong}).to_string();
        assert!(serde_json::from_str::<ServiceTokenAnswer>(&text).unwrap().token.is_none(), "{wrong}");
    }
}

#[test]
fn products_come_as_an_array_or_as_bracketed_text() {
    let expected = vec!["a-product", "b-product"];
    for fields in [
        json!({"api_product_list": "[a-product, b-product]"}),
        json!({"api_product_list": ["a-product", "b-product"]}),
        json!({"api_product_list": "nonsense", "api_product_list_json": ["a-product", 7, "b-product"]}),
    ] {
        assert_eq!(answer(&fields).products(), expected, "{fields}");
    }
    assert!(answer(&json!({"api_product_list": "[]"})).products().is_empty());
}

#[test]
fn an_application_is_shown_only_as_harmless_words() {
    let long = "x".repeat(500);
    let fields = json!({
        "application_name": "My <b>app</b>\u{1b}[31m\n", "organization_name": long,
        "api_product_list_json": ["fine_1.0", "has-s3cret-in-it", "s3 cret", "\u{4e2d}"],
    });
    let shown = Application::shown(&answer(&fields), |text| text.contains("s3cret")).unwrap();
    assert_eq!(shown.name.as_deref(), Some("Mybappb31m"));
    assert_eq!(shown.organization.map(|text| text.len()), Some(128));
    assert_eq!(shown.products, ["fine_1.0"], "a value with a credential in it is dropped, filtered or not");
    assert_eq!(Application::shown(&answer(&json!({})), |_| false), None);
    let many: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    let shown = Application::shown(&answer(&json!({"api_product_list_json": many})), |_| false).unwrap();
    assert_eq!(shown.products.len(), 64);
}

//! The emulator refuses what the real service refuses, in the same words and shapes (auth API reference).

use serde_json::{Value, json};

use crate::World;

async fn post(world: &World, path: &str, bearer: Option<&str>, body: &str) -> (u16, Value) {
    let mut request = reqwest::Client::new()
        .post(format!("{}{path}", world.emulator.base_url()))
        .header("content-type", "application/json")
        .body(body.to_owned());
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn grant(world: &World) -> Value {
    let body = json!({
        "grant_type": "client_credentials", "client_id": "backend-key", "client_secret": "backend-secret",
    });
    let (status, answer) = post(world, "/accesstoken", None, &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn an_access_token_answer_has_the_types_of_the_real_one() {
    let world = World::start().await;
    let answer = grant(&world).await;
    for name in [
        "access_token",
        "token_type",
        "expires_in",
        "issued_at",
        "client_id",
        "application_name",
        "organization_name",
        "developer.email",
        "api_product_list",
        "scope",
        "status",
        "refresh_token_expires_in",
        "refresh_count",
    ] {
        assert!(answer[name].is_string(), "{name}: {}", answer[name]);
    }
    assert!(answer["api_product_list_json"].is_array());
    assert_eq!(answer["token_type"], "BearerToken");
    assert_eq!(answer["expires_in"], "36000");
}

#[tokio::test]
async fn grants_are_refused_in_the_gateways_shape() {
    let world = World::start().await;
    let key = json!("backend-key");
    let secret = json!("backend-secret");
    let with = |grant: Value, id: &Value, secret: &Value| {
        json!({"grant_type": grant, "client_id": id, "client_secret": secret}).to_string()
    };
    let grant_type = (400, "Bad Request", "Missing or invalid grant_type");
    let login = (401, "Unauthorized", "Invalid Client Credentials");
    let code = (400, "Bad Request", "Missing or invalid code");
    let rows = [
        (String::new(), grant_type),
        ("grant_type=client_credentials".to_owned(), grant_type),
        ("[]".to_owned(), grant_type),
        (with(json!("password"), &key, &secret), grant_type),
        (with(json!(null), &key, &secret), grant_type),
        (with(json!("client_credentials"), &key, &json!("wrong")), login),
        (with(json!("client_credentials"), &key, &json!(null)), login),
        (with(json!("client_credentials"), &json!("nobody"), &secret), login),
        (with(json!("client_credentials"), &json!(7), &secret), login),
        (with(json!("authorization_code"), &key, &json!("wrong")), login),
        (with(json!("authorization_code"), &key, &secret), code),
    ];
    for (body, (status, errorcode, text)) in rows {
        let answer = post(&world, "/accesstoken", None, &body).await;
        let expected = json!({"fault": {"faultstring": text, "detail": {"errorcode": errorcode}}});
        assert_eq!(answer, (status, expected), "{body}");
    }
}

#[tokio::test]
async fn service_tokens_are_refused_in_the_applications_shape() {
    let world = World::start().await;
    let token = grant(&world).await["access_token"].as_str().unwrap().to_owned();
    let now = rocketlawyer_operator::clock::now().as_second();
    let purpose = json!("api.rocketlawyer.com/rocketdoc");
    let with = |ends: Value, purpose: &Value, interview: Value| {
        json!({"purpose": purpose, "expirationTime": ends, "interviewId": interview}).to_string()
    };
    for body in [
        String::new(),
        "[]".to_owned(),
        with(json!(now + 60), &json!(null), json!("i")),
        with(json!(now + 60), &json!("unheard-of"), json!("i")),
        with(json!(now - 1), &purpose, json!("i")),
        with(json!((now + 60).to_string()), &purpose, json!("i")),
        with(json!(60.5), &purpose, json!("i")),
        with(json!(null), &purpose, json!("i")),
        with(json!(now + 60), &purpose, json!(null)),
        with(json!(now + 60), &purpose, json!(42)),
        json!({"purpose": purpose, "expirationTime": now + 60}).to_string(),
        json!({"purpose": purpose, "expirationTime": now + 60, "interviewId": "i", "x": "y"}).to_string(),
    ] {
        let (status, answer) = post(&world, "/servicetoken", Some(&token), &body).await;
        assert_eq!((status, answer["status"].as_u64()), (400, Some(400)), "{body}");
        assert_eq!(
            (answer["error"].as_str(), answer["path"].as_str()),
            (Some("BAD_REQUEST"), Some("/partners/v1/auth/servicetoken"))
        );
        assert!(answer["timestamp"].is_string() && answer["message"].is_string());
    }
    let body = with(json!(now + 60), &purpose, json!("i"));
    let (status, answer) = post(&world, "/servicetoken", Some(&token), &body).await;
    assert_eq!((status, &answer["purpose"]), (200, &purpose));
    assert_eq!(answer["expirationTime"], json!((now + 60).to_string()), "a text, as in the guide");
}

#[tokio::test]
async fn a_bearer_that_is_missing_or_no_access_token_is_refused() {
    let world = World::start().await;
    let token = grant(&world).await["access_token"].as_str().unwrap().to_owned();
    let now = rocketlawyer_operator::clock::now().as_second();
    let purpose = "api.rocketlawyer.com/rocketdoc";
    let body = json!({"purpose": purpose, "expirationTime": now + 60, "interviewId": "i"}).to_string();
    let (_, answer) = post(&world, "/servicetoken", Some(&token), &body).await;
    let service = answer["token"].as_str().unwrap();
    let unknown = "keymanagement.service.invalid_access_token";
    for (bearer, code) in
        [(None, "oauth.v2.InvalidAccessToken"), (Some("unknown"), unknown), (Some(service), unknown)]
    {
        let (status, answer) = post(&world, "/servicetoken", bearer, &body).await;
        assert_eq!((status, answer["fault"]["detail"]["errorcode"].as_str()), (401, Some(code)));
    }
    world.emulator.set_clock_ahead(36_000);
    let (status, answer) = post(&world, "/servicetoken", Some(&token), &body).await;
    let code = answer["fault"]["detail"]["errorcode"].as_str();
    assert_eq!((status, code), (401, Some("keymanagement.service.access_token_expired")));
}

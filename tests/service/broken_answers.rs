//! An answer that is none costs a fault, never more time or memory than allowed, and is never repeated to anybody.

use std::time::{Duration, Instant};

use rocketlawyer_operator::auth::{AuthClient, Class, ErrorCode, Fault, Limits, Scope};
use rocketlawyer_operator::emulator::{BodyKind, Call, FaultPlan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{World, endpoint, interview, login, short};

fn once(status: u16, body: BodyKind) -> FaultPlan {
    FaultPlan { times: Some(1), status: Some(status), body: Some(body), ..FaultPlan::default() }
}

fn raw(text: &str) -> BodyKind {
    BodyKind::Raw { text: text.to_owned() }
}

async fn told(world: &World, plan: FaultPlan) -> (Class, Scope, Option<ErrorCode>) {
    world.emulator.add_fault(plan);
    let fault: Fault = world.access().await.unwrap_err();
    (fault.class, fault.scope, fault.error_code)
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let world = World::start().await;
    let deep = "[".repeat(60_000);
    let control = r#"{"access_token":"a\nb","expires_in":"600"}"#;
    let rows = [
        (BodyKind::Empty, Scope::Endpoint, ErrorCode::Empty),
        (BodyKind::Html, Scope::Endpoint, ErrorCode::Unreadable),
        (raw("{\"access_token\":\"x\""), Scope::Endpoint, ErrorCode::Unreadable),
        (raw("null"), Scope::Endpoint, ErrorCode::Unreadable),
        (raw(&deep), Scope::Endpoint, ErrorCode::Unreadable),
        (raw("{}"), Scope::Credential, ErrorCode::NoToken),
        (raw(r#"{"access_token":7,"expires_in":"600"}"#), Scope::Credential, ErrorCode::NoToken),
        (raw(r#"{"access_token":"","expires_in":"600"}"#), Scope::Credential, ErrorCode::NoToken),
        (raw(control), Scope::Credential, ErrorCode::NoToken),
        (BodyKind::Truncated, Scope::Endpoint, ErrorCode::Truncated),
        (BodyKind::Huge { bytes: 65_537 }, Scope::Endpoint, ErrorCode::TooLarge),
        (BodyKind::Huge { bytes: 1 << 30 }, Scope::Endpoint, ErrorCode::TooLarge),
        (BodyKind::Huge { bytes: u64::MAX }, Scope::Endpoint, ErrorCode::TooLarge),
    ];
    for (body, scope, code) in rows {
        let told = told(&world, once(200, body.clone())).await;
        assert_eq!(told, (Class::Unexpected, scope, Some(code)), "{body:.100?}");
    }
    // Nothing lingers.
    world.access().await.unwrap();
}

#[tokio::test]
async fn the_largest_body_is_taken_and_one_byte_more_is_not() {
    let world = World::start().await;
    let padded = |length: usize| {
        let head = r#"{"access_token":"x.y.z","expires_in":"600","pad":""#;
        format!("{head}{}\"}}", "p".repeat(length - head.len() - 2))
    };
    world.emulator.add_fault(once(200, raw(&padded(64 * 1024))));
    world.access().await.unwrap();
    let told = told(&world, once(200, raw(&padded(64 * 1024 + 1)))).await;
    assert_eq!(told.2, Some(ErrorCode::TooLarge));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::start().await;
    let elsewhere = World::start().await;
    for status in [301, 302, 303, 307, 308] {
        let mut plan = once(status, BodyKind::Empty);
        let location = format!("{}/accesstoken", elsewhere.emulator.base_url());
        plan.headers.insert("location".to_owned(), location);
        let told = told(&world, plan).await;
        assert_eq!(told, (Class::Unexpected, Scope::Credential, Some(ErrorCode::Redirect)), "{status}");
    }
    assert!(elsewhere.emulator.log().is_empty());
    assert_eq!(world.emulator.calls(Call::AccessToken), 5);
}

#[tokio::test]
async fn a_service_that_never_answers_or_drips() {
    let world = World::impatient().await;
    let hang = FaultPlan { times: Some(1), hang: true, ..FaultPlan::default() };
    let drip = once(200, BodyKind::Dripping { every: 50 });
    for plan in [hang, drip] {
        let start = Instant::now();
        let told = told(&world, plan.clone()).await;
        assert_eq!(told, (Class::Transient, Scope::Endpoint, Some(ErrorCode::TimedOut)), "{plan:?}");
        assert!(start.elapsed() < short().whole_call * 10, "took {:?}", start.elapsed());
    }
    world.access().await.unwrap();
}

#[tokio::test]
async fn nobody_listens() {
    let world = World::start().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = endpoint(&format!("http://{free}/partners/v1/auth"));
    let fault = world.client.access_token(&gone, &world.backend).await.unwrap_err();
    let told = (fault.class, fault.scope, fault.http_status, fault.error_code);
    assert_eq!(told, (Class::Transient, Scope::Endpoint, None, Some(ErrorCode::ConnectionFailed)));
    let nowhere = endpoint("http://no-such-host.invalid/partners/v1/auth");
    let fault = world.client.access_token(&nowhere, &world.backend).await.unwrap_err();
    assert_eq!((fault.class, fault.error_code), (Class::Transient, Some(ErrorCode::NameNotResolved)));
}

/// A whole call has far more time here than this test has: what ends it is the bound of the connection, or nothing.
#[tokio::test]
async fn a_connection_that_hangs_in_its_handshake_is_given_up_by_itself() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", silent.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let limits = Limits { whole_call: Duration::from_hours(1), ..short() };
    let client = AuthClient::with_limits(None, limits);
    let login = login("backend-key", "backend-secret");
    let endpoint = endpoint(&format!("{origin}/partners/v1/auth"));
    let call = client.access_token(&endpoint, &login);
    let ended = tokio::time::timeout(Duration::from_secs(30), call).await;
    let fault = ended.expect("the connection is given up").unwrap_err();
    let told = (fault.class, fault.scope, fault.http_status, fault.error_code);
    assert_eq!(told, (Class::Transient, Scope::Endpoint, None, Some(ErrorCode::TimedOut)));
}

/// Answers whatever comes with these bytes, and closes.
async fn answering(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    format!("http://{address}/partners/v1/auth")
}

#[tokio::test]
async fn answers_that_are_no_http_or_too_much_of_it() {
    let world = World::impatient().await;
    let many = "X-Header: value\r\n".repeat(10_000);
    let long = format!("X-Header: {}\r\n", "x".repeat(1 << 20));
    for (bytes, code) in [
        (Vec::new(), ErrorCode::Truncated),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), ErrorCode::Truncated),
        (b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), ErrorCode::Truncated),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n").into_bytes(), ErrorCode::Truncated),
        (format!("HTTP/1.1 200 OK\r\n{long}\r\n").into_bytes(), ErrorCode::Truncated),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_vec(), ErrorCode::Truncated),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n{".to_vec(), ErrorCode::Truncated),
    ] {
        let endpoint = endpoint(&answering(bytes.clone()).await);
        let fault = world.client.access_token(&endpoint, &world.backend).await.unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert_eq!((fault.scope, fault.error_code), (Scope::Endpoint, Some(code)), "{shown}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let world = World::start().await;
    let mut plan = once(200, raw("\u{1f}\u{8b}\u{8}"));
    plan.headers.insert("content-encoding".to_owned(), "gzip".to_owned());
    assert_eq!(told(&world, plan).await.2, Some(ErrorCode::Unreadable));
}

#[tokio::test]
async fn a_token_that_was_lost_on_its_way_is_transient() {
    let world = World::start().await;
    let mut plan = once(
        504,
        BodyKind::Gateway {
            code: "messaging.adaptors.http.flow.GatewayTimeout".to_owned(),
            text: String::new(),
        },
    );
    plan.after_issuing = true;
    let told = told(&world, plan).await;
    assert_eq!(told, (Class::Transient, Scope::Endpoint, Some(ErrorCode::GatewayTimeout)));
    assert!(world.emulator.log()[0].issued.is_some(), "the emulator had issued");
    world.service(&interview()).await.unwrap();
}

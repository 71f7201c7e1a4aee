//! What is tried again, and what is an answer: against a service of canned answers, and a port where nobody listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::{Request, Response};
use kube::{Client, Config, client::Body};
use tower::service_fn;

use super::{ApiServer, Call, NoAnswer, ReadFailed, WHOLE, is_a_name};
use crate::cluster::Clients;
use crate::cluster::intake::Intake;

/// Answers every request so, without a body, and counts them.
fn answering(status: u16, retry_after: Option<&'static str>) -> (ApiServer, Arc<AtomicU32>) {
    answering_with(status, retry_after, "")
}

fn answering_with(
    status: u16,
    retry_after: Option<&'static str>,
    body: &'static str,
) -> (ApiServer, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let service = service_fn(move |_: Request<Body>| {
        counted.fetch_add(1, Relaxed);
        let mut response = Response::builder().status(status);
        if let Some(after) = retry_after {
            response = response.header("retry-after", after);
        }
        let response = response.body(Body::from(body.as_bytes().to_vec())).unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    (ApiServer::over(Client::new(service, "default"), Intake::default()), count)
}

fn get() -> Call {
    Call::get("/api/v1/namespaces/a".into(), WHOLE)
}

#[tokio::test]
async fn only_a_429_that_says_when_is_tried_again() {
    for (status, retry_after, tries) in [
        (429, Some("0"), 3),
        (429, Some("3600"), 1),
        (429, None, 1),
        (503, Some("0"), 1),
        (500, None, 1),
        (504, None, 1),
        (409, None, 1),
        (200, None, 1),
    ] {
        let (api, count) = answering(status, retry_after);
        let answer = api.call(get()).await.unwrap();
        assert_eq!((answer.status, count.load(Relaxed)), (status, tries), "{status} {retry_after:?}");
    }
}

#[tokio::test]
async fn a_read_gives_what_is_there_or_why_not() {
    let read = async |status, after| answering(status, after).0.read::<()>("/x".into(), WHOLE).await;
    let unavailable = |retry_after| Err(ReadFailed::Unavailable { retry_after });
    assert_eq!(read(403, None).await, Err(ReadFailed::Forbidden));
    assert_eq!(read(503, Some("7")).await, unavailable(Some(Duration::from_secs(7))));
    assert_eq!(read(200, None).await, unavailable(None), "an empty body is no object");
}

/// A server that does not know the kind for a moment, or a proxy before it, says nothing about the object.
#[tokio::test]
async fn only_what_the_server_says_of_the_object_is_believed() {
    let rows = [
        (r#"{"kind":"Status","reason":"NotFound","details":{"name":"x","kind":"secrets"}}"#, true),
        (r#"{"kind":"Status","reason":"NotFound","details":{}}"#, false),
        (r#"{"kind":"Status","reason":"NotFound","details":{"name":""}}"#, false),
        ("404 page not found\n", false),
        ("", false),
    ];
    for (body, absent) in rows {
        let read = answering_with(404, None, body).0.read::<()>("/x".into(), WHOLE).await;
        let unavailable = Err(ReadFailed::Unavailable { retry_after: None });
        assert_eq!(read, if absent { Ok(None) } else { unavailable }, "{body}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_was_not_sent_to() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{port}").parse().unwrap();
    let clients = Clients::for_config(Config::new(url)).unwrap();
    let begun = Instant::now();
    let failed = clients.api.call(get()).await.err();
    assert_eq!(failed, Some(NoAnswer::NotSent));
    // Three tries, with a quarter and half of a second between them.
    assert!(begun.elapsed() >= Duration::from_millis(750), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{").unwrap();
    });
    let clients = Clients::for_config(Config::new(url)).unwrap();
    assert_eq!(clients.api.call(get()).await.err(), Some(NoAnswer::Lost));
    server.join().unwrap();
}

#[test]
fn nothing_but_a_name_reaches_a_path() {
    for name in ["a", "a-b.c", "0", &"x".repeat(253)] {
        assert!(is_a_name(name), "{name}");
    }
    for name in ["", "..", ".", "../x", "a/b", "a?b", "a%2fb", "A", "ä", "a b", &"x".repeat(254)] {
        assert!(!is_a_name(name), "{name}");
    }
}

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::decision::Kind;

/// More than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    shown: Shown,
    end: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn start(health: Health) -> Running {
    start_within(health, LONGEST_EXCHANGE).await
}

async fn start_within(health: Health, longest: Duration) -> Running {
    let shown = Shown { metrics: Arc::new(Metrics::new()), health: Arc::new(health) };
    let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let server =
        tokio::spawn(serve_within(listener, shown.clone(), async move { drop(ended.await) }, longest));
    Running { address, shown, end, server }
}

fn ready() -> Health {
    Health::new(Duration::from_mins(10), [""; 0])
}

/// Status line and headers, and the body.
async fn ask(address: SocketAddr, method: &str, path: &str, accept: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let running = start(ready()).await;
    running.shown.metrics.issued(Kind::Credential, "first");
    let counted = r#"rocketlawyer_issues_total{kind="RocketLawyerCredential",cause="first"} 1"#;

    let open = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let (head, body) = ask(running.address, "GET", "/metrics", open).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.contains(counted) && body.ends_with("# EOF\n"), "{body}");

    let (head, body) = ask(running.address, "GET", "/metrics", "*/*").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains(counted) && !body.contains("# EOF"), "{body}");
}

#[tokio::test]
async fn readyz_names_what_is_missing_until_it_is_there() {
    let running = start(Health::new(PATIENCE, ["the first list of Secrets in namespace legal"])).await;
    let (head, body) = ask(running.address, "GET", "/readyz", "*/*").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "waiting for the first list of Secrets in namespace legal\n");

    running.shown.health.arrived("the first list of Secrets in namespace legal");
    let (head, _) = ask(running.address, "GET", "/readyz", "*/*").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
}

#[tokio::test]
async fn healthz_fails_once_the_loop_is_silent() {
    let lively = start(ready()).await;
    let (head, _) = ask(lively.address, "GET", "/healthz", "*/*").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");

    let silent = start(Health::new(Duration::ZERO, [""; 0])).await;
    let (head, body) = ask(silent.address, "GET", "/healthz", "*/*").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert!(body.starts_with("the loop has not come round for "), "{body}");
}

#[tokio::test]
async fn nothing_can_be_changed_and_nothing_else_is_there() {
    let running = start(ready()).await;
    let (head, _) = ask(running.address, "POST", "/metrics", "*/*").await;
    assert!(head.starts_with("http/1.1 405 "), "{head}");
    let (head, _) = ask(running.address, "GET", "/debug", "*/*").await;
    assert!(head.starts_with("http/1.1 404 "), "{head}");
}

#[tokio::test]
async fn it_ends_when_asked_even_if_a_client_never_finishes() {
    let running = start(ready()).await;
    let mut stuck = TcpStream::connect(running.address).await.unwrap();
    stuck.write_all(b"GET /metrics HTTP/1.1\r\nHost").await.unwrap();
    // Another answer shows that the server has had its turn since.
    ask(running.address, "GET", "/readyz", "*/*").await;
    running.end.send(()).unwrap();
    timeout(PATIENCE, running.server).await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "still listening");
}

/// A client that begins a request and never ends it.
async fn stuck(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost").await.unwrap();
    stream
}

/// Waits until the server has ended the connection.
async fn ended(stream: &mut TcpStream) {
    // Reset or closed: either is an end.
    let _ =
        timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("the connection is still open");
}

#[tokio::test]
async fn clients_that_hold_on_keep_nobody_out_and_are_bounded() {
    let running = start(ready()).await;
    let mut holding = Vec::new();
    for _ in 0..2 * MOST_CONNECTIONS {
        holding.push(stuck(running.address).await);
    }
    let (head, _) = ask(running.address, "GET", "/readyz", "*/*").await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    // The probe was one too many as well.
    let (oldest, latest) = holding.split_at_mut(MOST_CONNECTIONS + 1);
    for stream in oldest {
        ended(stream).await;
    }
    for stream in latest {
        let error = stream.try_read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "ended though there was room for it");
    }
}

#[tokio::test]
async fn nobody_holds_on_for_long() {
    let running = start_within(ready(), Duration::from_millis(20)).await;
    ended(&mut stuck(running.address).await).await;
}

#[tokio::test]
async fn an_address_in_use_is_said_at_once() {
    let running = start(ready()).await;
    let error = bind(running.address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

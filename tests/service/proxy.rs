//! The proxy that the environment names is used, also by an endpoint that brings a CA bundle.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use rocketlawyer_operator::auth::{AuthClient, CaBundle, Class, Endpoint, Origin};

use crate::login;

const CHILD: &str = "ROCKETLAWYER_TEST_PROXIED_URL";

/// Variables count for a whole process, so this test runs itself once more with them set.
#[test]
fn a_proxy_is_used_with_and_without_a_bundle() {
    if let Ok(url) = std::env::var(CHILD) {
        return call_through_proxy(&url);
    }
    for (url, first_line) in [
        ("http://gateway.example.com/auth", "POST http://gateway.example.com/auth/accesstoken HTTP/1.1"),
        ("https://gateway.example.com/auth", "CONNECT gateway.example.com:443 HTTP/1.1"),
    ] {
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let (lines, seen) = mpsc::channel();
        std::thread::spawn(move || {
            // One call without a bundle, one with; each is hung up on.
            for stream in proxy.incoming().take(2) {
                let mut line = String::new();
                BufReader::new(stream.unwrap()).read_line(&mut line).unwrap();
                lines.send(line).unwrap();
            }
        });
        let name = "proxy::a_proxy_is_used_with_and_without_a_bundle";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, url)
            .envs([("HTTP_PROXY", &address), ("HTTPS_PROXY", &address)])
            .envs([("http_proxy", &address), ("https_proxy", &address)])
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        for _ in 0..2 {
            let line = seen.recv_timeout(Duration::from_secs(30)).expect("a call came to the proxy");
            assert_eq!(line.trim_end(), first_line);
        }
    }
}

fn call_through_proxy(url: &str) {
    let pem = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap().cert.pem();
    let bundle: CaBundle = pem.parse().unwrap();
    let origin: Origin = url.trim_end_matches("/auth").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = AuthClient::new(None);
        for bundle in [None, Some(bundle)] {
            let endpoint = Endpoint::custom(url, bundle, std::slice::from_ref(&origin)).unwrap();
            let fault = client.access_token(&endpoint, &login("key", "secret")).await.unwrap_err();
            assert_eq!(fault.class, Class::Transient);
        }
    });
}

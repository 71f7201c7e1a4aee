//! Nothing that any layer logs, at any level, holds a secret or a token: on no path, in no spelling.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rocketlawyer_operator::emulator::{App, AppScope, BodyKind, FaultPlan};
use rocketlawyer_operator::token::Deliverable;
use tracing_subscriber::filter::LevelFilter;

use crate::{World, interview, login};

const SECRET: &str = "canary+client/secret=e6b1";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A secret as it is, percent-encoded, and in base64 at each of the three alignments.
fn spellings(secret: &str) -> Vec<String> {
    let encoded: String = secret
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect();
    let mut spellings = vec![secret.to_owned(), encoded];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for shift in 0..3 {
            let shifted = engine.encode([&vec![b' '; shift][..], secret.as_bytes()].concat());
            // Without the ends, which depend on what stands beside.
            spellings.push(shifted[4..shifted.len() - 4].to_owned());
        }
    }
    spellings
}

#[tokio::test]
async fn no_layer_logs_a_secret_on_any_path() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).expect("the only one in this program");

    let mut world = World::start().await;
    world.emulator.put_app(App::new("backend-key", SECRET, AppScope::Backend));
    world.backend = login("backend-key", SECRET);
    let access = world.access().await.unwrap();
    let service = world.service(&interview()).await.unwrap();
    let scoped = world.exchange(&service.token).await.unwrap();
    let body = BodyKind::Raw { text: format!(r#"{{"error":"{SECRET}","{SECRET}":1"#) };
    for status in [200, 302, 400, 401, 403, 429, 500] {
        world.emulator.add_fault(FaultPlan {
            times: Some(1),
            status: Some(status),
            body: Some(body.clone()),
            ..FaultPlan::default()
        });
        world.access().await.unwrap_err();
    }
    world.emulator.revoke("backend-key");
    world.service_with(&access.token, &interview(), 60).await.unwrap_err();
    world.exchange(&service.token).await.unwrap_err();

    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(log.contains("backend-key"), "the emulator's lines are there");
    assert!(log.contains("hyper_util"), "the lower layers' lines are there");
    let tokens = [
        SECRET,
        access.token.for_managed_secret(),
        service.token.for_managed_secret(),
        scoped.token.for_managed_secret(),
    ];
    for spelling in tokens.into_iter().flat_map(spellings) {
        assert!(!log.contains(&spelling), "{spelling}");
    }
}

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// What was written, for the test to read.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Every level of every target that matters, each line named `target level`.
fn everything() {
    macro_rules! lines {
        ($($target:literal)+) => {$(
            tracing::error!(target: $target, concat!($target, " error"));
            tracing::warn!(target: $target, concat!($target, " warn"));
            tracing::info!(target: $target, concat!($target, " info"));
            tracing::debug!(target: $target, concat!($target, " debug"));
            tracing::trace!(target: $target, concat!($target, " trace"));
        )+};
    }
    lines!("rocketlawyer_operator::operator" "kube_client::client" "kube_runtime::watcher" "h2::codec" "other");
}

fn shown_at(level: LogLevel) -> Vec<String> {
    let lines = Lines::default();
    tracing::subscriber::with_default(json(level, lines.clone()), everything);
    let message =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned();
    lines.text().lines().map(message).collect()
}

#[test]
fn trace_shows_ours_and_loosens_nothing_else() {
    let shown = shown_at(LogLevel::Trace);
    let ours = |line: &&String| line.starts_with("rocketlawyer_operator");
    assert_eq!(shown.iter().filter(ours).count(), 5);
    let others: Vec<_> = shown.iter().filter(|line| !ours(line)).collect();
    assert_eq!(
        others,
        [
            "kube_client::client error",
            "kube_runtime::watcher error",
            "h2::codec error",
            "h2::codec warn",
            "other error",
            "other warn"
        ]
    );
}

#[test]
fn error_shows_errors_only() {
    let shown = shown_at(LogLevel::Error);
    assert_eq!(shown.len(), 5);
    assert!(shown.iter().all(|line| line.ends_with(" error")), "{shown:?}");
}

#[test]
fn json_has_the_fields_at_the_top() {
    let lines = Lines::default();
    tracing::subscriber::with_default(json(LogLevel::Info, lines.clone()), || {
        let span = tracing::info_span!("around", hidden = 1);
        span.in_scope(|| tracing::info!(namespace = "legal", reason = "Issued", "token issued"));
    });
    let line: Value = serde_json::from_str(&lines.text()).unwrap();
    assert_eq!((&line["namespace"], &line["reason"]), (&Value::from("legal"), &Value::from("Issued")));
    assert_eq!((&line["level"], &line["hidden"]), (&Value::from("INFO"), &Value::Null));
}

#[test]
fn text_without_colours_has_no_control_characters() {
    let lines = Lines::default();
    tracing::subscriber::with_default(text(LogLevel::Info, false, lines.clone()), || {
        tracing::info!(name = "a\u{1b}[31mb", "red");
    });
    assert!(lines.text().contains("red"));
    assert!(!lines.text().contains('\u{1b}'), "{:?}", lines.text());
}

#[test]
fn a_panic_tells_its_place_and_not_its_text() {
    let lines = Lines::default();
    let before = std::panic::take_hook();
    keep_panics_quiet();
    tracing::subscriber::with_default(json(LogLevel::Error, lines.clone()), || {
        std::panic::catch_unwind(|| panic!("with a {}", "secret")).unwrap_err();
    });
    std::panic::set_hook(before);
    let line: Value = serde_json::from_str(&lines.text()).unwrap();
    assert_eq!((&line["message"], &line["file"]), (&Value::from("panicked"), &Value::from(file!())));
    assert!(line["line"].is_u64() && !lines.text().contains("secret"), "{line}");
}

#[test]
fn auto_is_text_on_a_terminal_only() {
    assert!(!LogFormat::Auto.is_json(true));
    assert!(LogFormat::Auto.is_json(false));
    assert!(LogFormat::Json.is_json(true));
    assert!(!LogFormat::Text.is_json(false));
}

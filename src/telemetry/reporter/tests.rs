use std::io::{self, Write};
use std::sync::Mutex;

use serde_json::Value;

use super::*;
use crate::decision::Kind;
use crate::telemetry::Exposition;
use crate::telemetry::logging::{LogLevel, json};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one outcome leads to: log lines, metrics page, event.
fn reported(outcome: &Outcome<'_>) -> (Vec<Value>, String, Option<Announcement>) {
    let metrics = Arc::new(Metrics::new());
    let lines = Lines::default();
    let writer = {
        let lines = lines.clone();
        move || lines.clone()
    };
    let key = Key::new(Kind::Credential, "legal", "partner");
    let event = tracing::subscriber::with_default(json(LogLevel::Debug, writer), || {
        Reporter::new(metrics.clone()).report(&key, outcome)
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let logged = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (logged, metrics.encode(Exposition::OpenMetrics), event)
}

fn issued(first: bool, delay: Option<Duration>) -> Outcome<'static> {
    let expires_at = Timestamp::from_millisecond(987).unwrap();
    Outcome::Issued { cause: "renewal_is_due", first, expires_at, delay }
}

fn failed(changed: bool) -> Outcome<'static> {
    Outcome::Failed {
        reason: Reason::InvalidClient,
        message: "The service refused the key and secret.",
        next_attempt_at: Some(Timestamp::UNIX_EPOCH),
        changed,
    }
}

#[test]
fn a_first_issue_is_logged_counted_and_announced() {
    let (logged, page, event) = reported(&issued(true, None));
    assert_eq!(logged.len(), 1);
    for (field, value) in [
        ("level", "INFO"),
        ("kind", "RocketLawyerCredential"),
        ("namespace", "legal"),
        ("name", "partner"),
        ("cause", "renewal_is_due"),
        ("expires_at", "1970-01-01T00:00:00.987Z"),
    ] {
        assert_eq!(logged[0][field], value, "{field}");
    }
    let counted = r#"rocketlawyer_issues_total{kind="RocketLawyerCredential",cause="renewal_is_due"} 1"#;
    assert!(page.contains(counted), "{page}");
    let event = event.unwrap();
    assert_eq!((event.severity, event.reason), (Severity::Normal, Reason::Issued));
    assert_eq!(event.note, "Issued a token that is valid until 1970-01-01T00:00:00Z.");
}

#[test]
fn a_renewal_is_counted_with_its_delay_and_makes_no_event() {
    let (logged, page, event) = reported(&issued(false, Some(Duration::from_secs(2))));
    assert_eq!((logged.len(), event), (1, None));
    assert!(
        page.contains(r#"rocketlawyer_renewal_delay_seconds_sum{kind="RocketLawyerCredential"} 2.0"#),
        "{page}"
    );
}

#[test]
fn a_failure_is_a_warning_and_an_event_once() {
    let (logged, page, event) = reported(&failed(true));
    assert_eq!((&logged[0]["level"], &logged[0]["reason"]), (&"WARN".into(), &"InvalidClient".into()));
    assert_eq!(logged[0]["message"], "The service refused the key and secret.");
    assert_eq!(logged[0]["next_attempt_at"], "1970-01-01T00:00:00Z");
    let counted = r#"rocketlawyer_failures_total{kind="RocketLawyerCredential",reason="InvalidClient"} 1"#;
    assert!(page.contains(counted), "{page}");
    let event = event.unwrap();
    assert_eq!((event.severity, event.reason), (Severity::Warning, Reason::InvalidClient));

    let (logged, page, event) = reported(&failed(false));
    assert_eq!((&logged[0]["level"], event), (&"DEBUG".into(), None));
    assert!(page.contains(counted), "{page}");
}

#[test]
fn what_became_well_again_is_announced() {
    for (outcome, reason) in
        [(Outcome::Recovered, Reason::Recovered), (Outcome::Restored, Reason::SecretRestored)]
    {
        let (logged, _, event) = reported(&outcome);
        assert_eq!(logged[0]["level"], "INFO");
        let event = event.unwrap();
        assert_eq!((event.severity, event.reason), (Severity::Normal, reason));
    }
}

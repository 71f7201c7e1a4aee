//! The shape of an event; posting is tried against a real API server.

use super::{Event, LONGEST_NOTE, Severity, body, cut};
use crate::decision::{Key, Kind};

fn event(note: &str) -> Event {
    Event {
        regarding: Key::new(Kind::Request, "web", "interview-42"),
        uid: "u-1".into(),
        severity: Severity::Warning,
        reason: "SecretNotOwned",
        action: "Write",
        note: note.into(),
    }
}

#[test]
fn an_event_names_its_object() {
    let body = body("pod-1", &event("Delete it."));
    assert_eq!(body["regarding"]["apiVersion"], "auth.rocketlawyer.com/v1alpha1");
    assert_eq!(body["regarding"]["kind"], "ScopedTokenRequest");
    assert_eq!(body["regarding"]["uid"], "u-1");
    assert_eq!(body["type"], "Warning");
    assert_eq!(body["note"], "Delete it.");
    let time = body["eventTime"].as_str().unwrap();
    assert_eq!(time.len(), "2026-11-24T15:15:00.123456Z".len(), "{time}");
}

#[test]
fn a_long_note_is_cut_between_characters() {
    let long = "ä".repeat(600);
    assert_eq!(cut(&long).len(), LONGEST_NOTE);
    let odd = format!("x{long}");
    assert_eq!(cut(&odd).len(), LONGEST_NOTE - 1);
    assert_eq!(cut("short"), "short");
}

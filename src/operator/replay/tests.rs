use serde_json::json;

use super::*;
use crate::cluster::watch::Watched;
use crate::decision::ResourceVersion;
use crate::operator::journal::{News, Version};

/// An operator that has begun to read a client Secret at this instant.
fn reading(now: Timestamp) -> Replay {
    let credential = json!({
        "metadata": {"namespace": "legal", "name": "partner", "uid": "1", "resourceVersion": "7", "generation": 1},
        "spec": {"environment": "Sandbox", "clientSecretRef": {"name": "client"}},
    });
    let (version, mut contents) = (ResourceVersion(7), Contents::default());
    contents.add(Held::Credential, "legal", "partner", version, credential.to_string().into_bytes());
    let mut replay = Replay::new(contents);
    replay.hear(started()).expect("a start");
    let seen = News::Seen(Version("legal".to_owned(), "partner".to_owned(), version));
    replay.hear(Entry::Changed((Watched::Credentials, None), seen)).expect("a credential");
    let began = vec![Task::Read("legal".to_owned(), "client".to_owned())];
    replay.hear(Entry::Looked { now, began }).expect("the same");
    replay
}

fn started() -> Entry {
    let limits = crate::operator::gate::Limits::default();
    Entry::Started { allowed_origins: Vec::new(), reads_namespaces: false, limits, streams: Vec::new() }
}

/// The loop and the core wait for it alike.
#[test]
fn what_never_comes_back_is_said_once_it_was_under_way_for_too_long() {
    let begun = Timestamp::UNIX_EPOCH;
    let clock_set = SignedDuration::from_hours(1);
    let of = |set: bool, seconds: i64, again: bool| {
        let mut replay = reading(begun);
        let mut now = later(begun, SignedDuration::from_secs(seconds));
        if set {
            replay.hear(Entry::ClockSet(clock_set)).expect("another clock");
            now = later(now, clock_set);
        }
        replay.hear(Entry::Looked { now, began: Vec::new() }).expect("nothing new");
        if again {
            replay.hear(started()).expect("a start");
        }
        replay.end()
    };
    for (set, again) in [(false, false), (false, true), (true, false)] {
        assert_eq!(of(set, 45, again), [""; 0], "{set} {again}");
        let lost = of(set, 46, again);
        let says = r#"Read("legal", "client") never came back"#;
        assert!(matches!(&lost[..], [it] if it.starts_with(says)), "{set} {again}: {lost:?}");
    }
    let mut replay = reading(begun);
    replay.hear(Entry::ClockSet(-clock_set)).expect("another clock");
    assert_eq!(replay.end(), [""; 0]);
}

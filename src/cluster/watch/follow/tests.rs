//! The watcher's errors, and what is waited for.

use std::time::Duration;

use kube::{core::Status, runtime::watcher};
use tokio::sync::mpsc;

use super::{Follower, LONGEST_WAIT, Stream, Trouble};
use crate::cluster::watch::Watched;

fn follower() -> Follower {
    Follower {
        stream: Stream {
            what: Watched::Requests,
            namespace: None,
        },
        out: mpsc::channel(1).0,
        broken: false,
        listing: true,
        failures: 0,
        failed_at: None,
    }
}

#[test]
fn waits_grow_to_half_a_minute() {
    let mut follower = follower();
    let waits: Vec<Duration> = (0..12).map(|_| follower.next_wait()).collect();
    assert!(
        waits[0] >= Duration::from_millis(800) && waits[0] <= Duration::from_secs(1),
        "{waits:?}"
    );
    assert!(waits.is_sorted(), "{waits:?}");
    assert_eq!(waits.last(), Some(&LONGEST_WAIT));
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let api = |code| {
        kube::Error::Api(
            Status {
                code,
                ..Status::default()
            }
            .boxed(),
        )
    };
    let of = |code| Trouble::of(&watcher::Error::InitialListFailed(api(code)));
    assert_eq!(of(401), Trouble::Unauthorized);
    assert_eq!(of(403), Trouble::Forbidden);
    assert_eq!(of(404), Trouble::NotInstalled);
    assert_eq!(of(500), Trouble::Answered { status: 500 });
    assert_eq!(
        Trouble::of(&watcher::Error::WatchStartFailed(api(410))),
        Trouble::Expired
    );
    assert_eq!(
        Trouble::of(&watcher::Error::NoResourceVersion),
        Trouble::Unreadable
    );
}

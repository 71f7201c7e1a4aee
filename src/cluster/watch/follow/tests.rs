//! The watcher's errors, what is waited for, and how a stream comes back: against an API server of canned answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use kube::{Client, client::Body, core::Status, runtime::watcher};
use serde_json::json;
use tokio::sync::mpsc;
use tower::service_fn;

use super::{Follower, Trouble};
use crate::cluster::intake::Intake;
use crate::cluster::watch::{Change, Seen, Stream, Watched, edge};

const STREAM: Stream = Stream { what: Watched::Credentials, namespace: None };

/// What an API server answers to a list or to a watch; after the last answer a request hangs.
#[derive(Default)]
struct Answers {
    lists: VecDeque<(u16, String)>,
    watches: VecDeque<(u16, String)>,
    /// What was asked of the lists.
    asked: Vec<String>,
}

fn empty_list() -> (u16, String) {
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "7"}, "items": []});
    (200, list.to_string())
}

fn refusal(code: u16) -> (u16, String) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "r", "message": "m"});
    (code, status.to_string())
}

/// An API server that answers so.
fn server(answers: Arc<Mutex<Answers>>) -> Client {
    let service = service_fn(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default();
        let answer = {
            let mut answers = answers.lock().unwrap();
            if query.contains("watch=true") {
                answers.watches.pop_front()
            } else {
                answers.asked.push(query.to_owned());
                answers.lists.pop_front()
            }
        };
        async move {
            let Some((status, body)) = answer else {
                return std::future::pending().await;
            };
            let mut response = Response::new(Body::from(body.into_bytes()));
            *response.status_mut() = status.try_into().unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    Client::new(service, "default")
}

/// Follows a stream of these answers; gives what it says, shortened.
fn says(answers: Answers) -> mpsc::Receiver<Change> {
    let client = server(Arc::new(Mutex::new(answers)));
    let (out, changes) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut follower = Follower::new(STREAM, Intake::default(), out);
        follower.quiet = Duration::from_millis(50);
        follower.follow::<edge::Credential>(client).await;
    });
    changes
}

/// What a stream of this kind asks for to list two pages.
async fn asks<E: edge::Edge>() -> Vec<String> {
    let more = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "7", "continue": "on"}, "items": []});
    let answers = Answers { lists: [(200, more.to_string()), empty_list()].into(), ..Answers::default() };
    let answers = Arc::new(Mutex::new(answers));
    let (out, mut changes) = mpsc::channel(16);
    tokio::spawn(super::follow::<E>(server(answers.clone()), Intake::default(), STREAM, out));
    assert_eq!(shortened(&mut changes, 2).await, ["relisting", "listed"]);
    std::mem::take(&mut answers.lock().unwrap().asked)
}

async fn shortened(changes: &mut mpsc::Receiver<Change>, count: usize) -> Vec<String> {
    let mut said = Vec::new();
    while said.len() < count {
        let change = tokio::time::timeout(Duration::from_secs(20), changes.recv()).await;
        said.push(match change.expect("a change in time").expect("the stream goes on") {
            Change::Relisting(_) => "relisting".into(),
            Change::Listed(_) => "listed".into(),
            Change::Mended(_) => "mended".into(),
            Change::Broken(_, trouble) => format!("broken: {trouble:?}"),
            Change::Gone { what, .. } => format!("gone: {}", what.name),
            Change::Seen { seen: Seen::Credential(object), .. } => {
                format!("seen: {} {}", object.name, if object.spec.is_ok() { "well" } else { "undecodable" })
            }
            Change::Seen { .. } => "another kind".into(),
        });
    }
    said
}

#[tokio::test]
async fn a_watch_that_is_refused_with_410_lists_again() {
    let mut changes = says(Answers {
        lists: [empty_list(), empty_list()].into(),
        watches: [refusal(410)].into(),
        ..Answers::default()
    });
    let said = shortened(&mut changes, 6).await;
    assert_eq!(said, ["relisting", "listed", "broken: Expired", "relisting", "listed", "mended"]);
}

#[tokio::test]
async fn a_watch_that_begins_again_in_silence_is_mended() {
    let mut changes =
        says(Answers { lists: [empty_list()].into(), watches: [refusal(500)].into(), ..Answers::default() });
    let said = shortened(&mut changes, 4).await;
    assert_eq!(said, ["relisting", "listed", "broken: Answered { status: 500 }", "mended"]);
}

#[tokio::test]
async fn a_list_that_fails_is_tried_again_and_is_not_mended_before_it_is_complete() {
    let mut changes =
        says(Answers { lists: [refusal(403), (200, "{".into()), empty_list()].into(), ..Answers::default() });
    let said = shortened(&mut changes, 7).await;
    let expected = [
        "relisting",
        "broken: Forbidden",
        "relisting",
        "broken: Unreadable",
        "relisting",
        "listed",
        "mended",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_list_that_hangs_is_not_mended() {
    let mut changes = says(Answers { lists: [refusal(500)].into(), ..Answers::default() });
    let said = shortened(&mut changes, 3).await;
    assert_eq!(said, ["relisting", "broken: Answered { status: 500 }", "relisting"]);
    let more = tokio::time::timeout(Duration::from_millis(500), changes.recv()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn no_line_of_a_watch_stalls_the_next() {
    let line = |kind, name, spec| {
        let object = json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": name, "resourceVersion": "8"}, "spec": spec});
        json!({"type": kind, "object": object}).to_string()
    };
    let good = json!({"environment": "Sandbox", "clientSecretRef": {"name": "client"}});
    let lines = [
        line("ADDED", "a", good.clone()),
        line("MODIFIED", "b", json!(["no", "spec"])),
        "not JSON".to_owned(),
        line("DELETED", "c", json!(null)),
        line("MODIFIED", "d", good),
    ];
    let mut changes = says(Answers {
        lists: [empty_list()].into(),
        watches: [(200, lines.join("\n"))].into(),
        ..Answers::default()
    });
    let said = shortened(&mut changes, 8).await;
    let expected = [
        "relisting",
        "listed",
        "seen: a well",
        "seen: b undecodable",
        "broken: Unreadable",
        "gone: c",
        "mended",
        "seen: d well",
    ];
    assert_eq!(said, expected);
}

/// A page is held whole, and each of its Secrets may hold a megabyte: pages are small, or one list ends the process.
#[tokio::test]
async fn a_list_is_read_in_pages_that_memory_can_hold() {
    let pages = [
        (asks::<edge::ManagedSecret>().await, 25),
        (asks::<edge::OtherSecret>().await, 100),
        (asks::<edge::Credential>().await, 100),
        (asks::<edge::Request>().await, 100),
        (asks::<edge::Namespace>().await, 100),
    ];
    for (asked, most) in pages {
        assert_eq!(asked.len(), 2, "{asked:?}");
        for query in &asked {
            let limit = query.split('&').find_map(|it| it.strip_prefix("limit=")).expect("a limit");
            assert!((1..=most).contains(&limit.parse::<u32>().unwrap()), "{query}");
        }
        assert!(asked[1].contains("continue=on"), "{asked:?}");
    }
}

/// Objects that are heavy beyond all measure are asked for a few at a time, at once; the next list begins as ever.
#[tokio::test]
async fn a_page_that_is_too_heavy_is_asked_for_in_parts() {
    let heavy = json!({"metadata": {"name": "x".repeat(2000)}});
    let heavy =
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "7"}, "items": [heavy]});
    let heavy = (200, heavy.to_string());
    let answers = Answers {
        lists: [
            heavy.clone(),
            heavy.clone(),
            empty_list(),
            heavy.clone(),
            heavy.clone(),
            heavy.clone(),
            heavy.clone(),
            heavy,
        ]
        .into(),
        watches: [refusal(410)].into(),
        ..Answers::default()
    };
    let answers = Arc::new(Mutex::new(answers));
    let (out, mut changes) = mpsc::channel(16);
    let intake = Intake::of(1000, Duration::from_mins(1));
    tokio::spawn(super::follow::<edge::Credential>(server(answers.clone()), intake, STREAM, out));
    let said = shortened(&mut changes, 11).await;
    let mut expected = vec!["relisting", "relisting", "relisting", "listed", "broken: Expired"];
    expected.extend(["relisting"; 5]);
    expected.push("broken: Unreachable");
    assert_eq!(said, expected);
    let asked = std::mem::take(&mut answers.lock().unwrap().asked);
    let limit = |query: &String| query.split('&').find_map(|it| it.strip_prefix("limit=")?.parse().ok());
    assert_eq!(
        asked.iter().filter_map(limit).collect::<Vec<u32>>(),
        [20, 10, 5, 20, 10, 5, 2, 1],
        "{asked:?}"
    );
}

#[test]
fn waits_grow_to_ten_seconds() {
    let mut follower = Follower::new(STREAM, Intake::default(), mpsc::channel(1).0);
    let waits: Vec<Duration> = (0..12).map(|_| follower.next_wait()).collect();
    assert!(waits[0] >= Duration::from_millis(800) && waits[0] <= Duration::from_secs(1), "{waits:?}");
    assert!(waits.is_sorted(), "{waits:?}");
    assert_eq!(waits.last(), Some(&Duration::from_secs(10)));
}

#[test]
fn history_that_is_gone_when_the_server_is_back_is_no_further_outage() {
    let mut follower = Follower::new(STREAM, Intake::default(), mpsc::channel(1).0);
    let mut wait = |trouble| follower.wait_after(trouble);
    let away: Vec<Duration> = (0..12).map(|_| wait(Trouble::Unreachable)).collect();
    assert_eq!(away.last(), Some(&Duration::from_secs(10)));
    let gone: Vec<Duration> = (0..12).map(|_| wait(Trouble::Expired)).collect();
    assert!(gone[0] <= Duration::from_secs(1), "{gone:?}");
    assert!(gone.is_sorted(), "{gone:?}");
    assert_eq!(gone.last(), Some(&Duration::from_secs(10)));
}

/// Where nothing has happened meanwhile, a watch that may begin again is silent: two seconds are left to say so.
#[test]
fn a_right_that_is_given_back_is_noticed_in_time_on_a_silent_watch() {
    let mut follower = Follower::new(STREAM, Intake::default(), mpsc::channel(1).0);
    let waits: Vec<Duration> = (0..12).map(|_| follower.wait_after(Trouble::Forbidden)).collect();
    assert!(waits.is_sorted() && waits[0] <= Duration::from_secs(1), "{waits:?}");
    assert!(waits[11] + follower.quiet <= Duration::from_secs(13), "{waits:?}");
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let api = |code| kube::Error::Api(Status { code, ..Status::default() }.boxed());
    let of = |code| Trouble::of(&watcher::Error::InitialListFailed(api(code)));
    assert_eq!(of(401), Trouble::Unauthorized);
    assert_eq!(of(403), Trouble::Forbidden);
    assert_eq!(of(404), Trouble::NotInstalled);
    assert_eq!(of(500), Trouble::Answered { status: 500 });
    assert_eq!(Trouble::of(&watcher::Error::WatchStartFailed(api(410))), Trouble::Expired);
    assert_eq!(Trouble::of(&watcher::Error::NoResourceVersion), Trouble::Unreadable);
}

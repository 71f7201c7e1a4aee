//! What memory keeps, drops and wakes: echoes, late words, relists.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Deleted, LoginState, Meta, Settings, Sighting, State, Waits};
use crate::decision::{
    Content, Key, Kind, LoginGap, Owner, ResourceVersion, SecretFact, SeenSecret, SpecFault,
};

pub(super) fn state() -> State {
    State::new(Settings { reads_namespaces: true, ..Settings::default() })
}

pub(super) fn meta(uid: &str, version: u64) -> Meta {
    Meta {
        uid: uid.into(),
        version: ResourceVersion(version),
        generation: 1,
        created: Timestamp::UNIX_EPOCH,
        deleting: false,
        renew_request: None,
    }
}

pub(super) fn partner() -> Key {
    Key::new(Kind::Credential, "legal", "partner")
}

fn request(name: &str) -> Key {
    Key::new(Kind::Request, "web", name)
}

pub(super) fn see_credential(state: &mut State, meta: Meta) -> Vec<Key> {
    let spec = json!({"environment": "Sandbox", "clientSecretRef": {"name": "login"}});
    let spec = serde_json::from_value(spec).unwrap();
    state.see(&partner(), Sighting::Credential(meta, Ok(Box::new(spec)), Box::default()))
}

fn see_request(state: &mut State, name: &str, meta: Meta, more: &Value) -> Vec<Key> {
    let mut spec = json!({"credentialRef": {"name": "partner", "namespace": "legal"}, "interviewId": "42"});
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        spec[key] = value;
    }
    let spec = serde_json::from_value(spec).unwrap();
    state.see(&request(name), Sighting::Request(meta, Ok(Box::new(spec)), Box::default()))
}

const T0: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn secret(uid: &str, version: u64, owner: Owner) -> SeenSecret {
    SeenSecret {
        uid: uid.into(),
        version: ResourceVersion(version),
        owner,
        record: None,
        content: Content::Intact,
        seal: None,
        rendering: 0,
        immutable: false,
        deleting: false,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as it is asked for")]
fn deleted(uid: &str, version: u64) -> Option<Deleted<'_>> {
    Some(Deleted { uid, version: ResourceVersion(version) })
}

fn owned(uid: &str) -> Owner {
    Owner::Ours { kind: Kind::Request, name: "r".into(), uid: uid.into() }
}

fn web() -> Arc<str> {
    "web".into()
}

fn fact<'a>(state: &'a State, name: &str) -> SecretFact<'a> {
    let key = request(name);
    let object = state.object(&key).unwrap();
    state.secret_fact(&key, object, object.secret_name().unwrap())
}

#[test]
fn an_echo_or_a_late_word_about_an_object_wakes_nobody() {
    let mut state = state();
    assert_eq!(see_credential(&mut state, meta("u", 5)), [partner()]);
    assert_eq!(see_credential(&mut state, meta("u", 5)), [], "the same again");
    assert_eq!(see_credential(&mut state, meta("u", 4)), [], "older than our own write");
    assert_eq!(see_credential(&mut state, meta("u", 6)), [partner()]);
    assert_eq!(state.forget(&partner(), Some("earlier")), [], "it was another");
    assert_eq!(state.forget(&partner(), Some("u")), [partner()], "it leaves every line");
    assert!(state.object(&partner()).is_none());
}

/// A new generation concerns those who refer to it; a status that was written does not.
#[test]
fn referrers_look_again_only_when_the_spec_changed() {
    let mut state = state();
    see_request(&mut state, "r", meta("r", 1), &json!({}));
    assert_eq!(see_credential(&mut state, meta("u", 5)), [partner(), request("r")]);
    assert_eq!(see_credential(&mut state, meta("u", 6)), [partner()]);
    let next = Meta { generation: 2, ..meta("u", 7) };
    assert_eq!(see_credential(&mut state, next), [partner(), request("r")]);
    assert_eq!(state.forget(&partner(), None), [request("r"), partner()]);
}

#[test]
fn whose_a_secret_is() {
    let mut state = state();
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    assert!(matches!(fact(&state, "r"), SecretFact::Absent));
    let rows = [
        (owned("mine"), "Ours"),
        (owned("earlier"), "FormerOwner"),
        (Owner::Nobody, "Orphan"),
        (Owner::Other, "Foreign"),
        (Owner::Ours { kind: Kind::Credential, name: "r".into(), uid: "mine".into() }, "Foreign"),
        (Owner::Ours { kind: Kind::Request, name: "another".into(), uid: "mine".into() }, "Foreign"),
    ];
    for (version, (owner, expected)) in (2..).zip(rows) {
        state.see_secret(&web(), "r-token", secret("s", version, owner));
        let shown = format!("{:?}", fact(&state, "r"));
        assert!(shown.starts_with(expected), "{shown}");
    }
    state.lose_secret(&web(), "r-token", deleted("s", 8));
    assert_eq!(state.see_other_secret(&web(), "r-token", ResourceVersion(9)), [request("r")]);
    assert!(matches!(fact(&state, "r"), SecretFact::Foreign));
    assert_eq!(
        state.lose_other_secret(&web(), "r-token", ResourceVersion(10)),
        [request("r")],
        "the name is free"
    );
    assert!(matches!(fact(&state, "r"), SecretFact::Absent));
}

/// Read your own writes: whatever the watch still has to say of before, of this Secret or an earlier one of its name.
#[test]
fn what_belonged_to_a_former_object_has_not_vanished_for_its_successor() {
    let mut state = state();
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    let vanished = |state: &State| state.object(&request("r")).unwrap().work.care.vanished;
    state.see_secret(&web(), "r-token", secret("s1", 10, owned("before")));
    assert_eq!(state.lose_secret(&web(), "r-token", deleted("s1", 11)), [request("r")], "the name is free");
    assert!(!vanished(&state));
    state.see_secret(&web(), "r-token", secret("s2", 20, owned("mine")));
    state.lose_secret(&web(), "r-token", deleted("s2", 21));
    assert!(vanished(&state));
}

#[test]
fn an_older_sight_of_a_secret_never_overwrites_our_write() {
    let mut state = state();
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    state.know_secret(&web(), "r-token", secret("s2", 20, owned("mine")));
    assert_eq!(state.see_secret(&web(), "r-token", secret("s2", 19, Owner::Other)), []);
    assert_eq!(state.see_secret(&web(), "r-token", secret("s1", 12, Owner::Other)), []);
    assert_eq!(state.lose_secret(&web(), "r-token", deleted("s1", 13)), []);
    assert_eq!(state.see_secret(&web(), "r-token", secret("s2", 20, owned("mine"))), [], "our own echo");
    assert!(matches!(fact(&state, "r"), SecretFact::Ours(_)));
    let metadata_only = SeenSecret { content: Content::Unseen, ..secret("s2", 20, owned("mine")) };
    assert!(!state.know_secret(&web(), "r-token", metadata_only), "its data were seen at this version");
}

/// An answer may come after the end of what it saw; what follows under the same name is news.
#[test]
fn a_deletion_is_remembered_while_somebody_claims_the_name() {
    let mut state = state();
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    state.lose_secret(&web(), "unclaimed", deleted("s", 12));
    assert!(!state.secrets().is_gone(&web(), "unclaimed", ResourceVersion(11)), "nobody asks for it");
    state.lose_secret(&web(), "r-token", deleted("s1", 12));
    assert!(!state.know_secret(&web(), "r-token", secret("s1", 11, owned("mine"))), "it is gone");
    state.know_other_secret(&web(), "r-token", ResourceVersion(10));
    assert_eq!(state.see_other_secret(&web(), "r-token", ResourceVersion(9)), []);
    see_request(&mut state, "r", meta("mine", 13), &json!({}));
    assert!(
        !state.know_secret(&web(), "r-token", secret("s1", 11, owned("mine"))),
        "it is claimed as before"
    );
    assert!(matches!(fact(&state, "r"), SecretFact::Absent));
    assert!(state.know_secret(&web(), "r-token", secret("s2", 14, owned("mine"))), "another of its name");
    state.lose_secret(&web(), "r-token", deleted("s2", 15));
    state.forget(&request("r"), None);
    assert!(!state.secrets().is_gone(&web(), "r-token", ResourceVersion(15)), "forgotten with the claim");
}

/// No server sends a version that is no number; should one, nothing is taken for an echo of something older.
#[test]
fn a_version_that_cannot_be_read_is_no_echo() {
    let mut state = state();
    let unreadable = ResourceVersion::UNREADABLE;
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    assert!(state.know_secret(&web(), "r-token", secret("s", 7, Owner::Nobody)));
    assert!(state.know_secret(&web(), "r-token", secret("s", unreadable.0, owned("mine"))));
    assert!(state.know_secret(&web(), "r-token", secret("s", 8, Owner::Nobody)));
    assert_eq!(see_request(&mut state, "r", meta("mine", unreadable.0), &json!({})), [request("r")]);
    assert_eq!(see_request(&mut state, "r", meta("mine", 2), &json!({})), [request("r")]);
    state.lose_secret(&web(), "r-token", deleted("s", unreadable.0));
    assert!(state.know_secret(&web(), "r-token", secret("s", 9, owned("mine"))), "the end had no version");
}

#[test]
fn who_is_born_again_with_another_name_frees_the_first() {
    let mut state = state();
    see_request(&mut state, "first", meta("a", 1), &json!({"secret": {"name": "shared"}}));
    see_request(&mut state, "second", meta("b", 2), &json!({"secret": {"name": "shared"}}));
    let woken = see_request(&mut state, "first", meta("c", 3), &json!({"secret": {"name": "own"}}));
    assert!(woken.contains(&request("second")), "{woken:?}");
    assert!(matches!(fact(&state, "second"), SecretFact::Absent));
}

#[test]
fn a_namespace_that_a_list_did_not_show_has_no_labels_any_more() {
    let mut state = state();
    see_request(&mut state, "visitor", meta("v", 1), &json!({}));
    let labels = || [("team".to_owned(), "web".to_owned())].into();
    state.see_namespace(&web(), labels());
    let began = state.begin_round();
    state.see_namespace(&web(), labels());
    assert_eq!(state.end_namespaces_round(began), [], "it was shown");
    let began = state.begin_round();
    assert_eq!(state.end_namespaces_round(began), [request("visitor")]);
    assert!(state.labels("web").is_none());
}

#[test]
fn a_list_ends_what_it_did_not_show_and_nothing_else() {
    let mut state = state();
    see_credential(&mut state, meta("u", 1));
    see_request(&mut state, "old", meta("o", 2), &json!({}));
    see_request(&mut state, "kept", meta("k", 3), &json!({}));
    state.see_secret(&web(), "kept-token", secret("s", 4, owned("k")));
    let began = state.begin_round();
    // Another stream's list begins meanwhile, and our own write comes back.
    state.begin_round();
    assert_eq!(see_request(&mut state, "kept", meta("k", 3), &json!({})), [], "as it was");
    state.know_secret(&web(), "kept-token", secret("s", 5, owned("k")));
    assert_eq!(state.end_objects_round(Kind::Request, Some("db"), began), [], "another namespace's list");
    state.end_objects_round(Kind::Request, None, began);
    assert!(state.object(&request("old")).is_none());
    assert!(state.object(&request("kept")).is_some());
    assert!(state.object(&partner()).is_some(), "of the other kind");
    assert_eq!(state.end_secrets_round(Some("db"), began), [], "another namespace's list");
    assert_eq!(state.end_secrets_round(None, began), [request("kept")]);
    assert!(state.object(&request("kept")).unwrap().work.look, "what only an answer told of is looked at");
    state.see_secret(&web(), "kept-token", secret("s", 6, owned("k")));
    let next = state.begin_round();
    assert_eq!(state.end_secrets_round(None, next), [request("kept")]);
    assert!(matches!(fact(&state, "kept"), SecretFact::Absent));
}

/// A look told of a foreign Secret that the list does not show: gone, or younger than the list.
#[test]
fn a_name_that_only_an_answer_called_taken_is_looked_at_again() {
    let mut state = state();
    see_request(&mut state, "r", meta("mine", 1), &json!({}));
    state.know_other_secret(&web(), "r-token", ResourceVersion(2));
    assert!(matches!(fact(&state, "r"), SecretFact::Foreign));
    let began = state.begin_round();
    assert_eq!(state.end_other_secrets_round(None, began), [request("r")]);
    assert!(matches!(fact(&state, "r"), SecretFact::Unknown));
}

/// It was created anew under the same name, and is gone by the next list.
#[test]
fn an_object_that_was_born_again_is_forgotten_too() {
    let mut state = state();
    see_request(&mut state, "r", meta("first", 1), &json!({}));
    see_request(&mut state, "r", meta("second", 2), &json!({}));
    let began = state.begin_round();
    state.end_objects_round(Kind::Request, None, began);
    assert!(state.object(&request("r")).is_none());
}

#[test]
fn a_client_secret_that_changes_is_read_again_and_one_that_goes_is_absent() {
    let mut state = state();
    let legal: Arc<str> = "legal".into();
    see_credential(&mut state, meta("u", 1));
    state.see_other_secret(&legal, "login", ResourceVersion(3));
    let session = state.session_mut(&partner()).unwrap();
    session.login = LoginState::Incomplete(LoginGap::NoId);
    session.login_version = Some(ResourceVersion(3));
    assert_eq!(state.see_other_secret(&legal, "login", ResourceVersion(3)), [], "a relist");
    assert_eq!(state.see_other_secret(&legal, "unrelated", ResourceVersion(4)), []);
    assert_eq!(state.see_other_secret(&legal, "login", ResourceVersion(5)), [partner()]);
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Unread));
    assert_eq!(state.lose_other_secret(&legal, "login", ResourceVersion(6)), [partner()]);
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Absent));
}

#[test]
fn a_client_secret_that_only_an_old_list_did_not_show_is_read_again() {
    let mut state = state();
    let legal: Arc<str> = "legal".into();
    see_credential(&mut state, meta("p", 1));
    state.see_other_secret(&legal, "login", ResourceVersion(5));
    state.session_mut(&partner()).unwrap().login_version = Some(ResourceVersion(5));
    let round = state.begin_round();
    assert!(state.end_other_secrets_round(None, round).contains(&partner()));
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Absent));
    assert_eq!(state.see_other_secret(&legal, "login", ResourceVersion(5)), [partner()]);
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Unread));
}

#[test]
fn labels_of_a_namespace_wake_those_who_look_beyond_it() {
    let mut state = state();
    see_request(&mut state, "visitor", meta("v", 1), &json!({}));
    see_request(&mut state, "at-home", meta("h", 2), &json!({"credentialRef": {"name": "own"}}));
    let labels = [("team".to_owned(), "web".to_owned())].into();
    assert_eq!(state.see_namespace(&web(), labels), [request("visitor")]);
    let labels = [("team".to_owned(), "web".to_owned())].into();
    assert_eq!(state.see_namespace(&web(), labels), [], "as they were");
}

#[test]
fn the_first_who_waits_wakes_the_credential() {
    let mut state = state();
    let waits = Waits::default();
    assert!(!state.wait_for(&partner(), &request("a"), waits, T0), "there is none to wake");
    see_credential(&mut state, meta("u", 1));
    assert!(state.wait_for(&partner(), &request("a"), waits, T0));
    assert!(!state.wait_for(&partner(), &request("b"), waits, T0));
    let mut woken = state.stop_waiting(&partner());
    woken.sort();
    assert_eq!(woken, [request("a"), request("b")]);
    assert!(state.wait_for(&partner(), &request("a"), waits, T0), "the first again");
}

/// The credential waits at the gate as long as the first of those who wait for it can.
#[test]
fn who_is_the_first_to_lose_a_token_wakes_the_credential() {
    let mut state = state();
    see_credential(&mut state, meta("u", 1));
    let ends = |second| Waits { tries: None, ends: Timestamp::from_second(second).ok() };
    assert!(state.wait_for(&partner(), &request("a"), Waits::default(), T0));
    for (name, end, wakes) in [("b", 900, true), ("c", 900, false), ("d", 901, false), ("e", 899, true)] {
        assert_eq!(state.wait_for(&partner(), &request(name), ends(end), T0), wakes, "{name}");
    }
    assert!(!state.wait_for(&partner(), &request("f"), Waits::default(), T0));
    // Whose token has ended by now has nothing left to lose.
    let now = Timestamp::from_second(899).expect("an instant");
    assert!(!state.wait_for(&partner(), &request("g"), ends(950), now));
    for name in ["b", "c", "d"] {
        state.leave(&request(name), &[partner()]);
    }
    assert!(state.wait_for(&partner(), &request("h"), ends(940), now));
}

#[test]
fn a_spec_that_means_nothing_is_a_fault_of_that_object() {
    let mut state = state();
    let rows = [
        (json!({"serviceTokenTTL": "10s"}), "spec.serviceTokenTTL"),
        (json!({"renewal": {"renewBefore": "5s"}}), "spec.renewal.renewBefore"),
        (json!({"renewal": {"renewBeforePercentage": 91}}), "spec.renewal.renewBeforePercentage"),
        (json!({"renewal": {"renewBefore": "1h", "renewBeforePercentage": 9}}), "spec.renewal"),
        (json!({"ttlSecondsAfterFinished": -1}), "spec.ttlSecondsAfterFinished"),
        (json!({"claims": {"interviewId": "43"}}), "spec.claims"),
        (json!({"claims": {"purpose": "x"}}), "spec.claims"),
        (json!({"secret": {"keys": {"accessToken": "token_type"}}}), "spec.secret.keys"),
    ];
    for (version, (spec, field)) in (1..).zip(rows) {
        see_request(&mut state, "r", meta("u", version), &spec);
        let fault = state.object(&request("r")).unwrap().request().unwrap().spec.as_ref().err();
        assert_eq!(fault, Some(&SpecFault::Field(field)));
    }
}

#[test]
fn who_is_gone_or_refers_to_another_waits_no_longer() {
    let mut state = state();
    see_credential(&mut state, meta("u", 1));
    let waiting = |state: &mut State| state.session_mut(&partner()).unwrap().waiting.len();
    for (name, version) in [("a", 2), ("b", 3), ("c", 4)] {
        see_request(&mut state, name, meta(name, version), &json!({}));
        state.wait_for(&partner(), &request(name), Waits::default(), T0);
    }
    state.forget(&request("a"), None);
    assert_eq!(waiting(&mut state), 2);
    see_request(&mut state, "b", meta("b", 5), &json!({"credentialRef": {"name": "own"}}));
    assert_eq!(waiting(&mut state), 1);
    see_request(&mut state, "c", meta("c", 6), &json!({}));
    assert_eq!(waiting(&mut state), 1, "it waits as before");
}

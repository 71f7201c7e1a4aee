//! A client Secret is there as long as a Secret of either sort bears its name.

use std::sync::Arc;

use super::super::tests::{meta, partner, secret, see_credential, state};
use super::super::{Deleted, LoginState, State};
use crate::decision::{LoginGap, Owner, ResourceVersion};

/// Which list ends first makes no difference.
#[test]
fn a_login_in_a_secret_of_our_type_is_read_whenever_the_list_of_the_others_ends() {
    let legal: Arc<str> = "legal".into();
    for ours_first in [true, false] {
        let mut state = state();
        see_credential(&mut state, meta("a", 1));
        if !ours_first {
            state.end_other_secrets_round(None, 0);
        }
        state.see_secret(&legal, "login", secret("s", 5, Owner::Nobody));
        state.end_other_secrets_round(None, 0);
        let is_absent =
            |state: &State| matches!(state.credential(&partner()).unwrap().session.login, LoginState::Absent);
        assert!(!is_absent(&state), "{ours_first}");
        state.lose_secret(&legal, "login", Some(Deleted { uid: "s", version: ResourceVersion(6) }));
        assert!(is_absent(&state));
    }
}

/// A Secret of our type has taken its place: whatever was read is of the one that is gone.
#[test]
fn a_login_does_not_outlive_its_secret_under_another_of_that_name() {
    let legal: Arc<str> = "legal".into();
    let mut state = state();
    see_credential(&mut state, meta("a", 1));
    state.see_other_secret(&legal, "login", ResourceVersion(3));
    state.session_mut(&partner()).unwrap().login = LoginState::Incomplete(LoginGap::NoId);
    state.see_secret(&legal, "login", secret("s", 5, Owner::Nobody));
    let woken = state.lose_other_secret(&legal, "login", ResourceVersion(4));
    assert!(woken.contains(&partner()));
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Unread));
}

/// An object wrote it: the answer comes before the watch, and wakes nobody else.
#[test]
fn a_login_in_a_secret_of_our_type_is_read_when_an_answer_told_of_that_first() {
    let legal: Arc<str> = "legal".into();
    let mut state = state();
    see_credential(&mut state, meta("a", 1));
    state.end_other_secrets_round(None, 0);
    state.know_secret(&legal, "login", secret("s", 5, Owner::Nobody));
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Absent));
    let woken = state.see_secret(&legal, "login", secret("s", 5, Owner::Nobody));
    assert!(woken.contains(&partner()));
    assert!(matches!(state.session_mut(&partner()).unwrap().login, LoginState::Unread));
}

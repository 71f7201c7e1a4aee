//! Who waits for which first list?

use super::Observer;
use crate::cluster::watch::{Change, Stream, Trouble, Watched};
use crate::decision::Unlisted;
use crate::state::{Settings, State};

fn stream(what: Watched, namespace: &str) -> Stream {
    Stream { what, namespace: Some(namespace.into()) }
}

#[test]
fn a_namespace_that_may_not_be_listed_holds_up_no_other() {
    let mut state = State::new(Settings::default());
    let all =
        [Watched::Credentials, Watched::ManagedSecrets].map(|what| [stream(what, "a"), stream(what, "b")]);
    let mut observer = Observer::new(all.iter().flatten().cloned());
    for listed in [
        stream(Watched::Credentials, "a"),
        stream(Watched::Credentials, "b"),
        stream(Watched::ManagedSecrets, "a"),
    ] {
        observer.take(&mut state, Change::Listed(listed));
    }
    let refused = stream(Watched::ManagedSecrets, "b");
    observer.take(&mut state, Change::Broken(refused.clone(), Trouble::Unreachable));
    assert!(!observer.is_complete(), "it may answer yet");
    observer.take(&mut state, Change::Broken(refused.clone(), Trouble::Forbidden));
    assert!(observer.is_complete());
    assert!(observer.sees("a") && !observer.sees("b"));
    observer.take(&mut state, Change::Broken(refused.clone(), Trouble::Forbidden));
    assert_eq!(state.unlisted("b"), None, "a server that has just started knows no roles");
    observer.take(&mut state, Change::Broken(refused.clone(), Trouble::Forbidden));
    assert_eq!((state.unlisted("a"), state.unlisted("b")), (None, Some(Unlisted::Secrets)));
    observer.take(&mut state, Change::Listed(refused));
    assert!(observer.sees("b"));
    assert_eq!(state.unlisted("b"), None);
}

/// Only who is selected by labels needs them.
#[test]
fn a_refused_list_of_namespaces_holds_up_nobody() {
    let mut state = State::new(Settings { reads_namespaces: true, ..Settings::default() });
    let namespaces = Stream { what: Watched::Namespaces, namespace: None };
    let mut observer = Observer::new([namespaces.clone(), stream(Watched::Credentials, "a")]);
    observer.take(&mut state, Change::Listed(stream(Watched::Credentials, "a")));
    let refuse = |observer: &mut Observer, state: &mut State| {
        observer.take(state, Change::Broken(namespaces.clone(), Trouble::Forbidden));
    };
    refuse(&mut observer, &mut state);
    refuse(&mut observer, &mut state);
    assert!(!observer.is_complete(), "a server that has just started knows no roles");
    refuse(&mut observer, &mut state);
    assert!(observer.is_complete() && observer.sees("a"));
    assert!(!state.reads_namespaces());
    assert_eq!(state.unlisted("a"), None);
    observer.take(&mut state, Change::Listed(namespaces.clone()));
    assert!(state.reads_namespaces());
}

/// What was seen stands; what others change is not noticed any more, and that is said.
#[test]
fn a_right_that_is_taken_away_from_one_that_runs_stops_nothing() {
    let mut state = State::new(Settings { reads_namespaces: true, ..Settings::default() });
    let namespaces = Stream { what: Watched::Namespaces, namespace: None };
    let secrets = stream(Watched::OtherSecrets, "a");
    let all = [secrets.clone(), namespaces.clone(), stream(Watched::Requests, "b")];
    let mut observer = Observer::new(all.clone());
    for listed in all {
        observer.take(&mut state, Change::Listed(listed));
    }
    let mut told = |observer: &mut Observer, change: Change| {
        observer.take(&mut state, change);
        assert!(observer.is_complete() && observer.sees("a") && state.reads_namespaces());
        assert_eq!(state.unlisted("a"), None);
        (state.unwatched("a", false), state.unwatched("b", true))
    };
    for (refused, lasting) in
        [(secrets, (Some(Unlisted::Secrets), None)), (namespaces, (None, Some(Unlisted::Namespaces)))]
    {
        let forbidden = || Change::Broken(refused.clone(), Trouble::Forbidden);
        for moment in [forbidden(), Change::Broken(refused.clone(), Trouble::Unreachable), forbidden()] {
            assert_eq!(
                told(&mut observer, moment),
                (None, None),
                "a server that has just started knows no roles"
            );
        }
        assert_eq!(told(&mut observer, forbidden()), lasting);
        assert_eq!(told(&mut observer, Change::Relisting(refused.clone())), lasting);
        assert_eq!(told(&mut observer, Change::Mended(refused.clone())), (None, None));
        for _ in 0..3 {
            told(&mut observer, forbidden());
        }
        assert_eq!(told(&mut observer, Change::Listed(refused.clone())), (None, None));
    }
}

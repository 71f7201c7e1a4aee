//! What may requests count on, as far as memory shows it to them? Pure. Where a request met a refusal of its credential, one
//! of those who wait finds out, at the retry time, whether it still stands (behaviour §4.2).

use jiff::Timestamp;

use crate::decision::{Key, Kind};
use crate::state::{State, Waits};
use crate::{credential, scoped_token};

/// Says what a credential offers now. Where that has changed, those who waited look again.
pub(super) fn refresh(state: &mut State, key: &Key, now: Timestamp) -> Vec<Key> {
    if key.kind != Kind::Credential {
        return Vec::new();
    }
    let generation = state.credential(key).map(|it| it.session.generation);
    let said = credential::facts(state, key).zip(generation).map(|(facts, generation)| {
        (credential::offers(&facts, generation, now), credential::is_probe_due(&facts, now))
    });
    let (Some((offers, probe_due)), Some(session)) = (said, state.session_mut(key)) else {
        return Vec::new();
    };
    if session.offers != offers {
        session.offers = offers;
        return state.stop_waiting(key);
    }
    if !probe_due {
        state.end_probe(key);
        return Vec::new();
    }
    let Some(probe) = state.begin_probe(key) else {
        return Vec::new();
    };
    // Who needs another one that is to be tried as well would find out nothing by trying one of them.
    let needed = scoped_token::waits_for(state, &probe).filter(|it| may_be_tried(state, it, now));
    for other in needed.cloned().collect::<Vec<_>>() {
        state.probe_with(&other, &probe);
    }
    vec![probe]
}

/// An object comes to rest: a request waits for its credentials, so or not at all, and tries none out for others. A credential that
/// it was to try, while it waits for another, asks somebody else: this one no more before that looks again, or it would be asked
/// for ever. Returns the credentials that look again.
pub(super) fn wait(state: &mut State, key: &Key, waits: Option<Waits>, now: Timestamp) -> Vec<Key> {
    let mut woken = state.stop_probing(key);
    let credentials: Vec<Key> = scoped_token::waits_for(state, key).cloned().collect();
    let Some(waits) = waits else {
        state.leave(key, &credentials);
        return woken;
    };
    let given_up = woken.clone();
    for credential in credentials {
        let tries = waits.tries.filter(|_| !given_up.contains(&credential));
        if state.wait_for(&credential, key, Waits { tries, ..waits }, now) {
            woken.push(credential);
        }
    }
    woken
}

fn may_be_tried(state: &State, key: &Key, now: Timestamp) -> bool {
    let untried = state.credential(key).is_some_and(|it| it.session.is_untried());
    untried && credential::facts(state, key).is_some_and(|facts| credential::is_probe_due(&facts, now))
}

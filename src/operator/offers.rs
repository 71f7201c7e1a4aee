//! What may requests count on, as far as memory shows it to them? Pure. Where a request met a refusal of its credential, one
//! of those who wait finds out, at the retry time, whether it still stands (behaviour §4.2).

use jiff::Timestamp;

use crate::credential;
use crate::decision::{Key, Kind};
use crate::state::State;

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
    state.begin_probe(key).into_iter().collect()
}

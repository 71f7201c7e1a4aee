//! What may requests count on, as far as memory shows it to them? Pure.

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
    let offers = credential::facts(state, key)
        .zip(generation)
        .map(|(facts, generation)| credential::offers(&facts, generation, now));
    let (Some(offers), Some(session)) = (offers, state.session_mut(key)) else {
        return Vec::new();
    };
    if session.offers == offers {
        return Vec::new();
    }
    session.offers = offers;
    state.stop_waiting(key)
}

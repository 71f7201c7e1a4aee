//! What may requests count on, as far as memory shows it to them? Pure. Where a request met a refusal of its credential, one
//! of those who wait finds out, at the retry time, whether it still stands (behaviour §4.2).

use jiff::Timestamp;

use crate::decision::checks::{cause, obstacle};
use crate::decision::{Chain, Facts, Key, Kind};
use crate::state::State;
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
    state.begin_probe(key, |state, request| may_try(state, request, now)).into_iter().collect()
}

/// Whether a request would make its calls at once if its credentials served it: whoever waits for more than that, for the
/// time of its own next attempt say, finds out nothing for the others.
fn may_try(state: &State, request: &Key, now: Timestamp) -> bool {
    scoped_token::facts(state, request, now).is_some_and(|facts| {
        let served = Facts { chain: Chain::Live, ..facts };
        let cause = cause(&served, now);
        cause.is_some() && obstacle(&served, cause, now).is_none()
    })
}

//! What does the core know in one possible course of things, and what does it want? The operator's own memory and decision,
//! without its loop: what a key wants is asked, not done.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::decide::{Decision, decide, facts};
use super::super::effect::{Effect, Issue, Outcome, Purpose};
use super::super::gate::{Gates, Limits, Need};
use super::super::observe::Observer;
use super::super::offers;
use super::super::want::Want;
use super::RECORDED_LATE;
use super::deed::{Deed, Did, Shown, Whole};
use crate::cluster::ReadFailed;
use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::{Key, Urgency};
use crate::scoped_token;
use crate::state::{LoginState, Object, Settings, State};

/// What follows from each other comes to rest after so many rounds, or never.
const ROUNDS: usize = 12;

/// One possible course of things.
#[derive(Clone)]
pub(super) struct Core {
    pub(super) state: State,
    observer: Observer,
    /// Requests between the two calls of an issue.
    pub(super) flights: Vec<Flight>,
    /// Fingerprints of the access tokens that are held.
    pub(super) tokens: HashMap<Key, String>,
    /// How the endpoints are. Who passes when is not judged: they let everybody through who does not come too early.
    gates: Gates,
    /// How often each object has done something.
    pub(super) acted: HashMap<Key, usize>,
    /// What was read.
    pub(super) read: Vec<Arc<Read>>,
    /// When a list of Secrets ended last, by namespace.
    listed: HashMap<Arc<str>, Timestamp>,
    /// When the server last told each object of its Secret.
    pub(super) told: HashMap<Key, Timestamp>,
}

/// What a read of a Secret found.
pub(super) struct Read {
    pub(super) at: Timestamp,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) found: Result<Option<Whole>, ReadFailed>,
}

/// A service token that is to be exchanged.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) key: Key,
    pub(super) uid: Arc<str>,
    pub(super) issue: Issue,
    pub(super) purpose: Purpose,
    /// The service token's fingerprint.
    pub(super) service: String,
}

impl Core {
    pub(super) fn new(settings: Settings, streams: &[Stream]) -> Self {
        Self {
            state: State::new(settings),
            observer: Observer::new(streams.iter().cloned()),
            flights: Vec::new(),
            tokens: HashMap::new(),
            gates: Gates::new(Limits { per_second: 0, ..Limits::default() }),
            acted: HashMap::new(),
            read: Vec::new(),
            listed: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// The watches show this.
    pub(super) fn take(&mut self, change: Change, at: Timestamp) {
        if let Change::Listed(Stream { what: Watched::ManagedSecrets | Watched::OtherSecrets, namespace }) =
            &change
        {
            self.listed.insert(namespace.clone().unwrap_or_default(), at);
        }
        self.observer.take(&mut self.state, change);
    }

    /// The object of this Secret may look at it: it was told of it while a list ended, which may not have shown it.
    pub(super) fn may_doubt(&self, namespace: &str, name: &str, at: Timestamp) -> Option<Key> {
        let listed = *self.listed.get(namespace)?;
        let is_near = |told: &Timestamp| {
            at.duration_since(*told) <= RECORDED_LATE && listed.duration_since(*told).abs() <= RECORDED_LATE
        };
        let mut told = self.told.iter().filter(|(key, told)| *key.namespace == *namespace && is_near(told));
        told.find(|(key, _)| self.state.object(key).and_then(Object::secret_name) == Some(name))
            .map(|(key, _)| key.clone())
    }

    /// The first list of Secrets comes to its end only now: a client Secret that it did not show is not there, and nobody reads
    /// it.
    pub(super) fn know_who_is_missing(&mut self) {
        for key in self.keys() {
            let name = self.state.object(&key).and_then(Object::login_name);
            let missing = name.is_some_and(|name| !self.state.secrets().is_taken(&key.namespace, name));
            if missing && let Some(session) = self.state.session_mut(&key) {
                session.login = LoginState::Absent;
            }
        }
    }

    /// What an answer says of its endpoint. What comes back before the next probe was under way when the gate was closed; whose
    /// life had that made sooner is not known, so it may have been anybody's.
    pub(super) fn hear(&mut self, key: &Key, outcome: &Outcome, at: Timestamp) {
        let Outcome::Issued { issue, .. } = outcome else { return };
        let origin = issue.endpoint().origin();
        let ends = self
            .state
            .objects()
            .filter_map(|(key, _)| Some(facts(&self.state, key, at)?.record()?.expires_at));
        let first_end = ends.filter(|end| *end > at).min();
        let need = Need { permits: 1, urgency: Urgency::Wanted, expires_at: first_end };
        let _ = self.gates.ask(origin, key, need, at);
        let _ = self.gates.leave(key, outcome.verdict(), at);
        self.state.know_endpoint(origin, self.gates.parked(origin));
    }

    /// An object does something.
    pub(super) fn acts(&mut self, key: &Key) {
        *self.acted.entry(key.clone()).or_default() += 1;
    }

    /// All objects, in order.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.state.objects().map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys
    }

    /// What this object needs now, unless it is between two calls.
    pub(super) fn decide(&self, key: &Key, now: Timestamp) -> Option<Decision> {
        if self.is_between_calls(key) {
            return None;
        }
        decide(&self.state, key, now)
    }

    pub(super) fn is_between_calls(&self, key: &Key) -> bool {
        self.flights.iter().any(|flight| flight.key == *key)
    }

    /// Lets every object decide until nothing changes that needs nobody outside: as the loop's turns do it.
    pub(super) fn settle(&mut self, now: Timestamp) {
        for _ in 0..ROUNDS {
            let moved = self.keys().iter().filter(|key| self.turn(key, now)).count();
            if moved == 0 {
                return;
            }
        }
    }

    fn turn(&mut self, key: &Key, now: Timestamp) -> bool {
        let mut moved = !offers::refresh(&mut self.state, key, now).is_empty();
        match self.decide(key, now) {
            Some(Decision::DropHeld) => {
                if let Some(object) = self.state.object_mut(key) {
                    object.work.held = None;
                }
                moved = true;
            }
            Some(Decision::Rest(rest)) => {
                let tried = self.state.stop_probing(key);
                let credentials: Vec<Key> = scoped_token::waits_for(&self.state, key).cloned().collect();
                match rest.waits {
                    None => self.state.leave(key, &credentials),
                    Some(waits) => {
                        for credential in &credentials {
                            moved |= self.state.wait_for(credential, key, waits, now)
                                && !tried.contains(credential);
                        }
                    }
                }
            }
            Some(Decision::Act(_) | Decision::Read { .. } | Decision::Call { .. }) | None => {}
        }
        moved
    }

    /// The core after this deed, if it is one that it wants.
    pub(super) fn explain(&self, deed: &Deed, at: Timestamp) -> Option<Self> {
        let mut core = self.clone();
        core.settle(at);
        if core.does(deed, at) {
            return Some(core);
        }
        // A status may have been decided before those had their turns whom this object serves.
        let mut core = matches!(deed, Deed::WroteStatus { .. }).then(|| self.clone())?;
        core.does(deed, at).then_some(core)
    }

    /// What has become of `now` after this deed, if it is one that was wanted when all was as it is here, and whoever wanted it
    /// has done nothing since.
    pub(super) fn explain_later(&self, now: &Self, did: &Did, at: Timestamp) -> Option<Self> {
        let (mut then, mut now) = (self.clone(), now.clone());
        then.settle(at);
        now.settle(did.at);
        let is_idle = |now: &Self, key: &Key| now.acted.get(key) == then.acted.get(key);
        let done = match &did.deed {
            Deed::Called(called) => {
                let wanted = then.wants_to_call(called, at, |key| is_idle(&now, key))?;
                now.calls(wanted, called, did.at)
            }
            Deed::WroteStatus { key, change, result } => {
                let change = change.as_ref();
                let publish =
                    then.wants_to_say(key, change, at).or_else(|| self.wants_to_say(key, change, at))?;
                is_idle(&now, key) && now.says(key, publish, result.as_ref(), did.at)
            }
            _ => false,
        };
        done.then_some(now)
    }

    /// What the objects want that this deed may have been for, in words.
    pub(super) fn wants(&self, deed: &Deed, at: Timestamp) -> String {
        let mut core = self.clone();
        core.settle(at);
        let about = |key: &Key| match deed {
            Deed::ReadOwner { key: it, .. }
            | Deed::WroteStatus { key: it, .. }
            | Deed::Deleted { key: it, .. } => it == key,
            Deed::ReadSecret { namespace, .. }
            | Deed::Looked { namespace, .. }
            | Deed::WroteSecret { namespace, .. } => **namespace == *key.namespace,
            Deed::Called(_) => true,
        };
        let keys = core.keys().into_iter().filter(about);
        let said: Vec<String> =
            keys.map(|key| format!("{} {}", Shown(&key), said(core.decide(&key, at).as_ref()))).collect();
        if said.is_empty() { "nothing: it knows no such object".to_owned() } else { said.join(", ") }
    }
}

fn said(decision: Option<&Decision>) -> String {
    match decision {
        None => "to finish a call".to_owned(),
        Some(Decision::DropHeld) => "to drop its token".to_owned(),
        Some(Decision::Read { want: Want::Login(login), .. }) => {
            format!("to read client Secret {}", login.name)
        }
        Some(Decision::Read { want: Want::Token { template, .. }, .. }) => {
            format!("to recall Secret {}", template.name)
        }
        Some(Decision::Act(effect) | Decision::Call { effect, .. }) => effect_said(effect),
        Some(Decision::Rest(rest)) => {
            let until = rest.until.map_or("for ever".to_owned(), |until| format!("until {until}"));
            match &rest.publish {
                None => format!("to wait {until}"),
                Some(publish) => format!("to wait {until} and say {}", publish.patch),
            }
        }
    }
}

fn effect_said(effect: &Effect) -> String {
    match effect {
        Effect::Read((_, name)) => format!("to read Secret {name}"),
        Effect::Look { name, .. } => format!("to look at Secret {name}"),
        Effect::ConfirmOwner { .. } => "to look at its owner".to_owned(),
        Effect::Rehearse(secret) => format!("to rehearse over {:?}", secret.precondition),
        Effect::Issue { purpose, .. } => format!("to issue because {:?}", purpose.cause),
        Effect::Write { secret, .. } => format!("to write over {:?}", secret.precondition),
        Effect::Finish { .. } => "to be deleted".to_owned(),
        Effect::Status { patch, .. } => format!("to say {patch}"),
    }
}

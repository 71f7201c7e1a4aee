//! What does the core know in one possible course of things, and what does it want? The operator's own memory and decision,
//! without its loop: what a key wants is asked, not done. Who is woken decides, as there, and nobody else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::decide::{Decision, decide, facts};
use super::super::effect::{Effect, Issue, Outcome, Purpose};
use super::super::gate::{Gates, Limits, Need, Verdict};
use super::super::observe::Observer;
use super::super::offers;
use super::super::queue::Queue;
use super::super::want::Want;
use super::RECORDED_LATE;
use super::deed::{Deed, Did, Shown, Whole};
use crate::auth::Endpoint;
use crate::cluster::ReadFailed;
use crate::cluster::watch::{Change, Stream, Watched};
use crate::decision::schedule::{SHORTEST_WAIT, later};
use crate::decision::{Key, Urgency};
use crate::scoped_token;
use crate::state::{LoginState, Object, SecretName, Settings, State};

/// What follows from each other comes to rest after so many rounds, or never.
const ROUNDS: usize = 12;

/// One possible course of things.
#[derive(Clone)]
pub(super) struct Core {
    pub(super) state: State,
    observer: Observer,
    /// Whose turn it is, and when it is whose.
    pub(super) queue: Queue,
    /// What they want who do not rest, as they decided last.
    wanted: BTreeMap<Key, Arc<Wanted>>,
    /// When what was shown last of those was recorded who have not decided since.
    shown: HashMap<Key, Timestamp>,
    /// Requests between the two calls of an issue.
    pub(super) flights: Vec<Flight>,
    /// Fingerprints of the access tokens that are held.
    pub(super) tokens: HashMap<Key, String>,
    /// How the endpoints are. Who passes when is not judged: they let everybody through who does not come too early.
    gates: Gates,
    /// How often each object has done something.
    acted: HashMap<Key, Acted>,
    /// How each Secret was read last.
    pub(super) read: HashMap<SecretName, Arc<Read>>,
    /// When a list of Secrets ended last, by namespace.
    listed: HashMap<Arc<str>, Timestamp>,
    /// When the server last told each object of its Secret.
    pub(super) told: HashMap<Key, Timestamp>,
}

/// How often an object has called, or heard of a call, and how often it did anything else.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Acted {
    calls: usize,
    others: usize,
}

/// What an object wants, and since when it may have wanted that.
struct Wanted {
    decision: Decision,
    since: Timestamp,
}

/// What a read of a Secret found.
pub(super) struct Read {
    pub(super) at: Timestamp,
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
            queue: Queue::default(),
            wanted: BTreeMap::new(),
            shown: HashMap::new(),
            flights: Vec::new(),
            tokens: HashMap::new(),
            gates: Gates::new(Limits { per_second: 0, ..Limits::default() }),
            acted: HashMap::new(),
            read: HashMap::new(),
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
        let woken = self.observer.take(&mut self.state, change);
        self.shown.extend(woken.iter().map(|key| (key.clone(), at)));
        self.wake(woken);
    }

    pub(super) fn wake(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.queue.wake(key);
        }
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

    /// What becomes of it if the first list of Secrets came to its end after this was seen: a client Secret that it did not show is
    /// not there, and nobody reads it. `None`: nobody whom the deed concerns was seen by then and wants to read such
    /// a one.
    pub(super) fn knowing_who_is_missing(&self, deed: &Deed, by: Timestamp) -> Option<Self> {
        let is_missing = |(key, it): &(&Key, &Arc<Wanted>)| match &it.decision {
            Decision::Read { want: Want::Login(login), .. } => {
                let secrets = self.state.secrets();
                let is_there = secrets.is_taken(&key.namespace, &login.name)
                    || secrets.managed(&key.namespace, &login.name).is_some();
                it.since <= by && !is_there && self.concerns(deed, key)
            }
            _ => false,
        };
        let missing: Vec<Key> = self.wanted.iter().filter(is_missing).map(|(key, _)| key.clone()).collect();
        let mut core = (!missing.is_empty()).then(|| self.clone())?;
        for key in missing {
            if let Some(session) = core.state.session_mut(&key) {
                session.login = LoginState::Absent;
            }
            core.queue.wake(key);
        }
        Some(core)
    }

    /// What an answer says of its endpoint. What comes back before the next probe was under way when the gate was closed; whose
    /// life had that made sooner is not known, so it may have been anybody's.
    pub(super) fn hear(&mut self, key: &Key, outcome: &Outcome, at: Timestamp) {
        let Outcome::Issued { issue, .. } = outcome else { return };
        let origin = issue.endpoint().origin();
        let is_well = outcome.verdict() == Verdict::Served && self.gates.parked(origin).is_none();
        let ends = self
            .state
            .objects()
            .filter(|_| !is_well)
            .filter_map(|(key, _)| Some(facts(&self.state, key, at)?.record()?.expires_at));
        let first_end = ends.filter(|end| *end > at).min();
        let need = Need { permits: 1, urgency: Urgency::Wanted, expires_at: first_end };
        let _ = self.gates.ask(origin, key, need, at);
        let _ = self.gates.leave(key, outcome.verdict(), at);
        self.state.know_endpoint(origin, self.gates.parked(origin));
    }

    /// An object does something.
    pub(super) fn acts(&mut self, key: &Key, calls: bool) {
        let acted = self.acted.entry(key.clone()).or_default();
        *(if calls { &mut acted.calls } else { &mut acted.others }) += 1;
        self.queue.wake(key.clone());
    }

    /// Those that want such a thing, in order.
    pub(super) fn wanted(&self, is_it: impl Fn(&Key, &Decision) -> bool) -> impl Iterator<Item = &Key> {
        self.wanted.iter().filter(move |(key, it)| is_it(key, &it.decision)).map(|(key, _)| key)
    }

    /// Who wanted to read this Secret by this time.
    pub(super) fn who_reads(&self, secret: &SecretName, by: Timestamp) -> impl Iterator<Item = &Key> {
        let reads = move |key: &Key, it: &Wanted| {
            it.since <= by
                && matches!(&it.decision, Decision::Read { want, .. } if want.secret(key) == *secret)
        };
        self.wanted.iter().filter(move |(key, it)| reads(key, it)).map(|(key, _)| key)
    }

    /// The Secrets that somebody whom the deed concerns wants to read, and may have been told of when they were read before: which
    /// object a read was for is not known.
    pub(super) fn read_before(&self, deed: &Deed) -> BTreeSet<SecretName> {
        let was_read = |(key, it): (&Key, &Arc<Wanted>)| match &it.decision {
            Decision::Read { want, .. } if self.concerns(deed, key) => {
                let secret = want.secret(key);
                self.read
                    .get(&secret)
                    .is_some_and(|read| it.since <= read.at + RECORDED_LATE)
                    .then_some(secret)
            }
            _ => None,
        };
        self.wanted.iter().filter_map(was_read).collect()
    }

    /// Whether this object, or one that it serves, may have done this.
    pub(super) fn concerns(&self, deed: &Deed, key: &Key) -> bool {
        let names = |key: &Key, name: &str| {
            let object = self.state.object(key);
            object.is_some_and(|it| [it.secret_name(), it.login_name()].contains(&Some(name)))
        };
        match deed {
            Deed::ReadOwner { key: it, .. }
            | Deed::WroteStatus { key: it, .. }
            | Deed::Deleted { key: it, .. } => {
                it == key || scoped_token::waits_for(&self.state, it).any(|credential| credential == key)
            }
            Deed::ReadSecret { namespace, name, .. } | Deed::Looked { namespace, name, .. } => {
                **namespace == *key.namespace && names(key, name)
            }
            Deed::WroteSecret { namespace, name, .. } => {
                **namespace == *key.namespace && name.as_ref().is_none_or(|name| names(key, name))
            }
            Deed::Called(called) => {
                let served = [key].into_iter().chain(self.state.referrers(key));
                let is_home = |key: &Key| called.into.as_ref().is_none_or(|home| names(key, &home.name));
                let mut asked = [key].into_iter().chain(scoped_token::waits_for(&self.state, key));
                asked.any(|key| self.base(key) == Some(&called.base)) && served.into_iter().any(is_home)
            }
        }
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

    /// Lets those decide who were woken, and whose time has come, until nobody is: as the loop's turns do it.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.queue.pass(now);
        for _ in 0..ROUNDS {
            let (ready, ..) = self.queue.load();
            for key in (0..ready).filter_map(|_| self.queue.take()).collect::<Vec<_>>() {
                self.turn(&key, now);
                self.queue.done(&key);
            }
        }
    }

    fn turn(&mut self, key: &Key, now: Timestamp) {
        let woken = offers::refresh(&mut self.state, key, now);
        self.wake(woken);
        let before = self.wanted.remove(key).filter(|it| matches!(it.decision, Decision::Read { .. }));
        let shown = self.shown.remove(key).unwrap_or(now);
        let decision = self.decide(key, now);
        let look = match &decision {
            None => None,
            Some(Decision::Act(_) | Decision::DropHeld) => Some(later(now, SHORTEST_WAIT)),
            Some(
                Decision::Read { meanwhile: rest, .. }
                | Decision::Call { meanwhile: rest, .. }
                | Decision::Rest(rest),
            ) => rest.until,
        };
        self.queue.wake_at(key, look);
        let waits = match decision {
            Some(Decision::Rest(rest)) => rest.waits,
            Some(Decision::DropHeld) => {
                self.state.drop_held(key);
                return self.queue.wake(key.clone());
            }
            Some(decision) => {
                let since = before.map_or(shown, |it| it.since);
                self.wanted.insert(key.clone(), Arc::new(Wanted { decision, since }));
                return;
            }
            None if self.is_between_calls(key) => return,
            None => None,
        };
        let woken = offers::wait(&mut self.state, key, waits, now);
        self.wake(woken);
    }

    /// The core once those have had their turns who were woken.
    pub(super) fn settled(&self, now: Timestamp) -> Self {
        let mut core = self.clone();
        core.settle(now);
        core
    }

    /// Does this deed, if it is one that it wants.
    pub(super) fn explains(&mut self, deed: &Deed, at: Timestamp) -> bool {
        // A status may have been decided before those had their turns whom this object serves.
        if matches!(deed, Deed::WroteStatus { .. }) && self.does(deed, at) {
            return true;
        }
        self.settle(at);
        self.does(deed, at)
    }

    /// What becomes of what is `now` by this deed, if it is one that was wanted when all was as it is here, and whoever wanted it
    /// has done nothing since until `later`. What is said beside a call may be overtaken by what is said of its answer.
    pub(super) fn explain_later(
        &self,
        later: &Self,
        now: impl FnOnce() -> Self,
        did: &Did,
        at: Timestamp,
    ) -> Option<Self> {
        let acted = |core: &Self, key: &Key| core.acted.get(key).copied().unwrap_or_default();
        let is_beside = |key: &Key| {
            matches!(did.deed, Deed::WroteStatus { .. })
                && self.state.object(key).is_some_and(Object::says_ready)
        };
        let is_idle = |key: &Key| {
            let (then, later) = (acted(self, key), acted(later, key));
            then == later || is_beside(key) && then.others == later.others
        };
        let wish = self.wish(&did.deed, at, is_idle)?;
        let mut now = now().settled(did.at);
        now.fulfil(wish, &did.deed, did.at).then_some(now)
    }

    /// Where a credential's calls go.
    fn base(&self, credential: &Key) -> Option<&str> {
        let spec = self.state.credential(credential)?.spec.as_ref().ok()?;
        spec.endpoint.allowed().map(Endpoint::base)
    }

    /// What the objects want that this deed may have been for, in words.
    pub(super) fn wants(&self, deed: &Deed, at: Timestamp) -> String {
        let core = self.settled(at);
        let about = |key: &&Key| core.concerns(deed, key);
        let mut keys: Vec<&Key> = core.state.objects().map(|(key, _)| key).filter(about).collect();
        keys.sort();
        let said: Vec<String> =
            keys.iter().map(|key| format!("{} {}", Shown(key), said(core.decide(key, at)))).collect();
        if said.is_empty() { "nothing: it knows no such object".to_owned() } else { said.join(", ") }
    }
}

fn said(decision: Option<Decision>) -> String {
    let Some(decision) = decision else { return "to finish a call".to_owned() };
    let does = match &decision {
        Decision::DropHeld => "to drop its token".to_owned(),
        Decision::Read { want: Want::Login(login), .. } => format!("to read client Secret {}", login.name),
        Decision::Read { want: Want::Token { template, .. }, .. } => {
            format!("to recall Secret {}", template.name)
        }
        Decision::Act(effect) | Decision::Call { effect, .. } => effect_said(effect),
        Decision::Rest(rest) => {
            format!("to wait {}", rest.until.map_or("for ever".to_owned(), |until| format!("until {until}")))
        }
    };
    decision.publish().map_or(does.clone(), |publish| format!("{does} and say {}", publish.patch))
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

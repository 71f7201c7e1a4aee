//! Does the pure core explain all that the operator did? At the end of every test: what the API server logged of it, what the
//! emulator was asked and answered, and what there was, are replayed through the core.

mod calls;
mod heard;
pub mod recorder;
mod requests;
mod sights;

use jiff::Timestamp;
use rocketlawyer_operator::operator::replay::{Did, Replay, Sight, streams};
use rocketlawyer_operator::state::Settings;

use super::api_proxy::ApiProxy;
use super::world::World;
pub use calls::{BrokenOff, MadeCall, unanswered};
use recorder::Kept;

/// All that was recorded of one test.
pub struct Record {
    pub versions: Vec<Kept>,
    pub dids: Vec<Did>,
    starts: Vec<Timestamp>,
    settings: Settings,
    namespaces: Vec<String>,
    /// Its lists, as they were answered.
    lists: Vec<sights::Answered>,
    /// What a proxy showed, where there is one: the watches of the operator, not those of the recorder.
    pub shown: Option<Vec<Sight>>,
}

/// What follows on something that is not explained tells nothing new, and takes long to find out.
const ENOUGH: usize = 5;

/// The app with which a test calls the service itself.
pub const OF_THE_TEST: &str = "of-the-test-key";

/// What is replayed, in its order.
enum Next<'a> {
    /// And until when it ran.
    Start(Option<Timestamp>),
    Did(&'a Did),
}

/// Panics if the operator did anything that the core does not explain.
pub fn check(world: &World) {
    if let Some(reason) = world.not_replayed {
        return say(world, &format!("not replayed: {reason}"));
    }
    let record = Record::of(world);
    let (explained, unexplained) = record.replayed();
    say(world, &format!("{explained} explained, {} unexplained", unexplained.len()));
    assert!(
        unexplained.is_empty(),
        "the core explains {explained} of {} deeds of the operator, and not (the first {ENOUGH}):\n{}",
        record.dids.len(),
        unexplained.join("\n")
    );
}

#[expect(clippy::print_stdout, reason = "shown with `--show-output`, and where the test fails")]
fn say(world: &World, what: &str) {
    println!("replay: {}: {what}", world.namespace);
}

impl Record {
    /// What was recorded until now. The operator has ended.
    pub fn of(world: &World) -> Self {
        let namespaces: Vec<_> = [&world.namespace].into_iter().chain(&world.others).cloned().collect();
        let versions = recorder::versions(&namespaces);
        let requests = world.control_plane.audit().since(world.began).expect("the audit log");
        let heard = world.proxy.as_ref().map(ApiProxy::heard);
        let told = heard.as_ref().map(|it| it.answers.as_slice()).unwrap_or_default();
        let mut dids = requests::dids(&requests, &world.user, &versions, told);
        let service = world.service.trim_end_matches("/partners/v1/auth");
        let mut calls = world.further_calls.clone();
        let log = world.emulator.log().into_iter();
        let of_operator = log.filter(|it| it.client_id.as_deref() != Some(OF_THE_TEST));
        calls.extend(of_operator.map(|entry| (entry, service.to_owned())));
        dids.extend(calls::dids(&calls, &versions));
        dids.extend(world.broken_off.iter().map(calls::broken));
        dids.sort_by_key(|did| did.at);
        let flags = world.operator.arguments.iter().zip(world.operator.arguments.iter().skip(1));
        let allowed = flags.filter(|(flag, _)| *flag == "--allow-endpoint");
        let allowed_origins = allowed.filter_map(|(_, origin)| origin.parse().ok()).collect();
        Self {
            versions,
            dids,
            starts: world.operator.starts.clone(),
            settings: Settings { allowed_origins, reads_namespaces: world.selectors },
            namespaces,
            lists: sights::lists(&requests, &world.user),
            shown: heard.map(|it| it.sights),
        }
    }

    /// What the core does not explain, in words.
    pub fn unexplained(&self) -> Vec<String> {
        self.replayed().1
    }

    /// How much the core explains, and what it does not.
    fn replayed(&self) -> (usize, Vec<String>) {
        let streams = streams(&self.namespaces, self.settings.reads_namespaces);
        let recorded = || sights::of(&self.versions, &streams, &self.lists);
        let history = self.shown.clone().unwrap_or_else(recorded);
        let mut replay = Replay::new(self.settings.clone(), streams, history, &self.dids);
        let start =
            |(place, at): (usize, &Timestamp)| (*at, Next::Start(self.starts.get(place + 1).copied()));
        let starts = self.starts.iter().enumerate().map(start);
        let mut all: Vec<_> = starts.chain(self.dids.iter().map(|did| (did.at, Next::Did(did)))).collect();
        all.sort_by_key(|(at, _)| *at);
        let (mut explained, mut unexplained) = (0, Vec::new());
        for (at, next) in all {
            if unexplained.len() == ENOUGH {
                break;
            }
            match next {
                Next::Start(another) => replay.start(at, another),
                Next::Did(did) => match replay.explain(did) {
                    Ok(()) => explained += 1,
                    Err(why) => unexplained.push(why),
                },
            }
        }
        (explained, unexplained)
    }
}

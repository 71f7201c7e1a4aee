//! Does the pure core explain all that the operator did? At the end of every test: what the API server logged of it, what the
//! emulator was asked and answered, and what there was, are replayed through the core.

mod calls;
pub mod recorder;
mod requests;
mod sights;

use jiff::Timestamp;
use rocketlawyer_operator::operator::replay::{Did, Replay, streams};
use rocketlawyer_operator::state::Settings;

use super::world::World;
use recorder::Kept;

/// All that was recorded of one test.
pub struct Record {
    pub versions: Vec<Kept>,
    pub dids: Vec<Did>,
    starts: Vec<Timestamp>,
    settings: Settings,
    namespaces: Vec<String>,
}

/// What follows on something that is not explained tells nothing new, and takes long to find out.
const ENOUGH: usize = 5;

/// What is replayed, in its order.
enum Next<'a> {
    Start(Timestamp),
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
        let mut dids = requests::dids(&requests, &world.user, &versions);
        dids.extend(calls::dids(&[world.emulator.log(), world.further_calls.clone()].concat(), &versions));
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
        }
    }

    /// What the core does not explain, in words.
    pub fn unexplained(&self) -> Vec<String> {
        self.replayed().1
    }

    /// How much the core explains, and what it does not.
    fn replayed(&self) -> (usize, Vec<String>) {
        let streams = streams(&self.namespaces, self.settings.reads_namespaces);
        let history = sights::of(&self.versions, &streams);
        let mut replay = Replay::new(self.settings.clone(), streams, history, &self.dids);
        let starts = self.starts.iter().map(|at| (*at, Next::Start(*at)));
        let mut all: Vec<_> = starts.chain(self.dids.iter().map(|did| (did.at, Next::Did(did)))).collect();
        all.sort_by_key(|(at, _)| *at);
        let (mut explained, mut unexplained) = (0, Vec::new());
        for (_, next) in all {
            if unexplained.len() == ENOUGH {
                break;
            }
            match next {
                Next::Start(at) => replay.start(at),
                Next::Did(did) => match replay.explain(did) {
                    Ok(()) => explained += 1,
                    Err(why) => unexplained.push(why),
                },
            }
        }
        (explained, unexplained)
    }
}

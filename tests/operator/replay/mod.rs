//! Does the pure core explain all that the operator did? At the end of every test its turns are taken again, from its journal and
//! what the recorder saw of the cluster, and held against what the API server and the emulator logged of it.

mod calls;
pub mod recorder;
pub mod requests;

use rocketlawyer_operator::decision::ResourceVersion;
use rocketlawyer_operator::operator::journal::Entry;
use rocketlawyer_operator::operator::replay::{Contents, Did, Replay};
use serde_json::Value;

use super::world::World;
pub use calls::{BrokenOff, MadeCall};
use recorder::{Kept, Recorder};

/// All that was recorded of one test.
#[derive(Clone)]
pub struct Record {
    pub versions: Vec<Kept>,
    pub dids: Vec<Did>,
    /// The operator's journal, as it wrote it.
    pub journal: Vec<String>,
}

/// More than so many tell nothing new.
const ENOUGH: usize = 5;

/// The app with which a test calls the service itself.
pub const OF_THE_TEST: &str = "of-the-test-key";

/// Panics if the operator did anything that the core does not explain.
pub fn check(world: &World) {
    let record = Record::of(world, &world.recorder);
    let unexplained = record.unexplained();
    let (turns, deeds) = (record.journal.len(), record.dids.len());
    say(world, &format!("{turns} entries, {deeds} deeds, {} unexplained", unexplained.len()));
    assert!(turns > 0 || deeds == 0, "the operator kept no journal, and did {deeds} deeds");
    nothing_is_left(&unexplained);
}

/// Panics with the first of what is unexplained.
pub fn nothing_is_left(unexplained: &[String]) {
    let first = &unexplained[..unexplained.len().min(ENOUGH)];
    let all = unexplained.len();
    assert!(
        all == 0,
        "what the core does not explain, {all} in all, the first of them:\n{}",
        first.join("\n")
    );
}

#[expect(clippy::print_stdout, reason = "shown with `--show-output`, and where the test fails")]
fn say(world: &World, what: &str) {
    println!("replay: {}: {what}", world.namespace);
}

impl Record {
    /// What was recorded until now. The operator has ended.
    pub fn of(world: &World, recorder: &Recorder) -> Self {
        let namespaces: Vec<_> = [&world.namespace].into_iter().chain(&world.others).cloned().collect();
        let versions = recorder.versions(world.cluster(), &namespaces);
        let requests = world.control_plane.audit().since(world.began).expect("the audit log");
        let mut dids = requests::dids(&requests, &world.user, &versions);
        let service = world.service.trim_end_matches("/partners/v1/auth");
        let of_operator = |entry: &_| OF_THE_TEST != calls::client_of(entry);
        let log = world.emulator.log().into_iter().filter(of_operator);
        let mut calls = world.further_calls.clone();
        calls.extend(log.map(|entry| (entry, service.to_owned())));
        dids.extend(calls::dids(&calls, &versions));
        dids.extend(world.broken_off.iter().filter_map(calls::broken_off));
        dids.sort_by_key(|did| did.at);
        Self { versions, dids, journal: journal(&world.operator.log()) }
    }

    /// What the core does not explain, in words.
    pub fn unexplained(&self) -> Vec<String> {
        let mut contents = Contents::default();
        for it in &self.versions {
            let json = it.object.to_string().into_bytes();
            contents.add(it.what, &it.namespace, &it.name, ResourceVersion(it.version), json);
        }
        let mut replay = Replay::new(contents);
        for line in &self.journal {
            let entry: Entry = serde_json::from_str(line).expect("an entry");
            if let Err(why) = replay.hear(entry) {
                return vec![format!("{why}; it was told: {line}")];
            }
        }
        let mut unexplained: Vec<_> = self.dids.iter().filter_map(|did| replay.explain(did).err()).collect();
        unexplained.extend(replay.end());
        unexplained
    }
}

/// A process that was killed may have left its last line unfinished.
fn journal(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains("\"journal\":"));
    let entry = |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["journal"].as_str().map(str::to_owned)
    };
    lines.filter_map(entry).collect()
}

//! What is known of a run? Readings before and after, and their differences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use control_plane::{Mark, RequestKind, audit};

use crate::Result;
use crate::site::Site;
use crate::usage::{cpu_seconds, machine_seconds};

/// Both runs of a round.
pub(crate) struct Pair {
    pub(crate) operator: Run,
    pub(crate) bare: Run,
}

/// One run, from its start to the moment at which a watch had seen every request Ready.
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// Of the operator's process, or of this one, which also watches and counts.
    pub(crate) client_cpu: Option<f64>,
    pub(crate) api_server_cpu: Option<f64>,
    /// Of etcd, the controllers and the emulator together.
    pub(crate) others_cpu: Option<f64>,
    /// Of the whole machine: what is left after the others was not for this run.
    pub(crate) machine_cpu: Option<f64>,
    /// Requests of the account by `verb resource`.
    pub(crate) requests: BTreeMap<String, usize>,
    pub(crate) auth_calls: u64,
    /// The fields of one managed Secret and of one status.
    pub(crate) shape: BTreeSet<String>,
    /// The largest resident size of the operator so far, in MiB.
    pub(crate) peak: Option<f64>,
    pub(crate) idle: Option<Idle>,
}

/// The operator with nothing to do.
pub(crate) struct Idle {
    pub(crate) seconds: f64,
    pub(crate) cpu: Option<f64>,
    pub(crate) requests: BTreeMap<String, usize>,
    /// Resident size, in MiB.
    pub(crate) resident: Option<f64>,
    /// Events that were posted in all.
    pub(crate) events: usize,
}

/// Readings at the start of a run.
pub(crate) struct Start {
    pub(crate) mark: Mark,
    at: Instant,
    client: u32,
    client_cpu: Option<f64>,
    api_server_cpu: Option<f64>,
    others_cpu: Option<f64>,
    machine_cpu: Option<f64>,
    auth_calls: u64,
}

impl Start {
    /// Reads everything, the clock last.
    pub(crate) async fn now(site: &Site, client: Option<u32>) -> Result<Self> {
        Ok(Self {
            mark: site.control_plane.audit().mark()?,
            client: client.unwrap_or_default(),
            client_cpu: client.and_then(cpu_seconds),
            api_server_cpu: site.api_server().and_then(cpu_seconds),
            others_cpu: others(site),
            machine_cpu: machine_seconds(),
            auth_calls: site.auth_calls().await?,
            at: Instant::now(),
        })
    }

    /// A process that began with this run.
    pub(crate) fn of_process(self, client: u32) -> Self {
        Self { client, client_cpu: Some(0.0), ..self }
    }

    /// The run that ended at `end`.
    pub(crate) async fn run(&self, site: &Site, end: Instant, shape: BTreeSet<String>) -> Result<Run> {
        let since = |then: Option<f64>, now: Option<f64>| Some(now? - then?);
        Ok(Run {
            seconds: end.duration_since(self.at).as_secs_f64(),
            client_cpu: since(self.client_cpu, cpu_seconds(self.client)),
            api_server_cpu: since(self.api_server_cpu, site.api_server().and_then(cpu_seconds)),
            others_cpu: since(self.others_cpu, others(site)),
            machine_cpu: since(self.machine_cpu, machine_seconds()),
            requests: requests(site, self.mark)?,
            auth_calls: site.auth_calls().await? - self.auth_calls,
            shape,
            peak: None,
            idle: None,
        })
    }
}

/// What the operator's account has asked since the mark, by `verb resource`.
pub(crate) fn requests(site: &Site, mark: Mark) -> Result<BTreeMap<String, usize>> {
    let asked = site.control_plane.audit().by_user(mark, &site.user)?;
    let mut counts = BTreeMap::new();
    for (kind, count) in audit::count(&asked) {
        *counts.entry(named(&kind)).or_default() += count;
    }
    Ok(counts)
}

fn others(site: &Site) -> Option<f64> {
    site.other_processes().into_iter().map(cpu_seconds).sum()
}

fn named(kind: &RequestKind) -> String {
    let mut name = format!("{} {}", kind.verb, kind.resource);
    if !kind.subresource.is_empty() {
        name = format!("{name}/{}", kind.subresource);
    }
    if kind.code >= 400 {
        name = format!("{name} refused with {}", kind.code);
    }
    name
}

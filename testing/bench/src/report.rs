//! What is printed, and what is judged? Medians over the rounds; the counts are exact, so they are judged exactly.

use std::collections::BTreeMap;

use crate::measured::{Idle, Pair, Run};

/// A round has ended.
pub(crate) fn round(number: u32, pair: &Pair) {
    println!(
        "round {number}: operator {:.2} s, bare client {:.2} s, ratio {:.2}",
        pair.operator.seconds,
        pair.bare.seconds,
        pair.ratio()
    );
}

/// All of them have. `false`: something is not as it must be.
pub(crate) fn all(pairs: &[Pair], requests: u32, at_least: f64) -> bool {
    let count = f64::from(requests);
    let of = |value: &dyn Fn(&Pair) -> Option<f64>| median(pairs.iter().filter_map(value).collect());
    let ratio = of(&|pair| Some(pair.ratio()));
    let times = [of(&|pair| Some(pair.operator.seconds)), of(&|pair| Some(pair.bare.seconds))];
    println!("\n{requests} requests, medians of {} rounds", pairs.len());
    line("", ["operator", "bare client"]);
    line("all Ready after", times.map(|it| show(it, 1.0, "s")));
    line("requests a second", times.map(|it| show(it.map(|it| count / it), 1.0, "")));
    let cpu = [of(&|pair| pair.operator.client_cpu), of(&|pair| pair.bare.client_cpu)];
    line("its CPU per request (*)", cpu.map(|it| show(it, 1000.0 / count, "ms")));
    let cpu = [of(&|pair| pair.operator.api_server_cpu), of(&|pair| pair.bare.api_server_cpu)];
    line("API server's CPU per request", cpu.map(|it| show(it, 1000.0 / count, "ms")));
    let cpu = [of(&|pair| pair.operator.others_cpu), of(&|pair| pair.bare.others_cpu)];
    line("etcd, controllers, emulator", cpu.map(|it| show(it, 1000.0 / count, "ms")));
    let load = [of(&|pair| pair.operator.cores()), of(&|pair| pair.bare.cores())];
    line("cores at work for anybody", load.map(|it| show(it, 1.0, "")));
    let load = [of(&|pair| pair.operator.cores_of_others()), of(&|pair| pair.bare.cores_of_others())];
    line("of these for something else", load.map(|it| show(it, 1.0, "")));
    println!("ratio of the speeds: {}", show(ratio, 1.0, ""));
    println!("(*) the bare client's is that of this whole process, which also watches and counts");
    let fits = pairs.iter().all(|pair| calls(pair, requests));
    if let Some(pair) = pairs.last() {
        counts(&pair.operator, count);
        memory(&pair.operator);
    }
    let fast = at_least <= 0.0 || ratio.is_some_and(|ratio| ratio >= at_least);
    if !fast {
        println!("FAILED: the ratio is below {at_least}");
    }
    fits && fast
}

impl Pair {
    /// The operator's speed as a part of the bare client's.
    fn ratio(&self) -> f64 {
        self.bare.seconds / self.operator.seconds
    }
}

impl Run {
    /// How many processors were at work on average, whoever it was for.
    fn cores(&self) -> Option<f64> {
        Some(self.machine_cpu? / self.seconds)
    }

    /// How many of them for what does not belong to this run: the larger, the less this run says. (Of the operator's run
    /// it includes this process, which watches and counts.)
    fn cores_of_others(&self) -> Option<f64> {
        let own = self.client_cpu? + self.api_server_cpu? + self.others_cpu?;
        Some((self.machine_cpu? - own) / self.seconds)
    }
}

/// Whether the operator made the calls that it may make, and the bare client the same.
fn calls(pair: &Pair, requests: u32) -> bool {
    let count = requests as usize;
    let operator = &pair.operator;
    // The credential has a token of its own: a Secret, an event and a call more.
    let expected = [("create secrets", count + 1), ("patch scopedtokenrequests/status", count)];
    let mut problems = Vec::new();
    for (what, expected) in expected {
        let found = operator.requests.get(what).copied().unwrap_or_default();
        if found != expected {
            problems.push(format!("{what}: {found}, and not {expected}"));
        }
    }
    let events = operator.requests.get("create events").copied().unwrap_or_default();
    if events > count + 1 {
        problems.push(format!("create events: {events}, and not at most {}", count + 1));
    }
    let known = ["secrets", "events", "scopedtokenrequests/status", "rocketlawyercredentials/status"];
    for (what, number) in &operator.requests {
        let is_write = ["create ", "update ", "patch ", "delete "].iter().any(|verb| what.starts_with(verb));
        let is_known = known.iter().any(|it| what.split_once(' ').is_some_and(|(_, rest)| rest == *it));
        if is_write && !is_known && !what.contains("selfsubjectaccessreviews") {
            problems.push(format!("{what}: {number}, and not 0"));
        }
    }
    let expected = 2 * u64::from(requests) + 1;
    if operator.auth_calls != expected {
        problems.push(format!("authentication calls: {}, and not {expected}", operator.auth_calls));
    }
    for field in operator.shape.symmetric_difference(&pair.bare.shape) {
        problems.push(format!("{field} is written by only one of the two"));
    }
    for problem in &problems {
        println!("FAILED: {problem}");
    }
    problems.is_empty()
}

fn counts(run: &Run, requests: f64) {
    println!("\nthe operator's API requests in the last round, until all were Ready");
    print(&run.requests, requests);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let auth_calls = run.auth_calls as f64;
    println!("{:>8} {:>8.3}  authentication calls", run.auth_calls, auth_calls / requests);
}

fn print(counts: &BTreeMap<String, usize>, requests: f64) {
    println!("{:>8} {:>8}", "in all", "each");
    for (what, count) in counts {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = *count as f64 / requests;
        println!("{count:>8} {each:>8.3}  {what}");
    }
}

fn memory(run: &Run) {
    println!("\nthe operator's resident size at its peak: {}", show(run.peak, 1.0, "MiB"));
    let Some(idle) = &run.idle else { return };
    let Idle { seconds, cpu, requests, resident, events } = idle;
    println!("settled: {}; events posted in all: {events}", show(*resident, 1.0, "MiB"));
    let of_a_core = cpu.map(|cpu| 100.0 * cpu / seconds);
    println!("idle for {seconds:.0} s: {} of a core", show(of_a_core, 1.0, "%"));
    for (what, count) in requests {
        println!("{count:>8}  {what}");
    }
}

fn line<T: std::fmt::Display>(what: &str, [operator, bare]: [T; 2]) {
    println!("{what:<30}{operator:>14}{bare:>14}");
}

fn show(value: Option<f64>, factor: f64, unit: &str) -> String {
    value.map_or_else(
        || "unknown".to_owned(),
        |value| format!("{:.2} {unit}", value * factor).trim_end().to_owned(),
    )
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*below, *above))
}

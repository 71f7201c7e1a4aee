//! What did a process use? Reads `/proc`; where there is none, nothing is known.

use std::fs;

/// Clock ticks per second in `/proc`, the same on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// Seconds on a processor since the process began, all threads together.
pub(crate) fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name comes before, in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

/// Seconds that all processors together were at work since the machine began, whoever it was for.
pub(crate) fn machine_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, waiting, interrupts (two kinds); what guests used is in user already.
    let busy = [0, 1, 2, 5, 6].map(|at: usize| fields.get(at).copied());
    Some(busy.into_iter().sum::<Option<f64>>()? / TICKS)
}

/// The largest and the present resident size, in MiB.
pub(crate) fn resident(process: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes / 1024.0)
    };
    Some((field("VmHWM:")?, field("VmRSS:")?))
}

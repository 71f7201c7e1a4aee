//! How is the person at the terminal told what a long step is doing? One line each, on standard error.

use std::io::Write as _;

/// Says one line. Standard error is written directly: a test harness would swallow `eprintln!`, and a build of
/// minutes must not look like a hang. A terminal that is gone is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

//! Does the bench measure what it says, and fail where it must? Runs it with tiny numbers on one control plane of its own: no
//! figure of these means anything. Needs the workspace's programs: `cargo build --workspace --bins`.
#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use control_plane::{ControlPlane, RUNNING, Tool};
use tempfile::TempDir;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");
const TINY: [&str; 6] = ["--requests", "3", "--rounds", "1", "--idle", "1"];

/// One after the other: each uses the same namespaces.
#[test]
fn it_says_what_both_cost_and_fails_where_one_of_them_does() {
    let control_plane = ControlPlane::start().unwrap();
    says_what_both_cost(&control_plane);
    fails_below_the_ratio(&control_plane);
    fails_with_an_operator_that_ends(&control_plane);
    fails_with_an_operator_that_writes_more(&control_plane);
    fails_with_a_bare_client_that_is_refused(&control_plane);
}

fn says_what_both_cost(control_plane: &ControlPlane) {
    let (code, told) = run(control_plane, Path::new(BENCH), &[]);
    assert_eq!(code, Some(0), "{told}");
    for figure in [
        "round 1: operator ",
        "all Ready after",
        "requests a second",
        "its CPU per request",
        "API server's CPU per request",
        "ratio of the speeds: ",
        "resident size at its peak: ",
        "settled: ",
        "idle for ",
    ] {
        let line = told.lines().find(|line| line.contains(figure));
        assert!(line.is_some_and(|line| line.contains(|it: char| it.is_ascii_digit())), "{figure}:\n{told}");
        assert!(!line.is_some_and(|line| line.contains("unknown")), "{figure}:\n{told}");
    }
    // Three requests, and the credential's own token: two writes and two calls each, and one more of each for that.
    for (count, what) in
        [("4", "create secrets"), ("3", "patch scopedtokenrequests/status"), ("7", "authentication calls")]
    {
        let is_it = |line: &str| line.ends_with(what) && line.split_whitespace().next() == Some(count);
        assert!(told.lines().any(is_it), "{count} {what}:\n{told}");
    }
}

fn fails_below_the_ratio(control_plane: &ControlPlane) {
    let (code, told) = run(control_plane, Path::new(BENCH), &["--at-least", "1000"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("FAILED: the ratio is below 1000"), "{told}");
}

fn fails_with_an_operator_that_ends(control_plane: &ControlPlane) {
    let beside = Beside::new();
    beside.script("rocketlawyer-operator", "echo no more >&2; exit 7");
    let (code, told) = run(control_plane, &beside.bench(), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("bench: the operator ended (exit status: 7)") && told.contains("no more"),
        "{told}"
    );
}

/// Under its own account, as an operator would that does too much.
fn fails_with_an_operator_that_writes_more(control_plane: &ControlPlane) {
    let beside = Beside::new();
    let kubectl = Tool::Kubectl.path().unwrap();
    let more = format!(
        "{} create secret generic more -n operator-1 >/dev/null || exit 7\nexec {} \"$@\"",
        kubectl.display(),
        built("rocketlawyer-operator").display()
    );
    beside.script("rocketlawyer-operator", &more);
    let (code, told) = run(control_plane, &beside.bench(), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("FAILED: create secrets: 5, and not 4"), "{told}");
}

fn fails_with_a_bare_client_that_is_refused(control_plane: &ControlPlane) {
    let beside = Beside::new();
    // The app has another secret than the one that the bench knows.
    let emulator = built("rocketlawyer-emulator");
    let other = format!("exec {} --http-bind-address 127.0.0.1:0 --app bench:another", emulator.display());
    beside.script("rocketlawyer-emulator", &other);
    let (code, told) = run(control_plane, &beside.bench(), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("bench: HTTP status client error (401 Unauthorized)"), "{told}");
}

/// The bench in a folder of its own, beside programs that are not those of the workspace.
struct Beside {
    folder: TempDir,
}

impl Beside {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::copy(BENCH, folder.path().join("bench")).unwrap();
        for program in ["rocketlawyer-operator", "rocketlawyer-emulator"] {
            std::os::unix::fs::symlink(built(program), folder.path().join(program)).unwrap();
        }
        Self { folder }
    }

    fn bench(&self) -> PathBuf {
        self.folder.path().join("bench")
    }

    fn script(&self, program: &str, text: &str) {
        let path = self.folder.path().join(program);
        fs::remove_file(&path).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn built(program: &str) -> PathBuf {
    Path::new(BENCH).with_file_name(program)
}

/// Its exit code, and all that it printed.
fn run(control_plane: &ControlPlane, bench: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let described = control_plane.description_path();
    let command = Command::new(bench).args(TINY).args(arguments).env(RUNNING, described).output();
    let Output { status, stdout, stderr } = command.unwrap();
    let told = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&told).into_owned())
}

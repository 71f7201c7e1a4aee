//! Does the demo see what it should, say when it does not, and leave nothing behind? Needs the workspace's programs:
//! `cargo build --workspace --bins`.
#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn both_kinds_are_seen_renewed_and_nothing_is_left() {
    let (mut demo, lines) = start();
    let (folder, told) = read(lines, "\n");
    let status = demo.wait().unwrap();
    assert!(status.success(), "{status}:\n{told}");
    for name in ["rlc/partner", "str/interview-42"] {
        for happened in ["issued", "renewed"] {
            assert!(told.contains(&format!("{name} {happened}: ")), "{told}");
        }
    }
    assert!(!told.contains("eyJ"), "a token is shown:\n{told}");
    assert_eq!(left(&folder), Vec::<String>::new());
}

#[test]
fn an_operator_that_ends_is_a_failure_and_nothing_is_left() {
    let (mut demo, mut lines) = start();
    let (folder, mut told) = read(&mut lines, "==> Watching");
    let operator = children(demo.id(), "rocketlawyer-operator");
    assert_eq!(operator.len(), 1, "{told}");
    kill(operator[0]);
    told += &read(lines, "\n").1;
    let status = demo.wait().unwrap();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("demo: the operator ended"), "{told}");
    assert_eq!(left(&folder), Vec::<String>::new());
}

#[test]
fn nothing_is_left_of_a_demo_that_was_killed() {
    let (mut demo, mut lines) = start();
    let (folder, told) = read(&mut lines, "==> Watching");
    let programs = left(&folder).len();
    assert_eq!(programs, 6, "five programs and a folder:\n{told}");
    demo.kill().unwrap();
    demo.wait().unwrap();
    let started = Instant::now();
    while !left(&folder).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", left(&folder));
        std::thread::sleep(Duration::from_millis(20));
    }
}

type Lines = BufReader<std::process::ChildStdout>;

fn start() -> (Child, Lines) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--once")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap());
    (demo, lines)
}

/// What it said up to a line that begins so, or to its end; and the folder of its control plane.
fn read(lines: impl std::io::BufRead, until: &str) -> (String, String) {
    let mut told = String::new();
    for line in lines.lines() {
        let line = line.unwrap();
        told += &line;
        told.push('\n');
        if line.starts_with(until) {
            break;
        }
    }
    let folder = told.lines().find_map(|line| line.trim().strip_prefix("logs"));
    let folder = folder.map(|path| path.trim().trim_end_matches("/*.log").to_owned());
    (folder.unwrap_or_default(), told)
}

fn children(parent: u32, name: &str) -> Vec<u32> {
    let listing = Command::new("ps").args(["-eo", "pid=,ppid=,comm=,args="]).output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let of_parent = |line: &str| {
        let mut words = line.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let ours = words.next()?.parse() == Ok(parent);
        let program = words.nth(1)?;
        (ours && Path::new(program).file_name().is_some_and(|it| it == name)).then_some(pid)
    };
    listing.lines().filter_map(of_parent).collect()
}

/// The folder, and the programs that run in it.
fn left(folder: &str) -> Vec<String> {
    assert!(!folder.is_empty(), "the demo did not say where its logs are");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let cwd = std::fs::read_link(entry.path().join("cwd"));
        // Not by path: of a folder that is gone, the kernel says so behind its name.
        let runs_there = cwd.is_ok_and(|cwd| cwd.to_string_lossy().starts_with(folder));
        if runs_there {
            found.push(entry.path().display().to_string());
        }
    }
    found.extend(Path::new(folder).exists().then(|| folder.to_owned()));
    found
}

fn kill(pid: u32) {
    let status = Command::new("kill").arg(pid.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot end {pid}");
}

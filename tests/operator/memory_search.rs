//! Where in another process's memory does a text stand, however it is written? Reads what the process can write to; what it was
//! loaded from holds no secret.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{DirEntry, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::Duration;

use super::process::until;
use super::secrets_stay_secret::encodings;

/// The memory of a process.
pub struct Memory {
    pid: u32,
}

/// One place in it.
pub struct Found {
    /// What stands there.
    pub what: String,
    region: String,
    at: u64,
    around: String,
}

const PAGE: usize = 4096;
/// How much is read at a time, beside an overlap that no text is longer than.
const CHUNK: usize = 256 * PAGE;
const OVERLAP: usize = 256;

impl Memory {
    /// Says in one line if this machine does not let it.
    pub fn of(pid: u32) -> Self {
        match File::open(format!("/proc/{pid}/mem")) {
            Ok(_) => Self { pid },
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                panic!(
                    "the operator's memory is closed to others, and this test has to read it: run it as root"
                )
            }
            Err(error) => panic!("/proc/{pid}/mem: {error}"),
        }
    }

    /// Every place where one of these stands, by what it is. The process is held still meanwhile.
    pub fn search(&self, wanted: &[(String, String)]) -> Vec<Found> {
        let needles = Needles::new(wanted);
        self.signal("-STOP");
        let still = until(Duration::from_secs(15), || self.stack_pointers());
        let stacks = still.expect("it stands still");
        let mut found = Vec::new();
        let memory = File::open(format!("/proc/{}/mem", self.pid)).expect("it runs");
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).expect("it runs");
        let regions: Vec<_> = maps.lines().filter_map(Region::writable).collect();
        for stack in stacks {
            assert!(
                regions.iter().any(|it| (it.from..it.to).contains(&stack)),
                "the stack at {stack:x} is not read"
            );
        }
        for region in regions {
            search_region(&memory, &region, &needles, &mut found);
        }
        self.signal("-CONT");
        found
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid.to_string()]).status();
        assert!(sent.expect("kill").success(), "it has ended");
    }

    /// Where the stack of each thread stands; `None` while one still runs.
    fn stack_pointers(&self) -> Option<Vec<u64>> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid)).expect("it runs");
        let pointer = |thread: std::io::Result<DirEntry>| {
            let stands = std::fs::read_to_string(thread.expect("a thread").path().join("syscall")).ok()?;
            // The last two: stack pointer and instruction pointer.
            let pointer = stands.split_whitespace().rev().nth(1)?.strip_prefix("0x")?;
            u64::from_str_radix(pointer, 16).ok()
        };
        threads.map(pointer).collect()
    }
}

/// A part of the process's memory.
struct Region<'a> {
    from: u64,
    to: u64,
    /// What it was mapped from, or what it is; most have no name.
    name: &'a str,
}

impl<'a> Region<'a> {
    /// That of a line of `maps`, where the process can write to it.
    fn writable(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let can = words.next()?.starts_with("rw");
        let number = |text| u64::from_str_radix(text, 16).ok();
        can.then_some(Self { from: number(from)?, to: number(to)?, name: words.nth(3).unwrap_or_default() })
    }
}

fn search_region(memory: &File, region: &Region, needles: &Needles, found: &mut Vec<Found>) {
    let mut buffer = vec![0; CHUNK + OVERLAP];
    let mut at = region.from;
    while at < region.to {
        let left = usize::try_from(region.to - at).unwrap_or(usize::MAX);
        let length = left.min(CHUNK + OVERLAP);
        let read = memory.read_exact_at(&mut buffer[..length], at);
        read.unwrap_or_else(|error| panic!("{at:x} {} cannot be read: {error}", region.name));
        let bytes = &buffer[..length];
        // What begins in the overlap belongs to the next chunk.
        let begins = if length == left { length } else { CHUNK };
        needles.each_in(bytes, begins, |offset, what| {
            found.push(Found {
                what: what.to_owned(),
                region: region.name.to_owned(),
                at: at + offset as u64,
                around: around(bytes, offset),
            });
        });
        at += begins as u64;
    }
}

/// What stands before it tells which buffer it is.
fn around(bytes: &[u8], offset: usize) -> String {
    let before = &bytes[offset.saturating_sub(400)..offset];
    String::from_utf8_lossy(before).chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// Texts to look for, however they are written.
struct Needles {
    texts: Vec<(Vec<u8>, String)>,
    /// Whether any begins with these two bytes.
    begins: Vec<bool>,
}

impl Needles {
    fn new(wanted: &[(String, String)]) -> Self {
        let mut texts = BTreeSet::new();
        for (what, text) in wanted {
            assert!(text.len() >= 24, "so short a text would be found by chance");
            texts.extend(encodings(text).into_iter().map(|written| (written.into_bytes(), what.clone())));
            // An HMAC's key is mixed with these, and is no more hidden by it.
            texts.extend(
                [0x36, 0x5c].map(|pad| (text.bytes().map(|byte| byte ^ pad).collect(), what.clone())),
            );
        }
        let mut begins = vec![false; 1 << 16];
        for (text, _) in &texts {
            begins[usize::from(text[0]) << 8 | usize::from(text[1])] = true;
        }
        Self { texts: texts.into_iter().collect(), begins }
    }

    fn each_in(&self, bytes: &[u8], begins: usize, mut tell: impl FnMut(usize, &str)) {
        for (number, page) in bytes[..begins].chunks(PAGE).enumerate() {
            if *page == [0; PAGE][..page.len()] {
                continue;
            }
            let mut offset = number * PAGE;
            let end = offset + page.len();
            while offset < end && offset + 1 < bytes.len() {
                if self.begins[usize::from(bytes[offset]) << 8 | usize::from(bytes[offset + 1])] {
                    let here = &bytes[offset..];
                    for (_, what) in self.texts.iter().filter(|(text, _)| here.starts_with(text)) {
                        tell(offset, what);
                    }
                }
                offset += 1;
            }
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:x} {} behind {:?}", self.what, self.at, self.region, self.around)
    }
}

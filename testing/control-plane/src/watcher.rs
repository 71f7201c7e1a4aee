//! Who ends the programs when their user is killed? A shell of one loop that reads from a pipe: the kernel closes the
//! other end however the user died. It is told what to end and what to remove, and knows nothing else.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::Error;

/// `$1` is the folder, `$2` its lock. Each line is a process to end, or with a `-` one that has ended; `done` means that there
/// is nothing left to do.
/// A program that is just dying may still make a file: then removing is tried once more.
const SCRIPT: &str = r#"
pids=
while read -r line; do
    case "$line" in
    done) exit 0 ;;
    -*) left=; for pid in $pids; do [ "-$pid" = "$line" ] || left="$left $pid"; done; pids=$left ;;
    *) pids="$pids $line" ;;
    esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
rm -f "$2"
"#;

/// The process that outlives its user for a moment.
#[derive(Debug)]
pub(crate) struct Watcher {
    shell: Child,
}

impl Watcher {
    /// Starts it. It holds no open output of its user, so nobody waits for it by reading from there.
    pub(crate) fn start(folder: &Path, lock: &Path) -> Result<Self, Error> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "watcher"])
            .args([folder, lock])
            .current_dir("/")
            // A ctrl-C at the terminal is for its user.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::run(Path::new("sh")))?;
        Ok(Self { shell })
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.shell.id()
    }

    /// Adds a process that must not outlive the user.
    pub(crate) fn also_end(&mut self, pid: u32) -> Result<(), Error> {
        self.tell(&pid.to_string())
    }

    /// The user has ended that one: its number may soon be another's.
    pub(crate) fn forget(&mut self, pid: u32) -> Result<(), Error> {
        self.tell(&format!("-{pid}"))
    }

    /// The user has done it all itself.
    pub(crate) fn dismiss(&mut self) {
        let _ = self.tell("done");
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }

    fn tell(&mut self, line: &str) -> Result<(), Error> {
        let Some(pipe) = self.shell.stdin.as_mut() else {
            return Ok(());
        };
        writeln!(pipe, "{line}").map_err(Error::io("write to", Path::new("the watcher")))
    }
}

#[cfg(test)]
mod tests;

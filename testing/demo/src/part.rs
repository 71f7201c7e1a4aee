//! How does a program of ours run beside the control plane? Tied to it, with a log in its folder, from where this one is.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use control_plane::ControlPlane;

use crate::Result;

/// A running program. It ends when this is dropped, and when this process dies.
#[derive(Debug)]
pub(crate) struct Part {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Part {
    /// Starts a program that cargo built beside this one; what it says goes to its log.
    pub(crate) fn start(
        control_plane: &mut ControlPlane,
        name: &'static str,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let program = beside_this_one(name)?;
        let log = control_plane.description().folder.join(format!("{name}.log"));
        let written = File::options().create(true).append(true).open(&log);
        let written = written.map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let also = written.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.stdout(written).stderr(also);
        configure(&mut command);
        let child = control_plane.spawn_tied(&mut command).map_err(|error| error.to_string())?;
        Ok(Self { name, child, log })
    }

    /// The first line of its standard output, which must have been configured as a pipe.
    pub(crate) fn first_line(&mut self) -> Result<String> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            read_line(stdout, &mut line).map_err(|error| error.to_string())?;
        }
        if line.is_empty() {
            return Err(self.ended());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it logs.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The sentence for one that should run and does not.
    pub(crate) fn ended(&self) -> String {
        format!("{} ended; the end of its log:\n{}", self.name, self.last_words())
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line(stdout: ChildStdout, line: &mut String) -> std::io::Result<usize> {
    BufReader::new(stdout).read_line(line)
}

/// Configures the output that [`Part::first_line`] reads.
pub(crate) fn with_first_line(command: &mut Command) {
    command.stdout(Stdio::piped());
}

fn beside_this_one(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let program = this.with_file_name(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "{} is not built: run `make demo`, or `cargo build --workspace --bins`",
            program.display()
        ))
    }
}

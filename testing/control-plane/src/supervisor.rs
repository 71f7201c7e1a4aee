//! Whose life does a control plane share? A supervisor process runs it until the pipe on its standard input ends,
//! which the kernel sees to however the holder of the other end died.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::Error;
use crate::identity::write;
use crate::processes::Processes;
use crate::tools::{self, Tool};

/// What a user of a running control plane must know: the content of the file that `ROCKETLAWYER_CONTROL_PLANE` names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The API server's address.
    pub server: String,
    /// The administrator's kubeconfig: for set-up, never for the operator under test.
    pub kubeconfig: PathBuf,
    /// The certificate that signed the server's.
    pub certificate_authority: PathBuf,
    /// Every request at level Metadata.
    pub audit_log: PathBuf,
    /// Removed with all that is in it when the control plane ends.
    pub folder: PathBuf,
    /// The process that ends the others.
    pub supervisor: u32,
    /// The process numbers by program.
    pub processes: BTreeMap<String, u32>,
    /// kubectl.
    pub kubectl: PathBuf,
    /// helm.
    pub helm: PathBuf,
}

impl Description {
    /// Reads the description that a supervisor wrote.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        serde_json::from_str(&text).map_err(|error| Error::Undecodable {
            what: path.display().to_string(),
            why: error.to_string(),
        })
    }
}

/// The holder's end: a supervisor that runs until this is dropped.
#[derive(Debug)]
pub struct Supervisor {
    process: Child,
    description: PathBuf,
}

impl Supervisor {
    /// Starts `program up` and waits until its control plane is ready.
    pub fn start(mut program: Command, apply: &[PathBuf]) -> Result<Self, Error> {
        // Builds happen here, where a ctrl-C reaches them.
        tools::ensure_usual()?;
        let name = PathBuf::from(program.get_program());
        let mut process = program
            .arg("up")
            .args(apply.iter().flat_map(|path| [Path::new("--apply"), path]))
            // A ctrl-C ends its user first; the pipe then ends it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::run(&name))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(Error::io("read from", &name))?;
        }
        let description = PathBuf::from(line.trim_end());
        let started = Self { process, description };
        if line.is_empty() {
            // It said why on standard error, which is ours too.
            return Err(Error::Failed {
                command: "control-plane up".to_owned(),
                said: "see above".to_owned(),
            });
        }
        Ok(started)
    }

    /// The file that describes the control plane.
    #[must_use]
    pub fn description(&self) -> &Path {
        &self.description
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Is the supervisor: runs a control plane, prints where its description is, and ends it when standard input does or
/// a signal comes.
pub fn up(apply: &[PathBuf]) -> Result<(), Error> {
    tools::ensure_usual()?;
    let (stop, stopped) = mpsc::channel();
    let at_end_of_input = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink());
        let _ = at_end_of_input.send(());
    });
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Error::io("listen for", Path::new("signals")))?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = stop.send(());
        }
    });
    let (_processes, description) = start(apply)?;
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{}", description.display()).and_then(|()| stdout.flush());
    let _ = stopped.recv();
    Ok(())
}

/// Replaces this process by a program that dies with `parent`, where the kernel offers that.
#[must_use]
pub fn become_tied(parent: u32, program: &Path, arguments: &[String]) -> Error {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        let still = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        if still != Some(parent) {
            return Error::Failed {
                command: program.display().to_string(),
                said: "its parent died".to_owned(),
            };
        }
    }
    Error::run(program)(Command::new(program).args(arguments).exec())
}

/// Somebody may have taken a port between our look and its use: then everything is tried again, with other ports.
fn start(apply: &[PathBuf]) -> Result<(Processes, PathBuf), Error> {
    let tie = std::env::current_exe().map_err(Error::io("find", Path::new("this program")))?;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut processes = Processes::prepare(tie.clone())?;
        let ready = match processes.start(apply) {
            Ok(ready) => ready,
            Err(Error::NotReady { log, .. }) if attempts < 3 && log.contains("address already in use") => {
                continue;
            }
            Err(error) => return Err(error),
        };
        let description = Description {
            server: ready.server,
            kubeconfig: ready.identities.admin_kubeconfig,
            certificate_authority: ready.identities.authority,
            audit_log: ready.audit_log,
            folder: processes.folder().to_owned(),
            supervisor: std::process::id(),
            processes: processes.pids(),
            kubectl: Tool::Kubectl.path()?,
            helm: Tool::Helm.path()?,
        };
        let text = serde_json::to_string_pretty(&description).map_err(|error| Error::Undecodable {
            what: "the description".to_owned(),
            why: error.to_string(),
        })?;
        let path = write(processes.folder(), "control-plane.json", &text)?;
        return Ok((processes, path));
    }
}

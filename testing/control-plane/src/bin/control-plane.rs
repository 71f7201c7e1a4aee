//! A real Kubernetes control plane for a command, for a person, or its tools: parse, call, exit.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand, ValueEnum};
use control_plane::progress::say;
use control_plane::supervisor::{Supervisor, become_tied, up};
use control_plane::{Error, RUNNING, Tool};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A real Kubernetes control plane on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Run a command with a control plane, described by the file that `$ROCKETLAWYER_CONTROL_PLANE` names.
    Exec {
        /// Manifests (a file or a folder, repeatable) that are there before the controllers start.
        #[arg(long)]
        apply: Vec<PathBuf>,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Run a control plane until standard input ends or ctrl-C, and print where its description is.
    Up {
        /// Manifests (a file or a folder, repeatable) that are there before the controllers start.
        #[arg(long)]
        apply: Vec<PathBuf>,
    },
    /// Print the path of a program, which is built first if need be.
    Tools {
        /// Which; all that a control plane and the chart need if left out.
        #[arg(value_enum)]
        tool: Option<Named>,
    },
    /// Become a program that dies with its parent.
    #[command(hide = true)]
    Tied {
        /// The parent's process number.
        parent: u32,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Named {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    Kubectl,
    Helm,
    Kubeconform,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().action {
        Action::Exec { apply, command } => exec(&apply, &command),
        Action::Up { apply } => up(&apply).map(|()| ExitCode::SUCCESS),
        Action::Tools { tool } => tools(tool).map(|()| ExitCode::SUCCESS),
        Action::Tied { parent, command } => match command.split_first() {
            Some((program, arguments)) => Err(become_tied(parent, Path::new(program), arguments)),
            None => Ok(ExitCode::FAILURE),
        },
    };
    result.unwrap_or_else(|error| {
        say(&format!("control-plane: {error}"));
        ExitCode::FAILURE
    })
}

fn exec(apply: &[PathBuf], command: &[String]) -> Result<ExitCode, Error> {
    let this = std::env::current_exe().map_err(|source| Error::Io {
        doing: "find this program".to_owned(),
        source,
    })?;
    let supervisor = Supervisor::start(Command::new(this), apply)?;
    let Some((program, arguments)) = command.split_first() else {
        return Ok(ExitCode::FAILURE);
    };
    let failed = |source| Error::Io {
        doing: format!("run {program}"),
        source,
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env(RUNNING, supervisor.description())
        .spawn()
        .map_err(failed)?;
    forward_signals(child.id())?;
    let status = child.wait().map_err(failed)?;
    // A shell says 128 + n for a command that signal n ended.
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().or(signal.map(|number| 128 + number)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The command decides how to end; the control plane stays until it has. A ctrl-C reaches it through the terminal.
fn forward_signals(child: u32) -> Result<(), Error> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|source| Error::Io {
        doing: "listen for signals".to_owned(),
        source,
    })?;
    let pid = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw);
    std::thread::spawn(move || {
        for signal in signals.forever().filter(|signal| *signal == SIGTERM) {
            let signal = rustix::process::Signal::from_named_raw(signal);
            if let (Some(pid), Some(signal)) = (pid, signal) {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    });
    Ok(())
}

fn tools(tool: Option<Named>) -> Result<(), Error> {
    let wanted = match tool {
        None => Tool::USUAL.to_vec(),
        Some(Named::Etcd) => vec![Tool::Etcd],
        Some(Named::KubeApiserver) => vec![Tool::ApiServer],
        Some(Named::KubeControllerManager) => vec![Tool::ControllerManager],
        Some(Named::Kubectl) => vec![Tool::Kubectl],
        Some(Named::Helm) => vec![Tool::Helm],
        Some(Named::Kubeconform) => vec![Tool::Kubeconform],
    };
    for tool in wanted {
        let path = tool.path()?;
        #[expect(clippy::print_stdout, reason = "a program whose output is the path")]
        {
            println!("{}", path.display());
        }
    }
    Ok(())
}

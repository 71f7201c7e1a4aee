//! A real Kubernetes control plane for a command, for a person, or its tools: parse, call, exit.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;

use clap::{Parser, Subcommand, ValueEnum};
use control_plane::progress::say;
use control_plane::{ControlPlane, Error, RUNNING, Tool};
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
        Action::Up { apply } => up(&apply),
        Action::Tools { tool } => tools(tool).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        say(&format!("control-plane: {error}"));
        ExitCode::FAILURE
    })
}

fn exec(apply: &[PathBuf], command: &[String]) -> Result<ExitCode, Error> {
    let running = ControlPlane::start_with(apply)?;
    let Some((program, arguments)) = command.split_first() else {
        return Ok(ExitCode::FAILURE);
    };
    let failed = |source| Error::Io { doing: format!("run {program}"), source };
    let mut child = Command::new(program)
        .args(arguments)
        .env(RUNNING, running.description_path())
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
    let mut signals = signals()?;
    std::thread::spawn(move || {
        for _ in signals.forever().filter(|signal| *signal == SIGTERM) {
            let _ = Command::new("kill").arg(child.to_string()).status();
        }
    });
    Ok(())
}

/// Runs until standard input ends or a signal comes.
fn up(apply: &[PathBuf]) -> Result<ExitCode, Error> {
    let running = ControlPlane::start_with(apply)?;
    let (stop, stopped) = mpsc::channel();
    let at_end_of_input = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = at_end_of_input.send(());
    });
    let mut signals = signals()?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = stop.send(());
        }
    });
    print(&running.description_path());
    let _ = stopped.recv();
    Ok(ExitCode::SUCCESS)
}

fn signals() -> Result<Signals, Error> {
    Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|source| Error::Io { doing: "listen for signals".to_owned(), source })
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
        print(&tool.path()?);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program whose output is a path")]
fn print(path: &Path) {
    println!("{}", path.display());
}

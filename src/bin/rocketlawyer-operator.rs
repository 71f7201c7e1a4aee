//! The operator: parse, call, exit.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

use std::alloc::System;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rocketlawyer_operator::operator::{self, Options};
use rocketlawyer_operator::{api, process, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: the buffers of libraries that parsed or sent a secret know nothing of it.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Issues and renews Rocket Lawyer API tokens inside Kubernetes.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator (the default).
    Run(Options),
    /// Print the custom resource definitions.
    Crds,
    /// Print the version.
    Version,
}

fn main() -> ExitCode {
    let program = Program::parse();
    match program.command.unwrap_or(Command::Run(program.options)) {
        Command::Crds => print!("{}", api::crds_yaml()),
        Command::Version => println!("rocketlawyer-operator {}", env!("CARGO_PKG_VERSION")),
        Command::Run(options) => return run(options),
    }
    ExitCode::SUCCESS
}

fn run(options: Options) -> ExitCode {
    if let Err(error) = process::hide_memory() {
        eprintln!("rocketlawyer-operator: cannot keep its memory from core dumps and debuggers: {error}");
        return ExitCode::FAILURE;
    }
    if let Err(error) = telemetry::logging::start(options.log_format, options.log_level) {
        eprintln!("rocketlawyer-operator: cannot log: {error}");
        return ExitCode::FAILURE;
    }
    telemetry::logging::keep_panics_quiet();
    let ended = tokio::runtime::Runtime::new().map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let stop = stop_on_signal().map_err(|error| error.to_string())?;
            operator::run(options, stop).await.map_err(|error| error.to_string())
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("rocketlawyer-operator: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

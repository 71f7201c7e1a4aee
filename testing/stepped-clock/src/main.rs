//! What does the operator do when the wall clock is set? The operator as it is, but that its clock is set from outside: each
//! line on its standard input says how many seconds it is to be apart from the machine's. For tests; in no image.

use std::process::ExitCode;

use clap::Parser;
use rocketlawyer_operator::operator::{self, Options};
use rocketlawyer_operator::{clock, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Program { options } = Program::parse();
    let stop = CancellationToken::new();
    let (Ok(()), Ok(mut terminate)) =
        (telemetry::logging::start(options.log_format, options.log_level), signal(SignalKind::terminate()))
    else {
        return ExitCode::FAILURE;
    };
    let stopping = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stopping.cancel();
    });
    std::thread::spawn(set_the_clock);
    match operator::run(options, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Says so when it is done: whoever wrote the line can tell what came before it from what came after.
fn set_the_clock() {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let Ok(seconds) = line.trim().parse() else {
            tracing::error!("not a number of seconds: {line:?}");
            continue;
        };
        clock::set_apart(seconds);
        // As loud as a dependency must be to be heard.
        tracing::warn!(seconds, "set apart");
    }
}

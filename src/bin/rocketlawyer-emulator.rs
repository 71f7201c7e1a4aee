//! The authentication service in a box: parse, call, exit.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::SignedDuration;
use rocketlawyer_operator::emulator::{App, Emulator, Settings};

/// Rocket Lawyer's authentication service in a box: strict where the real one is, with lifetimes and faults that
/// can be changed while it runs (under /_control). It protects nothing: for demo, tests and development.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 is any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    http_bind_address: SocketAddr,
    /// A developer app; repeatable. Without PURPOSE its roles allow every one.
    #[arg(long = "app", value_name = "ID:SECRET[:backend|frontend[:PURPOSE,...]]")]
    apps: Vec<App>,
    /// Registers a further purpose; repeatable.
    #[arg(long = "purpose", value_name = "NAME=CLAIM,CLAIM?")]
    purposes: Vec<String>,
    /// A YAML or JSON file with apps, purposes, accessTokenTTL, scopedTokenTTL (seconds) and clockAhead (seconds).
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How long access tokens live, such as 60s or 10h [default: 10h].
    #[arg(long, value_name = "DURATION")]
    access_token_ttl: Option<SignedDuration>,
    /// How long scoped tokens live, unless their service token ends earlier [default: 10h].
    #[arg(long, value_name = "DURATION")]
    scoped_token_ttl: Option<SignedDuration>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    log.with_ansi(std::io::stderr().is_terminal()).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            #[expect(clippy::print_stderr, reason = "a program tells why it ends")]
            {
                eprintln!("rocketlawyer-emulator: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let address = arguments.http_bind_address;
    let emulator = Emulator::start(settings(arguments)?, address);
    let emulator = emulator.await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    #[expect(clippy::print_stdout, reason = "whoever asked for any free port reads it here")]
    {
        println!("{}", emulator.base_url());
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| error.to_string())?;
    tokio::select! {
        () = emulator.run() => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

fn settings(arguments: Arguments) -> Result<Settings, String> {
    let mut settings = match arguments.file {
        None => Settings::default(),
        Some(file) => {
            let text = std::fs::read_to_string(&file);
            let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
            Settings::from_text(&text).map_err(|problem| format!("{}: {problem}", file.display()))?
        }
    };
    settings.apps.extend(arguments.apps);
    for purpose in arguments.purposes {
        settings.add_purpose(&purpose).map_err(|problem| problem.to_string())?;
    }
    if let Some(ttl) = arguments.access_token_ttl {
        settings.access_token_ttl = ttl.as_secs();
    }
    if let Some(ttl) = arguments.scoped_token_ttl {
        settings.scoped_token_ttl = ttl.as_secs();
    }
    Ok(settings)
}

//! How fast is the operator, next to a bare client that makes the same calls on the same machine in the same run?

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

mod bare;
mod batch;
mod measured;
mod operator;
mod report;
mod site;
mod usage;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use batch::Batch;
use measured::{Pair, Run};
use site::Site;

/// Whatever went wrong: a sentence is enough here.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Compares the operator with a bare client that makes the same calls at the same concurrency, on a real control plane.
/// Each round does both, in turns first. Exit code 1 if the operator made other calls than it may, or was slower than
/// `--at-least` of the bare client's speed.
#[derive(Parser)]
struct Options {
    /// Requests per batch, all for one credential.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// Rounds; figures are medians over them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Requests that the bare client works on at once. The operator's own limit is the default.
    #[arg(long, default_value_t = 96)]
    concurrency: usize,
    /// Pairs of authentication calls that the bare client has under way at once. The operator's own limit is the default.
    #[arg(long, default_value_t = 16)]
    exchanges: usize,
    /// Seconds for which the operator is watched doing nothing, after the last round.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// The bare client's time divided by the operator's must be this at least; 0 only reports it.
    #[arg(long, default_value_t = 0.0)]
    at_least: f64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| {
        let site = Site::start()?;
        runtime.block_on(compare(&options, &site))
    });
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn compare(options: &Options, site: &Site) -> Result<bool> {
    println!("warming up ...");
    bare(options, site, "warm-up", options.requests.min(200)).await?;
    let mut pairs = Vec::new();
    for round in 1..=options.rounds {
        let idle = (round == options.rounds).then(|| Duration::from_secs(options.idle));
        let (operator, bare) = if round % 2 == 1 {
            let operator = operator(options, site, round, idle).await?;
            (operator, bare(options, site, &format!("bare-{round}"), options.requests).await?)
        } else {
            let bare = bare(options, site, &format!("bare-{round}"), options.requests).await?;
            (operator(options, site, round, idle).await?, bare)
        };
        let pair = Pair { operator, bare };
        report::round(round, &pair);
        pairs.push(pair);
    }
    Ok(report::all(&pairs, options.requests, options.at_least))
}

async fn operator(options: &Options, site: &Site, round: u32, idle: Option<Duration>) -> Result<Run> {
    let batch = Batch::create(site, &format!("operator-{round}"), options.requests).await?;
    let run = operator::run(site, &batch, idle).await;
    batch.delete(site)?;
    run
}

async fn bare(options: &Options, site: &Site, namespace: &str, requests: u32) -> Result<Run> {
    let batch = Batch::create(site, namespace, requests).await?;
    let run = bare::run(site, &batch, options.concurrency, options.exchanges).await;
    batch.delete(site)?;
    run
}

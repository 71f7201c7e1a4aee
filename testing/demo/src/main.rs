//! Everything at once, to watch and play with: a real control plane, the emulator, the operator and the examples. Parse,
//! call, exit.

mod guide;
mod manifests;
mod objects;
mod page;
mod part;
mod stage;
mod story;
mod terminal;
mod witness;

use std::process::ExitCode;

use clap::Parser;
use clap::builder::FalseyValueParser;

use crate::terminal::Terminal;

/// What ends the demo early, as a sentence for the person who ran it.
type Result<T> = std::result::Result<T, String>;

/// Runs a real control plane on loopback, the emulator with one-minute tokens and the operator, applies two of the
/// examples, and shows both kinds of token being issued and renewed. Stays until ctrl-C, and leaves nothing behind.
#[derive(Parser)]
struct Arguments {
    /// End after both kinds were renewed: with exit code 0, or with another if that was not seen within 3 minutes.
    #[arg(long, env = "ONCE", value_parser = FalseyValueParser::new())]
    once: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new();
    match story::tell(terminal, arguments.once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            terminal.failed(&sentence);
            ExitCode::FAILURE
        }
    }
}

//! How does what happens look? One line for each step; colours only for a terminal. It decides nothing.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const CYAN: &str = "36";

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    styled: bool,
}

impl Terminal {
    /// Plain where it is no terminal, and where the person wants none (<https://no-color.org>).
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        Self { styled: wanted && std::io::stdout().is_terminal() }
    }

    /// A step, and why it is taken.
    pub(crate) fn step(self, what: &str, why: &str) {
        say(&format!("\n{} {why}", self.paint(BOLD, &format!("==> {what}."))));
    }

    /// Where something is.
    pub(crate) fn place(self, name: &str, place: impl Display) {
        say(&format!("    {} {place}", self.paint(DIM, &format!("{name:<14}"))));
    }

    /// A command that a person could type, and what it printed.
    pub(crate) fn command(self, command: &str, printed: &str) {
        say(&format!("    {}", self.paint(CYAN, &format!("$ {command}"))));
        for line in printed.trim_end().lines() {
            say(&format!("    {line}"));
        }
    }

    /// What to type, and why somebody would.
    pub(crate) fn suggestion(self, why: &str, command: &str) {
        say(&format!("  {why}"));
        say(&format!("    {}", self.paint(CYAN, command)));
    }

    /// Something that was seen, `after` so many seconds.
    pub(crate) fn seen(self, after: u64, what: &str) {
        say(&format!("{} {what}", self.paint(DIM, &format!("{after:>5} s"))));
    }

    /// The end that was hoped for.
    pub(crate) fn done(self, sentence: &str) {
        say(&format!("\n{}", self.paint(GREEN, sentence)));
    }

    /// The end that was not.
    pub(crate) fn failed(self, sentence: &str) {
        say(&format!("\n{} {sentence}", self.paint(RED, "demo:")));
    }

    fn paint(self, style: &str, text: &str) -> String {
        if self.styled { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// One line. A terminal that is gone is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

//! What is logged, in which form? Our own lines at the level that was asked for; those of dependencies never below WARN.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

/// How the targets of our own lines begin.
const OURS: &str = "rocketlawyer_";

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One line each, for people.
    Text,
    /// One JSON object each, for programs.
    Json,
}

/// `--log-level`: of the operator's own lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What needs a person.
    Error,
    /// And what may pass by itself.
    Warn,
    /// And what was done.
    #[default]
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

/// Starts logging to standard error. Fails if that was done already.
pub fn start(format: LogFormat, level: LogLevel) -> Result<(), TryInitError> {
    let terminal = io::stderr().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    if format.is_json(terminal) {
        json(level, io::stderr).try_init()
    } else {
        text(level, colours, io::stderr).try_init()
    }
}

/// From now on a panic tells where it happened and nothing else: its text may hold what it stumbled over, and Rust prints it.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location();
        let (file, line) = (place.map(std::panic::Location::file), place.map(std::panic::Location::line));
        tracing::error!(file, line, "panicked");
    }));
}

/// One JSON object per line.
pub fn json<W>(level: LogLevel, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(lines.with_writer(writer).with_filter(filter(level)))
}

/// One readable line each.
pub fn text<W>(level: LogLevel, colours: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_ansi(colours).with_target(false);
    tracing_subscriber::registry().with(lines.with_writer(writer).with_filter(filter(level)))
}

/// No option loosens what holds for dependencies. Below WARN, HTTP libraries show headers, tokens among them; `kube_client`
/// shows at WARN the whole body of an answer that it cannot read, which may be a Secret, and `kube_runtime` what the API server
/// says of a watch, which is told in our own words.
fn filter(level: LogLevel) -> Targets {
    let ours = level.as_filter();
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target("kube_client", ours.min(LevelFilter::ERROR))
        .with_target("kube_runtime", ours.min(LevelFilter::ERROR))
        .with_target(OURS, ours)
}

impl LogFormat {
    fn is_json(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Text => false,
            Self::Json => true,
        }
    }
}

impl LogLevel {
    fn as_filter(self) -> LevelFilter {
        LevelFilter::from_level(match self {
            Self::Error => Level::ERROR,
            Self::Warn => Level::WARN,
            Self::Info => Level::INFO,
            Self::Debug => Level::DEBUG,
            Self::Trace => Level::TRACE,
        })
    }
}

#[cfg(test)]
mod tests;

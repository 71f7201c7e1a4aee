//! What can go wrong while a control plane is found, built, started or asked? Texts only, no effects.

use std::path::{Path, PathBuf};

/// Every failure of this crate, as a sentence for the person who ran the command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program must be built, and there is no Go to build it with.
    #[error(
        "{tool} is not built yet and Go is missing: install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder \
         that holds etcd, kube-apiserver, kube-controller-manager, kubectl and helm"
    )]
    GoMissing {
        /// The program that was wanted.
        tool: &'static str,
    },
    /// There is no place for built programs.
    #[error("no cache folder: set ROCKETLAWYER_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A program ended with a failure.
    #[error("{command} failed: {said}")]
    Failed {
        /// What was run.
        command: String,
        /// The end of what it said.
        said: String,
    },
    /// A program of the control plane did not get ready in time, or ended.
    #[error("{what} is not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What was said last.
        log: String,
    },
    /// A file or process operation failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Something that should be JSON or YAML is not.
    #[error("{what} cannot be understood: {why}")]
    Undecodable {
        /// What was read.
        what: String,
        /// What the parser said.
        why: String,
    },
    /// Only whoever started a control plane can tie a program to it, or take one away.
    #[error("this control plane was started by another process: it is that one's to change")]
    NotOurs,
    /// A program was to be taken away that is away already.
    #[error("{what} is away: it was killed before")]
    IsAway {
        /// The program.
        what: &'static str,
    },
    /// A program was to be started again that runs.
    #[error("{what} runs: only one that was killed can be started again")]
    IsThere {
        /// The program.
        what: &'static str,
    },
    /// The audit log did not show what was waited for.
    #[error("the audit log does not show {what} after {seconds} s; it has {seen} requests since the mark")]
    NotAudited {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// How many requests were seen.
        seen: usize,
    },
}

impl Error {
    /// Names what was tried on a path when it failed.
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let doing = format!("{verb} {}", path.display());
        move |source| Self::Io { doing, source }
    }

    /// Names the program when it could not be run.
    pub(crate) fn run(program: &Path) -> impl FnOnce(std::io::Error) -> Self {
        Self::io("run", program)
    }
}

/// The last lines of a log file, for a message.
pub(crate) fn log_tail(path: &PathBuf) -> String {
    let text =
        std::fs::read(path).map_or_else(|_| String::new(), |b| String::from_utf8_lossy(&b).into_owned());
    tail(&text)
}

/// The last lines of what a program said.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

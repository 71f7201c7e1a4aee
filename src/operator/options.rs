//! How is the operator started? Flags, each also an environment variable, read once and checked before anything runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::gate::Limits;
use crate::auth::{CaBundle, Origin};
use crate::cluster::Scope;
use crate::telemetry::logging::{LogFormat, LogLevel};

/// The flags of `rocketlawyer-operator run`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Namespaces to work in, separated by commas. Default: every namespace.
    #[arg(long, env = "NAMESPACES", value_delimiter = ',', value_name = "a,b", value_parser = namespace)]
    pub namespaces: Vec<String>,

    /// An origin that custom endpoints may have, such as `https://gateway.example.com`; repeatable. A plain `http://` origin is
    /// allowed only if it is listed here.
    #[arg(long = "allow-endpoint", env = "ALLOW_ENDPOINTS", value_delimiter = ',', value_name = "ORIGIN")]
    pub allow_endpoints: Vec<Origin>,

    /// A file of PEM certificates to trust for every endpoint, besides the platform's.
    #[arg(long, env = "CA_BUNDLE", value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,

    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    #[arg(long, env = "HTTP_BIND_ADDRESS", default_value = "[::]:8080", value_name = "ADDRESS")]
    pub http_bind_address: SocketAddr,

    /// Calls per second to one origin of the authentication service; 0: no limit.
    #[arg(long, env = "AUTH_RATE", default_value_t = Limits::default().per_second, value_name = "CALLS")]
    pub auth_rate: u32,

    /// Calls to one origin that may begin at once after a quiet time, at least 2.
    #[arg(long, env = "AUTH_BURST", default_value_t = Limits::default().burst, value_name = "CALLS",
        value_parser = clap::value_parser!(u32).range(2..))]
    pub auth_burst: u32,

    /// Calls to one origin that may be in flight, at least 2. Halved while the service throttles.
    #[arg(long, env = "AUTH_IN_FLIGHT", default_value_t = Limits::default().in_flight, value_name = "CALLS",
        value_parser = clap::value_parser!(u32).range(2..))]
    pub auth_in_flight: u32,

    /// How to log: `auto` is text on a terminal and JSON elsewhere.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// What to log. Dependencies never log below warnings: they do not know what a secret is.
    #[arg(long, env = "LOG_LEVEL", value_enum, default_value_t)]
    pub log_level: LogLevel,
}

impl Options {
    /// How much each origin is asked for.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { per_second: self.auth_rate, burst: self.auth_burst, in_flight: self.auth_in_flight }
    }

    /// The namespaces to work in.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let mut names: Vec<_> = self.namespaces.iter().map(|it| it.as_str().into()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { Scope::AllNamespaces } else { Scope::Namespaces(names) }
    }

    /// The further certificates, read and checked. The error is one sentence for the terminal.
    pub fn extra_roots(&self) -> Result<Option<CaBundle>, String> {
        let Some(path) = &self.ca_bundle else {
            return Ok(None);
        };
        let pem = std::fs::read_to_string(path)
            .map_err(|error| format!("--ca-bundle {}: {error}", path.display()))?;
        let bundle = pem.parse().map_err(|bad| format!("--ca-bundle {} {bad}", path.display()))?;
        Ok(Some(bundle))
    }
}

/// The name of a namespace. An empty one is refused: a variable that was never filled in must not mean every namespace.
fn namespace(text: &str) -> Result<String, &'static str> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(
            "write names of namespaces with commas between them, or leave --namespaces (NAMESPACES) out to work in every namespace",
        )
    }
}

#[cfg(test)]
mod tests;

//! How is the API server reached? As kubectl finds it, with a client for each sort of conversation:
//! watches may be silent for minutes, a call may not, and what brings secrets uses no connection twice.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{
    HeaderValue, Uri,
    header::{CONNECTION, USER_AGENT},
};
use kube::{
    Client, Config,
    config::{InferConfigError, KubeconfigError},
};

use super::call::ApiServer;
use super::intake::Intake;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence of a call that was sent.
const READ: Duration = Duration::from_secs(15);

/// Ends a connection with its answer, and frees its buffers, which hold what went through them.
pub(super) const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The clients of one operator. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    pub(super) watches: Client,
    /// For the lists and watches that bring secrets.
    pub(super) secrets: Client,
    /// For every call that is not a watch.
    pub api: ApiServer,
    /// For what any of them brings.
    pub(super) intake: Intake,
    namespace: Box<str>,
}

/// Why there is no API server to talk to. What the configuration holds is not repeated: it may hold a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCluster {
    /// The kubeconfig names a context that it does not hold.
    #[error("the kubeconfig has no context, or no cluster for it, named {name:?}")]
    NoContext {
        /// The name.
        name: String,
    },
    /// There is a kubeconfig that this process may not read.
    #[error("the kubeconfig {} cannot be read", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
    },
    /// There is a kubeconfig that is not one.
    #[error("the kubeconfig is not valid YAML of that kind")]
    Malformed,
    /// Neither a kubeconfig that can be used nor the files and variables of a Pod.
    #[error("no usable kubeconfig (KUBECONFIG, ~/.kube/config), and not in a Pod")]
    NotConfigured,
    /// A configuration that no client can be made of: certificates or an authentication that cannot be used.
    #[error("the kubeconfig's certificates, proxy or way to authenticate cannot be used")]
    Unusable,
}

impl Clients {
    /// Finds the cluster as kubectl does: `KUBECONFIG`, `~/.kube/config`, then the Pod's own `ServiceAccount`.
    pub async fn infer() -> Result<Self, NoCluster> {
        let config = Config::infer().await.map_err(|error| NoCluster::of(&error))?;
        Self::for_config(config)
    }

    /// The clients for a configuration that is there already.
    pub fn for_config(mut config: Config) -> Result<Self, NoCluster> {
        // The provider may have been installed before; either way there is one afterwards.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let agent = concat!("rocketlawyer-operator/", env!("CARGO_PKG_VERSION"));
        config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
        config.default_retry = false;
        if config.proxy_url == proxy_of_the_environment() {
            config.proxy_url = None;
        }
        let namespace = config.default_namespace.clone().into_boxed_str();

        config.connect_timeout = Some(CONNECT);
        let watches = Client::try_from(config.clone()).map_err(|_| NoCluster::Unusable)?;
        let mut closing = config.clone();
        closing.headers.push((CONNECTION, CLOSE));
        let secrets = Client::try_from(closing).map_err(|_| NoCluster::Unusable)?;
        config.read_timeout = Some(READ);
        config.reset_reader_on_write = true;
        let api = Client::try_from(config).map_err(|_| NoCluster::Unusable)?;
        let intake = Intake::default();
        Ok(Self { watches, secrets, api: ApiServer::over(api, intake.clone()), intake, namespace })
    }

    /// The operator's own namespace: the Pod's, else the kubeconfig context's.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl NoCluster {
    fn of(error: &InferConfigError) -> Self {
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match error.source().and_then(|cause| cause.downcast_ref()) {
            Some(KubeconfigError::LoadContext(name) | KubeconfigError::LoadClusterOfContext(name)) => {
                Self::NoContext { name: name.clone() }
            }
            Some(KubeconfigError::ReadConfig(error, path)) if !missing(error) || is_chosen(path) => {
                Self::Unreadable { path: path.clone() }
            }
            Some(KubeconfigError::Parse(_)) => Self::Malformed,
            _ => Self::NotConfigured,
        }
    }
}

/// Whether somebody named this kubeconfig: then it is missed.
fn is_chosen(path: &Path) -> bool {
    std::env::var_os("KUBECONFIG").is_some_and(|chosen| std::env::split_paths(&chosen).any(|one| one == path))
}

/// kube takes this proxy for a kubeconfig's cluster whatever `NO_PROXY` says, and ignores it in a Pod. Here it is for the
/// authentication service only; a proxy that the kubeconfig names stands.
fn proxy_of_the_environment() -> Option<Uri> {
    ["HTTPS_PROXY", "https_proxy"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|proxy| !proxy.is_empty())
        .and_then(|proxy| proxy.parse().ok())
}

#[cfg(test)]
mod tests;

//! Where does it all run? The control plane, the emulator as a process of its own, and the operator's account with the
//! rights that the chart renders.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use control_plane::ControlPlane;
use control_plane::chart::RELEASE;
use control_plane::control_plane::service_account_user;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::Result;

/// The one app that the emulator knows.
pub(crate) const CLIENT_ID: &str = "bench";
/// Its secret, which protects nothing.
pub(crate) const CLIENT_SECRET: &str = "bench-secret";

const HOME: &str = "rocketlawyer";

/// All that runs during all rounds.
pub(crate) struct Site {
    pub(crate) control_plane: &'static ControlPlane,
    /// The kubeconfig of the operator's account.
    pub(crate) account: PathBuf,
    /// The account's name in the audit log.
    pub(crate) user: String,
    /// Base URL of the authentication service.
    pub(crate) base_url: String,
    emulator: Child,
}

impl Site {
    pub(crate) fn start() -> Result<Self> {
        let control_plane = ControlPlane::shared()?;
        control_plane.apply(
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}).to_string(),
        )?;
        let account = control_plane.install_rights(HOME, &json!({}))?;
        let mut emulator = Command::new(program("rocketlawyer-emulator")?)
            .args(["--http-bind-address", "127.0.0.1:0"])
            .args(["--app", &format!("{CLIENT_ID}:{CLIENT_SECRET}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut base_url = String::new();
        if let Some(stdout) = emulator.stdout.take() {
            BufReader::new(stdout).read_line(&mut base_url)?;
        }
        Ok(Self {
            control_plane,
            account,
            user: service_account_user(HOME, RELEASE),
            base_url: base_url.trim_end().to_owned(),
            emulator,
        })
    }

    /// Scheme, host and port of the authentication service.
    pub(crate) fn origin(&self) -> &str {
        let end = self.base_url.match_indices('/').nth(2).map(|(at, _)| at);
        &self.base_url[..end.unwrap_or(self.base_url.len())]
    }

    /// The administrator, for what is set up and what is counted.
    pub(crate) async fn administrator(&self) -> Result<kube::Client> {
        client(&self.control_plane.description().kubeconfig).await
    }

    /// The process number of the API server; `None` where somebody else's control plane is used.
    pub(crate) fn api_server(&self) -> Option<u32> {
        let processes = &self.control_plane.description().processes;
        processes.get("kube-apiserver").copied()
    }

    /// The other processes that a run needs: etcd, the controllers and the emulator.
    pub(crate) fn other_processes(&self) -> Vec<u32> {
        let processes = &self.control_plane.description().processes;
        let named = ["etcd", "kube-controller-manager"].map(|name| processes.get(name).copied());
        named.into_iter().flatten().chain([self.emulator.id()]).collect()
    }

    /// How many calls the authentication service has had.
    pub(crate) async fn auth_calls(&self) -> Result<u64> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/_control/counters", self.origin());
        let counters: Value = client.get(url).send().await?.json().await?;
        let calls = counters["calls"].as_object().into_iter().flatten();
        Ok(calls.filter_map(|(_, count)| count.as_u64()).sum())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// A program of the workspace that was built together with this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} is not built: `make bench` builds it", path.display()).into())
}

/// A client for a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Result<kube::Client> {
    Ok(kube::Client::try_from(config(kubeconfig).await?)?)
}

/// The configuration in a kubeconfig.
pub(crate) async fn config(kubeconfig: &Path) -> Result<kube::Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.proxy_url = None;
    Ok(config)
}

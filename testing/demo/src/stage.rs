//! What is set up before anything is shown? The control plane, the emulator, the operator's rights and the operator,
//! each with a line; all of it is gone when the stage is dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use control_plane::tools::KUBERNETES_VERSION;
use serde_json::{Value, json};

use crate::part::{Part, with_first_line};
use crate::terminal::Terminal;
use crate::{Result, manifests, page};

/// Where the operator is installed.
const NAMESPACE: &str = "rocketlawyer-operator";
const READY_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// All that runs.
pub(crate) struct Stage {
    // Dropped in this order: the operator first.
    operator: Part,
    emulator: Part,
    control_plane: ControlPlane,
    emulator_address: SocketAddr,
    operator_address: SocketAddr,
    kubeconfig: PathBuf,
    manifests: PathBuf,
}

impl Stage {
    /// Sets everything up.
    pub(crate) fn set_up(terminal: Terminal) -> Result<Self> {
        terminal.step(
            "A control plane",
            &format!("etcd, kube-apiserver and kube-controller-manager {KUBERNETES_VERSION}, on loopback."),
        );
        let mut control_plane = ControlPlane::start().map_err(sentence)?;
        terminal.place("API server", &control_plane.description().server);
        terminal.place("logs", control_plane.description().folder.join("*.log").display());

        terminal.step(
            "The emulator",
            "Rocket Lawyer's authentication service in a box, with tokens that live one minute instead of ten hours.",
        );
        let (emulator, endpoint, emulator_address) = start_emulator(&mut control_plane)?;
        terminal.place("endpoint", &endpoint);
        terminal.place("log", emulator.log().display());

        terminal.step(
            "The operator's rights",
            "What the chart renders, and no more: the operator is its own ServiceAccount, not an administrator.",
        );
        let origin = format!("http://{emulator_address}");
        let kubeconfig = install(&control_plane, &origin)?;
        terminal.place("ServiceAccount", format!("{NAMESPACE}/{}", control_plane::chart::RELEASE));

        terminal.step(
            "The operator",
            "A process of its own. A custom endpoint is used only if it is allowed: secrets go nowhere else.",
        );
        terminal.place("started with", format!("--allow-endpoint {origin}"));
        let operator_address = free_address()?;
        let operator = start_operator(&mut control_plane, &kubeconfig, &origin, operator_address)?;
        let manifests = control_plane.description().folder.join("manifests");
        manifests::write(&manifests, &endpoint)?;
        let mut stage = Self {
            operator,
            emulator,
            control_plane,
            emulator_address,
            operator_address,
            kubeconfig,
            manifests,
        };
        stage.wait_for_operator()?;
        terminal.place("log", stage.operator.log().display());
        terminal.place("metrics", format!("http://{operator_address}/metrics"));
        Ok(stage)
    }

    pub(crate) fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The folder with what is applied.
    pub(crate) fn manifests(&self) -> &Path {
        &self.manifests
    }

    pub(crate) fn emulator_address(&self) -> SocketAddr {
        self.emulator_address
    }

    pub(crate) fn operator_pid(&self) -> u32 {
        self.operator.pid()
    }

    /// Where the number of the operator's process is, of whichever runs.
    pub(crate) fn operator_pid_file(&self) -> PathBuf {
        self.control_plane.description().folder.join("operator.pid")
    }

    /// Runs kubectl as administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut limited = arguments.to_vec();
        // An API server that hangs must not make the demo hang.
        limited.push("--request-timeout=20s");
        self.control_plane.kubectl(&limited).map_err(sentence)
    }

    /// The same, read as JSON.
    pub(crate) fn look(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.kubectl(arguments)?;
        serde_json::from_str(&text).map_err(|error| format!("kubectl printed no JSON: {error}"))
    }

    /// How often each call was granted, as the emulator counts.
    pub(crate) fn granted(&self, call: &str) -> u64 {
        let answer = page::get(self.emulator_address, "/_control/counters", None);
        let counters: Value =
            answer.ok().and_then(|answer| serde_json::from_str(&answer.body).ok()).unwrap_or_default();
        counters["granted"][call].as_u64().unwrap_or_default()
    }

    /// The emulator holds the whole act together: without it there is nothing to show.
    pub(crate) fn check_emulator(&mut self) -> Result<()> {
        if self.emulator.runs() { Ok(()) } else { Err(self.emulator.ended()) }
    }

    /// Whether the operator runs.
    pub(crate) fn operator_runs(&mut self) -> bool {
        self.operator.runs()
    }

    /// The end of the operator's log.
    pub(crate) fn operator_log(&self) -> String {
        self.operator.last_words()
    }

    /// Starts another operator, as a Deployment would.
    pub(crate) fn restart_operator(&mut self) -> Result<()> {
        let origin = format!("http://{}", self.emulator_address);
        self.operator =
            start_operator(&mut self.control_plane, &self.kubeconfig, &origin, self.operator_address)?;
        self.wait_for_operator()
    }

    fn wait_for_operator(&mut self) -> Result<()> {
        let file = self.operator_pid_file();
        std::fs::write(&file, self.operator_pid().to_string())
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let started = Instant::now();
        loop {
            let answer = page::get(self.operator_address, "/readyz", None);
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if !self.operator.runs() {
                return Err(self.operator.ended());
            }
            if started.elapsed() > READY_WITHIN {
                let last = answer.map_or_else(|error| error, |answer| answer.body);
                return Err(format!("the operator is not ready: {last}\n{}", self.operator.last_words()));
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}

fn start_emulator(control_plane: &mut ControlPlane) -> Result<(Part, String, SocketAddr)> {
    let app = format!("{}:{}", manifests::CLIENT_ID, manifests::CLIENT_SECRET);
    let mut emulator = Part::start(control_plane, "rocketlawyer-emulator", |command| {
        command.args(["--http-bind-address", "127.0.0.1:0", "--app", &app]);
        command.args(["--access-token-ttl", "60s", "--scoped-token-ttl", "60s"]);
        with_first_line(command);
    })?;
    let endpoint = emulator.first_line()?;
    let address = endpoint
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| format!("the emulator printed no address but {endpoint}"))?;
    Ok((emulator, endpoint, address))
}

fn install(control_plane: &ControlPlane, origin: &str) -> Result<PathBuf> {
    control_plane.kubectl(&["create", "namespace", NAMESPACE]).map_err(sentence)?;
    control_plane.install_rights(NAMESPACE, &json!({"allowEndpoints": [origin]})).map_err(sentence)
}

fn start_operator(
    control_plane: &mut ControlPlane,
    kubeconfig: &PathBuf,
    origin: &str,
    address: SocketAddr,
) -> Result<Part> {
    Part::start(control_plane, "rocketlawyer-operator", |command| {
        command.env("KUBECONFIG", kubeconfig);
        // All that it talks to is on loopback, and flags of another operator are not meant for this one.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command.env_remove("NAMESPACES").env_remove("CA_BUNDLE");
        command.args(["run", "--log-format", "text", "--allow-endpoint", origin]);
        command.args(["--http-bind-address", &address.to_string()]);
    })
}

fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("cannot find a free port: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn sentence(error: control_plane::Error) -> String {
    error.to_string()
}

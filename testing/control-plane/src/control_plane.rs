//! How does a test or the demo use a control plane? The handle to one that runs: shared, or its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;

use crate::RUNNING;
use crate::audit::AuditLog;
use crate::description::Description;
use crate::error::{Error, tail};
use crate::identity::{Identities, kubeconfig, write};
use crate::processes::{Processes, Ready, run};
use crate::tools::{self, Tool};

/// A control plane that is ready. One that this handle started ends when the handle is dropped, or its process dies.
#[derive(Debug)]
pub struct ControlPlane {
    description: Description,
    own: Option<Own>,
}

/// What only the process has that started it.
#[derive(Debug)]
struct Own {
    processes: Processes,
    identities: Identities,
}

impl ControlPlane {
    /// The one that everybody uses: that of `control-plane exec`, else one for this process, with the workspace's CRDs.
    pub fn shared() -> Result<&'static Self, &'static Error> {
        static SHARED: OnceLock<Result<ControlPlane, Error>> = OnceLock::new();
        let find = || match std::env::var_os(RUNNING) {
            Some(description) => Self::running(Path::new(&description)),
            None => Self::start(),
        };
        SHARED.get_or_init(find).as_ref()
    }

    /// One of its own, with the workspace's CRDs: for tests that change what others rely on.
    pub fn start() -> Result<Self, Error> {
        let crds = workspace().join("crds");
        Self::start_with(if crds.is_dir() { std::slice::from_ref(&crds) } else { &[] })
    }

    /// One of its own, with these manifests (files or folders) applied before the controllers start.
    pub fn start_with(apply: &[PathBuf]) -> Result<Self, Error> {
        tools::ensure_usual()?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut processes = Processes::prepare()?;
            match processes.start(apply) {
                // Somebody took a port between our look and its use: once more, with other ports.
                Err(Error::NotReady { log, .. })
                    if attempts < 3 && log.contains("address already in use") => {}
                ready => return Self::started(processes, ready?),
            }
        }
    }

    /// One that somebody else runs.
    pub fn running(description: &Path) -> Result<Self, Error> {
        Ok(Self { description: Description::read(description)?, own: None })
    }

    /// The file to name in `ROCKETLAWYER_CONTROL_PLANE`.
    #[must_use]
    pub fn description_path(&self) -> PathBuf {
        Description::path_in(&self.description.folder)
    }

    /// Where everything is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Who asked the API server for what.
    #[must_use]
    pub fn audit(&self) -> AuditLog {
        AuditLog::at(self.description.audit_log.clone())
    }

    /// Runs kubectl as administrator and returns what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        run(self.kubectl_command().args(arguments).stdin(Stdio::null()))
    }

    /// Runs kubectl as administrator with `input` on its standard input (`-f -`).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, Error> {
        let mut command = self.kubectl_command();
        run_with_input(command.args(arguments), input)
    }

    /// Applies manifests as administrator: YAML or JSON, one or several.
    pub fn apply(&self, manifests: &str) -> Result<String, Error> {
        self.kubectl_with(&["apply", "--server-side", "-f", "-"], manifests)
    }

    /// Writes a kubeconfig for a service account that exists, with a token of the API server's own, good for a day.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let token = self.kubectl(&["create", "token", name, "-n", namespace, "--duration=24h"])?;
        let user = json!({"token": token.trim_end()});
        let given = &self.description;
        let text = kubeconfig(&given.server, &given.certificate_authority, namespace, &user);
        write(&given.folder, &format!("{namespace}.{name}.kubeconfig"), &text)
    }

    /// Starts a program that ends when this process does, however it dies. Whoever holds the child ends it otherwise.
    pub fn spawn_tied(&mut self, command: &mut Command) -> Result<Child, Error> {
        self.processes_mut()?.spawn_tied(command)
    }

    /// Waits until the API server answers, and reaches its store.
    pub fn wait_until_ready(&mut self) -> Result<(), Error> {
        let Own { processes, identities } = self.own.as_mut().ok_or(Error::NotOurs)?;
        processes.wait_until_ready(identities)
    }

    pub(crate) fn processes(&self) -> Result<&Processes, Error> {
        self.own.as_ref().map(|own| &own.processes).ok_or(Error::NotOurs)
    }

    pub(crate) fn processes_mut(&mut self) -> Result<&mut Processes, Error> {
        self.own.as_mut().map(|own| &mut own.processes).ok_or(Error::NotOurs)
    }

    /// Writes down which processes there are now.
    pub(crate) fn describe(&mut self) -> Result<(), Error> {
        self.description.processes = self.processes()?.pids();
        self.description.write_to(&self.description_path())
    }

    fn started(processes: Processes, ready: Ready) -> Result<Self, Error> {
        let description = Description {
            server: ready.server,
            kubeconfig: ready.identities.admin_kubeconfig.clone(),
            certificate_authority: ready.identities.authority.clone(),
            audit_log: ready.audit_log,
            folder: processes.folder().to_owned(),
            processes: BTreeMap::new(),
            kubectl: Tool::Kubectl.path()?,
            helm: Tool::Helm.path()?,
        };
        let own = Some(Own { processes, identities: ready.identities });
        let mut started = Self { description, own };
        started.describe()?;
        Ok(started)
    }

    fn kubectl_command(&self) -> Command {
        let mut command = Command::new(&self.description.kubectl);
        command.arg("--kubeconfig").arg(&self.description.kubeconfig);
        // Discovery is cached per server address, and addresses come back with other kinds behind them.
        command.arg("--cache-dir").arg(self.description.folder.join("kubectl-cache"));
        command
    }
}

/// The user name under which a service account's requests stand in the audit log.
#[must_use]
pub fn service_account_user(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// The folder of the workspace that this crate was compiled in.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .components()
        .collect::<PathBuf>()
        .ancestors()
        .nth(2)
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Runs a program that reads from its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::run(&program))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // From a thread of its own: both sides could wait for each other with full pipes.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input.as_bytes())));
        child.wait_with_output()
    })
    .map_err(Error::run(&program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Err(Error::Failed { command, said: tail(&String::from_utf8_lossy(&output.stderr)) })
}

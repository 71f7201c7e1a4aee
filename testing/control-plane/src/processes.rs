//! How are the three programs of a control plane started, known to be ready, and ended? It owns the data folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::mem;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::data_folder::DataFolder;
use crate::error::{Error, log_tail, tail};
use crate::identity::{Identities, write};
use crate::port::{Port, free_port};
use crate::tools::Tool;
use crate::watcher::Watcher;

/// A cold start takes 4 s on two idle cores; under a full test run it may take several times that.
const READY_WITHIN: Duration = Duration::from_secs(90);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The controllers that tests and demo rely on. No workloads run here, so theirs are left out.
const CONTROLLERS: &str = "--controllers=garbage-collector-controller,namespace-controller,\
                           serviceaccount-controller,resourcequota-controller,clusterrole-aggregation-controller";

/// Who asked for what, and how it ended. Bodies only of what is written into a status of ours: no token can get into this log.
const AUDIT_POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
 "omitManagedFields": true, "rules": [
  {"level": "Request", "verbs": ["patch"], "resources": [
    {"group": "auth.rocketlawyer.com", "resources": ["rocketlawyercredentials/status", "scopedtokenrequests/status"]}]},
  {"level": "Metadata"}]}
"#;

/// Running programs and their data; both are gone when this is dropped, or when this process dies.
#[derive(Debug)]
pub(crate) struct Processes {
    /// In the order in which they were started.
    programs: Vec<Started>,
    watcher: Watcher,
    data: DataFolder,
}

/// A program, and all that starting it again takes.
#[derive(Debug)]
struct Started {
    tool: Tool,
    arguments: Vec<String>,
    ports: Vec<Port>,
    /// Absent while it is away.
    child: Option<Child>,
}

/// What is known about a control plane that is ready.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The API server's address.
    pub(crate) server: String,
    /// The files it was started with.
    pub(crate) identities: Identities,
    /// The audit log.
    pub(crate) audit_log: PathBuf,
}

impl Processes {
    /// Makes the data folder, and has it watched before there is anything in it.
    pub(crate) fn prepare() -> Result<Self, Error> {
        let data = DataFolder::create()?;
        let watcher = Watcher::start(data.path(), data.lock_path())?;
        Ok(Self { programs: Vec::new(), watcher, data })
    }

    /// The folder that holds everything.
    pub(crate) fn folder(&self) -> &Path {
        self.data.path()
    }

    /// The process numbers of those that run, by program.
    pub(crate) fn pids(&self) -> BTreeMap<String, u32> {
        let running = self.programs.iter().filter_map(|it| Some((it.tool, it.child.as_ref()?)));
        let running = running.map(|(tool, child)| (tool.name().to_owned(), child.id()));
        running.chain([("watcher".to_owned(), self.watcher.pid())]).collect()
    }

    /// Starts all three and waits until they work. The manifests in `apply` are there before the controllers start:
    /// the garbage collector looks for new kinds only every 30 s, but knows at once what it finds at its start.
    pub(crate) fn start(&mut self, apply: &[PathBuf]) -> Result<Ready, Error> {
        let store_port = free_port()?;
        let store = format!("http://127.0.0.1:{store_port}");
        self.start_store(store_port, &store)?;
        let port = free_port()?;
        let server = format!("https://127.0.0.1:{port}");
        let identities = Identities::write(self.folder(), &server)?;
        let audit_log = self.start_api_server(&store, port, &identities)?;
        self.wait_for_port(port)?;
        self.wait_until_ready(&identities)?;
        self.apply(apply, &identities)?;
        self.start_controllers(&identities)?;
        // The first visible work of the controllers: without it nobody collects, and no test would say why.
        let account = ["get", "--raw", "/api/v1/namespaces/default/serviceaccounts/default"];
        self.wait_for_answer(Tool::ControllerManager, &identities, &account)?;
        Ok(Ready { server, identities, audit_log })
    }

    /// Waits until the API server answers that it is ready: so does the store then.
    pub(crate) fn wait_until_ready(&mut self, with: &Identities) -> Result<(), Error> {
        self.wait_for_answer(Tool::ApiServer, with, &["get", "--raw", "/readyz"])
    }

    /// Sends a signal to a program that runs.
    pub(crate) fn signal(&self, tool: Tool, signal: &str) -> Result<(), Error> {
        let child = self.programs.iter().find(|it| it.tool == tool).and_then(|it| it.child.as_ref());
        let pid = child.ok_or(Error::IsAway { what: tool.name() })?.id().to_string();
        run(Command::new("kill").args([signal, &pid])).map(drop)
    }

    /// Ends a program where it stands. Its ports stay its own: nobody answers there, and nobody else can take them.
    pub(crate) fn kill(&mut self, tool: Tool) -> Result<(), Error> {
        let found = self.programs.iter_mut().find(|it| it.tool == tool);
        let program = found.ok_or(Error::IsAway { what: tool.name() })?;
        let mut child = program.child.take().ok_or(Error::IsAway { what: tool.name() })?;
        let ended = child.kill();
        // Before its number is free for others: the watcher would end those.
        self.watcher.forget(child.id())?;
        ended.and_then(|()| child.wait()).map_err(Error::io("end", Path::new(tool.name())))?;
        program.ports.iter_mut().try_for_each(Port::hold)
    }

    /// Starts a program that was killed as it was started first, with what it left behind.
    pub(crate) fn restart(&mut self, tool: Tool) -> Result<(), Error> {
        let found = self.programs.iter().position(|it| it.tool == tool && it.child.is_none());
        let index = found.ok_or(Error::IsThere { what: tool.name() })?;
        let arguments = mem::take(&mut self.programs[index].arguments);
        let child = self.run(tool, &arguments);
        let program = &mut self.programs[index];
        program.arguments = arguments;
        program.child = Some(child?);
        Ok(())
    }

    fn start_store(&mut self, port: u16, clients: &str) -> Result<(), Error> {
        let peer_port = free_port()?;
        let peers = format!("http://127.0.0.1:{peer_port}");
        let arguments = [
            format!("--data-dir={}", self.folder().join("etcd").display()),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            // The data does not outlive the process: waiting for the disk buys nothing.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
        ];
        self.spawn(Tool::Etcd, arguments.into(), &[port, peer_port])
    }

    fn start_api_server(&mut self, store: &str, port: u16, with: &Identities) -> Result<PathBuf, Error> {
        let audit_log = write(self.folder(), "audit.log", "")?;
        let policy = write(self.folder(), "audit-policy.json", AUDIT_POLICY)?;
        let arguments = [
            format!("--etcd-servers={store}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", with.server_certificate.display()),
            format!("--tls-private-key-file={}", with.server_key.display()),
            format!("--client-ca-file={}", with.authority.display()),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", with.service_account_public_key.display()),
            format!("--service-account-signing-key-file={}", with.service_account_key.display()),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--profiling=false".to_owned(),
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", audit_log.display()),
            // Written before the answer ends, so whoever has the answer finds the request in the log.
            "--audit-log-mode=blocking".to_owned(),
            // Megabytes; by default the log would be moved away under its readers after 100.
            "--audit-log-maxsize=100000".to_owned(),
        ];
        self.spawn(Tool::ApiServer, arguments.into(), &[port])?;
        Ok(audit_log)
    }

    fn start_controllers(&mut self, with: &Identities) -> Result<(), Error> {
        let arguments = [
            format!("--kubeconfig={}", with.controllers_kubeconfig.display()),
            format!("--service-account-private-key-file={}", with.service_account_key.display()),
            format!("--root-ca-file={}", with.authority.display()),
            "--use-service-account-credentials=true".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--profiling=false".to_owned(),
            // Many test namespaces end at once; the defaults would queue their collection for seconds.
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            CONTROLLERS.to_owned(),
        ];
        self.spawn(Tool::ControllerManager, arguments.into(), &[])
    }

    fn spawn(&mut self, tool: Tool, arguments: Vec<String>, ports: &[u16]) -> Result<(), Error> {
        let child = Some(self.run(tool, &arguments)?);
        let ports = ports.iter().copied().map(Port::new).collect();
        self.programs.push(Started { tool, arguments, ports, child });
        Ok(())
    }

    /// What it says is added to its log.
    fn run(&mut self, tool: Tool, arguments: &[String]) -> Result<Child, Error> {
        let program = tool.path()?;
        let log_path = self.log(tool);
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(Error::io("open", &log_path))?;
        let also_log = log.try_clone().map_err(Error::io("share", &log_path))?;
        let mut command = Command::new(&program);
        command.args(arguments).stdout(log).stderr(also_log);
        self.spawn_tied(&mut command)
    }

    /// Starts a program in the data folder that does not outlive this process.
    pub(crate) fn spawn_tied(&mut self, command: &mut Command) -> Result<Child, Error> {
        let program = PathBuf::from(command.get_program());
        let mut child = command
            .current_dir(self.folder())
            // A ctrl-C at the terminal is for the user, which ends these in order.
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .map_err(Error::run(&program))?;
        if let Err(error) = self.watcher.also_end(child.id()) {
            let _ = child.kill();
            return Err(error);
        }
        Ok(child)
    }

    fn wait_for_port(&mut self, port: u16) -> Result<(), Error> {
        self.wait_until(Tool::ApiServer, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|error| error.to_string())
        })
    }

    fn wait_for_answer(&mut self, tool: Tool, with: &Identities, arguments: &[&str]) -> Result<(), Error> {
        let kubectl = Tool::Kubectl.path()?;
        self.wait_until(tool, || {
            let answer = Command::new(&kubectl)
                .arg("--kubeconfig")
                .arg(&with.admin_kubeconfig)
                .args(arguments)
                .stdin(Stdio::null())
                .output()
                .map_err(|error| error.to_string())?;
            if answer.status.success() { Ok(()) } else { Err(tail(&String::from_utf8_lossy(&answer.stderr))) }
        })
    }

    fn wait_until(&mut self, tool: Tool, works: impl Fn() -> Result<(), String>) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let Err(said) = works() else { return Ok(()) };
            let died = self.programs.iter_mut().find_map(|program| {
                let status = program.child.as_mut()?.try_wait().ok().flatten()?;
                Some((program.tool, status.to_string()))
            });
            if died.is_none() && started.elapsed() < READY_WITHIN {
                std::thread::sleep(LOOK_AGAIN_AFTER);
                continue;
            }
            let (culprit, last) = died.unwrap_or((tool, said));
            return Err(Error::NotReady {
                what: culprit.name().to_owned(),
                seconds: started.elapsed().as_secs(),
                log: format!("{}\n{last}", log_tail(&self.log(culprit))),
            });
        }
    }

    fn apply(&self, manifests: &[PathBuf], with: &Identities) -> Result<(), Error> {
        let kubectl = Tool::Kubectl.path()?;
        let run = |arguments: &[&str]| {
            let mut command = Command::new(&kubectl);
            command.arg("--kubeconfig").arg(&with.admin_kubeconfig);
            // Discovery is cached per server address, and addresses come back with other kinds behind them.
            command.arg("--cache-dir").arg(self.folder().join("kubectl-cache"));
            run(command.args(arguments).stdin(Stdio::null()))
        };
        for manifest in manifests {
            run(&["apply", "--server-side", "-f", &manifest.to_string_lossy()])?;
        }
        if !manifests.is_empty() {
            run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"])?;
        }
        Ok(())
    }

    fn log(&self, tool: Tool) -> PathBuf {
        self.folder().join(format!("{}.log", tool.name()))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Nothing here outlives this, so nothing needs to be written down first.
        for child in self.programs.iter_mut().rev().filter_map(|it| it.child.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.data.remove();
        self.watcher.dismiss();
    }
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(Error::run(&program))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let said = tail(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { command: format!("{name} {}", arguments.join(" ")), said })
}

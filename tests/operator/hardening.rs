//! Promise: what the operator holds in memory stays there. No core dump, and closed to other processes of its own user.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::process::until;

/// Whoever it is, not root: to root a process is open anyway.
const NOBODY: u32 = 65534;

#[test]
fn its_memory_is_dumped_nowhere_and_open_to_nobody_of_its_user() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = TcpListener::bind("127.0.0.1:0").expect("an address");
    let running = Running::start(folder.path(), &server);

    // It asks its API server something: it has begun. Nobody answers, so it stays.
    server.set_nonblocking(true).expect("a socket");
    let asked = until(Duration::from_secs(15), || server.accept().ok());
    assert!(asked.is_some(), "it never asked its API server");

    let proc = Path::new("/proc").join(running.0.id().to_string());
    let limits = std::fs::read_to_string(proc.join("limits")).expect("it runs");
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("a limit");
    let core: Vec<_> = core.split_whitespace().take(2).collect();
    assert_eq!(core, ["0", "0"], "soft and hard");

    // The kernel gives what is in /proc of a process that may not be dumped to root, and bars its own user with it.
    let owner = |of: &Path| std::fs::metadata(of).expect("it runs").uid();
    let user = status(&proc, "Uid:");
    assert_ne!(user, 0, "as root this shows nothing");
    assert_eq!(owner(&proc.join("mem")), 0, "open to the user {user}");
}

/// An operator that is not root's, whatever the tests are.
struct Running(Child);

impl Running {
    fn start(folder: &Path, server: &TcpListener) -> Self {
        let address = server.local_addr().expect("an address");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "users": [{"name": "it", "user": {}}],
        });
        let kubeconfig_file = folder.join("kubeconfig");
        std::fs::write(&kubeconfig_file, kubeconfig.to_string()).expect("a file");
        // Where another user can reach it.
        let program = folder.join("rocketlawyer-operator");
        std::fs::copy(env!("CARGO_BIN_EXE_rocketlawyer-operator"), &program).expect("a copy");
        for (path, mode) in [(folder, 0o755), (&kubeconfig_file, 0o644), (&program, 0o755)] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("permissions");
        }
        let mut command = Command::new(program);
        command.args(["--http-bind-address", "127.0.0.1:0"]).env_clear().env("KUBECONFIG", kubeconfig_file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if status(Path::new("/proc/self"), "Uid:") == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        Self(command.spawn().expect("the operator starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first number of a line of /proc/<pid>/status.
fn status(proc: &Path, name: &str) -> u32 {
    let status = std::fs::read_to_string(proc.join("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    line.split_whitespace().next().and_then(|it| it.parse().ok()).expect("a number")
}

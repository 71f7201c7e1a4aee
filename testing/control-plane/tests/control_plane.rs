//! Does the control plane work, and is it gone when its user is? Starts real ones.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use control_plane::control_plane::service_account_user;
use control_plane::tools::KUBERNETES_VERSION;
use control_plane::{ControlPlane, Description, audit};

const PROGRAM: &str = env!("CARGO_BIN_EXE_control-plane");

#[test]
fn the_pinned_version_is_served() {
    let version = ControlPlane::shared().unwrap().kubectl(&["get", "--raw", "/version"]).unwrap();
    assert!(version.contains(&format!("\"v{KUBERNETES_VERSION}\"")), "{version}");
}

#[test]
fn an_orphan_is_collected_within_seconds() {
    let shared = ControlPlane::shared().unwrap();
    let orphans = &namespace(shared, "orphans");
    shared.kubectl(&["create", "configmap", "owner", "-n", orphans]).unwrap();
    let uid = shared.kubectl(&["get", "configmap", "owner", "-n", orphans, "-o", "jsonpath={.metadata.uid}"]);
    let owned = format!(
        r#"{{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "owned", "namespace": "{orphans}",
          "ownerReferences": [{{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "{}"}}]}}}}"#,
        uid.unwrap()
    );
    shared.apply(&owned).unwrap();
    shared.kubectl(&["delete", "configmap", "owner", "-n", orphans]).unwrap();
    shared.kubectl(&["wait", "--for=delete", "secret/owned", "-n", orphans, "--timeout=15s"]).unwrap();
}

#[test]
fn the_audit_log_tells_who_asked_for_what() {
    let shared = ControlPlane::shared().unwrap();
    let audited = &namespace(shared, "audited");
    shared.kubectl(&["create", "serviceaccount", "asker", "-n", audited]).unwrap();
    let kubeconfig = shared.service_account_kubeconfig(audited, "asker").unwrap();
    let asker = service_account_user(audited, "asker");
    let before = shared.audit().mark().unwrap();

    let refused = Command::new(&shared.description().kubectl)
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .args(["get", "--raw", &format!("/api/v1/namespaces/{audited}/secrets/wanted")])
        .output()
        .unwrap();
    assert!(!refused.status.success(), "a service account without a role may read no Secret");

    let within = Duration::from_secs(5);
    let is_it = |request: &audit::Request| request.user == asker;
    shared.audit().wait_for(before, within, "the asker's request", is_it).unwrap();
    let counts = audit::count(&shared.audit().by_user(before, &asker).unwrap());
    let expected = audit::RequestKind {
        verb: "get".to_owned(),
        resource: "secrets".to_owned(),
        namespace: audited.clone(),
        name: "wanted".to_owned(),
        code: 403,
        ..Default::default()
    };
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(expected, 1)]);
    let after = shared.audit().mark().unwrap();
    assert_eq!(shared.audit().by_user(after, &asker).unwrap(), []);
}

#[test]
fn nothing_is_left_when_its_user_is_killed() {
    let mut exec = Command::new(PROGRAM)
        .args(["exec", "--", "sh", "-c", "echo $ROCKETLAWYER_CONTROL_PLANE; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut path = String::new();
    BufReader::new(exec.stdout.take().unwrap()).read_line(&mut path).unwrap();
    let running_now = Description::read(Path::new(path.trim_end())).unwrap();
    assert_eq!(running(&running_now).len(), 4, "etcd, kube-apiserver, kube-controller-manager, watcher");
    // Its own clean-up never runs.
    exec.kill().unwrap();
    exec.wait().unwrap();
    wait_until("the programs of a killed user are gone", || running(&running_now));
    wait_until("the data of a killed user is gone", || {
        let there = running_now.folder.exists();
        there.then(|| running_now.folder.display().to_string()).into_iter().collect()
    });
}

/// A namespace of this run's own: a control plane may outlive a run.
fn namespace(control_plane: &ControlPlane, name: &str) -> String {
    let name = format!("{name}-{}", std::process::id());
    let created = control_plane.kubectl(&["create", "namespace", &name]);
    assert!(created.is_ok(), "{created:?}");
    name
}

/// Those that run, dead ones that nobody has waited for yet left out.
fn running(description: &Description) -> Vec<String> {
    let all = description.processes.iter();
    let runs = |pid: u32| {
        let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
    };
    all.filter(|(_, pid)| runs(**pid)).map(|(name, pid)| format!("{name} {pid}")).collect()
}

fn wait_until(what: &str, look: impl Fn() -> Vec<String>) {
    let started = Instant::now();
    loop {
        let left = look();
        if left.is_empty() {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "not true after 15 s: {what}; there is still {left:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

//! Does the control plane work, and is it gone when its user is? Starts real ones.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expected")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// Those that tests and demo rely on (`processes.rs` names them) do their work, and nobody else does anything.
#[test]
fn the_controllers_that_are_wanted_run_and_no_others() {
    let own = ControlPlane::start_with(&[]).unwrap();
    // A workload stays what it was written as.
    own.kubectl(&["create", "deployment", "idle", "--image=none", "-n", "default"]).unwrap();
    own.kubectl(&["create", "namespace", "ends"]).unwrap();
    own.kubectl(&["create", "quota", "some", "--hard=secrets=5", "-n", "ends"]).unwrap();
    own.kubectl(&["wait", "--for=jsonpath={.status.used.secrets}=0", "quota/some", "-n", "ends"]).unwrap();
    own.kubectl(&["wait", "--for=create", "serviceaccount/default", "-n", "ends"]).unwrap();
    own.kubectl(&["delete", "namespace", "ends", "--timeout=30s"]).unwrap();
    let role = r#"{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "more", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["more.example.com"], "resources": ["things"], "verbs": ["get"]}]}"#;
    own.apply(role).unwrap();
    let aggregated = r#"--for=jsonpath={.rules[?(@.apiGroups[0]=="more.example.com")].resources[0]}=things"#;
    own.kubectl(&["wait", aggregated, "clusterrole/view", "--timeout=30s"]).unwrap();
    let made =
        own.kubectl(&["get", "replicasets,pods,endpointslices,configmaps", "-n", "default", "-o", "name"]);
    assert_eq!(made.unwrap(), "");

    // Each asks under a name of its own.
    let audit_log = std::fs::read_to_string(&own.description().audit_log).unwrap();
    let users = audit_log.split(r#""username":"system:serviceaccount:kube-system:"#).skip(1);
    let users: BTreeSet<_> = users.filter_map(|rest| rest.split('"').next()).collect();
    let wanted = [
        "clusterrole-aggregation-controller",
        "generic-garbage-collector",
        "namespace-controller",
        "resourcequota-controller",
        "service-account-controller",
    ];
    assert_eq!(users, wanted.into());
}

/// A folder of somebody else's programs goes before our own, and what it lacks is ours.
#[test]
fn programs_that_are_given_are_used() {
    let given = std::env::temp_dir().join(format!("control-plane-given-{}", std::process::id()));
    std::fs::create_dir_all(&given).unwrap();
    std::fs::write(given.join("etcd"), "").unwrap();
    let path = |tool: &str| {
        let asked = Command::new(PROGRAM).args(["tools", tool]).env("KUBEBUILDER_ASSETS", &given).output();
        PathBuf::from(String::from_utf8(asked.unwrap().stdout).unwrap().trim_end())
    };
    let (etcd, kubectl) = (path("etcd"), path("kubectl"));
    std::fs::remove_dir_all(&given).unwrap();
    assert_eq!(etcd, given.join("etcd"));
    assert!(kubectl.is_file() && !kubectl.starts_with(&given), "{}", kubectl.display());
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
    let description = description_from(exec.stdout.take().unwrap());
    assert_eq!(running(&description).len(), 4, "etcd, kube-apiserver, kube-controller-manager, watcher");
    ends_with(&description, &mut exec);
}

#[test]
fn nothing_is_left_either_of_what_was_frozen_and_what_was_restarted() {
    // This test program once more, as the user.
    let mut user = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_user_of_one_that_was_tampered_with", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let description = description_from(user.stdout.take().unwrap());
    assert_eq!(running(&description).len(), 4, "etcd, kube-apiserver, kube-controller-manager, watcher");
    // A process that is told to stop does so in a moment of its own.
    let etcd = description.processes["etcd"];
    wait_until("etcd is frozen", || {
        state(etcd).filter(|it| *it != 'T').map(String::from).into_iter().collect()
    });
    ends_with(&description, &mut user);
}

#[test]
#[ignore = "it is what the test before it kills"]
fn the_user_of_one_that_was_tampered_with() {
    let mut own = ControlPlane::start_with(&[]).unwrap();
    own.api_server().kill().unwrap();
    own.api_server().restart().unwrap();
    own.wait_until_ready().unwrap();
    own.etcd().freeze().unwrap();
    println!("\n{ANNOUNCED}{}", own.description_path().display());
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
}

#[test]
fn a_store_that_is_frozen_answers_nothing_and_forgets_nothing() {
    let mut own = ControlPlane::start_with(&[]).unwrap();
    own.kubectl(&["create", "configmap", "before", "-n", "default"]).unwrap();
    let pid = own.description().processes["etcd"];
    own.etcd().freeze().unwrap();
    wait_until("etcd is frozen", || {
        state(pid).filter(|it| *it != 'T').map(String::from).into_iter().collect()
    });
    let meanwhile = ["create", "configmap", "meanwhile", "-n", "default", "--request-timeout=1s"];
    assert!(own.kubectl(&meanwhile).is_err(), "something was written into a store that is frozen");

    own.etcd().thaw().unwrap();
    own.wait_until_ready().unwrap();
    own.kubectl(&["get", "configmap", "before", "-n", "default"]).unwrap();
    own.kubectl(&["create", "configmap", "after", "-n", "default"]).unwrap();
    assert_eq!(own.description().processes["etcd"], pid);
}

#[test]
fn what_was_killed_comes_back_where_it_was_with_what_it_knew() {
    let mut own = ControlPlane::start_with(&[]).unwrap();
    own.kubectl(&["create", "configmap", "before", "-n", "default"]).unwrap();
    let (server, before) = (own.description().server.clone(), own.description().processes.clone());
    let read = ["get", "configmap", "before", "-n", "default", "--request-timeout=5s"];

    own.api_server().kill().unwrap();
    assert!(own.api_server().kill().is_err(), "it is away already");
    assert!(own.kubectl(&read).is_err(), "an API server that was killed answers");
    assert!(!own.description().processes.contains_key("kube-apiserver"));
    assert_eq!(state(before["kube-apiserver"]), None);
    own.api_server().restart().unwrap();
    assert!(own.api_server().restart().is_err(), "it is there again");
    own.wait_until_ready().unwrap();
    own.kubectl(&read).unwrap();

    own.etcd().kill().unwrap();
    own.etcd().restart().unwrap();
    own.wait_until_ready().unwrap();
    own.kubectl(&read).unwrap();
    let described = Description::read(&own.description_path()).unwrap();
    assert_eq!(running(&described).len(), 4);
    assert_eq!(described.server, server);
    for restarted in ["etcd", "kube-apiserver"] {
        assert_ne!(described.processes[restarted], before[restarted]);
    }
}

#[test]
fn nobody_takes_away_what_another_process_started() {
    let own = ControlPlane::start_with(&[]).unwrap();
    let mut others = ControlPlane::running(&own.description_path()).unwrap();
    assert!(others.etcd().freeze().is_err());
    assert!(others.api_server().kill().is_err());
    own.kubectl(&["get", "--raw", "/readyz"]).unwrap();
}

/// What a user prints before the path of the description.
const ANNOUNCED: &str = "control plane: ";

/// That of the control plane whose user says so: on the first line, or with [`ANNOUNCED`] before it.
fn description_from(user: ChildStdout) -> Description {
    let lines = BufReader::new(user).lines().map_while(Result::ok);
    let mut paths = lines.filter_map(|line| {
        let path = line.strip_prefix(ANNOUNCED).unwrap_or(&line).to_owned();
        path.starts_with('/').then_some(path)
    });
    Description::read(Path::new(&paths.next().expect("a description"))).unwrap()
}

/// Kills the user, whose own clean-up never runs then.
fn ends_with(description: &Description, user: &mut Child) {
    user.kill().unwrap();
    user.wait().unwrap();
    wait_until("the programs of a killed user are gone", || running(description));
    wait_until("the data of a killed user is gone", || {
        let there = description.folder.exists();
        there.then(|| description.folder.display().to_string()).into_iter().collect()
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
    let runs = |pid: u32| state(pid).is_some_and(|state| state != 'Z');
    all.filter(|(_, pid)| runs(**pid)).map(|(name, pid)| format!("{name} {pid}")).collect()
}

/// The state of a process, as the kernel writes it: `T` is stopped, `Z` dead; none where there is no such process.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
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

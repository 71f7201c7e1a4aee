//! Where does a program of the control plane come from? `KUBEBUILDER_ASSETS`, else the cache, else a build from the
//! pinned Go modules in `go/`. It starts nothing but Go.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, tail};
use crate::progress::say;

#[cfg(test)]
mod tests;

/// The version of Kubernetes that `go/kubernetes/go.mod` pins.
pub const KUBERNETES_VERSION: &str = "1.37.2";

/// A program that tests or demo need and that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The store.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers.
    ControllerManager,
    /// The command line client.
    Kubectl,
    /// Renders the chart.
    Helm,
    /// Checks manifests against the schemas; built only when asked for.
    Kubeconform,
}

impl Tool {
    /// What a control plane and the installation of the chart need.
    pub const USUAL: [Self; 5] =
        [Self::Etcd, Self::ApiServer, Self::ControllerManager, Self::Kubectl, Self::Helm];

    /// The program's file name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::Kubeconform => "kubeconform",
        }
    }

    /// Finds the program or builds it, once for all clones and runs on this machine.
    pub fn path(self) -> Result<PathBuf, Error> {
        if let Some(given) = self.among_given_assets() {
            return Ok(given);
        }
        let folder = self.module().cache_folder(self)?;
        let built = folder.join(self.name());
        if built.is_file() {
            return Ok(built);
        }
        self.build(&folder, &built)?;
        Ok(built)
    }

    fn among_given_assets(self) -> Option<PathBuf> {
        let given = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?).join(self.name());
        given.is_file().then_some(given)
    }

    /// Builds aside and renames: a reader sees no program or a whole one. One build at a time on the machine, since
    /// kube-apiserver alone takes more than 2 GB.
    fn build(self, folder: &Path, built: &Path) -> Result<(), Error> {
        let lock_path = cache()?.join("build.lock");
        let lock = File::create(&lock_path).map_err(Error::io("create", &lock_path))?;
        if lock.try_lock().is_err() {
            say("another run is building the programs of the control plane, waiting for it ...");
            lock.lock().map_err(Error::io("lock", &lock_path))?;
        }
        if built.is_file() {
            return Ok(());
        }
        say(&format!("building {} ({}, once) ...", self.name(), self.usual_duration()));
        let started = Instant::now();
        let aside = folder.join("building");
        let module = self.module();
        module.unpack_into(&aside)?;
        let fresh = aside.join(self.name());
        let go = Command::new("go")
            .args(["build", "-trimpath", "-ldflags", module.linker_flags, "-o"])
            .arg(&fresh)
            .arg(self.package())
            .current_dir(&aside)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .env("GOFLAGS", "-mod=readonly")
            .stdin(Stdio::null())
            .output()
            .map_err(Error::run(Path::new("go")))?;
        if !go.status.success() {
            let said = tail(&String::from_utf8_lossy(&go.stderr));
            return Err(Error::Failed { command: format!("go build {}", self.package()), said });
        }
        fs::rename(&fresh, built).map_err(Error::io("rename", &fresh))?;
        say(&format!("built {} in {} s", self.name(), started.elapsed().as_secs()));
        Ok(())
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
            Self::Kubeconform => "github.com/yannh/kubeconform/cmd/kubeconform",
        }
    }

    /// Measured on two cores with nothing compiled before.
    const fn usual_duration(self) -> &'static str {
        match self {
            Self::Etcd => "about half a minute",
            Self::ApiServer => "about 3 minutes",
            Self::ControllerManager | Self::Helm => "about a minute",
            Self::Kubectl | Self::Kubeconform => "about 15 seconds",
        }
    }

    const fn module(self) -> &'static Module {
        match self {
            Self::Helm | Self::Kubeconform => &CHART,
            _ => &KUBERNETES,
        }
    }
}

/// Makes sure that all the usual programs are there, so that the long part happens in one visible place.
pub fn ensure_usual() -> Result<(), Error> {
    for tool in Tool::USUAL {
        tool.path()?;
    }
    Ok(())
}

/// A set of pinned versions. The texts are compiled in, so a built program never depends on where its clone lay.
struct Module {
    go_mod: &'static str,
    go_sum: &'static str,
    linker_flags: &'static str,
}

/// Without the version flags the server reports v0.0.0, and clients that ask for the version are misled.
const KUBERNETES: Module = Module {
    go_mod: include_str!("../go/kubernetes/go.mod"),
    go_sum: include_str!("../go/kubernetes/go.sum"),
    linker_flags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
                   -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37",
};

const CHART: Module = Module {
    go_mod: include_str!("../go/chart/go.mod"),
    go_sum: include_str!("../go/chart/go.sum"),
    linker_flags: "-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
};

impl Module {
    /// Named by all that decides what a build yields: the pins, the flags, and Go.
    fn cache_folder(&self, tool: Tool) -> Result<PathBuf, Error> {
        let go = go_version().ok_or(Error::GoMissing { tool: tool.name() })?;
        let mut hash = Sha256::new();
        for part in [self.go_mod, self.go_sum, self.linker_flags, go] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let key = hash.finalize()[..8].iter().fold(0_u64, |key, byte| key << 8 | u64::from(*byte));
        let folder = cache()?.join(format!("{key:016x}"));
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        Ok(folder)
    }

    fn unpack_into(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        for (name, text) in [("go.mod", self.go_mod), ("go.sum", self.go_sum)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}

/// Version and target of the installed Go, asked once.
fn go_version() -> Option<&'static str> {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let go = Command::new("go").args(["env", "GOVERSION", "GOOS", "GOARCH"]).output().ok()?;
        go.status.success().then(|| String::from_utf8_lossy(&go.stdout).into_owned())
    };
    ANSWER.get_or_init(ask).as_deref()
}

/// Outside every clone, so that a second clone builds nothing.
fn cache() -> Result<PathBuf, Error> {
    let named = |variable| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let ours = "rocketlawyer-operator";
    named("ROCKETLAWYER_CACHE")
        .or_else(|| named("XDG_CACHE_HOME").map(|base| base.join(ours)))
        .or_else(|| named("HOME").map(|home| home.join(".cache").join(ours)))
        .map(|base| base.join("control-plane"))
        .ok_or(Error::NoCache)
}

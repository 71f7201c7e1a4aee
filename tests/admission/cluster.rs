//! Where is the API server? The control plane that all tests share, which has the definitions of crds/.

use control_plane::ControlPlane;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// The administrator's way to it.
pub(crate) async fn client() -> Client {
    let running = tokio::task::spawn_blocking(ControlPlane::shared).await.expect("a thread");
    let kubeconfig = &running.expect("a control plane").description().kubeconfig;
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("a configuration")).expect("a client")
}

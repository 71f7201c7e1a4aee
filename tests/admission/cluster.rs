//! Where is the API server?

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// The administrator's way to it.
pub(crate) async fn config() -> Config {
    let path = std::env::var_os("ADMISSION_KUBECONFIG").expect("ADMISSION_KUBECONFIG");
    let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("a configuration")
}

use super::{CHART, KUBERNETES, KUBERNETES_VERSION, Tool};

#[test]
fn programs_say_the_version_that_is_pinned() {
    let pin = format!("\tk8s.io/kubernetes v{KUBERNETES_VERSION} ");
    assert!(KUBERNETES.go_mod.contains(&pin), "go/kubernetes/go.mod does not require{pin}");
    let (major, rest) = KUBERNETES_VERSION.split_once('.').unwrap();
    let (minor, _) = rest.split_once('.').unwrap();
    let flags = format!("{} ", KUBERNETES.linker_flags);
    for told in [
        format!("gitVersion=v{KUBERNETES_VERSION}"),
        format!("gitMajor={major}"),
        format!("gitMinor={minor}"),
    ] {
        assert!(flags.contains(&format!("-X k8s.io/component-base/version.{told} ")), "{told} in {flags}");
    }
    let (_, helm) = CHART.linker_flags.rsplit_once('=').unwrap();
    assert!(
        CHART.go_mod.contains(&format!("\thelm.sh/helm/v4 {helm} ")),
        "go/chart/go.mod does not require {helm}"
    );
}

#[test]
fn every_program_is_one_that_its_module_pins() {
    for tool in Tool::USUAL.into_iter().chain([Tool::Kubeconform]) {
        let line = format!("\t{}\n", tool.package());
        assert!(tool.module().go_mod.contains(&line), "{}", tool.package());
    }
}

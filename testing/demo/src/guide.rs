//! What can a person do with all this? How to reach the cluster from another terminal, and what to try.

use crate::stage::Stage;
use crate::terminal::{Terminal, say};

/// Shows it once.
pub(crate) fn show(terminal: Terminal, stage: &Stage) {
    let description = stage.control_plane().description();
    let folder = description.kubectl.parent().map(|path| path.display().to_string()).unwrap_or_default();
    terminal.step("Your turn", "In another terminal:");
    say(&format!("    export KUBECONFIG={}", description.kubeconfig.display()));
    say(&format!("    export PATH=\"$PATH:{folder}\"    # kubectl is there"));
    say("\nThis one goes on to tell what happens. To try:");
    for (why, command) in suggestions(stage) {
        terminal.suggestion(why, &command);
    }
    say("\nCtrl-C ends everything.\n");
}

/// What to try, and the command.
fn suggestions(stage: &Stage) -> [(&'static str, String); 8] {
    let emulator = stage.emulator_address();
    let manifests = stage.manifests().display();
    let wrong = r#"kubectl patch secret partner-client -p '{"stringData":{"client_secret":"wrong"}}'"#;
    let pid = stage.operator_pid_file();
    [
        (
            "Use the token, as a workload would:",
            format!(
                "curl -H \"Authorization: $(kubectl get secret interview-42-token -o \
                 go-template='{{{{.data.authorization | base64decode}}}}')\" http://{emulator}/protected/scoped"
            ),
        ),
        (
            "Read what it says of itself:",
            "kubectl describe str interview-42".to_owned(),
        ),
        (
            "Delete a managed Secret: it is put back.",
            "kubectl delete secret interview-42-token".to_owned(),
        ),
        (
            "Renew by hand (once in 30 seconds, so wait that long after a token was issued):",
            "kubectl annotate --overwrite rlc partner auth.rocketlawyer.com/renew-requested-at=\"$(date -Is)\"".to_owned(),
        ),
        (
            "Break the client secret: the old token stays until it ends, and the status says what to do. Then repair it:",
            format!("{wrong}\n    kubectl apply -f {manifests}"),
        ),
        (
            "Let the service be down for 6 calls: the tokens stay in service, and are renewed before the first of them ends.",
            format!("curl -X POST http://{emulator}/_control/faults -d '{{\"status\": 503, \"times\": 6}}'"),
        ),
        (
            "Kill the operator: another one takes over, and issues nothing that is there already.",
            format!("kill $(cat {})", pid.display()),
        ),
        (
            "Ask for something wrong, and be told so:",
            "kubectl patch str interview-42 --type merge -p '{\"spec\":{\"interviewId\":\"another\"}}'".to_owned(),
        ),
    ]
}

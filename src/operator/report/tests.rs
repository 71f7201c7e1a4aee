use super::*;
use crate::auth::{Class, Scope};
use crate::telemetry::Exposition;

fn fault() -> Fault {
    let (class, scope) = (Class::RequestRefused, Scope::Request);
    Fault { class, scope, http_status: Some(400), error_code: None, retry_after: None }
}

#[test]
fn a_failure_is_booked_on_the_call_that_failed_and_each_has_its_own_time() {
    let metrics = Metrics::new();
    let calls =
        vec![(Call::ServiceToken, Duration::from_millis(250)), (Call::Exchange, Duration::from_millis(1500))];
    book(&metrics, &calls, Some(&(Call::Exchange, fault())));
    let page = metrics.encode(Exposition::OpenMetrics);
    for line in [
        r#"rocketlawyer_auth_calls_total{call="service_token",outcome="ok"} 1"#,
        r#"rocketlawyer_auth_calls_total{call="exchange",outcome="RequestRejected"} 1"#,
        r#"rocketlawyer_auth_call_duration_seconds_sum{call="service_token"} 0.25"#,
        r#"rocketlawyer_auth_call_duration_seconds_sum{call="exchange"} 1.5"#,
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is not in\n{page}");
    }
    assert!(!page.contains(r#"call="service_token",outcome="RequestRejected""#), "{page}");
}

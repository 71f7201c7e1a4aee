use super::*;
use crate::api::condition;
use crate::telemetry::{EventCounts, GateLoad, QueueLoad, Standing};

/// Everything once.
fn used() -> Metrics {
    let metrics = Metrics::new();
    metrics.issued(Kind::Credential, "secret_is_missing");
    metrics.renewed(Kind::Request, Duration::from_millis(1500));
    metrics.failed(Kind::Request, Reason::ServiceTokenTtlNotAllowed);
    metrics.restored(Kind::Request);
    metrics.auth_call(Call::Exchange, None, Duration::from_millis(20));
    metrics.auth_call(Call::AccessToken, Some(Reason::InvalidClient), Duration::from_millis(20));
    metrics.secret_write(Kind::Credential, Written::Done);
    metrics.status_write(Kind::Credential, Written::Conflict);
    metrics.watch_failed("secrets");
    metrics.watch_restarted("secrets");
    metrics.worked(Kind::Credential, Duration::from_micros(300));
    metrics.publish(Snapshot {
        objects: [(Standing { kind: Kind::Credential, ready: condition::TRUE, reason: Reason::Issued }, 7)]
            .into(),
        earliest_expiry: [(Kind::Request, "2026-11-24T20:15:00Z".parse().unwrap())].into(),
        overdue: [(Kind::Credential, 2)].into(),
        queue: QueueLoad { ready: 1, later: 2, running: 3 },
        gates: [(
            "https://api.example.com".into(),
            GateLoad { in_flight: 4, cap: 16, waiting: 5, is_parked: true },
        )]
        .into(),
        events: EventCounts { posted: 6, failed: 7, dropped: 8 },
        clock_difference: -1.5,
    });
    metrics
}

#[test]
fn every_metric_has_its_name_labels_and_value() {
    let page = used().encode(Exposition::OpenMetrics);
    for line in [
        concat!("rocketlawyer_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        r#"rocketlawyer_issues_total{kind="RocketLawyerCredential",cause="secret_is_missing"} 1"#,
        r#"rocketlawyer_renewal_delay_seconds_sum{kind="ScopedTokenRequest"} 1.5"#,
        r#"rocketlawyer_failures_total{kind="ScopedTokenRequest",reason="ServiceTokenTTLNotAllowed"} 1"#,
        r#"rocketlawyer_secrets_restored_total{kind="ScopedTokenRequest"} 1"#,
        r#"rocketlawyer_auth_calls_total{call="exchange",outcome="ok"} 1"#,
        r#"rocketlawyer_auth_calls_total{call="access_token",outcome="InvalidClient"} 1"#,
        r#"rocketlawyer_auth_call_duration_seconds_count{call="exchange"} 1"#,
        r#"rocketlawyer_secret_writes_total{kind="RocketLawyerCredential",outcome="ok"} 1"#,
        r#"rocketlawyer_status_writes_total{kind="RocketLawyerCredential",outcome="conflict"} 1"#,
        r#"rocketlawyer_watch_failures_total{stream="secrets"} 1"#,
        r#"rocketlawyer_watch_restarts_total{stream="secrets"} 1"#,
        r#"rocketlawyer_work_duration_seconds_count{kind="RocketLawyerCredential"} 1"#,
        r#"rocketlawyer_objects{kind="RocketLawyerCredential",ready="True",reason="Issued"} 7"#,
        r#"rocketlawyer_earliest_expiry_timestamp_seconds{kind="ScopedTokenRequest"} 1795551300"#,
        r#"rocketlawyer_renewals_overdue{kind="RocketLawyerCredential"} 2"#,
        r#"rocketlawyer_queue_keys{state="later"} 2"#,
        r#"rocketlawyer_gate_calls_in_flight{origin="https://api.example.com"} 4"#,
        r#"rocketlawyer_gate_calls_allowed{origin="https://api.example.com"} 16"#,
        r#"rocketlawyer_gate_parked{origin="https://api.example.com"} 1"#,
        r#"rocketlawyer_gate_keys_waiting{origin="https://api.example.com"} 5"#,
        r#"rocketlawyer_events_total{outcome="dropped"} 8"#,
        "rocketlawyer_clock_difference_seconds -1.5",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is not in\n{page}");
    }
    assert!(page.ends_with("# EOF\n"), "{page}");
}

#[test]
fn names_follow_the_conventions_in_both_formats() {
    for form in [Exposition::OpenMetrics, Exposition::Prometheus] {
        let page = used().encode(form);
        let types: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        assert!(types.len() > 15, "{page}");
        for line in types {
            let (name, kind) = line.split_once(' ').unwrap();
            assert!(name.starts_with("rocketlawyer_"), "{line}");
            assert!(!name.contains("_total_total") && !name.contains("_seconds_seconds"), "{line}");
            assert!(kind != "histogram" || name.ends_with("_seconds"), "{line}");
            assert!(page.contains(&format!("# HELP {name} ")), "{line}");
        }
    }
}

#[test]
fn a_snapshot_replaces_the_one_before() {
    let metrics = used();
    metrics.publish(Snapshot::default());
    let page = metrics.encode(Exposition::Prometheus);
    assert!(!page.contains("rocketlawyer_objects{"), "{page}");
    assert!(page.contains(r#"rocketlawyer_queue_keys{state="ready"} 0"#), "{page}");
}

#[test]
fn before_the_first_snapshot_no_gauge_claims_anything() {
    let page = Metrics::new().encode(Exposition::OpenMetrics);
    assert!(!page.contains("rocketlawyer_queue_keys"), "{page}");
}

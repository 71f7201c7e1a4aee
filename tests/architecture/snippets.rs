//! Does each rule fire? Wrong snippets with the rules that must name them, and right ones that none may name.

use std::collections::BTreeSet;

use super::check;
use super::violation::Rule;

/// Where, what, and which rules it breaks (in the order of `Rule`, each once).
type Case = (&'static str, &'static str, &'static [Rule]);

const PURE: &[Rule] = &[Rule::PureCore];
const PURE_AND_CLOCK: &[Rule] = &[Rule::PureCore, Rule::OneClock];

const LAYERS: &[Case] = &[
    ("src/decision/a.rs", "use kube::Client;", PURE),
    ("src/decision/a.rs", "use kube as k; fn f(_: k::Client) {}", PURE),
    ("src/decision/a.rs", "fn f() { use {serde::Serialize, tokio::{self, time::{sleep as rest}}}; }", PURE),
    ("src/decision/mod.rs", "fn f() { tokio::spawn(async {}); }", PURE),
    ("src/decision/a.rs", "fn f() { assert!(tracing::enabled!(tracing::Level::INFO)); }", PURE),
    ("src/decision/a.rs", "#[tokio::main] async fn f() {}", PURE),
    ("src/decision/a.rs", "#[derive(Clone, tracing::Value)] struct S;", PURE),
    ("src/decision/a.rs", "use super::super::cluster::writer;", PURE),
    ("src/decision/a.rs", "mod inner { use super::super::super::cluster::writer; }", PURE),
    (
        "src/decision/a.rs",
        "use crate::*;",
        &[Rule::PureCore, Rule::NobodySetsTheClock, Rule::OnlyIssueAndLoopJoin],
    ),
    ("src/decision/a.rs", "use crate::auth::*;", PURE),
    ("src/decision/a.rs", "fn f(_: &crate::auth::AuthClient) {}", PURE),
    ("src/decision/a.rs", "extern crate tokio as t;", PURE),
    ("src/decision/a.rs", "macro_rules! m { () => { $crate::telemetry::count() } }", PURE),
    ("src/decision/a.rs", "macro_rules! m { () => { use crate::{api, cluster}; } }", PURE),
    ("src/decision/a.rs", "fn f() { let _ = jiff::Timestamp::now(); }", PURE_AND_CLOCK),
    ("src/decision/a.rs", "fn f() { let _ = crate::clock::now(); }", PURE),
    ("src/state/mod.rs", "use std::time::Instant;", PURE),
    ("src/state/a.rs", "use std::{collections::BTreeMap, fs};", PURE),
    ("src/state/a.rs", "use reqwest::StatusCode;", PURE),
    ("src/api/credential.rs", "use kube::{Api, CustomResource};", PURE),
    ("src/api/mod.rs", "use kube::runtime::watcher;", PURE),
    ("src/api/mod.rs", "use kube::*;", PURE),
    ("src/operator/queue.rs", "use super::*;", PURE),
    ("src/operator/queue_order.rs", "use super::workers::Worker;", PURE),
    ("src/operator/gate/mod.rs", "use tokio::sync::Semaphore;", PURE),
    ("src/operator/run.rs", "use jiff::Timestamp as T; fn f() { T::now(); }", &[Rule::OneClock]),
    ("src/auth/a.rs", "fn f() { std::time::SystemTime::now(); }", &[Rule::OneClock]),
    ("src/telemetry/a.rs", "use std::time; fn f() { time::SystemTime::now(); }", &[Rule::OneClock]),
    ("src/operator/run.rs", "use crate::clock; fn f() { clock::set_apart(1); }", &[Rule::NobodySetsTheClock]),
    (
        "src/bin/a.rs",
        "use rocketlawyer_operator::clock::{now, set_apart as set};",
        &[Rule::NobodySetsTheClock],
    ),
    ("src/auth/client.rs", "use k8s_openapi::api::core::v1::Secret;", &[Rule::AuthKnowsNoKubernetes]),
    ("src/auth/client.rs", "fn f(_: kube::Client) {}", &[Rule::AuthKnowsNoKubernetes]),
    ("src/auth/client.rs", "use crate::{api::Reason, token::AccessToken};", &[Rule::AuthKnowsNoKubernetes]),
    ("src/cluster/a.rs", "use crate::auth::Fault;", &[Rule::ClusterKnowsNoAuthentication]),
    ("src/cluster/a.rs", "type C = reqwest::Client;", &[Rule::ClusterKnowsNoAuthentication]),
    ("src/credential/facts.rs", "use crate::scoped_token::facts;", &[Rule::KindsStayApart]),
    ("src/scoped_token/mod.rs", "use super::credential;", &[Rule::KindsStayApart]),
    (
        "src/credential/facts.rs",
        "use crate::auth::Login;\nuse crate::cluster::Slim;",
        &[Rule::OnlyIssueAndLoopJoin],
    ),
    ("src/emulator/a.rs", "use crate::auth::{wire, AuthClient};", &[Rule::EmulatorSharesWireOnly]),
    ("src/emulator/a.rs", "use crate::token::AccessToken;", &[Rule::EmulatorSharesWireOnly]),
    ("src/bin/a.rs", "use rocketlawyer_operator::{auth::A, cluster::B};", &[Rule::OnlyIssueAndLoopJoin]),
];

const ALLOWED: &[Case] = &[
    ("src/api/a.rs", "use kube::{CustomResource, core::Duration}; #[kube(group = \"a\")] struct S;", &[]),
    ("src/api/a.rs", "use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;", &[]),
    ("src/decision/a.rs", "use jiff::Timestamp; fn f(now: Timestamp) { let tokio = now; g(tokio); }", &[]),
    ("src/decision/a.rs", "use crate::auth::Fault; use super::kind::Key; use std::time::Duration;", &[]),
    (
        "src/decision/a.rs",
        "//! Says `tokio::spawn`.\n// kube::Client\nconst S: &str = \"kube::Client\";",
        &[],
    ),
    ("src/decision/tests.rs", "use tokio::test; #[test] fn f() { crate::clock::now(); }", &[]),
    ("src/operator/queue.rs", "use super::gate::Permit; use crate::operator::queue::order;", &[]),
    ("src/operator/run.rs", "use crate::{auth::AuthClient, cluster::Writer}; use tokio::time::Instant;", &[]),
    ("src/credential/issue.rs", "use crate::{auth::AuthClient, cluster::Writer};", &[]),
    ("src/scoped_token/issue/exchange.rs", "use crate::{auth::AuthClient, cluster::Writer};", &[]),
    ("src/emulator/a.rs", "use crate::{auth::wire, clock}; use super::apps; use axum::Router;", &[]),
    ("src/clock.rs", "fn now() { jiff::Timestamp::now(); }", &[]),
    ("src/auth/mod.rs", "#[cfg(test)] mod tests;", &[]),
    ("testing/a/src/main.rs", "use rocketlawyer_operator::clock; fn f() { clock::set_apart(1); }", &[]),
    ("tests/a/main.rs", "#[test] fn f() { use tokio::spawn; std::time::SystemTime::now(); }", &[]),
];

const SHAPES: &[Case] = &[
    ("src/auth/a.rs", "#[cfg(test)] mod tests { }", &[Rule::TestsAreSiblings]),
    ("src/auth/a.rs", "#[cfg(all(test, unix))] mod checks { }", &[Rule::TestsAreSiblings]),
    ("src/auth/a.rs", "mod tests;", &[Rule::TestsAreSiblings]),
    ("src/auth/a.rs", "#[tokio::test] async fn f() {}", &[Rule::TestsAreSiblings]),
    ("testing/x/src/lib.rs", "#[cfg(test)] mod tests { }", &[Rule::TestsAreSiblings]),
    ("src/auth/utils.rs", "", &[Rule::ModulesHaveNames]),
    ("tests/common/mod.rs", "", &[Rule::ModulesHaveNames]),
    ("src/auth/a.rs", "mod helpers;", &[Rule::ModulesHaveNames]),
    ("src/auth/a.rs", "fn f( {", &[Rule::Unreadable]),
];

#[test]
fn each_wrong_snippet_is_named_by_its_rule() {
    for (path, source, expected) in LAYERS.iter().chain(SHAPES) {
        assert_eq!(rules(path, source), expected.iter().copied().collect(), "{path}: {source}");
    }
}

#[test]
fn no_right_snippet_is_refused() {
    for (path, source, _) in ALLOWED {
        assert_eq!(rules(path, source), BTreeSet::new(), "{path}: {source}");
    }
}

#[test]
fn sizes_are_counted() {
    let lines = |count: usize| "\n".repeat(count.saturating_sub(1));
    let body = |count: usize| format!("struct S;\nimpl S {{ fn f() {{{}}} }}", lines(count));
    for (path, source, expected) in [
        ("tests/a/main.rs", lines(400), vec![Rule::FilesAreShort]),
        ("tests/a/main.rs", lines(300), vec![]),
        ("src/auth/a.rs", body(60), vec![Rule::FunctionsAreShort]),
        ("src/auth/a.rs", body(59), vec![]),
        ("src/bin/a.rs", lines(121), vec![Rule::ProgramsAreThin]),
        ("src/bin/a.rs", lines(100), vec![]),
    ] {
        assert_eq!(
            rules(path, &source),
            expected.into_iter().collect(),
            "{path}: {} lines",
            source.lines().count()
        );
    }
}

#[test]
fn a_file_says_its_question_first() {
    let of = |path: &str, source: &str| -> Vec<Rule> {
        check(path, source).iter().map(|found| found.rule).collect()
    };
    assert_eq!(of("src/auth/a.rs", "struct S;"), [Rule::FilesSayTheirQuestion]);
    assert_eq!(of("src/auth/tests.rs", "struct S;"), []);
}

#[test]
fn every_rule_is_shown_to_fire() {
    let mut shown: BTreeSet<_> = LAYERS.iter().chain(SHAPES).flat_map(|case| case.2).copied().collect();
    // By the tests of their own above.
    shown.extend([
        Rule::FilesAreShort,
        Rule::FunctionsAreShort,
        Rule::ProgramsAreThin,
        Rule::FilesSayTheirQuestion,
    ]);
    assert_eq!(shown, Rule::ALL.into_iter().collect());
}

#[test]
fn a_message_says_where_what_and_what_to_do_instead() {
    let found = check("src/decision/a.rs", "//! A.\n\nfn f() { tokio::spawn(g()); }");
    let message = found[0].to_string();
    assert!(
        message.starts_with("src/decision/a.rs:3: [PureCore] mentions `tokio::spawn`. Instead: "),
        "{message}"
    );
}

/// The rules that a snippet breaks, its first line given.
fn rules(path: &str, source: &str) -> BTreeSet<Rule> {
    check(path, &format!("//! A snippet.\n{source}")).iter().map(|found| found.rule).collect()
}

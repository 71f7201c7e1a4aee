//! Who may know whom? One table: in these files, these paths are banned, except those.

use super::paths::Mention;
use super::violation::{Rule, Violation};

/// Readings of the wall clock.
const CLOCKS: &[&str] = &["std::time::SystemTime::now", "jiff::Timestamp::now", "jiff::Zoned::now"];

struct Layer {
    rule: Rule,
    holds_in: fn(&str) -> bool,
    banned: &'static [&'static str],
    except: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer {
        rule: Rule::PureCore,
        holds_in: is_pure,
        banned: &[
            "kube",
            "tokio",
            "tokio_util",
            "futures",
            "reqwest",
            "hyper",
            "axum",
            "tower",
            "rustls",
            "tracing",
            "tracing_subscriber",
            "log",
            "prometheus_client",
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
            "jiff::Timestamp::now",
            "jiff::Zoned::now",
            "crate::clock",
            "crate::cluster",
            "crate::emulator",
            "crate::telemetry",
            "crate::operator",
            "crate::auth::AuthClient",
            "crate::auth::client",
        ],
        // What the derive of the two kinds needs, and plain data.
        except: &[
            "kube::core",
            "kube::CustomResource",
            "kube::CustomResourceExt",
            "kube::KubeSchema",
            "kube::CELSchema",
            "kube::Resource",
            "kube::ResourceExt",
            "crate::operator::queue",
            "crate::operator::gate",
            "crate::operator::reads",
            "crate::operator::rights",
            "crate::operator::slots",
        ],
    },
    Layer { rule: Rule::OneClock, holds_in: |path| path != "src/clock.rs", banned: CLOCKS, except: &[] },
    Layer {
        rule: Rule::NobodySetsTheClock,
        holds_in: |_| true,
        banned: &["crate::clock::set_apart"],
        except: &[],
    },
    Layer {
        rule: Rule::AuthKnowsNoKubernetes,
        holds_in: |path| within(path, "auth"),
        banned: &["kube", "k8s_openapi", "crate::cluster", "crate::api"],
        except: &[],
    },
    Layer {
        rule: Rule::ClusterKnowsNoAuthentication,
        holds_in: |path| within(path, "cluster"),
        banned: &["crate::auth", "reqwest", "jsonwebtoken"],
        except: &[],
    },
    Layer {
        rule: Rule::KindsStayApart,
        holds_in: |path| within(path, "credential"),
        banned: &["crate::scoped_token"],
        except: &[],
    },
    Layer {
        rule: Rule::KindsStayApart,
        holds_in: |path| within(path, "scoped_token"),
        banned: &["crate::credential"],
        except: &[],
    },
    Layer {
        rule: Rule::EmulatorSharesWireOnly,
        holds_in: |path| within(path, "emulator"),
        banned: &["crate"],
        except: &["crate::auth::wire", "crate::clock", "crate::emulator"],
    },
];

/// Every mention that the file at `path` should not make.
pub(crate) fn check(path: &str, mentions: &[Mention]) -> Vec<Violation> {
    let mut found = Vec::new();
    for mention in mentions {
        let broken = LAYERS.iter().filter(|layer| (layer.holds_in)(path) && layer.bans(&mention.path));
        found.extend(broken.map(|layer| violation(path, mention, layer.rule)));
    }
    if !may_join(path) {
        let first = |side: &str| mentions.iter().find(|mention| hits(side, &mention.path));
        if let (Some(auth), Some(cluster)) = (first("crate::auth"), first("crate::cluster")) {
            let later = if auth.line > cluster.line { auth } else { cluster };
            found.push(violation(path, later, Rule::OnlyIssueAndLoopJoin));
        }
    }
    found
}

fn violation(path: &str, mention: &Mention, rule: Rule) -> Violation {
    Violation {
        path: path.into(),
        line: mention.line,
        rule,
        what: format!("mentions `{}`", mention.path.join("::")),
    }
}

impl Layer {
    fn bans(&self, path: &[String]) -> bool {
        let allowed = self.except.iter().any(|allowed| starts_with(path, allowed));
        !allowed && self.banned.iter().any(|banned| hits(banned, path))
    }
}

/// The path is the banned one, lies within it, or is a glob that brings it in.
fn hits(banned: &str, path: &[String]) -> bool {
    match path {
        [outer @ .., star] if star == "*" => {
            starts_with(path, banned)
                || banned.split("::").zip(outer).filter(|(a, b)| a == b).count() == outer.len()
        }
        _ => starts_with(path, banned),
    }
}

fn starts_with(path: &[String], prefix: &str) -> bool {
    let mut parts = path.iter();
    prefix.split("::").all(|wanted| parts.next().is_some_and(|part| part == wanted))
}

fn within(path: &str, module: &str) -> bool {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

fn is_pure(path: &str) -> bool {
    let is_a_line = path.strip_prefix("src/operator/").is_some_and(|inner| {
        ["queue", "gate", "reads", "slots", "rights"].iter().any(|line| inner.starts_with(line))
    });
    is_a_line || ["api", "decision", "state"].iter().any(|module| within(path, module))
}

fn may_join(path: &str) -> bool {
    let issue = |kind: &str| within(path, &format!("{kind}/issue"));
    within(path, "operator") || issue("credential") || issue("scoped_token")
}

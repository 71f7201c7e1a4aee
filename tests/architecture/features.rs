//! Would the tests compile the big dependencies a second time? Compares the features that the product alone asks for with
//! those of the whole workspace, tests included.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What takes long to compile, and so must be the same crate with the same features, all the way down, in both.
const COMPILED_ONCE: &[&str] =
    &["kube", "k8s-openapi", "reqwest", "axum", "tokio", "rustls", "aws-lc-rs", "schemars"];

#[test]
fn tests_add_no_feature_to_what_takes_long_to_compile() -> Result<(), String> {
    let product = tree(&["-p", "rocketlawyer-operator", "-e", "normal,build"])?;
    let everything = tree(&["--workspace", "-e", "normal,build,dev"])?;
    for name in COMPILED_ONCE {
        let (alone, together) = (below(&product, name), below(&everything, name));
        if alone.is_empty() {
            return Err(format!("{name} is no dependency any more: take it off the list"));
        }
        let differs = difference(&alone, &together);
        if !differs.is_empty() {
            return Err(format!(
                "{name} would be compiled twice, because a dev-dependency or another member of the workspace asks for further \
                 features. Ask for fewer there (`default-features = false`), or for the same in [dependencies]:\n{}",
                differs.join("\n")
            ));
        }
    }
    Ok(())
}

#[test]
fn a_further_feature_is_seen() {
    let alone = "0kube v5.0.0 client\n1tokio v1.0.0 rt\n0axum v0.8.0 http1\n";
    let together = "0kube v5.0.0 client\n1tokio v1.0.0 rt,test-util\n0axum v0.8.0 http1\n";
    assert_eq!(difference(&below(alone, "kube"), &below(together, "kube")).len(), 1);
    assert!(difference(&below(alone, "axum"), &below(together, "axum")).is_empty());
}

type Features = BTreeMap<String, BTreeSet<String>>;

/// `cargo tree`, each line with its depth: `1tokio v1.0.0 rt,net`.
fn tree(which: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--no-dedupe", "--prefix", "depth", "-f", "{p} {f}"])
        .args(which)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("cargo tree does not start: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The crate of that name and everything below it, with the features of each.
fn below(tree: &str, name: &str) -> Features {
    let mut found = Features::new();
    let mut inside = None;
    for line in tree.lines() {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(depth) = line[..digits].parse::<usize>() else {
            continue;
        };
        let mut words = line[digits..].splitn(3, ' ');
        let (package, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if inside.is_some_and(|top| depth <= top) {
            inside = None;
        }
        if inside.is_none() && package == name {
            inside = Some(depth);
        }
        if inside.is_some() {
            let features = words.next().unwrap_or_default().replace("(proc-macro)", "");
            let of_package = found.entry(format!("{package} {version}")).or_default();
            of_package.insert(features.trim().to_owned());
        }
    }
    found
}

fn difference(alone: &Features, together: &Features) -> Vec<String> {
    let mut differs = Vec::new();
    for (package, features) in alone {
        if together.get(package) != Some(features) {
            differs.push(format!("  {package}: {features:?} and {:?}", together.get(package)));
        }
    }
    differs
}

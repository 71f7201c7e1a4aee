//! Is the repository fit to be cloned elsewhere? Lists its files, and looks for paths of one machine in them.

use std::path::Path;
use std::process::Command;

/// Files that git knows or would add, relative to the root.
pub(crate) fn files() -> Result<Vec<String>, String> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git, which lists the files to check, does not start: {error}"))?;
    if !listing.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr)));
    }
    let names = String::from_utf8_lossy(&listing.stdout);
    let present = |name: &&str| !name.is_empty() && root().join(name).is_file();
    Ok(names.split('\0').filter(present).map(str::to_owned).collect())
}

/// The text of one of them.
pub(crate) fn read(file: &str) -> Result<String, String> {
    let bytes = std::fs::read(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first path of one machine in a text: the line's number and the line.
fn machine_path(text: &str) -> Option<(usize, &str)> {
    // In two pieces, so that this file does not contain them.
    let homes = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
    let starts_a_path = |line: &str, at: usize| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "}*.-_~+".contains(before))
    };
    let shows =
        |line: &str| homes.iter().any(|home| line.match_indices(home).any(|(at, _)| starts_a_path(line, at)));
    text.lines().enumerate().find(|(_, line)| shows(line)).map(|(number, line)| (number + 1, line))
}

#[test]
fn no_file_names_a_path_of_one_machine() -> Result<(), String> {
    for file in files()? {
        if let Some((number, line)) = machine_path(&read(&file)?) {
            return Err(format!(
                "{file}:{number}: `{line}` names a path of one machine: make it relative, or ask the environment"
            ));
        }
    }
    Ok(())
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() -> Result<(), String> {
    let manifests: Vec<_> = files()?.into_iter().filter(|file| file.ends_with("Cargo.toml")).collect();
    for file in &manifests {
        if !read(file)?.contains("\n[lints]\nworkspace = true\n") {
            return Err(format!(
                "{file}: add `[lints]` with `workspace = true`, or nothing is refused in it"
            ));
        }
    }
    assert!(manifests.len() > 1, "only {manifests:?} was read");
    Ok(())
}

/// A lock file that is out of date is an error there, and not silently written anew.
#[test]
fn what_resolves_dependencies_in_make_and_ci_is_locked() -> Result<(), String> {
    let resolves = ["build", "test", "clippy", "doc", "metadata", "clean"];
    for file in ["Makefile", ".ci/run", "scripts/lint-proof"] {
        for line in read(file)?.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let unlocked = resolves.iter().any(|it| line.contains(&format!("cargo {it} ")))
                && !line.contains("--locked");
            assert!(!unlocked, "{file}: write cargo … --locked: {line}");
        }
    }
    Ok(())
}

#[test]
fn a_path_of_one_machine_is_recognised() {
    let home = concat!("/wo", "rk/");
    assert_eq!(machine_path(&format!("fine\nlet x = \"{home}x\";")).map(|(line, _)| line), Some(2));
    assert!(machine_path(&format!("PATH={home}bin")).is_some());
    assert!(machine_path("https://example.com/docs/wo".to_owned().as_str()).is_none());
    assert!(machine_path(&format!("https://example.com{home}x")).is_none(), "part of a longer path");
}

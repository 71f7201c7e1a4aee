//! Does the code keep the shape that ARCHITECTURE.md gives it? Reads every Rust file with a parser; a message names the
//! rule and says what to do instead.

mod documents;
mod features;
mod layers;
mod paths;
mod programs;
mod repository;
mod shape;
mod situations;
mod snippets;
mod violation;

use std::path::Path;

use violation::Violation;

/// Every rule, on one file. `path` is relative to the repository's root.
fn check(path: &str, source: &str) -> Vec<Violation> {
    let mut found = shape::check_text(path, source);
    match syn::parse_file(source) {
        Ok(file) => {
            found.extend(shape::check_syntax(path, &file));
            if path.starts_with("src/") && !shape::is_test_file(path) {
                found.extend(layers::check(path, &paths::mentioned(path, &file)));
            }
        }
        Err(error) => found.push(Violation {
            path: path.into(),
            line: error.span().start().line,
            rule: violation::Rule::Unreadable,
            what: error.to_string(),
        }),
    }
    found
}

#[test]
fn every_rust_file_keeps_the_rules() -> Result<(), String> {
    let files = repository::files()?;
    let is_rust = |file: &&String| Path::new(file).extension().is_some_and(|extension| extension == "rs");
    let rust: Vec<_> = files.iter().filter(is_rust).collect();
    for expected in ["src/lib.rs", "src/clock.rs", "tests/architecture/main.rs"] {
        if !rust.iter().any(|file| *file == expected) {
            return Err(format!("{expected} was not among the {} files read", rust.len()));
        }
    }
    let mut found = Vec::new();
    for file in rust {
        found.extend(check(file, &repository::read(file)?));
    }
    report(&found)
}

fn report(found: &[Violation]) -> Result<(), String> {
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    Err(format!("{} violations\n{}", found.len(), lines.join("\n")))
}

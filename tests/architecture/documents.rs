//! Do the documents name what is there? Follows every relative link in a Markdown file.

use std::path::{Component, Path, PathBuf};

use super::repository;

#[test]
fn every_file_that_a_document_links_to_is_there() -> Result<(), String> {
    let files = repository::files()?;
    let mut followed = 0;
    for document in files.iter().filter(|file| Path::new(file).extension().is_some_and(|it| it == "md")) {
        let text = repository::read(document)?;
        for link in links(&text) {
            followed += 1;
            let target = target(document, link);
            let is_there = |file: &String| Path::new(file).starts_with(&target);
            if !files.iter().any(is_there) {
                return Err(format!("{document} links to {link}, which is not there: correct the link"));
            }
        }
    }
    assert!(followed > 20, "only {followed} links were followed");
    Ok(())
}

#[test]
fn links_are_found_and_followed() {
    let text = "[a](b.md), [c](../d#e), [f](https://example.com/g.md), [h](#i) and a_call(x)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["b.md", "../d#e"]);
    assert_eq!(target("docs/a.md", "../d#e"), Path::new("d"));
    assert_eq!(target("README.md", "src/api"), Path::new("src/api"));
}

/// What stands in `](…)`, but for other sites and places in the same document.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
}

/// Relative to the repository's root, without the place in the document.
fn target(document: &str, link: &str) -> PathBuf {
    let file = link.split('#').next().unwrap_or_default();
    let joined = Path::new(document).with_file_name(file);
    let mut clean = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

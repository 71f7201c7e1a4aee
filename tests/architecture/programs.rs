//! Which tests does a test program have? Follows its modules from the first file with a parser, and names each test as the
//! runner prints it.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::{repository, shape};

/// Every test of `lib`, or of the program of that name in `tests/`.
pub(crate) fn tests(program: &str) -> Result<BTreeSet<String>, String> {
    let (folder, file) = (format!("tests/{program}/main.rs"), format!("tests/{program}.rs"));
    let roots = if program == "lib" { vec!["src/lib.rs".to_owned()] } else { vec![folder, file] };
    let files = repository::files()?;
    let Some(root) = roots.iter().find(|root| files.contains(root)) else {
        return Err(format!("there is no test program {program}: it would begin in {}", roots.join(" or ")));
    };
    let mut found = BTreeSet::new();
    read(root, "", &files, &mut found)?;
    Ok(found)
}

/// The tests of a file that is module `module`, and of the modules below it.
fn read(path: &str, module: &str, files: &[String], found: &mut BTreeSet<String>) -> Result<(), String> {
    let source = repository::read(path)?;
    let file = syn::parse_file(&source).map_err(|error| format!("{path}: {error}"))?;
    found.extend(in_items(&file.items).into_iter().map(|name| format!("{module}{name}")));
    for item in &file.items {
        let syn::Item::Mod(inner) = item else { continue };
        let is_elsewhere = inner.attrs.iter().any(|it| it.path().is_ident("path"));
        if inner.content.is_some() || is_elsewhere {
            continue;
        }
        let inside = places(path, module.is_empty(), &inner.ident.to_string());
        let Some(place) = inside.iter().find(|place| files.contains(place)) else {
            return Err(format!("{path} declares `mod {}`, which is in none of {inside:?}", inner.ident));
        };
        read(place, &format!("{module}{}::", inner.ident), files, found)?;
    }
    Ok(())
}

/// Where a module that the file declares may be. The first file of a program holds its folder, as `mod.rs` does.
fn places(path: &str, is_first: bool, module: &str) -> [String; 2] {
    let path = Path::new(path);
    let holds_its_folder = is_first || path.ends_with("mod.rs");
    let folder = if holds_its_folder { path.with_file_name("") } else { path.with_extension("") };
    let folder = folder.display().to_string();
    let folder = folder.trim_end_matches('/');
    [format!("{folder}/{module}.rs"), format!("{folder}/{module}/mod.rs")]
}

fn in_items(items: &[syn::Item]) -> Vec<String> {
    let mut found = Vec::new();
    for item in items {
        match item {
            syn::Item::Fn(it) if it.attrs.iter().any(shape::is_test) => found.push(it.sig.ident.to_string()),
            syn::Item::Macro(it) if it.mac.path.segments.last().is_some_and(|it| it.ident == "proptest") => {
                found.extend(in_tokens(it.mac.tokens.clone()));
            }
            _ => {}
        }
    }
    found
}

/// What follows each `fn` of a macro that holds functions.
fn in_tokens(tokens: TokenStream) -> Vec<String> {
    let all: Vec<_> = tokens.into_iter().collect();
    let names = all.windows(2).filter_map(|pair| match pair {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "fn" => Some(name.to_string()),
        _ => None,
    });
    names.collect()
}

#[test]
fn tests_are_named_as_the_runner_prints_them() -> Result<(), String> {
    let here = tests("architecture")?;
    assert!(here.contains("programs::tests_are_named_as_the_runner_prints_them"), "{here:?}");
    assert!(here.contains("every_rust_file_keeps_the_rules"), "{here:?}");
    assert!(!here.iter().any(|name| name.ends_with("in_items")), "{here:?}");
    assert!(
        tests("api_server")?.contains("admission::every_rule_refuses_what_it_is_for_with_its_own_sentence")
    );
    let lib = tests("lib")?;
    assert!(lib.contains("token::tests::nothing_printed_reveals_a_token"), "in proptest!");
    assert!(lib.contains("operator::gate::tests::rate::a_gate_begins_empty"));
    assert!(tests("nowhere").is_err());
    Ok(())
}

//! Is the page *What happens when …* true? Every test that it names exists, every reason is one, and every sentence is one
//! that the code prints.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use rocketlawyer_operator::api::Reason;

use super::{programs, repository};

const PAGE: &str = "docs/what-happens-when.md";
const SENTENCES: &str = "src/decision/message.rs";
const HEADER: &str = "| what happens |";
/// Said in the second column, and no reasons.
const OTHER_WORDS: &[&str] = &["CredentialsValid"];
/// A page with fewer rows was not understood.
const FEWEST_ROWS: usize = 50;

/// One situation: its cells, without the footnotes of the first.
struct Row {
    cells: Vec<String>,
    notes: Vec<String>,
}

/// The rows, and what each footnote names: program and test.
struct Page {
    rows: Vec<Row>,
    notes: BTreeMap<String, Vec<(String, String)>>,
}

#[test]
fn every_situation_names_tests_that_exist() -> Result<(), String> {
    let page = read(&repository::read(PAGE)?)?;
    assert!(page.rows.len() >= FEWEST_ROWS, "only {} rows", page.rows.len());
    let mut known = BTreeMap::new();
    for (program, _) in page.notes.values().flatten() {
        if !known.contains_key(program) {
            known.insert(program.clone(), programs::tests(program)?);
        }
    }
    all_hold(&page, |row| tests_of(&page, row, &known))
}

#[test]
fn every_situation_says_reasons_that_there_are() -> Result<(), String> {
    all_hold(&read(&repository::read(PAGE)?)?, reasons_of)
}

#[test]
fn every_sentence_is_one_that_the_code_prints() -> Result<(), String> {
    let source = repository::read(SENTENCES)?;
    let tokens: TokenStream = source.parse().map_err(|error| format!("{SENTENCES}: {error}"))?;
    let mut printed = Vec::new();
    literals(tokens, &mut printed);
    let page = read(&repository::read(PAGE)?)?;
    let said: usize = page.rows.iter().map(|row| sentences(&row.cells[1]).count()).sum();
    assert!(said >= FEWEST_ROWS / 2, "only {said} sentences");
    all_hold(&page, |row| match sentences(&row.cells[1]).find(|it| !is_printed(it, &printed)) {
        Some(sentence) => Err(format!("`{sentence}` is not in {SENTENCES}")),
        None => Ok(()),
    })
}

#[test]
fn what_is_wrong_on_the_page_is_seen() {
    let table = |says: &str, note: &str| {
        format!("{HEADER} says | does | do |\n|---|---|---|---|\n| A[^a] | {says} | does | do |\n\n{note}\n")
    };
    let note = "[^a]: `lib` `x::good`, `operator` `y::good`";
    let known = |program: &str| (program.to_owned(), BTreeSet::from(["x::good".into(), "y::good".into()]));
    let known = BTreeMap::from([known("lib"), known("operator")]);
    let check = |text: &str| {
        let page = read(text)?;
        all_hold(&page, |row| tests_of(&page, row, &known).and_then(|()| reasons_of(row)))
    };
    assert_eq!(check(&table("`Issued` *A good word.*", note)), Ok(()));
    for (wrong, named) in [
        (table("`Isued`", note), "`Isued` is no reason"),
        (table("nothing at all", note), "no reason"),
        (table("`Issued`", "[^a]: `lib` `x::bad`"), "`x::bad`"),
        (table("`Issued`", "[^a]: see the tests"), "program and test"),
        (table("`Issued`", "[^b]: `lib` `x::good`"), "[^a]"),
        (table("`Issued`", &format!("{note}\n[^b]: `lib` `x::good`")), "[^b]"),
        (table("`Issued`", "").replace("A[^a]", "A"), "names no test"),
        (table("`Issued`", note).replace(" do |\n\n", "\n\n"), "cells"),
    ] {
        let said = check(&wrong).expect_err(&wrong);
        assert!(said.contains(named), "{said} does not name {named}");
    }
    let printed = [shown("Secret \"{secret}\" is {0}. Go on.")];
    assert!(is_printed("Secret \"…\" is …. Go on.", &printed) && is_printed("is …. Go on.", &printed));
    assert!(!is_printed("Secret \"a\" is …. Go on.", &printed) && !is_printed("…", &printed));
}

fn tests_of(page: &Page, row: &Row, known: &BTreeMap<String, BTreeSet<String>>) -> Result<(), String> {
    if row.notes.is_empty() {
        return Err("names no test: add a footnote to its first cell".to_owned());
    }
    for note in &row.notes {
        for (program, test) in &page.notes[note] {
            if !known.get(program).is_some_and(|tests| tests.contains(test)) {
                return Err(format!("{program} has no test `{test}`"));
            }
        }
    }
    Ok(())
}

fn reasons_of(row: &Row) -> Result<(), String> {
    let said = &row.cells[1];
    for word in spans(said, '`') {
        let is_a_word = word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
        if is_a_word && Reason::parse(word).is_none() && !OTHER_WORDS.contains(&word) {
            return Err(format!("`{word}` is no reason of src/api/reason.rs"));
        }
    }
    let says_one = spans(said, '`').any(|word| Reason::parse(word).is_some());
    let says_nothing_new = ["what it said before", "nothing: ", "what is true"];
    if says_one || says_nothing_new.iter().any(|begin| said.starts_with(begin)) {
        Ok(())
    } else {
        Err("says no reason".to_owned())
    }
}

fn all_hold(page: &Page, holds: impl Fn(&Row) -> Result<(), String>) -> Result<(), String> {
    let wrong: Vec<_> = page
        .rows
        .iter()
        .filter_map(|row| holds(row).err().map(|why| format!("{PAGE}: {}: {why}", row.cells[0])))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Reads the tables of situations and the footnotes; each of these leads to the other.
fn read(text: &str) -> Result<Page, String> {
    let mut page = Page { rows: Vec::new(), notes: BTreeMap::new() };
    let mut in_table = false;
    for line in text.lines() {
        if line.starts_with(HEADER) {
            in_table = true;
        } else if let Some((name, named)) = line.strip_prefix("[^").and_then(|rest| rest.split_once("]: ")) {
            let words: Vec<_> = spans(named, '`').map(str::to_owned).collect();
            if words.is_empty() || words.len() % 2 == 1 {
                return Err(format!("{PAGE}: [^{name}] is to name program and test, both as code"));
            }
            let pairs = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            page.notes.insert(name.to_owned(), pairs);
        } else if !line.starts_with('|') {
            in_table = false;
        } else if in_table && !line.starts_with("|-") {
            page.rows.push(row(line)?);
        }
    }
    let used: BTreeSet<_> = page.rows.iter().flat_map(|row| &row.notes).collect();
    let there: BTreeSet<_> = page.notes.keys().collect();
    match used.symmetric_difference(&there).next() {
        Some(alone) => {
            Err(format!("{PAGE}: [^{alone}] is used and not explained, or explained and not used"))
        }
        None => Ok(page),
    }
}

fn row(line: &str) -> Result<Row, String> {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    if cells.len() != 4 || cells.iter().any(String::is_empty) {
        return Err(format!("{PAGE}: {line} has {} cells, or an empty one", cells.len()));
    }
    let mut parts = cells[0].split("[^");
    let what = parts.next().unwrap_or_default().to_owned();
    let notes = parts.map(|part| part.trim_end_matches(']').to_owned()).collect();
    Ok(Row { cells: [what].into_iter().chain(cells.into_iter().skip(1)).collect(), notes })
}

/// What stands between two of these.
fn spans(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

fn sentences(cell: &str) -> impl Iterator<Item = &str> {
    spans(cell, '*')
}

/// A sentence, or part of one, as a person sees it: with dots where names and instants stand.
fn is_printed(sentence: &str, printed: &[String]) -> bool {
    sentence.chars().filter(|c| c.is_alphabetic()).count() > 5
        && printed.iter().any(|it| it.contains(sentence))
}

/// Every text in the code, with dots for what is filled in.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push(shown(&text.value()));
                }
            }
            _ => {}
        }
    }
}

fn shown(format: &str) -> String {
    let mut parts = format.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "…" + part.split_once('}').map_or("", |(_, rest)| rest))
}

//! Are files, functions and modules of a size and name that a reader can hold?

use syn::visit::{self, Visit};

use super::violation::{Rule, Violation};

const LINES_OF_A_FILE: usize = 400;
const LINES_OF_A_FUNCTION: usize = 60;
/// Its flags, each documented, and the call.
const LINES_OF_A_PROGRAM: usize = 120;
const NAMES_THAT_SAY_NOTHING: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "misc", "manager", "managers"];

/// What can be told from path and lines.
pub(crate) fn check_text(path: &str, source: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut breach = |line, rule, what: String| {
        found.push(Violation { path: path.into(), line, rule, what });
    };
    let lines = source.lines().count();
    if lines >= LINES_OF_A_FILE {
        breach(lines, Rule::FilesAreShort, format!("has {lines} lines"));
    }
    if path.starts_with("src/bin/") && lines >= LINES_OF_A_PROGRAM {
        breach(lines, Rule::ProgramsAreThin, format!("has {lines} lines"));
    }
    if path.starts_with("src/") && !is_test_file(path) && !source.starts_with("//! ") {
        breach(1, Rule::FilesSayTheirQuestion, "begins without a `//!` sentence".into());
    }
    for part in path.trim_end_matches(".rs").split('/') {
        if NAMES_THAT_SAY_NOTHING.contains(&part) {
            breach(1, Rule::ModulesHaveNames, format!("is named `{part}`"));
        }
    }
    found
}

/// What can be told from the parsed file.
pub(crate) fn check_syntax(path: &str, file: &syn::File) -> Vec<Violation> {
    let mut reader =
        Reader { path, tests_belong_here: is_test_file(path) || !path.contains("src/"), found: Vec::new() };
    reader.visit_file(file);
    reader.found
}

/// `tests.rs`, or anything in a directory named `tests`.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

struct Reader<'a> {
    path: &'a str,
    tests_belong_here: bool,
    found: Vec<Violation>,
}

impl Reader<'_> {
    fn breach(&mut self, line: usize, rule: Rule, what: String) {
        let path = self.path.to_owned();
        self.found.push(Violation { path, line, rule, what });
    }

    fn check_function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let lines = block.brace_token.span.close().end().line + 1 - first;
        if lines >= LINES_OF_A_FUNCTION {
            let what = format!("`{}` has {lines} lines", signature.ident);
            self.breach(first, Rule::FunctionsAreShort, what);
        }
    }

    fn check_module(&mut self, module: &syn::ItemMod) {
        let (name, line) = (module.ident.to_string(), module.ident.span().start().line);
        if NAMES_THAT_SAY_NOTHING.contains(&name.as_str()) {
            self.breach(line, Rule::ModulesHaveNames, format!("has a module named `{name}`"));
        }
        if self.tests_belong_here {
            return;
        }
        let only_for_tests = module.attrs.iter().any(is_cfg_test);
        if module.content.is_some() && (only_for_tests || name == "tests") {
            self.breach(line, Rule::TestsAreSiblings, format!("holds the body of `mod {name}`"));
        } else if name == "tests" && !only_for_tests {
            self.breach(line, Rule::TestsAreSiblings, "declares `mod tests` without `#[cfg(test)]`".into());
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let test = function.attrs.iter().find(|attribute| is_test(attribute));
        if let Some(test) = test.filter(|_| !self.tests_belong_here) {
            let line = test.pound_token.span.start().line;
            self.breach(line, Rule::TestsAreSiblings, format!("holds the test `{}`", function.sig.ident));
        }
        self.check_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.check_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.check_function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.check_module(module);
        visit::visit_item_mod(self, module);
    }
}

/// `#[test]`, `#[tokio::test]` and the like.
pub(crate) fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|part| part.ident == "test")
}

/// `#[cfg(test)]`, alone or among other conditions.
fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    list.path.is_ident("cfg")
        && list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
}

//! Which paths does a file mention, written out from the crate's root? Reads `use` trees (nested, grouped, renamed, globs),
//! paths in code, types and attributes, and the tokens inside macros; resolves `self`, `super` and the file's own imports.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The name of the library as its own programs see it.
const LIBRARY: &str = "rocketlawyer_operator";

/// A path from the crate's root (`crate::auth::wire`) or an external crate's (`kube::Client`); a glob ends in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Every path that the file at `path` mentions.
pub(crate) fn mentioned(path: &str, file: &syn::File) -> Vec<Mention> {
    let mut imports = Reader::new(path, Pass::Imports);
    imports.visit_file(file);
    let mut reader = Reader {
        imported: imports.imported,
        modules: imports.modules,
        ..Reader::new(path, Pass::Everything)
    };
    reader.visit_file(file);
    reader.mentions
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Imports,
    Everything,
}

/// A segment and its line.
type Part = (String, usize);

struct Reader {
    pass: Pass,
    /// Where the reader is, as a path from `crate`.
    module: Vec<String>,
    /// Names that the file's imports bring in, and what they stand for.
    imported: BTreeMap<String, Vec<String>>,
    /// Modules that the file declares, as paths from `crate`.
    modules: Vec<Vec<String>>,
    mentions: Vec<Mention>,
}

impl Reader {
    fn new(path: &str, pass: Pass) -> Self {
        Self {
            pass,
            module: module_of(path),
            imported: BTreeMap::new(),
            modules: Vec::new(),
            mentions: Vec::new(),
        }
    }

    fn import(&mut self, tree: &syn::UseTree, prefix: &[String], global: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                let mut longer = prefix.to_vec();
                longer.push(path.ident.to_string());
                self.import(&path.tree, &longer, global);
            }
            syn::UseTree::Group(group) => {
                for item in &group.items {
                    self.import(item, prefix, global);
                }
            }
            syn::UseTree::Name(name) => self.bring_in(&name.ident, &name.ident, prefix, global),
            syn::UseTree::Rename(rename) => self.bring_in(&rename.ident, &rename.rename, prefix, global),
            syn::UseTree::Glob(glob) => {
                let mut all = prefix.to_vec();
                all.push("*".into());
                let line = glob.star_token.spans[0].start().line;
                self.mention(all, line, global);
            }
        }
    }

    /// `use prefix::item as name`.
    fn bring_in(&mut self, item: &Ident, name: &Ident, prefix: &[String], global: bool) {
        let mut path = prefix.to_vec();
        let (item, mut name, line) = (item.to_string(), name.to_string(), item.span().start().line);
        if item != "self" || prefix.is_empty() {
            path.push(item);
        } else if name == "self" {
            name = prefix.last().cloned().unwrap_or_default();
        }
        if self.pass == Pass::Imports {
            let resolved = self.resolve(path, global);
            if resolved.last() != Some(&name) || resolved.len() > 1 {
                self.imported.insert(name, resolved);
            }
        } else {
            self.mention(path, line, global);
        }
    }

    fn mention(&mut self, path: Vec<String>, line: usize, global: bool) {
        if self.pass == Pass::Everything {
            let path = self.resolve(path, global);
            self.mentions.push(Mention { path, line });
        }
    }

    /// From the crate's root, as far as this file can tell.
    fn resolve(&self, path: Vec<String>, global: bool) -> Vec<String> {
        let Some(first) = path.first() else { return path };
        let rest = || path[1..].iter().cloned();
        match first.as_str() {
            _ if global => path,
            "crate" => path,
            LIBRARY => std::iter::once("crate".to_owned()).chain(rest()).collect(),
            "self" => self.module.iter().cloned().chain(rest()).collect(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let kept = self.module.len().saturating_sub(ups).max(1);
                let up = self.module[..kept].iter().cloned();
                up.chain(path[ups..].iter().cloned()).collect()
            }
            name => {
                let child: Vec<_> = self.module.iter().cloned().chain([name.to_owned()]).collect();
                if self.modules.contains(&child) {
                    return child.into_iter().chain(rest()).collect();
                }
                match self.imported.get(name) {
                    Some(stands_for) => stands_for.iter().cloned().chain(rest()).collect(),
                    None => path,
                }
            }
        }
    }

    /// Paths in what only a macro will read: identifiers joined by `::`, after `prefix` (of a `use` group).
    fn scan(&mut self, tokens: TokenStream, prefix: &[Part]) {
        let mut path = prefix.to_vec();
        let mut colons = 0;
        let mut after_dot = false;
        for token in tokens {
            let continues = colons == 2 && !path.is_empty();
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if !continues {
                        self.scanned(&mut path, prefix);
                    }
                    if !after_dot {
                        path.push((ident.to_string(), ident.span().start().line));
                    }
                    after_dot = false;
                }
                TokenTree::Punct(punct) => {
                    if punct.as_char() == '*' && continues {
                        path.push(("*".into(), punct.span().start().line));
                    }
                    self.scanned(&mut path, prefix);
                    after_dot = punct.as_char() == '.';
                }
                TokenTree::Group(group) => {
                    let outer = if continues { std::mem::take(&mut path) } else { Vec::new() };
                    self.scanned(&mut path, prefix);
                    self.scan(group.stream(), &outer);
                    path = prefix.to_vec();
                    after_dot = false;
                }
                TokenTree::Literal(_) => self.scanned(&mut path, prefix),
            }
            colons = 0;
        }
        self.scanned(&mut path, prefix);
    }

    /// One path is complete; the next begins with `prefix`.
    fn scanned(&mut self, path: &mut Vec<Part>, prefix: &[Part]) {
        if path.len() > prefix.len().max(1) {
            let line = path[path.len() - 1].1;
            self.mention(path.iter().map(|(part, _)| part.clone()).collect(), line, false);
        }
        *path = prefix.to_vec();
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[], item.leading_colon.is_some());
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
        self.bring_in(&item.ident, name, &[], true);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        if self.pass == Pass::Imports {
            self.modules.push(self.module.clone());
        }
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let parts = path.segments.iter().map(|part| part.ident.to_string()).collect();
            let line = path.segments[0].ident.span().start().line;
            self.mention(parts, line, path.leading_colon.is_some());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.scan(call.tokens.clone(), &[]);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        visit::visit_meta_list(self, list);
        self.scan(list.tokens.clone(), &[]);
    }
}

/// `src/decision/kind.rs` is `crate::decision::kind`; a program's own root is `crate` too.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module = vec!["crate".to_owned()];
    if !inner.starts_with("bin/") {
        module.extend(inner.split('/').map(str::to_owned));
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
    }
    module
}

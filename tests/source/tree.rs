//! The source as a tree of modules, parsed, with each path resolved to what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, UseTree};

/// A path without its separators: `["http", "server"]`.
pub(crate) type Name = Vec<String>;

/// A module that has a file of its own.
pub(crate) struct Module {
    /// The file, below `src`.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// Where it stands in the crate. Both `lib.rs` and `main.rs` are roots.
    pub(crate) name: Name,
    /// Whether it, or a module above it, is compiled for tests only.
    pub(crate) is_test: bool,
    /// What `use` and `mod` bring into scope: a name, and the path that it stands for.
    scope: BTreeMap<String, Name>,
    /// Every path outside of tests, as it is written; a macro's name ends in `!`.
    written: BTreeSet<Name>,
    /// What those paths name: `std` (also for `core` and `alloc`), a crate, or `crate` and the
    /// module that has the item.
    pub(crate) named: BTreeSet<Name>,
}

/// The whole crate.
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
    /// Files that no `mod` reaches.
    pub(crate) dead: Vec<String>,
}

/// All Rust files below a folder, by their paths from there.
pub(crate) fn read(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

impl Tree {
    /// Follows `mod` from the roots.
    pub(crate) fn parse(mut files: BTreeMap<String, String>) -> Self {
        let mut modules: Vec<Module> = Vec::new();
        let mut queue = vec![
            ("main.rs".to_owned(), Name::new(), false),
            ("lib.rs".to_owned(), Name::new(), false),
        ];
        while let Some((file, name, is_test)) = queue.pop() {
            // A file that is missing is the compiler's to report.
            let Some(text) = files.remove(&file) else {
                continue;
            };
            let module = Module::parse(file, text, name, is_test);
            queue.extend(module.children(&files));
            modules.push(module);
        }
        let dead = files.into_keys().collect();
        let mut tree = Self { modules, dead };
        let resolve = |module: &Module| {
            let paths = module.written.iter().cloned();
            paths.map(|path| tree.resolve(path, module, 0)).collect()
        };
        let named: Vec<BTreeSet<Name>> = tree.modules.iter().map(resolve).collect();
        for (module, named) in tree.modules.iter_mut().zip(named) {
            module.named = named;
        }
        tree
    }

    fn resolve(&self, path: Name, from: &Module, depth: usize) -> Name {
        let Some((first, rest)) = path.split_first() else {
            return path;
        };
        let inside = match first.as_str() {
            // Two names may stand for each other.
            _ if depth > 16 => return path,
            "core" | "alloc" | "std" => return [&["std".to_owned()], rest].concat(),
            "crate" | "hullo" => rest.to_vec(),
            "self" => [&from.name, rest].concat(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let above = from.name.len().saturating_sub(ups);
                [&from.name[..above], &path[ups..]].concat()
            }
            _ => match from.scope.get(first) {
                Some(stands_for) if stands_for.first() != Some(first) => {
                    let path = [stands_for, rest].concat();
                    return self.resolve(path, from, depth + 1);
                }
                _ => return path,
            },
        };
        let owner = self.owner(&inside);
        let next = inside.get(owner.name.len());
        match next.and_then(|next| Some((next, owner.scope.get(next)?))) {
            // A re-export. (A module without a file is part of its owner.)
            Some((next, stands_for)) if stands_for[..] != ["self", next] => {
                let path = [stands_for, &inside[owner.name.len() + 1..]].concat();
                self.resolve(path, owner, depth + 1)
            }
            _ => [vec!["crate".to_owned()], inside].concat(),
        }
    }

    /// The innermost module on a path from the root.
    pub(crate) fn owner(&self, path: &[String]) -> &Module {
        let modules = self
            .modules
            .iter()
            .filter(|module| module.file != "main.rs");
        let above = modules.filter(|module| path.starts_with(&module.name));
        above.max_by_key(|module| module.name.len()).unwrap()
    }
}

impl Module {
    fn parse(file: String, text: String, name: Name, is_test: bool) -> Self {
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut paths = Paths::default();
        if !is_test {
            paths.visit_file(&syntax);
        }
        Self {
            file,
            text,
            syntax,
            name,
            is_test,
            scope: paths.scope,
            written: paths.written,
            named: BTreeSet::new(),
        }
    }

    /// The modules that it declares with a `;`: file, name, and whether they are for tests only.
    fn children(&self, files: &BTreeMap<String, String>) -> Vec<(String, Name, bool)> {
        let folder = match self.file.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => String::new(),
        };
        let is_folder = ["mod.rs", "lib.rs", "main.rs"]
            .iter()
            .any(|end| self.file.ends_with(end));
        let below = match self.file.strip_suffix(".rs") {
            Some(stem) if !is_folder => format!("{stem}/"),
            _ => folder.clone(),
        };
        let mut children = Vec::new();
        for item in &self.syntax.items {
            let Item::Mod(item) = item else { continue };
            if item.content.is_some() {
                continue;
            }
            let ident = item.ident.to_string();
            let file = match item.attrs.iter().find_map(path_of) {
                Some(path) => format!("{folder}{path}"),
                None if files.contains_key(&format!("{below}{ident}.rs")) => {
                    format!("{below}{ident}.rs")
                }
                None => format!("{below}{ident}/mod.rs"),
            };
            let name = [&self.name[..], &[ident]].concat();
            children.push((file, name, self.is_test || is_for_tests(&item.attrs)));
        }
        children
    }
}

/// The value of `#[path = "..."]`.
fn path_of(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    match &meta.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(path),
            ..
        }) if meta.path.is_ident("path") => Some(path.value()),
        _ => None,
    }
}

/// Whether there is a `#[cfg(test)]`.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

/// The attributes of an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Collects the paths of a file, without those of its tests.
#[derive(Default)]
struct Paths {
    scope: BTreeMap<String, Name>,
    written: BTreeSet<Name>,
}

impl Paths {
    fn import(&mut self, tree: &UseTree, prefix: &Name) {
        let with = |ident: &syn::Ident| match ident.to_string() {
            ident if ident == "self" => prefix.clone(),
            ident => [&prefix[..], &[ident]].concat(),
        };
        let (path, alias) = match tree {
            UseTree::Path(tree) => return self.import(&tree.tree, &with_part(prefix, &tree.ident)),
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.import(tree, prefix));
            }
            UseTree::Glob(_) => ([&prefix[..], &["*".to_owned()]].concat(), None),
            UseTree::Name(tree) => (with(&tree.ident), with(&tree.ident).pop()),
            UseTree::Rename(tree) => (with(&tree.ident), Some(tree.rename.to_string())),
        };
        if let Some(alias) = alias {
            self.scope.insert(alias, path.clone());
        }
        self.written.insert(path);
    }

    /// The paths in what a macro is given, which has no syntax of its own.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree::{Group, Ident, Punct};
        let mut path = Name::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                Ident(ident) if colons == 2 && !path.is_empty() => path.push(ident.to_string()),
                Ident(ident) => {
                    self.written
                        .insert(std::mem::replace(&mut path, vec![ident.to_string()]));
                }
                Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                Punct(punct) if punct.as_char() == '!' => {
                    if let Some(last) = path.last_mut() {
                        last.push('!');
                    }
                }
                Group(group) => self.tokens(group.stream()),
                _ => {
                    self.written.insert(std::mem::take(&mut path));
                }
            }
            colons = 0;
        }
        self.written.insert(path);
    }
}

fn with_part(prefix: &Name, ident: &syn::Ident) -> Name {
    [&prefix[..], &[ident.to_string()]].concat()
}

impl<'a> Visit<'a> for Paths {
    fn visit_item(&mut self, item: &'a Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'a Attribute) {}

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.import(&item.tree, &Name::new());
    }

    fn visit_item_extern_crate(&mut self, item: &'a syn::ItemExternCrate) {
        let path = vec![item.ident.to_string()];
        let alias = item.rename.as_ref().map_or(&item.ident, |(_, alias)| alias);
        self.scope.insert(alias.to_string(), path);
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        let ident = item.ident.to_string();
        self.scope
            .insert(ident.clone(), vec!["self".to_owned(), ident]);
        visit::visit_item_mod(self, item);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string());
        self.written.insert(parts.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let mut parts: Name = call
            .path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        if let Some(last) = parts.last_mut() {
            last.push('!');
        }
        self.written.insert(parts);
        self.tokens(call.tokens.clone());
    }
}

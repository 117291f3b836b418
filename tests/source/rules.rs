//! The rules, each a function from the source to its faults.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::tree::{Module, Name, Tree, attributes, is_for_tests};

/// What a module, and all below it, may name. The longest `module` that fits a file is its layer.
struct Layer {
    module: &'static str,
    /// Other modules of the crate.
    modules: &'static [&'static str],
    /// Of `std`; without a list, everything.
    std: Option<&'static [&'static str]>,
    /// Other crates; without a list, everything.
    crates: Option<&'static [&'static str]>,
}

/// `main` -> `cli` -> commands -> `server` -> `net` -> `http`.
const LAYERS: &[Layer] = &[
    Layer {
        module: "http",
        modules: &[],
        // No sockets, threads, clocks, files, environment or streams. Addresses are values: a Host may
        // be one. `sync` is for what a handler hands to threads of its own, `io::Read` for what it
        // reads.
        std: Some(&[
            "borrow::Cow",
            "cell",
            "error",
            "fmt",
            "io::Read",
            "io::Result",
            "io::Write",
            "mem",
            "net::Ipv4Addr",
            "net::Ipv6Addr",
            "net::SocketAddr",
            "ops",
            "rc",
            "str",
            "sync",
            "time::Duration",
            "time::UNIX_EPOCH",
        ]),
        // memmap2 for anonymous memory, not for files.
        crates: Some(&["form_urlencoded", "httpdate", "itoa", "memchr", "memmap2"]),
    },
    layer("net", &["http", "outcome", "socket_calls"]),
    layer("server", &["net", "http"]),
    // `server` hands out the numbers that `net` counts.
    layer(
        "serve",
        &[
            "exposition",
            "server",
            "net::stats",
            "net::times",
            "http",
            "random",
            "signals",
            "terminal",
            "units",
        ],
    ),
    Layer {
        module: "serve::greeting",
        modules: &["http"],
        std: Some(&[]),
        crates: Some(&[]),
    },
    layer(
        "bench",
        &[
            "exposition",
            "server",
            "http",
            "markdown",
            "outcome",
            "socket_calls",
            "random",
            "signals",
            "stats",
            "terminal",
            "tls",
            "units",
        ],
    ),
    layer(
        "race",
        &[
            "bench", "server", "http", "markdown", "random", "signals", "stats", "terminal", "tls",
            "units",
        ],
    ),
    layer("check", &["bench", "serve", "http", "terminal", "units"]),
    layer("cli", &["serve", "bench", "race", "check", "terminal"]),
    layer("main", &["cli"]),
    // The library's face.
    layer("lib", &["serve"]),
    layer("exposition", &["http"]),
    Layer {
        module: "tls",
        modules: &[],
        // No sockets, threads, clocks or files.
        std: Some(&[
            "collections",
            "convert",
            "error",
            "fmt",
            "io::Error",
            "io::Read",
            "io::Write",
            "mem",
            "ops",
            "sync",
        ]),
        crates: Some(&["rustls", "rustls_native_certs"]),
    },
    layer("markdown", &[]),
    layer("outcome", &[]),
    layer("socket_calls", &[]),
    layer("random", &[]),
    layer("signals", &[]),
    layer("stats", &["random"]),
    layer("terminal", &[]),
    layer("units", &[]),
    // What tests and fuzz targets need.
    layer("schema_tests", &[]),
    layer("fuzzing", &["http", "bench", "race"]),
    layer("simulation", &["serve", "net", "http", "terminal"]),
];

const fn layer(module: &'static str, modules: &'static [&'static str]) -> Layer {
    Layer {
        module,
        modules,
        std: None,
        crates: None,
    }
}

/// Modules name nothing outside of their layer but what [`LAYERS`] lets them.
pub(crate) fn layers(tree: &Tree) -> Vec<String> {
    let crates = dependencies();
    let mut faults = BTreeSet::new();
    for module in &tree.modules {
        let file = &module.file;
        let name = match file.as_str() {
            "lib.rs" => "lib".to_owned(),
            "main.rs" => "main".to_owned(),
            _ => module.name.join("::"),
        };
        let fitting = LAYERS.iter().filter(|layer| is_below(&name, layer.module));
        let Some(layer) = fitting.max_by_key(|layer| layer.module.len()) else {
            faults.insert(format!("{file} has no rule: which modules may it name?"));
            continue;
        };
        for path in &module.named {
            if !may_name(tree, layer, path, &crates) {
                faults.insert(format!("{file} names {}", path.join("::")));
            }
        }
    }
    faults.into_iter().collect()
}

/// `http::server` is below `http`, and so is `http`.
fn is_below(path: &str, module: &str) -> bool {
    let rest = path.strip_prefix(module);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may_name(tree: &Tree, layer: &Layer, path: &Name, crates: &BTreeSet<String>) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let rest = rest.join("::");
    match first.as_str() {
        // Not a module: an item of the root, or `use std as s`, which is judged where `s` is used.
        "crate" if tree.owner(&path[1..]).name.is_empty() => true,
        "std" if rest.is_empty() => true,
        "crate" => {
            let mut modules = layer.modules.iter().chain([&layer.module]);
            modules.any(|module| is_below(&rest, module))
        }
        "std" => layer
            .std
            .is_none_or(|names| names.iter().any(|name| is_below(&rest, name))),
        first if crates.contains(first) => layer.crates.is_none_or(|names| names.contains(&first)),
        _ => true,
    }
}

/// The crates that `Cargo.toml` names.
fn dependencies() -> BTreeSet<String> {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("[dependencies]\n").nth(1).unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_")));
    names.collect()
}

/// Modules of a folder that import each other, also by way of others. An import counts for the
/// module that has the item, not for one that re-exports it; a module and those below it are one.
pub(crate) fn circles(tree: &Tree) -> Vec<String> {
    let mut imports: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for module in &tree.modules {
        for path in &module.named {
            if path.first().is_none_or(|first| first != "crate") {
                continue;
            }
            let target = tree.owner(&path[1..]);
            // Where the two ways part, there is the folder.
            let pairs = module.name.iter().zip(&target.name);
            let shared = pairs.take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.name.get(shared), target.name.get(shared)) {
                let folder = imports.entry(&module.name[..shared]).or_default();
                folder.entry(from).or_default().insert(to);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (folder, imports) in &imports {
        for from in imports.keys() {
            let below = reach(imports, from);
            let circle: Vec<&str> = below
                .iter()
                .copied()
                .filter(|to| reach(imports, to).contains(from))
                .collect();
            if below.contains(from) {
                found.insert(format!("{}: {}", folder.join("/"), circle.join(", ")));
            }
        }
    }
    found.into_iter().collect()
}

/// All that a module imports, and what those import.
fn reach<'a>(imports: &BTreeMap<&str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut queue: Vec<&str> = imports.get(from).into_iter().flatten().copied().collect();
    while let Some(module) = queue.pop() {
        if reached.insert(module) {
            queue.extend(imports.get(module).into_iter().flatten());
        }
    }
    reached
}

pub(crate) fn dead_files(tree: &Tree) -> Vec<String> {
    let dead = tree.dead.iter();
    dead.map(|file| format!("no `mod` reaches {file}"))
        .collect()
}

/// The print macros panic when a stream is broken, and block when it is full: see `terminal`.
const FORBIDDEN_MACROS: &[&str] = &[
    "todo",
    "unimplemented",
    "dbg",
    "print",
    "println",
    "eprint",
    "eprintln",
];

/// Unsafe code also in tests; macros outside of them.
pub(crate) fn forbidden_names(tree: &Tree) -> Vec<String> {
    let mut faults = BTreeSet::new();
    for module in &tree.modules {
        let file = &module.file;
        for name in unsafe_words(module.text.parse().unwrap()) {
            faults.insert(format!("{file} has {name}"));
        }
        for path in &module.named {
            let Some(last) = path.last() else { continue };
            let name = last.trim_end_matches('!');
            let is_macro = last.ends_with('!') || path[0] == "std";
            if is_macro && FORBIDDEN_MACROS.contains(&name) {
                faults.insert(format!("{file} has {name}!"));
            }
        }
    }
    faults.into_iter().collect()
}

/// `unsafe` and `static mut`, but not `&'static mut`.
fn unsafe_words(tokens: TokenStream) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut before = [String::new(), String::new()];
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            found.append(&mut unsafe_words(group.stream()));
        }
        let [first, second] = &before;
        match &token {
            TokenTree::Ident(word) if word == "unsafe" => {
                found.insert("unsafe");
            }
            TokenTree::Ident(word) if word == "mut" && second == "static" && first != "'" => {
                found.insert("static mut");
            }
            _ => {}
        }
        let [_, second] = before;
        before = [second, token.to_string()];
    }
    found
}

pub(crate) fn unsafe_roots(tree: &Tree) -> Vec<String> {
    let forbids = |module: &&Module| {
        module.syntax.attrs.iter().any(|attribute| {
            attribute.path().is_ident("forbid")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|lint| lint.is_ident("unsafe_code"))
        })
    };
    let roots = tree.modules.iter().filter(|module| module.name.is_empty());
    let faults = roots.filter(|root| !forbids(root));
    faults
        .map(|root| format!("{} does not forbid unsafe code", root.file))
        .collect()
}

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;

/// Functions count from `fn` to the closing brace, also in tests; files without tests, comments and
/// blank lines.
pub(crate) fn lengths(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for module in &tree.modules {
        let file = &module.file;
        let mut functions = Functions::default();
        functions.visit_file(&module.syntax);
        for (name, lines) in functions.0 {
            if lines > FUNCTION_LINES_MAX {
                faults.push(format!("{file}: {name} has {lines} lines"));
            }
        }
        let lines = lines_of_code(module);
        if !module.is_test && lines > FILE_LINES_MAX {
            faults.push(format!("{file} has {lines} lines of code"));
        }
    }
    faults
}

fn lines_of_code(module: &Module) -> usize {
    let items = module.syntax.items.iter();
    let tests = items.filter(|item| is_for_tests(attributes(item)));
    let tests: Vec<_> = tests
        .map(|item| item.span().start().line..=item.span().end().line)
        .collect();
    let is_code = |(number, line): &(usize, &str)| {
        let line = line.trim_start();
        !line.is_empty()
            && !line.starts_with("//")
            && !tests.iter().any(|test| test.contains(number))
    };
    (1..).zip(module.text.lines()).filter(is_code).count()
}

/// The names and lengths of functions.
#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn note(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.fn_token.span().start().line;
        let last = block.brace_token.span.close().end().line;
        self.0.push((signature.ident.to_string(), last - first + 1));
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'a syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.note(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

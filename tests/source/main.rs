//! The rules of the source, judged by its syntax: which module may name what, no import circles, no
//! dead files, nothing unsafe or unfinished, and files and functions of a size that can be read.
//!
//! A rule is a function from the [`Tree`] to its faults. Each has a test that breaks it on purpose.
#![allow(missing_docs)]

mod rules;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use rules::{circles, dead_files, forbidden_names, layers, lengths, unsafe_roots};
use tree::{Tree, read};

/// One test for all rules, because they share the parsed source.
#[test]
fn the_source_keeps_its_rules() {
    let files = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 15, "the sources were not found");
    let source = Tree::parse(files);
    for rule in [
        layers,
        circles,
        dead_files,
        forbidden_names,
        unsafe_roots,
        lengths,
    ] {
        let faults = rule(&source);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// The modules that a planted file may import.
const MODULES: &[&str] = &[
    "http", "net", "server", "serve", "bench", "race", "terminal",
];

/// A crate of these files, of the modules above them, and of [`MODULES`].
fn planted(files: &[(&str, &str)]) -> Tree {
    let forbid = "#![forbid(unsafe_code)]\n".to_owned();
    let mut tree = BTreeMap::from([
        ("lib.rs".to_owned(), forbid.clone()),
        ("main.rs".to_owned(), forbid),
    ]);
    let modules = MODULES
        .iter()
        .map(|module| (format!("{module}/mod.rs"), ""));
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), *text));
    for (file, text) in modules.chain(files) {
        tree.entry(file.clone()).or_default().push_str(text);
        let mut stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
        while !["lib", "main"].contains(&stem) {
            let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
            let parent = match folder {
                "" => "lib.rs".to_owned(),
                _ => format!("{folder}/mod.rs"),
            };
            let text = tree.entry(parent).or_default();
            let declaration = format!("mod {name};\n");
            if !text.contains(&declaration) {
                text.push_str(&declaration);
            }
            stem = if folder.is_empty() { "lib" } else { folder };
        }
    }
    Tree::parse(tree)
}

#[track_caller]
fn finds(rule: impl Fn(&Tree) -> Vec<String>, file: &str, text: &str, fault: &str) {
    assert_eq!(rule(&planted(&[(file, text)])), [fault], "{file}: {text}");
}

#[track_caller]
fn finds_nothing(rule: impl Fn(&Tree) -> Vec<String>, file: &str, text: &str) {
    assert_eq!(rule(&planted(&[(file, text)])), [""; 0], "{file}: {text}");
}

#[test]
fn an_import_against_the_layers_is_found() {
    for (file, text, name) in [
        ("http/a.rs", "use crate::net::Slots;", "crate::net::Slots"),
        (
            "http/a.rs",
            "use super::super::net::Slots;",
            "crate::net::Slots",
        ),
        (
            "http/a.rs",
            "fn f() { vec![hullo::net::run()]; }",
            "crate::net::run",
        ),
        (
            "net/a.rs",
            "use crate::{http, server::Options};",
            "crate::server::Options",
        ),
        (
            "server.rs",
            "use crate::serve as s; fn f() { s::x() }",
            "crate::serve",
        ),
        ("bench/a.rs", "use crate::race;", "crate::race"),
        (
            "units.rs",
            "use crate::terminal::note;",
            "crate::terminal::note",
        ),
        (
            "serve/greeting.rs",
            "use crate::server::Options;",
            "crate::server::Options",
        ),
        ("serve/greeting.rs", "use std::fs;", "std::fs"),
    ] {
        let found = layers(&planted(&[(file, text)]));
        assert!(
            found.contains(&format!("{file} names {name}")),
            "{text}: {found:?}"
        );
    }
    // Through a re-export of the crate's root.
    let tree = planted(&[
        ("lib.rs", "pub use serve::Greeting;\n"),
        ("serve/mod.rs", "pub struct Greeting;\n"),
        ("net/a.rs", "use crate::Greeting;\n"),
    ]);
    assert_eq!(layers(&tree), ["net/a.rs names crate::serve::Greeting"]);
    finds(
        layers,
        "extra.rs",
        "",
        "extra.rs has no rule: which modules may it name?",
    );
    finds_nothing(
        layers,
        "net/a.rs",
        "use crate::http::Session; use super::super::http;",
    );
    finds_nothing(
        layers,
        "http/a.rs",
        "// std::net\n#[cfg(test)]\nmod tests { use std::net; }",
    );
}

#[test]
fn io_in_the_core_is_found_however_it_is_written() {
    for (text, name) in [
        ("use std::net::TcpStream;", "std::net::TcpStream"),
        ("use core::net::TcpStream;", "std::net::TcpStream"),
        ("use ::std::{fmt, net::UdpSocket};", "std::net::UdpSocket"),
        ("use std::net;", "std::net"),
        ("use core::net::*;", "std::net::*"),
        ("use std::*;", "std::*"),
        (
            "use std as s; fn f() { s::thread::yield_now() }",
            "std::thread::yield_now",
        ),
        (
            "use std::{self as s}; type T = s::fs::File;",
            "std::fs::File",
        ),
        (
            "extern crate std as s; type T = s::fs::File;",
            "std::fs::File",
        ),
        (
            "fn f() { let now = std::time::Instant::now(); }",
            "std::time::Instant::now",
        ),
        (
            "fn f() { assert!(std::env::var(\"A\").is_ok()); }",
            "std::env::var",
        ),
        ("mod inner { use std::process; }", "std::process"),
        ("use mio::Poll;", "mio::Poll"),
    ] {
        finds(
            layers,
            "http/a.rs",
            text,
            &format!("http/a.rs names {name}"),
        );
    }
    finds_nothing(
        layers,
        "http/a.rs",
        "use core::net::Ipv6Addr; type A = std::net::Ipv4Addr;",
    );
}

#[test]
fn a_circle_is_found() {
    let tree = planted(&[
        ("net/a.rs", "use super::b::B;"),
        ("net/b.rs", "use crate::net::C;"),
        ("net/mod.rs", "pub use c::C;\nuse d::D;\n"),
        ("net/c.rs", "fn f() { super::a::f() }"),
        ("net/d.rs", "use super::{a, c};"),
        ("net/deep/x.rs", "use super::super::d;"),
        ("http/e.rs", "use super::f; #[cfg(test)] mod tests {}"),
        (
            "http/f.rs",
            "#[cfg(test)] mod tests { use super::super::e; }",
        ),
    ]);
    assert_eq!(circles(&tree), ["net: a, b, c"]);
    let tree = planted(&[
        ("http/deep/x.rs", "use crate::http::leaf;"),
        ("http/leaf.rs", "use super::deep::x;"),
    ]);
    assert_eq!(circles(&tree), ["http: deep, leaf"]);
}

#[test]
fn a_dead_file_is_found() {
    let root = (
        "lib.rs".to_owned(),
        "mod a;\n#[path = \"c.rs\"]\nmod b;\n".to_owned(),
    );
    let others =
        ["a/mod.rs", "b.rs", "c.rs", "a/d.rs"].map(|file| (file.to_owned(), String::new()));
    let tree = Tree::parse([root].into_iter().chain(others).collect());
    assert_eq!(
        dead_files(&tree),
        ["no `mod` reaches a/d.rs", "no `mod` reaches b.rs"]
    );
}

#[test]
fn what_is_unsafe_or_unfinished_or_prints_is_found() {
    for (text, name) in [
        ("fn f() { unsafe { g() } }", "unsafe"),
        ("unsafe impl Send for A {}", "unsafe"),
        ("#[unsafe(no_mangle)] fn f() {}", "unsafe"),
        ("macro_rules! m { () => { unsafe { g() } } }", "unsafe"),
        ("static mut A: u8 = 0;", "static mut"),
        ("fn f() { todo!() }", "todo!"),
        (
            "fn f() { g(|| { unimplemented!(\"x\") }) }",
            "unimplemented!",
        ),
        ("fn f() { assert!(dbg!(true)); }", "dbg!"),
        ("fn f() { println!(); }", "println!"),
        ("fn f() { std::eprint!(\"x\"); }", "eprint!"),
        ("use std::println as say;", "println!"),
    ] {
        finds(
            forbidden_names,
            "race/a.rs",
            text,
            &format!("race/a.rs has {name}"),
        );
    }
    let innocent =
        "/// unsafe, todo!()\nfn f(x: &'static mut u8) { let s = \"unsafe todo!\"; writeln!(s); }";
    finds_nothing(forbidden_names, "race/a.rs", innocent);
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let tree = Tree::parse(BTreeMap::from([
        file("lib.rs", "#![forbid(unsafe_code)]"),
        file("main.rs", "#![deny(unsafe_code)]"),
    ]));
    assert_eq!(unsafe_roots(&tree), ["main.rs does not forbid unsafe code"]);
}

#[test]
fn a_long_file_or_function_is_found() {
    let body = |lines: usize| "    g();\n".repeat(lines);
    let function = |lines: usize| format!("impl A {{\nfn f() {{\n{}}}\n}}\n", body(lines - 2));
    finds_nothing(lengths, "race/a.rs", &function(60));
    finds(
        lengths,
        "race/a.rs",
        &function(61),
        "race/a.rs: f has 61 lines",
    );
    let nested = format!(
        "fn f() {{\n    let x = 1;\n}}\n\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        function(70)
    );
    finds(lengths, "race/a.rs", &nested, "race/a.rs: f has 70 lines");
    let code = "fn f() {}\n".repeat(500);
    let rest = format!(
        "\n// A comment.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    fn t() {}\n".repeat(300)
    );
    finds_nothing(lengths, "race/a.rs", &format!("{code}{rest}"));
    finds(
        lengths,
        "race/a.rs",
        &format!("{code}fn g() {{}}\n{rest}"),
        "race/a.rs has 501 lines of code",
    );
}

//! The source's own rules: imports run one way, and what the core and the quality bar forbid is
//! nowhere to be found.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: where it stands below `src`, and its code without comments and tests.
struct Source {
    name: String,
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(
        files.len() > 15,
        "the sources were not found below {}",
        root.display()
    );
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        Source {
            name,
            lines: text.lines().count(),
            code: code_of(&text),
        }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Without comments, and without the tests at the end.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let without_comment =
        |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(without_comment).collect()
}

/// What each part of the source must not name. A part is a folder, or a file of the root.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "http/",
        &[
            "crate::net",
            "crate::server",
            "crate::serve::",
            "crate::cli",
            "crate::bench",
            "std::net",
            "std::thread",
            "std::fs",
            "std::io::std",
            "Instant",
            "SystemTime::now",
            "mio",
            "socket2",
            "rustix",
            "env::",
        ],
    ),
    (
        "net/",
        &[
            "crate::server",
            "crate::serve::",
            "crate::cli",
            "crate::bench",
            "httparse",
            "b\"HTTP",
        ],
    ),
    (
        "server.rs",
        &["crate::serve::", "crate::cli", "crate::bench", "httparse"],
    ),
    (
        "serve/greeting.rs",
        &["crate::net", "crate::server", "crate::cli", "std::"],
    ),
    (
        "",
        &[
            "crate::main",
            "unsafe ",
            "unsafe{",
            "static mut",
            "todo!",
            "unimplemented!",
            "dbg!",
            // They panic when a stream is broken, and wait when it is full: see `terminal`.
            "print!",
            "println!",
        ],
    ),
];

fn faults(source: &Source) -> Vec<String> {
    let rules = FORBIDDEN
        .iter()
        .filter(|(part, _)| source.name.starts_with(part));
    let words = rules.flat_map(|(_, words)| *words);
    let found = words.filter(|word| source.code.contains(**word));
    found
        .map(|word| format!("{} names {word}", source.name))
        .collect()
}

#[test]
fn imports_run_one_way_and_the_core_knows_no_world() {
    let faults: Vec<String> = sources().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_fault_is_found() {
    for (name, text) in [
        ("http/head.rs", "use std::net::TcpStream;\n"),
        (
            "http/session.rs",
            "    let now = std::time::Instant::now();\n",
        ),
        ("http/session.rs", "use crate::net::Token;\n"),
        ("net/worker.rs", "use crate::server::Options;\n"),
        ("server.rs", "use crate::serve::Greeting;\n"),
        ("net/slots.rs", "unsafe { x }\n"),
        ("race/command.rs", "eprint!(\"x\");\n"),
        ("main.rs", "eprintln!(\"x\");\n"),
    ] {
        let source = Source {
            name: name.into(),
            code: code_of(text),
            lines: 1,
        };
        assert_eq!(faults(&source).len(), 1, "{name}: {text}");
    }
    let comment = "// std::net is not for the core\n#[cfg(test)]\nmod tests { use std::net; }\n";
    let source = Source {
        name: "http/head.rs".into(),
        code: code_of(comment),
        lines: 1,
    };
    assert!(faults(&source).is_empty());
}

#[test]
fn httparse_is_named_in_one_file() {
    let names = |source: &Source| {
        source
            .code
            .contains("httparse")
            .then(|| source.name.clone())
    };
    let core = sources()
        .iter()
        .filter(|s| s.name.starts_with("http/"))
        .filter_map(names)
        .collect::<Vec<_>>();
    assert_eq!(core, ["http/grammar/fields.rs"]);
}

#[test]
fn both_crates_forbid_unsafe_code() {
    for name in ["lib.rs", "main.rs"] {
        let source = sources()
            .into_iter()
            .find(|source| source.name == name)
            .unwrap();
        assert!(
            source.code.starts_with("#![forbid(unsafe_code)]\n"),
            "{name}"
        );
    }
}

#[test]
fn files_and_functions_can_be_read_at_a_sitting() {
    for source in sources() {
        let is_test = source.name.ends_with("tests.rs");
        assert!(
            source.lines <= 500 || is_test,
            "{} has {} lines",
            source.name,
            source.lines
        );
        for (function, lines) in functions(&source.code) {
            assert!(lines <= 60, "{}: {function} has {lines} lines", source.name);
        }
    }
}

/// The functions of formatted code, with the number of their lines: from `fn` to the brace that
/// closes at its depth.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = code.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let Some(name) = text.split("fn ").nth(1).filter(|_| !text.ends_with(';')) else {
            continue;
        };
        let closing = format!("{}}}", &line[..line.len() - text.len()]);
        let length = lines[number..]
            .iter()
            .position(|line| line.trim_end() == closing);
        let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
        found.push((name, length.map_or(1, |length| length + 1)));
    }
    found
}

#[test]
fn the_length_of_a_function_is_measured() {
    let code = "impl A {\n    fn long(\n    ) {\n        x();\n    }\n\n    fn none();\n}\n";
    assert_eq!(functions(code), [("long".to_owned(), 4)]);
}

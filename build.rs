//! Puts the commit into `hullo --version`, where one is known: `HULLO_COMMIT` of the environment, what
//! `cargo package` has noted, or git.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HULLO_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo::rustc-env=HULLO_VERSION={version}");
}

/// The start of the commit's name.
fn commit() -> Option<String> {
    let name = given().or_else(packaged).or_else(from_git)?;
    let name = name.trim();
    let is_name = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then(|| name.get(..name.len().min(12)).map(str::to_owned))?
}

fn given() -> Option<String> {
    env::var("HULLO_COMMIT")
        .ok()
        .filter(|name| !name.is_empty())
}

/// `cargo package` writes a file with `"sha1": "…"` into the crate.
fn packaged() -> Option<String> {
    let info = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = info.split_once("\"sha1\"")?;
    rest.split('"').nth(1).map(str::to_owned)
}

/// Only of a repository of this crate, and in release builds: a debug build is not made again for each
/// commit, nor for an embedder.
fn from_git() -> Option<String> {
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !is_release || env::var_os("CARGO_FEATURE_CLI").is_none() {
        return None;
    }
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let own = env::var("CARGO_MANIFEST_DIR").ok()?;
    if fs::canonicalize(root).ok()? != fs::canonicalize(own).ok()? {
        return None;
    }
    // What HEAD names changes with a commit or a checkout, and its log with either.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

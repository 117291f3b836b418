//! The command line: picks the command and returns its exit code. 0: success; 1: failure; 2: wrong
//! arguments or environment. `bench` has more.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench, race, serve};

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // A race runs each server under a guard process, which is this program.
    if let Some(code) = race::guard() {
        return code;
    }
    // Parsing errors exit with 2, `--help` and `--version` with 0.
    let cli = Cli::parse_from(bench::hey_flags(std::env::args_os()));
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(flags) => serve::serve(&flags),
        Command::Bench(options) => bench::bench(&options),
        Command::Race(options) => race::race(&options),
    }
}

/// A fast, strict HTTP/1.1 server that answers every path with "Hello, visitor! You've requested:
/// {path}", and the tools to load-test it and other servers.
#[derive(Debug, Parser)]
#[command(
    name = "hullo",
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "Try it: run hullo, then curl -i http://127.0.0.1:8080/any/path")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the greeting server (the default)
    Serve(serve::Flags),
    /// Load-test a server and check its responses (takes hey's flags)
    Bench(Box<bench::BenchOptions>),
    /// Load-test several servers in turn and compare their speed, cost and behaviour
    Race(Box<race::Options>),
}

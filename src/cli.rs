//! The command line: picks the command and returns its exit code. 0: success; 1: failure; 2: wrong
//! arguments or environment. Some commands have more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::terminal::{note, print};
use crate::{bench, check, race, serve};

/// With the commit, where it is known: see `build.rs`.
const VERSION: &str = env!("HULLO_VERSION");

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // A race runs each server under a guard process, which is this program.
    if let Some(code) = race::agent().or_else(race::guard) {
        return code;
    }
    // Parsing errors exit with 2, `--help` and `--version` with 0.
    let arguments = bench::hey_flags(std::env::args_os());
    // Every command is a part of this program, and has its version.
    let command = Cli::command().mut_subcommands(|command| command.display_name("hullo"));
    let matches = command.get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Bench(options) => bench::bench(&options),
        Command::Race(options) => race::race(&options),
        Command::Check(options) => check::check(&options),
        Command::Completions { shell } => completions(shell),
        Command::Man { directory } => man(&directory),
    }
}

/// A fast, strict HTTP/1.1 server that answers every path with "Hello, visitor! You've requested:
/// {path}", and the tools to load-test it and other servers.
#[derive(Debug, Parser)]
#[command(
    name = "hullo",
    version = VERSION,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "Try it: run hullo, then curl -i http://127.0.0.1:8080/any/path")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the greeting server (the default)
    Serve(serve::Arguments),
    /// Load-test a server and check its responses (takes hey's flags)
    Bench(Box<bench::BenchOptions>),
    /// Load-test several servers in turn and compare their speed, cost and behaviour
    Race(Box<race::Options>),
    /// Send one request and exit with 0 if the response is 2xx, for health checks
    Check(check::CheckOptions),
    /// Print the completion script of a shell
    #[command(after_help = "\
Examples:
  hullo completions bash > /etc/bash_completion.d/hullo
  hullo completions zsh > \"${fpath[1]}/_hullo\"
  hullo completions fish > ~/.config/fish/completions/hullo.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the man pages into a directory, for packages
    #[command(hide = true)]
    Man {
        /// The directory, which must exist
        directory: PathBuf,
    },
}

fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hullo", &mut script);
    match print(&String::from_utf8_lossy(&script)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note("hullo completions", format!("cannot write: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn man(directory: &Path) -> ExitCode {
    // Of a directory that is missing, clap_mangen would name the first page.
    let written =
        fs::read_dir(directory).and_then(|_| clap_mangen::generate_to(Cli::command(), directory));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let directory = directory.display();
            note("hullo man", format!("cannot write to {directory}: {error}"));
            ExitCode::FAILURE
        }
    }
}

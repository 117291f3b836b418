//! The flags of `hullo race`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::machine::{Cores, parse_cores};
use super::record::Generator;
use super::suite::Choice;
use super::target::Target;
use crate::units;

/// Arguments of `hullo race`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0, also when Ctrl-C has ended it; 1 when a server could not be measured to the end, made too \
many errors, or could not be stopped, or when a report could not be written; 2 when the arguments are at \
fault.\n\
Try it: hullo race hullo='hullo --port {port} --workers {workers}' mine='my-server --port {port}' --html race.html")]
pub(crate) struct Options {
    /// Servers: NAME='COMMAND' with {port} and {workers} in it (also in $PORT and $WORKERS), or
    /// NAME=http://host:port/path if it is running already. Each is asked for a random path, unless its
    /// URL has one. The others are compared with the first
    #[arg(value_name = "NAME=COMMAND|URL", required_unless_present_any = ["compare", "from"], value_parser = Target::parse)]
    pub(super) targets: Vec<Target>,

    /// Suites of tests to run, separated by commas
    #[arg(
        short,
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "article"
    )]
    pub(super) suite: Vec<Choice>,

    /// Rounds: each runs every test on every server, in turn (A B C, A B C, ...)
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: u32,

    /// Cores of the servers, as 0-3,8 [default: the first half]
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) cpus: Option<Cores>,

    /// Cores of the load [default: the others]
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) load_cpus: Option<Cores>,

    /// What {workers} stands for [default: the number of server cores]
    #[arg(short, long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,

    /// Load generator that sends the requests
    #[arg(short, long, value_enum, default_value = "hullo")]
    pub(super) generator: Generator,

    /// Requests of the first test of suite article
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,

    /// Length of every other test
    #[arg(short = 'z', long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub(super) duration: u64,

    /// Connections at the same time
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) connections: u32,

    /// Time that a server is loaded before each measurement
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = time)]
    pub(super) warmup: u64,

    /// Write the whole record to a file, for --from and --compare
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write a page with charts to a file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Write the report to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Write a chart of suite article to a file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Run nothing: make the reports again from a record of --json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "compare"])]
    pub(super) from: Option<PathBuf>,

    /// Run nothing: show what changed between two records of --json
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, conflicts_with_all = ["targets", "json", "html", "markdown", "svg"])]
    pub(super) compare: Option<Vec<PathBuf>>,
}

fn time(text: &str) -> Result<u64, String> {
    units::nanos(text)
}

fn some_time(text: &str) -> Result<u64, String> {
    match time(text)? {
        0 => Err("too short: nothing can be measured in no time".to_owned()),
        nanos => Ok(nanos),
    }
}

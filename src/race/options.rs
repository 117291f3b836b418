//! The flags of `hullo race`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::generator::Generator;
use super::machine::{Cores, parse_cores};
use super::suite::Suite;
use super::target::Target;
use crate::load::duration;

/// Arguments of `hullo race`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0, also when Ctrl-C has ended it with what there was; 1 when a server could not be measured\n\
to the end, made too many errors, or could not be ended, or a report not be written; 2 when the arguments\n\
are at fault.\n\
Try it: hullo race hullo='hullo --port {port} --workers {workers}' mine='./server --port {port}' --html race.html")]
pub(crate) struct Options {
    /// Servers: NAME='COMMAND', with {port} and {workers} in it (also in $PORT and $WORKERS), or
    /// NAME=http://host:port/path if it is running. They are asked for a random path, if a URL has
    /// no other. The others are measured by the first
    #[arg(value_name = "NAME=COMMAND|URL", required_unless_present_any = ["compare", "from"], value_parser = Target::parse)]
    pub(super) targets: Vec<Target>,

    /// Tests to run; several with commas
    #[arg(
        short,
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "article"
    )]
    pub(super) suite: Vec<Suite>,

    /// How often each test is run on each server, in turn: A B C, A B C, ...
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: u32,

    /// Cores of the servers, as 0-3,8; without it, half of them
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) cpus: Option<Cores>,

    /// Cores of the load; without it, the others
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) load_cpus: Option<Cores>,

    /// What {workers} stands for; without it, the number of cores of the servers
    #[arg(short, long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,

    /// Who sends the requests
    #[arg(short, long, value_enum, default_value = "hullo")]
    pub(super) generator: Generator,

    /// Requests of the article's first test
    #[arg(short = 'n', long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,

    /// How long each other test is
    #[arg(short = 'z', long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub(super) duration: u64,

    /// Connections at the same time
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) connections: u32,

    /// How long each server is loaded before each measurement
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = time)]
    pub(super) warmup: u64,

    /// Write all that was measured to a file
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write a page with pictures to a file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Write the tables to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Write the picture of the article's tests to a file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Run nothing: make the reports again from what --json has written
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "compare"])]
    pub(super) from: Option<PathBuf>,

    /// Run nothing: say what has changed between two races that --json has written
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, conflicts_with_all = ["targets", "json", "html", "markdown", "svg"])]
    pub(super) compare: Option<Vec<PathBuf>>,
}

fn time(text: &str) -> Result<u64, String> {
    duration::parse(text)
}

fn some_time(text: &str) -> Result<u64, String> {
    match time(text)? {
        0 => Err("nothing can be measured in no time".to_owned()),
        nanos => Ok(nanos),
    }
}

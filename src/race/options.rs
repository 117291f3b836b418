//! The flags of `hullo race`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::gate::{Condition, Rule, parse_share};
use super::https::HttpsOptions;
use super::machine::{Cores, parse_cores};
use super::record::Generator;
use super::server_spec::{ServerSpec, parse_path};
use super::suite::{CONNECTIONS_MAX, Choice, Sweep};
use super::warm_up::Warming;
use super::workload::RequestOptions;
use crate::units;

/// Arguments of `hullo race`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
#[command(after_help = "\
Exit codes: 0 success, also if Ctrl-C ended the race; 1 if a server could not be measured to the end, \
answered more than 1 of 100 requests with an error, or could not be stopped, if a report could not be \
written, or if the machine was not quiet; 2 for wrong arguments; 3 if a --fail-if condition was met, or --compare without one found a figure \
that is worse; 4 if a condition is undecided.\n\
Try it: hullo race hullo='hullo --port {port} --workers {workers}' mine='my-server --port {port}' --html race.html")]
pub(crate) struct Options {
    /// Servers to race. Either NAME='COMMAND', in which {port}, {workers} and {host} are replaced (they are also
    /// in $PORT, $WORKERS and $HOST), or NAME=http://host:port/path, or https, for a server that is already running. The
    /// requests are for the path of --path, unless the URL has one. All are compared with the first server
    #[arg(value_name = "NAME=COMMAND|URL", required_unless_present_any = ["compare", "from"], value_parser = ServerSpec::parse)]
    pub(super) targets: Vec<ServerSpec>,

    /// Suites of tests to run, separated by commas [default: article, or none with --sweep]
    #[arg(short, long, value_enum, value_delimiter = ',')]
    pub(super) suite: Vec<Choice>,

    /// Run each test of --suite pipeline or churn, or without --suite the plain load of -c and -z, at each of
    /// these values: connections=1,16,256 or pipeline=1,4,16. Can be given more than once
    #[arg(long, value_name = "WHAT=LIST", value_parser = Sweep::parse)]
    pub(super) sweep: Vec<Sweep>,

    /// Requests/s of the suite cost, the same for all servers [default: 1k,10k,100k]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = crate::bench::rate)]
    pub(super) rates: Vec<f64>,

    #[command(flatten)]
    pub(super) request: RequestOptions,

    #[command(flatten)]
    pub(super) https: HttpsOptions,

    /// Rounds: in each, all servers take turns, in a random order
    #[arg(short, long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: u32,

    /// Path to request [default: a random one]. For servers that answer only some paths
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    pub(super) path: Option<String>,

    /// Cores for the servers, such as 0-3,8 [default: the first half]
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) cpus: Option<Cores>,

    /// Cores for the load generator [default: the others]
    #[arg(long, value_name = "LIST", value_parser = parse_cores)]
    pub(super) load_cpus: Option<Cores>,

    /// Start the servers on another machine, as ssh reaches it without a password. This program is copied there for
    /// the time of the race; --cpus are that machine's. A command must listen there: put {host} in it, which is the
    /// address (also in $HOST)
    #[arg(long, value_name = "[USER@]HOST", conflicts_with_all = ["compare", "from", "netns"], value_parser = host_name)]
    pub(super) server_host: Option<String>,

    /// The ssh of --server-host, with its flags
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "ssh",
        requires = "server_host"
    )]
    pub(super) ssh: String,

    /// Start the servers in another network namespace, so that requests go through two devices and do not take
    /// the shortcuts of the loopback. As with --server-host, put {host} in the commands. Takes root, or users who may
    /// make namespaces
    #[arg(long, conflicts_with_all = ["compare", "from"])]
    pub(super) netns: bool,

    /// Value of {workers} [default: the number of server cores]
    #[arg(short, long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,

    /// Load generator
    #[arg(short, long, value_enum, default_value = "hullo")]
    pub(super) generator: Generator,

    /// Requests of the first test of the suite article
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,

    /// Duration of every other test
    #[arg(short = 'z', long, value_name = "TIME", default_value = "5s", value_parser = positive_time)]
    pub(super) duration: u64,

    /// Concurrent connections
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX as i64))]
    pub(super) connections: u32,

    /// Load each server before each measurement: for this long, or with auto until the cost of a request no longer
    /// has a trend, given up after 5s, or with auto:20s after 20s
    #[arg(long, value_name = "TIME", default_value = "auto", value_parser = Warming::parse)]
    pub(super) warmup: Warming,

    /// Measure N new processes of each server in each round, so that the differences between processes of the
    /// same program show
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) processes: u32,

    /// Before each round, wait until nothing else runs on the machine, for this long at most; then end the race
    /// and say what disturbs it (exit code 1)
    #[arg(long, value_name = "TIME", value_parser = positive_time)]
    pub(super) quiet_wait: Option<u64>,

    /// Seed of the order of the servers in each round, and of the intervals of latencies [default: a new one]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u32>,

    /// Also probe what takes up to 65 s: whether a server ends a connection on which a request head arrives
    /// slowly and never ends. All servers are probed at the same time
    #[arg(long)]
    pub(super) slow_probes: bool,

    /// Print no estimate of the time and no progress
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Write all measurements to a file, as JSON for --from and --compare
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Go on with the race in the file of --json, which is written after each round: measure what is missing
    /// there, also rounds that --rounds adds. Without such a file, begin a race
    #[arg(long, requires = "json")]
    pub(super) resume: bool,

    /// Write a report with charts to a file, as HTML
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Write a report to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Write a picture for a README to a file, as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Fail (exit code 3) if a server other than the first meets this condition in a test, such as cpu>+5%,
    /// rps<-5%, memory>+10% or p99>+20%, compared with the first server, or with --compare with the older race.
    /// Only where the whole interval of the ratio lies beyond; where it lies on both sides, it is undecided
    /// (exit code 4). Can be given more than once
    #[arg(long, value_name = "CONDITION", value_parser = Condition::parse)]
    pub(super) fail_if: Vec<Condition>,

    /// Add rounds until each --fail-if is decided, or its interval lies within this share of the ratio, such
    /// as 2%. Without --fail-if, until the intervals of the CPU time do
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with_all = ["compare", "from"])]
    pub(super) until: Option<f64>,

    /// Add no rounds with --until after this time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = positive_time)]
    pub(super) time_limit: u64,

    /// Write a short report for a pull request to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) summary: Option<PathBuf>,

    /// Run nothing: make the reports again from a file that --json wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "compare"])]
    pub(super) from: Option<PathBuf>,

    /// Run nothing: show what changed between two files that --json wrote
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, conflicts_with_all = ["targets", "json", "html", "markdown", "svg"])]
    pub(super) compare: Option<Vec<PathBuf>>,
}

impl Options {
    pub(super) fn rule(&self) -> Rule {
        Rule {
            conditions: self.fail_if.clone(),
            until: self.until,
            time_max: Duration::from_nanos(self.time_limit),
        }
    }

    pub(super) fn has_rule(&self) -> bool {
        !self.fail_if.is_empty() || self.until.is_some()
    }
}

fn host_name(text: &str) -> Result<String, String> {
    // Not a flag of ssh, and one word.
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace) {
        return Err("not the name of a machine: write host or user@host".to_owned());
    }
    Ok(text.to_owned())
}

fn positive_time(text: &str) -> Result<u64, String> {
    match units::nanos(text)? {
        0 => Err("too short: write a time above 0".to_owned()),
        nanos => Ok(nanos),
    }
}

//! The flags of `hullo bench`: those of hey, with the same letters, and more.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::expect::Statuses;
use super::goal::{By, Goal};
use super::hosts::HostsFlags;
use super::live::LiveOptions;
use super::pace::Arrivals;
use super::rates::{Rates, rate};
use super::request;
use super::thresholds::Condition;
use super::tls::TlsFlags;
use super::workload::{Curl, FormPart};
use crate::units;

// clap reads the placeholder as a line break, unless an escape sequence separates its characters.
const URL_HELP: &str = "\
URL to request: http://host[:port]/path?query, or https. {\u{1b}[0mn} is replaced by the position in the --pipeline batch, from 0";
const CSV_HELP: &str = "\
Values of {\u{1b}[0mcsv:COLUMN}: the first line of the file has the names of the columns, each other line is for one request";
const BODY_HELP: &str =
    "Count an answer with any other content as an error; {\u{1b}[0mn} as in the URL";

/// Arguments of `hullo bench`.
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Exit codes:
  0  success
  1  no request succeeded, the run could not start, or the results cannot be written
  2  wrong arguments, or --merge or --compare could read none of the files
  3  a --fail-if condition was met, or with --compare a figure of the server is worse
  4  --merge left out some of the files
  5  --find or --compare has no answer
If several apply, the first of 2, 1, 3, 4.

Example: hullo bench -z 5s -c 100 http://127.0.0.1:8080/any/path")]
pub(crate) struct BenchOptions {
    #[arg(
        required_unless_present_any = ["merge", "compare", "curl"],
        help = URL_HELP
    )]
    pub(super) url: Option<String>,

    /// Number of requests
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,

    /// Number of concurrent connections [default: 50, or -n if smaller]. With --rate, auto opens one when a
    /// request is due and none is free, up to 1000, or to N with auto:N
    #[arg(short, long, value_name = "N", value_parser = connections)]
    pub(super) connections: Option<Connections>,

    /// Send requests for this long (10s, 3m) instead of -n; those in flight at the end are awaited
    #[arg(short = 'z', long, value_name = "TIME", value_parser = time)]
    pub(super) duration: Option<u64>,

    /// Rate limit in requests per second, for each connection
    #[arg(short = 'q', value_name = "RATE", value_parser = rate, conflicts_with = "rate")]
    pub(super) rate_per_connection: Option<f64>,

    /// Send requests at this rate per second in total, regardless of how fast the server answers; latency
    /// counts from when a request is due (open model). 1k..20k is a ramp and 1k,5k,20k are steps over -z
    #[arg(long, value_name = "RATE", value_parser = Rates::parse)]
    pub(super) rate: Option<Rates>,

    /// Distances of the requests of --rate
    #[arg(long, value_name = "KIND", value_enum)]
    pub(super) arrivals: Option<Arrivals>,

    /// Seed of all random numbers: of --arrivals poisson, and of what requests are sent
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    pub(super) seed: u64,

    /// End the run after this long, whatever is in flight; count what has no answer then as unanswered
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) deadline: Option<u64>,

    /// Timeout of a request, including connecting; 0 means none
    #[arg(short, long, default_value = "20s", value_name = "TIME", value_parser = time)]
    pub(super) timeout: u64,

    /// Requests per write, sent without waiting for answers
    #[arg(short, long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) pipeline: u16,

    /// Poll for answers for so long before each sleep: a generator that does not sleep is not the limit with one
    /// connection or a few. Polling in vain is not part of the CPU time per request
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0", hide_default_value = true)]
    pub(super) poll: u64,

    /// Number of threads, each with its own event loop [default: one per core]
    #[arg(long, visible_alias = "cpus", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,

    /// Send requests for this long before counting
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0", hide_default_value = true)]
    pub(super) warmup: u64,

    /// Start at the next multiple of this on the wall clock (10s, 1m), so that several machines start
    /// together
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) align: Option<u64>,

    /// Repeat the run N times on fresh connections; report each run and the total
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) repeat: u32,

    /// Request method [default: GET]
    #[arg(short, long, value_name = "METHOD")]
    pub(super) method: Option<String>,

    /// Request header field, as 'Name: value'; can be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = request::field)]
    pub(super) fields: Vec<(String, String)>,

    /// Host header field [default: from the URL]
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,

    /// Accept header field
    #[arg(short = 'A', long, value_name = "TYPES")]
    pub(super) accept: Option<String>,

    /// Credentials for HTTP basic authentication
    #[arg(short = 'a', long, value_name = "USER:PASSWORD")]
    pub(super) auth: Option<String>,

    /// Requests that differ from each other, from a file: JSON, a request per line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "data", "data_file", "expect_body"])]
    pub(super) request_file: Option<PathBuf>,

    #[arg(long, value_name = "FILE", help = CSV_HELP)]
    pub(super) csv: Option<PathBuf>,

    /// Send the request of a curl command, as browsers copy it ("Copy as cURL"): 'curl …', @FILE, or - for
    /// standard input
    #[arg(long, value_name = "COMMAND", value_parser = Curl::read, conflicts_with_all = ["url", "merge", "request_file", "method", "data", "data_file", "form", "content_type", "auth", "accept"])]
    pub(super) curl: Option<Curl>,

    /// Send a form (multipart/form-data): name=text, name=@file or name=<file, with ;type=image/png; can be
    /// repeated. The method is POST unless -m says otherwise
    #[arg(short = 'F', long, value_name = "PART", value_parser = FormPart::parse, conflicts_with_all = ["data", "data_file", "request_file", "content_type"])]
    pub(super) form: Vec<FormPart>,

    /// Keep the cookies of the server, on each connection, and send them back
    #[arg(long)]
    pub(super) cookies: bool,

    /// Request content
    #[arg(short = 'd', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) data: Option<String>,

    /// Request content from a file
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "data")]
    pub(super) data_file: Option<PathBuf>,

    /// Content-Type header field [default: text/html, with content]
    #[arg(short = 'T', long, value_name = "TYPE")]
    pub(super) content_type: Option<String>,

    /// Use a new connection for each request
    #[arg(long, conflicts_with = "pipeline")]
    pub(super) disable_keepalive: bool,

    /// Close each connection after N answers, and open a new one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), conflicts_with = "disable_keepalive")]
    pub(super) requests_per_connection: Option<u64>,

    /// Connect to this Unix socket instead of the host of the URL
    #[arg(long, value_name = "PATH")]
    pub(super) unix_socket: Option<PathBuf>,

    #[command(flatten)]
    pub(super) tls: TlsFlags,

    /// Count an answer with any other status as an error: 200, 2xx, 200-299, or a comma-separated list
    #[arg(long, value_name = "STATUS", value_parser = Statuses::parse)]
    pub(super) expect_status: Option<Statuses>,

    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help = BODY_HELP)]
    pub(super) expect_body: Option<String>,

    /// Format of the report on standard output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Summary)]
    pub(super) output: Format,

    /// Write the results as JSON to a file, with histograms, for --merge
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write the latencies to a file, in the text format of HDR histograms
    #[arg(long, value_name = "FILE")]
    pub(super) hdr: Option<PathBuf>,

    #[command(flatten)]
    pub(super) live: LiveOptions,

    /// Exit with code 3 if this condition is met, as 'p99>5ms' or 'errors>0'; can be repeated
    #[arg(long, value_name = "CONDITION", value_parser = Condition::parse)]
    pub(super) fail_if: Vec<Condition>,

    /// Find the highest load at which this holds, as 'p99<5ms' or 'p99<5ms and errors==0': runs trials of -z
    /// (5s) at rising rates, and narrows down where it begins to fail
    #[arg(long, value_name = "GOAL", value_parser = Goal::parse, conflicts_with_all = ["merge", "rate", "rate_per_connection", "repeat", "deadline", "hdr", "fail_if", "align"])]
    pub(super) find: Option<Goal>,

    /// What --find changes
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = By::Rate, hide_default_value = true, requires = "find")]
    pub(super) find_by: By,

    /// Write a picture to a file: latency and requests/s over time, and the distribution; with --find, latency over
    /// load
    #[arg(long, value_name = "FILE", conflicts_with = "merge")]
    pub(super) svg: Option<PathBuf>,

    /// Write a page with the same pictures and the report to a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["merge", "find"])]
    pub(super) html: Option<PathBuf>,

    /// Send nothing: join the results that --json or -o json wrote on several machines. Files that cannot
    /// be joined and duplicate runs are reported and left out
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "url")]
    pub(super) merge: Vec<PathBuf>,

    #[command(flatten)]
    pub(super) hosts: HostsFlags,

    /// Send nothing: compare two results that --json wrote, of several runs each (--repeat 5). Exit code 3: a figure
    /// of the server is worse
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 2, conflicts_with_all = ["url", "merge", "find", "fail_if", "json", "hdr", "svg", "html", "timeline", "samples", "metrics"])]
    pub(super) compare: Vec<PathBuf>,

    #[arg(short = 'x', hide = true, value_name = "PROXY", value_parser = no_proxy)]
    pub(super) proxy: Option<String>,

    #[arg(long, hide = true, num_args = 0, default_missing_value = "", value_parser = no_h2)]
    pub(super) h2: Option<String>,

    // hullo does not ask for compression or follow redirects: these flags of hey change nothing.
    #[arg(long, hide = true)]
    pub(super) disable_compression: bool,
    #[arg(long, hide = true)]
    pub(super) disable_redirects: bool,
}

/// The default of hey.
const CONNECTIONS: u32 = 50;

/// The most of `-c auto`.
const CONNECTIONS_AUTO: u32 = 1000;

/// What `-c` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connections {
    Number(u32),
    /// As many as are needed, up to this number.
    Auto(u32),
}

impl Connections {
    pub(super) const AUTO: Self = Self::Auto(CONNECTIONS_AUTO);
}

impl BenchOptions {
    /// The number of connections: as given, or 50, but not more than there are requests. With
    /// `-c auto`, the most.
    pub(super) fn connections(&self) -> u32 {
        match (self.connections, self.duration) {
            (Some(Connections::Number(number) | Connections::Auto(number)), _) => number,
            (None, Some(_)) => CONNECTIONS,
            (None, None) => CONNECTIONS.min(u32::try_from(self.requests).unwrap_or(u32::MAX)),
        }
    }

    pub(super) fn has_auto_connections(&self) -> bool {
        matches!(self.connections, Some(Connections::Auto(_)))
    }
}

/// The format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Summary,
    /// The layout of hey
    #[value(alias = "text")]
    Hey,
    /// Everything, including histograms, on one line
    Json,
    /// A line for each run and for the total
    Csv,
    /// The same as a table
    Markdown,
}

fn time(text: &str) -> Result<u64, String> {
    units::nanos(text)
}

fn connections(text: &str) -> Result<Connections, String> {
    let number = |text: &str| {
        let number = text.parse::<u32>().ok().filter(|number| *number > 0);
        number.ok_or_else(|| {
            "not a number of connections: write 1 or more, auto, or auto:N".to_owned()
        })
    };
    match text.split_once(':') {
        None if text == "auto" => Ok(Connections::AUTO),
        Some(("auto", most)) => number(most).map(Connections::Auto),
        _ => number(text).map(Connections::Number),
    }
}

fn no_proxy(_: &str) -> Result<String, String> {
    Err("proxies are not supported: the benchmark would measure the proxy. To measure a proxy, give its URL, and the name of the server behind it with --host".to_owned())
}

fn no_h2(_: &str) -> Result<String, String> {
    Err(
        "HTTP/2 is not supported: hullo uses HTTP/1.1. h2load measures it (Debian: nghttp2-client)"
            .to_owned(),
    )
}

/// Accepts the long flags of hey with one dash: hey reads `-host` as `--host`, clap would read it as
/// `-h`. Only whole flags of `bench` are changed.
pub(crate) fn hey_flags(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    const LONG: [&str; 6] = [
        "-host",
        "-h2",
        "-cpus",
        "-disable-keepalive",
        "-disable-compression",
        "-disable-redirects",
    ];
    let mut arguments: Vec<OsString> = arguments.collect();
    if arguments.get(1).is_some_and(|command| command == "bench") {
        for argument in arguments.iter_mut().skip(2) {
            let Some(text) = argument.to_str() else {
                continue;
            };
            let name = text.split('=').next().unwrap_or_default();
            if LONG.contains(&name) {
                *argument = format!("-{text}").into();
            }
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        options: BenchOptions,
    }

    fn read(line: &str) -> Result<BenchOptions, String> {
        let words = "hullo bench ".to_owned() + line;
        let arguments = hey_flags(words.split_whitespace().map(OsString::from));
        let rest = arguments.into_iter().skip(1);
        Cli::try_parse_from(rest)
            .map(|cli| cli.options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flags_of_hey_have_the_same_meaning() {
        let o = read("-n 5000 -c 20 -q 7.5 -t 3 -m POST -H A:b -H C:d -d x=1 -T text/plain -host h -disable-keepalive -cpus 2 -disable-redirects -A */* -a u:p http://a/").unwrap();
        assert_eq!(
            (o.requests, o.connections(), o.threads),
            (5000, 20, Some(2))
        );
        assert_eq!(
            (o.rate_per_connection, o.timeout),
            (Some(7.5), 3_000_000_000)
        );
        assert_eq!((o.method.as_deref(), o.fields.len()), (Some("POST"), 2));
        assert_eq!(
            (o.data.as_deref(), o.content_type.as_deref()),
            (Some("x=1"), Some("text/plain"))
        );
        assert_eq!((o.host.as_deref(), o.disable_keepalive), (Some("h"), true));
        let o = read("-z 1m -D file -o csv http://a/").unwrap();
        assert_eq!((o.duration, o.output), (Some(60_000_000_000), Format::Csv));
        let o = read("http://a/").unwrap();
        assert_eq!(
            (o.requests, o.connections(), o.timeout),
            (200, 50, 20_000_000_000)
        );
        assert_eq!(read("-n 10 http://a/").unwrap().connections(), 10);
        assert_eq!(read("-z 1s -n 10 http://a/").unwrap().connections(), 50);
        let o = read("-q 1.5k http://a/").unwrap();
        assert_eq!(o.rate_per_connection, Some(1500.0));
        let auto = read("-c auto:7 --rate 1k --arrivals poisson http://a/").unwrap();
        assert_eq!((auto.connections(), auto.has_auto_connections()), (7, true));
        assert_eq!(
            (auto.rate, auto.arrivals),
            (Some(Rates::Constant(1e3)), Some(Arrivals::Poisson))
        );
    }

    #[test]
    fn bad_arguments_are_refused_with_a_reason() {
        for (line, word) in [
            ("", "required"),
            ("-x localhost:3128 http://a/", "would measure the proxy"),
            ("-h2 http://a/", "hullo uses HTTP/1.1"),
            ("-n 0 http://a/", "not in 1.."),
            ("-c 0 http://a/", "not a number of connections"),
            ("-c auto:0 http://a/", "not a number of connections"),
            ("-c 5:auto http://a/", "not a number of connections"),
            ("--find p99 http://a/", "has no comparison"),
            ("--find p99<1ms --rate 5 http://a/", "cannot be used with"),
            ("--find-by rate http://a/", "--find"),
            ("--html x --find p99<1ms http://a/", "cannot be used with"),
            ("--compare a", "2 values required"),
            ("--compare a b http://a/", "cannot be used with"),
            ("--compare a b --fail-if p99>5ms", "cannot be used with"),
            ("--compare a b --json x", "cannot be used with"),
            ("--compare a b --hdr x", "cannot be used with"),
            ("--compare a b --svg x", "cannot be used with"),
            ("--compare a b --html x", "cannot be used with"),
            ("--compare a b --samples x", "cannot be used with"),
            ("--rate 5..0 http://a/", "a ramp as"),
            ("-p 0 http://a/", "not in 1..=1024"),
            ("-q 0 http://a/", "not a rate"),
            ("--rate nan http://a/", "not a rate"),
            ("--rate 5 -q 5 http://a/", "cannot be used with"),
            ("-d x -D y http://a/", "cannot be used with"),
            ("-z soon http://a/", "not a time"),
            ("-o xml http://a/", "possible values"),
            ("--timeline-interval 1ms http://a/", "write 10ms or more"),
            ("--timeline-interval 2s http://a/", "--timeline <FILE>"),
            (
                "--timeline x --find p99<1ms http://a/",
                "cannot be used with",
            ),
            ("-H nocolon http://a/", "no colon"),
            ("--fail-if p99 http://a/", "has no comparison"),
            ("--expect-status ok http://a/", "is not a status"),
            ("--disable-keepalive -p 2 http://a/", "cannot be used with"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn other_commands_and_values_are_left_alone() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let serve = words("hullo serve -host x");
        assert_eq!(hey_flags(serve.clone().into_iter()), serve);
        let bench = hey_flags(words("hullo bench -host=x -hosts http://a/").into_iter());
        assert_eq!(bench, words("hullo bench --host=x -hosts http://a/"));
    }
}

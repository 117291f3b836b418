//! The flags of `hullo bench`: those of hey, by the same letters, and more.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::expect::Statuses;
use super::request;
use super::thresholds::Condition;
use crate::units;

// clap makes a line break of the placeholder, unless something invisible stands in it.
const URL_HELP: &str = "\
Where to send requests: http://host[:port]/path?query. {\u{1b}[0mn} in it becomes the place in the batch of --pipeline";
const BODY_HELP: &str = "Count any other content as an error; {\u{1b}[0mn} as in the URL";

/// Arguments of `hullo bench`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0; 1 when no request succeeded; 2 when the arguments are at fault, or nothing could be \
joined; 3 when a --fail-if held; 4 when --merge left out some of the files. The first that applies.\n\
Try it: hullo bench -z 5s -c 100 http://127.0.0.1:8080/any/path")]
pub(crate) struct Options {
    #[arg(
        required_unless_present = "merge",
        help = URL_HELP
    )]
    pub(super) url: Option<String>,

    /// Requests to send
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) requests: u64,

    /// Connections at the same time [default: 50, or -n if that is fewer]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) connections: Option<u32>,

    /// Send for this long (10s, 3m) instead of -n; requests in flight at the end are still awaited
    #[arg(short = 'z', long, value_name = "TIME", value_parser = time)]
    pub(super) duration: Option<u64>,

    /// Most requests per second on each connection
    #[arg(short = 'q', value_name = "RATE", value_parser = rate, conflicts_with = "rate")]
    pub(super) rate_per_connection: Option<f64>,

    /// Requests per second in all, each due at its own time, whatever became of those before it; latency
    /// counts from then (open model)
    #[arg(long, value_parser = rate)]
    pub(super) rate: Option<f64>,

    /// Longest time for a request; 0 is for ever
    #[arg(short, long, default_value = "20", value_name = "TIME", value_parser = time)]
    pub(super) timeout: u64,

    /// Requests in one write, sent before their answers
    #[arg(short, long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) pipeline: u16,

    /// Threads, each with its own event loop [default: one per core]
    #[arg(long, visible_alias = "cpus", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,

    /// Send for this long before counting
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0", hide_default_value = true)]
    pub(super) warmup: u64,

    /// Start when the clock next shows a multiple of this (10s, 1m), so that several machines start
    /// together
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) align: Option<u64>,

    /// Repeat the run N times on fresh connections; report each run and the total
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) repeat: u32,

    /// Request method
    #[arg(short, long, default_value = "GET")]
    pub(super) method: String,

    /// Field of the request, as 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = request::field)]
    pub(super) fields: Vec<(String, String)>,

    /// Value of the Host field [default: from the URL]
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,

    /// Value of the Accept field
    #[arg(short = 'A', long, value_name = "TYPES")]
    pub(super) accept: Option<String>,

    /// Credentials for basic authentication
    #[arg(short = 'a', long, value_name = "USER:PASSWORD")]
    pub(super) auth: Option<String>,

    /// Content of the request
    #[arg(short = 'd', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(super) data: Option<String>,

    /// Content of the request, from a file
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "data")]
    pub(super) data_file: Option<PathBuf>,

    /// Content-Type of the content [default: text/html]
    #[arg(short = 'T', long, value_name = "TYPE")]
    pub(super) content_type: Option<String>,

    /// A new connection for each request
    #[arg(long, conflicts_with = "pipeline")]
    pub(super) disable_keepalive: bool,

    /// Connect to this Unix socket instead of the host of the URL
    #[arg(long, value_name = "PATH")]
    pub(super) unix_socket: Option<PathBuf>,

    /// Count any other status as an error: 200, 2xx, 200-299, or a list with commas
    #[arg(long, value_name = "STATUS", value_parser = Statuses::parse)]
    pub(super) expect_status: Option<Statuses>,

    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help = BODY_HELP)]
    pub(super) expect_body: Option<String>,

    /// Format of the report
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,

    /// Write the results to a file, with their histograms, to be joined by --merge
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write the latencies to a file, in `HdrHistogram`'s text format
    #[arg(long, value_name = "FILE")]
    pub(super) hdr: Option<PathBuf>,

    /// Exit with 3 if this holds, as 'p99>5ms' or 'errors>0'; may be repeated
    #[arg(long, value_name = "CONDITION", value_parser = Condition::parse)]
    pub(super) fail_if: Vec<Condition>,

    /// Send nothing: join results that --json or -o json has written on several machines. Files that
    /// cannot be joined, and runs that come twice, are named and left out
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "url")]
    pub(super) merge: Vec<PathBuf>,

    #[arg(short = 'x', hide = true, value_name = "PROXY", value_parser = no_proxy)]
    proxy: Option<String>,

    #[arg(long, hide = true, num_args = 0, default_missing_value = "", value_parser = no_h2)]
    h2: Option<String>,

    // hullo asks for no compression and follows no redirect: these are so already.
    #[arg(long, hide = true)]
    disable_compression: bool,
    #[arg(long, hide = true)]
    disable_redirects: bool,
}

/// As many connections as hey has, when neither is given.
const CONNECTIONS: u32 = 50;

impl Options {
    /// How many connections: those that were asked for, or 50; but not more than there are requests.
    pub(super) fn connections(&self) -> u32 {
        self.connections.unwrap_or_else(|| match self.duration {
            Some(_) => CONNECTIONS,
            None => CONNECTIONS.min(u32::try_from(self.requests).unwrap_or(u32::MAX)),
        })
    }
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// hey's layout
    Text,
    /// All of it, with the histograms, on one line
    Json,
    /// A line for each run, and one for all
    Csv,
    /// A table
    Markdown,
}

fn time(text: &str) -> Result<u64, String> {
    units::nanos(text)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e9 => Ok(rate),
        _ => Err("not a rate: a number of requests per second above 0".to_owned()),
    }
}

fn no_proxy(_: &str) -> Result<String, String> {
    Err("requests go to the server alone: behind a proxy, what is measured is the proxy. To measure one, give its own URL, and the name behind it with --host".to_owned())
}

fn no_h2(_: &str) -> Result<String, String> {
    Err("HTTP/2 is not supported: hullo speaks HTTP/1.1".to_owned())
}

/// Arguments as hey's users type them: with hey, `-host` and `--host` are the same, and here the
/// former would be `-h`. Only those of `bench` are touched, and only whole flags.
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
    if arguments.get(1).is_some_and(|job| job == "bench") {
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
        options: Options,
    }

    fn read(line: &str) -> Result<Options, String> {
        let words = "hullo bench ".to_owned() + line;
        let arguments = hey_flags(words.split_whitespace().map(OsString::from));
        let rest = arguments.into_iter().skip(1);
        Cli::try_parse_from(rest)
            .map(|cli| cli.options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn flags_of_hey_mean_what_they_mean_there() {
        let o = read("-n 5000 -c 20 -q 7.5 -t 3 -m POST -H A:b -H C:d -d x=1 -T text/plain -host h -disable-keepalive -cpus 2 -disable-redirects -A */* -a u:p http://a/").unwrap();
        assert_eq!(
            (o.requests, o.connections(), o.threads),
            (5000, 20, Some(2))
        );
        assert_eq!(
            (o.rate_per_connection, o.timeout),
            (Some(7.5), 3_000_000_000)
        );
        assert_eq!((o.method.as_str(), o.fields.len()), ("POST", 2));
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
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        for (line, word) in [
            ("", "required"),
            (
                "-x localhost:3128 http://a/",
                "what is measured is the proxy",
            ),
            ("-h2 http://a/", "hullo speaks HTTP/1.1"),
            ("-n 0 http://a/", "not in 1.."),
            ("-c 0 http://a/", "not in 1.."),
            ("-p 0 http://a/", "not in 1..=1024"),
            ("-q 0 http://a/", "not a rate"),
            ("--rate nan http://a/", "not a rate"),
            ("--rate 5 -q 5 http://a/", "cannot be used with"),
            ("-d x -D y http://a/", "cannot be used with"),
            ("-z soon http://a/", "not a time"),
            ("-o xml http://a/", "possible values"),
            ("-H nocolon http://a/", "no colon"),
            ("--fail-if p99 http://a/", "compares nothing"),
            ("--expect-status ok http://a/", "is no status"),
            ("--disable-keepalive -p 2 http://a/", "cannot be used with"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn other_jobs_and_values_are_left_alone() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let serve = words("hullo serve -host x");
        assert_eq!(hey_flags(serve.clone().into_iter()), serve);
        let bench = hey_flags(words("hullo bench -host=x -hosts http://a/").into_iter());
        assert_eq!(bench, words("hullo bench --host=x -hosts http://a/"));
    }
}

//! The command line: arguments -> a command -> an exit code. 0 when it was done, 1 when it could not
//! be, 2 when the arguments are at fault; `bench` has more.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::{Arg, Args, CommandFactory, FromArgMatches as _, Parser, Subcommand};

use crate::http::Limits;
use crate::server::{Options, Timeouts};
use crate::terminal::note;
use crate::{bench, race, serve, units};

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // A race starts this program again to look after each of its servers.
    if let Some(code) = race::guard() {
        return code;
    }
    match Cli::read().chosen() {
        Command::Serve(serve) => match serve.options() {
            Ok(options) => serve::run(options),
            Err(sentence) => {
                note("hullo", sentence);
                ExitCode::from(2)
            }
        },
        Command::Bench(options) => bench::bench(&options),
        Command::Race(options) => race::race(&options),
    }
}

/// The greeting server: answers every path with "Hello, visitor! You've requested: {path}", as fast
/// as the kernel allows and right to the letter of the RFCs.
#[derive(Debug, Parser)]
#[command(
    name = "hullo",
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "Try it: hullo, then curl -i http://127.0.0.1:8080/any/path")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

impl Cli {
    /// Reads the arguments and the environment, or says what is wrong with them and exits: with 2,
    /// or with 0 after `--help` and `--version`.
    fn read() -> Self {
        let arguments = bench::hey_flags(std::env::args_os());
        let matches = command(arguments.get(1)).try_get_matches_from(arguments);
        let cli = matches.and_then(|matches| Self::from_arg_matches(&matches));
        cli.unwrap_or_else(|error| {
            let _ = error.print();
            if error.use_stderr() {
                // What was not typed is hard to find.
                for (name, value) in std::env::vars_os() {
                    let is_ours = name == "PORT" || name.as_encoded_bytes().starts_with(b"HULLO_");
                    if is_ours && !value.is_empty() {
                        note(
                            "note",
                            format!("{}={} is set", name.display(), value.display()),
                        );
                    }
                }
            }
            std::process::exit(error.exit_code())
        })
    }

    /// The command; without one, it is `serve`.
    fn chosen(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// The command line. The variables of the server are read for the server alone, and only those that
/// are set to something.
fn command(first: Option<&OsString>) -> clap::Command {
    let is_of_the_server = first.is_none_or(|word| word != "bench" && word != "race");
    let strip = move |arg: Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        if is_of_the_server && value.is_none_or(|value| !value.is_empty()) {
            arg
        } else {
            arg.env(None::<&str>)
        }
    };
    <Cli as CommandFactory>::command()
        .mut_args(strip)
        .mut_subcommand("serve", |serve| serve.mut_args(strip))
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the greeting server (the default)
    Serve(Serve),
    /// Load a server with requests and measure its answers (with hey's flags)
    Bench(Box<bench::BenchOptions>),
    /// Race several servers: the same load for each in turn, and a comparison of speed, cost and behaviour
    Race(Box<race::Options>),
}

#[derive(Args, Debug)]
struct Serve {
    /// Address to listen on; 0.0.0.0 or [::] is every network interface
    #[arg(long, env = "HULLO_HOST", default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,

    #[arg(
        short,
        long,
        value_name = "PORT",
        value_parser = port,
        help = "Port to listen on; 0 takes a free one and prints it [env: HULLO_PORT, PORT] [default: 8080]"
    )]
    port: Option<u16>,

    /// Event loops, each with its own thread; auto is one per core that this process may use
    #[arg(
        short,
        long,
        env = "HULLO_WORKERS",
        default_value = "auto",
        value_name = "N|auto"
    )]
    #[arg(value_parser = workers)]
    workers: NonZeroUsize,

    #[command(flatten)]
    bounds: Bounds,
}

/// How much, and how long, a peer may take.
#[derive(Args, Debug)]
struct Bounds {
    /// Longest head of a request: request line and fields (431 past it)
    #[arg(
        long,
        env = "HULLO_MAX_HEAD_BYTES",
        default_value = "16KiB",
        value_name = "SIZE"
    )]
    #[arg(help_heading = "Limits", value_parser = head_bytes)]
    max_head_bytes: usize,

    /// Most fields of a request (431)
    #[arg(
        long,
        env = "HULLO_MAX_FIELDS",
        default_value_t = 100,
        value_name = "N"
    )]
    #[arg(help_heading = "Limits", value_parser = clap::value_parser!(u16).range(1..=FIELDS_MAX))]
    max_fields: u16,

    /// Longest request target (414)
    #[arg(
        long,
        env = "HULLO_MAX_TARGET_BYTES",
        default_value = "8KiB",
        value_name = "SIZE"
    )]
    #[arg(help_heading = "Limits", value_parser = target_bytes)]
    max_target_bytes: usize,

    /// Longest content of a request (413)
    #[arg(
        long,
        env = "HULLO_MAX_BODY_BYTES",
        default_value = "1MiB",
        value_name = "SIZE"
    )]
    #[arg(help_heading = "Limits", value_parser = body_bytes)]
    max_body_bytes: u64,

    /// Most connections at once; past it the longest-idle one is closed, or else the new one is
    /// answered 503; auto is what the open-file limit allows
    #[arg(
        long,
        env = "HULLO_MAX_CONNECTIONS",
        default_value = "auto",
        value_name = "N|auto"
    )]
    #[arg(help_heading = "Limits", value_parser = connections)]
    max_connections: Connections,

    /// Most memory for unfinished requests and for replies that peers do not take; past it those
    /// that hold the most and progress the least are answered 503 or closed; auto is a quarter of
    /// what the process may use
    #[arg(
        long,
        env = "HULLO_MAX_BUFFERED_BYTES",
        default_value = "auto",
        value_name = "SIZE|auto"
    )]
    #[arg(help_heading = "Limits", value_parser = buffered_bytes)]
    max_buffered_bytes: BufferedBytes,

    /// For a head, from its first byte to its last (408)
    #[arg(
        long,
        env = "HULLO_HEAD_TIMEOUT",
        default_value = "10s",
        value_name = "TIME"
    )]
    #[arg(help_heading = "Time-outs", value_parser = time)]
    head_timeout: Duration,

    /// For silence before a request (closed without a word)
    #[arg(
        long,
        env = "HULLO_IDLE_TIMEOUT",
        default_value = "75s",
        value_name = "TIME"
    )]
    #[arg(help_heading = "Time-outs", value_parser = time)]
    idle_timeout: Duration,

    /// For each 4 KiB of a body, or its end (408)
    #[arg(
        long,
        env = "HULLO_BODY_TIMEOUT",
        default_value = "30s",
        value_name = "TIME"
    )]
    #[arg(help_heading = "Time-outs", value_parser = time)]
    body_timeout: Duration,

    /// For a peer to take what it is owed, 64 KiB at most (closed)
    #[arg(
        long,
        env = "HULLO_WRITE_TIMEOUT",
        default_value = "30s",
        value_name = "TIME"
    )]
    #[arg(help_heading = "Time-outs", value_parser = time)]
    write_timeout: Duration,
}

impl Serve {
    fn options(&self) -> Result<Options, String> {
        let bounds = &self.bounds;
        let port = match self.port {
            Some(port) => port,
            None => port_of_environment()?.unwrap_or(PORT),
        };
        Ok(Options {
            address: SocketAddr::new(self.host, port),
            workers: self.workers,
            limits: Limits {
                head_bytes: bounds.max_head_bytes,
                fields: bounds.max_fields.into(),
                target_bytes: bounds.max_target_bytes,
                body_bytes: bounds.max_body_bytes,
            },
            timeouts: Timeouts {
                head: bounds.head_timeout,
                idle: bounds.idle_timeout,
                body: bounds.body_timeout,
                write: bounds.write_timeout,
                ..Timeouts::default()
            },
            max_connections: bounds.max_connections.0,
            max_buffered_bytes: bounds.max_buffered_bytes.0,
        })
    }
}

/// What `HULLO_PORT` or else `PORT`, which many platforms set, says. Kubernetes sets `HULLO_PORT` to
/// the URL of a service called hullo: that is not meant.
fn port_of_environment() -> Result<Option<u16>, String> {
    for name in ["HULLO_PORT", "PORT"] {
        let Ok(text) = std::env::var(name) else {
            continue;
        };
        if !text.is_empty() && !text.starts_with("tcp://") {
            let port = port(&text).map_err(|error| format!("{name}={text}: {error}"))?;
            return Ok(Some(port));
        }
    }
    Ok(None)
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok();
    port.ok_or_else(|| "not a port: a number from 0 to 65535".to_owned())
}

fn host(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if bare == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    bare.parse().map_err(|_| {
        "not an IP address: 127.0.0.1 is this machine alone, 0.0.0.0 every network".to_owned()
    })
}

/// Where to listen without a word about it.
const PORT: u16 = 8080;

/// More threads than this is a slip of the finger.
const WORKERS_MAX: usize = 1024;

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    if text == "auto" {
        return Ok(available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    match text.parse::<NonZeroUsize>() {
        Ok(count) if count.get() <= WORKERS_MAX => Ok(count),
        _ => Err(format!("neither auto nor a number from 1 to {WORKERS_MAX}")),
    }
}

#[expect(clippy::cast_possible_wrap, reason = "it is 256")]
const FIELDS_MAX: i64 = Limits::FIELDS_MAX as i64;

fn size(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let bytes = units::bytes(text, *range.start() as u64..=*range.end() as u64)?;
    usize::try_from(bytes).map_err(|error| error.to_string())
}

fn body_bytes(text: &str) -> Result<u64, String> {
    units::bytes(text, 0..=u64::MAX)
}

fn head_bytes(text: &str) -> Result<usize, String> {
    size(text, Limits::HEAD_BYTES_MIN..=Limits::HEAD_BYTES_MAX)
}

fn target_bytes(text: &str) -> Result<usize, String> {
    size(text, 1..=Limits::HEAD_BYTES_MAX)
}

/// `None`: as many as the open-file limit allows.
#[derive(Clone, Copy, Debug)]
struct Connections(Option<NonZeroUsize>);

fn connections(text: &str) -> Result<Connections, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Connections(None)),
        Ok(count) => Ok(Connections(Some(count))),
        Err(_) => Err("neither auto nor a number above 0".to_owned()),
    }
}

/// `None`: a part of what the process may use.
#[derive(Clone, Copy, Debug)]
struct BufferedBytes(Option<NonZeroUsize>);

fn buffered_bytes(text: &str) -> Result<BufferedBytes, String> {
    if text == "auto" {
        return Ok(BufferedBytes(None));
    }
    let bytes = size(text, Options::BUFFERED_BYTES_MIN..=usize::MAX)?;
    Ok(BufferedBytes(NonZeroUsize::new(bytes)))
}

fn time(text: &str) -> Result<Duration, String> {
    match units::nanos(text)? {
        nanos if nanos >= 1_000_000 => Ok(Duration::from_nanos(nanos)),
        _ => Err("too short: at least 1ms".to_owned()),
    }
}

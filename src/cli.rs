//! Flags, environment, defaults. Nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use clap::{Args, Parser, Subcommand};
use hullo::server::Options;

/// The greeting server: answers every path with "Hello, visitor! You've requested: {path}", as fast
/// as the kernel allows and right to the letter of the RFCs.
#[derive(Debug, Parser)]
#[command(name = "hullo", version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Try it: hullo, then curl -i http://127.0.0.1:8080/any/path")]
pub(crate) struct Cli {
    #[command(subcommand)]
    job: Option<Job>,
    #[command(flatten)]
    serve: Serve,
}

impl Cli {
    /// Reads the arguments and the environment, or says what is wrong with them and exits: with 2,
    /// or with 0 after `--help` and `--version`.
    pub(crate) fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let _ = error.print();
            if error.use_stderr() {
                // What nobody has typed is hard to find.
                for name in ["HULLO_HOST", "PORT", "HULLO_WORKERS"] {
                    if let Ok(value) = std::env::var(name) {
                        eprintln!("note: the environment says {name}={value}");
                    }
                }
            }
            std::process::exit(error.exit_code())
        })
    }

    /// What is to be done; without a word, it is to serve.
    pub(crate) fn job(self) -> Job {
        self.job.unwrap_or(Job::Serve(self.serve))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Greet whoever asks (this is also what hullo does without a word)
    Serve(Serve),
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address to listen on; 0.0.0.0 or [::] is every network of this machine
    #[arg(long, env = "HULLO_HOST", default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,

    /// Port to listen on; 0 takes a free one and prints it
    #[arg(short, long, env = "PORT", default_value_t = 8080)]
    port: u16,

    /// Event loops, each with a thread of its own; auto is one for each core
    #[arg(
        short,
        long,
        env = "HULLO_WORKERS",
        default_value = "auto",
        value_name = "N|auto"
    )]
    #[arg(value_parser = workers)]
    workers: NonZeroUsize,
}

impl Serve {
    pub(crate) fn options(&self) -> Options {
        Options {
            address: SocketAddr::new(self.host, self.port),
            workers: self.workers,
            ..Options::default()
        }
    }
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
        "it is no IP address: 127.0.0.1 is this machine alone, 0.0.0.0 every network".to_owned()
    })
}

/// More threads than this is a slip of the finger.
const WORKERS_MAX: usize = 1024;

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    if text == "auto" {
        return Ok(available_parallelism().unwrap_or(NonZeroUsize::MIN));
    }
    match text.parse::<NonZeroUsize>() {
        Ok(count) if count.get() <= WORKERS_MAX => Ok(count),
        _ => Err(format!(
            "it is neither auto nor a number from 1 to {WORKERS_MAX}"
        )),
    }
}

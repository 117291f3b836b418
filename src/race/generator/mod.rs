//! Load generators: `hullo bench`, and the tools that it is compared with. Each runs as a process of its
//! own on the cores of the load.

mod hey;
mod hullo;
mod wrk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::guard;
use super::record::{Generator, Handshakes, Missed, PerConnection, Test};
use super::workload::Workload;

/// How much longer than its test a generator may run before it is killed.
const OVERTIME: Duration = Duration::from_secs(60);
/// How long a test may take that a number of requests ends.
const COUNTED_MAX: Duration = Duration::from_secs(3600);
/// How long a request may take.
const ANSWER_SECONDS: u64 = 5;
const SAID_CHARS_MAX: usize = 400;
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Variables for a generator: where programs are, and certificates of authorities.
const PASSED_ON: [&str; 3] = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Requests to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order<'a> {
    pub(super) test: &'a Test,
    pub(super) url: &'a str,
    pub(super) workload: &'a Workload,
    /// Flags of `hullo bench`, for https.
    pub(super) tls: &'a [String],
    /// Requests/s, for an open model.
    pub(super) rate: Option<f64>,
    /// The content that each answer has to have.
    pub(super) content: Option<&'a str>,
    pub(super) cores: &'a [usize],
    pub(super) stop: &'a AtomicBool,
}

/// What a generator measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Load {
    /// Whole answers.
    pub(super) requests: u64,
    pub(super) elapsed_ns: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) latency_ns: Vec<(f64, u64)>,
    /// What kept a rate from being made.
    pub(super) missed: Option<Missed>,
    pub(super) handshakes: Option<Handshakes>,
    pub(super) per_connection: Option<PerConnection>,
    /// Answers in each 100 ms.
    pub(super) over_time: Option<Vec<u64>>,
    pub(super) response_bytes: Option<f64>,
    /// Size of the content of an answer, where the generator reports it and has not compared it.
    pub(super) content_bytes: Option<f64>,
    /// Of the generator.
    pub(super) cpu_ns: u64,
    /// Share of its cores' time, or of the time of its busiest thread if it reports that.
    pub(super) utilisation: f64,
    /// Share of the time that a thread was ready to run and waited for a core, if it reports that.
    pub(super) queued: Option<f64>,
}

/// A command line, and a file that it needs.
#[derive(Debug)]
struct Call {
    program: OsString,
    arguments: Vec<String>,
    /// Goes before the last argument, as `-s FILE`.
    script: Option<String>,
}

impl Generator {
    /// Its version, or why it cannot be used.
    pub(super) fn version(self) -> Result<String, String> {
        match self {
            Self::Hullo => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Hey => hey::version(),
            Self::Wrk => wrk::version(),
        }
    }

    /// The field lines by which a server can know it.
    pub(super) fn fields(self) -> &'static str {
        match self {
            Self::Hullo => concat!("User-Agent: hullo/", env!("CARGO_PKG_VERSION"), "\r\n"),
            Self::Hey => "User-Agent: hey/0.0.1\r\nContent-Type: text/html\r\n",
            // It sends no field but Host.
            Self::Wrk => "",
        }
    }

    /// Why it cannot run a test.
    pub(super) fn cannot(self, test: &Test) -> Option<&'static str> {
        match self {
            Self::Hullo => None,
            Self::Hey => hey::cannot(test),
            Self::Wrk => wrk::cannot(test),
        }
    }

    /// Sends the requests of a test.
    pub(super) fn run(self, order: &Order<'_>) -> Result<Load, String> {
        let call = match self {
            Self::Hullo => hullo::call(order),
            Self::Hey => hey::call(order),
            Self::Wrk => wrk::call(order),
        };
        let before = children_cpu();
        let (output, took) = call.run(order, &self.to_string())?;
        let cpu = children_cpu().saturating_sub(before);
        let mut load = match self {
            Self::Hullo => hullo::read(&output),
            Self::Hey => hey::read(&output),
            Self::Wrk => wrk::read(&output),
        }
        .map_err(|error| format!("{self} cannot be read: {}", end_of(&error)))?;
        if load.cpu_ns == 0 {
            load.cpu_ns = cpu;
            // Its CPU time includes its start, so the elapsed time does too.
            let time = took.as_nanos() as f64 * order.cores.len().max(1) as f64;
            load.utilisation = if time > 0.0 { cpu as f64 / time } else { 0.0 };
        }
        Ok(load)
    }
}

/// CPU time of the children that were reaped, in nanoseconds.
fn children_cpu() -> u64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| {
        let time = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        time.unsigned_abs() * 1000
    })
}

impl Call {
    /// What it printed, and how long it ran.
    fn run(mut self, order: &Order<'_>, name: &str) -> Result<(String, Duration), String> {
        let failed = |error: std::io::Error| format!("{name} cannot be run: {error}");
        let mut output = tempfile::tempfile().map_err(failed)?;
        let mut script = tempfile::NamedTempFile::new().map_err(failed)?;
        if let Some(text) = &self.script {
            script.write_all(text.as_bytes()).map_err(failed)?;
            let place = self.arguments.len().saturating_sub(1);
            let path = script.path().display().to_string();
            self.arguments.splice(place..place, ["-s".to_owned(), path]);
        }
        let start = Instant::now();
        let child = guard::command(&self.program, order.cores)
            .args(&self.arguments)
            // hullo bench would read what is meant for a server, such as $PORT.
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output.try_clone().map_err(failed)?)
            .spawn();
        let time = order
            .test
            .duration_ns
            .map_or(COUNTED_MAX, |nanos| Duration::from_nanos(nanos) + OVERTIME);
        let ended = wait(child.map_err(failed)?, time, order.stop);
        let took = start.elapsed();
        let mut said = String::new();
        output.rewind().map_err(failed)?;
        output.read_to_string(&mut said).map_err(failed)?;
        match ended {
            // hullo bench also ends with 1 when no request was answered, and then reports why.
            Some(0 | 1) => Ok((said, took)),
            Some(code) => Err(format!("{name} ended with {code}: {}", end_of(&said))),
            None => Err(format!(
                "{name} did not finish within {} s and was killed",
                time.as_secs()
            )),
        }
    }
}

/// Its exit code; none if it was killed, because it took too long or the race was ended.
fn wait(mut guard: Child, limit: Duration, stop: &AtomicBool) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < limit && !stop.load(Ordering::Relaxed) {
        match guard.try_wait() {
            Ok(Some(status)) => return Some(status.code().unwrap_or(-1)),
            Ok(None) => sleep(LOOK_AGAIN),
            Err(_) => break,
        }
    }
    guard::end(&mut guard);
    let _ = guard.wait();
    None
}

/// The first line of a program's output.
fn said_of_itself(program: &str, argument: &str) -> Result<String, String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!("--generator {program}: {error}; install it (on Debian: apt-get install {program}) or use --generator hullo")
        })?;
    let both = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&both);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// The part of a program's output that is meant for people.
fn end_of(text: &str) -> &str {
    let text = text.trim();
    let start = text
        .char_indices()
        .rev()
        .nth(SAID_CHARS_MAX)
        .map_or(0, |(place, _)| place);
    text.get(start..).unwrap_or_default()
}

/// `1.5e3`-like numbers of seconds as nanoseconds.
fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round().max(0.0) as u64
}

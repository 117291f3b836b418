//! During the run: all hosts go on together, or stop together.

use std::io::Read;
use std::process::{Child, ChildStdin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::machines::ClockDifference;
use super::super::report::Report;
use super::preparing::Prepared;
use super::ssh::{last_line, quoted};
use crate::terminal::{clean, note};

/// How often hosts are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A run that was told to stop has its result sooner.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// More than the results of a day.
const RESULT_BYTES_MAX: u64 = 256 * 1024 * 1024;
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// The run on one host.
#[derive(Debug)]
pub(super) struct Running {
    host: String,
    clock: ClockDifference,
    child: Child,
    /// The run stops when this is closed.
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    ended: Option<Result<Report, String>>,
}

impl Running {
    /// Begins at `start` by our clock. Without a result, dropping it stops the run.
    pub(super) fn new(
        host: &Prepared<'_>,
        arguments: &[String],
        start: u64,
    ) -> Result<Self, String> {
        let start = format!("--start-at={}", host.clock.theirs(start));
        let own = ["bench", "--output=json", "--until-stdin-ends", &start];
        let given = arguments.iter().map(String::as_str);
        let words: Vec<String> = own.into_iter().chain(given).map(quoted).collect();
        let script = format!("exec {} {}", quoted(&host.binary), words.join(" "));
        let mut child = host.ssh.spawn(&script)?;
        Ok(Self {
            host: host.ssh.host.clone(),
            clock: host.clock,
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(|out| all(out, RESULT_BYTES_MAX)),
            stderr: child.stderr.take().map(|out| all(out, SAID_BYTES_MAX)),
            child,
            ended: None,
        })
    }

    /// Looks whether it has ended.
    fn look(&mut self) {
        if self.ended.is_some() {
            return;
        }
        match self.child.try_wait() {
            Ok(None) => {}
            Ok(Some(_)) => self.ended = Some(self.result()),
            Err(error) => self.ended = Some(Err(error.to_string())),
        }
    }

    /// The result, with its times by our clock.
    fn result(&mut self) -> Result<Report, String> {
        let joined = |thread: Option<JoinHandle<Vec<u8>>>| {
            thread
                .and_then(|thread| thread.join().ok())
                .unwrap_or_default()
        };
        let (printed, said) = (joined(self.stdout.take()), joined(self.stderr.take()));
        let printed = String::from_utf8_lossy(&printed);
        if printed.trim().is_empty() {
            return Err(clean(&last_line(&said)));
        }
        let mut report = Report::read(&printed)?;
        for line in String::from_utf8_lossy(&said).lines() {
            note("hullo bench", format!("{}: {}", self.host, clean(line)));
        }
        let clock = self.clock;
        let ours = |unix_ms: u64| clock.ours(unix_ms.saturating_mul(1_000_000)) / 1_000_000;
        report.started_unix_ms = ours(report.started_unix_ms);
        for run in &mut report.runs {
            run.started_unix_ms = ours(run.started_unix_ms);
        }
        Ok(report)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads a stream to its end, so that its writer never waits; keeps the first bytes.
fn all(mut stream: impl Read + Send + 'static, most: u64) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.by_ref().take(most).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        bytes
    })
}

/// Waits for all results. When a host has none, or `stop` is set, the others are stopped.
pub(super) fn wait(
    mut hosts: Vec<Running>,
    stop: &AtomicBool,
) -> Result<Vec<(String, ClockDifference, Report)>, String> {
    let mut stopped: Option<Instant> = None;
    while hosts.iter().any(|host| host.ended.is_none()) {
        hosts.iter_mut().for_each(Running::look);
        let has_failed = |host: &Running| matches!(host.ended, Some(Err(_)));
        if stopped.is_none() && (stop.load(Ordering::Relaxed) || hosts.iter().any(has_failed)) {
            stopped = Some(Instant::now());
            for host in &mut hosts {
                drop(host.stdin.take());
            }
        }
        if stopped.is_some_and(|time| time.elapsed() > STOP_TIME_MAX) {
            for host in &mut hosts {
                let _ = host.child.kill();
            }
        }
        thread::sleep(LOOK);
    }
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for mut host in hosts {
        match host.ended.take() {
            Some(Ok(report)) => results.push((host.host.clone(), host.clock, report)),
            Some(Err(error)) => failures.push(format!("{}: {error}", host.host)),
            None => {}
        }
        // It has ended.
        host.ended = Some(Err(String::new()));
    }
    if failures.is_empty() {
        return Ok(results);
    }
    Err(format!(
        "{}: the run was stopped on all hosts",
        failures.join("; ")
    ))
}

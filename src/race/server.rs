//! A server under race: started on a free port, awaited, and stopped with all its processes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server_spec::{ServerSpec, Source};
use super::{guard, process_tree};

/// How long a server may take to answer after its start.
const START_MAX: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM, before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);
/// How long the remaining processes may take to end after SIGKILL.
const KILL_MAX: Duration = Duration::from_secs(4);
/// How long its guard may take to notice that it has ended.
const ENDING_MAX: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How much of its output is shown if it does not start, or ends under load.
const SAID_BYTES_MAX: u64 = 600;
const SAID_LINES_MAX: usize = 5;
/// Below the ports that Linux gives to clients, so that no connection of the load takes one.
const PORT_FIRST: u16 = 21_000;
const PORT_LAST: u16 = 31_999;

/// A server that answers.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The value of `Host`.
    pub(super) authority: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    guard: Child,
    output: File,
}

impl Server {
    /// Starts a server on these cores, unless it is already running, and waits until it answers or
    /// `stop` is set.
    pub(super) fn start(
        spec: &ServerSpec,
        workers: usize,
        cores: &[usize],
        stop: &AtomicBool,
    ) -> Result<Self, String> {
        let mut server = match &spec.source {
            Source::Running { address, url } => Self {
                address: *address,
                authority: url.authority.clone(),
                process: None,
            },
            Source::Command(command) => {
                let port = free_port().ok_or("no port is free")?;
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                Self {
                    address,
                    authority: address.to_string(),
                    process: Some(
                        spawn(command, port, workers, cores)
                            .map_err(|error| format!("cannot be started: {error}"))?,
                    ),
                }
            }
        };
        server.await_answer(&spec.path, stop)?;
        Ok(server)
    }

    /// The guard of its processes; none if the race did not start it.
    pub(super) fn guard(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.guard.id())
    }

    /// How it ended and what it printed last, if all of its processes have ended.
    pub(super) fn ending(&mut self) -> Option<String> {
        let process = self.process.as_mut()?;
        // Its guard ends after it.
        if !process_tree::alive(process.guard.id()).is_empty() || !process.ends_within(ENDING_MAX) {
            return None;
        }
        let status = process.guard.wait().ok()?;
        Some(format!("{}{}", guard::ending(status), process.said()))
    }

    fn await_answer(&mut self, path: &str, stop: &AtomicBool) -> Result<(), String> {
        let start = Instant::now();
        let mut last = String::new();
        while start.elapsed() < START_MAX {
            if stop.load(Ordering::Relaxed) {
                return Err("the race was ended".to_owned());
            }
            if let Some(process) = &mut self.process
                && let Ok(Some(status)) = process.guard.try_wait()
            {
                let ending = guard::ending(status);
                return Err(format!("ended at once, {ending}{}", process.said()));
            }
            match first_answer(self.address, &self.authority, path) {
                Ok(()) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
            if self.process.is_none() {
                return Err(format!("does not answer at {}: {last}", self.address));
            }
            sleep(LOOK_AGAIN);
        }
        let said = self.process.as_mut().map(Process::said).unwrap_or_default();
        Err(format!(
            "does not answer on port {} after {} s ({last}): put {{port}} in its command, or let it read $PORT{said}",
            self.address.port(),
            START_MAX.as_secs(),
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.stop();
            process_tree::end_orphans(KILL_MAX);
        }
    }
}

/// Stops servers that ran at the same time.
pub(super) fn stop_all(servers: Vec<Server>) {
    for mut server in servers {
        server.stop();
    }
    process_tree::end_orphans(KILL_MAX);
}

impl Server {
    /// With SIGTERM first, and waits until all of its processes have ended.
    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        process_tree::signal(process.guard.id(), Signal::SIGTERM);
        if !process.ends_within(STOP_MAX) {
            guard::end(&mut process.guard);
            if !process.ends_within(KILL_MAX) {
                leave(&process_tree::alive(process.guard.id()));
            }
        }
    }
}

/// Processes that could not be ended.
static LEFT: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The ids of the processes that could not be ended so far.
pub(super) fn left() -> Vec<u32> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn leave(ids: &[u32]) {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.extend(ids);
}

impl Process {
    /// Whether all of it has ended within this time.
    fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            if !matches!(self.guard.try_wait(), Ok(None)) {
                return true;
            }
            sleep(LOOK_AGAIN);
        }
        false
    }

    /// The end of its output, as a part of a sentence.
    fn said(&mut self) -> String {
        let length = self.output.seek(SeekFrom::End(0)).unwrap_or(0);
        let start = length.saturating_sub(SAID_BYTES_MAX);
        let mut bytes = Vec::new();
        let read = self.output.seek(SeekFrom::Start(start)).and_then(|_| {
            (&mut self.output)
                .take(SAID_BYTES_MAX)
                .read_to_end(&mut bytes)
        });
        match (read, last_lines(&String::from_utf8_lossy(&bytes))) {
            (Ok(_), lines) if !lines.is_empty() => format!("; it printed: {lines}"),
            _ => "; it printed nothing".to_owned(),
        }
    }
}

/// The last lines of an output in one, the first of them perhaps cut.
fn last_lines(text: &str) -> String {
    let lines = text.lines().rev();
    let lines = lines.map(|line| line.replace(char::is_control, " "));
    let lines = lines.map(|line| line.trim().to_owned());
    let mut lines: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .take(SAID_LINES_MAX)
        .collect();
    lines.reverse();
    lines.join(" | ")
}

fn spawn(command: &str, port: u16, workers: usize, cores: &[usize]) -> io::Result<Process> {
    let command = command
        .replace("{port}", &port.to_string())
        .replace("{workers}", &workers.to_string());
    // A shell that waits for the server would count as a part of it.
    let command = if is_plain(&command) {
        format!("exec {command}")
    } else {
        command
    };
    let output = tempfile::tempfile()?;
    let guard = guard::command("/bin/sh", cores)
        .args(["-c", &command])
        .env("PATH", search_path())
        .env("PORT", port.to_string())
        .env("WORKERS", workers.to_string())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()?;
    Ok(Process { guard, output })
}

/// `PATH`, and then the directory of this program, so that `hullo` is found even if it is not installed.
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let folders = std::env::split_paths(&path).chain(own.map(Path::to_path_buf));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Whether it is only a program and its arguments, without other shell syntax.
fn is_plain(command: &str) -> bool {
    let program = command.split_whitespace().next().unwrap_or_default();
    let is_file = if program.contains('/') {
        Path::new(program).is_file()
    } else {
        std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file())
    };
    is_file && !command.contains(|c| ";|&<>()`\n{}".contains(c))
}

fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two races at the same time begin at different ports.
    let span = PORT_LAST - PORT_FIRST;
    let offset = (std::process::id() % u32::from(span)) as u16;
    (0..span).find_map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port =
            PORT_FIRST + (u32::from(offset) + u32::from(step)).rem_euclid(u32::from(span)) as u16;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(port)
    })
}

/// Waits for an answer that begins like HTTP.
fn first_answer(address: SocketAddr, authority: &str, path: &str) -> io::Result<()> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 5];
    stream.read_exact(&mut start)?;
    if start == *b"HTTP/" {
        Ok(())
    } else {
        Err(io::Error::other("not an HTTP answer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_makes_way_for_a_plain_command() {
        for plain in ["sh --port 1", "/bin/sh \"b c\" $HOME --x=y"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "A=b sh",
            "exit 3",
            "sh; sh",
            "sh | sh",
            "cd x",
            "sh > b",
            "/no/such/program",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn the_last_lines_are_told_in_one() {
        assert_eq!(last_lines(""), "");
        assert_eq!(last_lines("a\n\n b\x1b[1m\n"), "a | b [1m");
        assert_eq!(last_lines("1\n2\n3\n4\n5\n6\n"), "2 | 3 | 4 | 5 | 6");
    }

    #[test]
    fn a_free_port_is_not_given_twice() {
        let (one, two) = (free_port().unwrap(), free_port().unwrap());
        assert_ne!(one, two);
        assert!((PORT_FIRST..=PORT_LAST).contains(&one));
    }
}

//! A `hullo serve` with an access log.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Nothing here takes as long as this: a test that waits so long has found a fault.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

/// A server on a free port. It is killed when this is dropped.
pub(crate) struct Hullo {
    pub(crate) child: Child,
    pub(crate) address: String,
}

pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.env_clear().env("HULLO_WORKERS", "2");
    command.args(["--port", "0"]);
    command.args(flags).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

impl Hullo {
    /// With a log at `path`.
    pub(crate) fn start(path: &Path, flags: &[&str]) -> Self {
        let log = ["--access-log", path.to_str().unwrap()];
        Self::spawn(&mut command(&[&log[..], flags].concat()))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.as_mut().unwrap();
        // Byte by byte: what follows is for the test.
        let mut line = Vec::new();
        let mut byte = [0];
        while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).unwrap();
        let address = line.split(['/', ' ']).nth(4).unwrap().to_owned();
        Self { child, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `bytes`, and reads until the server closes.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Sends so many requests on a connection that stays, and reads as many responses.
    #[track_caller]
    pub(crate) fn answers(&self, count: usize) {
        let mut stream = self.connect();
        let mut reply = [0; 4096];
        for number in 0..count {
            stream.write_all(GET).unwrap();
            let read = stream.read(&mut reply).unwrap();
            let is_ok = reply[..read].starts_with(b"HTTP/1.1 200 OK\r\n");
            assert!(is_ok, "response {number}");
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Its exit code, and what it wrote to standard error.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        self.signal(Signal::SIGTERM);
        let code = ended(&mut self.child);
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        (code, text)
    }
}

#[track_caller]
pub(crate) fn ended(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        thread::sleep(Duration::from_millis(5));
    }
    child.wait().unwrap().code()
}

impl Drop for Hullo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `find` finds something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The lines of a log, once there are so many.
#[track_caller]
pub(crate) fn lines(path: &Path, count: usize) -> Vec<String> {
    wait_for("lines are missing", || {
        let text = fs::read_to_string(path).unwrap_or_default();
        (text.lines().count() >= count && text.ends_with('\n'))
            .then(|| text.lines().map(str::to_owned).collect())
    })
}

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    (folder, log)
}

/// A line without its time, which is `[29/Nov/2026:20:00:24 +0000]`.
#[track_caller]
pub(crate) fn without_time(line: &str) -> String {
    let (start, rest) = line.split_once(" [").unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let (day, month_and_time) = shape.split_at(3);
    let (month, clock) = month_and_time.split_at(3);
    assert_eq!((day, clock), ("00/", "/0000:00:00:00 +0000"), "{line}");
    assert!(month.chars().all(char::is_alphabetic), "{line}");
    format!("{start} {rest}")
}

pub(crate) fn draining() -> String {
    "hullo: draining: answering for at most 10s; a second signal stops at once\n".to_owned()
}

/// Sends so many numbered requests from each of so many threads, and awaits each response.
pub(crate) fn load(hullo: &Hullo, threads: usize, count: usize) {
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut stream = hullo.connect();
                let mut reply = [0; 4096];
                for number in 0..count {
                    let request = format!("GET /{thread}/{number} HTTP/1.1\r\nHost: h\r\n\r\n");
                    stream.write_all(request.as_bytes()).unwrap();
                    assert!(stream.read(&mut reply).unwrap() > 0);
                }
            });
        }
    });
}

//! The signals that end `hullo serve`, its exit codes and what it says.
#![allow(missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(20);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server on a free port. It is killed when this is dropped.
struct Hullo {
    child: Child,
    address: String,
}

impl Hullo {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hullo"))
            .args(["--port", "0", "--workers", "2"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.split(['/', ' ']).nth(4).unwrap().to_owned();
        Self { child, address }
    }

    fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        // The server has most likely read it by then.
        thread::sleep(Duration::from_millis(100));
        stream
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Its exit code, and the lines that it wrote to standard error.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Hullo {
    fn drop(&mut self) {
        // It has ended already, unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often each race is run: `HULLO_RACES=1000` for the long proof.
fn races() -> usize {
    let count = std::env::var("HULLO_RACES");
    count.map_or(40, |count| count.parse().unwrap())
}

/// Sends `batch` while the signal is on its way, again and again, each time to a new process. Each of its requests has
/// to be answered, and none but the last may say that the connection is closed.
#[track_caller]
fn race(batch: &[u8], count: usize) {
    let mut drained = 0;
    for round in 0..races() {
        let hullo = Hullo::start(&[]);
        let mut stream = TcpStream::connect(&hullo.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        // So that sometimes the one is first, and sometimes the other.
        let late = Duration::from_micros(round as u64 % 16 * 40);
        let process = Pid::from_raw(hullo.child.id().cast_signed());
        let signal = thread::spawn(move || kill(process, Signal::SIGTERM).unwrap());
        let start = Instant::now();
        while start.elapsed() < late {
            std::hint::spin_loop();
        }
        stream.write_all(batch).unwrap();
        let (mut text, mut block) = (String::new(), [0; 4096]);
        while text.matches("requested: /\n").count() < count {
            let read = stream.read(&mut block).unwrap();
            assert!(read > 0, "round {round}: closed after {text:?}");
            text += std::str::from_utf8(&block[..read]).unwrap();
        }
        signal.join().unwrap();
        assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), count);
        let closes = text.matches("\r\nConnection: close\r\n").count();
        assert!(closes <= 1, "round {round}: {text:?}");
        if closes == 1 {
            let last = text.rfind("HTTP/1.1 200 OK").unwrap();
            assert!(
                text[last..].contains("\r\nConnection: close\r\n"),
                "{text:?}"
            );
            drained += 1;
        }
        drop(stream);
        let (code, lines) = hullo.end();
        assert_eq!(code, Some(0), "{lines:?}");
    }
    assert!(drained > 0, "the signal never came first");
}

#[test]
fn a_request_that_arrives_with_the_signal_is_answered() {
    race(GET, 1);
}

#[test]
fn a_batch_in_flight_at_the_signal_is_answered_whole() {
    race(&GET.repeat(16), 16);
}

/// Longer than an idle connection has.
#[test]
fn half_a_body_at_the_signal_is_awaited() {
    let hullo = Hullo::start(&[]);
    let mut stream =
        hullo.connect(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    hullo.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_millis(1_300));
    stream.write_all(b"67890").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    drop(stream);
    assert_eq!(hullo.end().0, Some(0));
}

/// Under nohup(1) this test and what it starts ignore them, and so does the server.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 == 1
}

#[test]
fn each_signal_drains_and_idle_connections_are_no_failure() {
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGHUP,
    ] {
        if signal == Signal::SIGHUP && hangups_are_ignored() {
            continue;
        }
        let hullo = Hullo::start(&[]);
        let mut stream = hullo.connect(b"");
        hullo.signal(signal);
        stream.write_all(GET).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        drop(stream);
        let (code, lines) = hullo.end();
        assert_eq!(code, Some(0), "{lines:?}");
        assert_eq!(
            lines,
            ["hullo: draining: answering for at most 10s; a second signal stops at once"]
        );
    }
}

#[test]
fn a_slow_peer_is_cut_after_the_grace() {
    let hullo = Hullo::start(&["--grace", "300ms", "--drain-delay", "200ms"]);
    let _slow = hullo.connect(&GET[..9]);
    let start = Instant::now();
    hullo.signal(Signal::SIGTERM);
    let (code, lines) = hullo.end();
    assert!(start.elapsed() >= Duration::from_millis(490));
    assert_eq!(code, Some(3), "{lines:?}");
    assert_eq!(
        lines,
        [
            "hullo: draining: accepting for 200ms more, then answering for at most 300ms; a second signal stops at once",
            "hullo: 1 connection was cut before its last response",
        ]
    );
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut hullo = Hullo::start(&["--grace", "60s"]);
    let _slow = [hullo.connect(&GET[..9]), hullo.connect(&GET[..9])];
    hullo.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_millis(200));
    // timeout(1) sends one to the process and one to its group: that is one request.
    hullo.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(hullo.child.try_wait().unwrap(), None, "it has not waited");
    hullo.signal(Signal::SIGINT);
    let (code, lines) = hullo.end();
    assert_eq!(code, Some(3), "{lines:?}");
    let last = lines.last().unwrap();
    assert_eq!(
        last,
        "hullo: 2 connections were cut before their last response"
    );
}

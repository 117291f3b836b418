//! The access log of `hullo serve`: what stands in it, and that nothing it is written to holds up a
//! response.
#![allow(missing_docs)]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tempfile::TempDir;

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(20);

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

/// A server on a free port. It is killed when this is dropped.
struct Hullo {
    child: Child,
    address: String,
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.env_clear().env("HULLO_WORKERS", "2");
    command.args(["--port", "0"]);
    command.args(flags).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

impl Hullo {
    /// With a log at `path`.
    fn start(path: &Path, flags: &[&str]) -> Self {
        let log = ["--access-log", path.to_str().unwrap()];
        Self::spawn(&mut command(&[&log[..], flags].concat()))
    }

    fn spawn(command: &mut Command) -> Self {
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

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `bytes`, and reads until the server closes.
    fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Sends so many requests on a connection that stays, and reads as many responses.
    #[track_caller]
    fn answers(&self, count: usize) {
        let mut stream = self.connect();
        let mut reply = [0; 4096];
        for number in 0..count {
            stream.write_all(GET).unwrap();
            let read = stream.read(&mut reply).unwrap();
            let is_ok = reply[..read].starts_with(b"HTTP/1.1 200 OK\r\n");
            assert!(is_ok, "response {number}");
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Its exit code, and what it wrote to standard error.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        self.signal(Signal::SIGTERM);
        let code = ended(&mut self.child);
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        (code, text)
    }
}

#[track_caller]
fn ended(child: &mut Child) -> Option<i32> {
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
fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
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
fn lines(path: &Path, count: usize) -> Vec<String> {
    wait_for("lines are missing", || {
        let text = fs::read_to_string(path).unwrap_or_default();
        (text.lines().count() >= count && text.ends_with('\n'))
            .then(|| text.lines().map(str::to_owned).collect())
    })
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    (folder, log)
}

fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

/// Requests of every kind, and their lines in the combined format, without the time.
const EXCHANGES: &[(&[u8], &str)] = &[
    (
        b"GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nReferer: http://r/\r\nUser-Agent: x y/1.0\r\n\r\n",
        r#""GET /a?b HTTP/1.1" 200 37 "http://r/" "x y/1.0""#,
    ),
    (
        b"HEAD /a HTTP/1.0\r\n\r\n",
        r#""HEAD /a HTTP/1.0" 200 0 "-" "-""#,
    ),
    (
        b"GET /\\ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: a\"b\\c\td\xe9\r\n\r\n",
        r#""GET /\\ HTTP/1.1" 400 65 "-" "-""#,
    ),
    (
        b"GET /q HTTP/1.1\r\nHost: h\r\nConnection: close\r\nReferer:\r\nUser-Agent: a\"b\\c\td\xe9\r\n\r\n",
        r#""GET /q HTTP/1.1" 200 37 "-" "a\"b\\c\x09d\xe9""#,
    ),
    (
        b"\x16\x03\x01\x1b[2J\"\\\r\n",
        r#""\x16\x03\x01\x1b[2J\"\\" 400 27 "-" "-""#,
    ),
    (
        b"GET /\n127.0.0.1 - - [forged]\r\n\r\n",
        r#""GET /" 400 47 "-" "-""#,
    ),
    (
        b"GET /a HTTP/1.1\r\n\r\n",
        r#""GET /a HTTP/1.1" 400 27 "-" "-""#,
    ),
    (
        b"PUT /long HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nContent-Length: 2000000\r\n\r\n",
        r#""PUT /long HTTP/1.1" 413 40 "-" "u""#,
    ),
    (
        b"BREW /tea HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        r#""BREW /tea HTTP/1.1" 501 59 "-" "-""#,
    ),
    (b"GET /slow HTTP/1.1\r\nHo", r#""GET /slow HTTP/1.1" 408 37 "-" "-""#),
];

/// A line without its time, which is `[29/Nov/2026:20:00:24 +0000]`.
#[track_caller]
fn without_time(line: &str) -> String {
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

#[test]
fn each_request_has_a_line_and_no_peer_forges_one() {
    let (_folder, log) = folder();
    let hullo = Hullo::start(&log, &["--workers", "1", "--head-timeout", "100ms"]);
    for (request, _) in EXCHANGES {
        hullo.exchange(request);
    }
    let logged = lines(&log, EXCHANGES.len());
    for (line, (_, expected)) in logged.iter().zip(EXCHANGES) {
        assert_eq!(without_time(line), format!("127.0.0.1 - - {expected}"));
    }
    assert_eq!(logged.len(), EXCHANGES.len());
    let mode = fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o137,
        0,
        "only its owner writes, and its group reads"
    );
    assert_eq!(hullo.end(), (Some(0), draining()));
}

fn draining() -> String {
    "hullo: draining: answering for at most 10s; a second signal stops at once\n".to_owned()
}

#[test]
fn the_common_format_ends_after_the_bytes() {
    let (_folder, log) = folder();
    let hullo = Hullo::start(&log, &["--access-log-format", "common"]);
    hullo.answers(2);
    for line in lines(&log, 2) {
        let expected = r#"127.0.0.1 - - "GET /a HTTP/1.1" 200 37"#;
        assert_eq!(without_time(&line), expected);
    }
}

#[test]
fn json_has_a_member_for_what_is_known() {
    let (_folder, log) = folder();
    let flags = [
        "--access-log-format",
        "json",
        "--test-endpoints",
        "--workers",
        "1",
    ];
    let hullo = Hullo::start(&log, &flags);
    hullo.exchange(b"GET /a?delay=30ms HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: \"\xe9\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
    hullo.exchange(b"GET /a?abort HTTP/1.1\r\nHost: h\r\n\r\n");
    hullo.exchange(b"\0\"\n");
    let mut gone = hullo.connect();
    gone.write_all(b"GET /a?size=1KiB&trickle=10/10ms HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    gone.read_exact(&mut [0; 100]).unwrap();
    drop(gone);
    let logged: Vec<serde_json::Value> = lines(&log, 4)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let time = logged[0]["time"].as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[19..]), (20, "T", "Z"));
    let peer = logged[0]["peer"].as_str().unwrap();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let waited = logged[0]["service_us"].as_u64().unwrap();
    assert!((30_000..5_000_000).contains(&waited), "{waited}");
    let rest = |index: usize| {
        let mut line = logged[index].as_object().unwrap().clone();
        line.retain(|key, _| !["time", "peer", "service_us"].contains(&key.as_str()));
        serde_json::Value::Object(line)
    };
    let expected = serde_json::json!({
        "method": "GET", "target": "/a?delay=30ms", "version": "HTTP/1.1", "host": "h", "status": 200,
        "bytes": 37, "complete": true, "user_agent": "\"\u{e9}", "x_forwarded_for": "10.0.0.1",
    });
    assert_eq!(rest(0), expected);
    let aborted = serde_json::json!({
        "method": "GET", "target": "/a?abort", "version": "HTTP/1.1", "host": "h", "bytes": 0,
        "complete": false,
    });
    assert_eq!(rest(1), aborted);
    let refused = serde_json::json!({
        "request_line": "\0\"", "status": 400, "bytes": 27, "complete": true,
        "refused": "The method is not a token.",
    });
    assert_eq!(rest(2), refused);
    let torn = rest(3);
    assert_eq!(
        (&torn["status"], &torn["complete"]),
        (&200.into(), &false.into())
    );
    assert!(torn["bytes"].as_u64().unwrap() < 1024, "{torn}");
}

/// Sends numbered requests from so many threads until `stop` says so, and returns how many each was
/// answered.
fn load(hullo: &Hullo, threads: usize, count: usize) {
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

/// logrotate(8) moves the file and sends SIGHUP: no line is lost or torn, and the server serves on.
#[test]
fn no_line_is_lost_when_the_log_is_rotated() {
    const THREADS: usize = 4;
    const COUNT: usize = 2_000;
    let (folder, log) = folder();
    let hullo = Hullo::start(&log, &[]);
    let mut files = vec![log.clone()];
    thread::scope(|scope| {
        let load = scope.spawn(|| load(&hullo, THREADS, COUNT));
        while !load.is_finished() || files.len() < 4 {
            let moved = folder.path().join(format!("access.log.{}", files.len()));
            fs::rename(&log, &moved).unwrap();
            files.push(moved);
            hullo.signal(Signal::SIGHUP);
            wait_for("it does not reopen its log", || log.exists().then_some(()));
            thread::sleep(Duration::from_millis(20));
        }
    });
    // What is still in memory is written at the end.
    assert_eq!(hullo.end(), (Some(0), draining()));
    let mut seen = HashSet::new();
    for file in files {
        for line in BufReader::new(File::open(file).unwrap()).lines() {
            let line = without_time(&line.unwrap());
            let path = line.split(' ').nth(4).unwrap();
            assert!(
                line.starts_with("127.0.0.1 - - \"GET /") && line.ends_with("\"-\""),
                "{line}"
            );
            assert!(seen.insert(path.to_owned()), "twice: {line}");
        }
    }
    assert_eq!(seen.len(), THREADS * COUNT);
}

#[test]
fn a_log_that_cannot_be_reopened_goes_on_in_the_old_file() {
    let (folder, log) = folder();
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).unwrap();
    let hullo = Hullo::start(&sub.join("log"), &[]);
    hullo.answers(1);
    lines(&sub.join("log"), 1);
    fs::rename(&sub, folder.path().join("moved")).unwrap();
    hullo.signal(Signal::SIGHUP);
    thread::sleep(Duration::from_millis(200));
    hullo.answers(1);
    lines(&folder.path().join("moved/log"), 2);
    let (code, stderr) = hullo.end();
    assert_eq!(code, Some(0));
    let expected =
        "sub/log: its directory does not exist: create it first; it goes on in the old file";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(!log.exists());
}

/// Half of the requests go to each of two servers on one file: lines are written whole.
#[test]
fn two_servers_write_to_one_file() {
    let (_folder, log) = folder();
    let servers = [Hullo::start(&log, &[]), Hullo::start(&log, &[])];
    thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| load(server, 2, 500));
        }
    });
    for server in servers {
        assert_eq!(server.end(), (Some(0), draining()));
    }
    let logged = lines(&log, 2_000);
    assert_eq!(logged.len(), 2_000);
    for line in logged {
        let line = without_time(&line);
        let is_whole = line.starts_with("127.0.0.1 - - \"GET /") && line.ends_with("\"-\" \"-\"");
        assert!(is_whole, "{line}");
    }
}

#[test]
fn a_destination_that_cannot_be_opened_is_an_error_at_the_start() {
    let (folder, log) = folder();
    let fifo = folder.path().join("fifo");
    make_fifo(&fifo);
    let missing = folder.path().join("no/such");
    for (path, sentence) in [
        (folder.path(), "it is a directory: add the name of a file"),
        (&missing, "its directory does not exist: create it first"),
        (
            &fifo,
            "no process reads from this FIFO: start its reader first",
        ),
    ] {
        let path = path.to_str().unwrap();
        let mut child = command(&["--access-log", path]).spawn().unwrap();
        assert_eq!(ended(&mut child), Some(1), "{path}");
        let mut stderr = String::new();
        child.stderr.unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(
            stderr,
            format!("hullo: cannot open the access log {path}: {sentence}\n")
        );
    }
    assert!(!log.exists());
}

#[test]
fn a_full_disk_drops_lines_and_says_so_once() {
    let hullo = Hullo::start(Path::new("/dev/full"), &[]);
    for _ in 0..3 {
        hullo.answers(100);
        thread::sleep(Duration::from_millis(150));
    }
    let (code, stderr) = hullo.end();
    assert_eq!(code, Some(0));
    let says = "hullo: cannot write to the access log /dev/full: No space left on device (os error 28); lines are dropped until it can be written to\n";
    assert_eq!(stderr.matches(says).count(), 1, "{stderr}");
    assert!(
        stderr.ends_with("hullo: 300 lines of the access log were dropped\n"),
        "{stderr}"
    );
}

/// More lines than a ring and a pipe hold.
const TOO_MANY: usize = 400;

/// A request whose line is long.
fn long_request() -> Vec<u8> {
    let path = "x".repeat(8_000);
    format!("GET /{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").into_bytes()
}

#[test]
fn a_fifo_that_is_not_read_from_drops_lines_and_recovers() {
    let (_folder, fifo) = folder();
    make_fifo(&fifo);
    let open = || {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        File::options()
            .read(true)
            .custom_flags(flags)
            .open(&fifo)
            .unwrap()
    };
    let mut reader = open();
    let hullo = Hullo::start(&fifo, &[]);
    let request = long_request();
    let mut sent = 0;
    while sent < TOO_MANY {
        assert!(hullo.exchange(&request).starts_with("HTTP/1.1 200"));
        sent += 1;
    }
    // Read on: what was held up comes, whole, and what is new.
    let reading = thread::spawn(move || {
        let (mut text, mut block) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            match reader.read(&mut block) {
                Ok(0) => return String::from_utf8(text).unwrap(),
                Ok(read) => text.extend_from_slice(&block[..read]),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    });
    thread::sleep(Duration::from_millis(500));
    hullo.answers(1);
    let (code, stderr) = hullo.end();
    assert_eq!(code, Some(0));
    let text = reading.join().unwrap();
    let ends = [
        " 200 8036 \"-\" \"-\"",
        "\"GET /a HTTP/1.1\" 200 37 \"-\" \"-\"",
    ];
    for line in text.lines() {
        let is_whole =
            line.starts_with("127.0.0.1 - - [") && ends.iter().any(|end| line.ends_with(end));
        assert!(is_whole, "{line}");
    }
    assert_eq!(text.matches("GET /a ").count(), 1);
    let logged = text.lines().count() - 1;
    let says = "does not take lines fast enough: some are dropped\n";
    assert_eq!(stderr.matches(says).count(), 1, "{stderr}");
    let dropped = TOO_MANY - logged;
    let lines = format!("hullo: {dropped} lines of the access log were dropped\n");
    assert!(dropped > 0 && stderr.ends_with(&lines), "{lines}{stderr}");
}

#[test]
fn a_pipe_that_is_full_or_closed_holds_up_no_response() {
    let request = long_request();
    // The pipe of standard output is not read from.
    let hullo = Hullo::spawn(&mut command(&["--access-log", "-"]));
    for _ in 0..TOO_MANY {
        assert!(hullo.exchange(&request).starts_with("HTTP/1.1 200"));
    }
    let start = Instant::now();
    let (code, stderr) = hullo.end();
    assert_eq!(code, Some(0));
    assert!(start.elapsed() < PATIENCE / 2, "it waits for its output");
    assert!(
        stderr.contains("on standard output does not take its last lines"),
        "{stderr}"
    );

    // Nor is it there any more; nor is standard error.
    let mut hullo = Hullo::spawn(&mut command(&["--access-log", "-"]));
    drop((hullo.child.stdout.take(), hullo.child.stderr.take()));
    hullo.answers(1_000);
    hullo.signal(Signal::SIGTERM);
    assert_eq!(ended(&mut hullo.child), Some(0));
}

#[test]
fn standard_output_that_was_closed_before_the_start_is_no_log() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let script = r#"exec "$0" --access-log - --port "$1" >&- 2>&-"#;
    let child = Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_hullo"), &port.to_string()])
        .spawn()
        .unwrap();
    let address = format!("127.0.0.1:{port}");
    wait_for("it does not listen", || TcpStream::connect(&address).ok());
    let mut hullo = Hullo { child, address };
    hullo.answers(10);
    hullo.signal(Signal::SIGTERM);
    assert_eq!(ended(&mut hullo.child), Some(0));
}

/// Under nohup(1) this test and what it starts ignore them.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 == 1
}

#[test]
fn hangup_ends_a_server_whose_log_cannot_be_reopened() {
    if hangups_are_ignored() {
        return;
    }
    let mut hullo = Hullo::spawn(&mut command(&["--access-log", "-"]));
    hullo.answers(3);
    hullo.signal(Signal::SIGHUP);
    assert_eq!(ended(&mut hullo.child), Some(0));
    let mut text = String::new();
    let stdout = hullo.child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
}

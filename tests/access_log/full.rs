//! Destinations that are missing, full, closed or not read from.

use std::fs::File;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::server::{Hullo, PATIENCE, command, ended, folder, wait_for};

fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
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

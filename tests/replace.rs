//! `SIGUSR2`: another process takes the place of `hullo serve`, or why it does not; and what a service manager
//! is told. `tests/replace/run` does it under load.
#![allow(missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is started by a symbolic link, and those that take its place. All are killed when this is
/// dropped.
struct Hullo {
    folder: tempfile::TempDir,
    child: Child,
    processes: Vec<i32>,
    lines: Receiver<String>,
    address: String,
}

impl Hullo {
    fn start(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("hullo");
        symlink(env!("CARGO_BIN_EXE_hullo"), &program).unwrap();
        let mut child = Command::new(&program)
            .args(flags)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // Those that take over write there as well.
        thread::spawn(move || io_to_end(&mut stdout));
        let address = line.split(['/', ' ']).nth(4).unwrap_or_default().to_owned();
        let processes = vec![child.id().cast_signed()];
        Self {
            folder,
            child,
            processes,
            lines,
            address,
        }
    }

    /// What is started at the next replacement.
    fn install(&self, script: &str) {
        let file = self.folder.path().join("script");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self.link(file);
    }

    fn link(&self, file: PathBuf) {
        let link = self.folder.path().join("hullo");
        fs::remove_file(&link).unwrap();
        symlink(file, link).unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(*self.processes.last().unwrap()), signal).unwrap();
    }

    /// The rest of the next line that begins so, or contains it.
    #[track_caller]
    fn line(&self, part: &str) -> String {
        let start = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self.lines.recv_timeout(left).unwrap();
            if let Some((_, rest)) = line.split_once(part) {
                return rest.to_owned();
            }
        }
    }

    /// Replaces it, and waits until the old process drains.
    #[track_caller]
    fn replace(&mut self) {
        self.signal(Signal::SIGUSR2);
        let process = self.line("hullo: replaced by process ");
        let (process, _) = process.split_once(':').unwrap();
        self.processes.push(process.parse().unwrap());
    }

    #[track_caller]
    fn is_greeted(&self) {
        greeted(TcpStream::connect(&self.address).unwrap());
    }

    /// The exit code of the first process.
    fn end(&mut self) -> Option<i32> {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Hullo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in &self.processes[1..] {
            let _ = kill(Pid::from_raw(*process), Signal::SIGKILL);
        }
    }
}

fn io_to_end(stream: &mut impl Read) {
    let _ = stream.read_to_end(&mut Vec::new());
}

#[track_caller]
fn greeted(mut stream: impl Read + Write) {
    let request = b"GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("requested: /here\n"), "{answer:?}");
}

/// Waits until a process is gone that is no child of this one.
#[track_caller]
fn ends(process: i32) {
    let start = Instant::now();
    while kill(Pid::from_raw(process), None) != Err(Errno::ESRCH) {
        assert!(start.elapsed() < PATIENCE, "{process} does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn another_process_takes_over_and_the_old_one_answers_what_it_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = format!("unix:{}", path.display());
    let flags = [
        "-w",
        "2",
        "-l",
        "127.0.0.1:0",
        "-l",
        &unix,
        "-l",
        "localhost:0",
    ];
    let mut hullo = Hullo::start(&flags, &[]);
    let mut half = TcpStream::connect(&hullo.address).unwrap();
    half.write_all(b"GET /half HTTP/1.1\r\nHost: a\r\n")
        .unwrap();
    // It is the old process that has it.
    thread::sleep(Duration::from_millis(200));
    hullo.replace();
    for _ in 0..20 {
        hullo.is_greeted();
        greeted(UnixStream::connect(&path).unwrap());
    }
    assert_eq!(hullo.child.try_wait().unwrap(), None, "it awaits the half");
    half.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer:?}");
    assert_eq!(hullo.end(), Some(0));
    // And once more: the new process is as the old one was.
    hullo.replace();
    ends(hullo.processes[1]);
    hullo.is_greeted();
    greeted(UnixStream::connect(&path).unwrap());
    hullo.signal(Signal::SIGTERM);
    ends(hullo.processes[2]);
    assert!(!path.exists(), "the last one removes the file");
    assert!(TcpStream::connect(&hullo.address).is_err());
}

/// Who asks the admin listener finds a process that is ready, before, during and after.
#[test]
fn the_admin_listener_is_handed_on() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let mut hullo = Hullo::start(&["-l", "127.0.0.1:0", "--admin", &admin.to_string()], &[]);
    let (stop, stopped) = channel::<()>();
    let asked = thread::spawn(move || {
        let mut count = 0;
        while stopped.try_recv() == Err(TryRecvError::Empty) {
            let mut stream = TcpStream::connect(admin).unwrap();
            let request = b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            stream.write_all(request).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
            count += 1;
        }
        count
    });
    for _ in 0..3 {
        hullo.replace();
        thread::sleep(Duration::from_millis(200));
    }
    drop(stop);
    assert!(asked.join().unwrap() > 3);
}

fn count_workers(process: i32) -> usize {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let names = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")));
    let is_worker = |name: &String| {
        let number = name.trim().strip_prefix("hullo-");
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    names.map(Result::unwrap).filter(is_worker).count()
}

#[test]
fn the_number_of_workers_may_change() {
    let mut hullo = Hullo::start(&["-l", "127.0.0.1:0"], &[("HULLO_WORKERS", "3")]);
    for workers in [1, 5, 2, 2, 4, 1] {
        let binary = env!("CARGO_BIN_EXE_hullo");
        // So that the next one is started by the link as well.
        let script = format!(
            "export HULLO_WORKERS={workers}\nexec bash -c 'exec -a \"$0\" {binary} \"$@\"' \"$0\" \"$@\""
        );
        hullo.install(&script);
        let mut streams: Vec<TcpStream> = (0..20)
            .map(|_| TcpStream::connect(&hullo.address).unwrap())
            .collect();
        hullo.replace();
        streams.drain(..).for_each(greeted);
        for _ in 0..20 {
            hullo.is_greeted();
        }
        // A thread takes its name when it first runs.
        let start = Instant::now();
        while count_workers(*hullo.processes.last().unwrap()) != workers {
            assert!(
                start.elapsed() < PATIENCE,
                "there are not {workers} workers"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
    hullo.signal(Signal::SIGTERM);
    ends(*hullo.processes.last().unwrap());
}

#[test]
fn without_another_process_the_old_one_goes_on_and_says_why() {
    let flags = ["-l", "127.0.0.1:0", "--replace-timeout", "1s"];
    let mut hullo = Hullo::start(&flags, &[]);
    let binary = env!("CARGO_BIN_EXE_hullo");
    let goes_on = format!("; process {} goes on", hullo.child.id());
    for (script, why) in [
        (
            "exit 7",
            "ended with exit code 7: it did not say that it is ready",
        ),
        (
            "kill -9 $$",
            "was ended by signal 9: it did not say that it is ready",
        ),
        ("exec sleep 60", "was killed: it was not ready within 1s"),
        (
            "exec 0<&-; exec sleep 60",
            "was killed: it did not say that it is ready",
        ),
        (
            &format!("HULLO_MAX_FIELDS=0 exec {binary} \"$@\""),
            "HULLO_MAX_FIELDS=0: out of range: from 1 to 256",
        ),
        // It does not end by itself.
        (
            &format!("HULLO_MAX_FIELDS=0 {binary} \"$@\"; kill -STOP $$"),
            "HULLO_MAX_FIELDS=0: out of range: from 1 to 256",
        ),
        (
            &format!("exec {binary} --no-such-flag"),
            "ended with exit code 2: it did not say that it is ready",
        ),
        (
            &format!("exec {binary} --listen 192.0.2.1:80"),
            "192.0.2.1 is not an address of this machine",
        ),
    ] {
        hullo.install(script);
        hullo.signal(Signal::SIGUSR2);
        let line = hullo.line("hullo: not replaced: ");
        assert!(line.contains(why), "{line}");
        assert!(line.ends_with(&goes_on), "{line}");
        hullo.is_greeted();
    }
    hullo.link("/no/such/file".into());
    hullo.signal(Signal::SIGUSR2);
    let line = hullo.line("hullo: not replaced: cannot start ");
    assert!(line.contains("No such file"), "{line}");
    hullo.is_greeted();
    hullo.link(binary.into());
    hullo.replace();
    hullo.is_greeted();
    assert_eq!(hullo.end(), Some(0));
}

#[test]
fn a_second_one_waits_for_no_one_and_the_end_ends_both() {
    let mut hullo = Hullo::start(&["-l", "127.0.0.1:0"], &[]);
    hullo.install("exec sleep 60");
    hullo.signal(Signal::SIGUSR2);
    let process = hullo.line("hullo: process ");
    let (process, _) = process.split_once(' ').unwrap();
    hullo.processes.push(process.parse().unwrap());
    let first = Pid::from_raw(hullo.processes[0]);
    kill(first, Signal::SIGUSR2).unwrap();
    let line = hullo.line("hullo: not replaced: ");
    assert_eq!(line, format!("process {process} is starting already"));
    hullo.is_greeted();
    kill(first, Signal::SIGTERM).unwrap();
    let line = hullo.line("hullo: ");
    assert_eq!(
        line,
        format!("process {process} does not take over: it is ended")
    );
    assert_eq!(hullo.end(), Some(0));
    ends(hullo.processes[1]);
}

#[test]
fn one_that_drains_or_was_replaced_is_not_replaced_again() {
    let mut hullo = Hullo::start(&["-l", "127.0.0.1:0", "--grace", "60s"], &[]);
    let mut half = TcpStream::connect(&hullo.address).unwrap();
    half.write_all(b"GET /half").unwrap();
    thread::sleep(Duration::from_millis(200));
    hullo.replace();
    let first = Pid::from_raw(hullo.processes[0]);
    kill(first, Signal::SIGUSR2).unwrap();
    let line = hullo.line("hullo: not replaced: ");
    assert!(
        line.ends_with("has taken over already: signal that one"),
        "{line}"
    );
    // It can be ended early, and the other one is not touched.
    kill(first, Signal::SIGTERM).unwrap();
    hullo.line("hullo: draining: ");
    kill(first, Signal::SIGUSR2).unwrap();
    assert_eq!(
        hullo.line("hullo: not replaced: "),
        "this process is draining"
    );
    thread::sleep(Duration::from_millis(1_100));
    kill(first, Signal::SIGTERM).unwrap();
    assert_eq!(hullo.end(), Some(3));
    hullo.is_greeted();
}

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
    path: String,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            path: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }

    /// The next message that is not for the watchdog, and how many were.
    #[track_caller]
    fn next(&self) -> (String, usize) {
        let mut block = [0; 4096];
        for fed in 0.. {
            let length = self.socket.recv(&mut block).unwrap();
            let text = String::from_utf8(block[..length].to_vec()).unwrap();
            if text != "WATCHDOG=1\n" {
                return (text, fed);
            }
        }
        unreachable!()
    }
}

#[test]
fn a_service_manager_is_told() {
    let manager = Manager::new();
    let variables = [
        ("NOTIFY_SOCKET", manager.path.as_str()),
        ("WATCHDOG_USEC", "900000"),
    ];
    let mut hullo = Hullo::start(&["-w", "2", "-l", "127.0.0.1:0"], &variables);
    let status = format!("STATUS=2 workers on http://{}\n", hullo.address);
    assert_eq!(manager.next().0, format!("READY=1\n{status}"));
    thread::sleep(Duration::from_secs(1));
    hullo.replace();
    let (text, fed) = manager.next();
    assert!(fed >= 2, "{fed}");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("RELOADING=1"));
    let now = lines.next().unwrap().strip_prefix("MONOTONIC_USEC=");
    assert!(now.unwrap().parse::<u64>().unwrap() > 0);
    let process = hullo.processes[1];
    let (text, _) = manager.next();
    assert_eq!(text, format!("MAINPID={process}\nREADY=1\n{status}"));
    assert_eq!(hullo.end(), Some(0));
    thread::sleep(Duration::from_secs(1));
    hullo.signal(Signal::SIGTERM);
    let (text, fed) = manager.next();
    assert_eq!(text, "STOPPING=1\nSTATUS=draining\n");
    assert!(fed >= 2, "the new process feeds the watchdog: {fed}");
    ends(process);
}

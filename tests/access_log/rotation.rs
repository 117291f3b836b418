//! Files that are moved, reopened or shared.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::server::{Hullo, command, draining, ended, folder, lines, load, wait_for, without_time};

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

//! Nothing is left behind: signals, and servers that leave their group and their parents.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::*;

#[test]
fn signals_end_it_with_what_there_is_and_leave_no_server() {
    let (pids, file) = (TemporaryFile::new(), TemporaryFile::new());
    let target = format!("a=echo $$ >> {}; exec {HULLO} --port {{port}}", pids.path());
    let child = race(&[
        "-z",
        "1s",
        "-r",
        "50",
        "-s",
        "pipeline",
        "--json",
        file.path(),
        &target,
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    // The probes, and a round.
    until(|| lines(&pids) >= 4);
    let pid = rustix::process::Pid::from_child(&child);
    // `timeout` sends two of them, and a terminal that is closed another.
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        rustix::process::kill_process(pid, signal).unwrap();
        sleep(Duration::from_millis(30));
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let json = valid(&std::fs::read_to_string(&file.0).unwrap());
    let rounds = list(&json, "results").len();
    assert!((1..50).contains(&rounds), "{rounds}");
    assert!(
        json["warnings"].to_string().contains("signal"),
        "{}",
        json["warnings"]
    );
    assert!(are_gone(&pids));
}

/// It sends its signal to the race, and once more to the group of both.
#[test]
fn what_timeout_ends_is_reported() {
    let file = TemporaryFile::new();
    let output = Command::new("timeout")
        .args([
            "6", HULLO, "race", "-z", "500ms", "-r", "1000", "-s", "churn",
        ])
        .args(["--json", file.path(), &server("a")])
        .output()
        .unwrap();
    // 124: it was timeout that ended it.
    let ran = Ran::from(output);
    assert_eq!(ran.code, 124, "{}", ran.complaint);
    let said: Vec<&str> = ran.complaint.lines().collect();
    assert!(
        said.len() == 1 && said[0].contains("1,000 rounds: about"),
        "{said:?}"
    );
    assert!(ran.text.contains("Warnings"), "{}", ran.text);
    let json = valid(&std::fs::read_to_string(&file.0).unwrap());
    assert!(!list(&json, "results").is_empty());
    assert!(json["warnings"].to_string().contains("signal"));
}

#[test]
fn a_signal_is_heard_while_a_server_does_not_come_up() {
    let pids = TemporaryFile::new();
    let target = format!("a=echo $$ >> {}; exec sleep 1000", pids.path());
    let child = race(&[&target])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until(|| lines(&pids) == 1);
    let start = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(
        ran.code == 1 && ran.complaint.contains("nothing was measured"),
        "{}",
        ran.complaint
    );
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert!(are_gone(&pids));
}

#[test]
fn a_server_that_leaves_its_group_and_its_parents_is_found_and_ended() {
    let pids = TemporaryFile::new();
    let daemon = format!("echo $$ >> {}; exec {HULLO} --port {{port}}", pids.path());
    let target = format!("a=(env -i setsid sh -c '{daemon}' &); exit 0");
    let (ran, json) = measured(&["-s", "churn", "-r", "1", &target]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let server = &list(&json, "results")[0]["server"];
    assert!(number(&server["cpu_ns_per_request"]) > 0.0, "{server}");
    assert!(lines(&pids) == 2 && are_gone(&pids));
}

/// The second start is that for the slow probes, which all servers have at the same time.
#[test]
fn a_server_that_fails_to_start_does_not_end_the_others() {
    let starts = TemporaryFile::new();
    std::fs::write(&starts.0, "").unwrap();
    let file = starts.path();
    let fails = format!(
        "fails=echo >> {file}; if [ $(wc -l < {file}) = 2 ]; then sleep 1; exit 1; fi; exec {HULLO} --port {{port}}"
    );
    let slow = format!("slow={HULLO} --port {{port}} --head-timeout 4s");
    let (ran, json) = measured(&["-s", "churn", "-r", "1", "--slow-probes", &fails, &slow]);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    assert_eq!(lines(&starts), 3);
    let found = list(&list(&json, "targets")[1], "behaviour")
        .last()
        .unwrap();
    assert_eq!(found["id"], "slow_head", "{found}");
    // Had it been ended, it would have closed the connection without an answer.
    assert!(word(found, "saw").starts_with("408 after "), "{found}");
}

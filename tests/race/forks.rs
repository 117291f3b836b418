//! Servers of many processes: none is left behind, and what they cost is counted or said to be missing.

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// A server of processes, of Python.
fn forking(name: &str, how: &str) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/race/servers/forking.py");
    format!("{name}=python3 {program} {{port}} {how}")
}

/// That of `unseen` is looked at in `tests/race/run`, where no other test is in its way.
#[test]
fn children_of_children_cost_as_much_as_children() {
    let [once, twice] = ["once", "twice"].map(|how| forking(how, how));
    let arguments = [
        "-s", "churn", "-r", "3", "-z", "1s", "-c", "4", "--warmup", "50ms",
    ];
    let (ran, json) = written(&[&arguments[..], &[&once, &twice]].concat());
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    let cost = |name: &str| {
        let results = list(&json, "results").iter();
        let of = results.filter(|result| word(result, "target") == name);
        of.map(|result| number(&result["server"]["cpu_ns_per_request"]))
            .fold(f64::INFINITY, f64::min)
    };
    // Each connection costs a millisecond beside its forks.
    assert!(
        cost("once") > 1e6 && cost("twice") > 0.9 * cost("once"),
        "{json}"
    );
}

#[test]
fn chains_of_forks_are_ended() {
    let mark = format!("HULLO_RACE_TEST={}", std::process::id());
    let (name, value) = mark.split_once('=').unwrap();
    let chain = forking("chain", "chain");
    let arguments = [&SHORT[..], &["-s", "churn", "-r", "1", &chain]].concat();
    let output = race(&arguments).env(name, value).output().unwrap();
    let left = marked(&mark);
    // Whatever the test finds, it leaves nothing to the next one.
    while !marked(&mark).is_empty() {
        for pid in marked(&mark) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let ran = Ran::from(output);
    assert_eq!(ran.code, 0, "{}", ran.complaint);
    assert!(left.is_empty(), "{left:?}");
}

/// Processes with this in their environment.
fn marked(mark: &str) -> Vec<Pid> {
    let has_mark = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == mark.as_bytes())
    };
    processes()
        .filter(has_mark)
        .filter_map(Pid::from_raw)
        .collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Those below a process.
fn below(root: u32) -> Vec<i32> {
    let parent = |pid: i32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(1)?.parse().ok()
    };
    let parents: Vec<(i32, u32)> = processes()
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut found = vec![root.cast_signed()];
    let mut next = 0;
    while let Some(&one) = found.get(next) {
        let children = parents
            .iter()
            .filter(|(_, parent)| parent.cast_signed() == one);
        found.extend(children.map(|(child, _)| child));
        next += 1;
    }
    found.split_off(1)
}

#[test]
fn a_race_that_is_killed_leaves_nothing() {
    for signal in [Signal::KILL, Signal::QUIT] {
        let pids = TemporaryFile::new();
        let daemon = format!("echo $$ >> {}; exec {HULLO} --port {{port}}", pids.path());
        let target = format!("a=(setsid sh -c '{daemon}' &); exit 0");
        let mut child = race(&["-z", "60s", "-s", "pipeline", "-r", "1", &target])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The second start is loaded: by two guards, the server, and the generator.
        until(|| lines(&pids) >= 2 && below(child.id()).len() >= 4);
        let started = below(child.id());
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        let is_there = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        until(|| !started.iter().any(is_there));
        assert!(are_gone(&pids));
    }
}

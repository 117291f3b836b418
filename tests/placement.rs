//! Where `hullo serve` runs: how many workers by affinity and quota, and on which cores they stay.
#![allow(missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes as long as this: a test that waits so long has found a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server. It is killed when this is dropped.
struct Hullo {
    child: Child,
    line: String,
}

impl Hullo {
    /// Starts it by a shell script, in which `hullo` is the program with its address.
    fn start(script: &str) -> Self {
        let hullo = format!("{} --port 0", env!("CARGO_BIN_EXE_hullo"));
        let script = script.replace(" hullo", &format!(" {hullo}"));
        let mut child = Command::new("sh")
            .args(["-ec", &script])
            .env_remove("HULLO_WORKERS")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Self { child, line }
    }

    #[track_caller]
    fn has_workers(&self, count: usize) {
        let plural = if count == 1 { "" } else { "s" };
        let end = format!("({count} worker{plural})\n");
        assert!(self.line.ends_with(&end), "{count}: {}", self.line);
    }

    /// The processors that each worker may run on, as the kernel lists them.
    fn placement(&self) -> Vec<(String, String)> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let mut placement = Vec::new();
        for thread in threads {
            let folder = thread.unwrap().path();
            let name = fs::read_to_string(folder.join("comm")).unwrap();
            let status = fs::read_to_string(folder.join("status")).unwrap();
            let mut lines = status.lines();
            let list = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            placement.push((name.trim().to_owned(), list.unwrap().trim().to_owned()));
        }
        placement.sort();
        placement
    }
}

impl Drop for Hullo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processors that this process may run on.
fn allowed() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let ranges = lines.find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let mut allowed = Vec::new();
    for range in ranges.unwrap().trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        allowed.extend(first.parse::<usize>().unwrap()..=last.parse().unwrap());
    }
    allowed
}

#[test]
fn there_is_a_worker_for_each_core_that_may_be_used() {
    let allowed = allowed();
    let last = allowed.last().unwrap();
    Hullo::start(&format!("exec taskset -c {last} hullo")).has_workers(1);
    let both = [allowed[0], *last];
    let script = format!("exec taskset -c {},{} hullo", both[0], both[1]);
    Hullo::start(&script).has_workers(both.len().min(allowed.len()));
}

#[test]
fn each_worker_stays_on_its_core() {
    let allowed = allowed();
    let workers = allowed.len() + 1;
    let hullo = Hullo::start(&format!("exec hullo --pin --workers {workers}"));
    let own = |worker: usize| {
        let processor = allowed[worker % allowed.len()].to_string();
        (format!("hullo-{worker}"), processor)
    };
    // A thread takes its name and its place when it first runs.
    let start = Instant::now();
    let placement = loop {
        let placement = hullo.placement();
        if (0..workers).all(|worker| placement.contains(&own(worker))) {
            break placement;
        }
        assert!(start.elapsed() < PATIENCE, "{placement:?}");
        thread::sleep(Duration::from_millis(5));
    };
    // The others are free, and so is a process that takes over.
    let all = fs::read_to_string("/proc/self/status").unwrap();
    let others = placement.iter().filter(|(name, _)| name == "hullo-control");
    for (name, list) in others {
        assert!(
            all.contains(&format!("Cpus_allowed_list:\t{list}\n")),
            "{name}"
        );
    }
    let free = Hullo::start("exec hullo --workers 1").placement();
    assert!(free.iter().all(|(_, list)| all.contains(list.as_str())));
}

/// A control group with a quota, of version 1 or 2. `None`: this machine lets no test make one.
struct Group(PathBuf);

impl Group {
    fn new(quota: u32) -> Option<Self> {
        let name = format!("hullo-test-{}-{quota}", std::process::id());
        let one = Path::new("/sys/fs/cgroup/cpu");
        let (folder, file, text) = if one.is_dir() {
            (one.join(name), "cpu.cfs_quota_us", quota.to_string())
        } else {
            (
                Path::new("/sys/fs/cgroup").join(name),
                "cpu.max",
                format!("{quota} 100000"),
            )
        };
        fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        fs::write(group.0.join(file), text).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It can be removed once its processes are gone, to the last of the kernel.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_quota_is_rounded_up() {
    let allowed = allowed().len();
    for (quota, workers) in [(20_000, 1), (100_000, 1), (150_000, 2)] {
        let Some(group) = Group::new(quota) else {
            println!("skipped: no control group can be made here");
            return;
        };
        let procs = group.0.join("cgroup.procs");
        let hullo = Hullo::start(&format!("echo $$ > {}; exec hullo", procs.display()));
        hullo.has_workers(workers.min(allowed));
        drop(hullo);
    }
}

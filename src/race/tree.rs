//! A server's processes, and what they have cost so far: the one that was started, its descendants,
//! whoever else is in its process group, and those that have lost their parents, whom the race adopts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::time::ClockId;
use nix::unistd::Pid;

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock is.
const TICK_NS: u64 = 10_000_000;

/// Sums over the processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Exact: from the processes' own clocks.
    pub(super) cpu_ns: u64,
    /// Of that, to a hundredth of a second.
    pub(super) user_ns: u64,
    pub(super) system_ns: u64,
    /// The most that each held at any one time; pages that they share count for each.
    pub(super) rss_peak_bytes: u64,
    pub(super) processes: usize,
    /// Those that are alive, by their ids: what has ended takes its counts with it.
    pub(super) threads: BTreeMap<u32, Thread>,
}

/// What a thread has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) ran_ns: u64,
    /// It had to wait for something.
    pub(super) voluntary_switches: u64,
    /// It had to make room for another.
    pub(super) involuntary_switches: u64,
}

impl Usage {
    /// What each thread that is alive has counted since then.
    pub(super) fn threads_since(&self, before: &Self) -> impl Iterator<Item = Thread> {
        self.threads.iter().map(|(id, now)| {
            let then = before.threads.get(id).copied().unwrap_or_default();
            Thread {
                ran_ns: now.ran_ns.saturating_sub(then.ran_ns),
                voluntary_switches: now
                    .voluntary_switches
                    .saturating_sub(then.voluntary_switches),
                involuntary_switches: now
                    .involuntary_switches
                    .saturating_sub(then.involuntary_switches),
            }
        })
    }
}

/// Of a tree of processes, by the id of its root, which leads a process group. A child that ended is counted where its parent waited for it.
pub(super) fn usage(root: u32) -> Usage {
    let mut sum = Usage::default();
    for process in tree(root) {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.id.cast_signed()));
        // A process that has just ended is counted by whoever waited for it.
        let Ok(time) = clock.and_then(ClockId::now) else {
            continue;
        };
        let nanos = time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs();
        let children = (process.child_user_ticks + process.child_system_ticks) * TICK_NS;
        sum.cpu_ns += nanos + children;
        sum.user_ns += (process.user_ticks + process.child_user_ticks) * TICK_NS;
        sum.system_ns += (process.system_ticks + process.child_system_ticks) * TICK_NS;
        sum.rss_peak_bytes += 1024 * number_after(&read(process.id, "status"), "VmHWM:");
        sum.threads.extend(threads(process.id));
        sum.processes += 1;
    }
    sum
}

/// What a tree of processes holds in memory now, in bytes; pages that they share count for each.
/// (Counted in parts, they would seem to come and go with other processes of the same program.)
/// `None` when that may not be read of one of them.
pub(super) fn memory(root: u32) -> Option<u64> {
    tree(root)
        .iter()
        .map(|process| {
            let text = read(process.id, "smaps_rollup");
            text.contains("Rss:")
                .then(|| 1024 * number_after(&text, "Rss:"))
        })
        .sum()
}

/// Is a process of this tree alive?
pub(super) fn is_alive(root: u32) -> bool {
    !tree(root).is_empty()
}

/// Sends all of them a signal.
pub(super) fn signal(root: u32, signal: Signal) {
    for process in tree(root) {
        // Who has gone needs no signal.
        let _ = kill(Pid::from_raw(process.id.cast_signed()), signal);
    }
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    id: u32,
    parent: u32,
    group: u32,
    user_ticks: u64,
    system_ticks: u64,
    child_user_ticks: u64,
    child_system_ticks: u64,
}

impl Process {
    /// `None` for what has ended and only waits to be waited for, as well.
    fn parse(stat: &str) -> Option<Self> {
        // The name stands in parentheses, and may hold any byte.
        let (id, rest) = stat.split_once(" (")?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(Self {
            id: id.parse().ok()?,
            parent: field(4)?.try_into().ok()?,
            group: field(5)?.try_into().ok()?,
            user_ticks: field(14)?,
            system_ticks: field(15)?,
            child_user_ticks: field(16)?,
            child_system_ticks: field(17)?,
        })
    }
}

/// Set when whoever loses its parent becomes a child of this process: the children that it had
/// before, as one that a shell has made way for may have them.
static ADOPTS: OnceLock<BTreeSet<u32>> = OnceLock::new();

/// From here on, processes that have left their group and their parents behind are found again: they
/// become children of this process, which has no others of its own while it looks at a server. For a
/// race, which runs one server at a time.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if nix::sys::prctl::set_child_subreaper(true).is_ok() {
        let mut before = all();
        before.retain(|process| process.parent == std::process::id());
        let _ = ADOPTS.set(before.iter().map(|process| process.id).collect());
    }
}

/// Waits for the orphans that were adopted and have ended, or they would stay as zombies. Only while
/// nobody else is a child of this process who is still to be waited for.
pub(super) fn bury_orphans() {
    if ADOPTS.get().is_some() {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG))
            && status.pid().is_some()
        {}
    }
}

/// Of this machine.
fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Process::parse(&read(id, "stat"))
        })
        .collect()
}

fn tree(root: u32) -> Vec<Process> {
    let is_adopted = |process: &Process| {
        let before = ADOPTS.get();
        process.parent == std::process::id()
            && before.is_some_and(|before| !before.contains(&process.id))
    };
    of_tree(root, all(), is_adopted)
}

fn of_tree(root: u32, all: Vec<Process>, is_adopted: impl Fn(&Process) -> bool) -> Vec<Process> {
    let mut members: BTreeSet<u32> = all
        .iter()
        .filter(|process| process.id == root || process.group == root || is_adopted(process))
        .map(|process| process.id)
        .collect();
    loop {
        let children: Vec<u32> = all
            .iter()
            .filter(|process| members.contains(&process.parent) && !members.contains(&process.id))
            .map(|process| process.id)
            .collect();
        if children.is_empty() {
            break;
        }
        members.extend(children);
    }
    let mut tree = all;
    tree.retain(|process| members.contains(&process.id));
    tree
}

fn read(id: u32, name: &str) -> String {
    fs::read(format!("/proc/{id}/{name}"))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// The threads of a process, with their ids.
fn threads(id: u32) -> Vec<(u32, Thread)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{id}/task")) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let id = path.file_name()?.to_str()?.parse().ok()?;
            let status = fs::read_to_string(path.join("status")).ok()?;
            // Not every kernel keeps it.
            let schedule = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let thread = Thread {
                ran_ns: number_after(&schedule, ""),
                voluntary_switches: number_after(&status, "\nvoluntary_ctxt_switches:"),
                involuntary_switches: number_after(&status, "\nnonvoluntary_ctxt_switches:"),
            };
            Some((id, thread))
        })
        .collect()
}

/// The number after a key, 0 without one.
fn number_after(text: &str, key: &str) -> u64 {
    text.split_once(key)
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::*;

    /// A test that fails leaves no busy loop behind.
    struct Guard(u32);

    impl Drop for Guard {
        fn drop(&mut self) {
            signal(self.0, Signal::SIGKILL);
        }
    }

    #[test]
    fn a_line_of_proc_is_read() {
        let stat = "42 (a ) b (c)) S 7 41 1 0 -1 4194304 1 2 3 4 50 60 70 80 20 0 1 0 1 1";
        let process = Process::parse(stat).unwrap();
        assert_eq!((process.id, process.parent, process.group), (42, 7, 41));
        assert_eq!((process.user_ticks, process.system_ticks), (50, 60));
        assert_eq!(
            (process.child_user_ticks, process.child_system_ticks),
            (70, 80)
        );
        for wrong in [
            "",
            "42",
            "42 (a",
            "42 (a) S 1",
            "42 (a) Z 7 41 1 0 -1 1 1 2 3 4 5 6 7 8 9",
        ] {
            assert_eq!(Process::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn children_of_children_and_of_the_group_belong_to_it() {
        let process = |id, parent, group| Process {
            id,
            parent,
            group,
            user_ticks: 0,
            system_ticks: 0,
            child_user_ticks: 0,
            child_system_ticks: 0,
        };
        let all = vec![
            process(1, 0, 1),
            process(12, 11, 9),
            process(10, 1, 10),
            process(11, 10, 11),
            process(13, 1, 10),
            process(14, 1, 14),
            process(15, 1, 15),
        ];
        let ids: Vec<u32> = of_tree(10, all, |process| process.id == 14)
            .iter()
            .map(|process| process.id)
            .collect();
        assert_eq!(ids, [12, 10, 11, 13, 14]);
    }

    #[test]
    fn a_thread_that_has_ended_takes_nothing_from_the_others() {
        let thread = |count| Thread {
            ran_ns: 10 * count,
            voluntary_switches: count,
            involuntary_switches: 2 * count,
        };
        let of = |threads: &[(u32, u64)]| Usage {
            threads: threads
                .iter()
                .map(|&(id, count)| (id, thread(count)))
                .collect(),
            ..Usage::default()
        };
        let (before, after) = (of(&[(1, 5), (2, 1000)]), of(&[(1, 8), (3, 4)]));
        let since: Vec<Thread> = after.threads_since(&before).collect();
        assert_eq!(since, [thread(3), thread(4)]);
    }

    /// A shell that burns time in a child; one child has left the group, and one its parents.
    #[test]
    fn what_a_real_tree_costs_is_seen_and_all_of_it_is_ended() {
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "sh -c 'while :; do :; done' & (sleep 60 &) & setsid sleep 61",
            ])
            .process_group(0)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let root = shell.id();
        let _guard = Guard(root);
        let start = Instant::now();
        while usage(root).processes < 4 || usage(root).cpu_ns < 50_000_000 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{:?}",
                usage(root)
            );
            sleep(Duration::from_millis(10));
        }
        let before = usage(root);
        assert!(before.rss_peak_bytes > 100_000, "{before:?}");
        assert!(memory(root).unwrap() > 10_000);
        sleep(Duration::from_millis(100));
        let after = usage(root);
        assert!(after.cpu_ns > before.cpu_ns);
        let ran = after.threads_since(&before).map(|thread| thread.ran_ns);
        let busiest = ran.max().unwrap_or(0);
        // Not every kernel keeps it.
        let is_kept = Path::new("/proc/self/schedstat").exists();
        assert!(
            (busiest > 0 || !is_kept) && busiest <= after.cpu_ns,
            "{busiest}"
        );
        signal(root, Signal::SIGKILL);
        shell.wait().unwrap();
        while is_alive(root) {
            assert!(start.elapsed() < Duration::from_secs(20));
            sleep(Duration::from_millis(10));
        }
        assert_eq!(usage(root), Usage::default());
    }
}

//! A server's processes, and what they have used so far. All are below its guard, which is the subreaper
//! of those that lost their parents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::time::ClockId;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock is.
const TICK_NS: u64 = 10_000_000;

/// Sums over the processes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Usage {
    /// Exact: from the processes' own CPU clocks.
    pub(super) cpu_ns: u64,
    /// Of that, to a hundredth of a second.
    pub(super) user_ns: u64,
    pub(super) system_ns: u64,
    /// The sum of the processes' peaks; shared pages count for each.
    pub(super) rss_peak_bytes: u64,
    pub(super) processes: usize,
    /// The living threads, by their ids: a thread that ends takes its counts with it.
    pub(super) threads: BTreeMap<u32, Thread>,
}

/// What a thread has used since it began.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Thread {
    pub(super) ran_ns: u64,
    /// It waited.
    pub(super) voluntary_switches: u64,
    /// It was preempted.
    pub(super) involuntary_switches: u64,
}

impl Usage {
    fn add_ticks(&mut self, user: u64, system: u64) {
        self.user_ns += user.saturating_mul(TICK_NS);
        self.system_ns += system.saturating_mul(TICK_NS);
    }

    /// What each living thread has used since then.
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

/// Sums over all processes below a guard. A process that has ended counts by itself until it is reaped,
/// and then with its parent, or with the guard if it had lost that.
pub(super) fn usage(guard: u32) -> Usage {
    let all = all();
    let mut sum = Usage::default();
    // The guard itself is not a part of the server.
    if let Some(process) = all.iter().find(|process| process.id == guard) {
        sum.add_ticks(process.child_user_ticks, process.child_system_ticks);
        sum.cpu_ns += process.child_ticks().saturating_mul(TICK_NS);
    }
    for process in below(guard, &all) {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.id.cast_signed()));
        let nanos = match clock.and_then(ClockId::now) {
            Ok(time) => {
                time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs()
            }
            // It was just reaped, or its clock is gone.
            Err(_) => process.own_ticks().saturating_mul(TICK_NS),
        };
        sum.cpu_ns += nanos + process.child_ticks().saturating_mul(TICK_NS);
        sum.add_ticks(process.user_ticks, process.system_ticks);
        sum.add_ticks(process.child_user_ticks, process.child_system_ticks);
        if !process.has_ended {
            sum.rss_peak_bytes += 1024 * number_after(&read(process.id, "status"), "VmHWM:");
            sum.threads.extend(threads(process.id));
            sum.processes += 1;
        }
    }
    sum
}

/// CPU time of all other visible processes and of the children that they have reaped, in nanoseconds.
pub(super) fn others_ns(guard: u32) -> u64 {
    let all = all();
    let ours: BTreeSet<u32> = below(guard, &all).map(|process| process.id).collect();
    let others = all.iter().filter(|process| !ours.contains(&process.id));
    let ticks = others.fold(0_u64, |sum, process| {
        let waited_for = if process.id == guard {
            0
        } else {
            process.child_ticks()
        };
        sum.saturating_add(process.own_ticks())
            .saturating_add(waited_for)
    });
    ticks.saturating_mul(TICK_NS)
}

/// CPU time of each process in nanoseconds, with the name of its program.
pub(super) fn time_by_program() -> BTreeMap<u32, (String, u64)> {
    let all = all().into_iter().map(|process| {
        let nanos = process.own_ticks().saturating_mul(TICK_NS);
        (process.id, (process.name, nanos))
    });
    all.collect()
}

/// How long cores have run programs, or the kernel for them, in nanoseconds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Busy {
    /// All cores of the machine.
    pub(super) all_ns: u64,
    /// Those of the server.
    pub(super) server_ns: u64,
}

impl Busy {
    /// `None` where the system does not report it.
    pub(super) fn now(server: &[usize]) -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?, server)
    }

    fn parse(text: &str, server: &[usize]) -> Option<Self> {
        let of = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            // user, nice, system
            let mut fields = line.split_whitespace().map(str::parse::<u64>);
            (0..3).try_fold(0_u64, |sum, _| sum.checked_add(fields.next()?.ok()?))
        };
        let server = server.iter().try_fold(0_u64, |sum, core| {
            sum.checked_add(of(&format!("cpu{core} "))?)
        });
        Some(Self {
            all_ns: of("cpu ")?.saturating_mul(TICK_NS),
            server_ns: server?.saturating_mul(TICK_NS),
        })
    }
}

/// Memory of the processes below a guard now, in bytes. Shared pages count for each: shared out, they would
/// seem to come and go with other processes of the same program. `None` if one of them may not be read.
pub(super) fn memory(guard: u32) -> Option<u64> {
    below(guard, &all())
        .filter(|process| !process.has_ended)
        .map(|process| {
            let text = read(process.id, "smaps_rollup");
            text.contains("Rss:")
                .then(|| 1024 * number_after(&text, "Rss:"))
        })
        .sum()
}

/// The ids of the processes below a guard that have not ended.
pub(super) fn alive(guard: u32) -> Vec<u32> {
    let all = all();
    let alive = below(guard, &all).filter(|process| !process.has_ended);
    alive.map(|process| process.id).collect()
}

/// Sends all of them a signal.
pub(super) fn signal(guard: u32, signal: Signal) {
    for id in alive(guard) {
        // It may have ended meanwhile.
        let _ = kill(Pid::from_raw(id.cast_signed()), signal);
    }
}

/// The children of a process, also those that have ended but were not reaped.
pub(super) fn children(parent: u32) -> Vec<Pid> {
    let mut all = all();
    all.retain(|process| process.parent == parent);
    let ids = all.iter().map(|process| process.id.cast_signed());
    ids.map(Pid::from_raw).collect()
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    id: u32,
    parent: u32,
    name: String,
    /// It has ended and waits to be reaped.
    has_ended: bool,
    user_ticks: u64,
    system_ticks: u64,
    child_user_ticks: u64,
    child_system_ticks: u64,
}

impl Process {
    fn parse(stat: &str) -> Option<Self> {
        // The name is in parentheses and may hold any byte.
        let (id, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            id: id.parse().ok()?,
            parent: field(4)?.try_into().ok()?,
            name: name.to_owned(),
            // A process whose first thread has ended looks the same while others run.
            has_ended: matches!(*fields.first()?, "Z" | "X") && field(20)? <= 1,
            user_ticks: field(14)?,
            system_ticks: field(15)?,
            child_user_ticks: field(16)?,
            child_system_ticks: field(17)?,
        })
    }

    fn own_ticks(&self) -> u64 {
        self.user_ticks.saturating_add(self.system_ticks)
    }

    /// Of the children that it has reaped.
    fn child_ticks(&self) -> u64 {
        self.child_user_ticks
            .saturating_add(self.child_system_ticks)
    }
}

/// Set once this process is a subreaper: the children that it had before, as a program that replaced a
/// shell may have.
static BEFORE: OnceLock<BTreeSet<Pid>> = OnceLock::new();

/// Makes this process a subreaper: a server that has killed its guard becomes its child, and it has no
/// other new ones between two servers.
pub(super) fn become_subreaper() {
    #[cfg(target_os = "linux")]
    if nix::sys::prctl::set_child_subreaper(true).is_ok() {
        let _ = BEFORE.set(children(std::process::id()).into_iter().collect());
    }
}

/// Kills and reaps the orphans that became children of this process, for this long at most. To be called
/// only while this process has no other children.
pub(super) fn end_orphans(limit: Duration) {
    let Some(before) = BEFORE.get() else {
        return;
    };
    let start = Instant::now();
    loop {
        let mut orphans = children(std::process::id());
        orphans.retain(|orphan| !before.contains(orphan));
        if orphans.is_empty() || start.elapsed() > limit {
            return;
        }
        for orphan in orphans {
            let _ = kill(orphan, Signal::SIGKILL);
            let _ = waitpid(orphan, Some(WaitPidFlag::WNOHANG));
        }
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

/// Except the root itself.
fn below(root: u32, all: &[Process]) -> impl Iterator<Item = &Process> {
    let mut members = BTreeSet::from([root]);
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|process| members.contains(&process.parent) && !members.contains(&process.id))
            .map(|process| process.id)
            .collect();
        if more.is_empty() {
            break;
        }
        members.extend(more);
    }
    members.remove(&root);
    all.iter()
        .filter(move |process| members.contains(&process.id))
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
    use super::*;

    const STAT: &str = "42 (a ) b (c)) S 7 41 1 0 -1 4194304 1 2 3 4 50 60 70 80 20 0 1 0 1 1";

    #[test]
    fn a_line_of_proc_is_read() {
        let process = Process::parse(STAT).unwrap();
        assert_eq!((process.id, process.parent), (42, 7));
        assert_eq!(process.name, "a ) b (c)");
        assert_eq!((process.user_ticks, process.system_ticks), (50, 60));
        assert_eq!((process.own_ticks(), process.child_ticks()), (110, 150));
        for wrong in ["", "42", "42 (a", "42 (a) S 1"] {
            assert_eq!(Process::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_has_ended_keeps_its_times_and_a_first_thread_is_no_process() {
        let zombie = Process::parse(&STAT.replace(") S", ") Z")).unwrap();
        assert!(zombie.has_ended && zombie.own_ticks() == 110);
        let first_thread = STAT.replace(") S", ") Z").replace("20 0 1 0", "20 0 3 0");
        assert!(!Process::parse(&first_thread).unwrap().has_ended);
    }

    #[test]
    fn children_of_children_belong_to_it_and_the_root_does_not() {
        let process = |id, parent| Process {
            id,
            parent,
            ..Process::parse(STAT).unwrap()
        };
        let all = [(1, 0), (12, 11), (10, 1), (11, 10), (13, 10), (14, 1)]
            .map(|(id, parent)| process(id, parent));
        let ids: Vec<u32> = below(10, &all).map(|process| process.id).collect();
        assert_eq!(ids, [12, 11, 13]);
    }

    #[test]
    fn busy_cores_are_found_by_their_numbers() {
        let text = "cpu  9 9 9 9\ncpu0 1 2 3 1000 5 6 7 8\ncpu1 10 20 30 1000\ncpu10 5 5 5 0\n";
        let found = |text: &str, cores: &[usize]| {
            let busy = Busy::parse(text, cores)?;
            Some((busy.all_ns / TICK_NS, busy.server_ns / TICK_NS))
        };
        assert_eq!(found(text, &[0]), Some((27, 6)));
        assert_eq!(found(text, &[0, 1]), Some((27, 66)));
        assert_eq!(found(text, &[10]), Some((27, 15)));
        assert_eq!(found(text, &[2]), None);
        assert_eq!(found("cpu  1 2 3\ncpu0 1 2", &[0]), None);
        let endless = format!("cpu  1 2 3\ncpu0 {} 2 3", u64::MAX);
        assert_eq!(found(&endless, &[0]), None);
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
}

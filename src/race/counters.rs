//! What the processor itself counts of a server: instructions, cycles and cache misses. Unlike CPU time, they
//! hardly depend on the clock of the cores or on what else runs. Few virtual machines have them.

use std::io::{self, ErrorKind};

use perf_event_open::config::{Cpu, Inherit, Opts, Proc};
use perf_event_open::count::Counter;
use perf_event_open::event::Event;
use perf_event_open::event::hw::Hardware;
use serde::{Deserialize, Serialize};

/// Of all threads of a server, and of those that they started meanwhile. Null is what this processor does not
/// count.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) instructions: Option<u64>,
    pub(super) cycles: Option<u64>,
    /// Of the last level.
    pub(super) cache_misses: Option<u64>,
    /// False if only the server's own code was counted, not what the kernel did for it.
    pub(super) with_kernel: bool,
}

/// Running.
pub(super) struct Counters {
    instructions: Option<Group>,
    cycles: Option<Group>,
    cache_misses: Option<Group>,
    with_kernel: bool,
}

/// Why this race cannot count; none if it can.
pub(super) fn unavailable() -> Option<String> {
    let own = [std::process::id()];
    Counters::start(&own).err().map(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Unsupported => "the machine has none".to_owned(),
        ErrorKind::PermissionDenied => {
            "not permitted: sysctl kernel.perf_event_paranoid=1 permits it".to_owned()
        }
        _ => error.to_string(),
    })
}

impl Counters {
    /// Counts from now on what these threads do, and the threads and processes that they start.
    pub(super) fn start(threads: &[u32]) -> io::Result<Self> {
        let of = |event: fn() -> Hardware, with_kernel| Group::start(event, threads, with_kernel);
        let (instructions, with_kernel) = match of(|| Hardware::Instr, true) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                (of(|| Hardware::Instr, false)?, false)
            }
            started => (started?, true),
        };
        Ok(Self {
            instructions: Some(instructions),
            cycles: of(|| Hardware::CpuCycle, with_kernel).ok(),
            cache_misses: of(|| Hardware::CacheMiss, with_kernel).ok(),
            with_kernel,
        })
    }

    /// So far.
    pub(super) fn counts(&self) -> Counts {
        let of = |group: &Option<Group>| group.as_ref().and_then(Group::sum);
        Counts {
            instructions: of(&self.instructions),
            cycles: of(&self.cycles),
            cache_misses: of(&self.cache_misses),
            with_kernel: self.with_kernel,
        }
    }
}

/// A counter of the same event for each thread.
struct Group(Vec<Counter>);

impl Group {
    fn start<E: TryInto<Event, Error = io::Error>>(
        event: fn() -> E,
        threads: &[u32],
        with_kernel: bool,
    ) -> io::Result<Self> {
        let mut options = Opts {
            inherit: Some(Inherit::NewChild),
            enable: true,
            ..Opts::default()
        };
        options.exclude.kernel = !with_kernel;
        options.exclude.hv = true;
        options.stat_format.time_enabled = true;
        options.stat_format.time_running = true;
        let mut counters = Vec::new();
        for thread in threads {
            match Counter::new(event(), (Proc(*thread), Cpu::ALL), &options) {
                Ok(counter) => counters.push(counter),
                // ESRCH: the thread has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(counters))
    }

    /// Where several events share a counter of the processor, what it has not seen is estimated.
    fn sum(&self) -> Option<u64> {
        let mut sum = 0.0;
        for counter in &self.0 {
            let stat = counter.stat().ok()?;
            let (enabled, running) = (stat.time_enabled?, stat.time_running?);
            // A thread that never ran has counted nothing.
            if running > 0 {
                sum += stat.count as f64 * enabled as f64 / running as f64;
            }
        }
        Some(sum.round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use perf_event_open::event::sw::Software;

    use super::*;

    /// The clock of the tasks is a counter that every machine has.
    fn clock(threads: &[u32]) -> io::Result<Group> {
        let start = |with_kernel| Group::start(|| Software::TaskClock, threads, with_kernel);
        start(true).or_else(|_| start(false))
    }

    /// A loop that begins when something is sent, in a process that the watched one starts.
    #[test]
    fn what_a_process_starts_is_counted_with_it() {
        let script = "read go; (i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done); read end";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let counted = clock(&[shell.id()]);
        let mut input = shell.stdin.take().unwrap();
        input.write_all(b"go\n").unwrap();
        let group = match counted {
            Ok(group) => group,
            Err(error) => {
                // A kernel may permit no counters at all.
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                drop(input);
                shell.wait().unwrap();
                return;
            }
        };
        let before = group.sum().unwrap();
        drop(input);
        shell.wait().unwrap();
        let after = group.sum().unwrap();
        // The loop takes 20 ms and more.
        assert!(after > before && after > 5_000_000, "{before} {after}");
    }

    #[test]
    fn a_thread_that_has_ended_is_left_out() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        if let Ok(group) = clock(&[child.id()]) {
            assert!(group.0.is_empty());
            assert_eq!(group.sum(), Some(0));
        }
    }

    #[test]
    fn hardware_is_counted_or_it_is_said_why_not() {
        if let Some(reason) = unavailable() {
            assert!(!reason.is_empty());
            return;
        }
        let counters = Counters::start(&[std::process::id()]).unwrap();
        assert!(counters.counts().instructions.is_some());
    }
}

//! What the kernel knows of this process: proc(5).

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::server::open_file_limit;

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

/// What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu: Duration,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) max_files: u64,
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub(super) started: Option<f64>,
}

impl Process {
    pub(super) fn read() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = file("/proc/self/status");
        let files = fs::read_dir("/proc/self/fd").ok();
        Self {
            cpu: Duration::new(
                cpu.tv_sec.unsigned_abs(),
                u32::try_from(cpu.tv_nsec).unwrap_or_default(),
            ),
            resident_bytes: kib_after(&status, "VmRSS:"),
            virtual_bytes: kib_after(&status, "VmSize:"),
            // The folder that is read is open as well.
            open_files: files.map(|files| (files.count() as u64).saturating_sub(1)),
            max_files: open_file_limit() as u64,
            started: started(&file("/proc/self/stat"), &file("/proc/stat")),
        }
    }
}

/// `VmRSS:      5120 kB`
fn kib_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// From the line of a process, in which its name, in parentheses, may have anything in it, and from the time at which
/// the machine was started: `btime 1700000000`.
fn started(process: &str, machine: &str) -> Option<f64> {
    let (_, after_name) = process.rsplit_once(") ")?;
    // The field 22 of the line; the first one behind the name is 3.
    let ticks: f64 = after_name.split(' ').nth(22 - 3)?.parse().ok()?;
    let boot = machine
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn lines_of_proc_are_read() {
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t      4 kB\n";
        assert_eq!(kib_after(status, "VmRSS:"), Some(4096));
        assert_eq!(kib_after(status, "VmHWM:"), None);
        let stat = "7 (a) b) ) S 1 7 7 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 12345 1 1";
        assert_eq!(started(stat, "cpu 1\nbtime 1000\n"), Some(1000.0 + 123.45));
        assert_eq!(started(stat, "cpu 1\n"), None);
        assert_eq!(started("", "btime 1000\n"), None);
    }

    #[test]
    fn this_process_is_known() {
        let process = Process::read();
        assert!(process.cpu > Duration::ZERO);
        assert!(process.resident_bytes.unwrap() > 1 << 20);
        assert!(process.virtual_bytes >= process.resident_bytes);
        assert!((3..=process.max_files).contains(&process.open_files.unwrap()));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let age = now.unwrap().as_secs_f64() - process.started.unwrap();
        // The machine's clock may have been set since it was started.
        assert!((-60.0..86_400.0).contains(&age), "{age}");
    }
}

//! What this thread has cost so far.

use rustix::time::{ClockId, clock_gettime};

/// Of one thread, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// It ran on a core.
    pub(super) cpu: u64,
    /// It could have run, but others had the core. 0 where the system does not say.
    pub(super) queued: u64,
}

impl Cost {
    pub(super) fn of_this_thread() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let cpu = time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs();
        let queued = std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|text| text.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0);
        Self { cpu, queued }
    }

    pub(super) fn since(self, start: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(start.cpu),
            queued: self.queued.saturating_sub(start.queued),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_and_sleep_does_not() {
        let start = Cost::of_this_thread();
        let asleep = std::time::Duration::from_millis(30);
        std::thread::sleep(asleep);
        let slept = Cost::of_this_thread().since(start);
        assert!(slept.cpu < 20_000_000, "{slept:?}");
        let mut bytes = [1_u8; 1024];
        while Cost::of_this_thread().since(start).cpu < slept.cpu + 5_000_000 {
            bytes.reverse();
        }
        assert!(bytes[0] == 1);
    }
}

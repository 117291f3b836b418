//! The CPU time of this thread.

use rustix::time::{ClockId, clock_gettime};

/// Times of one thread, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Running on a core.
    pub(super) cpu: u64,
    /// Ready to run, but waiting for a core. 0 where the system does not report it.
    pub(super) queued: u64,
}

impl Cost {
    /// Since the thread began. The CPU time is read last, so that reading the rest does not count.
    pub(super) fn so_far() -> Self {
        let queued = queued();
        Self { cpu: cpu(), queued }
    }

    /// Since `self` was read. The CPU time is read first.
    pub(super) fn to_now(self) -> Self {
        let cpu = cpu().saturating_sub(self.cpu);
        Self {
            cpu,
            queued: queued().saturating_sub(self.queued),
        }
    }

    /// Without what was spent on waiting.
    pub(super) fn without(self, waited: u64) -> Self {
        let cpu = self.cpu.saturating_sub(waited);
        Self { cpu, ..self }
    }
}

pub(super) fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

fn queued() -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_and_sleep_does_not() {
        let start = Cost::so_far();
        let asleep = std::time::Duration::from_millis(30);
        std::thread::sleep(asleep);
        let slept = start.to_now();
        assert!(slept.cpu < 20_000_000, "{slept:?}");
        let mut bytes = [1_u8; 1024];
        while start.to_now().cpu < slept.cpu + 5_000_000 {
            bytes.reverse();
        }
        assert!(bytes[0] == 1);
    }
}

//! What a server costs between two moments. Its CPU time, the clock and the machine's counters are read
//! together, so that a share of a time is of that time.

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::process_tree::{self, Busy, Thread, Usage};
use super::record::ServerCost;

/// The machine counts in ticks, and not exactly: less than this may be an error, or another program.
const UNCOUNTED_NS_MIN: f64 = 250e6;

/// As a share of the server's counted CPU time: less may be an error.
const UNCOUNTED_SHARE_MIN: f64 = 1.0;

/// What was counted at one moment.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Sample {
    /// By a clock of the machine that never goes back.
    at_ns: u64,
    pub(super) usage: Usage,
    /// Of all processes except the server's.
    others_ns: u64,
    busy: Option<Busy>,
}

impl Sample {
    /// Samples the processes below a guard, and their cores.
    pub(super) fn take(guard: u32, cores: &[usize]) -> Self {
        Self {
            others_ns: process_tree::others_ns(guard),
            busy: Busy::now(cores),
            usage: process_tree::usage(guard),
            at_ns: now_ns(),
        }
    }
}

fn now_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec().unsigned_abs() * 1_000_000_000 + now.tv_nsec().unsigned_abs()
    })
}

/// The difference of two samples, around this many requests on this many cores.
pub(super) fn cost(before: &Sample, after: &Sample, requests: u64, cores: usize) -> ServerCost {
    let (old, new) = (&before.usage, &after.usage);
    let cpu = new.cpu_ns.saturating_sub(old.cpu_ns);
    let user = new.user_ns.saturating_sub(old.user_ns);
    let system = new.system_ns.saturating_sub(old.system_ns);
    // User and system time are known to a hundredth of a second, their sum exactly.
    let part = ratio(user as f64, (user + system) as f64);
    let user_ns = (cpu as f64 * part).round() as u64;
    let time = after.at_ns.saturating_sub(before.at_ns) as f64;
    let threads: Vec<Thread> = new.threads_since(old).collect();
    let busiest_ns = threads.iter().map(|thread| thread.ran_ns).max();
    ServerCost {
        user_ns,
        system_ns: cpu.saturating_sub(user_ns),
        cpu_ns_per_request: ratio(cpu as f64, requests as f64),
        utilisation: ratio(cpu as f64, time * cores as f64),
        busiest_thread: ratio(busiest_ns.unwrap_or(0) as f64, time),
        uncounted_ns: uncounted_ns(before, after, cpu),
        rss_peak_bytes: new.rss_peak_bytes,
        voluntary_switches: threads.iter().map(|t| t.voluntary_switches).sum(),
        involuntary_switches: threads.iter().map(|t| t.involuntary_switches).sum(),
        processes: new.processes,
        counts: None,
    }
}

/// Share of the time of all cores of the machine that programs used which are neither the server nor the load.
pub(super) fn others(before: &Sample, after: &Sample, load_ns: u64, cores: usize) -> f64 {
    let others = after.others_ns.saturating_sub(before.others_ns);
    let others = others.saturating_sub(load_ns) as f64;
    let time = after.at_ns.saturating_sub(before.at_ns) as f64;
    ratio(others, time * cores as f64).min(1.0)
}

/// How long the machine was busy with what no process accounts for. At most as long as the server's cores
/// were busy with anything but the server, because it is not known which core another program used.
fn uncounted_ns(before: &Sample, after: &Sample, cpu_ns: u64) -> Option<u64> {
    let (then, now) = before.busy.zip(after.busy)?;
    let others = after.others_ns.saturating_sub(before.others_ns);
    let of_all = now.all_ns.saturating_sub(then.all_ns);
    let of_server = now.server_ns.saturating_sub(then.server_ns);
    let of_nothing = of_all.saturating_sub(others).saturating_sub(cpu_ns);
    Some(of_nothing.min(of_server.saturating_sub(cpu_ns)))
}

impl ServerCost {
    /// As its cores, or as its busiest thread if it does not use all of them.
    pub(super) fn busy(&self) -> f64 {
        self.utilisation.max(self.busiest_thread)
    }

    /// Whether its cores were busy clearly longer than all visible processes account for.
    pub(super) fn is_uncounted(&self) -> bool {
        let counted = self.user_ns as f64 + self.system_ns as f64;
        let uncounted = self.uncounted_ns.unwrap_or(0) as f64;
        uncounted > UNCOUNTED_NS_MIN && uncounted > counted * UNCOUNTED_SHARE_MIN
    }
}

/// 0 for a division by 0: JSON has no NaN.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_ns: u64, [cpu, others, all, server]: [u64; 4]) -> Sample {
        let ns = |ms: u64| ms * 1_000_000;
        Sample {
            at_ns,
            usage: Usage {
                cpu_ns: ns(cpu),
                user_ns: ns(cpu),
                processes: 1,
                ..Usage::default()
            },
            others_ns: ns(others),
            busy: Some(Busy {
                all_ns: ns(all),
                server_ns: ns(server),
            }),
        }
    }

    /// 1 s of a server with one core of two. In milliseconds: what it used and what others used, and
    /// for how long all cores and the server's were busy.
    fn second(used: [u64; 4]) -> ServerCost {
        let start = now_ns();
        let before = [500, 700, 1900, 900];
        let mut after = before;
        for (sum, more) in after.iter_mut().zip(used) {
            *sum += more;
        }
        let end = start + 1_000_000_000;
        cost(&sample(start, before), &sample(end, after), 1000, 1)
    }

    #[test]
    fn a_part_of_a_time_is_of_that_time() {
        let found = second([1000, 0, 1000, 1000]);
        assert!((found.utilisation - 1.0).abs() < 1e-9, "{found:?}");
        assert!((found.cpu_ns_per_request - 1e6).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn others_are_neither_the_server_nor_the_load() {
        let start = now_ns();
        let before = sample(start, [0, 700, 0, 0]);
        let after = sample(start + 1_000_000_000, [900, 1700, 0, 0]);
        assert!((others(&before, &after, 600_000_000, 2) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn time_that_no_process_accounts_for_is_seen() {
        assert!(second([150, 0, 950, 950]).is_uncounted());
        // The generator has used the other core meanwhile.
        assert!(second([150, 1000, 1950, 950]).is_uncounted());
        // A neighbour has used this one, or both.
        assert!(!second([150, 800, 950, 950]).is_uncounted());
        assert!(!second([150, 1850, 2000, 1000]).is_uncounted());
        // Something that cannot be seen has used the other one.
        assert!(!second([950, 0, 1950, 1000]).is_uncounted());
        assert!(!second([20, 0, 110, 110]).is_uncounted());
    }
}

//! Which processors this process may use, and how many at once.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::control_groups::{Version, folders, read};

/// How many processors this process can keep busy: those that it may run on, and no more than the
/// quotas of its control groups allow, rounded up.
pub(super) fn available() -> NonZeroUsize {
    let allowed = match allowed().len() {
        // The system does not say.
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        count => count,
    };
    within(allowed, &folders("cpu"))
}

fn within(allowed: usize, folders: &[(Version, PathBuf)]) -> NonZeroUsize {
    let quotas = folders
        .iter()
        .filter_map(|(version, folder)| quota(*version, folder));
    let count = quotas.chain([allowed]).min().unwrap_or(allowed);
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

/// The processors that this thread may run on, in ascending order.
pub(super) fn allowed() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        (0..CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .collect()
    }
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// On which processor each worker stays. None: on no particular one.
pub(super) fn of_workers(workers: usize, pin: bool) -> Vec<usize> {
    let allowed = if pin { allowed() } else { Vec::new() };
    allowed.iter().copied().cycle().take(workers).collect()
}

/// Makes this thread run on one processor only.
///
/// # Errors
///
/// Those of `sched_setaffinity(2)`.
pub(super) fn pin(cpu: usize) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        set.set(cpu);
        sched_setaffinity(None, &set)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = cpu;
    Ok(())
}

/// How many processors a group may keep busy, rounded up. `None`: it has no quota.
fn quota(version: Version, folder: &Path) -> Option<usize> {
    let (quota, period) = match version {
        Version::Two => {
            let text = read(folder, "cpu.max")?;
            let (quota, period) = text.split_once(' ')?;
            (quota.to_owned(), period.to_owned())
        }
        Version::One => (
            read(folder, "cpu.cfs_quota_us")?,
            read(folder, "cpu.cfs_period_us")?,
        ),
    };
    // `max` and -1 are no numbers, and no quota.
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    if period == 0 {
        return None;
    }
    usize::try_from(quota.div_ceil(period)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors_of_this_thread_are_known() {
        let allowed = allowed();
        if cfg!(target_os = "linux") {
            assert!(!allowed.is_empty());
        }
        assert!(available().get() <= allowed.len().max(1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_pinned() {
        let last = *allowed().last().unwrap();
        let pinned = std::thread::spawn(move || {
            pin(last).unwrap();
            (allowed(), available().get())
        });
        assert_eq!(pinned.join().unwrap(), (vec![last], 1));
    }

    #[cfg(feature = "cli")]
    #[test]
    fn quotas_round_up_and_the_smallest_on_the_way_to_the_root_counts() {
        use super::super::control_groups::folders_of;
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("free/cpu.max", "max 100000\n");
        write("tiny/cpu.max", "1000 100000\n");
        write("whole/cpu.max", "200000 100000\n");
        write("half/cpu.max", "150000 100000\n");
        write("half/wide/cpu.max", "800000 100000\n");
        write("broken/cpu.max", "5 0\n");
        write("cpu/none/cpu.cfs_quota_us", "-1\n");
        write("cpu/none/cpu.cfs_period_us", "100000\n");
        write("cpu/three/cpu.cfs_quota_us", "250000\n");
        write("cpu/three/cpu.cfs_period_us", "100000\n");
        // In a container: its own group is the root of what it sees.
        write("cpu/cpu.cfs_quota_us", "350000\n");
        write("cpu/cpu.cfs_period_us", "100000\n");
        for (groups, count) in [
            ("", 8),
            ("0::/free\n", 8),
            ("0::/absent\n", 8),
            ("0::/tiny\n", 1),
            ("0::/whole\n", 2),
            ("0::/half\n", 2),
            ("0::/half/wide\n", 2),
            ("0::/broken\n", 8),
            ("4:cpu,cpuacct:/none\n0::/\n", 4),
            ("4:cpu,cpuacct:/three\n0::/\n", 3),
            ("4:cpu:/docker/1234\n", 4),
            ("4:memory:/three\n", 8),
        ] {
            let folders = folders_of(groups, root.path(), "cpu");
            assert_eq!(within(8, &folders).get(), count, "{groups:?}");
        }
    }
}

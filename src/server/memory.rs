//! How much memory this process may use.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// The smallest of the machine's memory, the limits of the process (`ulimit -v`, `ulimit -d`) and those
/// of its control groups, in bytes. A limit that cannot be read is skipped.
pub(super) fn available() -> u64 {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    limits
        .into_iter()
        .flatten()
        .chain(group_limits(&groups, Path::new("/sys/fs/cgroup")))
        .chain(machine(&meminfo))
        .min()
        .unwrap_or(u64::MAX)
}

/// `MemTotal:       24576000 kB`
fn machine(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The limits of the control groups of a process and of their ancestors. In `/proc/self/cgroup`,
/// `0::/path` is version 2 and `7:memory:/path` version 1: see cgroups(7).
fn group_limits(groups: &str, root: &Path) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = if controllers.is_empty() {
            (root.to_path_buf(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            limits.extend(limit(root.join(group).join(file)));
        }
    }
    limits
}

/// `max` is not a limit.
fn limit(file: PathBuf) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(
            machine("MemTotal:       2048 kB\nMemFree: 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(machine("MemFree: 1 kB\n"), None);
        assert!(available() > 1 << 20);
    }

    #[cfg(feature = "cli")]
    #[test]
    fn the_limits_of_control_groups_are_read_up_to_the_root() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "1000\n");
        write("memory/c/memory.limit_in_bytes", "2000\n");
        let limits = |groups| group_limits(groups, root.path());
        assert_eq!(limits("0::/a/b\n"), [1000]);
        assert_eq!(limits("3:cpu,memory:/c\n1:name=systemd:/x\n0::/\n"), [2000]);
        assert!(limits("nonsense\n").is_empty());
    }
}

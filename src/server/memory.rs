//! How much memory this process may use.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};

use super::control_groups::{Version, folders, read};

/// The smallest of the machine's memory, the limits of the process (`ulimit -v`, `ulimit -d`) and those
/// of its control groups, in bytes. A limit that cannot be read is skipped.
pub(super) fn available() -> u64 {
    let limits = [Resource::As, Resource::Data].map(|resource| getrlimit(resource).current);
    let groups = folders("memory");
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    limits
        .into_iter()
        .flatten()
        .chain(group_limits(&groups))
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

/// The limits of groups. `max` is not a limit.
fn group_limits(folders: &[(Version, PathBuf)]) -> impl Iterator<Item = u64> {
    folders.iter().filter_map(|(version, folder)| {
        let file = match version {
            Version::Two => "memory.max",
            Version::One => "memory.limit_in_bytes",
        };
        read(folder, file)?.parse().ok()
    })
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
        use super::super::control_groups::folders_of;
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "1000\n");
        write("memory/c/memory.limit_in_bytes", "2000\n");
        let limits = |groups| {
            let folders = folders_of(groups, root.path(), "memory");
            group_limits(&folders).collect::<Vec<u64>>()
        };
        assert_eq!(limits("0::/a/b\n"), [1000]);
        assert_eq!(limits("3:cpu,memory:/c\n1:name=systemd:/x\n0::/\n"), [2000]);
        assert!(limits("nonsense\n").is_empty());
    }
}

//! The control groups of this process: where the kernel says how much it may use.

use std::fs;
use std::path::{Path, PathBuf};

/// Which interface a folder has: see cgroups(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The folders of the groups of this process that have a controller, and of their ancestors.
pub(super) fn folders(controller: &str) -> Vec<(Version, PathBuf)> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    folders_of(&groups, Path::new("/sys/fs/cgroup"), controller)
}

/// In `/proc/self/cgroup`, `0::/path` is version 2 and `7:cpu,cpuacct:/path` version 1. In a container the
/// path may be that of the host: then the ancestors lead to the root, which is the container's own group.
pub(super) fn folders_of(groups: &str, root: &Path, controller: &str) -> Vec<(Version, PathBuf)> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, version) = if controllers.is_empty() {
            (root.to_path_buf(), Version::Two)
        } else if controllers.split(',').any(|name| name == controller) {
            (root.join(controller), Version::One)
        } else {
            continue;
        };
        let groups = Path::new(path.trim_start_matches('/')).ancestors();
        folders.extend(groups.map(|group| (version, root.join(group))));
    }
    folders
}

/// The text of a file, without white space around it.
pub(super) fn read(folder: &Path, file: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    Some(text.trim().to_owned())
}

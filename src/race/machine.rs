//! The machine, and which of its cores do what.

use std::collections::BTreeMap;
use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::record::Machine;

/// What this machine is.
pub(super) fn describe() -> Machine {
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let found = text.lines().find_map(|line| {
            let value = line.strip_prefix(key)?;
            Some(value.trim_start_matches([' ', '\t', ':', '=']).to_owned())
        });
        found.unwrap_or_else(|| "unknown".to_owned())
    };
    let memory = line("/proc/meminfo", "MemTotal");
    let kib: u64 = memory
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cpu: line("/proc/cpuinfo", "model name"),
        cores: allowed().len(),
        memory_bytes: kib * 1024,
        system: line("/etc/os-release", "PRETTY_NAME")
            .trim_matches('"')
            .to_owned(),
        kernel: format!("Linux {}", kernel.trim()),
    }
}

/// How many cores the machine has, whichever this process may run on.
pub(super) fn all() -> usize {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let cores = text.lines().filter(|line| {
        let number = line.strip_prefix("cpu");
        number.is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
    });
    cores.count().max(allowed().len())
}

/// The cores that this process may run on, in order.
pub(super) fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU)
        .filter(|&core| set.is_set(core))
        .collect()
}

/// Two halves of the cores, for the servers and for the load. Threads of one physical core, which share its
/// units, stay together. A single core serves both.
pub(super) fn halves(cores: &[usize]) -> (Vec<usize>, Vec<usize>) {
    split(cores, |core| {
        let id = |name: &str| {
            let path = format!("/sys/devices/system/cpu/cpu{core}/topology/{name}");
            fs::read_to_string(path)
                .ok()
                .and_then(|text| text.trim().parse::<i64>().ok())
                .unwrap_or(-1)
        };
        (id("physical_package_id"), id("core_id"))
    })
}

fn split<K: Ord>(cores: &[usize], place: impl Fn(usize) -> K) -> (Vec<usize>, Vec<usize>) {
    let mut places: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for &core in cores {
        places.entry(place(core)).or_default().push(core);
    }
    let mut groups: Vec<Vec<usize>> = places.into_values().collect();
    if groups.len() == 1 {
        // All are threads of one core, or the topology is not known.
        groups = cores.iter().map(|&core| vec![core]).collect();
    }
    let load = groups.split_off(groups.len().div_ceil(2));
    let (mut servers, mut load) = (groups.concat(), load.concat());
    servers.sort_unstable();
    load.sort_unstable();
    if load.is_empty() {
        load.clone_from(&servers);
    }
    (servers, load)
}

/// A list of cores as taskset writes it: `0-3,8`.
pub(super) fn parse_cores(text: &str) -> Result<Cores, String> {
    let wrong = || format!("{text:?} is not a list of cores: write 0, 0-3 or 0,2-3");
    let mut cores = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: usize = first.trim().parse().map_err(|_| wrong())?;
        let last: usize = last.trim().parse().map_err(|_| wrong())?;
        if first > last || last >= CpuSet::MAX_CPU {
            return Err(wrong());
        }
        cores.extend(first..=last);
    }
    cores.sort_unstable();
    cores.dedup();
    Ok(Cores(cores))
}

impl Cores {
    /// These, or says which of them is not among the available ones.
    pub(super) fn of(&self, available: &[usize]) -> Result<Vec<usize>, String> {
        match self.0.iter().find(|core| !available.contains(core)) {
            Some(core) => Err(format!(
                "core {core} is not available: this process may use {}",
                show(available)
            )),
            None => Ok(self.0.clone()),
        }
    }
}

/// Numbers of cores, sorted and unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cores(pub(super) Vec<usize>);

/// `0-3,8`.
pub(super) fn show(cores: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &core in cores {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => runs.push((core, core)),
        }
    }
    let words = runs.iter().map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    words.collect::<Vec<_>>().join(",")
}

/// While it lives, this thread, and every process that it starts, runs only on these cores.
#[derive(Debug)]
pub(super) struct Pinned {
    before: Option<CpuSet>,
}

impl Pinned {
    pub(super) fn to(cores: &[usize]) -> Self {
        let mut set = CpuSet::new();
        for &core in cores {
            set.set(core);
        }
        let before = sched_getaffinity(None).ok();
        // The cores were checked with the arguments. If one has gone since, the race goes on without
        // it.
        let _ = sched_setaffinity(None, &set);
        Self { before }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = sched_setaffinity(None, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_split() {
        let each = |core| core;
        assert_eq!(split(&[0], each), (vec![0], vec![0]));
        assert_eq!(split(&[0, 1], each), (vec![0], vec![1]));
        assert_eq!(split(&[0, 1, 2], each), (vec![0, 1], vec![2]));
        // Threads of one physical core stay together: 0 and 4, 1 and 5, ...
        let siblings = |core| core % 4;
        assert_eq!(
            split(&[0, 1, 2, 3, 4, 5, 6, 7], siblings),
            (vec![0, 1, 4, 5], vec![2, 3, 6, 7])
        );
        assert_eq!(split(&[0, 1], |_| 0), (vec![0], vec![1]));
    }

    #[test]
    fn lists_of_cores_are_read_and_shown() {
        assert!(super::all() >= allowed().len());
        let all = allowed();
        assert_eq!(parse_cores(&show(&all)).unwrap().0, all);
        assert_eq!(show(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        for wrong in ["", "a", "1-", "2-1", "0,,1", "100000"] {
            assert!(parse_cores(wrong).is_err(), "{wrong}");
        }
        let some = Cores(vec![1, 2]);
        assert_eq!(some.of(&[0, 1, 2]).unwrap(), [1, 2]);
        assert!(some.of(&[0, 1]).unwrap_err().contains("core 2 is not"));
    }

    #[test]
    fn a_process_inherits_its_cores() {
        let first = allowed()[0];
        let pinned = Pinned::to(&[first]);
        let child = std::process::Command::new("cat")
            .arg("/proc/self/status")
            .output()
            .unwrap();
        drop(pinned);
        let status = String::from_utf8(child.stdout).unwrap();
        assert!(
            status.contains(&format!("Cpus_allowed_list:\t{first}\n")),
            "{status}"
        );
    }
}

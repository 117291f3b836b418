//! What of the machine changes figures: read before a race, and around each measurement. `judge` says what
//! matters of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// How the machine is set up. Null is what the system does not tell.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// What it is called, if it is one.
    pub(super) virtual_machine: Option<String>,
    /// Of the frequency of the cores, each once. Empty where the system does not control it.
    pub(super) governors: Vec<String>,
    /// Whether cores may run faster than their base frequency, for a while.
    pub(super) turbo: Option<bool>,
    /// Whether a physical core runs two threads at once.
    pub(super) smt: Option<bool>,
    /// Whether a server core and a load core are threads of the same physical core.
    pub(super) siblings_shared: bool,
    /// The cores' worth of time that the cgroup allows.
    pub(super) cpu_quota: Option<f64>,
    /// Limit of a process.
    pub(super) open_files: u64,
    /// Connections that may wait to be accepted.
    pub(super) somaxconn: Option<u64>,
    /// Ports for outgoing connections.
    pub(super) client_ports: Option<u64>,
    /// Whether such a port is used again while its last connection is in TIME-WAIT: 0 no, 1 yes, 2 on loopback.
    pub(super) tcp_tw_reuse: Option<u64>,
    /// Share of the last ten seconds in which a program waited for a core (PSI).
    pub(super) waiting: Option<f64>,
    /// Why instructions, cycles and cache misses are not counted; null if they are.
    pub(super) no_counters: Option<String>,
}

/// What else went on during a measurement. Null is what the system does not tell.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Disturbance {
    /// Share of the cores' time that the hypervisor gave to others.
    pub(super) steal: Option<f64>,
    /// Share of the time in which a program waited for a core (PSI), those of the race included.
    pub(super) waiting: Option<f64>,
    /// How long the cgroup's limit stopped the race.
    pub(super) throttled_ns: Option<u64>,
    /// Share of all cores' time that programs used which have nothing to do with the race.
    pub(super) others: Option<f64>,
}

/// Where `/proc` and `/sys` are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn of_system() -> Self {
        Self { root: "/".into() }
    }

    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_owned())
    }

    fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// Names the hypervisor, if there is one.
    fn virtual_machine(&self) -> Option<String> {
        let cpu = self.text("proc/cpuinfo").unwrap_or_default();
        let mut flags = cpu.lines().filter(|line| line.starts_with("flags"));
        let is_virtual = flags.any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"));
        let kind = self.text("sys/hypervisor/type");
        let product = || {
            let names = ["sys_vendor", "product_name"];
            let names = names.map(|name| self.text(format!("sys/class/dmi/id/{name}")));
            let names: Vec<String> = names.into_iter().flatten().collect();
            (!names.is_empty()).then(|| names.join(" "))
        };
        let unknown = || Some("of an unknown kind".to_owned());
        (is_virtual || kind.is_some()).then(|| kind.or_else(product).or_else(unknown))?
    }

    fn governors(&self, cores: &[usize]) -> Vec<String> {
        let of = |core: &usize| {
            let folder = format!("sys/devices/system/cpu/cpu{core}/cpufreq");
            self.text(format!("{folder}/scaling_governor"))
        };
        let all: BTreeSet<String> = cores.iter().filter_map(of).collect();
        all.into_iter().collect()
    }

    fn turbo(&self) -> Option<bool> {
        let cpu = Path::new("sys/devices/system/cpu");
        let off = self.number(cpu.join("intel_pstate/no_turbo"));
        let on = self.number(cpu.join("cpufreq/boost"));
        off.map(|off| off == 0).or(on.map(|on| on == 1))
    }

    /// The threads of a physical core, as the kernel writes them.
    fn siblings(&self, core: usize) -> Option<String> {
        let folder = format!("sys/devices/system/cpu/cpu{core}/topology");
        self.text(format!("{folder}/thread_siblings_list"))
    }

    fn siblings_shared(&self, servers: &[usize], load: &[usize]) -> bool {
        let of = |cores: &[usize], others: &[usize]| -> BTreeSet<String> {
            let own = cores.iter().filter(|core| !others.contains(core));
            own.filter_map(|core| self.siblings(*core)).collect()
        };
        !of(servers, load).is_disjoint(&of(load, servers))
    }

    /// The folders of this process's cgroup and of those above it, which may have limits too.
    fn cgroups(&self) -> Vec<PathBuf> {
        let lines = self.text("proc/self/cgroup").unwrap_or_default();
        let mut folders = Vec::new();
        for line in lines.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let mounts: &[&str] = match controllers {
                "" => &["", "unified"],
                list if list.split(',').any(|name| name == "cpu") => &["cpu", "cpu,cpuacct"],
                _ => continue,
            };
            for mount in mounts {
                let base = Path::new("sys/fs/cgroup").join(mount);
                let own = base.join(path.trim_start_matches('/'));
                let above = own
                    .ancestors()
                    .take_while(|folder| folder.starts_with(&base));
                folders.extend(above.map(Path::to_path_buf));
            }
        }
        folders
    }

    /// In cores, by version 2 or 1 of cgroups.
    fn cpu_quota(&self) -> Option<f64> {
        let of = |folder: PathBuf| {
            let (quota, period) = match self.text(folder.join("cpu.max")) {
                Some(line) => {
                    let (quota, period) = line.split_once(' ')?;
                    (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?)
                }
                None => (
                    // -1 without a limit.
                    self.number(folder.join("cpu.cfs_quota_us"))? as f64,
                    self.number(folder.join("cpu.cfs_period_us"))? as f64,
                ),
            };
            (period > 0.0).then_some(quota / period)
        };
        self.cgroups().into_iter().filter_map(of).reduce(f64::min)
    }

    /// So far, by the limit that did it most.
    fn throttled_ns(&self) -> Option<u64> {
        let of = |folder: PathBuf| {
            let text = self.text(folder.join("cpu.stat"))?;
            let value = |key: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once(' '));
                lines.find(|(name, _)| *name == key)?.1.parse::<u64>().ok()
            };
            let micros = value("throttled_usec").map(|micros| micros.saturating_mul(1000));
            micros.or_else(|| value("throttled_time"))
        };
        self.cgroups().into_iter().filter_map(of).max()
    }

    /// A value of the line `some` of the pressure on the cores.
    fn pressure(&self, key: &str) -> Option<f64> {
        let text = self.text("proc/pressure/cpu")?;
        let line = text.lines().find(|line| line.starts_with("some "))?;
        let mut words = line.split(' ').filter_map(|word| word.split_once('='));
        words.find(|(name, _)| *name == key)?.1.parse().ok()
    }

    fn client_ports(&self) -> Option<u64> {
        let range = self.text("proc/sys/net/ipv4/ip_local_port_range")?;
        let mut ends = range.split_whitespace().map(str::parse::<u64>);
        let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
        Some(last.saturating_sub(first) + 1)
    }
}

impl Environment {
    pub(super) fn read(
        files: &Files,
        servers: &[usize],
        load: &[usize],
        open_files: u64,
        no_counters: Option<String>,
    ) -> Self {
        Self {
            virtual_machine: files.virtual_machine(),
            governors: files.governors(&[servers, load].concat()),
            turbo: files.turbo(),
            smt: files
                .number("sys/devices/system/cpu/smt/active")
                .map(|active| active == 1),
            siblings_shared: files.siblings_shared(servers, load),
            cpu_quota: files.cpu_quota(),
            open_files,
            somaxconn: files.number("proc/sys/net/core/somaxconn"),
            client_ports: files.client_ports(),
            tcp_tw_reuse: files.number("proc/sys/net/ipv4/tcp_tw_reuse"),
            waiting: files.pressure("avg10").map(|percent| percent / 100.0),
            no_counters,
        }
    }
}

/// The system's counts at one time.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    at: Instant,
    /// Of all cores, in ticks.
    all: u64,
    idle: u64,
    steal: u64,
    /// Time in which a program waited for a core.
    waiting_us: Option<f64>,
    throttled_ns: Option<u64>,
}

impl Moment {
    /// `None` where the system has no `/proc/stat`.
    pub(super) fn now(files: &Files) -> Option<Self> {
        let text = files.text("proc/stat")?;
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guests are in user and nice.
        let fields: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or(0);
        Some(Self {
            at: Instant::now(),
            all: fields.iter().copied().fold(0, u64::saturating_add),
            idle: field(3).saturating_add(field(4)),
            steal: field(7),
            waiting_us: files.pressure("total"),
            throttled_ns: files.throttled_ns(),
        })
    }

    /// Share of all cores' time in which they did anything.
    pub(super) fn busy_since(&self, before: &Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        share(all.saturating_sub(idle) as f64, all as f64)
    }

    pub(super) fn since(&self, before: &Self) -> Disturbance {
        let all = self.all.saturating_sub(before.all) as f64;
        let time = self.at.saturating_duration_since(before.at);
        let waiting = self.waiting_us.zip(before.waiting_us);
        let throttled = self.throttled_ns.zip(before.throttled_ns);
        Disturbance {
            steal: (all > 0.0).then(|| share(self.steal.saturating_sub(before.steal) as f64, all)),
            waiting: waiting
                .map(|(now, then)| share((now - then).max(0.0), time.as_micros() as f64)),
            throttled_ns: throttled.map(|(now, then)| now.saturating_sub(then)),
            others: None,
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).min(1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system of these files.
    fn system(files: &[(&str, &str)]) -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = folder.path().to_owned();
        (folder, Files { root })
    }

    fn read(files: &[(&str, &str)]) -> Environment {
        let (_folder, files) = system(files);
        Environment::read(&files, &[0, 1], &[2, 3], 1024, None)
    }

    const CPU: &str = "sys/devices/system/cpu";

    #[test]
    fn a_machine_of_ones_own_is_read() {
        let at = |core: usize, name: &str| format!("{CPU}/cpu{core}/{name}");
        let governors = [0, 1, 2, 3].map(|core| at(core, "cpufreq/scaling_governor"));
        let siblings = [0, 1, 2, 3].map(|core| at(core, "topology/thread_siblings_list"));
        let [turbo, smt] =
            ["intel_pstate/no_turbo", "smt/active"].map(|name| format!("{CPU}/{name}"));
        let mut files: Vec<(&str, &str)> = vec![
            ("proc/cpuinfo", "model name: x\nflags : fpu vme\n"),
            (&turbo, "0\n"),
            (&smt, "1\n"),
            ("proc/sys/net/core/somaxconn", "128\n"),
            ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
            ("proc/sys/net/ipv4/tcp_tw_reuse", "0\n"),
            (
                "proc/pressure/cpu",
                "some avg10=12.50 avg60=1.00 avg300=0.10 total=77\n",
            ),
        ];
        files.extend(governors.iter().map(|path| (path.as_str(), "powersave\n")));
        files.extend(
            siblings
                .iter()
                .zip(["0,2", "1,3", "0,2", "1,3"])
                .map(|(path, list)| (path.as_str(), list)),
        );
        let found = read(&files);
        assert_eq!(found.virtual_machine, None);
        assert_eq!(found.governors, ["powersave"]);
        assert_eq!((found.turbo, found.smt), (Some(true), Some(true)));
        assert!(found.siblings_shared);
        assert_eq!(
            (found.somaxconn, found.client_ports),
            (Some(128), Some(28232))
        );
        assert_eq!((found.tcp_tw_reuse, found.waiting), (Some(0), Some(0.125)));
        assert_eq!(found.cpu_quota, None);
    }

    #[test]
    fn a_virtual_machine_is_named_and_what_is_not_there_is_null() {
        let flags = ("proc/cpuinfo", "flags\t\t: fpu hypervisor lm\n");
        let found = read(&[flags, ("sys/class/dmi/id/sys_vendor", "QEMU\n")]);
        assert_eq!(found.virtual_machine.as_deref(), Some("QEMU"));
        let found = read(&[flags]);
        assert_eq!(found.virtual_machine.as_deref(), Some("of an unknown kind"));
        assert!(found.governors.is_empty() && !found.siblings_shared);
        assert_eq!((found.turbo, found.smt, found.waiting), (None, None, None));
    }

    #[test]
    fn a_limit_of_either_version_of_cgroups_is_found_at_any_level() {
        let two = read(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(two.cpu_quota, Some(1.5));
        let one = read(&[
            (
                "proc/self/cgroup",
                "5:memory:/x\n4:cpu,cpuacct:/docker/1\n0::/\n",
            ),
            (
                "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us",
                "50000\n",
            ),
            (
                "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us",
                "100000\n",
            ),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(one.cpu_quota, Some(0.5));
    }

    #[test]
    fn what_goes_on_meanwhile_is_the_difference_of_two_moments() {
        let at = |stat: &str, total: &str, throttled: &str| {
            let pressure = format!("some avg10=0.00 total={total}\nfull avg10=0 total=0");
            let (_folder, files) = system(&[
                ("proc/stat", stat),
                ("proc/pressure/cpu", &pressure),
                ("proc/self/cgroup", "1:cpu:/g\n"),
                ("sys/fs/cgroup/cpu/g/cpu.stat", throttled),
            ]);
            Moment::now(&files).unwrap()
        };
        let before = at(
            "cpu  10 0 10 80 0 0 0 0 5 0\n",
            "1000",
            "throttled_time 5\n",
        );
        let after = at(
            "cpu  20 0 20 140 0 0 0 20 9 0\n",
            "1001",
            "throttled_time 9\n",
        );
        let found = after.since(&before);
        assert_eq!(found.steal, Some(0.2));
        assert_eq!(found.throttled_ns, Some(4));
        assert!(found.waiting.is_some_and(|share| share > 0.0));
        assert!((after.busy_since(&before) - 0.4).abs() < 1e-9);
        // Without any of them.
        let (_folder, files) = system(&[("proc/stat", "cpu  1 2 3 4\n")]);
        let bare = Moment::now(&files).unwrap();
        assert_eq!(bare.since(&bare), Disturbance::default());
        assert!(Moment::now(&system(&[]).1).is_none());
    }

    #[test]
    fn this_machine_is_read() {
        let found = Environment::read(&Files::of_system(), &[0], &[0], 1, None);
        assert!(
            found.client_ports.is_some_and(|ports| ports > 1000),
            "{found:?}"
        );
        assert!(Moment::now(&Files::of_system()).is_some());
    }
}

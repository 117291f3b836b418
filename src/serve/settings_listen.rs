//! Where the server listens, and on what it runs.

use super::{Group, Kind, Number, Setting, Unit, count_of};
use crate::server::Options;

pub(super) const LISTEN: Setting = Setting {
    flag: "listen",
    short: Some('l'),
    group: Group::Listen,
    value_name: "ADDRESS",
    help: "Where to listen, in place of --host and --port, any number of times: 8080 (every network interface), 127.0.0.1:8080, [::1]:8080, localhost:8080, unix:/path, or unix:/path,mode=660,owner=user:group",
    beyond: "",
    kind: Kind::Listen,
};

pub(super) const WORKERS: Setting = Setting {
    flag: "workers",
    short: Some('w'),
    group: Group::Listen,
    value_name: "N|auto",
    help: "Event loops, each on a thread of its own; auto is one per core that this process may use, by CPU affinity and the quota of its cgroup, rounded up",
    beyond: "",
    kind: Kind::Number(Number {
        unit: Unit::Count,
        range: 1..=Options::WORKERS_MAX as u64,
        auto: true,
        default: |_| None,
        set: |config, count| {
            config.options.workers = count_of(count).unwrap_or(config.options.workers);
        },
    }),
};

pub(super) const PIN: Setting = Setting {
    flag: "pin",
    short: None,
    group: Group::Listen,
    value_name: "on|off",
    help: "Each worker stays on one core: the first on the first that this process may use, and so on",
    beyond: "",
    kind: Kind::Switch(|config, is_on| config.options.pin = is_on),
};

pub(super) const ADMIN: Setting = Setting {
    flag: "admin",
    short: None,
    group: Group::Listen,
    value_name: "ADDRESS|off",
    help: "Where to serve the status page, health, readiness and metrics, such as localhost:9090; not for strangers",
    beyond: "",
    kind: Kind::Address(|config, address| config.admin = address),
};

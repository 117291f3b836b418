//! Where the server listens, and on what it runs.

use std::time::Duration;

use super::setting::{Group, Setting};
use super::value::{Kind, Number, Unit, count_of};
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

pub(super) const HOST: Setting = Setting {
    flag: "host",
    short: None,
    group: Group::Listen,
    value_name: "ADDRESS",
    help: "IP address to listen on; 0.0.0.0 or [::] listens on every network interface",
    beyond: "",
    kind: Kind::Host,
};

pub(super) const PORT: Setting = Setting {
    flag: "port",
    short: Some('p'),
    group: Group::Listen,
    value_name: "PORT",
    help: "Port to listen on; 0 takes a free port and prints it",
    beyond: "",
    kind: Kind::Number(Number {
        unit: Unit::Count,
        range: 0..=u16::MAX as u64,
        auto: false,
        default: |config| Some(config.address.port().into()),
        set: |config, port| {
            config.address.set_port(port.unwrap_or_default() as u16);
        },
    }),
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

pub(super) const POLL: Setting = Setting {
    flag: "poll",
    short: None,
    group: Group::Listen,
    value_name: "TIME|auto|off",
    help: "How long a worker polls for events before it sleeps; auto: for a moment, while that takes no more CPU time per response than to sleep",
    beyond: "",
    kind: Kind::Number(Number {
        unit: Unit::TimeOrOff,
        range: 0..=Options::BUSY_POLLING_MAX.as_nanos() as u64,
        auto: true,
        default: |config| Some(config.options.busy_polling.time()?.as_nanos() as u64),
        set: |config, nanos| {
            config.options.busy_polling = nanos.map(Duration::from_nanos).into();
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

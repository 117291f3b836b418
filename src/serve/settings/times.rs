//! How long the server waits: for a peer, and at its end.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::config::Config;
use super::setting::{Group, Setting};
use super::value::{Kind, Number, Unit};
use crate::server::Options;

pub(super) const TIMES: RangeInclusive<u64> =
    Options::TIMEOUT_MIN.as_nanos() as u64..=Options::TIMEOUT_MAX.as_nanos() as u64;
const DRAIN_TIMES: RangeInclusive<u64> = 0..=Options::TIMEOUT_MAX.as_nanos() as u64;

pub(super) const HEAD_TIMEOUT: Setting = time(
    Group::Timeouts,
    TIMES,
    "head-timeout",
    "Time from the first to the last byte of a request head",
    "408",
    |config| Some(config.options.timeouts.head.as_nanos() as u64),
    |config, time| set_time(&mut config.options.timeouts.head, time),
);

pub(super) const IDLE_TIMEOUT: Setting = time(
    Group::Timeouts,
    TIMES,
    "idle-timeout",
    "Time that a connection may stay idle before a request",
    "the connection is closed without a response",
    |config| Some(config.options.timeouts.idle.as_nanos() as u64),
    |config, time| set_time(&mut config.options.timeouts.idle, time),
);

pub(super) const BODY_TIMEOUT: Setting = time(
    Group::Timeouts,
    TIMES,
    "body-timeout",
    "Time for each 4 KiB of a request body, or for its end",
    "408",
    |config| Some(config.options.timeouts.body.as_nanos() as u64),
    |config, time| set_time(&mut config.options.timeouts.body, time),
);

pub(super) const WRITE_TIMEOUT: Setting = time(
    Group::Timeouts,
    TIMES,
    "write-timeout",
    "Time for a peer to read the responses buffered for it, at most 64 KiB",
    "the connection is closed",
    |config| Some(config.options.timeouts.write.as_nanos() as u64),
    |config, time| set_time(&mut config.options.timeouts.write, time),
);

pub(super) const DRAIN_DELAY: Setting = time(
    Group::Shutdown,
    DRAIN_TIMES,
    "drain-delay",
    "Time to go on accepting connections after a signal, until load balancers know of it",
    "the listeners are closed",
    |config| Some(config.drain_delay.as_nanos() as u64),
    |config, time| set_time(&mut config.drain_delay, time),
);

pub(super) const GRACE: Setting = time(
    Group::Shutdown,
    DRAIN_TIMES,
    "grace",
    "Time to answer the requests that have begun, after a signal and the delay",
    "what is left is cut, and the exit code is 3",
    |config| Some(config.grace.as_nanos() as u64),
    |config, time| set_time(&mut config.grace, time),
);

pub(super) const REPLACE_TIMEOUT: Setting = time(
    Group::Shutdown,
    TIMES,
    "replace-timeout",
    "Time for the process that SIGUSR2 starts to be ready to take over",
    "it is killed, and this one goes on",
    |config| Some(config.replace_timeout.as_nanos() as u64),
    |config, time| set_time(&mut config.replace_timeout, time),
);

const fn time(
    group: Group,
    range: RangeInclusive<u64>,
    flag: &'static str,
    help: &'static str,
    beyond: &'static str,
    default: fn(&Config) -> Option<u64>,
    set: fn(&mut Config, Option<u64>),
) -> Setting {
    Setting {
        flag,
        short: None,
        group,
        value_name: "TIME",
        help,
        beyond,
        kind: Kind::Number(Number {
            unit: Unit::Time,
            range,
            auto: false,
            default,
            set,
        }),
    }
}

fn set_time(field: &mut Duration, nanos: Option<u64>) {
    *field = nanos.map_or(*field, Duration::from_nanos);
}

//! The server's settings, in one table: it makes the flags and their help, the environment's
//! variables, the ranges, and the tables of `src/server/README.md`.
//!
//! A new setting is a field of [`Config`] or its [`Options`], and a row of [`SETTINGS`]; a test prints
//! the table for the README. Defaults and ranges that the library has are taken from there.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Arg, ArgAction};

use super::config::Config;
use super::listen::Listen;
use super::words::{address, host, switch};
use crate::http::Limits;
use crate::server::Options;
use crate::units;

#[path = "settings_access_log.rs"]
mod access_log;
#[path = "settings_listen.rs"]
mod listen;
#[path = "settings_origin.rs"]
mod origin;
#[path = "settings_polling.rs"]
mod polling;

/// One setting of the server.
#[derive(Debug)]
pub(super) struct Setting {
    /// The flag, without its hyphens. `max-fields` is `HULLO_MAX_FIELDS` in the environment.
    pub(super) flag: &'static str,
    short: Option<char>,
    group: Group,
    /// What the help calls the flag's value.
    value_name: &'static str,
    help: &'static str,
    /// What happens when a peer goes beyond it.
    beyond: &'static str,
    kind: Kind,
}

/// The headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Listen,
    Limits,
    Timeouts,
    Shutdown,
    AccessLog,
    TestEndpoints,
}

impl Group {
    /// What introduces [`Setting::beyond`].
    fn beyond(self) -> &'static str {
        match self {
            Self::Listen | Self::Limits | Self::AccessLog | Self::TestEndpoints => "beyond it",
            Self::Timeouts | Self::Shutdown => "after it",
        }
    }
}

#[derive(Debug)]
enum Kind {
    /// An IP address.
    Host,
    /// An address with a port, or `off`.
    Address(fn(&mut Config, Option<SocketAddr>)),
    /// Where to listen, several times perhaps.
    Listen,
    Number(Number),
    /// It is on or off.
    Switch(fn(&mut Config, bool)),
    Text(fn(&mut Config, String)),
    Choice(Choice),
}

/// One of several words.
#[derive(Debug)]
struct Choice {
    words: fn() -> Vec<&'static str>,
    /// The default, from [`Config::default`].
    default: fn(&Config) -> &'static str,
    set: fn(&mut Config, &str),
}

#[derive(Debug)]
struct Number {
    unit: Unit,
    range: RangeInclusive<u64>,
    /// Whether it may be `auto`.
    auto: bool,
    /// The default, from [`Config::default`]. `None` is `auto`.
    default: fn(&Config) -> Option<u64>,
    set: fn(&mut Config, Option<u64>),
}

/// Times are in nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Count,
    Bytes,
    Time,
    /// 0 is `off`.
    TimeOrOff,
}

/// The value of a setting, within its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Host(IpAddr),
    /// `None` is `off`.
    Address(Option<SocketAddr>),
    Listen(Vec<Listen>),
    /// `None` is `auto`.
    Number(Option<u64>),
    Switch(bool),
    Text(String),
}

impl Value {
    /// What a flag sets that was given twice.
    pub(super) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Listen(mut list), Self::Listen(more)) => {
                list.extend(more);
                Self::Listen(list)
            }
            (_, next) => next,
        }
    }
}

const HEAD_BYTES: RangeInclusive<u64> =
    Limits::HEAD_BYTES_MIN as u64..=Limits::HEAD_BYTES_MAX as u64;
const FIELDS: RangeInclusive<u64> = Limits::FIELDS_MIN as u64..=Limits::FIELDS_MAX as u64;
const TARGET_BYTES: RangeInclusive<u64> =
    Limits::TARGET_BYTES_MIN as u64..=Limits::TARGET_BYTES_MAX as u64;
const TIMES: RangeInclusive<u64> =
    Options::TIMEOUT_MIN.as_nanos() as u64..=Options::TIMEOUT_MAX.as_nanos() as u64;

const DRAIN_TIMES: RangeInclusive<u64> = 0..=Options::TIMEOUT_MAX.as_nanos() as u64;

/// All of them, in the order of the help.
pub(super) static SETTINGS: [Setting; 27] = [
    listen::LISTEN,
    Setting {
        flag: "host",
        short: None,
        group: Group::Listen,
        value_name: "ADDRESS",
        help: "IP address to listen on; 0.0.0.0 or [::] listens on every network interface",
        beyond: "",
        kind: Kind::Host,
    },
    Setting {
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
    },
    listen::WORKERS,
    polling::POLL,
    listen::ADMIN,
    listen::PIN,
    Setting {
        flag: "max-head-bytes",
        short: None,
        group: Group::Limits,
        value_name: "SIZE",
        help: "Longest request head (request line and fields)",
        beyond: "431",
        kind: Kind::Number(Number {
            unit: Unit::Bytes,
            range: HEAD_BYTES,
            auto: false,
            default: |config| Some(config.options.limits.head_bytes as u64),
            set: |config, bytes| set(&mut config.options.limits.head_bytes, bytes),
        }),
    },
    Setting {
        flag: "max-fields",
        short: None,
        group: Group::Limits,
        value_name: "N",
        help: "Most fields in a request head, or in the trailer section of its body",
        beyond: "431",
        kind: Kind::Number(Number {
            unit: Unit::Count,
            range: FIELDS,
            auto: false,
            default: |config| Some(config.options.limits.fields as u64),
            set: |config, count| set(&mut config.options.limits.fields, count),
        }),
    },
    Setting {
        flag: "max-target-bytes",
        short: None,
        group: Group::Limits,
        value_name: "SIZE",
        help: "Longest request target",
        beyond: "414",
        kind: Kind::Number(Number {
            unit: Unit::Bytes,
            range: TARGET_BYTES,
            auto: false,
            default: |config| Some(config.options.limits.target_bytes as u64),
            set: |config, bytes| set(&mut config.options.limits.target_bytes, bytes),
        }),
    },
    Setting {
        flag: "max-body-bytes",
        short: None,
        group: Group::Limits,
        value_name: "SIZE",
        help: "Longest request content",
        beyond: "413",
        kind: Kind::Number(Number {
            unit: Unit::Bytes,
            range: 0..=u64::MAX,
            auto: false,
            default: |config| Some(config.options.limits.body_bytes),
            set: |config, bytes| {
                let limit = &mut config.options.limits.body_bytes;
                *limit = bytes.unwrap_or(*limit);
            },
        }),
    },
    Setting {
        flag: "max-connections",
        short: None,
        group: Group::Limits,
        value_name: "N|auto",
        help: "Most connections at once; auto is as many as the open-file limit allows",
        beyond: "the longest-idle connection is closed; if all are busy, the new one gets 503 with Retry-After: 1",
        kind: Kind::Number(Number {
            unit: Unit::Count,
            range: 1..=u64::MAX,
            auto: true,
            default: |config| {
                config
                    .options
                    .max_connections
                    .map(|count| count.get() as u64)
            },
            set: |config, count| config.options.max_connections = count_of(count),
        }),
    },
    Setting {
        flag: "max-buffered-bytes",
        short: None,
        group: Group::Limits,
        value_name: "SIZE|auto",
        help: "Most memory for unfinished requests and unread responses, at least 1MiB per worker; auto is a quarter of the memory that this process may use (by cgroup and ulimit)",
        beyond: "the connections that hold the most and progress the least get 503 with Retry-After: 1, or are closed",
        kind: Kind::Number(Number {
            unit: Unit::Bytes,
            range: Options::BUFFERED_BYTES_MIN as u64..=u64::MAX,
            auto: true,
            default: |config| {
                config
                    .options
                    .max_buffered_bytes
                    .map(|bytes| bytes.get() as u64)
            },
            set: |config, bytes| config.options.max_buffered_bytes = count_of(bytes),
        }),
    },
    time(
        Group::Timeouts,
        TIMES,
        "head-timeout",
        "Time from the first to the last byte of a request head",
        "408",
        |config| Some(config.options.timeouts.head.as_nanos() as u64),
        |config, time| set_time(&mut config.options.timeouts.head, time),
    ),
    time(
        Group::Timeouts,
        TIMES,
        "idle-timeout",
        "Time that a connection may stay idle before a request",
        "the connection is closed without a response",
        |config| Some(config.options.timeouts.idle.as_nanos() as u64),
        |config, time| set_time(&mut config.options.timeouts.idle, time),
    ),
    time(
        Group::Timeouts,
        TIMES,
        "body-timeout",
        "Time for each 4 KiB of a request body, or for its end",
        "408",
        |config| Some(config.options.timeouts.body.as_nanos() as u64),
        |config, time| set_time(&mut config.options.timeouts.body, time),
    ),
    time(
        Group::Timeouts,
        TIMES,
        "write-timeout",
        "Time for a peer to read the responses buffered for it, at most 64 KiB",
        "the connection is closed",
        |config| Some(config.options.timeouts.write.as_nanos() as u64),
        |config, time| set_time(&mut config.options.timeouts.write, time),
    ),
    time(
        Group::Shutdown,
        DRAIN_TIMES,
        "drain-delay",
        "Time to go on accepting connections after a signal, until load balancers know of it",
        "the listeners are closed",
        |config| Some(config.drain_delay.as_nanos() as u64),
        |config, time| set_time(&mut config.drain_delay, time),
    ),
    time(
        Group::Shutdown,
        DRAIN_TIMES,
        "grace",
        "Time to answer the requests that have begun, after a signal and the delay",
        "what is left is cut, and the exit code is 3",
        |config| Some(config.grace.as_nanos() as u64),
        |config, time| set_time(&mut config.grace, time),
    ),
    time(
        Group::Shutdown,
        TIMES,
        "replace-timeout",
        "Time for the process that SIGUSR2 starts to be ready to take over",
        "it is killed, and this one goes on",
        |config| Some(config.replace_timeout.as_nanos() as u64),
        |config, time| set_time(&mut config.replace_timeout, time),
    ),
    access_log::ACCESS_LOG,
    access_log::ACCESS_LOG_FORMAT,
    origin::TEST_ENDPOINTS,
    origin::TEST_DEFAULTS,
    origin::MAX_DELAY,
    origin::MAX_SIZE,
    origin::SEED,
];

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

fn set(field: &mut usize, value: Option<u64>) {
    *field = value.map_or(*field, |value| value as usize);
}

fn set_time(field: &mut Duration, nanos: Option<u64>) {
    *field = nanos.map_or(*field, Duration::from_nanos);
}

/// A value above `usize::MAX` becomes `usize::MAX`.
fn count_of(value: Option<u64>) -> Option<NonZeroUsize> {
    value.and_then(|value| NonZeroUsize::new(usize::try_from(value).unwrap_or(usize::MAX)))
}

impl Setting {
    /// The flag.
    pub(super) fn arg(&'static self) -> Arg {
        let arg = Arg::new(self.flag)
            .long(self.flag)
            .value_name(self.value_name)
            .help(self.long_help())
            .value_parser(|text: &str| self.parse(text));
        let arg = match self.group {
            Group::Listen => arg,
            Group::Limits => arg.help_heading("Limits"),
            Group::Timeouts => arg.help_heading("Time-outs"),
            Group::Shutdown => arg.help_heading("Shutdown"),
            Group::AccessLog => arg.help_heading("Access log"),
            Group::TestEndpoints => arg.help_heading("Test endpoints"),
        };
        let arg = match self.kind {
            Kind::Listen => arg.action(ArgAction::Append),
            _ => arg,
        };
        // Given without a value, a switch is on.
        let arg = match self.kind {
            Kind::Switch(_) => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("on"),
            _ => arg,
        };
        match self.short {
            Some(letter) => arg.short(letter),
            None => arg,
        }
    }

    fn long_help(&self) -> String {
        let beyond = match self.beyond {
            "" => String::new(),
            beyond => format!("; {}: {beyond}", self.group.beyond()),
        };
        let variables = self.variables().join(", ");
        let default = match self.default() {
            default if default.is_empty() => default,
            default => format!(" [default: {default}]"),
        };
        format!("{}{beyond} [env: {variables}]{default}", self.help)
    }

    /// The environment's variables that set it, the first one first. Many platforms set `PORT`.
    pub(super) fn variables(&self) -> Vec<String> {
        let own = format!("HULLO_{}", self.flag.to_uppercase().replace('-', "_"));
        match self.flag {
            "port" => vec![own, "PORT".to_owned()],
            _ => vec![own],
        }
    }

    /// A value as a user would write it.
    pub(super) fn show(&self, value: &Value) -> String {
        match (&self.kind, value) {
            (Kind::Number(number), Value::Number(value)) => {
                value.map_or("auto".to_owned(), |value| number.show(value))
            }
            (_, Value::Number(value)) => format!("{value:?}"),
            (_, Value::Host(address)) => address.to_string(),
            (_, Value::Listen(list)) => {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                list.join(" ")
            }
            (_, Value::Address(address)) => {
                address.map_or("off".to_owned(), |address| address.to_string())
            }
            (_, Value::Switch(is_on)) => if *is_on { "on" } else { "off" }.to_owned(),
            (_, Value::Text(text)) => text.clone(),
        }
    }

    /// The default as a user would write it.
    pub(super) fn default(&self) -> String {
        // It counts the processors, for which files are read.
        static CONFIG: LazyLock<Config> = LazyLock::new(Config::default);
        let config = &*CONFIG;
        match &self.kind {
            Kind::Host => config.address.ip().to_string(),
            Kind::Switch(_) | Kind::Address(_) => "off".to_owned(),
            Kind::Text(_) | Kind::Listen => String::new(),
            Kind::Choice(choice) => (choice.default)(config).to_owned(),
            Kind::Number(number) => {
                (number.default)(config).map_or("auto".to_owned(), |value| number.show(value))
            }
        }
    }

    /// Reads a value as a user writes it.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, and what would be right.
    pub(super) fn parse(&self, text: &str) -> Result<Value, String> {
        match &self.kind {
            Kind::Host => host(text).map(Value::Host),
            Kind::Address(_) => address(text).map(Value::Address),
            Kind::Listen => Listen::parse_list(text).map(Value::Listen),
            Kind::Number(number) => number.parse(text).map(Value::Number),
            Kind::Switch(_) => switch(text).map(Value::Switch),
            Kind::Text(_) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(choice) => choice.parse(text).map(Value::Text),
        }
    }

    /// Sets a value that [`parse`](Self::parse) has read.
    pub(super) fn apply(&self, value: Value, config: &mut Config) {
        match (&self.kind, value) {
            (Kind::Host, Value::Host(address)) => config.address.set_ip(address),
            (Kind::Address(set), Value::Address(address)) => set(config, address),
            (Kind::Listen, Value::Listen(list)) => config.listen = list,
            (Kind::Number(number), Value::Number(value)) => (number.set)(config, value),
            (Kind::Switch(set), Value::Switch(is_on)) => set(config, is_on),
            (Kind::Text(set), Value::Text(text)) => set(config, text),
            (Kind::Choice(choice), Value::Text(word)) => (choice.set)(config, &word),
            (_, value) => debug_assert!(false, "{value:?} is the value of another setting"),
        }
    }
}

impl Choice {
    fn parse(&self, text: &str) -> Result<String, String> {
        let words = (self.words)();
        if words.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(format!("not known: write one of {}", words.join(", ")))
    }
}

impl Number {
    fn parse(&self, text: &str) -> Result<Option<u64>, String> {
        if self.auto && text == "auto" {
            return Ok(None);
        }
        let value = match self.unit {
            Unit::Count => text.parse().map_err(|_| match *self.range.end() {
                u64::MAX => format!("not a number: write one of at least {}", self.range.start()),
                max => format!(
                    "not a number: write one from {} to {max}",
                    self.range.start()
                ),
            }),
            Unit::Bytes => units::bytes(text),
            Unit::TimeOrOff if text == "off" => Ok(0),
            Unit::Time | Unit::TimeOrOff => units::nanos(text),
        };
        value
            .and_then(|value| units::within(value, &self.range, |value| self.show(value)))
            .map(Some)
            .map_err(|error| {
                if self.auto {
                    error + ", or auto"
                } else {
                    error
                }
            })
    }

    fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Bytes => units::show_bytes(value),
            Unit::TimeOrOff if value == 0 => "off".to_owned(),
            Unit::Time | Unit::TimeOrOff => units::show_nanos(value),
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

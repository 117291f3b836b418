//! The settings of the access log.

use super::super::access_log::{Destination, Format};
use super::setting::{Group, Setting};
use super::value::{Choice, Kind};

pub(super) const ACCESS_LOG: Setting = Setting {
    flag: "access-log",
    short: None,
    group: Group::AccessLog,
    value_name: "FILE|-",
    help: "Log each request to a file, which SIGHUP reopens, or to standard output",
    beyond: "",
    kind: Kind::Text(|config, text| {
        let destination = &mut config.access_log.destination;
        *destination = (!text.is_empty()).then(|| Destination::of(&text));
    }),
};

pub(super) const ACCESS_LOG_FORMAT: Setting = Setting {
    flag: "access-log-format",
    short: None,
    group: Group::AccessLog,
    value_name: "FORMAT",
    help: "Format of the access log: common (the Common Log Format), combined (the same with Referer and User-Agent) or json",
    beyond: "",
    kind: Kind::Choice(Choice {
        words: || Format::NAMES.iter().map(|(name, _)| *name).collect(),
        default: |config| config.access_log.format.name(),
        set: |config, word| {
            let format = &mut config.access_log.format;
            *format = Format::of(word).unwrap_or(*format);
        },
    }),
};

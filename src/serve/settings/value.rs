//! The kinds of values that a setting can have.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use super::super::config::Config;
use super::super::listen::Listen;
use crate::units;

#[derive(Debug)]
pub(super) enum Kind {
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
pub(super) struct Choice {
    pub(super) words: fn() -> Vec<&'static str>,
    /// The default, from [`Config::default`].
    pub(super) default: fn(&Config) -> &'static str,
    pub(super) set: fn(&mut Config, &str),
}

#[derive(Debug)]
pub(super) struct Number {
    pub(super) unit: Unit,
    pub(super) range: RangeInclusive<u64>,
    /// Whether it may be `auto`.
    pub(super) auto: bool,
    /// The default, from [`Config::default`]. `None` is `auto`.
    pub(super) default: fn(&Config) -> Option<u64>,
    pub(super) set: fn(&mut Config, Option<u64>),
}

/// Times are in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Count,
    Bytes,
    Time,
    /// 0 is `off`.
    TimeOrOff,
}

/// The value of a setting, within its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) enum Value {
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
    pub(in crate::serve) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Listen(mut list), Self::Listen(more)) => {
                list.extend(more);
                Self::Listen(list)
            }
            (_, next) => next,
        }
    }
}

impl Choice {
    pub(super) fn parse(&self, text: &str) -> Result<String, String> {
        let words = (self.words)();
        if words.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(format!("not known: write one of {}", words.join(", ")))
    }
}

impl Number {
    pub(super) fn parse(&self, text: &str) -> Result<Option<u64>, String> {
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

    pub(super) fn show(&self, value: u64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Bytes => units::show_bytes(value),
            Unit::TimeOrOff if value == 0 => "off".to_owned(),
            Unit::Time | Unit::TimeOrOff => units::show_nanos(value),
        }
    }
}

/// A value above `usize::MAX` becomes `usize::MAX`.
pub(super) fn count_of(value: Option<u64>) -> Option<NonZeroUsize> {
    value.and_then(|value| NonZeroUsize::new(usize::try_from(value).unwrap_or(usize::MAX)))
}

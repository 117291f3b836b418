//! How much one request, and all of them together, may take.

use std::ops::RangeInclusive;

use super::setting::{Group, Setting};
use super::value::{Kind, Number, Unit, count_of};
use crate::http::Limits;
use crate::server::Options;

const HEAD_BYTES: RangeInclusive<u64> =
    Limits::HEAD_BYTES_MIN as u64..=Limits::HEAD_BYTES_MAX as u64;
const FIELDS: RangeInclusive<u64> = Limits::FIELDS_MIN as u64..=Limits::FIELDS_MAX as u64;
const TARGET_BYTES: RangeInclusive<u64> =
    Limits::TARGET_BYTES_MIN as u64..=Limits::TARGET_BYTES_MAX as u64;

pub(super) const MAX_HEAD_BYTES: Setting = Setting {
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
};

pub(super) const MAX_FIELDS: Setting = Setting {
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
};

pub(super) const MAX_TARGET_BYTES: Setting = Setting {
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
};

pub(super) const MAX_BODY_BYTES: Setting = Setting {
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
};

pub(super) const MAX_CONNECTIONS: Setting = Setting {
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
};

pub(super) const MAX_BUFFERED_BYTES: Setting = Setting {
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
};

fn set(field: &mut usize, value: Option<u64>) {
    *field = value.map_or(*field, |value| value as usize);
}

//! The settings of the test endpoints.

use std::time::Duration;

use super::setting::{Group, Setting};
use super::times::TIMES;
use super::value::{Kind, Number, Unit};

pub(super) const TEST_ENDPOINTS: Setting = Setting {
    flag: "test-endpoints",
    short: None,
    group: Group::TestEndpoints,
    value_name: "on|off",
    help: "The query of a request programs its response: its delay, status, size, and more",
    beyond: "",
    kind: Kind::Switch(|config, is_on| config.origin.is_on = is_on),
};

pub(super) const TEST_DEFAULTS: Setting = Setting {
    flag: "test-defaults",
    short: None,
    group: Group::TestEndpoints,
    value_name: "QUERY",
    help: "What all responses are, as far as the query of a request does not change it, such as 'delay=10ms..50ms&status=503:5'",
    beyond: "",
    kind: Kind::Text(|config, query| config.origin.defaults = query),
};

pub(super) const MAX_DELAY: Setting = Setting {
    flag: "max-delay",
    short: None,
    group: Group::TestEndpoints,
    value_name: "TIME",
    help: "Longest delay that a query may ask for",
    beyond: "400",
    kind: Kind::Number(Number {
        unit: Unit::Time,
        range: TIMES,
        auto: false,
        default: |config| Some(config.origin.max_delay.as_nanos() as u64),
        set: |config, nanos| {
            let max = &mut config.origin.max_delay;
            *max = nanos.map_or(*max, Duration::from_nanos);
        },
    }),
};

pub(super) const MAX_SIZE: Setting = Setting {
    flag: "max-size",
    short: None,
    group: Group::TestEndpoints,
    value_name: "SIZE",
    help: "Largest content that a query may ask for",
    beyond: "400",
    kind: Kind::Number(Number {
        unit: Unit::Bytes,
        range: 0..=u64::MAX,
        auto: false,
        default: |config| Some(config.origin.max_size),
        set: |config, bytes| {
            let max = &mut config.origin.max_size;
            *max = bytes.unwrap_or(*max);
        },
    }),
};

pub(super) const SEED: Setting = Setting {
    flag: "seed",
    short: None,
    group: Group::TestEndpoints,
    value_name: "N|auto",
    help: "Determines the random choices; auto takes another seed in each run, and prints it",
    beyond: "",
    kind: Kind::Number(Number {
        unit: Unit::Count,
        range: 0..=u64::MAX,
        auto: true,
        default: |_| None,
        set: |config, seed| config.origin.seed = seed,
    }),
};

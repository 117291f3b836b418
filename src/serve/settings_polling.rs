//! How a worker waits.

use std::time::Duration;

use super::{Group, Kind, Number, Setting, Unit};
use crate::server::Options;

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

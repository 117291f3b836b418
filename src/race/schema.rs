//! The schema of the JSON, derived from the record. `report.schema.json` is a copy for readers.

use schemars::JsonSchema;

use super::record::Record;
use crate::schema_tests;

/// A percentile, and nanoseconds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it gives a tuple of the record its ranges")]
pub(super) struct Latency(#[schemars(range(min = 0, max = 100))] f64, u64);

/// A percentile, and the ends of an interval in nanoseconds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it gives a tuple of the record its ranges")]
pub(super) struct Interval(#[schemars(range(min = 0, max = 100))] f64, u64, u64);

/// A writer writes every key, also those that are null; older records lack these.
static LATER: [&str; 24] = [
    "uncounted_ns",
    "queued",
    "gate",
    "sampled",
    "over_time",
    "server_host",
    "offered_rate",
    "sweep",
    "missed",
    "cpu_ns_per_second",
    "request",
    "warm_up_until_steady",
    "seed",
    "processes_per_round",
    "process",
    "warm_up",
    "latency_intervals_ns",
    "environment",
    "disturbance",
    "quiet_wait_ns",
    "counts",
    "handshakes",
    "https",
    "tls",
];

#[test]
fn the_schema_is_derived_from_the_record() {
    schema_tests::check::<Record>("src/race/report.schema.json", &LATER);
}

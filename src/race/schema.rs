//! The schema of the JSON, derived from the record. `report.schema.json` is a copy for readers.

use std::fs;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::record::Record;

/// A percentile, and nanoseconds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it gives a tuple of the record its ranges")]
pub(super) struct Latency(#[schemars(range(min = 0, max = 100))] f64, u64);

/// A percentile, and the ends of an interval in nanoseconds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it gives a tuple of the record its ranges")]
pub(super) struct Interval(#[schemars(range(min = 0, max = 100))] f64, u64, u64);

const COPY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/race/report.schema.json");

/// A writer writes every key, also those that are null; older records lack these.
const LATER: [&str; 21] = [
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
];

/// What serde's attributes do not say.
fn tighten(schema: &mut Schema) {
    let is_number = |kind: &Value| kind == "number" || kind == "integer";
    let kind = schema.get("type");
    if kind.is_some_and(|kind| {
        is_number(kind)
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(is_number))
    }) {
        schema.remove("format");
        let has_minimum = schema.get("minimum").or(schema.get("exclusiveMinimum"));
        if has_minimum.is_none() {
            schema.insert("minimum".to_owned(), 0.into());
        }
    }
    if let Some(keys) = schema.get("properties").and_then(Value::as_object) {
        let keys: Vec<&String> = keys
            .keys()
            .filter(|key| !LATER.contains(&key.as_str()))
            .collect();
        let keys = keys.into_iter().cloned().collect::<Vec<String>>();
        schema.insert("required".to_owned(), keys.into());
    }
}

#[test]
fn the_copy_is_the_schema_of_the_record() {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tighten));
    let schema = settings.into_generator().into_root_schema_for::<Record>();
    let derived = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("HULLO_SCHEMA").is_some() {
        fs::write(COPY, &derived).unwrap();
    }
    let copy = fs::read_to_string(COPY).unwrap();
    assert!(
        copy == derived,
        "write it again: HULLO_SCHEMA=1 cargo test --lib race::schema"
    );
}

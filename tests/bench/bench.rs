//! Runs the real binary.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The result of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) stderr: String,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.arg("bench").args(arguments).stdin(Stdio::null());
    command
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            text: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn bench(arguments: &[&str]) -> Ran {
    command(arguments).output().unwrap().into()
}

/// A file that is removed on drop.
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

impl TemporaryFile {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hullo-load-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs it and returns its output, in the layout of hey, and the JSON, validated against the schema.
pub(crate) fn measured(arguments: &[&str]) -> (Ran, Value) {
    let file = TemporaryFile::new();
    let mut all = vec!["--json", file.path()];
    if !arguments.contains(&"-o") {
        all.extend(["-o", "hey"]);
    }
    all.extend(arguments);
    let ran = bench(&all);
    assert!(file.0.exists(), "{:?}: {}", arguments, ran.stderr);
    let json: Value = serde_json::from_str(&file.text()).unwrap();
    validate(&json);
    (ran, json)
}

/// Validates results against the schema, and sums that a schema cannot express.
#[track_caller]
pub(crate) fn validate(json: &Value) {
    let schema = include_str!("../../src/bench/report.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(json)
        .map(|e| format!("{e} at {}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let sum = |object: &Value| {
        object
            .as_object()
            .unwrap()
            .values()
            .map(number)
            .sum::<u64>()
    };
    let errors = &json["errors"];
    assert_eq!(sum(&errors["kinds"]), number(&errors["total"]));
    assert_eq!(
        sum(&errors["bad_response_causes"]),
        number(&errors["kinds"]["bad_response"])
    );
    assert_eq!(sum(&json["statuses"]), number(&json["responses"]));
    assert_eq!(
        number(&json["latency"]["count"]),
        number(&json["responses"])
    );
    for times in ["latency", "service", "connect", "lag"] {
        let counts = json[times]["histogram"]["counts"].as_array().unwrap();
        let count: u64 = counts.iter().map(|pair| number(&pair[1])).sum();
        assert_eq!(count, number(&json[times]["count"]), "{times}");
    }
    for series in ["responses", "errors"] {
        let bins = json["over_time"][series].as_array().unwrap();
        let total = if series == "errors" {
            &errors["total"]
        } else {
            &json[series]
        };
        assert_eq!(
            bins.iter().map(number).sum::<u64>(),
            number(total),
            "{series}"
        );
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is not a count"))
}

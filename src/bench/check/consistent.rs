//! Whether the numbers of a report agree with each other.

use serde_json::Value;

use super::numbers::{equal, sum};
use crate::bench::report::{Report, RunSummary};

/// Floating-point numbers computed on another machine are equal within this relative error.
const TOLERANCE: f64 = 1e-9;

/// What is counted twice is equal.
pub(super) fn sums(report: &Report) -> Result<(), String> {
    let Report {
        errors,
        over_time,
        runs,
        ..
    } = report;
    let (all, failed, kinds) = (report.responses, errors.total, &errors.kinds);
    let (latency, causes) = (report.latency.count, errors.bad_response_causes.values());
    let of_runs = |of: fn(&RunSummary) -> &u64| sum(runs.iter().map(of));
    equal("latency.count", latency, all.into(), "`responses`")?;
    equal(
        "responses",
        all,
        sum(report.statuses.values()),
        "`statuses`",
    )?;
    equal(
        "errors.kinds.bad_response",
        kinds.bad_response,
        sum(causes),
        "its causes",
    )?;
    equal(
        "errors.kinds.tls",
        kinds.tls,
        sum(errors.tls_causes.values()),
        "its causes",
    )?;
    equal("errors.total", failed, kinds.total().into(), "its kinds")?;
    equal(
        "responses",
        all,
        sum(&over_time.responses),
        "`over_time.responses`",
    )?;
    equal(
        "errors.total",
        failed,
        sum(&over_time.errors),
        "`over_time.errors`",
    )?;
    equal("responses", all, of_runs(|run| &run.responses), "`runs`")?;
    equal("errors.total", failed, of_runs(|run| &run.errors), "`runs`")
}

/// Rates, means and percentiles follow from the counts.
pub(super) fn derived(report: &Report) -> Result<(), String> {
    let made = Report::new(report.settings.clone(), report.measured());
    // These come from the version that wrote the file.
    let made = Report {
        version: report.version.clone(),
        warnings: report.warnings.clone(),
        ..made
    };
    let value = |report: &Report| serde_json::to_value(report).map_err(|error| error.to_string());
    let (read, made) = (value(report)?, value(&made)?);
    difference("", &read, &made).map_or(Ok(()), Err)
}

fn difference(path: &str, read: &Value, made: &Value) -> Option<String> {
    let differs = || {
        Some(format!(
            "`{path}` is {read}, but the other fields give {made}"
        ))
    };
    match (read, made) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(key, a)| {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                difference(&path, a, b.get(key).unwrap_or(&Value::Null))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            let mut each = pairs.map(|(n, (a, b))| difference(&format!("{path}[{n}]"), a, b));
            each.find_map(|difference| difference)
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            if is_near(a, b) { None } else { differs() }
        }
        (a, b) if a == b => None,
        _ => differs(),
    }
}

pub(super) fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

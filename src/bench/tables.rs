//! The report for a spreadsheet (CSV), a page (Markdown) and the plotter of `HdrHistogram`.

use std::fmt::Write as _;

use super::durations::short;
use super::report::{Report, RunSummary, ratio};
use super::workload::TemplateReport;
use crate::markdown;
use crate::terminal::clean;

/// A column: its name, and its cell in a row.
type Column = (&'static str, fn(&RunSummary) -> String);

const CSV: &[Column] = &[
    ("started_unix_ms", |run| run.started_unix_ms.to_string()),
    ("seconds", |run| {
        format!("{:.6}", run.elapsed_ns as f64 / 1e9)
    }),
    ("responses", |run| run.responses.to_string()),
    ("errors", |run| run.errors.to_string()),
    ("requests_per_second", |run| {
        format!("{:.3}", run.requests_per_second)
    }),
    ("mean_ns", |run| format!("{:.0}", run.mean_ns)),
    ("p50_ns", |run| run.p50_ns.to_string()),
    ("p90_ns", |run| run.p90_ns.to_string()),
    ("p99_ns", |run| run.p99_ns.to_string()),
    ("p99.9_ns", |run| run.p99_9_ns.to_string()),
    ("max_ns", |run| run.max_ns.to_string()),
    ("cpu_ns_per_request", |run| {
        format!("{:.0}", run.cpu_ns_per_request)
    }),
];

const MARKDOWN: &[Column] = &[
    ("requests", |run| run.responses.to_string()),
    ("errors", |run| run.errors.to_string()),
    ("requests/s", |run| {
        format!("{:.0}", run.requests_per_second)
    }),
    ("mean", |run| short(run.mean_ns)),
    ("p50", |run| short(run.p50_ns as f64)),
    ("p90", |run| short(run.p90_ns as f64)),
    ("p99", |run| short(run.p99_ns as f64)),
    ("p99.9", |run| short(run.p99_9_ns as f64)),
    ("max", |run| short(run.max_ns as f64)),
    ("CPU/request", |run| short(run.cpu_ns_per_request)),
];

/// The header, and a row for each run and one for all of them.
fn rows(report: &Report, columns: &[Column]) -> Vec<Vec<String>> {
    let row = |name: &str, run: &RunSummary| {
        let cells = columns.iter().map(|(_, cell)| cell(run));
        [name.to_owned()].into_iter().chain(cells).collect()
    };
    let names = columns.iter().map(|(name, _)| (*name).to_owned());
    let mut rows = vec![["run".to_owned()].into_iter().chain(names).collect()];
    for (number, run) in (1..).zip(&report.runs) {
        rows.push(row(&format!("{number}"), run));
    }
    rows.push(row("all", &report.measured().summary()));
    for template in &report.templates {
        let mut cells: Vec<String> = row(&clean(&template.name), &of_template(report, template));
        // The time of the processor is not known for each.
        if let Some(cost) = cells.last_mut() {
            cost.clear();
        }
        rows.push(cells);
    }
    rows
}

fn of_template(report: &Report, template: &TemplateReport) -> RunSummary {
    let latency = &template.latency;
    RunSummary {
        started_unix_ms: report.started_unix_ms,
        elapsed_ns: report.elapsed_ns,
        responses: template.responses,
        errors: template.errors.total(),
        requests_per_second: ratio(template.responses as f64 * 1e9, report.elapsed_ns as f64),
        mean_ns: latency.mean_ns,
        p50_ns: latency.percentiles_ns.p50,
        p90_ns: latency.percentiles_ns.p90,
        p99_ns: latency.percentiles_ns.p99,
        p99_9_ns: latency.percentiles_ns.p99_9,
        max_ns: latency.max_ns,
        cpu_ns_per_request: 0.0,
    }
}

/// RFC 4180: a cell that has a comma or a quotation mark is quoted.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

pub(super) fn csv(report: &Report) -> String {
    let rows = rows(report, CSV);
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\n"
    };
    rows.iter().map(line).collect()
}

pub(super) fn markdown_table(report: &Report) -> String {
    let mut rows = rows(report, MARKDOWN);
    if report.runs.len() == 1 {
        // It is all there is.
        rows.remove(1);
    }
    let head: Vec<String> = rows.remove(0);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut out = markdown::table(&head, &rows, 1);
    for warning in &report.warnings {
        // It may quote a file name, and a name may be markup.
        let text = markdown::escape(&clean(warning));
        let _ = writeln!(out, "\n**Warning:** {text}.");
    }
    out
}

/// Lines for each halving of what remains to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// `HdrHistogram`'s percentile distribution, in milliseconds: the text that its plotter reads.
pub(super) fn hgrm(report: &Report) -> String {
    let times = report.latency.times();
    let histogram = times.histogram();
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / 1e6;
        let quantile = step.quantile_iterated_to();
        let _ = write!(out, "{value:12.6} {quantile:14.12} {total:10}");
        let _ = match quantile {
            q if q < 1.0 => writeln!(out, " {:14.2}", 1.0 / (1.0 - q)),
            _ => writeln!(out),
        };
    }
    let (mean, stdev) = (report.latency.mean_ns / 1e6, report.latency.stdev_ns / 1e6);
    let _ = writeln!(
        out,
        "#[Mean    = {mean:12.6}, StdDeviation   = {stdev:12.6}]"
    );
    let max = report.latency.max_ns as f64 / 1e6;
    let _ = writeln!(
        out,
        "#[Max     = {max:12.6}, Total count    = {:12}]",
        times.count()
    );
    let (buckets, digits) = (histogram.buckets(), u32::from(histogram.sigfig()));
    // HdrHistogram: the next power of two over twice the resolution.
    let sub_buckets = (2 * 10_u64.pow(digits)).next_power_of_two();
    let _ = writeln!(
        out,
        "#[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]"
    );
    out
}

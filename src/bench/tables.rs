//! The report for a spreadsheet (CSV), a page (Markdown) and the plotter of `HdrHistogram`.

use std::fmt::Write as _;

use super::report::{Part, Report};
use crate::terminal::clean;

const COLUMNS: &str = "run,started_unix_ms,seconds,responses,errors,requests_per_second,mean_ns,p50_ns,p90_ns,p99_ns,p99.9_ns,max_ns,cpu_ns_per_request";

/// The whole as if it were one run.
fn whole(report: &Report) -> Part {
    let percentiles = &report.latency.percentiles_ns;
    Part {
        started_unix_ms: report.started_unix_ms,
        elapsed_ns: report.elapsed_ns,
        responses: report.responses,
        errors: report.errors.total,
        requests_per_second: report.requests_per_second,
        mean_ns: report.latency.mean_ns,
        p50_ns: percentiles.p50,
        p90_ns: percentiles.p90,
        p99_ns: percentiles.p99,
        p99_9_ns: percentiles.p99_9,
        max_ns: report.latency.max_ns,
        cpu_ns_per_request: report.generator.cpu_ns_per_request,
    }
}

/// A line for each run, and one for all of them.
pub(super) fn csv(report: &Report) -> String {
    let mut out = format!("{COLUMNS}\n");
    let mut line = |name: &str, run: &Part| {
        let _ = writeln!(
            out,
            "{name},{},{:.6},{},{},{:.3},{:.0},{},{},{},{},{},{:.0}",
            run.started_unix_ms,
            run.elapsed_ns as f64 / 1e9,
            run.responses,
            run.errors,
            run.requests_per_second,
            run.mean_ns,
            run.p50_ns,
            run.p90_ns,
            run.p99_ns,
            run.p99_9_ns,
            run.max_ns,
            run.cpu_ns_per_request,
        );
    };
    for (number, run) in report.runs.iter().enumerate() {
        line(&(number + 1).to_string(), run);
    }
    line("all", &whole(report));
    out
}

pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::from(
        "| run | requests | errors | requests/s | mean | p50 | p90 | p99 | p99.9 | max | CPU/request |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut line = |name: &str, run: &Part| {
        let times = [
            run.mean_ns,
            run.p50_ns as f64,
            run.p90_ns as f64,
            run.p99_ns as f64,
            run.p99_9_ns as f64,
            run.max_ns as f64,
            run.cpu_ns_per_request,
        ]
        .map(time);
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {:.0} | {} |",
            run.responses,
            run.errors,
            run.requests_per_second,
            times.join(" | ")
        );
    };
    if report.runs.len() > 1 {
        for (number, run) in report.runs.iter().enumerate() {
            line(&(number + 1).to_string(), run);
        }
    }
    line("all", &whole(report));
    for warning in &report.warnings {
        // It may name a file, and a name may be markup.
        let text = clean(warning).replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(out, "\n**Warning:** {text}.");
    }
    out
}

/// Three digits, in the unit that suits.
fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "\u{b5}s"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
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

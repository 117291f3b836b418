//! The report as text, in the layout of hey, and the sections that it shares with the summary.

use std::fmt::Write as _;

use super::distribution::Distribution;
use super::error::{CAUSES, Row};
use super::layout::Layout;
use super::machines::Machine;
use super::report::{Report, ratio};
use super::{load_text, overload, workload};
use crate::stats::median;
use crate::terminal::clean;

/// Bars of the histogram, not counting that of the fastest answer.
const BUCKETS: usize = 10;

/// Lines of the requests/s over time.
const OVER_TIME_LINES_MAX: usize = 10;

/// A title and lines, which have a tab between a name and what follows it.
pub(super) type Section = (&'static str, Vec<String>);

pub(super) fn of(report: &Report) -> String {
    let layout = Layout::HEY;
    let secs = layout.time;
    let mut sections = vec![
        (
            "Response time histogram",
            histogram(&report.latency, layout),
        ),
        (
            load_text::latency_title(report),
            load_text::latency(report, layout),
        ),
    ];
    sections.extend(load(report, layout));
    sections.push((
        "Details (average, fastest, slowest)",
        details(report, layout),
    ));
    sections.extend(counts(report, layout));
    framed(report, |out| {
        summary(report, secs, out);
        for (title, lines) in sections {
            section(title, &lines, out);
        }
    })
}

/// What must be read before any number comes first, and the other warnings come last.
pub(super) fn framed(report: &Report, body: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    let missed = overload::missed(report);
    if let Some(sentence) = &missed {
        let _ = writeln!(out, "Warning: {sentence}.");
    }
    body(&mut out);
    let rest = |warning: &&String| missed.as_ref() != Some(*warning);
    for warning in report.warnings.iter().filter(rest) {
        let _ = writeln!(out, "\nWarning: {}.", clean(warning));
    }
    out
}

/// Sections about the load.
pub(super) fn load(report: &Report, layout: Layout) -> Vec<Section> {
    vec![
        (
            "Service time distribution (from when a request was sent)",
            load_text::service(report, layout),
        ),
        ("Phases", load_text::phases(report)),
        ("Requests", workload::lines(&report.templates)),
        ("Closed model", load_text::closed(report, layout)),
    ]
}

/// Sections about what was counted.
pub(super) fn counts(report: &Report, layout: Layout) -> Vec<Section> {
    vec![
        ("Status code distribution", statuses(report)),
        ("Error distribution", errors(report)),
        ("Requests/sec over time", over_time(report, layout)),
        (
            "Runs (requests/sec, 50%, 99%, errors)",
            runs(report, layout),
        ),
        ("Connections", connections(report, layout)),
        ("TLS", tls(report, layout)),
        ("Generator", generator(report)),
    ]
}

/// A section without lines is left out.
fn section(title: &str, lines: &[String], out: &mut String) {
    if !lines.is_empty() {
        let _ = writeln!(out, "\n{title}:");
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    }
}

fn summary(report: &Report, secs: fn(f64) -> String, out: &mut String) {
    let latency = &report.latency;
    let mut lines = vec![format!(
        "Total:\t{:.4} secs",
        report.elapsed_ns as f64 / 1e9
    )];
    if latency.count > 0 {
        lines.push(format!("Slowest:\t{}", secs(latency.max_ns as f64)));
        lines.push(format!("Fastest:\t{}", secs(latency.min_ns as f64)));
        lines.push(format!("Average:\t{}", secs(latency.mean_ns)));
    }
    lines.push(format!("Requests/sec:\t{:.4}", report.requests_per_second));
    lines.extend(load_text::offer(report, Layout::HEY));
    section("Summary", &lines, out);
    if report.body_bytes > 0 {
        let each = report.body_bytes / report.responses.max(1);
        let _ = writeln!(out, "\n  Total data:\t{} bytes", report.body_bytes);
        let _ = writeln!(out, "  Size/request:\t{each} bytes");
    }
}

/// From the fastest to the slowest in equal steps, as hey does.
fn histogram(latency: &Distribution, layout: Layout) -> Vec<String> {
    if latency.count == 0 {
        return Vec::new();
    }
    let step = (latency.max_ns - latency.min_ns) as f64 / BUCKETS as f64;
    let mark = |bucket: usize| latency.min_ns as f64 + step * bucket as f64;
    let mut counts = [0_u64; BUCKETS + 1];
    let times = latency.times();
    for &(value, count) in &latency.histogram.counts {
        // The fastest answer itself belongs to the first bucket.
        let lowest = times.histogram().lowest_equivalent(value);
        let value = lowest.clamp(latency.min_ns, latency.max_ns) as f64;
        let bucket = (0..BUCKETS)
            .find(|bucket| value <= mark(*bucket))
            .unwrap_or(BUCKETS);
        counts[bucket] = counts[bucket].saturating_add(count);
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let line = |(bucket, &count): (usize, &u64)| {
        format!(
            "{:.6} [{count}]\t|{}",
            mark(bucket) / 1e9,
            layout.bar(count, most)
        )
    };
    counts.iter().enumerate().map(line).collect()
}

fn details(report: &Report, layout: Layout) -> Vec<String> {
    let secs = layout.time;
    let line = |name: &str, times: &Distribution| {
        let (min, max) = (times.min_ns as f64, times.max_ns as f64);
        format!(
            "{name}:\t{}, {}, {}",
            secs(times.mean_ns),
            secs(min),
            secs(max)
        )
    };
    let mut lines = Vec::new();
    if report.connect.count > 0 {
        lines.push(line("dialup", &report.connect));
    }
    if report.settings.lookup_ns > 0 {
        lines.push(format!(
            "DNS-lookup:\t{}",
            secs(report.settings.lookup_ns as f64)
        ));
    }
    if report.lag.count > 0 {
        lines.push(line("sent late", &report.lag));
    }
    lines
}

fn statuses(report: &Report) -> Vec<String> {
    let statuses = report.statuses.iter();
    statuses
        .map(|(status, count)| format!("[{status}]\t{count} responses"))
        .collect()
}

fn errors(report: &Report) -> Vec<String> {
    let rows = report.errors.kinds.rows().filter(|row| row.count > 0);
    rows.flat_map(|row| match row.key {
        "bad_response" => causes(report, &row),
        "tls" => tls_causes(report, &row),
        "connect" => vec![connect_error(report, &row)],
        _ => vec![format!("[{}]\t{}", row.count, row.sentence)],
    })
    .collect()
}

fn causes(report: &Report, row: &Row) -> Vec<String> {
    let causes = &report.errors.bad_response_causes;
    let causes = CAUSES.iter().filter_map(|cause| {
        let count = causes.get(*cause).filter(|count| **count > 0)?;
        Some(format!("[{count}]\t{}: {cause}", row.sentence))
    });
    causes.collect()
}

fn tls(report: &Report, layout: Layout) -> Vec<String> {
    let tls = report.tls.as_ref();
    tls.map_or_else(Vec::new, |tls| tls.lines(layout.time))
}

fn tls_causes(report: &Report, row: &Row) -> Vec<String> {
    let errors = &report.errors;
    let causes = errors.tls_causes.iter();
    let mut lines: Vec<String> = causes
        .map(|(cause, count)| format!("[{count}]\t{}: {cause}", row.sentence))
        .collect();
    // Otherwise it may be about a connection.
    if errors.kinds.connect == 0 && errors.kinds.refused == 0 {
        let says = errors.connect_says.iter();
        lines.extend(says.map(|says| format!("\tThe first: {}", clean(says))));
    }
    lines
}

fn connect_error(report: &Report, row: &Row) -> String {
    let errors = &report.errors;
    // Otherwise it may be about a refusal, or about TLS.
    let is_alone = errors.kinds.refused == 0 && errors.kinds.tls == 0;
    let message = errors.connect_says.as_deref().filter(|_| is_alone);
    let message = message.map(|message| format!(": {}", clean(message)));
    format!(
        "[{}]\t{}{}",
        row.count,
        row.sentence,
        message.unwrap_or_default()
    )
}

/// A line of the requests/s over time, in seconds.
struct Interval {
    start: f64,
    length: f64,
    responses: u64,
    errors: u64,
}

/// The actual length of each interval: the last one of a run is shorter. Empty when several machines
/// each did several runs: their intervals are added up and have no common length.
fn lengths(report: &Report) -> Vec<u64> {
    let interval = report.over_time.interval_ns.max(1);
    let number = report.over_time.responses.len();
    let one_run = [report.elapsed_ns];
    let in_turn: Vec<u64> = report.runs.iter().map(|run| run.elapsed_ns).collect();
    let elapsed: &[u64] = match report.machines {
        1 => &in_turn,
        machines if in_turn.len() as u64 == machines => &one_run,
        _ => &[],
    };
    let mut lengths = Vec::new();
    for run in elapsed {
        let whole = usize::try_from(run / interval).unwrap_or(usize::MAX);
        if whole >= number - lengths.len() {
            break;
        }
        lengths.resize(lengths.len() + whole, interval);
        lengths.push(run % interval);
    }
    lengths
}

/// Joins intervals until they are few enough to read.
fn intervals(report: &Report) -> Vec<Interval> {
    let over_time = &report.over_time;
    let lengths = lengths(report);
    if over_time.responses.len() < 2 || lengths.len() != over_time.responses.len() {
        return Vec::new();
    }
    // The last interval is usually short.
    let per_line = (lengths.len() - 1).div_ceil(OVER_TIME_LINES_MAX);
    let mut rows: Vec<Interval> = Vec::new();
    let mut start = 0.0;
    let counts = over_time.responses.chunks(per_line);
    let counts = counts.zip(over_time.errors.chunks(per_line));
    for ((responses, errors), lengths) in counts.zip(lengths.chunks(per_line)) {
        let length = lengths.iter().map(|nanos| *nanos as f64 / 1e9).sum();
        let row = Interval {
            start,
            length,
            responses: total(responses),
            errors: total(errors),
        };
        start += length;
        match rows.last_mut() {
            // The rate of a very short interval would be noise.
            Some(before) if length < before.length / 2.0 => {
                before.length += length;
                before.responses = before.responses.saturating_add(row.responses);
                before.errors = before.errors.saturating_add(row.errors);
            }
            _ => rows.push(row),
        }
    }
    rows
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().copied().fold(0, u64::saturating_add)
}

fn over_time(report: &Report, layout: Layout) -> Vec<String> {
    let rows = intervals(report);
    if rows.len() < 2 {
        return Vec::new();
    }
    let rate = |row: &Interval| ratio(row.responses as f64, row.length);
    let most = rows.iter().map(|row| rate(row) as u64).max().unwrap_or(0);
    let line = |row: &Interval| {
        let errors = match row.errors {
            0 => String::new(),
            count => format!(" {count} errors"),
        };
        let (rate, start) = (rate(row), row.start);
        format!(
            "{start:.1} s [{rate:.0}]\t|{}{errors}",
            layout.bar(rate as u64, most)
        )
    };
    rows.iter().map(line).collect()
}

fn runs(report: &Report, layout: Layout) -> Vec<String> {
    let secs = layout.time;
    if report.runs.len() < 2 {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for (number, run) in report.runs.iter().enumerate() {
        lines.push(format!(
            "{}:\t{:.4}, {}, {}, {}",
            number + 1,
            run.requests_per_second,
            secs(run.p50_ns as f64),
            secs(run.p99_ns as f64),
            run.errors
        ));
    }
    let mut rates: Vec<f64> = report
        .runs
        .iter()
        .map(|run| run.requests_per_second)
        .collect();
    rates.sort_by(f64::total_cmp);
    if let (Some(median), [low, .., high]) = (median(&rates), rates.as_slice()) {
        lines.push(format!("median {median:.4}, from {low:.4} to {high:.4}"));
    }
    lines
}

fn connections(report: &Report, layout: Layout) -> Vec<String> {
    let connections = &report.connections;
    let warm = match connections.opened_in_warmup {
        0 => String::new(),
        warm => format!(", {warm} of them in the warm-up"),
    };
    let mut lines = vec![format!("opened:\t{}{warm}", connections.opened)];
    for (name, count) in [
        ("closed by the server", connections.closed_by_server),
        ("requests sent again", connections.requests_sent_again),
        (
            "closed for unasked bytes",
            connections.closed_for_unasked_bytes,
        ),
    ] {
        if count > 0 {
            lines.push(format!("{name}:\t{count}"));
        }
    }
    lines.extend(per_connection(report, layout));
    lines
}

fn per_connection(report: &Report, layout: Layout) -> Vec<String> {
    let secs = layout.time;
    let each = &report.per_connection;
    let (answers, latency) = (&each.answers, &each.mean_latency_ns);
    let mut lines = Vec::new();
    if answers.count < 2 {
        return lines;
    }
    lines.push(format!(
        "answers per connection:\tmin {}, median {}, max {}",
        answers.min, answers.p50, answers.max
    ));
    if latency.count > 0 {
        let [min, median, max] =
            [latency.min, latency.p50, latency.max].map(|nanos| secs(nanos as f64));
        lines.push(format!(
            "mean latency per connection:\tmin {min}, median {median}, max {max}"
        ));
    }
    if each.with_errors > 0 {
        lines.push(format!(
            "with errors:\t{} of {} connections",
            each.with_errors, answers.count
        ));
    }
    lines
}

fn generator(report: &Report) -> Vec<String> {
    let generator = &report.generator;
    let mut lines = Vec::new();
    if report.machines > 1 {
        lines.push(format!("machines:\t{}", report.machines));
    }
    if report.responses > 0 {
        lines.push(format!(
            "CPU/request:\t{:.3} \u{b5}s",
            generator.cpu_ns_per_request / 1e3
        ));
    }
    if generator.busy > 0.0 {
        lines.push(format!("busiest thread:\t{:.1} %", generator.busy * 100.0));
    }
    if generator.queued >= 0.01 {
        lines.push(format!(
            "waited for a core:\t{:.1} %",
            generator.queued * 100.0
        ));
    }
    lines.extend(generator.machines.iter().map(Machine::line));
    lines
}

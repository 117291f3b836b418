//! Warnings: what a reader should know before believing the numbers.

use super::per_connection::Fairness;
use super::report::{OfferedLoad, Report, RunSummary, ratio};

/// A thread that ran for a larger fraction of the time had none left: the generator was measured.
const BUSY_MAX: f64 = 0.95;

/// A thread that waited for a core for a larger fraction of the time measured its neighbours too.
const QUEUED_MAX: f64 = 0.05;

/// In the open model requests should be sent when they are due.
const LAG_NANOS_MAX: u64 = 1_000_000;

/// Runs that are joined should overlap by this fraction of the longest.
const OVERLAP_MIN: f64 = 0.9;

/// In the open model: if a larger fraction of the requests waits at the end, that is not chance.
const LEFT_OVER_MAX: f64 = 0.01;

pub(super) fn of(report: &Report) -> Vec<String> {
    let fairness = fairness(report);
    let starvation = fairness
        .starvation()
        .map(|sentence| format!("{sentence}: the server does not treat all connections alike"));
    // The first changes how the latencies are read.
    [
        overload(report),
        busy(report),
        queued(report),
        lag(report),
        starvation,
        fairness.concentrated_errors(),
        interrupted(report),
        apart(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The connections could not carry the offered load. By Little's law, the number of busy connections
/// grows in proportion to the rate while the server's latency stays the same.
fn overload(report: &Report) -> Option<String> {
    let OfferedLoad {
        requests_per_second: rate,
        all_busy,
        busy_connections,
        left_over,
    } = report.offer.as_ref()?;
    let ended = report.ended() as f64;
    let due = ended + report.unfinished as f64;
    if *left_over as f64 <= due * LEFT_OVER_MAX {
        return None;
    }
    let achieved = ratio(ended * 1e9, report.elapsed_ns as f64);
    let needed = (ratio(*rate, achieved) * busy_connections).ceil();
    let have = report.settings.connections.saturating_mul(report.machines) as f64;
    let advice = if needed > have {
        format!(". If the server keeps up, use about {needed:.0} connections (-c, now {have:.0})")
    } else {
        String::new()
    };
    Some(format!(
        "the offered rate was not reached: {rate:.1} requests/s were due and {achieved:.1} requests/s ended; {left_over} requests were still waiting for a connection when the last was due. All connections were busy {:.0} % of the time. Latency and duration include that wait{advice}",
        all_busy * 100.0
    ))
}

fn busy(report: &Report) -> Option<String> {
    let busy = report.generator.busy;
    (busy > BUSY_MAX).then(|| {
        format!(
            "the generator was the bottleneck: its thread was {:.0} % busy. Use more --threads, or rely only on the CPU per request",
            busy * 100.0
        )
    })
}

fn queued(report: &Report) -> Option<String> {
    let queued = report.generator.queued;
    (queued > QUEUED_MAX).then(|| {
        format!(
            "the generator waited for a core {:.0} % of the time: other processes used it, perhaps the server. Give the generator a core of its own (taskset -c)",
            queued * 100.0
        )
    })
}

fn lag(report: &Report) -> Option<String> {
    let lag = report.lag.percentiles_ns.p99;
    (report.settings.rate.is_some() && lag > LAG_NANOS_MAX).then(|| {
        format!(
            "the generator was late: it sent 1 % of the requests {:.1} ms or more after they were due, although a connection was free",
            lag as f64 / 1e6
        )
    })
}

fn fairness(report: &Report) -> Fairness {
    let each = &report.per_connection;
    let elapsed = report.runs.iter().map(|run| run.elapsed_ns);
    Fairness {
        connections: each.answers.count,
        best: each.answers.p90,
        starved: each.starved,
        with_errors: each.with_errors,
        errors: each.errors,
        all_errors: report.errors.total,
        pipeline: report.settings.pipeline,
        elapsed_ns: elapsed.min().unwrap_or(0),
    }
}

fn interrupted(report: &Report) -> Option<String> {
    let unfinished = report.unfinished;
    (unfinished > 0).then(|| {
        format!(
            "interrupted: {unfinished} requests that were sent or due have neither answer nor error"
        )
    })
}

fn apart(report: &Report) -> Option<String> {
    let overlap = overlap(report)?;
    (overlap < OVERLAP_MIN).then(|| {
        format!(
            "the joined runs overlap for only {:.0} % of the time: requests/s are computed over the longest",
            overlap * 100.0
        )
    })
}

/// Of runs on several machines: the fraction of the longest that was common to all.
fn overlap(report: &Report) -> Option<f64> {
    if report.machines < 2 || report.settings.repeat > 1 {
        return None;
    }
    let last_start = report.runs.iter().map(|run| run.started_unix_ms).max()?;
    let first_end = report.runs.iter().map(RunSummary::ended_unix_ms).min()?;
    let longest = report.runs.iter().map(|run| run.elapsed_ns).max()? as f64 / 1e6;
    // Starts are known to the millisecond: shorter runs than ten of them cannot be judged.
    (longest > 10.0).then(|| first_end.saturating_sub(last_start) as f64 / longest)
}

//! What a reader should know before believing the numbers.

use super::report::{Offer, Report, ratio};

/// A thread that ran so much of the time had none left: what was measured is the generator.
const BUSY_MAX: f64 = 0.95;

/// A thread that waited for a core so much of the time measured its neighbours too.
const QUEUED_MAX: f64 = 0.05;

/// In the open model requests should be sent when they are due.
const LAG_NANOS_MAX: u64 = 1_000_000;

/// Runs that are joined should be of the same time.
const OVERLAP_MIN: f64 = 0.9;

/// In the open model: more requests than this part, which should have been sent and were not, are no
/// chance.
const LEFT_OVER_MAX: f64 = 0.01;

pub(super) fn of(report: &Report) -> Vec<String> {
    // First of all: without it the latencies below it are misread.
    let mut warnings: Vec<String> = report
        .offer
        .iter()
        .filter_map(|o| unmade(report, o))
        .collect();
    let generator = &report.generator;
    if generator.busy > BUSY_MAX {
        warnings.push(format!(
            "the generator was the bottleneck: its thread was {:.0} % busy. Give it more --threads, or read only the CPU per request",
            generator.busy * 100.0
        ));
    }
    if generator.queued > QUEUED_MAX {
        warnings.push(format!(
            "the generator waited for a core {:.0} % of the time: others ran there, perhaps the server. Give it a core of its own (taskset -c)",
            generator.queued * 100.0
        ));
    }
    if report.settings.rate.is_some() && report.lag.percentiles_ns.p99 > LAG_NANOS_MAX {
        warnings.push(format!(
            "the generator was late: 1 % of the requests were sent {:.1} ms or more after they were due although a connection was free",
            report.lag.percentiles_ns.p99 as f64 / 1e6
        ));
    }
    let known = report.known();
    warnings.extend(
        known
            .starving()
            .map(|sentence| format!("{sentence}: the server does not serve all connections alike")),
    );
    warnings.extend(known.errors_together());
    if report.unfinished > 0 {
        warnings.push(format!(
            "broken off: {} requests that were sent or due have neither answer nor error",
            report.unfinished
        ));
    }
    if let Some(part) = overlap(report)
        && part < OVERLAP_MIN
    {
        warnings.push(format!(
            "the runs joined here overlap only {:.0} % in time: requests/s are those of the longest",
            part * 100.0
        ));
    }
    warnings
}

/// The offer was more than the connections could carry. By Little's law, busy connections grow as
/// the rate does, while the server answers as fast.
fn unmade(report: &Report, offer: &Offer) -> Option<String> {
    let ended = report.ended() as f64;
    let due = ended + report.unfinished as f64;
    if offer.left_over as f64 <= due * LEFT_OVER_MAX {
        return None;
    }
    let achieved = ratio(ended * 1e9, report.elapsed_ns as f64);
    let needed = ratio(offer.requests_per_second, achieved) * offer.busy_connections;
    let have = report.settings.connections.saturating_mul(report.machines) as f64;
    let advice = match needed.ceil() {
        needed if needed > have => format!(
            ". If the server keeps up, about {needed:.0} connections would make it (-c, {have:.0} now)"
        ),
        _ => String::new(),
    };
    Some(format!(
        "the offer was not made: {:.1} requests/s were offered and {achieved:.1} ended, and {} were still waiting for a connection when the last was due. All connections were busy {:.0} % of the time. Latency and duration contain that wait{advice}",
        offer.requests_per_second,
        offer.left_over,
        offer.all_busy * 100.0
    ))
}

/// Of runs on several machines: how much of the longest was common to all.
fn overlap(report: &Report) -> Option<f64> {
    if report.machines < 2 || report.settings.repeat > 1 {
        return None;
    }
    let ends = |run: &super::report::Part| {
        let millis = run.elapsed_ns / 1_000_000;
        run.started_unix_ms.saturating_add(millis)
    };
    let last_start = report.runs.iter().map(|run| run.started_unix_ms).max()?;
    let first_end = report.runs.iter().map(ends).min()?;
    let longest = report.runs.iter().map(|run| run.elapsed_ns).max()? as f64 / 1e6;
    // Clocks count milliseconds here: what is shorter than ten of them is not judged.
    (longest > 10.0).then(|| first_end.saturating_sub(last_start) as f64 / longest)
}

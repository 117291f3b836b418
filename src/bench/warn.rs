//! Warnings: what a reader should know before believing the numbers.

use super::durations::short;
use super::machines::those;
use super::overload;
use super::per_connection::Fairness;
use super::report::{Report, RunSummary};

/// In the open model requests should be sent when they are due.
const LAG_NANOS_MAX: u64 = 1_000_000;

/// In the open model: so many requests may be sent late because the generator was.
const LATE_MAX: f64 = 0.01;

/// Runs that are joined should overlap by this fraction of the longest.
const OVERLAP_MIN: f64 = 0.9;

pub(super) fn of(report: &Report) -> Vec<String> {
    let fairness = fairness(report);
    let starvation = fairness
        .starvation()
        .map(|sentence| format!("{sentence}: the server does not treat all connections alike"));
    // The first changes how the latencies are read.
    [
        overload::missed(report),
        busy(report),
        queued(report),
        lag(report),
        starvation,
        fairness.concentrated_errors(),
        omission(report),
        deadline(report),
        interrupted(report),
        apart(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn busy(report: &Report) -> Option<String> {
    let (busy, machines) = (report.generator.busy, &report.generator.machines);
    (busy > overload::BUSY_MAX).then(|| {
        format!(
            "the generator was the bottleneck{}: its thread was {:.0} % busy. Use more --threads, or rely only on the CPU per request",
            those(machines, |machine| machine.busy > overload::BUSY_MAX),
            busy * 100.0
        )
    })
}

fn queued(report: &Report) -> Option<String> {
    let (queued, machines) = (report.generator.queued, &report.generator.machines);
    (queued > overload::QUEUED_MAX).then(|| {
        format!(
            "the generator waited for a core{} {:.0} % of the time: other processes used it, perhaps the server. Give the generator a core of its own (taskset -c)",
            those(machines, |machine| machine.queued > overload::QUEUED_MAX),
            queued * 100.0
        )
    })
}

fn lag(report: &Report) -> Option<String> {
    let offer = report.offer.as_ref()?;
    let times = report.lag.times();
    let late = times.histogram().count_between(LAG_NANOS_MAX, u64::MAX);
    (late as f64 > offer.due as f64 * LATE_MAX).then(|| {
        format!(
            "the generator was late: it sent {late} of {} requests 1 ms or more after they were due, although a connection was free, and the latest after {}. Service time does not include that",
            offer.due,
            short(report.lag.max_ns as f64)
        )
    })
}

fn fairness(report: &Report) -> Fairness {
    let each = &report.per_connection;
    let elapsed = report.runs.iter().map(|run| run.elapsed_ns);
    // With -c auto, connections differ in how long they have existed.
    let starved = if report.settings.connections_auto {
        0
    } else {
        each.starved
    };
    Fairness {
        connections: each.answers.count,
        best: each.answers.p90,
        starved,
        with_errors: each.with_errors,
        errors: each.errors,
        all_errors: report.errors.total,
        pipeline: report.settings.pipeline,
        elapsed_ns: elapsed.min().unwrap_or(0),
    }
}

/// Coordinated omission.
fn omission(report: &Report) -> Option<String> {
    if report.is_mixed() {
        return None;
    }
    let (measured, steady) = report.closed_model.as_ref()?.hidden(&report.latency)?;
    Some(format!(
        "slow moments are under-represented (coordinated omission): each connection waits for its answer before it sends again. Had requests kept coming, p99 would be about {}, not {}. To measure that, use --rate",
        short(steady as f64),
        short(measured as f64)
    ))
}

/// What the deadline has cut off.
fn deadline(report: &Report) -> Option<String> {
    let deadline = report.settings.deadline_ns?;
    if report.runs.iter().all(|run| run.elapsed_ns < deadline) {
        return None;
    }
    let left = report.unanswered_count();
    let ended = report.ended().saturating_add(left);
    let all = report.settings.requests.unwrap_or(0);
    let all = all.saturating_mul(report.runs.len() as u64);
    let unsent = all.saturating_sub(ended.saturating_add(report.unfinished));
    match (left, unsent) {
        (0, 0) => None,
        (left, 0) => Some(format!(
            "{left} of {ended} requests had no answer at the deadline: what they had waited until then counts in the latency distribution, and in conditions on it"
        )),
        (left, unsent) => Some(format!(
            "the deadline came before the end: {left} requests had no answer, and {unsent} were not sent"
        )),
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

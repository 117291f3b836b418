//! What the report says as text about the load: how much was offered, and what latencies mean.

use super::distribution::Distribution;
use super::durations::short;
use super::layout::Layout;
use super::report::Report;

/// Lines of the summary.
pub(super) fn offer(report: &Report, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(offer) = &report.offer {
        let percent = offer.all_busy * 100.0;
        lines.push(format!("Offered/sec:\t{:.4}", offer.requests_per_second));
        lines.push(format!("Sent/sec:\t{:.4}", offer.sent_per_second));
        lines.push(format!("All connections busy:\t{percent:.1} % of the time"));
        if report.settings.connections_auto {
            lines.push(format!(
                "Connections used:\t{} of at most {}",
                offer.connections_used,
                report.settings.connections.saturating_mul(report.machines)
            ));
        }
    }
    if let Some(unanswered) = &report.unanswered {
        let waited = &unanswered.waited;
        let waiting = waited.count.saturating_sub(unanswered.sent);
        lines.push(format!(
            "Unanswered:\t{} at the deadline: {} sent, {waiting} waiting for a connection; after {} on average, {} at most",
            waited.count,
            unanswered.sent,
            (layout.time)(waited.mean_ns),
            (layout.time)(waited.max_ns as f64)
        ));
    }
    lines
}

pub(super) fn latency_title(report: &Report) -> &'static str {
    if report.offer.is_some() {
        "Latency distribution (response time: from when a request was due)"
    } else {
        "Latency distribution"
    }
}

/// Requests without an answer at the deadline have waited at least so long.
pub(super) fn latency(report: &Report, layout: Layout) -> Vec<String> {
    let Some(unanswered) = &report.unanswered else {
        return percentiles(&report.latency, layout);
    };
    let rows = unanswered.percentiles_at_least_ns.rows();
    let most = unanswered.waited.max_ns.max(report.latency.max_ns);
    rows.chain([("p100", most)])
        .map(|(name, nanos)| {
            // Those that have waited for less may take longer in the end.
            let is_known = nanos < unanswered.waited.min_ns;
            let at_least = if is_known { "" } else { "at least " };
            format!(
                "{}% in {at_least}{}",
                &name[1..],
                (layout.time)(nanos as f64)
            )
        })
        .collect()
}

pub(super) fn service(report: &Report, layout: Layout) -> Vec<String> {
    percentiles(&report.service, layout)
}

fn percentiles(times: &Distribution, layout: Layout) -> Vec<String> {
    if times.count == 0 {
        return Vec::new();
    }
    let rows = times.percentiles_ns.rows();
    rows.chain([("p100", times.max_ns)])
        .map(|(name, nanos)| format!("{}% in {}", &name[1..], (layout.time)(nanos as f64)))
        .collect()
}

/// A line for each part of the run, by when requests were due.
pub(super) fn phases(report: &Report) -> Vec<String> {
    let phases = report.phases.iter();
    phases
        .map(|phase| {
            let start = phase.start_ns as f64 / 1e9;
            let percentiles = &phase.latency.percentiles_ns;
            let times = [
                percentiles.p50,
                percentiles.p90,
                percentiles.p99,
                phase.latency.max_ns,
            ];
            let [p50, p90, p99, max] = times.map(|nanos| short(nanos as f64));
            let rate = if phase.is_ramp() {
                format!("{:.0} to {:.0}", phase.from, phase.to)
            } else {
                format!("{:.0}", phase.from)
            };
            format!(
                "{start:.1} s, {rate}/s:\t{} of {} answered; 50% {p50}, 90% {p90}, 99% {p99}, max {max}",
                phase.latency.count, phase.due
            )
        })
        .collect()
}

/// A closed run measures itself: the rate follows from the latency, and slow moments are few because the
/// server is asked less in them.
pub(super) fn closed(report: &Report, layout: Layout) -> Vec<String> {
    let Some(closed) = &report.closed_model else {
        return Vec::new();
    };
    let slots = closed.slots;
    let mean = (layout.time)(report.latency.mean_ns);
    let steady = &closed.if_steady_ns;
    let mut lines = vec![format!(
        "in flight:\t{:.1} of {slots} on average = requests/sec x average latency, {mean}",
        closed.in_flight
    )];
    // It takes a slow request for a slow moment.
    if !report.is_mixed() {
        lines.push(format!(
            "at a steady pace:\t99% in {}, 99.9% in {} (estimate: a request each {} on each connection, also in slow moments)",
            (layout.time)(steady.p99 as f64),
            (layout.time)(steady.p99_9 as f64),
            short(closed.interval_ns as f64)
        ));
    }
    lines
}

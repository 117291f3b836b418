//! Whether the offered load was made, and if not: why, and what would be needed.

use super::durations::short;
use super::report::{OfferedLoad, Report, ratio};

/// A thread that ran for a larger fraction of the time had none left: the generator was measured.
pub(super) const BUSY_MAX: f64 = 0.95;

/// A thread that waited for a core for a larger fraction of the time measured its neighbours too.
pub(super) const QUEUED_MAX: f64 = 0.05;

/// If a larger fraction of the requests was not sent in time, or fails, that is not chance.
const MISSED_MAX: f64 = 0.01;

/// Requests without an answer grow in proportion to the time if the server does not keep up: at its end
/// there are twice as many as at half of it. By chance there may be some more at one time than at another.
const GROWTH: f64 = 1.5;
const GROWTH_MIN: u64 = 20;

/// What kept the load from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The generator had no CPU time left.
    Generator,
    /// Other processes had the generator's cores.
    Cores,
    /// All connections were busy, and more would have been needed.
    Connections,
    Server,
}

/// What tells whether a load was made.
#[derive(Clone, Copy, Debug)]
struct Offered {
    /// Requests due, sent in time, and waiting for a connection when the last was due.
    due: u64,
    sent: u64,
    left_over: u64,
    /// Due and without an answer at half of the time, and at its end.
    backlog_at_half: u64,
    backlog_at_end: u64,
    errors: u64,
    /// Shares of the time that the generator's busiest thread ran, and that one waited for a core.
    busy: f64,
    queued: f64,
    connections: u64,
    /// Connections that the rate takes, by Little's law.
    needed: u64,
    is_constant: bool,
}

impl Offered {
    /// `None` if the load was made.
    fn limit(&self) -> Option<Limit> {
        let due = self.due as f64;
        let unsent = self.due.saturating_sub(self.sent).max(self.left_over);
        let is_unsent = unsent as f64 > due * MISSED_MAX;
        if !is_unsent {
            return self.is_falling_behind().then_some(Limit::Server);
        }
        // With all connections busy, requests wait for the server, however busy the generator is.
        let waits_for_connections = self.left_over as f64 > due * MISSED_MAX;
        let fails = self.errors as f64 > due * MISSED_MAX;
        Some(if self.busy > BUSY_MAX {
            Limit::Generator
        } else if self.queued > QUEUED_MAX && !waits_for_connections {
            Limit::Cores
        } else if fails || (waits_for_connections && self.needed <= self.connections) {
            Limit::Server
        } else if waits_for_connections {
            Limit::Connections
        } else {
            Limit::Generator
        })
    }

    /// At a constant rate, do requests without an answer become more and more?
    fn is_falling_behind(&self) -> bool {
        let (half, end) = (self.backlog_at_half as f64, self.backlog_at_end as f64);
        self.is_constant
            && end > GROWTH * half
            && self.backlog_at_end - self.backlog_at_half >= GROWTH_MIN
            && end > self.due as f64 * MISSED_MAX
    }
}

/// `None` if the load was made.
pub(crate) fn limit(report: &Report) -> Option<Limit> {
    let offer = report.offer.as_ref()?;
    let offered = Offered {
        due: offer.due,
        sent: offer.sent,
        left_over: offer.left_over,
        backlog_at_half: offer.backlog_at_half,
        backlog_at_end: offer.backlog_at_end,
        errors: report.errors.total,
        busy: report.generator.busy,
        queued: report.generator.queued,
        connections: have(report),
        needed: needed(report, offer),
        is_constant: report.phases.is_empty(),
    };
    offered.limit()
}

fn have(report: &Report) -> u64 {
    let connections = report.settings.connections;
    connections.saturating_mul(report.machines)
}

/// The highest rate: where it changes, not the mean.
fn peak(report: &Report, offer: &OfferedLoad) -> f64 {
    let ends = report.phases.iter().map(|phase| phase.from.max(phase.to));
    ends.fold(offer.requests_per_second, f64::max)
}

fn needed(report: &Report, offer: &OfferedLoad) -> u64 {
    let batches = peak(report, offer) / report.settings.pipeline.max(1) as f64;
    connections_for(batches, report.service.mean_ns)
}

/// Little's law: a rate needs as many connections as requests are due while one is answered.
fn connections_for(batches_per_second: f64, service_ns: f64) -> u64 {
    // Two requests in 100.1 ms each do not need a third connection because of the 0.1 ms.
    (batches_per_second * service_ns / 1e9 - NEGLIGIBLE)
        .ceil()
        .max(1.0) as u64
}

/// Of a connection.
const NEGLIGIBLE: f64 = 0.1;

/// Says that the offered load was not made, why, and what would be needed.
pub(super) fn missed(report: &Report) -> Option<String> {
    let offer = report.offer.as_ref()?;
    let limit = limit(report)?;
    let answered = ratio(report.ended() as f64 * 1e9, report.elapsed_ns as f64);
    let (why, what) = match limit {
        Limit::Generator => generator(report, offer),
        Limit::Cores => (
            format!(
                "The generator waited for a core {:.0} % of the time, because other processes used it",
                report.generator.queued * 100.0
            ),
            "Give it cores of its own (taskset -c), or another machine".to_owned(),
        ),
        Limit::Connections => connections(report, offer),
        Limit::Server => server(report, offer, answered),
    };
    Some(format!(
        "the offered rate was not reached: {:.1} requests/s were due, {:.1} were sent and {answered:.1} ended. {why}. {what}",
        offer.requests_per_second, offer.sent_per_second
    ))
}

fn generator(report: &Report, offer: &OfferedLoad) -> (String, String) {
    let share = ratio(offer.due as f64, offer.sent as f64);
    let threads = (report.settings.threads as f64 * share).ceil();
    let why = if report.generator.busy > BUSY_MAX {
        let percent = report.generator.busy * 100.0;
        format!("The generator was the limit: its busiest thread ran {percent:.0} % of the time")
    } else {
        let lag = short(report.lag.percentiles_ns.p99 as f64);
        format!("The generator was late, by {lag} at p99, although connections were free")
    };
    let what = format!(
        "It needs at least {threads:.0} --threads with a core each, or other machines (--merge)"
    );
    (why, what)
}

fn connections(report: &Report, offer: &OfferedLoad) -> (String, String) {
    let (have, needed) = (have(report), needed(report, offer));
    let service = short(report.service.mean_ns);
    let (percent, left) = (offer.all_busy * 100.0, offer.left_over);
    let why = format!(
        "Too few connections: all {have} were busy {percent:.0} % of the time, for {service} with each request, and {left} of {} requests were still waiting for one when the last was due. Response time includes that wait",
        offer.due
    );
    let what = if report.settings.connections_auto {
        format!(
            "If more connections do not slow down the server, it takes at least {needed} (-c auto:{needed})"
        )
    } else {
        format!(
            "If more connections do not slow down the server, it takes at least {needed} (-c {needed}, or -c auto)"
        )
    };
    (why, what)
}

fn server(report: &Report, offer: &OfferedLoad, answered: f64) -> (String, String) {
    let failed = report.errors.total;
    let why = if failed as f64 > offer.due as f64 * MISSED_MAX {
        format!(
            "The server was the limit: {failed} of {} requests failed",
            offer.due
        )
    } else if offer.backlog_at_end > offer.backlog_at_half {
        format!(
            "The server was the limit: requests without an answer grew from {} at half of the time to {} at its end",
            offer.backlog_at_half, offer.backlog_at_end
        )
    } else {
        format!(
            "The server was the limit: it was slow at times, and {} requests were still waiting for a connection when the last was due",
            offer.left_over
        )
    };
    let what = format!("Offer what it can answer, about {answered:.0} requests/s");
    (why, what)
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorKind;
    use super::super::measured::Measured;
    use super::super::report_tests::open_report;
    use super::*;

    /// What each limit does to the figures, and what is said about it. The service time is 100 ms.
    #[test]
    fn each_limit_is_told_from_the_others() {
        type Change = fn(&mut Measured, &mut OfferedLoad);
        let short: Change = |_, offer| (offer.sent, offer.left_over) = (100, 400);
        let cases: [(Change, Option<Limit>, &str); 9] = [
            (|_, _| {}, None, ""),
            (|_, offer| offer.sent = 495, None, ""),
            (
                short,
                Some(Limit::Connections),
                "it takes at least 50 (-c 50, or -c auto)",
            ),
            (
                |measured, offer| {
                    (offer.sent, offer.left_over, measured.busy) = (100, 400, 0.99);
                },
                Some(Limit::Generator),
                "ran 99 % of the time. It needs at least 5 --threads",
            ),
            (
                |measured, offer| (offer.sent, measured.queued) = (400, 0.3),
                Some(Limit::Cores),
                "waited for a core 30 % of the time",
            ),
            (
                |_, offer| offer.sent = 400,
                Some(Limit::Generator),
                "was late",
            ),
            (
                |measured, offer| {
                    (offer.sent, offer.left_over) = (400, 100);
                    measured.tally.record_error(ErrorKind::Refused, 90);
                },
                Some(Limit::Server),
                "90 of 500 requests failed",
            ),
            (
                |measured, offer| {
                    // At 10 ms each, 10 connections were enough, but for a stall.
                    (offer.sent, offer.left_over) = (400, 100);
                    measured.tally.service = super::super::times::Times::default();
                    measured.tally.service.record(10_000_000, 400);
                },
                Some(Limit::Server),
                "it was slow at times",
            ),
            (
                |_, offer| (offer.backlog_at_half, offer.backlog_at_end) = (100, 200),
                Some(Limit::Server),
                "grew from 100 at half of the time to 200 at its end. Offer what it can answer",
            ),
        ];
        for (number, (change, expected, said)) in cases.into_iter().enumerate() {
            let report = open_report(change);
            assert_eq!(limit(&report), expected, "case {number}");
            let sentence = missed(&report).unwrap_or_default();
            assert!(sentence.contains(said), "case {number}: {sentence}");
            assert_eq!(sentence.is_empty(), expected.is_none());
        }
    }

    #[test]
    fn a_steady_backlog_is_not_falling_behind() {
        for (half, end, expected) in [
            (100, 149, None),
            (5, 20, None),
            (100, 151, Some(Limit::Server)),
        ] {
            let report = open_report(|_, offer| {
                (offer.backlog_at_half, offer.backlog_at_end) = (half, end);
            });
            assert_eq!(limit(&report), expected, "{half} {end}");
        }
    }
}

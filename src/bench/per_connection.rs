//! The spread over the connections, as it stands in a report.

use serde::{Deserialize, Serialize};

use super::report::{Counts, Report};
use super::spread::{Known, Spread};
use super::tally::{DIGITS, Times};

/// Over the connections of all runs and machines: each counts once in each run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PerConnection {
    /// Whole answers of each.
    pub(super) answers: Figures,
    /// Of each that had an answer.
    pub(super) mean_latency_ns: Figures,
    /// With under a quarter of the answers that the best tenth of their run had.
    pub(super) starved: u64,
    pub(super) with_errors: u64,
    /// On connections: without those requests of the open model that never had one.
    pub(super) errors: u64,
}

/// One number for each connection.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figures {
    pub(super) count: u64,
    pub(super) sum: u64,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) histogram: Counts,
}

impl PerConnection {
    pub(super) fn of(spread: &Spread) -> Self {
        Self {
            answers: Figures::of(&spread.answers),
            mean_latency_ns: Figures::of(&spread.mean_latency),
            starved: spread.starved,
            with_errors: spread.with_errors,
            errors: spread.errors,
        }
    }

    pub(super) fn spread(&self) -> Spread {
        Spread {
            answers: self.answers.times(),
            mean_latency: self.mean_latency_ns.times(),
            starved: self.starved,
            with_errors: self.with_errors,
            errors: self.errors,
        }
    }
}

impl Figures {
    fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum: times.sum(),
            min: times.min(),
            max: times.max(),
            p50: times.quantile(0.5),
            p90: times.quantile(0.9),
            histogram: Counts::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        Times::from_parts(&self.histogram.counts, self.sum, self.min, self.max)
    }
}

impl Counts {
    pub(super) fn of(times: &Times) -> Self {
        let recorded = times.histogram().iter_recorded();
        Self {
            significant_digits: DIGITS,
            counts: recorded
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        }
    }
}

impl Report {
    /// To judge whether the server serves all connections alike.
    pub(super) fn known(&self) -> Known {
        let each = &self.per_connection;
        let elapsed = self.runs.iter().map(|run| run.elapsed_ns);
        Known {
            connections: each.answers.count,
            best: each.answers.p90,
            starved: each.starved,
            with_errors: each.with_errors,
            errors: each.errors,
            all_errors: self.errors.total,
            pipeline: self.settings.pipeline,
            elapsed_ns: elapsed.min().unwrap_or(0),
        }
    }
}

//! The rows of a test: each target that was measured in it, with its rounds.

use crate::race::format::{self, figure};
use crate::race::record::{Compared, Measurement, Missed, Ratio, Record, Summary, Test};
use crate::race::{stats, summary};
use crate::terminal::clean;

/// In place of the ratio of a server that failed.
pub(super) const FAILED: &str = "failed";

/// A target in a test.
pub(super) struct Row<'a> {
    /// Its place among the targets, from 0, which is its colour in every chart.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) test: &'a Test,
    pub(super) summary: &'a Summary,
    pub(super) rounds: Vec<&'a Measurement>,
}

/// Target by target, in the order of the command line; of each, the tests in the order given.
pub(super) fn rows<'a>(record: &'a Record, tests: &[&'a Test]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (number, target) in record.targets.iter().enumerate() {
        for test in tests {
            let is_ours = |id: &str, name: &str| id == test.id && name == target.name;
            let mut summaries = record.summaries.iter();
            let Some(summary) = summaries.find(|of| is_ours(&of.test, &of.target)) else {
                continue;
            };
            let rounds = record.results.iter();
            rows.push(Row {
                number,
                name: clean(&target.name),
                test,
                summary,
                rounds: rounds.filter(|of| is_ours(&of.test, &of.target)).collect(),
            });
        }
    }
    rows
}

/// The greatest number of rounds in which a server was measured; and in words, with the least: `2 to 5`.
pub(super) fn rounds_run<'a>(summaries: impl Iterator<Item = &'a Summary>) -> (usize, String) {
    let counts: Vec<usize> = summaries.map(|summary| summary.rounds).collect();
    let least = counts.iter().copied().min().unwrap_or(0);
    let most = counts.iter().copied().max().unwrap_or(0);
    let words = if least == most {
        most.to_string()
    } else {
        format!("{least} to {most}")
    };
    (most, words)
}

impl Row<'_> {
    /// The median over the rounds that have the figure.
    pub(super) fn median(&self, figure: impl Fn(&Measurement) -> Option<f64>) -> Option<f64> {
        let figures = self.rounds.iter().filter_map(|round| figure(round));
        let figures: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
        stats::median(&figures)
    }

    /// Why its figures are not those of a server that does the work: `100 % errors (status)`.
    pub(super) fn failure(&self) -> Option<String> {
        summary::failure(&self.rounds).map(|sentence| clean(&sentence))
    }

    /// What kept the rate from being made, in a word.
    pub(super) fn missed(&self) -> Option<&'static str> {
        self.summary.missed.map(|missed| match missed {
            Missed::Server => "server",
            Missed::Connections => "connections",
            Missed::Generator => "generator",
        })
    }

    /// Whether its figures are those of the work of the test.
    pub(super) fn is_compared(&self) -> bool {
        self.failure().is_none() && self.missed().is_none()
    }

    /// The round in the middle, by requests/s. Of an even number, the slower of the two.
    pub(super) fn middle(&self) -> Option<&Measurement> {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
        rounds.get(rounds.len().saturating_sub(1) / 2).copied()
    }

    pub(super) fn generator_busy(&self) -> Option<f64> {
        self.median(|round| Some(round.generator.utilisation))
    }

    pub(super) fn percentile(&self, percentile: f64) -> Option<f64> {
        let mut times = self.summary.latency_ns.iter();
        let (_, ns) = times.find(|(p, _)| (p - percentile).abs() < 1e-6)?;
        Some(*ns as f64)
    }
}

impl Row<'_> {
    /// `98.1–110 µs`, where the true median of a percentile lies.
    pub(super) fn interval(&self, percentile: f64) -> Option<String> {
        let intervals = self.summary.latency_intervals_ns.iter().flatten();
        let mut near = intervals.filter(|(p, ..)| (p - percentile).abs() < 1e-6);
        let (_, low, high) = near.next()?;
        Some(format::time_range(*low as f64, *high as f64))
    }
}

/// What the servers are compared by.
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) better: &'static str,
    /// As the head of a column, whose cells `show` writes.
    pub(super) head: &'static str,
    pub(super) show: fn(f64) -> String,
    /// What a figure needs behind it where no head says it.
    pub(super) unit: &'static str,
    summarised: fn(&Summary) -> Option<&Compared>,
    pub(super) in_round: fn(&Measurement) -> Option<f64>,
}

pub(super) const SPEED: Measure = Measure {
    name: "Requests/s",
    better: "more is better",
    head: "Requests/s",
    show: figure,
    unit: "",
    summarised: |summary| Some(&summary.requests_per_second),
    in_round: |round| Some(round.requests_per_second),
};

pub(super) const CPU: Measure = Measure {
    name: "CPU per request",
    better: "less is better",
    head: "µs/request",
    show: |ns| figure(ns / 1e3),
    unit: " µs",
    summarised: |summary| summary.cpu_ns_per_request.as_ref(),
    in_round: |round| Some(round.server.as_ref()?.cpu_ns_per_request),
};

pub(super) const REST: Measure = Measure {
    name: "CPU per second at rest",
    better: "less is better",
    head: "µs/second",
    show: |ns| figure(ns / 1e3),
    unit: " µs",
    summarised: |summary| summary.cpu_ns_per_second.as_ref(),
    in_round: summary::cpu_per_second,
};

pub(super) const IDLE: Measure = Measure {
    name: "Memory per idle connection",
    better: "less is better",
    head: "Per connection",
    show: crate::race::format::bytes,
    unit: "",
    summarised: |summary| summary.idle_connection_bytes.as_ref(),
    in_round: |round| round.idle_connection_bytes,
};

impl Measure {
    pub(super) fn of<'a>(&self, row: &Row<'a>) -> Option<&'a Compared> {
        (self.summarised)(row.summary).filter(|compared| compared.median.is_finite())
    }

    /// In a cell: the ratio, or that the server failed.
    pub(super) fn comparison(&self, row: &Row) -> Option<String> {
        let failed = || row.failure().map(|_| FAILED.to_owned());
        let missed = || row.missed().map(|why| format!("not made ({why})"));
        let ratio = self.ratio(row).map(format::ratio);
        ratio.or_else(failed).or_else(missed)
    }

    pub(super) fn ratio<'a>(&self, row: &Row<'a>) -> Option<&'a Ratio> {
        let ratio = self.of(row)?.ratio.as_ref();
        ratio.filter(|ratio| ratio.mean.is_finite())
    }

    /// `3.72 µs`.
    pub(super) fn with_unit(&self, value: f64) -> String {
        format!("{}{}", (self.show)(value), self.unit)
    }
}

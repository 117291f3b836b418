//! What a record says, found: who was measured in a test, and in what kind of test.

use super::escape::clean;
use crate::race::record::{Bound, Measurement, Ratio, Record, ServerCost, Summary, Test};
use crate::race::stats;

/// A target in a test.
pub(super) struct Row<'a> {
    /// Among the targets, from 0: its colour in every picture.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) summary: &'a Summary,
    pub(super) rounds: Vec<&'a Measurement>,
}

/// Who was measured in a test, in the order of the command line.
pub(super) fn rows<'a>(record: &'a Record, test: &Test) -> Vec<Row<'a>> {
    let row = |(number, target): (usize, &crate::race::record::Target)| {
        let summary = record
            .summaries
            .iter()
            .find(|summary| summary.test == test.id && summary.target == target.name)?;
        let rounds = record
            .results
            .iter()
            .filter(|result| result.test == test.id && result.target == target.name);
        Some(Row {
            number,
            name: clean(&target.name),
            summary,
            rounds: rounds.collect(),
        })
    };
    record.targets.iter().enumerate().filter_map(row).collect()
}

impl Row<'_> {
    /// Of a figure of the rounds, where there is one.
    pub(super) fn median(&self, figure: impl Fn(&Measurement) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| figure(round)))
    }

    pub(super) fn server(&self, figure: impl Fn(&ServerCost) -> f64) -> Option<f64> {
        self.median(|round| round.server.as_ref().map(&figure))
    }

    pub(super) fn generator_busy(&self) -> Option<f64> {
        self.median(|round| Some(round.generator.utilisation))
    }

    pub(super) fn peak_bytes(&self) -> Option<u64> {
        let peaks = self.rounds.iter().filter_map(|round| round.server.as_ref());
        peaks.map(|server| server.rss_peak_bytes).max()
    }

    /// Context switches, of both kinds.
    pub(super) fn switches_per_request(&self) -> Option<f64> {
        self.median(|round| {
            let server = round.server.as_ref()?;
            let switches = server.voluntary_switches as f64 + server.involuntary_switches as f64;
            Some(switches / round.requests as f64)
        })
    }

    pub(super) fn percentile(&self, percentile: f64) -> Option<u64> {
        let mut times = self.summary.latency_ns.iter();
        let found = times.find(|(p, _)| (p - percentile).abs() < 1e-6)?;
        Some(found.1)
    }

    pub(super) fn cpu_ratio(&self) -> Option<&Ratio> {
        let compared = self.summary.cpu_ns_per_request.as_ref()?;
        finite(compared.ratio.as_ref())
    }

    pub(super) fn speed_ratio(&self) -> Option<&Ratio> {
        finite(self.summary.requests_per_second.ratio.as_ref())
    }

    pub(super) fn idle_ratio(&self) -> Option<&Ratio> {
        let compared = self.summary.idle_connection_bytes.as_ref()?;
        finite(compared.ratio.as_ref())
    }

    pub(super) fn is_bound_by(&self, bound: Bound) -> bool {
        self.summary.bound == bound
    }
}

fn finite(ratio: Option<&Ratio>) -> Option<&Ratio> {
    ratio.filter(|ratio| ratio.mean.is_finite())
}

/// Of those that are numbers.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    stats::median(&values)
}

/// What belongs under one heading.
pub(super) enum Part<'a> {
    /// Requests as fast as they go.
    Work(&'a Test),
    /// Connections that say nothing.
    Idle(&'a Test),
    /// The open model, at every part of the capacity.
    Rate(Vec<&'a Test>),
}

/// In the order in which they were run. A test that nobody was measured in has no part.
pub(super) fn parts(record: &Record) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rated = false;
    for test in &record.tests {
        let rows = rows(record, test);
        if rows.is_empty() {
            continue;
        }
        if test.load.is_some() {
            if !rated {
                let tests = record.tests.iter().filter(|test| test.load.is_some());
                parts.push(Part::Rate(tests.collect()));
                rated = true;
            }
            continue;
        }
        if test.suite != "idle" || rows.iter().any(|row| row.summary.requests > 0) {
            parts.push(Part::Work(test));
        }
        if rows
            .iter()
            .any(|row| row.summary.idle_connection_bytes.is_some())
        {
            parts.push(Part::Idle(test));
        }
    }
    parts
}

/// Tests of the article, as it ran them.
pub(super) fn article_tests(record: &Record) -> impl Iterator<Item = &Test> {
    record.tests.iter().filter(|test| test.suite == "article")
}

/// Of the probes, as the first target that has them names them: what it is called by, and its title.
pub(super) fn probes(record: &Record) -> Vec<(&str, String)> {
    let mut probes: Vec<(&str, String)> = Vec::new();
    for finding in record.targets.iter().flat_map(|target| &target.behaviour) {
        if !probes.iter().any(|(id, _)| *id == finding.id) {
            probes.push((&finding.id, clean(&finding.title)));
        }
    }
    probes
}

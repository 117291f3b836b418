//! Answers, errors, sizes and latency of each template, by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bench::distribution::Distribution;
use crate::bench::error::{ErrorCounts, ErrorKind};
use crate::bench::times::Times;

/// Templates of the same name count together.
#[derive(Clone, Debug)]
pub(in crate::bench) struct TemplateCounts {
    name: Arc<str>,
    responses: u64,
    body_bytes: u64,
    statuses: Vec<u64>,
    errors: ErrorCounts,
    unanswered: u64,
    pub(in crate::bench) latency: Times,
}

impl TemplateCounts {
    pub(in crate::bench) fn new(name: &Arc<str>) -> Self {
        Self {
            name: Arc::clone(name),
            responses: 0,
            body_bytes: 0,
            statuses: vec![0; 1000],
            errors: ErrorCounts::default(),
            unanswered: 0,
            latency: Times::default(),
        }
    }

    #[inline]
    pub(in crate::bench) fn answer(
        &mut self,
        status: u16,
        body_bytes: u64,
        fault: Option<ErrorKind>,
    ) {
        self.responses += 1;
        self.body_bytes += body_bytes;
        if let Some(count) = self.statuses.get_mut(usize::from(status)) {
            *count += 1;
        }
        if let Some(kind) = fault {
            self.fail(kind);
        }
    }

    #[cold]
    pub(in crate::bench) fn fail(&mut self, kind: ErrorKind) {
        *self.errors.count_mut(kind) += 1;
    }

    /// It was sent, and has no answer at the deadline.
    pub(in crate::bench) fn give_up(&mut self) {
        self.unanswered += 1;
    }

    /// Adds counts of other threads, runs or machines, by name.
    pub(in crate::bench) fn add_all(ours: &mut Vec<Self>, theirs: &[Self]) {
        for (number, more) in theirs.iter().enumerate() {
            // Threads have all names in the same order; machines may not.
            let is_same = |counts: &Self| counts.name == more.name;
            let place = match ours.get(number) {
                Some(counts) if is_same(counts) => Some(number),
                _ => ours.iter().position(is_same),
            };
            match place.and_then(|place| ours.get_mut(place)) {
                Some(counts) => counts.add(more),
                None => ours.push(more.clone()),
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.errors.add(&other.errors);
        let counts = self.statuses.iter_mut().zip(&other.statuses);
        for (sum, more) in counts.chain([
            (&mut self.responses, &other.responses),
            (&mut self.body_bytes, &other.body_bytes),
            (&mut self.unanswered, &other.unanswered),
        ]) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// From a report.
    pub(in crate::bench) fn of(report: &TemplateReport) -> Self {
        let mut counts = Self {
            responses: report.responses,
            body_bytes: report.body_bytes,
            errors: report.errors,
            unanswered: report.unanswered,
            latency: report.latency.times(),
            ..Self::new(&Arc::from(report.name.as_str()))
        };
        for (status, count) in &report.statuses {
            if let Some(sum) = counts.statuses.get_mut(usize::from(*status)) {
                *sum = *count;
            }
        }
        counts
    }

    pub(in crate::bench) fn report(&self) -> TemplateReport {
        let statuses = (0..).zip(&self.statuses).filter(|(_, count)| **count > 0);
        TemplateReport {
            name: self.name.to_string(),
            responses: self.responses,
            body_bytes: self.body_bytes,
            statuses: statuses.map(|(status, count)| (status, *count)).collect(),
            errors: self.errors,
            unanswered: self.unanswered,
            latency: Distribution::of(&self.latency),
        }
    }
}

/// The requests of one name of a request file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::bench) struct TemplateReport {
    pub(in crate::bench) name: String,
    /// Complete answers, expected or not.
    pub(in crate::bench) responses: u64,
    /// The content of the answers.
    pub(in crate::bench) body_bytes: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::bench::report::schema::statuses"))]
    pub(in crate::bench) statuses: BTreeMap<u16, u64>,
    /// Errors of requests that were sent, or for which no connection could be made.
    pub(in crate::bench) errors: ErrorCounts,
    /// Sent, and without an answer at the deadline.
    pub(in crate::bench) unanswered: u64,
    /// Of complete answers.
    pub(in crate::bench) latency: Distribution,
}

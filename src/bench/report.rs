//! What a run found out, as it is written to JSON and read back: everything that is needed to join
//! it with another, and everything that a reader wants to know without computing it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{CAUSES, KINDS};
use super::per_connection::PerConnection;
use super::run::Run;
use super::tally::{BIN_NANOS, Bin, Tally, Times};
use super::warn;

/// The form of the JSON. It changes when a reader of the old form would misread the new one.
pub(super) const FORMAT: &str = "hullo-bench/1";

// An option that is missing is missing: `deserialize_with` says so, and null says that there is none.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    pub(super) format: String,
    pub(super) version: String,
    pub(super) settings: Settings,
    pub(super) machines: u64,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed_ns: u64,
    pub(super) responses: u64,
    pub(super) requests_per_second: f64,
    pub(super) body_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) errors: Errors,
    pub(super) connections: Connections,
    pub(super) per_connection: PerConnection,
    pub(super) unfinished: u64,
    pub(super) latency: Distribution,
    pub(super) connect: Distribution,
    pub(super) lag: Distribution,
    /// Of the open model.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) offer: Option<Offer>,
    pub(super) over_time: OverTime,
    pub(super) generator: Generator,
    pub(super) runs: Vec<Part>,
    pub(super) warnings: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) url: String,
    pub(super) method: String,
    pub(super) connections: u64,
    pub(super) threads: u64,
    pub(super) pipeline: u64,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) requests: Option<u64>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) duration_ns: Option<u64>,
    pub(super) warmup_ns: u64,
    pub(super) repeat: u64,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) rate: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) rate_per_connection: Option<f64>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) timeout_ns: Option<u64>,
    pub(super) keepalive: bool,
    pub(super) lookup_ns: u64,
}

impl Settings {
    /// Is it the same, but for how often and from where?
    pub(super) fn is_same_work(&self, other: &Self) -> bool {
        let bare = |settings: &Self| Self {
            threads: 0,
            lookup_ns: 0,
            ..settings.clone()
        };
        bare(self) == bare(other)
    }
}

/// Each failed request is counted in one kind; what was bad about a bad response, in one cause.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errors {
    pub(super) total: u64,
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) bad_response_causes: BTreeMap<String, u64>,
    /// What the system said of the first connection that could not be made.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) connect_says: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connections {
    /// Also in the warm-up.
    pub(super) opened: u64,
    pub(super) opened_in_warmup: u64,
    pub(super) closed_by_server: u64,
    pub(super) requests_sent_again: u64,
    /// Given up because bytes came that no request asked for, with none in flight.
    pub(super) closed_for_unasked_bytes: u64,
}

/// What the open model should have sent, and whether its connections could.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Offer {
    pub(super) requests_per_second: f64,
    /// The part of the time in which a thread had no connection at rest.
    pub(super) all_busy: f64,
    /// How many were busy, on an average over the time.
    pub(super) busy_connections: f64,
    /// Requests that had no connection yet when the last one should have been sent.
    pub(super) left_over: u64,
}

impl Offer {
    fn of(run: &Run, rate: f64) -> Self {
        let (elapsed, tally) = (run.elapsed as f64, &run.tally);
        Self {
            requests_per_second: rate,
            all_busy: ratio(tally.full as f64, tally.watched as f64),
            busy_connections: ratio(tally.busy as f64, elapsed),
            left_over: tally.left_over,
        }
    }

    /// Of two machines at the same time the offers add up, of two runs in turn they do not.
    fn joined(one: Option<Self>, other: Option<Self>, at_once: bool) -> Option<Self> {
        let (Some(one), Some(other)) = (&one, &other) else {
            return one.or(other);
        };
        let both = |a: f64, b: f64| if at_once { a + b } else { a.max(b) };
        Some(Self {
            requests_per_second: both(one.requests_per_second, other.requests_per_second),
            all_busy: one.all_busy.max(other.all_busy),
            busy_connections: both(one.busy_connections, other.busy_connections),
            left_over: one.left_over.saturating_add(other.left_over),
        })
    }
}

/// Times in nanoseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Distribution {
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
    pub(super) mean_ns: f64,
    pub(super) stdev_ns: f64,
    pub(super) percentiles_ns: Percentiles,
    pub(super) histogram: Counts,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Percentiles {
    pub(super) p10: u64,
    pub(super) p25: u64,
    pub(super) p50: u64,
    pub(super) p75: u64,
    pub(super) p90: u64,
    pub(super) p95: u64,
    pub(super) p99: u64,
    #[serde(rename = "p99.9")]
    pub(super) p99_9: u64,
    #[serde(rename = "p99.99")]
    pub(super) p99_99: u64,
}

/// An `HdrHistogram`: the highest value of each bucket that is not empty, and its count.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) significant_digits: u8,
    pub(super) counts: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverTime {
    pub(super) interval_ns: u64,
    pub(super) responses: Vec<u64>,
    pub(super) errors: Vec<u64>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Generator {
    pub(super) cpu_ns: u64,
    pub(super) cpu_ns_per_request: f64,
    /// Of the busiest thread: the part of the time that it ran. 0 in runs that are too short to
    /// tell.
    pub(super) busy: f64,
    /// Of the thread that waited longest for a core: the part of the time that it did. 0 likewise.
    pub(super) queued: f64,
}

/// One of several runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) started_unix_ms: u64,
    pub(super) elapsed_ns: u64,
    pub(super) responses: u64,
    pub(super) errors: u64,
    pub(super) requests_per_second: f64,
    pub(super) mean_ns: f64,
    pub(super) p50_ns: u64,
    pub(super) p90_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p99_9_ns: u64,
    pub(super) max_ns: u64,
    pub(super) cpu_ns_per_request: f64,
}

/// What was measured: from it, everything else in a report follows.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed: u64,
    pub(super) machines: u64,
    pub(super) cpu: u64,
    pub(super) busy: f64,
    pub(super) queued: f64,
    pub(super) offer: Option<Offer>,
    pub(super) runs: Vec<Part>,
    pub(super) complaint: Option<String>,
}

/// In a shorter run, starting and ending it is most of the work: no part of the time is told.
const SHARE_NANOS_MIN: u64 = 50_000_000;

impl Measured {
    /// `rate`: of the open model.
    pub(super) fn of(run: Run, rate: Option<f64>) -> Self {
        let share = |nanos: u64| match run.elapsed {
            0..SHARE_NANOS_MIN => 0.0,
            elapsed => ratio(nanos as f64, elapsed as f64),
        };
        let most = |of: fn(&super::cpu::Cost) -> u64| run.costs.iter().map(of).max().unwrap_or(0);
        let mut measured = Self {
            started_unix_ms: run.started_unix_ms,
            elapsed: run.elapsed,
            machines: 1,
            cpu: run.costs.iter().map(|cost| cost.cpu).sum(),
            busy: share(most(|cost| cost.cpu)),
            queued: share(most(|cost| cost.queued)),
            offer: rate.map(|rate| Offer::of(&run, rate)),
            runs: Vec::new(),
            complaint: run.complaint,
            tally: run.tally,
        };
        measured.runs = vec![measured.part()];
        measured
    }

    pub(super) fn part(&self) -> Part {
        let tally = &self.tally;
        let latency = &tally.latency;
        Part {
            started_unix_ms: self.started_unix_ms,
            elapsed_ns: self.elapsed,
            responses: tally.responses,
            errors: tally.errors(),
            requests_per_second: self.requests_per_second(),
            mean_ns: latency.mean(),
            p50_ns: latency.quantile(0.5),
            p90_ns: latency.quantile(0.9),
            p99_ns: latency.quantile(0.99),
            p99_9_ns: latency.quantile(0.999),
            max_ns: latency.max(),
            cpu_ns_per_request: ratio(self.cpu as f64, tally.responses as f64),
        }
    }

    fn requests_per_second(&self) -> f64 {
        ratio(self.tally.responses as f64 * 1e9, self.elapsed as f64)
    }

    /// Joins a run of another machine, at the same time.
    pub(super) fn join(&mut self, other: Self) {
        self.tally.add(&other.tally);
        self.elapsed = self.elapsed.max(other.elapsed);
        self.machines = self.machines.saturating_add(other.machines);
        self.offer = Offer::joined(self.offer.take(), other.offer, true);
        self.join_rest(other.started_unix_ms, other.cpu, other.busy, other.queued);
        self.runs.extend(other.runs);
        self.complaint = self.complaint.take().or(other.complaint);
    }

    /// Joins the next run of the same machine.
    pub(super) fn follow(&mut self, next: Self) {
        self.tally.follow(next.tally);
        self.elapsed = self.elapsed.saturating_add(next.elapsed);
        self.offer = Offer::joined(self.offer.take(), next.offer, false);
        self.join_rest(next.started_unix_ms, next.cpu, next.busy, next.queued);
        self.runs.extend(next.runs);
        self.complaint = self.complaint.take().or(next.complaint);
    }

    fn join_rest(&mut self, started_unix_ms: u64, cpu: u64, busy: f64, queued: f64) {
        self.started_unix_ms = self.started_unix_ms.min(started_unix_ms);
        self.cpu = self.cpu.saturating_add(cpu);
        self.busy = self.busy.max(busy);
        self.queued = self.queued.max(queued);
    }
}

impl Report {
    pub(super) fn new(settings: Settings, measured: Measured) -> Self {
        let tally = &measured.tally;
        let named = |names: &mut dyn Iterator<Item = &str>, counts: &[u64]| {
            names
                .map(str::to_owned)
                .zip(counts.iter().copied())
                .collect()
        };
        let statuses = (0..).zip(&tally.statuses).filter(|(_, count)| **count > 0);
        let mut report = Self {
            format: FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings,
            machines: measured.machines,
            started_unix_ms: measured.started_unix_ms,
            elapsed_ns: measured.elapsed,
            responses: tally.responses,
            requests_per_second: measured.requests_per_second(),
            body_bytes: tally.body_bytes,
            received_bytes: tally.received_bytes,
            statuses: statuses.map(|(status, count)| (status, *count)).collect(),
            errors: Errors {
                total: tally.errors(),
                kinds: named(&mut KINDS.iter().map(|kind| kind.0), &tally.faults),
                bad_response_causes: named(&mut CAUSES.iter().copied(), &tally.causes),
                connect_says: measured.complaint.clone(),
            },
            connections: Connections {
                opened: tally.opened,
                opened_in_warmup: tally.opened_in_warmup,
                closed_by_server: tally.closed_by_server,
                requests_sent_again: tally.resent,
                closed_for_unasked_bytes: tally.unasked,
            },
            per_connection: PerConnection::of(&tally.spread),
            unfinished: tally.unfinished,
            latency: Distribution::of(&tally.latency),
            connect: Distribution::of(&tally.connect),
            lag: Distribution::of(&tally.lag),
            offer: measured.offer,
            over_time: OverTime {
                interval_ns: BIN_NANOS,
                responses: tally.bins.iter().map(|bin| bin.responses).collect(),
                errors: tally.bins.iter().map(|bin| bin.errors).collect(),
            },
            generator: Generator {
                cpu_ns: measured.cpu,
                cpu_ns_per_request: ratio(measured.cpu as f64, tally.responses as f64),
                busy: measured.busy,
                queued: measured.queued,
            },
            runs: measured.runs,
            warnings: Vec::new(),
        };
        report.warnings = warn::of(&report);
        report
    }

    /// What it was made of.
    pub(super) fn measured(&self) -> Measured {
        let mut tally = Tally::new();
        tally.latency = self.latency.times();
        tally.connect = self.connect.times();
        tally.lag = self.lag.times();
        for (status, count) in &self.statuses {
            if let Some(place) = tally.statuses.get_mut(usize::from(*status)) {
                *place = *count;
            }
        }
        for (place, (name, _)) in tally.faults.iter_mut().zip(KINDS) {
            *place = self.errors.kinds.get(name).copied().unwrap_or(0);
        }
        for (place, name) in tally.causes.iter_mut().zip(CAUSES) {
            let causes = &self.errors.bad_response_causes;
            *place = causes.get(name).copied().unwrap_or(0);
        }
        tally.responses = self.responses;
        tally.body_bytes = self.body_bytes;
        tally.received_bytes = self.received_bytes;
        tally.opened = self.connections.opened;
        tally.closed_by_server = self.connections.closed_by_server;
        tally.opened_in_warmup = self.connections.opened_in_warmup;
        tally.unasked = self.connections.closed_for_unasked_bytes;
        tally.resent = self.connections.requests_sent_again;
        tally.unfinished = self.unfinished;
        tally.spread = self.per_connection.spread();
        let over_time = self.over_time.responses.iter().zip(&self.over_time.errors);
        tally.bins = over_time
            .map(|(&responses, &errors)| Bin { responses, errors })
            .collect();
        Measured {
            tally,
            started_unix_ms: self.started_unix_ms,
            elapsed: self.elapsed_ns,
            machines: self.machines,
            cpu: self.generator.cpu_ns,
            busy: self.generator.busy,
            queued: self.generator.queued,
            offer: self.offer.clone(),
            runs: self.runs.clone(),
            complaint: self.errors.connect_says.clone(),
        }
    }

    /// Answers that were as expected.
    pub(super) fn succeeded(&self) -> u64 {
        let unexpected = ["status", "body"].map(|kind| self.errors.kinds.get(kind));
        let unexpected = unexpected.into_iter().flatten().copied();
        unexpected.fold(self.responses, u64::saturating_sub)
    }

    /// Requests that ended, each once: unexpected answers count as answers and as errors.
    pub(super) fn ended(&self) -> u64 {
        self.succeeded().saturating_add(self.errors.total)
    }

    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string(self);
        text.expect("a report has nothing that JSON cannot hold") + "\n"
    }
}

impl Distribution {
    fn of(times: &Times) -> Self {
        let histogram = times.histogram();
        Self {
            count: times.count(),
            sum_ns: times.sum(),
            min_ns: times.min(),
            max_ns: times.max(),
            mean_ns: times.mean(),
            stdev_ns: histogram.stdev(),
            percentiles_ns: Percentiles {
                p10: times.quantile(0.1),
                p25: times.quantile(0.25),
                p50: times.quantile(0.5),
                p75: times.quantile(0.75),
                p90: times.quantile(0.9),
                p95: times.quantile(0.95),
                p99: times.quantile(0.99),
                p99_9: times.quantile(0.999),
                p99_99: times.quantile(0.9999),
            },
            histogram: Counts::of(times),
        }
    }

    pub(super) fn times(&self) -> Times {
        Times::from_parts(
            &self.histogram.counts,
            self.sum_ns,
            self.min_ns,
            self.max_ns,
        )
    }
}

/// 0 where there is nothing to divide by: JSON has no NaN.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

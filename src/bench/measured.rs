//! What was measured, in a form that can be joined with other measurements and made into a report.

use std::collections::BTreeMap;

use super::closed_model::ClosedModel;
use super::cpu::Cost;
use super::distribution::{Distribution, Figures, Percentiles};
use super::error::CAUSES;
use super::machines::Machine;
use super::plan::Offer;
use super::report::{
    Errors, FORMAT, Generator, OfferedLoad, OverTime, Phase, Report, RunSummary, Settings,
    Unanswered, ratio,
};
use super::run::Run;
use super::tally::{BIN_NANOS, Bin, Tally};
use super::times::Times;
use super::tls::Tls;
use super::warn;
use super::workload::TemplateCounts;
use crate::tls::Cause;

/// Everything else in a report follows from this and the settings.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) started_unix_ms: u64,
    pub(super) elapsed: u64,
    pub(super) machines: u64,
    pub(super) cpu: u64,
    pub(super) busy: f64,
    pub(super) queued: f64,
    pub(super) offer: Option<OfferedLoad>,
    /// The phases of the latencies in the tally.
    pub(super) phases: Vec<Span>,
    pub(super) runs: Vec<RunSummary>,
    pub(super) connect_error: Option<String>,
    /// Of a joined result.
    pub(super) by_machine: Vec<Machine>,
}

/// In a shorter run, starting and ending dominate: fractions of the time are not reported.
const SHARE_NANOS_MIN: u64 = 50_000_000;

impl Measured {
    /// `offered` is the load of the open model, and how long it was to be sent.
    pub(super) fn of(run: Run, offered: Option<(&Offer, u64)>) -> Self {
        let share = |nanos: u64| match run.elapsed {
            0..SHARE_NANOS_MIN => 0.0,
            elapsed => ratio(nanos as f64, elapsed as f64),
        };
        let most = |of: fn(&Cost) -> u64| run.costs.iter().map(of).max().unwrap_or(0);
        let mut measured = Self {
            started_unix_ms: run.started_unix_ms,
            elapsed: run.elapsed,
            machines: 1,
            cpu: run.costs.iter().map(|cost| cost.cpu).sum(),
            busy: share(most(|cost| cost.cpu)),
            queued: share(most(|cost| cost.queued)),
            offer: offered.map(|(offer, nanos)| offered_load(&run, offer, nanos)),
            phases: offered.map_or_else(Vec::new, |(offer, _)| spans(offer)),
            runs: Vec::new(),
            by_machine: Vec::new(),
            connect_error: run.connect_error,
            tally: run.tally,
        };
        measured.runs = vec![measured.summary()];
        measured
    }

    /// All of it, as one run.
    pub(super) fn summary(&self) -> RunSummary {
        let tally = &self.tally;
        let latency = &tally.latency;
        RunSummary {
            started_unix_ms: self.started_unix_ms,
            elapsed_ns: self.elapsed,
            responses: tally.responses,
            errors: tally.errors.total(),
            requests_per_second: self.requests_per_second(),
            mean_ns: latency.mean(),
            p50_ns: latency.quantile(0.5),
            p90_ns: latency.quantile(0.9),
            p99_ns: latency.quantile(0.99),
            p99_9_ns: latency.quantile(0.999),
            max_ns: latency.max(),
            cpu_ns_per_request: self.cpu_per_request(),
        }
    }

    fn requests_per_second(&self) -> f64 {
        ratio(self.tally.responses as f64 * 1e9, self.elapsed as f64)
    }

    fn cpu_per_request(&self) -> f64 {
        ratio(self.cpu as f64, self.tally.responses as f64)
    }

    /// Joins a run of another machine at the same time.
    pub(super) fn join(&mut self, other: Self) {
        self.tally.add(&other.tally);
        self.elapsed = self.elapsed.max(other.elapsed);
        self.machines = self.machines.saturating_add(other.machines);
        self.join_common(other, true);
    }

    /// Joins the next run of the same machine.
    pub(super) fn follow(&mut self, mut next: Self) {
        let tally = std::mem::replace(&mut next.tally, Tally::new());
        self.tally.follow(tally);
        self.elapsed = self.elapsed.saturating_add(next.elapsed);
        self.join_common(next, false);
    }

    fn join_common(&mut self, other: Self, at_once: bool) {
        self.offer = OfferedLoad::joined(self.offer.take(), other.offer, at_once);
        self.phases = joined_spans(&self.phases, &other.phases, at_once);
        self.started_unix_ms = self.started_unix_ms.min(other.started_unix_ms);
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.busy = self.busy.max(other.busy);
        self.queued = self.queued.max(other.queued);
        self.runs.extend(other.runs);
        self.by_machine.extend(other.by_machine);
        self.connect_error = self.connect_error.take().or(other.connect_error);
    }
}

fn offered_load(run: &Run, offer: &Offer, length: u64) -> OfferedLoad {
    let tally = &run.tally;
    let load = OfferedLoad {
        requests_per_second: offer.profile.mean(length),
        sending_ns: length.min(run.elapsed),
        due: tally.due,
        sent: tally.sent,
        sent_per_second: 0.0,
        all_busy: ratio(tally.all_busy_nanos as f64, tally.thread_nanos as f64),
        busy_connections: ratio(tally.busy_nanos as f64, run.elapsed as f64),
        connections_used: tally.connections_used,
        backlog_at_half: tally.backlog_at_half,
        backlog_at_end: tally.backlog_at_end,
        left_over: tally.left_over,
    };
    load.with_sent_per_second()
}

/// A phase without its latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    start_ns: u64,
    length_ns: u64,
    from: f64,
    to: f64,
}

fn spans(offer: &Offer) -> Vec<Span> {
    let phases = offer.profile.all_phases().iter();
    phases
        .map(|phase| Span {
            start_ns: phase.start as u64,
            length_ns: (phase.length as u64).max(1),
            from: phase.from,
            to: phase.to,
        })
        .collect()
}

/// Rates at the same time add up.
fn joined_spans(ours: &[Span], theirs: &[Span], at_once: bool) -> Vec<Span> {
    let (longer, shorter) = if ours.len() < theirs.len() {
        (theirs, ours)
    } else {
        (ours, theirs)
    };
    let mut spans = longer.to_vec();
    if at_once {
        for (span, more) in spans.iter_mut().zip(shorter) {
            span.from += more.from;
            span.to += more.to;
        }
    }
    spans
}

fn phases(spans: &[Span], tally: &Tally) -> Vec<Phase> {
    let counts = tally.due_in_phase.iter().zip(&tally.phases);
    let pairs = spans.iter().zip(counts);
    pairs
        .map(|(span, (due, times))| Phase {
            start_ns: span.start_ns,
            length_ns: span.length_ns,
            from: span.from,
            to: span.to,
            due: *due,
            latency: Distribution::of(times),
        })
        .collect()
}

fn tls_causes(tally: &Tally) -> BTreeMap<String, u64> {
    let counts = Cause::ALL.iter().zip(tally.tls_causes);
    let failed = counts.filter(|(_, count)| *count > 0);
    failed
        .map(|(cause, count)| (cause.sentence().to_owned(), count))
        .collect()
}

fn unanswered(tally: &Tally) -> Option<Unanswered> {
    let waited = &tally.unanswered;
    (waited.count() > 0).then(|| {
        let mut both = tally.latency.clone();
        both.add(waited);
        Unanswered {
            sent: tally.unanswered_sent,
            waited: Distribution::of(waited),
            percentiles_at_least_ns: Percentiles::of(&both),
        }
    })
}

fn closed_model(settings: &Settings, measured: &Measured) -> Option<ClosedModel> {
    if settings.rate.is_some() {
        return None;
    }
    let slots = settings.connections.saturating_mul(settings.pipeline);
    let slots = slots.saturating_mul(measured.machines);
    let pace = settings.rate_per_connection.map(|rate| (1e9 / rate) as u64);
    ClosedModel::of(&measured.tally.latency, slots, measured.elapsed, pace)
}

impl Phase {
    fn span(&self) -> Span {
        Span {
            start_ns: self.start_ns,
            length_ns: self.length_ns,
            from: self.from,
            to: self.to,
        }
    }
}

impl Report {
    pub(super) fn new(settings: Settings, measured: Measured) -> Self {
        let tally = &measured.tally;
        let causes = CAUSES.iter().map(|cause| (*cause).to_owned());
        let statuses = (0..).zip(&tally.statuses).filter(|(_, count)| **count > 0);
        let closed_model = closed_model(&settings, &measured);
        let tls = settings.tls.map(|_| Tls::of(&tally.handshakes));
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
                total: tally.errors.total(),
                kinds: tally.errors,
                bad_response_causes: causes.zip(tally.causes).collect(),
                tls_causes: tls_causes(tally),
                connect_says: measured.connect_error.clone(),
            },
            connections: tally.connections,
            tls,
            per_connection: tally.per_connection.map(Figures::of),
            unfinished: tally.unfinished,
            latency: Distribution::of(&tally.latency),
            service: Distribution::of(&tally.service),
            connect: Distribution::of(&tally.connect),
            reading: Distribution::of(&tally.reading),
            lag: Distribution::of(&tally.lag),
            over_time: OverTime {
                interval_ns: BIN_NANOS,
                responses: tally.bins.iter().map(|bin| bin.responses).collect(),
                errors: tally.bins.iter().map(|bin| bin.errors).collect(),
            },
            generator: Generator {
                cpu_ns: measured.cpu,
                cpu_ns_per_request: measured.cpu_per_request(),
                busy: measured.busy,
                queued: measured.queued,
                machines: measured.by_machine,
            },
            offer: measured.offer,
            phases: phases(&measured.phases, tally),
            templates: tally.templates.iter().map(TemplateCounts::report).collect(),
            closed_model,
            unanswered: unanswered(tally),
            runs: measured.runs,
            warnings: Vec::new(),
        };
        report.warnings = warn::of(&report);
        report
    }

    /// What the report was made of.
    pub(super) fn measured(&self) -> Measured {
        Measured {
            tally: self.tally(),
            started_unix_ms: self.started_unix_ms,
            elapsed: self.elapsed_ns,
            machines: self.machines,
            cpu: self.generator.cpu_ns,
            busy: self.generator.busy,
            queued: self.generator.queued,
            by_machine: self.generator.machines.clone(),
            offer: self.offer.clone(),
            phases: self.phases.iter().map(Phase::span).collect(),
            runs: self.runs.clone(),
            connect_error: self.errors.connect_says.clone(),
        }
    }

    fn tally(&self) -> Tally {
        let unanswered = self.unanswered.as_ref();
        let mut tally = Tally {
            latency: self.latency.times(),
            connect: self.connect.times(),
            reading: self.reading.times(),
            service: self.service.times(),
            lag: self.lag.times(),
            unanswered: unanswered.map_or_else(Times::default, |some| some.waited.times()),
            unanswered_sent: unanswered.map_or(0, |some| some.sent),
            due_in_phase: self.phases.iter().map(|phase| phase.due).collect(),
            phases: self
                .phases
                .iter()
                .map(|phase| phase.latency.times())
                .collect(),
            templates: self.templates.iter().map(TemplateCounts::of).collect(),
            errors: self.errors.kinds,
            responses: self.responses,
            body_bytes: self.body_bytes,
            received_bytes: self.received_bytes,
            connections: self.connections,
            handshakes: self
                .tls
                .as_ref()
                .map_or_else(Default::default, Tls::handshakes),
            unfinished: self.unfinished,
            per_connection: self.per_connection.map(Figures::times),
            ..Tally::new()
        };
        for (status, count) in &self.statuses {
            if let Some(sum) = tally.statuses.get_mut(usize::from(*status)) {
                *sum = *count;
            }
        }
        for (sum, name) in tally.causes.iter_mut().zip(CAUSES) {
            let causes = &self.errors.bad_response_causes;
            *sum = causes.get(name).copied().unwrap_or(0);
        }
        for (sum, cause) in tally.tls_causes.iter_mut().zip(Cause::ALL) {
            let causes = &self.errors.tls_causes;
            *sum = causes.get(cause.sentence()).copied().unwrap_or(0);
        }
        let over_time = self.over_time.responses.iter().zip(&self.over_time.errors);
        tally.bins = over_time
            .map(|(&responses, &errors)| Bin { responses, errors })
            .collect();
        tally
    }
}

//! One trial: a run of hullo bench at one load, and whether the goal held in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::found::Trial;
use crate::bench::goal::{By, Goal};
use crate::bench::live::Live;
use crate::bench::measured::Measured;
use crate::bench::options::{BenchOptions, Connections};
use crate::bench::overload::{self, Limit};
use crate::bench::prepare::prepare;
use crate::bench::rates::Rates;
use crate::bench::report::Report;
use crate::bench::run::run;

/// How many requests a trial has above its highest percentile: with fewer, that is chance. A trial at a low
/// rate is longer, up to this factor.
const TAIL_REQUESTS: f64 = 10.0;
const LONGER_MAX: u64 = 6;

/// How long answers are awaited after the last request was due: in the times of the goal, and at least.
const LATE_FACTOR: u64 = 4;
const LATE_NANOS_MIN: u64 = 500_000_000;

/// In the first run, one connection sends so many requests, for so long at most.
const ALONE_REQUESTS: u64 = 20;
const ALONE_MAX: Duration = Duration::from_secs(30);

/// After a trial that overloaded the server, its queue has to empty: it is asked again until it answers
/// about as fast as at first.
const RECOVERED: u64 = 3;
const RECOVERY_STEP: Duration = Duration::from_millis(100);
const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// If the generator's own lateness is more than this part of what was measured, that is noise.
const NOISE_PART: u64 = 4;

pub(super) struct Trials<'a> {
    options: &'a BenchOptions,
    goal: &'a Goal,
    by: By,
    nanos: u64,
    stop: &'a Arc<AtomicBool>,
    number: u64,
    /// The latency of a request without others.
    alone: u64,
}

impl<'a> Trials<'a> {
    pub(super) fn new(
        options: &'a BenchOptions,
        goal: &'a Goal,
        by: By,
        nanos: u64,
        stop: &'a Arc<AtomicBool>,
    ) -> Self {
        Self {
            options,
            goal,
            by,
            nanos,
            stop,
            number: 0,
            alone: 1,
        }
    }

    /// The median latency of a few requests, one after the other.
    pub(super) fn alone(&mut self) -> Result<u64, String> {
        let report = self.run(&self.few(ALONE_MAX))?;
        if report.succeeded() == 0 {
            return Err(format!(
                "not one of {ALONE_REQUESTS} requests was answered as expected: there is nothing to find"
            ));
        }
        self.alone = report.latency.percentiles_ns.p50.max(1);
        Ok(self.alone)
    }

    fn few(&self, most: Duration) -> BenchOptions {
        BenchOptions {
            connections: Some(Connections::Number(1)),
            requests: ALONE_REQUESTS,
            duration: None,
            warmup: 0,
            rate: None,
            arrivals: None,
            deadline: Some(most.as_nanos() as u64),
            rate_per_connection: None,
            ..self.options.clone()
        }
    }

    /// Runs the load, and judges it.
    pub(super) fn attempt(&mut self, load: f64) -> Result<Trial, String> {
        self.number += 1;
        let report = self.run(&self.options_of(load))?;
        let trial = self.judge(load, &report);
        if trial.held != Some(true) {
            self.recover()?;
        }
        Ok(trial)
    }

    fn options_of(&self, load: f64) -> BenchOptions {
        let late = self.goal.nanos().unwrap_or(0).saturating_mul(LATE_FACTOR);
        let mut options = self.options.clone();
        let mut nanos = self.nanos;
        match self.by {
            By::Rate => {
                let needed = TAIL_REQUESTS / (1.0 - self.goal.quantile()).max(1e-6) / load * 1e9;
                nanos = nanos.max((needed as u64).min(nanos.saturating_mul(LONGER_MAX)));
                options.rate = Some(Rates::Constant(load));
                options.seed = options.seed.wrapping_add(self.number);
                options.connections = options.connections.or(Some(Connections::AUTO));
            }
            By::Connections => options.connections = Some(Connections::Number(load as u32)),
        }
        options.duration = Some(nanos);
        options.deadline = Some(nanos.saturating_add(late.max(LATE_NANOS_MIN)));
        options
    }

    fn run(&self, options: &BenchOptions) -> Result<Report, String> {
        let (plan, settings) = prepare(options)?;
        let mut live = Live::line(&options.live);
        live.begin(&plan, (1, 1));
        let result = run(&plan, self.stop, &mut live);
        live.end();
        let result = result.map_err(|error| format!("an event loop failed: {error}"))?;
        if self.stop.load(Ordering::Relaxed) {
            return Err("interrupted: the search has no result".to_owned());
        }
        Ok(Report::new(settings, Measured::of(result, plan.offered())))
    }

    fn judge(&self, load: f64, report: &Report) -> Trial {
        let (held, said) = self.verdict(report);
        let times = report.response_times();
        Trial {
            load,
            held,
            said,
            requests: report.ended().saturating_add(report.unanswered_count()),
            errors: report.errors.total,
            unanswered: report.unanswered_count(),
            requests_per_second: report.requests_per_second,
            p50_ns: times.quantile(0.5),
            p90_ns: times.quantile(0.9),
            p99_ns: times.quantile(0.99),
            p99_9_ns: times.quantile(0.999),
            max_ns: times.max(),
            generator_busy: report.generator.busy,
        }
    }

    fn verdict(&self, report: &Report) -> (Option<bool>, String) {
        let failed = self.goal.failed(report);
        match (overload::limit(report), failed) {
            (Some(Limit::Generator | Limit::Cores), _) => {
                let said = overload::missed(report).unwrap_or_default();
                (None, said)
            }
            (None, None) => (Some(true), String::new()),
            (_, Some(said)) => match noise(report) {
                Some(noise) => (None, format!("{said}, but {noise}")),
                None => (Some(false), said),
            },
            // Times that grow with the length of the run would fail in a longer one.
            (Some(Limit::Server), None) => (
                Some(false),
                "requests without an answer became more and more".to_owned(),
            ),
            (Some(Limit::Connections), None) => {
                (Some(false), overload::missed(report).unwrap_or_default())
            }
        }
    }

    /// Waits until the server has got over an overload.
    fn recover(&self) -> Result<(), String> {
        let began = Instant::now();
        let usual = self.alone.saturating_mul(RECOVERED);
        // A slow server needs longer for the same requests.
        let most = RECOVERY_MAX.max(Duration::from_nanos(usual.saturating_mul(ALONE_REQUESTS)));
        let goal = self.goal.nanos();
        let limit = goal.map_or(usual, |nanos| usual.max(nanos / 2));
        loop {
            let left = most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(format!(
                    "the server did not recover from an overload: {} s later it still did not answer as fast as before",
                    most.as_secs()
                ));
            }
            let report = self.run(&self.few(left))?;
            if report.succeeded() == ALONE_REQUESTS && report.latency.percentiles_ns.p50 <= limit {
                return Ok(());
            }
            sleep(RECOVERY_STEP);
        }
    }
}

/// Why what was measured may be the generator's.
fn noise(report: &Report) -> Option<String> {
    let generator = &report.generator;
    let lag = &report.lag;
    let late = lag.percentiles_ns.p99;
    let is_late = lag.count > report.responses / 2
        && late.saturating_mul(NOISE_PART) > report.latency.percentiles_ns.p99;
    if generator.busy > overload::BUSY_MAX {
        Some(format!(
            "the generator had no CPU time left ({:.0} % busy)",
            generator.busy * 100.0
        ))
    } else if generator.queued > overload::QUEUED_MAX {
        Some(format!(
            "the generator waited for a core {:.0} % of the time, because other processes used it",
            generator.queued * 100.0
        ))
    } else if is_late {
        Some("the generator itself was late by a good part of that".to_owned())
    } else {
        None
    }
}

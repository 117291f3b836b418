//! The numbers of the last minute, one sample a second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::http::Status;
use crate::server::{ServiceTimes, Stats, StatsHandle};

/// How far they reach back.
pub(super) const SPAN: Duration = Duration::from_secs(60);
/// What is called recent: long enough for a calm figure, and short enough for one of this moment.
const RECENT: Duration = Duration::from_secs(5);

/// What was counted up to some time.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) total: Stats,
    pub(super) times: ServiceTimes,
    pub(super) responses: Vec<(Status, u64)>,
    pub(super) workers: Vec<WorkerSample>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WorkerSample {
    pub(super) requests: u64,
    pub(super) busy_micros: u64,
    pub(super) wake_ups: u64,
}

impl Sample {
    pub(super) fn of(stats: &StatsHandle, at: Instant) -> Self {
        Self::from(stats, &stats.read(), at)
    }

    /// With what the workers have counted, which has just been read.
    pub(super) fn from(stats: &StatsHandle, workers: &[Stats], at: Instant) -> Self {
        Self {
            times: stats.service_times(),
            responses: stats.responses(),
            ..Self::of_counts(workers, at)
        }
    }

    fn of_counts(workers: &[Stats], at: Instant) -> Self {
        let sample = |stats: &Stats| WorkerSample {
            requests: stats.responses(),
            busy_micros: stats.busy_micros,
            wake_ups: stats.wake_ups,
        };
        Self {
            at,
            total: workers.iter().copied().sum(),
            times: ServiceTimes::default(),
            responses: Vec::new(),
            workers: workers.iter().map(sample).collect(),
        }
    }

    /// How many seconds it is later than another.
    pub(super) fn seconds_since(&self, earlier: &Self) -> f64 {
        self.at.saturating_duration_since(earlier.at).as_secs_f64()
    }
}

/// The last ones, and at least one, the oldest first.
#[derive(Debug)]
pub(super) struct Samples(VecDeque<Sample>);

impl Samples {
    pub(super) fn new(first: Sample) -> Self {
        Self(VecDeque::from([first]))
    }

    pub(super) fn add(&mut self, sample: Sample) {
        // The oldest one that is kept has to be as old as the span, if there is such a one.
        let is_spare = |second: &Sample| sample.at.saturating_duration_since(second.at) >= SPAN;
        while self.0.get(1).is_some_and(is_spare) {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }

    /// The last one that is older than the span; with younger ones only, the first one.
    pub(super) fn oldest(&self, now: Instant) -> Option<&Sample> {
        self.before(now, SPAN)
    }

    /// The same for what is called recent.
    pub(super) fn recent(&self, now: Instant) -> Option<&Sample> {
        self.before(now, RECENT)
    }

    fn before(&self, now: Instant, span: Duration) -> Option<&Sample> {
        let is_older = |sample: &&Sample| now.saturating_duration_since(sample.at) >= span;
        self.0.iter().rev().find(is_older).or(self.0.front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_reach_back_a_minute_and_no_further() {
        let start = Instant::now();
        let sample = |second: u64| {
            let at = start + Duration::from_secs(second);
            let mut stats = Stats::default();
            stats.wake_ups = second;
            Sample::of_counts(&[stats], at)
        };
        let mut samples = Samples::new(sample(0));
        for second in 1..=30 {
            samples.add(sample(second));
        }
        let at = |second: u64| start + Duration::from_secs(second);
        let of = |sample: Option<&Sample>| sample.unwrap().total.wake_ups;
        assert_eq!(
            (of(samples.oldest(at(30))), of(samples.recent(at(30)))),
            (0, 25)
        );
        for second in 31..=200 {
            samples.add(sample(second));
        }
        assert_eq!(
            (of(samples.oldest(at(200))), of(samples.recent(at(200)))),
            (140, 195)
        );
        assert_eq!(samples.iter().count(), 61);
    }
}

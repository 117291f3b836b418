//! What a closed run hides: each connection waits for its answer before it sends again, so a stall of the
//! server is seen by one request of each connection, not by all those that would have come meanwhile
//! (coordinated omission).

use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Percentiles};
use super::times::Times;

/// A run without --rate: how full its connections were, and an estimate of what the same server would have
/// shown to requests that keep coming.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClosedModel {
    /// The most requests in flight: connections, times requests in one write.
    pub(super) slots: u64,
    /// Requests in flight, on average: the sum of the latencies over the time (Little's law).
    pub(super) in_flight: f64,
    /// The usual time between two requests on a connection: that of -q, or else the median latency.
    pub(super) interval_ns: u64,
    /// Percentiles if each connection had sent a request in each interval, whatever became of those before
    /// it. Means nothing if requests differ in their latency on purpose.
    pub(super) if_steady_ns: Percentiles,
}

impl ClosedModel {
    /// `None` without answers. `pace` is the interval of -q.
    pub(super) fn of(latency: &Times, slots: u64, elapsed: u64, pace: Option<u64>) -> Option<Self> {
        if latency.count() == 0 || elapsed == 0 {
            return None;
        }
        let interval = latency.quantile(0.5).max(pace.unwrap_or(0)).max(1);
        let steady = Steady::new(latency, interval);
        Some(Self {
            slots,
            in_flight: latency.sum() as f64 / elapsed as f64,
            interval_ns: interval,
            if_steady_ns: Percentiles::each(|quantile| steady.quantile(quantile)),
        })
    }

    /// The percentile that slow moments change, if they change it much: as measured, and as estimated.
    pub(super) fn hidden(&self, latency: &Distribution) -> Option<(u64, u64)> {
        let (measured, steady) = (latency.percentiles_ns.p99, self.if_steady_ns.p99);
        (latency.count >= COUNT_MIN && steady >= measured.saturating_mul(FACTOR))
            .then_some((measured, steady))
    }
}

/// With fewer answers, p99 is not known well.
const COUNT_MIN: u64 = 1000;

/// A smaller difference is within what an estimate can say.
const FACTOR: u64 = 3;

/// Latencies, with those that were not measured: a request that took `v` stands for others that would have
/// been sent an interval later each, and taken `v - interval`, `v - 2 * interval`, and so on. This is the
/// correction of `HdrHistogram`, without its loop over all of them.
struct Steady {
    /// `(value, count)`.
    counts: Vec<(u64, u64)>,
    interval: u64,
    total: u128,
    max: u64,
}

impl Steady {
    fn new(latency: &Times, interval: u64) -> Self {
        let recorded = latency.histogram().iter_recorded();
        let counts = recorded
            .map(|step| {
                (
                    step.value_iterated_to().min(latency.max()),
                    step.count_at_value(),
                )
            })
            .collect();
        let mut steady = Self {
            counts,
            interval,
            total: 0,
            max: latency.max(),
        };
        steady.total = steady.above(None);
        steady
    }

    /// How many took longer than this, or all.
    fn above(&self, limit: Option<u64>) -> u128 {
        let each = self.counts.iter().map(|&(value, count)| {
            let itself = limit.is_none_or(|limit| value > limit);
            // No value below the interval is added.
            let least = limit.unwrap_or(0).max(self.interval - 1);
            let added = value.saturating_sub(least).saturating_sub(1) / self.interval;
            u128::from(count) * (u128::from(itself) + u128::from(added))
        });
        each.sum()
    }

    fn quantile(&self, quantile: f64) -> u64 {
        let most = ((1.0 - quantile) * self.total as f64) as u128;
        let (mut low, mut high) = (0, self.max);
        while low < high {
            let middle = low.midpoint(high);
            if self.above(Some(middle)) <= most {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 ms each, but for one stall of 200 ms in 10 s on one connection.
    fn stalled() -> Times {
        let mut times = Times::default();
        times.record(1_000_000, 9800);
        times.record(200_000_000, 1);
        times
    }

    #[test]
    fn a_stall_counts_for_all_that_would_have_come() {
        let closed = ClosedModel::of(&stalled(), 1, 10_000_000_000, None).unwrap();
        assert_eq!(closed.interval_ns / 1000, 1000);
        assert!(
            (closed.in_flight - 1.0).abs() < 0.001,
            "{}",
            closed.in_flight
        );
        // Of 10,000 requests, 1 each millisecond, 200 fall into the stall: the 100th of them waits 100 ms.
        let p99 = closed.if_steady_ns.p99 as f64 / 1e6;
        assert!((p99 - 100.0).abs() < 2.0, "{p99}");
        let p99_9 = closed.if_steady_ns.p99_9 as f64 / 1e6;
        assert!((p99_9 - 190.0).abs() < 2.0, "{p99_9}");
        let said = closed.hidden(&Distribution::of(&stalled())).unwrap();
        assert_eq!(said.0 / 1_000_000, 1);
    }

    #[test]
    fn an_even_run_hides_nothing() {
        let mut times = Times::default();
        for nanos in 900_000..1_100_000 {
            times.record(nanos, 1);
        }
        let closed = ClosedModel::of(&times, 1, 200_000_000_000, None).unwrap();
        let p99 = closed.if_steady_ns.p99 as f64 / times.quantile(0.99) as f64;
        assert!((p99 - 1.0).abs() < 0.01, "{p99}");
        assert_eq!(closed.hidden(&Distribution::of(&times)), None);
        assert_eq!(ClosedModel::of(&Times::default(), 1, 5, None), None);
    }

    /// The naive twin is that of `HdrHistogram`.
    #[test]
    fn the_estimate_is_the_correction_of_hdrhistogram() {
        let mut times = Times::default();
        for i in 1..3000_u64 {
            times.record(i * i * 17 + 50_000, 1 + i % 3);
        }
        for interval in [100_000, 700_000, 5_000_000, 400_000_000] {
            let naive = times.histogram().clone_correct(interval);
            let steady = Steady::new(&times, interval);
            for quantile in [0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0] {
                let (ours, theirs) = (steady.quantile(quantile), naive.value_at_quantile(quantile));
                let ratio = ours as f64 / theirs as f64;
                assert!(
                    (ratio - 1.0).abs() < 0.003,
                    "{interval} {quantile}: {ours} {theirs}"
                );
            }
        }
    }

    #[test]
    fn a_pace_is_the_interval_if_it_is_longer() {
        let closed = |pace| {
            ClosedModel::of(&stalled(), 1, 10, pace)
                .unwrap()
                .interval_ns
        };
        assert_eq!(closed(Some(5_000_000)), 5_000_000);
        assert!(closed(Some(5)) > 900_000);
    }
}

//! How long workers are busy and responses take, where that is measured: it takes a reading of the clock for each
//! connection that is answered in a turn, and one for the turn.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::kernel::Kernel;
use super::slots::Index;

/// Up to 9 microseconds there is a bucket for each; from there 20 for each power of ten, to 100 seconds.
const BOUND_COUNT: usize = 9 + 7 * 20 + 1;

/// The upper bounds of the buckets, in microseconds.
const BOUNDS: [u64; BOUND_COUNT] = bounds();

/// The last one has no upper bound.
const BUCKETS: usize = BOUND_COUNT + 1;

const fn bounds() -> [u64; BOUND_COUNT] {
    /// The preferred numbers R20 of ISO 3.
    const STEPS: [u64; 20] = [
        100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710,
        800, 900,
    ];
    let mut bounds = [0; BOUND_COUNT];
    let mut at = 0;
    while at < 9 {
        bounds[at] = at as u64 + 1;
        at += 1;
    }
    while at < BOUND_COUNT {
        let (power, step) = ((at - 9) / 20, (at - 9) % 20);
        bounds[at] = STEPS[step] * 10_u64.pow(power as u32) / 10;
        at += 1;
    }
    bounds
}

const _: () = assert!(BOUNDS[BOUND_COUNT - 1] == 100_000_000);

/// The bucket of a time: the first one whose bound is not below it.
fn bucket(micros: u64) -> usize {
    BOUNDS.partition_point(|&bound| bound < micros)
}

/// The times of one worker, which alone writes to them, for other threads.
#[repr(align(128))]
pub(crate) struct Times {
    buckets: [AtomicU64; BUCKETS],
    sum_micros: AtomicU64,
}

impl Times {
    pub(crate) fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_micros: AtomicU64::new(0),
        }
    }

    fn add(&self, micros: u64, responses: u64) {
        // It has one writer: a load and a store are enough.
        let add = |to: &AtomicU64, more: u64| {
            to.store(
                to.load(Ordering::Relaxed).wrapping_add(more),
                Ordering::Relaxed,
            );
        };
        if let Some(count) = self.buckets.get(bucket(micros)) {
            add(count, responses);
            add(&self.sum_micros, micros.saturating_mul(responses));
        }
    }

    pub(crate) fn add_to(&self, sum: &mut ServiceTimes) {
        for (sum, count) in sum.buckets.iter_mut().zip(&self.buckets) {
            *sum += count.load(Ordering::Relaxed);
        }
        sum.sum_micros += self.sum_micros.load(Ordering::Relaxed);
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Times").finish_non_exhaustive()
    }
}

/// How long the responses of a server took: a histogram, in which a time is known to a seventh.
///
/// The time of a response runs from the turn of the event loop that has brought the end of its request until the
/// response, or what the turn has made of it, was handed to the kernel. Time that a handler
/// [takes for it](crate::http::ResponseWriter::later) counts; time that a request waits in the kernel while its worker is busy
/// with others does not: for that, see [`Stats::busy_micros`](super::Stats::busy_micros).
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceTimes {
    buckets: Box<[u64; BUCKETS]>,
    sum_micros: u64,
}

impl ServiceTimes {
    pub(crate) fn new() -> Self {
        Self {
            buckets: Box::new([0; BUCKETS]),
            sum_micros: 0,
        }
    }

    /// How many responses there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All times together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros)
    }

    /// How many responses took no longer than this. It is exact for 1, 2 and 5 times a power of ten from a
    /// microsecond to 100 seconds; of other times, those of a whole bucket count.
    #[must_use]
    pub fn count_within(&self, time: Duration) -> u64 {
        let last = bucket(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.buckets.iter().take(last + 1).sum()
    }

    /// The time within which so many of 100 responses came. `None`: there are none. A time above 100 seconds is
    /// given as 100 seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let all = self.count();
        let rank = percent.clamp(0.0, 100.0) / 100.0 * all as f64;
        let mut below = 0;
        for (at, &count) in self.buckets.iter().enumerate() {
            if count > 0 && (below + count) as f64 >= rank {
                let upper = BOUNDS.get(at).or(BOUNDS.last()).copied()?;
                let lower = at.checked_sub(1).and_then(|at| BOUNDS.get(at)).copied();
                let lower = lower.unwrap_or_default() as f64;
                // As if they were spread evenly over the bucket.
                let share = (rank - below as f64).max(0.0) / count as f64;
                let micros = lower + (upper as f64 - lower) * share;
                return Some(Duration::from_secs_f64(micros / 1e6));
            }
            below += count;
        }
        None
    }

    /// What has been added since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut more = self.clone();
        for (count, before) in more.buckets.iter_mut().zip(*earlier.buckets) {
            *count = count.saturating_sub(before);
        }
        more.sum_micros = more.sum_micros.saturating_sub(earlier.sum_micros);
        more
    }
}

impl Default for ServiceTimes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ServiceTimes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ServiceTimes")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .finish_non_exhaustive()
    }
}

/// What measures the times of a worker.
pub(super) struct Meter {
    times: Arc<[Times]>,
    /// Its worker's place among the workers.
    number: usize,
    /// How many responses have been measured.
    measured: u64,
    /// For each place in the table of connections: when the turn began that has brought a request whose response is
    /// still to begin.
    since: Vec<Option<u64>>,
}

impl Meter {
    pub(super) fn new(times: Arc<[Times]>, number: usize) -> Self {
        Self {
            times,
            number,
            measured: 0,
            since: Vec::new(),
        }
    }

    /// A connection was served in the turn that began at `start`. `responses` counts those of the worker;
    /// `owes_response`: the next one of this connection is still to begin.
    #[cold]
    pub(super) fn served(
        &mut self,
        index: Index,
        responses: u64,
        owes_response: bool,
        start: u64,
        kernel: &impl Kernel,
    ) {
        let index = index as usize;
        if responses != self.measured {
            let first = self.since.get_mut(index).and_then(Option::take);
            if let Some(first) = first {
                self.measure(self.measured + 1, first, kernel);
            }
            self.measure(responses, start, kernel);
        }
        if owes_response {
            if self.since.len() <= index {
                self.since.resize(index + 1, None);
            }
            if let Some(since) = self.since.get_mut(index) {
                since.get_or_insert(start);
            }
        }
    }

    /// The responses that are new have taken from `start` until now.
    fn measure(&mut self, responses: u64, start: u64, kernel: &impl Kernel) {
        let new = responses.saturating_sub(self.measured);
        if let (1.., Some(times)) = (new, self.times.get(self.number)) {
            times.add(kernel.micros().saturating_sub(start), new);
        }
        self.measured = responses;
    }

    #[cold]
    pub(super) fn closed(&mut self, index: Index) {
        if let Some(since) = self.since.get_mut(index as usize) {
            *since = None;
        }
    }

    /// How many responses were measured.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn measured(&self) -> u64 {
        let mut sum = ServiceTimes::new();
        if let Some(times) = self.times.get(self.number) {
            times.add_to(&mut sum);
        }
        sum.count()
    }

    /// How long the turn was that began at `start` and ends now, in microseconds.
    #[cold]
    pub(super) fn end_turn(&mut self, responses: u64, start: u64, kernel: &impl Kernel) -> u64 {
        self.measure(responses, start, kernel);
        kernel.micros().saturating_sub(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(measured: &[(u64, u64)]) -> ServiceTimes {
        let times = Times::new();
        for &(micros, responses) in measured {
            times.add(micros, responses);
        }
        let mut sum = ServiceTimes::new();
        times.add_to(&mut sum);
        sum
    }

    #[test]
    fn bounds_rise_by_a_seventh_at_most() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
        for two in BOUNDS.windows(2).filter(|two| two[0] >= 100) {
            assert!(7 * (two[1] - two[0]) <= two[0], "{two:?}");
        }
        for (micros, expected) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (10, 10),
            (13, 14),
            (100_000_000, 100_000_000),
        ] {
            assert_eq!(BOUNDS[bucket(micros)], expected);
        }
        assert_eq!(bucket(100_000_001), BUCKETS - 1);
    }

    #[test]
    fn each_time_is_counted_in_its_bucket() {
        let times = times(&[(0, 1), (7, 2), (1_000, 3), (1_001, 4), (u64::MAX / 8, 5)]);
        assert_eq!(times.count(), 15);
        for (micros, within) in [
            (1, 1),
            (6, 1),
            (7, 3),
            (1_000, 6),
            (2_000, 10),
            (100_000_000, 10),
        ] {
            assert_eq!(
                times.count_within(Duration::from_micros(micros)),
                within,
                "{micros}"
            );
        }
        assert_eq!(times.count_within(Duration::MAX), 15);
    }

    #[test]
    fn percentiles_lie_within_their_buckets() {
        let times = times(&[(20, 90), (1_000, 9), (1 << 40, 1)]);
        let percentile = |percent| times.percentile(percent).unwrap().as_micros();
        for (percent, lower, upper) in [
            (0.0, 18, 20),
            (50.0, 18, 20),
            (90.0, 20, 20),
            (91.0, 900, 1_000),
            (99.0, 1_000, 1_000),
            (100.0, 100_000_000, 100_000_000),
        ] {
            let found = percentile(percent);
            assert!((lower..=upper).contains(&found), "{percent} %: {found}");
        }
        assert_eq!(ServiceTimes::new().percentile(50.0), None);
    }

    #[test]
    fn a_difference_is_what_has_been_added() {
        let (early, late) = (
            times(&[(5, 1), (70, 2)]),
            times(&[(5, 4), (70, 2), (80, 1)]),
        );
        assert_eq!(late.since(&early), times(&[(5, 3), (80, 1)]));
        assert_eq!(early.since(&late).count(), 0);
    }
}

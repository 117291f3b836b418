//! What a thread counts, and how what several threads or machines have counted becomes one.

use hdrhistogram::Histogram;

use super::error::{CAUSES, ErrorKind, KINDS, PROTOCOL};
use super::response::Answer;
use super::spread::Spread;

/// How exact a histogram is: three decimal digits.
pub(super) const DIGITS: u8 = 3;

/// Longer times are counted as this: an hour.
const NANOS_MAX: u64 = 3_600_000_000_000;

/// The requests/s over time are counted in intervals of this length.
pub(super) const BIN_NANOS: u64 = 100_000_000;

/// Times in nanoseconds, or other numbers: their histogram, and exactly their sum and ends.
#[derive(Clone, Debug)]
pub(super) struct Times {
    histogram: Histogram<u64>,
    sum: u64,
    min: u64,
    max: u64,
}

impl Times {
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, NANOS_MAX, DIGITS);
        Self {
            histogram: histogram.expect("the bounds are constants that fit each other"),
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// From what another has counted: `(value, count)` of its histogram, and its exact sum and ends.
    pub(super) fn from_parts(counts: &[(u64, u64)], sum: u64, min: u64, max: u64) -> Self {
        let mut times = Self::new();
        for (value, count) in counts {
            times.histogram.saturating_record_n(*value, *count);
        }
        let is_empty = times.histogram.is_empty();
        times.sum = sum;
        times.min = if is_empty { u64::MAX } else { min };
        times.max = max;
        times
    }

    #[inline]
    pub(super) fn record(&mut self, nanos: u64, count: u64) {
        self.histogram.saturating_record_n(nanos, count);
        self.sum = self.sum.saturating_add(nanos.saturating_mul(count));
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("all have the same bounds");
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(super) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    pub(super) fn count(&self) -> u64 {
        self.histogram.len()
    }

    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    /// The shortest; 0 of none.
    pub(super) fn min(&self) -> u64 {
        if self.count() == 0 { 0 } else { self.min }
    }

    pub(super) fn max(&self) -> u64 {
        self.max
    }

    pub(super) fn mean(&self) -> f64 {
        if self.count() == 0 {
            0.0
        } else {
            self.sum as f64 / self.count() as f64
        }
    }

    /// The value that so much of all does not exceed.
    pub(super) fn quantile(&self, quantile: f64) -> u64 {
        if self.count() == 0 {
            return 0;
        }
        self.histogram
            .value_at_quantile(quantile)
            .clamp(self.min, self.max)
    }
}

/// Of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) responses: u64,
    pub(super) errors: u64,
}

/// All that is counted.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Of whole answers, also those that were not expected.
    pub(super) latency: Times,
    /// Of connections, from the first call to the first byte that was taken.
    pub(super) connect: Times,
    /// How late requests of the open model were sent although a connection was free.
    pub(super) lag: Times,
    pub(super) statuses: Vec<u64>,
    pub(super) faults: [u64; KINDS.len()],
    pub(super) causes: [u64; CAUSES.len()],
    pub(super) responses: u64,
    pub(super) body_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) opened: u64,
    pub(super) opened_in_warmup: u64,
    pub(super) closed_by_server: u64,
    /// Connections given up because bytes came that no request asked for, with none in flight.
    pub(super) unasked: u64,
    /// Requests that the server left unanswered with a closing answer, and that were sent again.
    pub(super) resent: u64,
    /// In flight, or due and not sent, when the run was broken off.
    pub(super) unfinished: u64,
    /// In the open model: nanoseconds of busy connections, of threads, and of threads that had no
    /// connection at rest.
    pub(super) busy: u64,
    pub(super) watched: u64,
    pub(super) full: u64,
    /// In the open model: not sent, for want of a connection, when the last should have been.
    pub(super) left_over: u64,
    /// Over the connections; known when a run has ended.
    pub(super) spread: Spread,
    pub(super) bins: Vec<Bin>,
    bin_start: Bin,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            latency: Times::new(),
            connect: Times::new(),
            lag: Times::new(),
            statuses: vec![0; 1000],
            faults: [0; KINDS.len()],
            causes: [0; CAUSES.len()],
            responses: 0,
            body_bytes: 0,
            received_bytes: 0,
            opened: 0,
            opened_in_warmup: 0,
            closed_by_server: 0,
            unasked: 0,
            resent: 0,
            unfinished: 0,
            busy: 0,
            watched: 0,
            full: 0,
            left_over: 0,
            spread: Spread::none(),
            bins: Vec::new(),
            bin_start: Bin::default(),
        }
    }

    #[inline]
    pub(super) fn answer(&mut self, answer: &Answer) {
        self.responses += 1;
        self.body_bytes += answer.body_bytes;
        if let Some(count) = self.statuses.get_mut(usize::from(answer.status)) {
            *count += 1;
        }
        if let Some(fault) = answer.fault {
            self.fault(fault, 1);
        }
    }

    #[cold]
    pub(super) fn fault(&mut self, fault: ErrorKind, count: u64) {
        self.faults[fault.kind()] += count;
        if let ErrorKind::Protocol(bad) = fault {
            debug_assert_eq!(fault.kind(), PROTOCOL);
            self.causes[bad.index()] += count;
        }
    }

    pub(super) fn errors(&self) -> u64 {
        self.faults.iter().copied().fold(0, u64::saturating_add)
    }

    /// The time is `now`: closes the intervals that have passed. What was counted since the last
    /// call belongs to the first of them.
    #[inline]
    pub(super) fn tick(&mut self, now: u64) {
        while now >= (self.bins.len() as u64 + 1) * BIN_NANOS {
            self.close_bin();
        }
    }

    /// Closes the interval that has begun, unless nothing was counted in it.
    pub(super) fn close_bin(&mut self) {
        let total = Bin {
            responses: self.responses,
            errors: self.errors(),
        };
        self.bins.push(Bin {
            responses: total.responses - self.bin_start.responses,
            errors: total.errors - self.bin_start.errors,
        });
        self.bin_start = total;
    }

    /// Joins what was counted at the same time by another.
    pub(super) fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.connect.add(&other.connect);
        self.lag.add(&other.lag);
        self.spread.add(&other.spread);
        add_each(&mut self.statuses, &other.statuses);
        add_each(&mut self.faults, &other.faults);
        add_each(&mut self.causes, &other.causes);
        for (sum, more) in [
            (&mut self.responses, other.responses),
            (&mut self.body_bytes, other.body_bytes),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.opened, other.opened),
            (&mut self.opened_in_warmup, other.opened_in_warmup),
            (&mut self.closed_by_server, other.closed_by_server),
            (&mut self.unasked, other.unasked),
            (&mut self.resent, other.resent),
            (&mut self.unfinished, other.unfinished),
            (&mut self.busy, other.busy),
            (&mut self.watched, other.watched),
            (&mut self.full, other.full),
            (&mut self.left_over, other.left_over),
        ] {
            *sum = sum.saturating_add(more);
        }
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), Bin::default());
        }
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.responses = bin.responses.saturating_add(more.responses);
            bin.errors = bin.errors.saturating_add(more.errors);
        }
    }

    /// Joins what was counted after this.
    pub(super) fn follow(&mut self, mut later: Self) {
        let mut bins = std::mem::take(&mut self.bins);
        bins.append(&mut later.bins);
        self.add(&later);
        self.bins = bins;
    }
}

fn add_each(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_are_joined_equal_one_of_both() {
        let (mut a, mut b, mut both) = (Times::new(), Times::new(), Times::new());
        for i in 0..10_000_u64 {
            let nanos = i * i * 37 + 1;
            let half = if i % 3 == 0 { &mut a } else { &mut b };
            half.record(nanos, 1 + i % 2);
            both.record(nanos, 1 + i % 2);
        }
        a.add(&b);
        assert_eq!(a.histogram(), both.histogram());
        let facts = |t: &Times| (t.sum(), t.min(), t.max(), t.quantile(0.9999));
        assert_eq!(facts(&a), facts(&both));
    }

    #[test]
    fn of_nothing_there_are_zeroes() {
        let none = Times::new();
        assert_eq!((none.min(), none.max(), none.quantile(0.99)), (0, 0, 0));
        assert!(none.mean() == 0.0);
        let again = Times::from_parts(&[], 0, 0, 0);
        assert_eq!((again.min(), again.max()), (0, 0));
    }

    #[test]
    fn what_is_too_long_for_the_histogram_is_still_known() {
        let mut times = Times::new();
        times.record(3 * NANOS_MAX, 1);
        assert_eq!((times.count(), times.max()), (1, 3 * NANOS_MAX));
    }

    #[test]
    fn intervals_are_closed_as_time_passes() {
        let mut tally = Tally::new();
        tally.responses = 3;
        tally.tick(BIN_NANOS - 1);
        assert_eq!(tally.bins, []);
        tally.tick(BIN_NANOS);
        tally.responses = 5;
        tally.fault(ErrorKind::Refused, 2);
        tally.tick(3 * BIN_NANOS + 1);
        let bin = |responses, errors| Bin { responses, errors };
        assert_eq!(tally.bins, [bin(3, 0), bin(2, 2), bin(0, 0)]);
        let mut other = Tally::new();
        other.bins = vec![bin(1, 1); 4];
        tally.add(&other);
        assert_eq!(tally.bins, [bin(4, 1), bin(3, 3), bin(1, 1), bin(1, 1)]);
        tally.follow(other);
        assert_eq!(tally.bins.len(), 8);
    }
}

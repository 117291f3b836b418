//! A histogram of times, with their exact sum, minimum and maximum.

use hdrhistogram::Histogram;

/// The precision of a histogram, in decimal digits.
pub(super) const DIGITS: u8 = 3;

/// An hour. Longer times count as this in the histogram.
const NANOS_MAX: u64 = 3_600_000_000_000;

/// Times in nanoseconds, or other numbers: their histogram, and their exact sum, minimum and maximum.
#[derive(Clone, Debug)]
pub(super) struct Times {
    histogram: Histogram<u64>,
    sum: u64,
    min: u64,
    max: u64,
}

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, NANOS_MAX, DIGITS);
        Self {
            histogram: histogram.expect("the bounds are constants that fit each other"),
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Times {
    /// From `(value, count)` of a histogram, with the exact sum, minimum and maximum.
    pub(super) fn from_parts(counts: &[(u64, u64)], sum: u64, min: u64, max: u64) -> Self {
        let mut times = Self::default();
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

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.histogram.reset();
        (self.sum, self.min, self.max) = (0, u64::MAX, 0);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.histogram
            .add(&other.histogram)
            .expect("all histograms have the same bounds");
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

    /// The shortest; 0 without any.
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

    /// The value that this fraction of all times does not exceed; 0 without any.
    pub(super) fn quantile(&self, quantile: f64) -> u64 {
        if self.count() == 0 {
            return 0;
        }
        self.histogram
            .value_at_quantile(quantile)
            .clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_histograms_equal_one_of_both() {
        let (mut a, mut b, mut both) = (Times::default(), Times::default(), Times::default());
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
    fn without_times_all_figures_are_zero() {
        let none = Times::default();
        assert_eq!((none.min(), none.max(), none.quantile(0.99)), (0, 0, 0));
        assert!(none.mean() == 0.0);
        let again = Times::from_parts(&[], 0, 0, 0);
        assert_eq!((again.min(), again.max()), (0, 0));
    }

    #[test]
    fn the_maximum_is_exact_beyond_the_histogram() {
        let mut times = Times::default();
        times.record(3 * NANOS_MAX, 1);
        assert_eq!((times.count(), times.max()), (1, 3 * NANOS_MAX));
    }
}

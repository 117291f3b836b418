//! Repeated figures: their median, and how certain a ratio of two of them is.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures are few, and none is negative"
)]

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, StudentsT};

use crate::random::Random;

/// How often at least one interval of a family may miss its true ratio.
const MISS_PROBABILITY: f64 = 0.01;

/// How many ratios of a server in a test form a family: requests/s and CPU time.
pub(super) const TOGETHER: usize = 2;

/// With fewer, the interval is too wide to say anything.
pub(super) const ROUNDS_MIN: usize = 3;

/// With so many, their median and its interval say more than their mean, since some rounds on a shared machine are
/// disturbed far more than others.
pub(super) const MANY_ROUNDS: usize = 20;

/// A ratio nearer to 1 than this is no difference, however sure: two processes of the same program
/// differ by that much, depending on where the kernel has placed them.
pub(super) const RESOLUTION: f64 = 0.02;

/// An interval must lie in here for two servers to be called equal. A wider one has only failed to show
/// a difference. These are the bounds that pharmacology calls two drugs bioequivalent in: they are as far
/// from 1 to either side, on the logarithmic scale of a ratio.
pub(super) const EQUAL: RangeInclusive<f64> = 0.8..=1.25;

/// The ends of an interval that is worth reading are at most so far apart.
const SPREAD_MAX: f64 = 10.0;

/// This target's figure divided by the first target's, round by round.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Ratio {
    /// The geometric mean of the rounds' ratios; of 20 and more, their median.
    pub(super) mean: f64,
    /// The interval of the true ratio, from here to `high`: in 99 of 100 tests, both ratios of a target lie
    /// in theirs.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether the interval excludes 1 and the mean is clearly away from it.
    pub(super) differs: bool,
}

impl Ratio {
    /// Is the interval too wide to be of use?
    pub(super) fn is_noisy(&self) -> bool {
        self.high > self.low * SPREAD_MAX
    }

    /// Is any difference known to be too small to matter? If not, and it does not differ, more rounds
    /// might show a difference.
    pub(super) fn is_equal(&self) -> bool {
        !self.differs && EQUAL.contains(&self.low) && EQUAL.contains(&self.high)
    }
}

/// For an even number of figures, the mean of the two in the middle. `None` without figures.
pub(super) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    if sorted.len().is_multiple_of(2) {
        let lower = sorted.get(sorted.len() / 2 - 1)?;
        Some(f64::midpoint(*lower, *upper))
    } else {
        Some(*upper)
    }
}

/// How often the interval of a bootstrap misses the true median, as far as the figures tell.
pub(super) const BOOTSTRAP_MISS: f64 = 0.05;
const RESAMPLES: usize = 1000;

/// The places of figures, drawn again and again with replacement. With fewer than three figures, none.
pub(super) fn resamples(count: usize, random: &Random) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1).filter(|_| count >= ROUNDS_MIN) else {
        return Vec::new();
    };
    let draw = || random.between(0, last as u64) as usize;
    (0..RESAMPLES)
        .map(|_| (0..count).map(|_| draw()).collect())
        .collect()
}

/// The interval of the true median: what lies between the ends of the medians of the resamples (the percentile
/// bootstrap of Efron). It supposes nothing of how the figures are distributed.
pub(super) fn bootstrap(figures: &[f64], resamples: &[Vec<usize>]) -> Option<(f64, f64)> {
    let medians = resamples.iter().filter_map(|places| {
        let drawn: Option<Vec<f64>> = places.iter().map(|at| figures.get(*at).copied()).collect();
        median(&drawn?)
    });
    let mut medians: Vec<f64> = medians.collect();
    medians.sort_by(f64::total_cmp);
    let cut = (medians.len() as f64 * BOOTSTRAP_MISS / 2.0) as usize;
    let low = medians.get(cut)?;
    let high = medians.iter().rev().nth(cut)?;
    Some((*low, *high))
}

/// The ratio of two figures that were taken in the same rounds, pair by pair, since what slows the machine
/// down for a while slows both. `None` with fewer than three pairs, or if a figure has no logarithm.
///
/// Of few pairs, the logarithms of the ratios are assumed to be normally distributed, and the interval is Student's.
/// Of [`MANY_ROUNDS`] and more, nothing is assumed but that one round does not depend on another: the true median
/// is above as many ratios as a fair coin shows heads. Either is widened (Bonferroni) so that all `comparisons` of a
/// family hold in 99 of 100 cases: more comparisons must not find more differences by chance.
pub(super) fn paired(pairs: &[(f64, f64)], comparisons: usize) -> Option<Ratio> {
    let logs = logarithms(pairs.iter().map(|&(ours, theirs)| ours / theirs))?;
    if logs.len() >= MANY_ROUNDS
        && let Some(ratio) = of_median(logs.clone(), comparisons)
    {
        return Some(ratio);
    }
    let (mean, variance) = moments(&logs)?;
    let count = logs.len() as f64;
    of_mean(mean, (variance / count).sqrt(), count - 1.0, comparisons)
}

/// `None` if even the least and the greatest of so few figures miss the true median too often.
fn of_median(mut logs: Vec<f64>, comparisons: usize) -> Option<Ratio> {
    logs.sort_by(f64::total_cmp);
    let middle = median(&logs)?;
    let coin = Binomial::new(0.5, logs.len() as u64).ok()?;
    let one_side = miss(comparisons) / 2.0;
    let outside = (0..).take_while(|heads| coin.cdf(*heads) <= one_side);
    let last = outside.count().checked_sub(1)?;
    ratio(middle, *logs.get(last)?, *logs.iter().rev().nth(last)?)
}

/// The same for figures of different races, which have no rounds in common (Welch).
pub(super) fn unpaired(ours: &[f64], theirs: &[f64], comparisons: usize) -> Option<Ratio> {
    let ours = logarithms(ours.iter().copied())?;
    let theirs = logarithms(theirs.iter().copied())?;
    let (our_mean, our_variance) = moments(&ours)?;
    let (their_mean, their_variance) = moments(&theirs)?;
    let (our_count, their_count) = (ours.len() as f64, theirs.len() as f64);
    let (a, b) = (our_variance / our_count, their_variance / their_count);
    let freedom = if a + b > 0.0 {
        (a + b).powi(2) / (a * a / (our_count - 1.0) + b * b / (their_count - 1.0))
    } else {
        our_count + their_count - 2.0
    };
    of_mean(our_mean - their_mean, (a + b).sqrt(), freedom, comparisons)
}

fn logarithms(figures: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    let logs: Vec<f64> = figures.map(f64::ln).collect();
    logs.iter().all(|log| log.is_finite()).then_some(logs)
}

/// The mean, and the estimated variance of the population.
fn moments(figures: &[f64]) -> Option<(f64, f64)> {
    if figures.len() < ROUNDS_MIN {
        return None;
    }
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
    Some((mean, squares / (count - 1.0)))
}

/// By Student's distribution.
fn of_mean(mean: f64, error: f64, freedom: f64, comparisons: usize) -> Option<Ratio> {
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let reach = error * student.inverse_cdf(1.0 - miss(comparisons) / 2.0);
    ratio(mean, mean - reach, mean + reach)
}

/// How often the interval of one comparison of so many may miss its true ratio.
fn miss(comparisons: usize) -> f64 {
    MISS_PROBABILITY / comparisons.max(1) as f64
}

/// From logarithms.
fn ratio(mean: f64, low: f64, high: f64) -> Option<Ratio> {
    let (low, high) = (low.exp(), high.exp());
    let all_finite = [low, high].iter().all(|end| end.is_finite());
    all_finite.then(|| Ratio {
        mean: mean.exp(),
        low,
        high,
        differs: (low > 1.0 || high < 1.0) && mean.abs() > (1.0 + RESOLUTION).ln(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ratio: &Ratio, mean: f64, low: f64, high: f64) {
        for (is, should) in [(ratio.mean, mean), (ratio.low, low), (ratio.high, high)] {
            assert!((is - should).abs() < 0.002, "{ratio:?}");
        }
    }

    #[test]
    fn the_median_is_found() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    /// The figures were computed apart, with 5.841, Student's t of 3 degrees at 99.5 %.
    #[test]
    fn pairs_are_compared() {
        let ratio = paired(&[(11.0, 10.0), (23.0, 20.0), (31.5, 30.0), (44.0, 40.0)], 1).unwrap();
        close(&ratio, 1.0994, 0.9864, 1.2254);
        assert!(!ratio.differs);
        let ratio = paired(&[(11.0, 10.0), (22.4, 20.0), (32.7, 30.0), (44.0, 40.0)], 1).unwrap();
        assert!(ratio.differs && ratio.low > 1.06, "{ratio:?}");
        assert_eq!(paired(&[(1.0, 1.0); 2], 1), None);
        assert_eq!(paired(&[(1.0, 1.0), (2.0, 1.0), (0.0, 1.0)], 1), None);
        assert_eq!(paired(&[(1.0, 1.0), (2.0, 1.0), (1.0, 0.0)], 1), None);
        close(&paired(&[(2.0, 1.0); 3], 1).unwrap(), 2.0, 2.0, 2.0);
    }

    #[test]
    fn races_are_compared() {
        let ratio = unpaired(&[11.0, 11.2, 10.9], &[10.0, 10.1, 9.9, 10.0], 1).unwrap();
        assert!(
            ratio.differs && ratio.low > 1.03 && ratio.high < 1.17,
            "{ratio:?}"
        );
        let ratio = unpaired(&[11.0, 9.2, 10.1], &[10.0, 10.1, 9.9], 1).unwrap();
        assert!(!ratio.differs, "{ratio:?}");
        assert_eq!(unpaired(&[1.0; 2], &[1.0; 3], 1), None);
    }

    #[test]
    fn a_very_small_ratio_is_not_a_difference() {
        let one_percent = paired(&[(10.1, 10.0), (20.2, 20.0), (30.3, 30.0)], 1).unwrap();
        assert!(
            one_percent.low > 1.0 && !one_percent.differs,
            "{one_percent:?}"
        );
        let five = paired(&[(10.5, 10.0), (21.0, 20.0), (31.5, 30.0)], 1).unwrap();
        assert!(five.differs, "{five:?}");
    }

    #[test]
    fn more_comparisons_widen_the_intervals() {
        let pairs = [(11.0, 10.0), (22.4, 20.0), (32.7, 30.0), (44.0, 40.0)];
        let reach = |comparisons| paired(&pairs, comparisons).unwrap().high;
        assert!(reach(1) < reach(6) && reach(6) < reach(100));
    }

    #[test]
    fn an_interval_holds_the_true_median_nineteen_times_of_twenty() {
        let random = Random::new(3, 0);
        let held = (0..400)
            .filter(|_| {
                let figures: Vec<f64> = (0..9).map(|_| 100.0 + 5.0 * random.normal()).collect();
                let places = resamples(figures.len(), &random);
                let (low, high) = bootstrap(&figures, &places).unwrap();
                (low..=high).contains(&100.0)
            })
            .count();
        assert!((360..400).contains(&held), "{held} of 400");
        assert_eq!(bootstrap(&[1.0, 2.0], &resamples(2, &random)), None);
        let few = [4.0, 1.0, 2.0];
        assert_eq!(bootstrap(&few, &resamples(3, &random)), Some((1.0, 4.0)));
        // The same seed draws the same.
        let drawn = || resamples(5, &Random::new(9, 1));
        assert_eq!(drawn(), drawn());
    }

    /// The interval of 24 rounds is from the 6th to the 19th: of 24 coins, 5 or fewer show heads in 0.33 % of cases,
    /// 6 or fewer in 1.13 %.
    #[test]
    fn many_rounds_are_compared_by_their_median() {
        let mut pairs: Vec<(f64, f64)> = (1..=24).map(|round| (f64::from(round), 10.0)).collect();
        let middle = (12.0 * 13.0f64).sqrt() / 10.0;
        close(&paired(&pairs, 1).unwrap(), middle, 0.6, 1.9);
        // Of those that were disturbed, only that they are at an end counts.
        pairs[23].0 = 1e6;
        close(&paired(&pairs, 1).unwrap(), middle, 0.6, 1.9);
        // It takes more rounds to be so sure.
        let of_mean = paired(&pairs, 1_000_000).unwrap();
        assert!(of_mean.mean > 1.5 && of_mean.is_noisy(), "{of_mean:?}");
    }

    /// A server against itself: whatever it is measured by, at most about one race in a hundred
    /// sees a difference.
    #[test]
    fn noise_is_not_a_difference() {
        let random = Random::new(7, 0);
        let noise = || 100.0 * (1.0 + 0.03 * random.normal());
        // Every tenth measurement takes up to ten times as long.
        let spikes = || {
            noise()
                * if random.between(0, 9) == 0 {
                    1.0 + random.between(0, 9) as f64
                } else {
                    1.0
                }
        };
        let seen = |rounds: usize, figure: &dyn Fn() -> f64| {
            let race = || -> Vec<_> { (0..rounds).map(|_| (figure(), figure())).collect() };
            (0..5000)
                .filter(|_| {
                    paired(&race(), 1).is_some_and(|ratio| ratio.low > 1.0 || ratio.high < 1.0)
                })
                .count()
        };
        for (rounds, figure, allowed) in [
            (5, &noise as &dyn Fn() -> f64, 30..=80),
            (24, &noise, 15..=70),
            (24, &spikes, 15..=70),
            (40, &spikes, 15..=70),
        ] {
            let seen = seen(rounds, figure);
            assert!(allowed.contains(&seen), "{rounds} rounds: {seen} of 5000");
        }
    }
}

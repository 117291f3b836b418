//! When a warm-up is over: once the figures of its last windows have no trend.

/// So many windows are looked at. Fewer have a trend by chance too often.
pub(super) const WINDOWS: usize = 6;

/// A smaller change over these windows is none, however sure: servers are not told apart by it.
const CHANGE_MIN: f64 = 0.02;

/// Of the 15 pairs of six windows, how many more must go one way than the other. Without a trend, that happens
/// to 1 of 18 (Mann and Kendall).
const TREND_MIN: i64 = 11;

/// Whether the last windows show no trend. Not known with too few.
pub(super) fn is_steady(figures: &[f64]) -> bool {
    let Some(last) = figures.len().checked_sub(WINDOWS) else {
        return false;
    };
    let windows = figures.get(last..).unwrap_or_default();
    let mut slopes = Vec::new();
    let mut trend = 0_i64;
    for (at, early) in windows.iter().enumerate() {
        for (behind, late) in windows.iter().enumerate().skip(at + 1) {
            trend += match late.partial_cmp(early) {
                Some(std::cmp::Ordering::Greater) => 1,
                Some(std::cmp::Ordering::Less) => -1,
                _ => 0,
            };
            slopes.push((late - early) / (behind - at) as f64);
        }
    }
    // The median of the slopes (Theil and Sen), which one odd window does not change.
    let slope = super::stats::median(&slopes).unwrap_or(0.0);
    let level = super::stats::median(windows).unwrap_or(0.0);
    let change = slope.abs() * (WINDOWS - 1) as f64;
    trend.abs() < TREND_MIN || change < level.abs() * CHANGE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// After how many windows it is steady.
    fn steady_after(figure: impl Fn(usize) -> f64) -> usize {
        let figures: Vec<f64> = (0..200).map(figure).collect();
        (0..=figures.len())
            .find(|&count| is_steady(&figures[..count]))
            .unwrap()
    }

    #[test]
    fn what_gets_faster_is_awaited() {
        assert_eq!(steady_after(|_| 5.0), WINDOWS);
        // A compiler at work: from 20 µs to 5, within about 30 windows.
        let warming = |window: usize| 5.0 + 15.0 * (-(window as f64) / 10.0).exp();
        let after = steady_after(warming);
        assert!((30..80).contains(&after), "{after}");
        assert!(warming(after) < 5.0 * 1.15);
        // One odd window is no trend.
        assert_eq!(
            steady_after(|window| if window == 2 { 50.0 } else { 5.0 }),
            WINDOWS
        );
        // Two per cent over the windows does not matter.
        assert_eq!(steady_after(|window| 5.0 + 0.01 * window as f64), WINDOWS);
    }

    #[test]
    fn noise_is_rarely_a_trend() {
        let random = Random::new(1, 0);
        let steady = (0..2000)
            .filter(|_| {
                let windows: Vec<f64> = (0..WINDOWS).map(|_| 5.0 + random.fraction()).collect();
                is_steady(&windows)
            })
            .count();
        assert!((1800..2000).contains(&steady), "{steady} of 2000");
    }
}

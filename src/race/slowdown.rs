//! Whether a server turned slow in the middle of a test, as one does that throttles, leaks or collects.

/// Of these parts of a test, each on one side of the turn has at least three.
const INTERVALS_MIN: usize = 8;
const SIDE_MIN: usize = 3;
/// A smaller factor may be another program's.
const FACTOR_MIN: f64 = 2.0;
const INTERVAL_SECONDS: f64 = 0.1;

/// When a server turned slow, and its requests/s before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slowdown {
    pub(super) seconds: f64,
    pub(super) before: f64,
    pub(super) after: f64,
}

/// Finds the turn in the answers of each 100 ms: where two levels fit best.
pub(super) fn find(answers: &[u64]) -> Option<Slowdown> {
    // The first holds the connecting, the last is not whole.
    let whole = answers.get(1..answers.len().saturating_sub(1))?;
    if whole.len() < INTERVALS_MIN {
        return None;
    }
    let counts: Vec<f64> = whole.iter().map(|&count| count as f64).collect();
    let places = SIDE_MIN..=counts.len() - SIDE_MIN;
    let sides = places.map(|place| (place, counts.split_at(place)));
    let (place, (before, after)) =
        sides.min_by(|(_, a), (_, b)| misfit(*a).total_cmp(&misfit(*b)))?;
    let [before, after] = [before, after].map(|side| mean(side) / INTERVAL_SECONDS);
    (before >= after * FACTOR_MIN && before > 0.0).then_some(Slowdown {
        seconds: (place + 1) as f64 * INTERVAL_SECONDS,
        before,
        after,
    })
}

/// How far the counts are from the means of their sides.
fn misfit((before, after): (&[f64], &[f64])) -> f64 {
    let squares = |side: &[f64]| -> f64 {
        let mean = mean(side);
        side.iter().map(|count| (count - mean).powi(2)).sum()
    };
    squares(before) + squares(after)
}

fn mean(side: &[f64]) -> f64 {
    side.iter().sum::<f64>() / side.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_found_where_it_is() {
        let levels = |first: u64, count: usize, second: u64| {
            let mut all = vec![first / 3];
            all.extend((0..20).map(|place| if place < count { first } else { second }));
            all.push(second / 2);
            all
        };
        let found = find(&levels(1000, 12, 300)).unwrap();
        assert_eq!((found.before, found.after), (10_000.0, 3000.0));
        assert!((found.seconds - 1.3).abs() < 1e-9, "{found:?}");
        assert!(find(&levels(1000, 12, 0)).is_some());
        // Steady, faster, a little slower, slow for a moment, and short.
        for steady in [
            levels(1000, 12, 1000),
            levels(300, 12, 1000),
            levels(1000, 12, 600),
            levels(1000, 1, 900),
            levels(0, 3, 0),
            vec![1000, 1000, 10, 10, 10, 10],
            Vec::new(),
        ] {
            assert_eq!(find(&steady), None, "{steady:?}");
        }
    }
}

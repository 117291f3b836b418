//! The order in which the servers of a round take their turns. In the same order each time, a server would
//! always follow the same neighbour and, with a machine that drifts, always come first.

use crate::random::Random;

/// A turn of a server: in this round, and in this one of its processes. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) round: usize,
    pub(super) process: usize,
}

/// The numbers of the servers, below `count`, in a random order that the seed and the turn decide: so a race
/// that is resumed keeps to it.
pub(super) fn order(seed: u64, test: &str, turn: Turn, count: usize) -> Vec<usize> {
    let place = [turn.round as u64, turn.process as u64];
    let bytes = test.bytes().map(u64::from).chain(place);
    let stream = bytes.fold(0_u64, |hash, next| {
        hash.wrapping_mul(0x0100_0000_01B3).wrapping_add(next + 1)
    });
    let random = Random::new(seed, stream);
    let mut numbers: Vec<usize> = (0..count).collect();
    // Fisher and Yates.
    for last in (1..count).rev() {
        let other = random.between(0, last as u64) as usize;
        numbers.swap(last, other);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn first(round: usize) -> Turn {
        Turn { round, process: 1 }
    }

    #[test]
    fn each_order_comes_as_often_as_any_other() {
        let mut counts: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        for round in 1..=6000 {
            *counts
                .entry(order(7, "churn", first(round), 3))
                .or_default() += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_seed_a_test_and_a_turn_decide() {
        let rounds = |seed, test: &str| -> Vec<Vec<usize>> {
            (1..20)
                .map(|round| order(seed, test, first(round), 5))
                .collect()
        };
        assert_eq!(rounds(1, "churn"), rounds(1, "churn"));
        assert_ne!(rounds(1, "churn"), rounds(2, "churn"));
        assert_ne!(rounds(1, "churn"), rounds(1, "many"));
        let second = Turn {
            round: 3,
            process: 2,
        };
        assert_ne!(order(1, "a", first(3), 8), order(1, "a", second, 8));
        assert!(order(1, "a", first(1), 0).is_empty());
    }
}

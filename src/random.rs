//! Random choices that a seed determines.

use std::cell::Cell;

/// What one step adds to the state: the odd number nearest to 2^64 over the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A generator of random numbers: splitmix64, by Sebastiano Vigna (public domain). Each thread has one.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: Cell<u64>,
}

impl Random {
    /// The generator of the thread with this number. Threads draw from places of the sequence that are
    /// far apart.
    pub(crate) fn new(seed: u64, thread: u64) -> Self {
        let state = Cell::new(mix(seed) ^ mix(!thread));
        Self { state }
    }

    fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(STEP);
        self.state.set(state);
        mix(state)
    }

    /// From 0, which may come, to 1, which may not.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what an f64 can hold"
    )]
    pub(crate) fn fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around 0, nearly normal, with a standard deviation of 1: the sum of many is.
    #[cfg(test)]
    pub(crate) fn normal(&self) -> f64 {
        (0..12).map(|_| self.fraction()).sum::<f64>() - 6.0
    }

    /// A number from `min` to `max`, both of which may come.
    pub(crate) fn between(&self, min: u64, max: u64) -> u64 {
        let count = u128::from(max.saturating_sub(min)) + 1;
        // The product is below 2^64 times `count`.
        let offset = (u128::from(self.next()) * count) >> 64;
        min.saturating_add(offset as u64)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers that Vigna's program prints for the state 0.
    #[test]
    fn the_generator_is_splitmix64() {
        let random = Random {
            state: Cell::new(0),
        };
        let expected = [
            0xE220_A839_7B1D_CDAF,
            0x6E78_9E6A_A1B9_65F4,
            0x06C4_5D18_8009_454F,
        ];
        assert_eq!(expected.map(|_| random.next()), expected);
    }

    #[test]
    fn a_seed_and_a_worker_determine_the_numbers() {
        let first = |seed, worker| Random::new(seed, worker).next();
        assert_eq!(first(1, 0), first(1, 0));
        let mut all: Vec<u64> = (0..50)
            .flat_map(|seed| [first(seed, 0), first(seed, 1)])
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100);
    }

    #[test]
    fn both_ends_of_a_range_come() {
        let random = Random::new(1, 0);
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[random.between(7, 9) as usize - 7] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)));
        assert_eq!(random.between(5, 5), 5);
        assert!((0..1000).any(|_| random.between(0, u64::MAX) > 1 << 63));
    }
}

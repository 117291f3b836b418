//! Randomness that can be replayed.

use std::collections::VecDeque;

/// Numbers from a seed, or from bytes as long as there are any.
#[derive(Debug)]
pub(super) struct Dice {
    bytes: VecDeque<u8>,
    state: u64,
}

impl Dice {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            bytes: VecDeque::new(),
            state: seed,
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.iter().copied().collect(),
            state: bytes.len() as u64,
        }
    }

    /// splitmix64, by Sebastiano Vigna (public domain).
    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let roll = match self.bytes.pop_front() {
            Some(byte) if end <= 256 => u64::from(byte),
            Some(high) => {
                u64::from(high) << 8 | u64::from(self.bytes.pop_front().unwrap_or_default())
            }
            None => self.roll(),
        };
        (roll % end as u64) as usize
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

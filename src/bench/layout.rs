//! How a report for people is laid out: units of times, and room for bars.

use super::durations::{secs, short};

#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Writes nanoseconds.
    pub(super) time: fn(f64) -> String,
    /// The length of the longest bar.
    bar_max: u8,
}

impl Layout {
    /// That of hey: all times in seconds.
    pub(super) const HEY: Self = Self {
        time: secs,
        bar_max: 40,
    };

    /// Times in suitable units, and bars of at most so many characters.
    pub(super) const fn short(bar_max: u8) -> Self {
        Self {
            time: short,
            bar_max,
        }
    }

    pub(super) fn bar(self, count: u64, most: u64) -> String {
        let (count, most) = (u128::from(count), u128::from(most.max(1)));
        let length = (count * u128::from(self.bar_max) + most / 2) / most;
        "\u{25a0}".repeat(length as usize)
    }
}

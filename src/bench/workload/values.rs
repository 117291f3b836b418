//! The values of the placeholders of one request, made anew for each.

use super::table::Column;
use crate::random::Random;

/// What fills a slot: each distinct placeholder of a template has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Position,
    Sequence,
    Random {
        min: u64,
        max: u64,
    },
    Uuid,
    /// The number of the column.
    Column(usize),
}

/// From where a thread takes its values. Threads take turns: each sequence number and each row belongs to one of
/// them, without asking the others.
#[derive(Debug)]
pub(super) struct Supply {
    random: Random,
    next: u64,
    row: u64,
    /// The number of threads.
    stride: u64,
}

/// Apart from the numbers that `--arrivals poisson` draws.
const STREAM: u64 = 1 << 32;

impl Supply {
    pub(super) fn new(seed: u64, thread: usize, threads: usize) -> Self {
        let thread = thread as u64;
        Self {
            random: Random::new(seed, STREAM + thread),
            next: thread,
            row: thread,
            stride: threads as u64,
        }
    }

    /// A number below `end`.
    #[inline]
    pub(super) fn below(&self, end: u64) -> u64 {
        self.random.between(0, end.saturating_sub(1))
    }
}

/// The values of one request, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Values {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Values {
    /// Fills all slots for the request at this position of a batch.
    #[inline]
    pub(super) fn fill(
        &mut self,
        slots: &[Slot],
        position: usize,
        columns: &[Column],
        supply: &mut Supply,
    ) {
        self.bytes.clear();
        self.ends.clear();
        let (mut sequence, mut row) = (false, false);
        for slot in slots {
            match slot {
                Slot::Position => self.number(position as u64),
                Slot::Sequence => {
                    sequence = true;
                    self.number(supply.next);
                }
                Slot::Random { min, max } => self.number(supply.random.between(*min, *max)),
                Slot::Uuid => self.uuid(&supply.random),
                Slot::Column(column) => {
                    row = true;
                    if let Some(column) = columns.get(*column) {
                        self.bytes.extend_from_slice(column.value(supply.row));
                    }
                }
            }
            self.ends.push(self.bytes.len());
        }
        // All placeholders of a request have the same row.
        supply.next = supply
            .next
            .wrapping_add(if sequence { supply.stride } else { 0 });
        supply.row = supply.row.wrapping_add(if row { supply.stride } else { 0 });
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity()
    }

    #[inline]
    pub(super) fn get(&self, slot: usize) -> &[u8] {
        let start = slot.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[slot]]
    }

    fn number(&mut self, number: u64) {
        let mut digits = itoa::Buffer::new();
        self.bytes
            .extend_from_slice(digits.format(number).as_bytes());
    }

    /// RFC 9562 section 5.4: version 4, with 122 random bits.
    fn uuid(&mut self, random: &Random) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let any = || u128::from(random.between(0, u64::MAX));
        let bits = any() << 64 | any();
        let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        for place in 0..32 {
            if [8, 12, 16, 20].contains(&place) {
                self.bytes.push(b'-');
            }
            self.bytes
                .push(DIGITS[(bits >> (124 - 4 * place)) as usize & 15]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(values: &Values, slot: usize) -> &str {
        std::str::from_utf8(values.get(slot)).unwrap()
    }

    #[test]
    fn each_slot_has_its_value() {
        let columns = [Column::of(&["a", "bc", ""])];
        let mut supply = Supply::new(1, 1, 2);
        let mut values = Values::default();
        let slots = [
            Slot::Position,
            Slot::Sequence,
            Slot::Column(0),
            Slot::Random { min: 5, max: 5 },
        ];
        let mut seen = Vec::new();
        for position in 0..4 {
            values.fill(&slots, position, &columns, &mut supply);
            seen.push(
                (0..4)
                    .map(|slot| text(&values, slot).to_owned())
                    .collect::<Vec<_>>()
                    .join("/"),
            );
        }
        // The second of two threads: every other number and row, and after the last row the first ones.
        assert_eq!(seen, ["0/1/bc/5", "1/3/a/5", "2/5//5", "3/7/bc/5"]);
        // Requests without them take none.
        values.fill(&[Slot::Position], 0, &columns, &mut supply);
        values.fill(&slots, 9, &columns, &mut supply);
        assert_eq!((text(&values, 1), text(&values, 2)), ("9", "a"));
    }

    #[test]
    fn a_uuid_has_its_version_and_variant_and_is_random() {
        let mut supply = Supply::new(1, 0, 1);
        let mut values = Values::default();
        let mut all = Vec::new();
        for _ in 0..200 {
            values.fill(&[Slot::Uuid], 0, &[], &mut supply);
            let uuid = text(&values, 0).to_owned();
            let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            let bytes = uuid.as_bytes();
            assert!(bytes[14] == b'4' && b"89ab".contains(&bytes[19]), "{uuid}");
            all.push(uuid);
        }
        for place in (0..36).filter(|place| ![8, 13, 14, 18, 19, 23].contains(place)) {
            let mut digits: Vec<u8> = all.iter().map(|uuid| uuid.as_bytes()[place]).collect();
            digits.sort_unstable();
            digits.dedup();
            assert_eq!(digits.len(), 16, "place {place}");
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn a_seed_determines_the_values_and_threads_differ() {
        let first = |seed, thread| {
            let mut values = Values::default();
            values.fill(&[Slot::Uuid], 0, &[], &mut Supply::new(seed, thread, 2));
            text(&values, 0).to_owned()
        };
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(2, 0));
        assert_ne!(first(1, 0), first(1, 1));
    }
}

//! Memory that outlives a turn: unfinished heads, and responses that a peer does not read.
//!
//! A general allocator cannot return what a flood has freed to the kernel while one small allocation
//! lies above it. So this memory comes from mappings of the worker's own. They are unmapped as soon
//! as they are empty, but for a few kept for reuse, and the worker knows how much is in use.
//!
//! Blocks have few sizes, each four times the one before. Those smaller than a mapping share one.

use std::cell::{Cell, Ref, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use memmap2::MmapMut;

use super::boxed::Boxed;

/// The sizes of blocks in bytes. A longer block has a mapping of just its length.
const SIZES: [usize; 7] = [
    256,
    1 << 10,
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
];

/// The smallest mapping: smaller blocks share one.
const SLAB_BYTES: usize = 16 << 10;

/// How much of each size is kept when it is empty, so that a request that arrives in two segments
/// costs no system call.
const SPARE_BYTES: usize = 64 << 10;

/// This much may be in use even after the kernel has refused memory.
const REFUSED_BYTES_MIN: usize = 256 << 10;

const _: () = assert!(SLAB_BYTES / SIZES[0] <= u64::BITS as usize);

/// A worker's memory for what outlives a turn.
#[derive(Clone, Debug)]
pub struct Blocks(Rc<Memory>);

#[derive(Debug)]
struct Memory {
    sizes: [RefCell<Mappings>; SIZES.len()],
    used: Cell<usize>,
    limit: Cell<usize>,
    /// How much was in use when the kernel refused memory. It replaces the limit until the kernel
    /// gives memory again.
    refused_at: Cell<Option<usize>>,
}

/// The mappings for one size of block that have room.
#[derive(Debug, Default)]
struct Mappings {
    /// Those that blocks share. A full one leaves the list until one of its blocks is freed.
    slabs: Vec<Rc<Slab>>,
    /// How many of them are empty.
    empty: usize,
    /// Those of a single block, kept for reuse.
    spare: Vec<MmapMut>,
}

/// A mapping that several blocks of one size share.
#[derive(Debug)]
struct Slab {
    bytes: RefCell<MmapMut>,
    size: usize,
    /// A bit for each free place.
    free: Cell<u64>,
    /// Its index in the list of those with room.
    position: Cell<usize>,
}

impl Slab {
    fn new(size: usize) -> Option<Self> {
        Some(Self {
            bytes: RefCell::new(MmapMut::map_anon(SLAB_BYTES).ok()?),
            size,
            free: Cell::new(Self::all(size)),
            position: Cell::new(0),
        })
    }

    /// A bit for each place of this size.
    const fn all(size: usize) -> u64 {
        u64::MAX >> (u64::BITS as usize - SLAB_BYTES / size)
    }

    fn is_full(&self) -> bool {
        self.free.get() == 0
    }

    fn is_empty(&self) -> bool {
        self.free.get() == Self::all(self.size)
    }

    /// Fills the first free place and returns its number.
    fn fill(&self, bytes: &[u8]) -> Option<u32> {
        let free = self.free.get();
        let number = free.trailing_zeros();
        let start = number as usize * self.size;
        let mut memory = self.bytes.try_borrow_mut().ok()?;
        memory
            .get_mut(start..start + bytes.len())?
            .copy_from_slice(bytes);
        self.free.set(free & !(1 << number));
        Some(number)
    }

    /// Writes into a place, behind its first `offset` bytes.
    fn write(&self, number: u32, offset: usize, bytes: &[u8]) {
        let start = number as usize * self.size + offset;
        self.bytes.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn bytes(&self, number: u32, len: usize) -> Ref<'_, [u8]> {
        let start = number as usize * self.size;
        Ref::map(self.bytes.borrow(), |all| &all[start..start + len])
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Blocks {
    /// Blocks with a limit of `limit` bytes in all, which the caller enforces: see
    /// [`excess`](Self::excess).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Rc::new(Memory {
            sizes: Default::default(),
            used: Cell::new(0),
            limit: Cell::new(limit),
            refused_at: Cell::new(None),
        }))
    }

    /// The bytes in use. A mapping that several blocks share counts as a whole.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    /// The bytes that may be in use. After the kernel has refused memory, and until it gives some
    /// again, that is an eighth less than was in use then (but at least 256 KiB), to leave memory to
    /// the rest of the process.
    #[inline]
    #[must_use]
    pub fn limit(&self) -> usize {
        let limit = self.0.limit.get();
        match self.0.refused_at.get() {
            None => limit,
            Some(used) => limit.min(REFUSED_BYTES_MIN.max(used - used / 8)),
        }
    }

    /// The bytes in use beyond the limit.
    #[inline]
    #[must_use]
    pub fn excess(&self) -> usize {
        self.0.used.get().saturating_sub(self.limit())
    }

    /// Has the kernel refused memory and not given any since?
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.refused_at.get().is_some()
    }

    /// A block that holds a copy of `bytes`. `None`: the kernel refused memory for it.
    #[must_use]
    pub fn filled(&self, bytes: &[u8]) -> Option<Block> {
        self.with_capacity(bytes.len(), bytes)
    }

    /// A block of at least `capacity` bytes that begins with a copy of `bytes`, which must fit.
    pub(crate) fn with_capacity(&self, capacity: usize, bytes: &[u8]) -> Option<Block> {
        let class = SIZES.iter().position(|&size| size >= capacity);
        let place = match class {
            Some(class) if SIZES[class] < SLAB_BYTES => self.part(class, bytes),
            _ => self.whole(class, capacity, bytes),
        };
        if place.is_none() {
            self.refuse();
        }
        Some(Block {
            place: place?,
            len: bytes.len(),
            memory: Rc::clone(&self.0),
        })
    }

    /// A small value on the heap. `None`: there was no memory for it.
    pub(crate) fn boxed<T>(&self, value: T) -> Option<Boxed<T>> {
        let boxed = Boxed::new(value);
        if boxed.is_none() {
            self.refuse();
        }
        boxed
    }

    fn refuse(&self) {
        self.0.refused_at.set(Some(self.0.used.get()));
    }

    fn part(&self, class: usize, bytes: &[u8]) -> Option<Place> {
        let mappings = &mut *self.0.sizes[class].borrow_mut();
        if mappings.slabs.is_empty() {
            mappings.slabs.push(Rc::new(Slab::new(SIZES[class])?));
            mappings.empty += 1;
            self.0.refused_at.set(None);
        }
        let slab = Rc::clone(mappings.slabs.last()?);
        let was_empty = slab.is_empty();
        let number = slab.fill(bytes)?;
        if was_empty {
            mappings.empty -= 1;
            self.0.used.set(self.0.used.get() + SLAB_BYTES);
        }
        if slab.is_full() {
            mappings.slabs.pop();
        }
        Some(Place::Part { slab, number })
    }

    fn whole(&self, class: Option<usize>, capacity: usize, bytes: &[u8]) -> Option<Place> {
        let spare = class.and_then(|class| self.0.sizes[class].borrow_mut().spare.pop());
        let size = class.map_or(capacity, |class| SIZES[class]);
        let mut mapping = if let Some(mapping) = spare {
            mapping
        } else {
            let mapping = MmapMut::map_anon(size).ok()?;
            self.0.refused_at.set(None);
            mapping
        };
        mapping[..bytes.len()].copy_from_slice(bytes);
        self.0.used.set(self.0.used.get() + mapping.len());
        Some(Place::Whole(mapping))
    }
}

impl Mappings {
    /// Takes a block back and returns the number of bytes that this frees.
    fn take_back_part(&mut self, slab: &Rc<Slab>, number: u32) -> usize {
        if slab.is_full() {
            slab.position.set(self.slabs.len());
            self.slabs.push(Rc::clone(slab));
        }
        slab.free.set(slab.free.get() | 1 << number);
        if !slab.is_empty() {
            return 0;
        }
        if (self.empty + 1) * SLAB_BYTES <= SPARE_BYTES {
            self.empty += 1;
        } else {
            let position = slab.position.get();
            self.slabs.swap_remove(position);
            if let Some(moved) = self.slabs.get(position) {
                moved.position.set(position);
            }
        }
        SLAB_BYTES
    }

    /// Takes a block back and returns the number of bytes that this frees.
    fn take_back_whole(&mut self, mapping: MmapMut) -> usize {
        let bytes = mapping.len();
        if (self.spare.len() + 1) * bytes <= SPARE_BYTES {
            self.spare.push(mapping);
        }
        bytes
    }
}

/// Bytes that outlive a turn. Dropping it frees its memory.
#[derive(Debug)]
pub struct Block {
    place: Place,
    len: usize,
    memory: Rc<Memory>,
}

#[derive(Debug)]
enum Place {
    Part {
        slab: Rc<Slab>,
        number: u32,
    },
    Whole(MmapMut),
    /// Freed.
    Gone,
}

impl Block {
    /// How many bytes it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.place {
            Place::Part { slab, .. } => slab.size,
            Place::Whole(mapping) => mapping.len(),
            Place::Gone => 0,
        }
    }

    /// What it holds.
    #[must_use]
    pub fn bytes(&self) -> impl Deref<Target = [u8]> + '_ {
        match &self.place {
            Place::Part { slab, number } => Bytes::Shared(slab.bytes(*number, self.len)),
            Place::Whole(mapping) => Bytes::Own(&mapping[..self.len]),
            Place::Gone => Bytes::Own(&[]),
        }
    }

    /// Appends as much of `bytes` as fits, and returns how much that is.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.capacity() - self.len);
        let end = self.len + taken;
        match &mut self.place {
            Place::Part { slab, number } => slab.write(*number, self.len, &bytes[..taken]),
            Place::Whole(mapping) => mapping[self.len..end].copy_from_slice(&bytes[..taken]),
            Place::Gone => {}
        }
        self.len = end;
        taken
    }

    /// All of its memory, for writing, if no other block shares the mapping.
    pub(crate) fn own(&mut self) -> Option<&mut [u8]> {
        match &mut self.place {
            Place::Whole(mapping) => Some(mapping),
            Place::Part { .. } | Place::Gone => None,
        }
    }

    /// Sets how many of its bytes are in use.
    pub(crate) fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity());
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Does it hold nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

enum Bytes<'a> {
    Shared(Ref<'a, [u8]>),
    Own(&'a [u8]),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let capacity = self.capacity();
        let class = SIZES.iter().position(|&size| size == capacity);
        let mappings = class.map(|class| self.memory.sizes[class].borrow_mut());
        let freed = match (std::mem::replace(&mut self.place, Place::Gone), mappings) {
            (Place::Part { slab, number }, Some(mut mappings)) => {
                mappings.take_back_part(&slab, number)
            }
            (Place::Whole(mapping), Some(mut mappings)) => mappings.take_back_whole(mapping),
            (Place::Whole(mapping), None) => mapping.len(),
            (Place::Part { .. }, None) | (Place::Gone, _) => 0,
        };
        self.memory.used.set(self.memory.used.get() - freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_bytes_and_come_back() {
        let blocks = Blocks::default();
        let mut held = Vec::new();
        for round in 0..300_usize {
            for size in [1, 255, 256, 257, 1024, 5000, 16 << 10, 70_000, 3 << 20] {
                if size < 4096 || round < 9 {
                    let bytes = vec![round as u8; size];
                    let block = blocks.filled(&bytes).unwrap();
                    assert!(block.capacity() >= size && block.capacity() <= 1024.max(4 * size));
                    held.push((block, bytes));
                }
            }
            // Every third one goes, so that places are used again.
            if round % 3 == 0 {
                held.swap_remove(held.len() / 2);
            }
            let capacities: usize = held.iter().map(|(block, _)| block.capacity()).sum();
            let used = blocks.used();
            assert!((capacities..=2 * capacities + 4 * SLAB_BYTES).contains(&used));
        }
        for (block, bytes) in &held {
            assert_eq!(&*block.bytes(), bytes);
        }
        held.clear();
        assert_eq!(blocks.used(), 0);
        for (mappings, size) in blocks.0.sizes.iter().zip(SIZES) {
            let mappings = mappings.borrow();
            assert!(mappings.slabs.iter().all(|slab| slab.is_empty()));
            assert_eq!(mappings.empty, mappings.slabs.len());
            let kept = mappings.empty * SLAB_BYTES + mappings.spare.len() * size;
            assert!(kept <= SPARE_BYTES, "{kept} bytes of size {size}");
        }
    }

    #[test]
    fn a_block_takes_what_fits() {
        let blocks = Blocks::default();
        for (capacity, real) in [(100, 256), (20_000, 65_536), (5 << 20, 5 << 20)] {
            let mut block = blocks.with_capacity(capacity, b"ab").unwrap();
            let neighbour = blocks.with_capacity(capacity, b"cd").unwrap();
            assert_eq!(block.append(b"xyz"), 3);
            assert_eq!(block.append(&vec![b'-'; real]), real - 5);
            assert_eq!(block.append(b"more"), 0);
            assert!(block.bytes().starts_with(b"abxyz---") && block.bytes().ends_with(b"--"));
            assert_eq!((block.len(), &*neighbour.bytes()), (real, &b"cd"[..]));
        }
    }

    /// Half-empty mappings that empty in any order.
    #[test]
    fn mappings_that_empty_go_back() {
        let blocks = Blocks::default();
        for step in [1_usize, 3, 7] {
            let mut held: Vec<_> = (0..997).map(|_| blocks.filled(&[7; 4000])).collect();
            for first in 0..step {
                for block in held.iter_mut().skip(first).step_by(step) {
                    *block = None;
                }
            }
            assert_eq!(blocks.used(), 0);
        }
        let mappings = blocks.0.sizes[2].borrow();
        assert!(mappings.slabs.len() * SLAB_BYTES <= SPARE_BYTES);
    }

    #[test]
    fn excess_is_what_is_over_the_limit() {
        let blocks = Blocks::new(20_000);
        let first = blocks.filled(&[1; 10_000]).unwrap();
        assert_eq!(blocks.excess(), 0);
        let second = blocks.filled(&[2; 100]).unwrap();
        let third = blocks.filled(&[3; 10_000]).unwrap();
        assert_eq!(blocks.excess(), 3 * (16 << 10) - 20_000);
        drop(first);
        assert_eq!(blocks.excess(), 2 * (16 << 10) - 20_000);
        assert_eq!(&*second.bytes(), [2; 100]);
        assert_eq!(&*third.bytes(), [3; 10_000]);
    }

    #[test]
    fn a_refusal_of_the_kernel_lowers_the_limit_until_there_is_memory_again() {
        let blocks = Blocks::default();
        let block = blocks.filled(&vec![0; 1 << 20]).unwrap();
        assert!(
            blocks
                .with_capacity(isize::MAX as usize - 4096, &[])
                .is_none()
        );
        assert!(blocks.is_refused());
        assert_eq!(blocks.excess(), block.capacity() / 8);
        let another = blocks.filled(&[0; 100]).unwrap();
        assert!(!blocks.is_refused());
        assert_eq!(blocks.excess(), 0);
        drop((block, another));
        assert_eq!(blocks.used(), 0);
    }
}

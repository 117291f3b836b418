//! What a turn of a connection could not finish, in blocks of its worker.

use crate::http::{Block, Blocks};

/// The worker's block for input. Nothing longer is read at once.
pub(super) const INPUT_BYTES: usize = 16 * 1024;

/// Up to this many bytes of buffered input are copied into the worker's block for a turn. More stays
/// in its own block, because copying a long head again and again would take quadratic time.
pub(super) const COPY_BYTES_MAX: usize = 4 * 1024;

const _: () = assert!(COPY_BYTES_MAX < INPUT_BYTES);

/// Input that was not consumed, and responses that the peer did not take.
#[derive(Debug, Default)]
pub(super) struct Buffered {
    pub(super) input: Option<Input>,
    pub(super) output: Option<Block>,
    /// How much of the output has been sent.
    pub(super) sent: usize,
}

/// Input that was read but not consumed.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) block: Block,
    /// How much of the block was consumed.
    pub(super) start: usize,
}

impl Input {
    pub(super) fn len(&self) -> usize {
        self.block.len() - self.start
    }

    /// Lends what was not consumed, if there is any.
    pub(super) fn lend<T>(held: Option<&Self>, use_it: impl FnOnce(&[u8]) -> T) -> T {
        match held {
            Some(input) => use_it(input.block.bytes().get(input.start..).unwrap_or_default()),
            None => use_it(&[]),
        }
    }
}

/// Where buffered input stands during a turn.
pub(super) enum Resumed {
    /// In the worker's block.
    Copied { bytes: usize },
    /// In its own.
    InPlace(Input),
}

impl Input {
    /// Prepares it for a turn, in which more may have to be read behind it. `None`: the kernel is out of
    /// memory.
    #[cold]
    pub(super) fn resume(
        self,
        shared_block: &mut [u8],
        wants_read: bool,
        blocks: &Blocks,
    ) -> Option<Resumed> {
        let bytes = self.len();
        if bytes <= COPY_BYTES_MAX {
            shared_block[..bytes].copy_from_slice(&self.block.bytes()[self.start..]);
            return Some(Resumed::Copied { bytes });
        }
        if wants_read && self.block.len() == self.block.capacity() {
            // A head that is not whole, and not too long yet.
            let grown = blocks.with_capacity(2 * bytes, &self.block.bytes()[self.start..]);
            return grown.map(|block| Resumed::InPlace(Self { block, start: 0 }));
        }
        Some(Resumed::InPlace(self))
    }
}

impl Buffered {
    /// The peer is owed what is in `block`.
    pub(super) fn owe(&mut self, block: Block) {
        self.output = Some(block);
        self.sent = 0;
    }

    /// The bytes of input, and of output.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn held_bytes(&self) -> (usize, usize) {
        let input = self.input.as_ref().map_or(0, Input::len);
        (input, self.output.as_ref().map_or(0, Block::len))
    }

    /// The memory that both take.
    pub(super) fn block_bytes(&self) -> usize {
        let input = self
            .input
            .as_ref()
            .map_or(0, |input| input.block.capacity());
        input + self.output.as_ref().map_or(0, Block::capacity)
    }
}

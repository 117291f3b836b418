//! What a turn of a connection could not finish, in blocks of its worker.

use crate::http::Block;

/// Input that was not consumed, and replies that the peer did not take.
#[derive(Debug, Default)]
pub(super) struct Buffered {
    pub(super) input: Option<Input>,
    pub(super) output: Option<Block>,
    /// So much of the output has been sent.
    pub(super) sent: usize,
}

/// Input that was read but not consumed.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) block: Block,
    /// So much of the block was consumed.
    pub(super) start: usize,
}

impl Input {
    pub(super) fn len(&self) -> usize {
        self.block.len() - self.start
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

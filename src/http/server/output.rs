//! The block of bytes owed to the peer.

use super::answers::Answers;

/// How much a turn may owe to one peer: so much waits, at most, for a peer that does not read; more
/// only if the last response of an embedder's handler is longer than the room that was left.
pub(super) const OUTPUT_BYTES: usize = 64 * 1024;

/// Replies in the order of their requests, until the shell has written them.
///
/// It is allocated once. It grows only for a response of an embedder's handler that is longer than the
/// room left: its content and its fields are of any length. [`clear`](Self::clear) shrinks it again.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    /// Of all that was ever pushed.
    pub(super) answers: Answers,
}

impl Output {
    /// An empty block with room for a turn.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(OUTPUT_BYTES),
            answers: Answers::new(),
        }
    }

    /// What is owed, to be written as it stands.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What has been answered through this block so far.
    #[inline]
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Nothing is owed any more. A block that an overlong response has stretched shrinks back.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > OUTPUT_BYTES {
            self.bytes.shrink_to(OUTPUT_BYTES);
        }
    }

    /// Is there room for a response of this many bytes? An empty block always takes one.
    #[inline]
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.bytes.is_empty() || OUTPUT_BYTES.saturating_sub(self.bytes.len()) >= bytes
    }

    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_room_to_the_byte_and_always_for_the_first() {
        let mut out = Output::new();
        assert!(out.has_room(OUTPUT_BYTES + 1));
        out.push(b"x");
        assert!(out.has_room(OUTPUT_BYTES - 1));
        assert!(!out.has_room(OUTPUT_BYTES));
    }

    #[test]
    fn shrinks_back_after_a_long_response() {
        let mut out = Output::new();
        out.push(&vec![0; 10 * OUTPUT_BYTES]);
        out.clear();
        assert!(out.bytes.capacity() < 2 * OUTPUT_BYTES);
        assert!(out.bytes().is_empty());
    }
}

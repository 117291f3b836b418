//! The block of bytes owed to the peer.

use std::io::{self, Read};

use super::answers::Answers;

/// How much a turn may owe to one peer: so much waits, at most, for a peer that does not read; more
/// only if the last response of an embedder's handler is longer than the room that was left.
pub(super) const OUTPUT_BYTES: usize = 64 * 1024;

/// Room for the length of a chunk.
const CHUNK_HEAD: &[u8] = b"????\r\n";
const CHUNK_DIGITS: usize = CHUNK_HEAD.len() - 2;

/// Replies in the order of their requests, until the shell has written them.
///
/// It is allocated once. It grows only for a response of an embedder's handler that is longer than the
/// room left: its content and its fields are of any length. [`clear`](Self::clear) shrinks it again.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    /// Of all that was ever pushed.
    pub(super) answers: Answers,
    /// Up to here the bytes are whole; a source was called to append more.
    marked: usize,
}

impl Output {
    /// An empty block with room for a turn.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(OUTPUT_BYTES),
            answers: Answers::new(),
            marked: 0,
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

    /// How many bytes of a turn's share are left.
    pub(super) fn room(&self) -> usize {
        OUTPUT_BYTES.saturating_sub(self.bytes.len())
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What is there now is whole, and is kept by [`cut`](Self::cut).
    pub(super) fn mark(&mut self) {
        self.marked = self.bytes.len();
    }

    /// Takes back what a source has appended since the last [`mark`](Self::mark).
    pub(super) fn cut(&mut self) {
        self.bytes.truncate(self.marked);
    }

    /// Begins a chunk (RFC 9112 section 7.1) whose length is not known yet.
    pub(super) fn begin_chunk(&mut self) -> usize {
        let start = self.bytes.len();
        self.push(CHUNK_HEAD);
        start
    }

    /// Ends the chunk that begins at `start`; one without data is taken back, because it would end
    /// the content.
    pub(super) fn end_chunk(&mut self, start: usize) {
        let data = start + CHUNK_HEAD.len();
        let length = self.bytes.len().saturating_sub(data);
        if length == 0 {
            self.bytes.truncate(start);
            return;
        }
        let digits = (1..CHUNK_DIGITS)
            .find(|digits| length >> (4 * digits) == 0)
            .unwrap_or(CHUNK_DIGITS);
        // A short chunk moves, so that its length has no leading zeros.
        let spare = CHUNK_DIGITS - digits;
        self.bytes.copy_within(data - 2.., data - 2 - spare);
        self.bytes.truncate(self.bytes.len() - spare);
        for (place, digit) in self.bytes[start..start + digits].iter_mut().zip(0..digits) {
            let nibble = length >> (4 * (digits - 1 - digit)) & 0xF;
            *place = b"0123456789abcdef"[nibble];
        }
        self.push(b"\r\n");
    }

    /// Appends what `reader` has, to its end.
    pub(super) fn read_from(&mut self, mut reader: impl Read) -> io::Result<usize> {
        reader.read_to_end(&mut self.bytes)
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
    fn chunks_have_their_length_in_front() {
        for (length, head) in [
            (1_usize, "1\r\n"),
            (15, "f\r\n"),
            (16, "10\r\n"),
            (255, "ff\r\n"),
            (256, "100\r\n"),
            (0xFFF, "fff\r\n"),
            (0x1000, "1000\r\n"),
            (0xABCD, "abcd\r\n"),
            (0xFFFF, "ffff\r\n"),
        ] {
            let mut out = Output::new();
            out.push(b"before");
            let start = out.begin_chunk();
            let data = "x".repeat(length - 1) + "!";
            out.push(data.as_bytes());
            out.end_chunk(start);
            assert_eq!(out.bytes(), format!("before{head}{data}\r\n").as_bytes());
        }
        let mut out = Output::new();
        let start = out.begin_chunk();
        out.end_chunk(start);
        assert!(
            out.bytes().is_empty(),
            "an empty chunk would end the content"
        );
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

//! The block of bytes owed to the peer.

use super::answers::Answers;

/// How much a turn may owe to one peer: so much waits, at most, for a peer that does not read; more
/// only if the last response of an embedder's handler is longer than the room that was left.
pub(super) const OUTPUT_BYTES: usize = 64 * 1024;

/// Room for the length of a chunk.
const CHUNK_HEAD: &[u8] = b"????\r\n";
const CHUNK_DIGITS: usize = CHUNK_HEAD.len() - 2;

/// Replies in the order of their requests, until the shell has written them.
///
/// It is allocated once, and grows only when a response of an embedder's handler is longer than the room that was left.
#[derive(Debug)]
pub struct Output {
    /// All of it can be written to.
    block: Vec<u8>,
    /// How much of it is owed.
    len: usize,
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
            block: vec![0; OUTPUT_BYTES],
            len: 0,
            answers: Answers::new(),
            marked: 0,
        }
    }

    /// What is owed, to be written as it stands.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or_default()
    }

    /// What has been answered through this block so far.
    #[inline]
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The same, to take from it what has changed.
    #[inline]
    pub(crate) fn answers_mut(&mut self) -> &mut Answers {
        &mut self.answers
    }

    /// Nothing is owed any more. A block that an overlong response has stretched shrinks back.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
        if self.block.len() > OUTPUT_BYTES {
            self.block.truncate(OUTPUT_BYTES);
            self.block.shrink_to_fit();
        }
    }

    /// Is there room for a response of this many bytes? An empty block always takes one.
    #[inline]
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.len == 0 || self.room() >= bytes
    }

    /// How many bytes of a turn's share are left.
    #[inline]
    pub(super) fn room(&self) -> usize {
        OUTPUT_BYTES.saturating_sub(self.len)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The room for the next bytes, to be written to, up to `end`.
    pub(super) fn room_until(&mut self, end: usize) -> &mut [u8] {
        self.block.get_mut(self.len..end).unwrap_or_default()
    }

    /// So many bytes of the room were written to.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.len = self.block.len().min(self.len + bytes);
    }

    /// What is there now is whole, and is kept by [`cut`](Self::cut).
    pub(super) fn mark(&mut self) {
        self.marked = self.len;
    }

    /// Takes back what a source has appended since the last [`mark`](Self::mark).
    pub(super) fn cut(&mut self) {
        self.len = self.len.min(self.marked);
    }

    /// Begins a chunk (RFC 9112 section 7.1) whose length is not known yet.
    pub(super) fn begin_chunk(&mut self) -> usize {
        let start = self.len;
        self.push(CHUNK_HEAD);
        start
    }

    /// Ends the chunk that begins at `start`; one without data is taken back, because it would end
    /// the content.
    pub(super) fn end_chunk(&mut self, start: usize) {
        let data = start + CHUNK_HEAD.len();
        let length = self.len.saturating_sub(data);
        if length == 0 {
            self.len = start;
            return;
        }
        let digits = (1..CHUNK_DIGITS)
            .find(|digits| length >> (4 * digits) == 0)
            .unwrap_or(CHUNK_DIGITS);
        // A short chunk moves, so that its length has no leading zeros.
        let spare = CHUNK_DIGITS - digits;
        self.block.copy_within(data - 2..self.len, data - 2 - spare);
        self.len -= spare;
        for (place, digit) in self.block[start..start + digits].iter_mut().zip(0..digits) {
            let nibble = length >> (4 * (digits - 1 - digit)) & 0xF;
            *place = b"0123456789abcdef"[nibble];
        }
        self.push(b"\r\n");
    }

    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.push_all(&[bytes]);
    }

    /// Appends the parts one after the other, with one look at the room for all of them.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn push_all(&mut self, parts: &[&[u8]]) {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let end = self.len + bytes;
        let mut room = match self.block.get_mut(self.len..end) {
            Some(room) => room,
            None => self.grow(end),
        };
        for part in parts {
            let (place, rest) = room.split_at_mut(part.len());
            place.copy_from_slice(part);
            room = rest;
        }
        self.len = end;
    }

    /// Makes room up to `end`.
    #[cold]
    fn grow(&mut self, end: usize) -> &mut [u8] {
        self.block.resize(end, 0);
        &mut self.block[self.len..]
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
        assert!(out.block.capacity() < 2 * OUTPUT_BYTES);
        assert!(out.bytes().is_empty());
    }
}

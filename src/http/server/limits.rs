//! How much one peer may ask for. Sizes in bytes.

/// The bounds of one conversation. [`Limits::default`] is what the README promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head, from the first byte of its request line to the end of its empty line
    /// (`431` past it). It bounds what a peer can make us hold of an unread head.
    pub head_bytes: usize,
    /// The most field lines in a head, and in the trailer section of a chunked body (`431`).
    pub fields: usize,
    /// The longest request target (`414`).
    pub target_bytes: usize,
    /// The longest content of a request (`413`). It is thrown away as it comes.
    pub body_bytes: u64,
}

impl Limits {
    /// A head may be limited to anything from this to [`Limits::HEAD_BYTES_MAX`].
    pub const HEAD_BYTES_MIN: usize = 64;
    /// The most that [`Limits::head_bytes`] may be: a connection can hold as much.
    pub const HEAD_BYTES_MAX: usize = 1 << 20;
    /// The table of a head's fields stands on the stack: it cannot be longer than this.
    pub const FIELDS_MAX: usize = 256;

    /// As much of the input as the longest head may be.
    #[inline]
    pub(super) fn window<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[..input.len().min(self.head_bytes)]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            fields: 100,
            target_bytes: 8 * 1024,
            body_bytes: 1 << 20,
        }
    }
}

/// A method longer than this is noise (`400`).
pub(super) const METHOD_BYTES_MAX: usize = 64;
/// RFC 9112 section 2.2 wants at least one empty line before a request line ignored; some old
/// clients send one after each body. More than this many in a row is noise (`400`).
pub(super) const EMPTY_LINES_MAX: u8 = 4;
/// RFC 9112 section 7.1.1: a recipient ought to limit the total length of chunk extensions.
pub(super) const EXTENSION_BYTES_MAX: u32 = 1024;
/// All of a chunked body's trailer section (`431`).
pub(super) const TRAILER_BYTES_MAX: u32 = 16 * 1024;
/// A turn answers this many requests of one conversation, then it is another's turn.
pub(super) const TURN_REQUESTS_MAX: usize = 64;

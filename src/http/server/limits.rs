//! How much one peer may ask for. Sizes in bytes.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

/// The bounds of one conversation. [`Limits::default`] is what the README documents.
/// Each field has a method of the same name that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest head, from the first byte of its request line to the end of its empty line
    /// (`431` past it). It bounds what a peer can make us hold of an unread head.
    pub head_bytes: usize,
    /// The most field lines in a head, and in the trailer section of a chunked body (`431`).
    pub fields: usize,
    /// The longest request target (`414`; `431` if the head that it makes is too long).
    pub target_bytes: usize,
    /// The longest content of a request (`413`); it is discarded as it arrives. Any value is valid.
    pub body_bytes: u64,
}

impl Limits {
    /// The least that [`Limits::head_bytes`] may be.
    pub const HEAD_BYTES_MIN: usize = 64;
    /// The most that [`Limits::head_bytes`] may be: a connection can hold as much.
    pub const HEAD_BYTES_MAX: usize = 1 << 20;
    /// The least that [`Limits::fields`] may be: a request in HTTP/1.1 has a Host field.
    pub const FIELDS_MIN: usize = 1;
    /// The most that [`Limits::fields`] may be: a handler that asks for a field looks through all of them.
    pub const FIELDS_MAX: usize = 256;
    /// The least that [`Limits::target_bytes`] may be: the target `/`.
    pub const TARGET_BYTES_MIN: usize = 1;
    /// The most that [`Limits::target_bytes`] may be: a target is part of a head.
    pub const TARGET_BYTES_MAX: usize = Self::HEAD_BYTES_MAX;

    /// Sets [`head_bytes`](Self::head_bytes).
    #[must_use]
    pub const fn head_bytes(self, head_bytes: usize) -> Self {
        Self { head_bytes, ..self }
    }

    /// Sets [`fields`](Self::fields).
    #[must_use]
    pub const fn fields(self, fields: usize) -> Self {
        Self { fields, ..self }
    }

    /// Sets [`target_bytes`](Self::target_bytes).
    #[must_use]
    pub const fn target_bytes(self, target_bytes: usize) -> Self {
        Self {
            target_bytes,
            ..self
        }
    }

    /// Sets [`body_bytes`](Self::body_bytes).
    #[must_use]
    pub const fn body_bytes(self, body_bytes: u64) -> Self {
        Self { body_bytes, ..self }
    }

    /// Checks each field against its range.
    ///
    /// # Errors
    ///
    /// The first field that is out of its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let fields = [
            (
                "head_bytes",
                self.head_bytes,
                Self::HEAD_BYTES_MIN..=Self::HEAD_BYTES_MAX,
            ),
            ("fields", self.fields, Self::FIELDS_MIN..=Self::FIELDS_MAX),
            (
                "target_bytes",
                self.target_bytes,
                Self::TARGET_BYTES_MIN..=Self::TARGET_BYTES_MAX,
            ),
        ];
        let bad = fields
            .into_iter()
            .find(|(_, value, range)| !range.contains(value));
        bad.map_or(Ok(()), |(field, value, range)| {
            Err(OutOfRange {
                field,
                value,
                range,
            })
        })
    }

    /// As much of the input as the longest head may be.
    #[inline]
    pub(super) fn window<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        &input[..input.len().min(self.head_bytes)]
    }
}

/// A field of [`Limits`] that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfRange {
    /// The name of the field.
    pub field: &'static str,
    /// Its value.
    pub value: usize,
    /// The values that it may have.
    pub range: RangeInclusive<usize>,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            range,
        } = self;
        let (min, max) = (range.start(), range.end());
        write!(out, "{field} is {value}: out of range, from {min} to {max}")
    }
}

impl Error for OutOfRange {}

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
/// So much of a body has to come for its time-out to start again: a trickle is not progress.
pub(super) const BODY_PROGRESS_BYTES: usize = 4 * 1024;

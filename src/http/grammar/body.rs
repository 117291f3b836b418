//! The body of a message whose end its head announces, read in pieces and in constant memory.

use super::chunked::{ChunkedBody, ChunkedError, Rules};
use super::framing::Framing;

/// A body that has not been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(ChunkedBody),
}

/// How far a body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct BodyRead {
    /// So much of the input belongs to the body.
    pub(in crate::http) consumed: usize,
    /// The body has ended there.
    pub(in crate::http) ended: bool,
}

impl Body {
    #[inline]
    pub(in crate::http) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkedBody::default()),
        }
    }

    /// Reads what `input` has of the body, all of it unless the body ends before, and hands the
    /// content to `sink`.
    #[inline]
    pub(in crate::http) fn read(
        &mut self,
        input: &[u8],
        rules: &Rules,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<BodyRead, ChunkedError> {
        match self {
            Self::Length(left) => {
                let content = take(left, input);
                sink(content);
                Ok(BodyRead {
                    consumed: content.len(),
                    ended: *left == 0,
                })
            }
            Self::Chunked(chunked) => chunked.read(input, rules, sink),
        }
    }
}

/// What `input` has of the `left` bytes that are still to come.
#[inline]
pub(super) fn take<'a>(left: &mut u64, input: &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= length as u64;
    &input[..length]
}

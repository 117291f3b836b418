//! The body of a message whose end its head announces, read in pieces and in constant memory.

use super::chunked::{BodyRead, ChunkedBody, ChunkedError, Rules, take};
use super::framing::Framing;

/// A body that has not been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(ChunkedBody),
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

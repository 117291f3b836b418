//! Reads the answers on one connection: bytes in, answers out. It knows no socket and no clock.
//!
//! It is strict as a client must be that measures: what is not framed as RFC 9112 says is a failed
//! request, not a good one with noise behind it.

use super::chunked::Chunked;
use super::error::{ErrorKind, ProtocolError};
use super::expect::{Comparison, Expect};
use super::head::{Framing, Head, Memo, Scan};

/// More interim answers (1xx) before one final answer are refused.
const INTERIM_MAX: u8 = 32;

/// A whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body_bytes: u64,
    /// Nothing more will be answered on this connection.
    pub(super) closes: bool,
    /// It is not what was expected.
    pub(super) fault: Option<ErrorKind>,
}

/// What a connection is in the middle of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reader {
    state: State,
    scan: Scan,
    interim: u8,
    body_bytes: u64,
    comparison: Comparison,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Length(Head, u64),
    Chunked(Head, Chunked),
    /// The body ends with the connection.
    Close(Head),
}

/// How far a read came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// So much of the input is dealt with. What is not is half a head, or belongs to the next
    /// answer; half a head is to be shown again with what comes after it.
    pub(super) consumed: usize,
    /// The answer that ended there.
    pub(super) answer: Option<Answer>,
}

impl Reader {
    /// Reads on in `input`, up to the end of an answer. `place` is that of its request in the batch.
    #[inline]
    pub(super) fn read(
        &mut self,
        input: &[u8],
        place: usize,
        expect: &Expect,
        memo: &mut Memo,
    ) -> Result<Read, ProtocolError> {
        let mut consumed = 0;
        if self.state == State::Head {
            consumed = self.heads(input, expect, memo)?;
            if self.state == State::Head {
                return Ok(Read {
                    consumed,
                    answer: None,
                });
            }
        }
        let (taken, answer) = self.body(&input[consumed..], expect.body(place), expect)?;
        Ok(Read {
            consumed: consumed + taken,
            answer,
        })
    }

    /// Passes over interim answers, and over the final head into its body if it is whole. Returns
    /// the length of the heads that were.
    #[inline]
    fn heads(
        &mut self,
        input: &[u8],
        expect: &Expect,
        memo: &mut Memo,
    ) -> Result<usize, ProtocolError> {
        if let Some((length, head)) = memo.recall(input) {
            self.enter(head, expect);
            return Ok(length);
        }
        self.other_heads(input, expect, memo)
    }

    /// Reads heads that are not like the last one.
    #[cold]
    fn other_heads(
        &mut self,
        input: &[u8],
        expect: &Expect,
        memo: &mut Memo,
    ) -> Result<usize, ProtocolError> {
        let mut start = 0;
        while let Some(length) = self.scan.end(&input[start..])? {
            self.scan = Scan::default();
            let head = memo.read(&input[start..start + length])?;
            start += length;
            if !head.is_interim() {
                self.enter(head, expect);
                break;
            }
            // RFC 9110 section 15.2.2: only who asks for an upgrade is told to switch.
            if head.status == 101 {
                return Err(ProtocolError::Upgrade);
            }
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err(ProtocolError::Interim);
            }
        }
        Ok(start)
    }

    #[inline]
    fn enter(&mut self, head: Head, expect: &Expect) {
        self.scan = Scan::default();
        self.interim = 0;
        self.body_bytes = 0;
        self.comparison = Comparison::default();
        // RFC 9112 section 6.3, rule 1: these have no body, whatever their fields say.
        let is_bodiless = expect.head_only || matches!(head.status, 204 | 304);
        self.state = match head.framing {
            _ if is_bodiless => State::Length(head, 0),
            Framing::Length(length) => State::Length(head, length),
            Framing::Chunked => State::Chunked(head, Chunked::default()),
            Framing::Close => State::Close(head),
        };
    }

    #[inline]
    fn body(
        &mut self,
        input: &[u8],
        expected: Option<&[u8]>,
        expect: &Expect,
    ) -> Result<(usize, Option<Answer>), ProtocolError> {
        let (taken, ended) = match &mut self.state {
            State::Head => return Ok((0, None)),
            State::Length(_, left) => {
                let taken = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                *left -= taken as u64;
                self.body_bytes += taken as u64;
                self.comparison.feed(expected, &input[..taken]);
                (taken, *left == 0)
            }
            State::Chunked(_, chunked) => {
                let (bytes, comparison) = (&mut self.body_bytes, &mut self.comparison);
                chunked.read(input, |piece| {
                    *bytes += piece.len() as u64;
                    comparison.feed(expected, piece);
                })?
            }
            State::Close(_) => {
                self.body_bytes += input.len() as u64;
                self.comparison.feed(expected, input);
                (input.len(), false)
            }
        };
        let answer = ended.then(|| self.finish(expected, expect)).flatten();
        Ok((taken, answer))
    }

    #[inline]
    fn finish(&mut self, expected: Option<&[u8]>, expect: &Expect) -> Option<Answer> {
        let (head, closes) = match std::mem::take(&mut self.state) {
            State::Head => return None,
            State::Length(head, _) | State::Chunked(head, _) => (head, head.closes),
            State::Close(head) => (head, true),
        };
        let status_is_expected = expect
            .statuses
            .as_ref()
            .is_none_or(|set| set.has(head.status));
        let fault = if !status_is_expected {
            Some(ErrorKind::Status)
        } else if !self.comparison.is_equal(expected) {
            Some(ErrorKind::Body)
        } else {
            None
        };
        Some(Answer {
            status: head.status,
            body_bytes: self.body_bytes,
            closes,
            fault,
        })
    }

    /// The server has ended the connection, with `left` bytes of half a head before. It is the
    /// end of an answer, or the fault of the request whose answer was due.
    pub(super) fn end(
        &mut self,
        left: usize,
        place: usize,
        expect: &Expect,
    ) -> Result<Answer, ErrorKind> {
        if let State::Close(_) = self.state
            && let Some(answer) = self.finish(expect.body(place), expect)
        {
            return Ok(answer);
        }
        let is_between = self.state == State::Head && left == 0;
        *self = Self::default();
        Err(if is_between {
            ErrorKind::Closed
        } else {
            ErrorKind::Short
        })
    }
}

#[cfg(test)]
#[path = "response_cuts.rs"]
mod cuts;

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;

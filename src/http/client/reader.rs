//! Reads the responses on one connection.

use super::super::grammar::body::Body;
use super::super::grammar::chunked::{Extensions, Rules};
use super::error::ProtocolError;
use super::head::{Head, Memo, Scan};

/// More interim responses (1xx) before a final one are refused.
const INTERIM_MAX: u8 = 32;

/// How strictly a client reads chunks. No limit to content: what takes it may have one.
const CHUNKED: Rules = Rules {
    extensions: Extensions::Skip,
    extension_bytes_max: 16 * 1024,
    trailer_bytes_max: 64 * 1024,
    trailer_fields_max: u32::MAX,
    content_bytes_max: u64::MAX,
};

/// Takes a response as it comes in.
pub(crate) trait Sink {
    /// The final head: what it says, and its bytes with the empty line.
    fn head(&mut self, head: &Head, bytes: &[u8]);

    /// The next piece of the content.
    fn content(&mut self, piece: &[u8]);
}

/// A whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_bytes: u64,
    /// The server will not answer another request on this connection.
    pub(crate) closes: bool,
}

/// How far a read came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// So much of the input is done with. The rest is part of a head, or belongs to the next
    /// response; part of a head has to be there again, with what comes after it.
    pub(crate) consumed: usize,
    /// The response that ended there.
    pub(crate) response: Option<Response>,
}

/// The connection ended without a whole response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyEnd {
    /// Before the first byte of a response, or between an interim and the final one.
    BeforeHead,
    /// In a head, or in content.
    InResponse,
}

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reader {
    state: State,
    scan: Scan,
    interim: u8,
    content_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Body(Head, Body),
    /// The content ends with the connection.
    UntilClose(Head),
}

impl Reader {
    /// Reads on in `input`, up to the end of a response. `head_only`: its request was HEAD.
    #[inline]
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        head_only: bool,
        memo: &mut Memo,
        sink: &mut impl Sink,
    ) -> Result<Read, ProtocolError> {
        let mut consumed = 0;
        if self.state == State::Head {
            consumed = self.heads(input, head_only, memo, sink)?;
            if self.state == State::Head {
                return Ok(Read {
                    consumed,
                    response: None,
                });
            }
        }
        let (taken, response) = self.content(&input[consumed..], sink)?;
        Ok(Read {
            consumed: consumed + taken,
            response,
        })
    }

    /// Reads interim heads and the final one, as far as they are whole. Returns their length.
    #[inline]
    fn heads(
        &mut self,
        input: &[u8],
        head_only: bool,
        memo: &mut Memo,
        sink: &mut impl Sink,
    ) -> Result<usize, ProtocolError> {
        if let Some((length, head)) = memo.recall(input) {
            sink.head(&head, &input[..length]);
            self.begin_content(head, head_only);
            return Ok(length);
        }
        self.other_heads(input, head_only, memo, sink)
    }

    /// Reads heads that are not like the last one.
    #[cold]
    fn other_heads(
        &mut self,
        input: &[u8],
        head_only: bool,
        memo: &mut Memo,
        sink: &mut impl Sink,
    ) -> Result<usize, ProtocolError> {
        let mut start = 0;
        while let Some(length) = self.scan.end(&input[start..])? {
            self.scan = Scan::default();
            let bytes = &input[start..start + length];
            let head = memo.read(bytes)?;
            start += length;
            if !head.is_interim() {
                sink.head(&head, bytes);
                self.begin_content(head, head_only);
                break;
            }
            // RFC 9110 section 15.2.2: a server switches protocols only when asked for an upgrade.
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
    fn begin_content(&mut self, head: Head, head_only: bool) {
        self.scan = Scan::default();
        self.interim = 0;
        self.content_bytes = 0;
        // RFC 9112 section 6.3, rule 1: these have no content, whatever their fields say.
        let has_content = !head_only && !matches!(head.status, 204 | 304);
        self.state = match head.framing {
            _ if !has_content => State::Body(head, Body::Length(0)),
            Some(framing) => State::Body(head, Body::new(framing)),
            None => State::UntilClose(head),
        };
    }

    #[inline]
    fn content(
        &mut self,
        input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(usize, Option<Response>), ProtocolError> {
        let content_bytes = &mut self.content_bytes;
        let mut take = |piece: &[u8]| {
            *content_bytes += piece.len() as u64;
            sink.content(piece);
        };
        let (taken, ended) = match &mut self.state {
            State::Head => return Ok((0, None)),
            State::Body(_, body) => {
                let read = body.read(input, &CHUNKED, take)?;
                (read.consumed, read.ended)
            }
            State::UntilClose(_) => {
                take(input);
                (input.len(), false)
            }
        };
        let response = ended.then(|| self.finish()).flatten();
        Ok((taken, response))
    }

    #[inline]
    fn finish(&mut self) -> Option<Response> {
        let (head, closes) = match std::mem::take(&mut self.state) {
            State::Head => return None,
            State::Body(head, _) => (head, head.closes),
            State::UntilClose(head) => (head, true),
        };
        Some(Response {
            status: head.status,
            content_bytes: self.content_bytes,
            closes,
        })
    }

    /// Has no byte of the next head been read? `unread` is what a [`read`](Self::read) left over.
    pub(crate) fn is_before_head(&self, unread: usize) -> bool {
        self.state == State::Head && unread == 0
    }

    /// The server has ended the connection, after `unread` bytes of a head. That ends a response,
    /// or cuts off the one that was due.
    pub(crate) fn end(&mut self, unread: usize) -> Result<Response, EarlyEnd> {
        if let State::UntilClose(_) = self.state
            && let Some(response) = self.finish()
        {
            return Ok(response);
        }
        let is_before_head = self.is_before_head(unread);
        *self = Self::default();
        Err(if is_before_head {
            EarlyEnd::BeforeHead
        } else {
            EarlyEnd::InResponse
        })
    }
}

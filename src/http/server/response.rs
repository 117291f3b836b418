//! Status, fields, content -> bytes in an [`Output`].
//!
//! The head of an ordinary response is prepared as one block of bytes, of which only the date
//! changes, once a second. No byte from a peer gets into the head of a response, but as part of a
//! [`Field`], which has been checked.

use std::fmt;

use super::super::grammar::connection::Persistence;
use super::date::{DATE_BYTES, imf_fixdate};
use super::field::Field;
use super::form::{Form, Written};
use super::ongoing::Ongoing;
use super::output::{OUTPUT_BYTES, Output};
use super::peer::Peer;
use super::status::Status;
use super::step::Reason;

/// When to try again, in seconds (RFC 9110 section 10.2.3).
pub(super) const RETRY_AFTER: Field<'static> = Field::from_static("Retry-After", "1");

pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The head of the ordinary response. Other responses use the end of it.
const HEAD: &[u8; 111] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Content-Length: ";
const OK_BYTES: usize = b"HTTP/1.1 200 OK".len();
const DATE_FIELD: usize = HEAD.len() - b"\r\nDate: \r\nContent-Length: ".len() - DATE_BYTES;
const DATE: usize = DATE_FIELD + b"\r\nDate: ".len();
const DATE_END: usize = DATE + DATE_BYTES;
const _: () =
    assert!(HEAD[DATE_FIELD + 2] == b'D' && HEAD[DATE] == b'T' && HEAD[DATE_END] == b'\r');

/// The longest head of a response of the engine's own, with room to spare: what it takes beside its
/// content. The fields of a handler may make a head longer; the [`Output`] grows for them.
pub(super) const REPLY_HEAD_BYTES_MAX: usize = 512;

/// What the responses of one second have in common, rendered once for all of them.
#[derive(Debug)]
pub(super) struct Prepared {
    second: u64,
    head: [u8; HEAD.len()],
}

impl Prepared {
    pub(super) fn new(unix_seconds: u64) -> Self {
        let mut prepared = Self {
            second: 0,
            head: *HEAD,
        };
        prepared.tick(unix_seconds);
        prepared
    }

    pub(super) fn second(&self) -> u64 {
        self.second
    }

    #[inline]
    pub(super) fn tick(&mut self, unix_seconds: u64) {
        if self.second != unix_seconds {
            self.second = unix_seconds;
            self.head[DATE..DATE_END].copy_from_slice(&imf_fixdate(unix_seconds));
        }
    }
}

/// Proof that a request was answered: a handler cannot forget to, nor do it twice.
#[derive(Debug)]
pub struct Responded(pub(super) Answer);

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// The response is in the output.
    Whole(Written),
    /// It is, or will be, in part.
    Ongoing(Box<Ongoing>),
}

/// The same, without what only an observer asks for: this is on the path of every request.
#[derive(Debug)]
pub(super) enum Answered {
    Whole(Persistence),
    Ongoing(Box<Ongoing>),
}

impl From<Answer> for Answered {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Whole(written) => Self::Whole(written.persistence),
            Answer::Ongoing(ongoing) => Self::Ongoing(ongoing),
        }
    }
}

impl From<Ongoing> for Answer {
    fn from(ongoing: Ongoing) -> Self {
        Self::Ongoing(Box::new(ongoing))
    }
}

/// The response to one request, yet to be written.
#[must_use = "a request that is not answered blocks its connection"]
pub struct ResponseWriter<'o> {
    pub(super) out: &'o mut Output,
    pub(super) prepared: &'o Prepared,
    pub(super) peer: &'o dyn Peer,
    pub(super) form: Form,
    /// Of the response that is being written.
    pub(super) status: Status,
}

impl fmt::Debug for ResponseWriter<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ResponseWriter").finish_non_exhaustive()
    }
}

impl ResponseWriter<'_> {
    /// `200 OK` with `text/plain; charset=utf-8`; the content is the parts, one after the other.
    ///
    /// More than 64 KiB is copied, and sent block by block, as by [`respond`](Self::respond).
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub fn text(self, content: &[&[u8]]) -> Responded {
        self.out.answers.count_ok();
        let head = &self.prepared.head;
        self.finish(head, content)
    }

    /// Any status, with fields of your own, `Content-Type` among them. `Date`, `Content-Length` and
    /// `Connection` are added here. The content is ignored if the status
    /// [has none](Status::has_content); more than 64 KiB is sent block by block, as by [`text`](Self::text).
    pub fn send(mut self, status: Status, fields: &[Field<'_>], content: &[&[u8]]) -> Responded {
        self.begin(status);
        self.push_fields(fields);
        self.end(status, content)
    }

    /// What follows the fields of a handler.
    #[inline]
    pub(super) fn end(mut self, status: Status, content: &[&[u8]]) -> Responded {
        if status.has_length() {
            let head = &self.prepared.head[DATE_FIELD..];
            self.finish(head, if status.has_content() { content } else { &[] })
        } else {
            self.push_date();
            self.end_of_head()
        }
    }

    /// Ends a head of which neither the length nor the coding of the content is to be said.
    pub(super) fn end_of_head(mut self) -> Responded {
        self.push_end_of_head();
        self.written(0)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn push_end_of_head(&mut self) {
        if self.form.persistence != Persistence::Keep {
            self.out.push(self.form.connection());
        }
        self.out.push(b"\r\n\r\n");
    }

    pub(super) fn push_date(&mut self) {
        self.out.push(&self.prepared.head[DATE_FIELD..DATE_END]);
    }

    pub(super) fn push_date_and_length(&mut self, length: u64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        self.out
            .push_all(&[&self.prepared.head[DATE_FIELD..], digits]);
    }

    /// The connection is closed after this response, which says so.
    pub fn close(mut self) -> Self {
        self.form = self.form.closing();
        self
    }

    /// Closes the connection instead of answering.
    pub fn abort(self) -> Responded {
        Responded(Ongoing::abort(self.form, Reason::Aborted, None).into())
    }

    /// Resets the connection instead of answering.
    pub fn reset(self) -> Responded {
        Responded(Ongoing::abort(self.form, Reason::Reset, None).into())
    }

    /// Any status, with a sentence in plain text.
    pub(super) fn say(mut self, status: Status, fields: &[Field<'_>], sentence: &str) -> Responded {
        self.begin(status);
        self.push_fields(fields);
        let head = &self.prepared.head[OK_BYTES..];
        self.finish(head, &[sentence.as_bytes()])
    }

    pub(super) fn begin(&mut self, status: Status) {
        self.status = status;
        self.out.answers.count(status);
        // RFC 9112 section 4: the second space stays, also where no reason phrase follows.
        let (digits, reason) = (status.digits(), status.reason().as_bytes());
        self.out.push_all(&[b"HTTP/1.1 ", &digits, b" ", reason]);
    }

    #[inline]
    fn push_fields(&mut self, fields: &[Field<'_>]) {
        for part in fields.iter().flat_map(Field::line) {
            self.out.push(part);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn finish(mut self, head: &[u8], content: &[&[u8]]) -> Responded {
        let length: usize = content.iter().map(|part| part.len()).sum();
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        self.out.push_all(&[head, digits]);
        self.push_end_of_head();
        if self.form.without_content {
            return self.written(0);
        }
        if length > OUTPUT_BYTES {
            return self.send_in_blocks(content);
        }
        self.out.push_all(content);
        self.written(length as u64)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn written(&self, content_bytes: u64) -> Responded {
        Responded(Answer::Whole(Written {
            persistence: self.form.persistence,
            status: self.status,
            content_bytes,
        }))
    }
}

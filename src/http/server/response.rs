//! Status, fields, content -> bytes in an [`Output`].
//!
//! The head of an ordinary response is prepared as one block of bytes, of which only the date
//! changes, once a second. No byte from a peer gets into the head of a response, but as part of a
//! [`Field`], which has been checked.

use std::borrow::Cow;
use std::time::Duration;

use super::super::grammar::connection::Persistence;
use super::completion::{Completion, Waker};
use super::date::{DATE_BYTES, imf_fixdate};
use super::field::Field;
use super::ongoing::{Coding, Form, Ongoing, Sending};
use super::output::Output;
use super::peer::Peer;
use super::response_value::{Body, Response};
use super::session::Reason;
use super::source::{Piece, Produced, Source};
use super::status::Status;

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
    Whole(Persistence),
    /// It is, or will be, in part.
    Ongoing(Box<Ongoing>),
}

/// The response to one request, yet to be written.
#[must_use = "a request that is not answered blocks its connection"]
pub struct ResponseWriter<'o> {
    pub(super) out: &'o mut Output,
    pub(super) prepared: &'o Prepared,
    pub(super) peer: &'o dyn Peer,
    pub(super) form: Form,
}

impl ResponseWriter<'_> {
    /// `200 OK` with `text/plain; charset=utf-8`; the content is the parts, one after the other.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub fn text(self, content: &[&[u8]]) -> Responded {
        self.out.answers.count_ok();
        let head = &self.prepared.head;
        self.finish(head, content)
    }

    /// Any status, with fields of your own, `Content-Type` among them. `Date`, `Content-Length` and
    /// `Connection` are added here. The content is ignored if the status
    /// [has none](Status::has_content).
    pub fn send(mut self, status: Status, fields: &[Field<'_>], content: &[&[u8]]) -> Responded {
        self.begin(status, fields);
        if status.has_length() {
            let head = &self.prepared.head[DATE_FIELD..];
            self.finish(head, if status.has_content() { content } else { &[] })
        } else {
            self.out.push(&self.prepared.head[DATE_FIELD..DATE_END]);
            self.out.push(self.form.end_of_head());
            Responded(Answer::Whole(self.form.persistence))
        }
    }

    /// Sends a response that was made before, or whose content is produced piece by piece.
    pub fn respond(mut self, response: Response) -> Responded {
        let Response {
            status,
            fields,
            body,
        } = response;
        self.begin(status, &[]);
        self.out.push(&fields);
        match body {
            _ if !status.has_content() => {
                self.out.push(&self.prepared.head[DATE_FIELD..DATE_END]);
                self.out.push(self.form.end_of_head());
                Responded(Answer::Whole(self.form.persistence))
            }
            Body::Bytes(content) if content.len() <= self.out.room() => {
                let head = &self.prepared.head[DATE_FIELD..];
                self.finish(head, &[&content])
            }
            Body::Bytes(content) => {
                let length = content.len() as u64;
                self.stream(Some(length), Box::new(Remaining { content, sent: 0 }))
            }
            Body::Source { length, source } => self.stream(length, source),
        }
    }

    /// Ends the head, and has the content sent.
    fn stream(mut self, length: Option<u64>, source: Box<dyn Source>) -> Responded {
        let coding = match length {
            Some(length) => Coding::Length(length),
            None if self.form.is_version_10 => Coding::Close,
            None => Coding::Chunked,
        };
        match coding {
            Coding::Length(length) => {
                self.out.push(&self.prepared.head[DATE_FIELD..]);
                self.out.push(itoa::Buffer::new().format(length).as_bytes());
            }
            // RFC 9112 section 6.1: a sender must not use the chunked coding towards HTTP/1.0.
            Coding::Close => {
                self.form.persistence = Persistence::Close;
                self.out.push(&self.prepared.head[DATE_FIELD..DATE_END]);
            }
            Coding::Chunked => {
                self.out.push(&self.prepared.head[DATE_FIELD..DATE_END]);
                self.out.push(b"\r\nTransfer-Encoding: chunked");
            }
        }
        self.out.push(self.form.end_of_head());
        Responded(if self.form.without_content {
            Answer::Whole(self.form.persistence)
        } else {
            Answer::Ongoing(Ongoing::sending(self.form, Sending { source, coding }))
        })
    }

    /// Sends `response` after `delay`. The requests behind this one wait for it.
    pub fn respond_after(self, delay: Duration, response: Response) -> Responded {
        Responded(Answer::Ongoing(Ongoing::delayed(
            self.form, response, delay,
        )))
    }

    /// Answers later, perhaps from another thread. The requests behind this one wait for it.
    pub fn later(self) -> (Completion, Responded) {
        let (completion, awaited) = Completion::new(self.peer.waker());
        let ongoing = Ongoing::awaited(self.form, awaited);
        (completion, Responded(Answer::Ongoing(ongoing)))
    }

    /// By which another thread makes the [`Source`] of this response produce more.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.peer.waker()
    }

    /// The connection is closed after this response, which says so.
    pub fn close(mut self) -> Self {
        self.form.persistence = Persistence::Close;
        self
    }

    /// Closes the connection instead of answering.
    pub fn abort(self) -> Responded {
        Responded(Answer::Ongoing(Ongoing::abort(self.form, Reason::Aborted)))
    }

    /// Resets the connection instead of answering.
    pub fn reset(self) -> Responded {
        Responded(Answer::Ongoing(Ongoing::abort(self.form, Reason::Reset)))
    }

    /// Any status, with a sentence in plain text.
    pub(super) fn say(mut self, status: Status, fields: &[Field<'_>], sentence: &str) -> Responded {
        self.begin(status, fields);
        let head = &self.prepared.head[OK_BYTES..];
        self.finish(head, &[sentence.as_bytes()])
    }

    fn begin(&mut self, status: Status, fields: &[Field<'_>]) {
        self.out.answers.count(status);
        self.out.push(b"HTTP/1.1 ");
        self.out.push(&status.digits());
        // RFC 9112 section 4: the space stays, also where no reason phrase follows.
        self.out.push(b" ");
        self.out.push(status.reason().as_bytes());
        for field in fields {
            for part in [b"\r\n", field.name().as_bytes(), b": ", field.value()] {
                self.out.push(part);
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn finish(self, head: &[u8], content: &[&[u8]]) -> Responded {
        let length: usize = content.iter().map(|part| part.len()).sum();
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        self.out.push_all(&[head, digits, self.form.end_of_head()]);
        if !self.form.without_content {
            self.out.push_all(content);
        }
        Responded(Answer::Whole(self.form.persistence))
    }
}

impl Form {
    #[inline]
    fn end_of_head(self) -> &'static [u8] {
        match self.persistence {
            Persistence::Keep => b"\r\n\r\n",
            Persistence::KeepAlive => b"\r\nConnection: keep-alive\r\n\r\n",
            Persistence::Close => b"\r\nConnection: close\r\n\r\n",
        }
    }
}

/// Content in memory that is longer than a turn's share.
struct Remaining {
    content: Cow<'static, [u8]>,
    sent: usize,
}

impl Source for Remaining {
    fn produce(&mut self, piece: &mut Piece<'_>) -> Produced {
        self.sent += piece.push(&self.content[self.sent..]);
        if self.sent < self.content.len() {
            Produced::More
        } else {
            Produced::End
        }
    }
}

//! Responses that are values, come later, or whose content is produced piece by piece.

use std::borrow::Cow;
use std::time::Duration;

use super::super::grammar::connection::Persistence;
use super::completion::{Completion, Waker};
use super::ongoing::{Coding, Ongoing, Sending};
use super::response::{Responded, ResponseWriter};
use super::response_value::{Body, Response};
use super::source::{Piece, Produced, Source};
use super::step::Reason;

impl ResponseWriter<'_> {
    /// Sends a response that was made before, or whose content is produced piece by piece.
    pub fn respond(mut self, response: Response) -> Responded {
        let Response {
            status,
            fields,
            body,
        } = response;
        self.begin(status);
        self.out.push(&fields);
        match body {
            _ if !status.has_content() => self.end(status, &[]),
            Body::Bytes(content) if content.len() <= self.out.room() => {
                self.end(status, &[&content])
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
            Coding::Length(length) => self.push_date_and_length(length),
            // RFC 9112 section 6.1: a sender must not use the chunked coding towards HTTP/1.0.
            Coding::Close => {
                self.form.persistence = Persistence::Close;
                self.push_date();
            }
            Coding::Chunked => {
                self.push_date();
                self.out.push(b"\r\nTransfer-Encoding: chunked");
            }
        }
        let (form, status) = (self.form, self.status);
        let head = self.end_of_head();
        if form.without_content {
            return head;
        }
        let sending = Sending::new(source, coding, status);
        Responded(Ongoing::sending(form, sending).into())
    }

    /// Has content sent whose head has ended. It is longer than a turn's share.
    #[cold]
    pub(super) fn send_in_blocks(self, content: &[&[u8]]) -> Responded {
        let content = content.concat();
        let coding = Coding::Length(content.len() as u64);
        let content = content.into();
        let source = Box::new(Remaining { content, sent: 0 });
        let sending = Sending::new(source, coding, self.status);
        Responded(Ongoing::sending(self.form, sending).into())
    }

    /// Sends `response` after `delay`. The requests behind this one wait for it.
    pub fn respond_after(self, delay: Duration, response: Response) -> Responded {
        Responded(Ongoing::delayed(self.form, response, delay).into())
    }

    /// Closes the connection after `delay` instead of answering.
    pub fn abort_after(self, delay: Duration) -> Responded {
        Responded(Ongoing::abort(self.form, Reason::Aborted, Some(delay)).into())
    }

    /// Resets the connection after `delay` instead of answering.
    pub fn reset_after(self, delay: Duration) -> Responded {
        Responded(Ongoing::abort(self.form, Reason::Reset, Some(delay)).into())
    }

    /// Answers later, perhaps from another thread. The requests behind this one wait for it.
    pub fn later(self) -> (Completion, Responded) {
        let (completion, awaited) = Completion::new(self.peer.waker());
        let ongoing = Ongoing::awaited(self.form, awaited);
        (completion, Responded(ongoing.into()))
    }

    /// By which another thread makes the [`Source`] of this response produce more.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.peer.waker()
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

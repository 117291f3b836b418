//! What all conversations of a worker's listener share: handler, limits, prepared bytes, blocks.

use super::super::blocks::Blocks;
use super::super::grammar::connection::Persistence;
use super::field::Field;
use super::form::Form;
use super::handler::Handler;
use super::head::Head;
use super::limits::Limits;
use super::method::Method;
use super::output::Output;
use super::peer::{Peer, UnknownPeer};
use super::reject::Reject;
use super::response::{Answer, Prepared, RETRY_AFTER, Responded, ResponseWriter};
use super::status::Status;

/// What all conversations of a worker's listener share.
#[derive(Debug)]
pub struct Shared<H> {
    handler: H,
    limits: Limits,
    prepared: Prepared,
    blocks: Blocks,
}

impl<H> Shared<H> {
    /// Takes what outlives a turn from `blocks`, instead of from unlimited blocks of its own.
    #[must_use]
    pub fn with_blocks(self, blocks: Blocks) -> Self {
        Self { blocks, ..self }
    }

    /// The memory for what outlives a turn.
    #[inline]
    #[must_use]
    pub fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Sets the time, in seconds since 1970-01-01 00:00:00 UTC.
    #[inline]
    pub fn tick(&mut self, unix_seconds: u64) {
        self.prepared.tick(unix_seconds);
    }

    /// The limits in force.
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    #[inline]
    pub(super) fn handler(&self) -> &H {
        &self.handler
    }

    #[inline]
    pub(super) fn response<'o>(
        &'o self,
        form: Form,
        peer: &'o dyn Peer,
        out: &'o mut Output,
    ) -> ResponseWriter<'o> {
        ResponseWriter {
            out,
            prepared: &self.prepared,
            peer,
            form,
        }
    }

    /// Answers a request whose handler panicked. Its method is not known any more: it may be HEAD, so
    /// there is no content.
    #[cold]
    pub(super) fn apologize(&self, out: &mut Output) {
        let status = Status::INTERNAL_SERVER_ERROR;
        let _: Responded = self.closing(Method::Unknown, out).send(status, &[], &[]);
    }

    /// The writer of the last response of a conversation.
    fn closing<'o>(&'o self, method: Method, out: &'o mut Output) -> ResponseWriter<'o> {
        let form = Form {
            persistence: Persistence::Close,
            asked: Persistence::Close,
            without_content: method == Method::Head,
            is_version_10: false,
        };
        self.response(form, &UnknownPeer, out)
    }
}

impl<H: Handler> Shared<H> {
    /// `unix_seconds` is the `Date` of responses until the next [`tick`](Self::tick).
    ///
    /// # Panics
    ///
    /// When a limit is out of its range: see [`Limits::check`].
    pub fn new(handler: H, limits: Limits, unix_seconds: u64) -> Self {
        // The field table and the 32-bit offsets into a head rely on it.
        if let Err(error) = limits.check() {
            panic!("{error}");
        }
        Self {
            handler,
            limits,
            prepared: Prepared::new(unix_seconds),
            blocks: Blocks::default(),
        }
    }

    /// Answers a request that has been read to its end.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn answer(&self, head: &Head<'_>, out: &mut Output) -> Answer {
        let request = &head.request;
        let response = self.response(head.form, request.peer(), out);
        let responded = match request.method() {
            _ if head.expects_more => {
                let reject = Reject::Expectation;
                response.out.answers.count_refusal(reject);
                response.say(reject.status(), &[], reject.sentence())
            }
            Method::Options | Method::Trace | Method::Unknown => {
                self.handler.handle_other(request, response)
            }
            _ => self.handler.handle(request, response),
        };
        responded.0
    }

    /// Writes the last answer of a conversation.
    #[cold]
    pub(super) fn refuse(&self, reject: Reject, method: Method, out: &mut Output) {
        out.answers.count_refusal(reject);
        let field: Option<Field<'_>> = match reject {
            // RFC 9110 section 15.5.6: a 405 has an Allow field.
            Reject::Connect => Some(const { Field::from_static("Allow", H::ALLOW) }),
            Reject::Overloaded | Reject::BufferLimit => Some(RETRY_AFTER),
            _ => None,
        };
        let writer = self.closing(method, out);
        let _: Responded = writer.say(reject.status(), field.as_slice(), reject.sentence());
    }
}

//! What all conversations of a worker's listener share: handler, limits, prepared bytes, blocks.

use std::cell::Cell;

use super::super::blocks::Blocks;
use super::super::grammar::connection::Persistence;
use super::field::Field;
use super::form::Form;
use super::handler::Handler;
use super::head::Head;
use super::last_fields::LastFields;
use super::limits::Limits;
use super::method::Method;
use super::output::Output;
use super::peer::{Peer, UnknownPeer};
use super::record::Exchange;
use super::reject::Reject;
use super::request::Request;
use super::response::{Answer, Answered, Prepared, RETRY_AFTER, Responded, ResponseWriter};
use super::status::Status;

/// What all conversations of a worker's listener share.
#[derive(Debug)]
pub struct Shared<H> {
    handler: H,
    limits: Limits,
    prepared: Prepared,
    last_fields: LastFields,
    blocks: Blocks,
    /// The time of the turn, by any clock of the shell's. Only an observer asks for it.
    micros: u64,
    /// The handler has been told of an exchange, and has not returned.
    is_observing: Cell<bool>,
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

    /// Sets the time of the turn in microseconds, by a clock that never goes back: needed only if the
    /// handler [observes](Handler::OBSERVES).
    #[inline]
    pub fn set_micros(&mut self, micros: u64) {
        self.micros = micros;
    }

    pub(super) fn micros(&self) -> u64 {
        self.micros
    }

    pub(super) fn unix_seconds(&self) -> u64 {
        self.prepared.second()
    }

    /// The limits in force.
    #[inline]
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    #[inline]
    pub(super) fn last_fields(&self) -> &LastFields {
        &self.last_fields
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
            status: Status::OK,
        }
    }

    /// Answers a request whose handler panicked. Its method is not known any more: it may be HEAD, so
    /// there is no content.
    #[cold]
    pub(super) fn apologize(&self, out: &mut Output) -> Answer {
        let status = Status::INTERNAL_SERVER_ERROR;
        self.closing(Method::Unknown, out).send(status, &[], &[]).0
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
            last_fields: LastFields::new(),
            blocks: Blocks::default(),
            micros: 0,
            is_observing: Cell::new(false),
        }
    }

    /// Answers a request that has been read to its end.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn answer(&self, head: &Head<'_>, out: &mut Output) -> Answered {
        let request = &head.request;
        let response = self.response(head.form, request.peer(), out);
        // Each arm has its own result: one for all would be in memory.
        match request.method() {
            _ if head.expects_more => {
                let reject = Reject::Expectation;
                response.out.answers.count_refusal(reject);
                let responded = response.say(reject.status(), &[], reject.sentence());
                self.answered(request, Some(reject), responded)
            }
            Method::Options | Method::Trace | Method::Unknown => {
                let responded = self.handler.handle_other(request, response);
                self.answered(request, None, responded)
            }
            _ => self.answered(request, None, self.handler.handle(request, response)),
        }
    }

    /// Tells the handler of a response, if it observes and the response has ended.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn answered(
        &self,
        request: &Request<'_>,
        reject: Option<Reject>,
        responded: Responded,
    ) -> Answered {
        if H::OBSERVES {
            self.observe_answer(request, reject, &responded.0);
        }
        responded.0.into()
    }

    /// Tells the handler what became of a request.
    pub(super) fn tell(&self, exchange: &Exchange<'_>) {
        self.is_observing.set(true);
        self.handler.observe(exchange);
        self.is_observing.set(false);
    }

    /// Has the handler panicked when it was told of an exchange? Then the response has been written.
    #[cold]
    pub(super) fn take_observing(&self) -> bool {
        self.is_observing.take()
    }

    /// Writes the last answer of a conversation.
    #[cold]
    pub(super) fn refuse(&self, reject: Reject, method: Method, out: &mut Output) -> Answer {
        out.answers.count_refusal(reject);
        let field: Option<Field<'_>> = match reject {
            // RFC 9110 section 15.5.6: a 405 has an Allow field.
            Reject::Connect => Some(const { Field::from_static("Allow", H::ALLOW) }),
            Reject::Overloaded | Reject::BufferLimit => Some(RETRY_AFTER),
            _ => None,
        };
        let writer = self.closing(method, out);
        let responded = writer.say(reject.status(), field.as_slice(), reject.sentence());
        responded.0
    }
}

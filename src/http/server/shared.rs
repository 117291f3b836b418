//! What all conversations of a worker's listener share: handler, limits, prepared bytes, blocks.

use super::super::blocks::Blocks;
use super::super::grammar::connection::Persistence;
use super::handler::Handler;
use super::head::Head;
use super::limits::Limits;
use super::method::Method;
use super::output::Output;
use super::reject::Reject;
use super::response::{Field, Prepared, RETRY_AFTER, Responded, ResponseWriter};

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
    fn response<'o>(
        &'o self,
        persistence: Persistence,
        method: Method,
        out: &'o mut Output,
    ) -> ResponseWriter<'o> {
        let without_content = method == Method::Head;
        ResponseWriter {
            out,
            prepared: &self.prepared,
            persistence,
            without_content,
        }
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
    #[inline]
    pub(super) fn answer(&self, head: &Head<'_>, out: &mut Output) -> Persistence {
        let Head {
            request,
            persistence,
            ..
        } = head;
        let response = self.response(*persistence, request.method(), out);
        let _: Responded = match request.method() {
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
        *persistence
    }

    /// The same, and closes the connection, whatever the request asked for.
    #[cold]
    #[inline(never)]
    pub(super) fn answer_last(&self, head: &Head<'_>, out: &mut Output) -> Persistence {
        let persistence = Persistence::Close;
        self.answer(
            &Head {
                persistence,
                ..*head
            },
            out,
        )
    }

    /// Writes the last answer of a conversation.
    #[cold]
    pub(super) fn refuse(&self, reject: Reject, method: Method, out: &mut Output) {
        out.answers.count_refusal(reject);
        let field: Option<Field> = match reject {
            // RFC 9110 section 15.5.6: a 405 has an Allow field.
            Reject::Connect => Some(("Allow", H::ALLOW)),
            Reject::Overloaded | Reject::BufferLimit => Some(RETRY_AFTER),
            _ => None,
        };
        let response = self.response(Persistence::Close, method, out);
        let _: Responded = response.say(reject.status(), field.as_slice(), reject.sentence());
    }
}

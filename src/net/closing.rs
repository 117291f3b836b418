//! The end of a connection: the last answer of its conversation, if there is one, then our end of
//! the stream, then the peer's.

use super::buffered::Input;
use super::connection::{Connection, Context, Next, READS_PER_TURN_MAX, Stage};
use super::kernel::{Kernel, Token};
use crate::http::{Handler, Overload, Reason, Step};
use crate::outcome::{Outcome, outcome};

/// How much is read and discarded after a closing answer, so that no reset overtakes it.
const LINGER_BYTES_MAX: u32 = 256 * 1024;

impl<S> Connection<S> {
    /// The wait of its conversation has lasted too long.
    pub(crate) fn handle_timeout<K, H>(
        &mut self,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        context.out.clear();
        self.session.set_draining(context.draining);
        let held = self.take_input();
        let peer = context.peer(&self.stream, token);
        let (shared, out) = (context.shared, &mut *context.out);
        let step = Input::lend(held.as_ref(), |input| {
            self.session.handle_timeout(input, &peer, shared, out)
        });
        self.end(step, token, context)
    }

    /// The server has run out of something, and this conversation has to end for it.
    pub(crate) fn handle_overload<K, H>(
        &mut self,
        overload: Overload,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        context.out.clear();
        let held = self.take_input();
        let peer = context.peer(&self.stream, token);
        let (shared, out) = (context.shared, &mut *context.out);
        let step = Input::lend(held.as_ref(), |input| {
            self.session
                .handle_overload(overload, input, &peer, shared, out)
        });
        self.end(step, token, context)
    }

    /// Its handler has panicked.
    pub(crate) fn handle_panic<K, H>(
        &mut self,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        // The responses to the requests before are still to be sent.
        let peer = context.peer(&self.stream, token);
        let (shared, out) = (context.shared, &mut *context.out);
        let step = self.session.handle_panic(&peer, shared, out);
        self.end(step, token, context)
    }

    /// What it holds of the input, which nothing more is read of.
    fn take_input(&mut self) -> Option<Input> {
        self.buffered.as_mut()?.input.take()
    }

    /// Sends the last answer, if there is one.
    fn end<K, H>(&mut self, step: Step, token: Token, context: &mut Context<'_, K, H>) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        debug_assert!(!self.owes(), "a slow reader is closed, not answered");
        self.buffered = None;
        if context.out.bytes().is_empty() {
            return Next::Close;
        }
        let block = std::mem::take(&mut context.input);
        self.hand_over_seldom(step, false, block, token, context)
            .unwrap_or(Next::Wait)
    }

    /// The closing answer was sent. To close at once, with input unread or yet to come, would send
    /// a reset, which can destroy the answer on its way (RFC 9112 section 9.6).
    pub(super) fn shut<K, H>(
        &mut self,
        block: &mut [u8],
        drained: bool,
        context: &mut Context<'_, K, H>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
    {
        self.buffered = None;
        if self.session.reason() == Some(Reason::Reset) {
            // If that fails, the connection is closed all the same.
            let _ = context.kernel.abort(&mut self.stream);
            return Next::Close;
        }
        self.stage = Stage::Lingering(LINGER_BYTES_MAX);
        match outcome(|| context.kernel.shut(&mut self.stream)) {
            Outcome::Done(()) if drained => Next::Wait,
            Outcome::Done(()) => self.linger(LINGER_BYTES_MAX, block, context),
            Outcome::WouldBlock | Outcome::Closed(()) => Next::Close,
        }
    }

    /// Reads and discards at most `left` bytes.
    pub(super) fn linger<K, H>(
        &mut self,
        mut left: u32,
        block: &mut [u8],
        context: &mut Context<'_, K, H>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
    {
        for _ in 0..READS_PER_TURN_MAX {
            match outcome(|| context.kernel.read(&mut self.stream, block)) {
                Outcome::Done(0) | Outcome::Closed(()) => return Next::Close,
                Outcome::Done(read) => {
                    context.stats.bytes_in += read as u64;
                    let Some(rest) = left.checked_sub(read as u32).filter(|rest| *rest > 0) else {
                        return Next::Close;
                    };
                    left = rest;
                    self.stage = Stage::Lingering(left);
                    if read < block.len() && self.short_read_drains() {
                        return Next::Wait;
                    }
                }
                Outcome::WouldBlock => {
                    self.has_urgent = false;
                    return Next::Wait;
                }
            }
        }
        Next::Again
    }
}

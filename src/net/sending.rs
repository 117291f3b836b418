//! What a turn sends: responses are written, and what the peer does not take is kept.

use std::collections::TryReserveError;

use super::connection::{Connection, Context, Ended, Next, Reading, Stage};
use super::kernel::{Kernel, Token};
use crate::http::{Handler, Reason, Step, Wants};
use crate::outcome::{Outcome, outcome};

impl<S> Connection<S> {
    /// Writes what a step has appended and does what it wants; input to be discarded is read into
    /// `block`. `None`: the turn goes on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn hand_over<K, H>(
        &mut self,
        step: Step,
        drained: bool,
        block: &mut [u8],
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Option<Next>
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        self.reading = match step.wants {
            Wants::Input | Wants::InputOrWakeup => Reading::Wanted,
            Wants::Wakeup if drained => Reading::Drained,
            Wants::Wakeup | Wants::Room | Wants::Close(_) => Reading::Paused,
        };
        self.progressed |= self.session.take_progress();
        match step.wants {
            Wants::Close(_) => self.stage = Stage::Closing,
            // No other event will tell.
            Wants::Wakeup if self.ended == Ended::Both => return Some(Next::Close),
            Wants::Wakeup | Wants::InputOrWakeup => {
                if self.start_timer(token, context).is_err() {
                    return Some(Next::Close);
                }
            }
            Wants::Input | Wants::Room => {}
        }
        let answered = !context.out.bytes().is_empty();
        if answered {
            self.progressed = true;
            // What a reset follows must be on its way before: it would be lost with the reset.
            let is_last = matches!(step.wants, Wants::Close(reason) if reason != Reason::Reset);
            match self.send(is_last, token, context) {
                Outcome::Done(()) => {}
                Outcome::WouldBlock => return Some(Next::Wait),
                Outcome::Closed(()) => return Some(Next::Close),
            }
        }
        match step.wants {
            Wants::Close(_) => Some(self.shut(block, drained, context)),
            Wants::Wakeup => Some(Next::Wait),
            Wants::Input | Wants::InputOrWakeup if drained => Some(Next::Wait),
            // After an answer the turn is over, but more input may be there.
            Wants::Input | Wants::InputOrWakeup if !answered => None,
            Wants::Input | Wants::InputOrWakeup | Wants::Room => Some(Next::Again),
        }
    }

    /// Starts a timer for a delay of the conversation, if there is one.
    #[cold]
    fn start_timer<K, H>(
        &mut self,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Result<(), TryReserveError>
    where
        K: Kernel<Stream = S>,
    {
        let Some(delay) = self.session.take_delay() else {
            return Ok(());
        };
        let delay = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        // The rest of the present microsecond does not count.
        let due = (context.kernel.micros() + 1).saturating_add(delay);
        self.session.set_timer(due);
        context.timers.start(due, token)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    fn send<K, H>(
        &mut self,
        is_last: bool,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let bytes = context.out.bytes();
        let kernel = &mut *context.kernel;
        let sent = outcome(|| {
            if is_last {
                kernel.write_last(&mut self.stream, bytes)
            } else {
                kernel.write(&mut self.stream, bytes)
            }
        });
        let sent = match sent {
            Outcome::Done(sent) => sent,
            Outcome::WouldBlock => 0,
            Outcome::Closed(()) => return Outcome::Closed(()),
        };
        context.stats.bytes_out += sent as u64;
        if sent == bytes.len() {
            return Outcome::Done(());
        }
        let blocks = context.shared.blocks();
        let block = blocks.filled(&bytes[sent..]);
        let Some((block, left)) = block.zip(self.buffered_in(blocks)) else {
            return Outcome::Closed(());
        };
        left.owe(block);
        // Once is enough: a peer that was slow may be slow again.
        if self.watches_room {
            return Outcome::WouldBlock;
        }
        self.watches_room = true;
        match context.kernel.watch_room(&mut self.stream, token) {
            Ok(()) => Outcome::WouldBlock,
            Err(_) => Outcome::Closed(()),
        }
    }

    /// Goes on with responses that the peer did not take at once.
    #[cold]
    pub(super) fn send_rest<K, H>(&mut self, context: &mut Context<'_, K, H>) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let Some(left) = self.buffered.as_deref_mut() else {
            return Outcome::Done(());
        };
        let Some(output) = &left.output else {
            return Outcome::Done(());
        };
        match outcome(|| {
            let rest = &output.bytes()[left.sent..];
            context.kernel.write(&mut self.stream, rest)
        }) {
            Outcome::Done(sent) => {
                context.stats.bytes_out += sent as u64;
                left.sent += sent;
            }
            Outcome::WouldBlock => return Outcome::WouldBlock,
            Outcome::Closed(()) => return Outcome::Closed(()),
        }
        if left.sent < output.len() {
            return Outcome::WouldBlock;
        }
        left.output = None;
        Outcome::Done(())
    }

    /// [`hand_over`](Self::hand_over), which is part of each of its callers, for the turns that are
    /// less busy.
    #[cold]
    #[inline(never)]
    pub(super) fn hand_over_seldom<K, H>(
        &mut self,
        step: Step,
        drained: bool,
        block: &mut [u8],
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Option<Next>
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        self.hand_over(step, drained, block, token, context)
    }
}

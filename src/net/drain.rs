//! The end of a server: it drains, or stops at once.
//!
//! In a drain each connection is closed after the response to the last request that its peer has
//! sent. Such a response says `Connection: close`, so it has to be known that nothing more has
//! come: a connection is read from until its socket is empty before its input is answered.

use std::ops::Range;

use super::buffered::Buffered;
use super::connection::{Connection, Context, Next, READS_PER_TURN_MAX, Stage};
use super::kernel::{Kernel, Token};
use super::lifecycle::{Phase, Then};
use super::listener::{AcceptState, ListenerId, ListenerState};
use super::slots::Index;
use super::stats::CloseReason;
use super::worker::Worker;
use crate::http::{self, Handler, Reason};
use crate::outcome::{Outcome, outcome};

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Does what the lifecycle asks for, between two turns.
    #[inline]
    pub(crate) fn follow(&mut self, phase: Phase) -> Then {
        match phase {
            Phase::Run => Then::Turn,
            Phase::Drain {
                accept_until,
                until,
            } => {
                self.phase = phase;
                self.drain(accept_until, until)
            }
            Phase::Stop => self.cut(),
        }
    }

    #[cold]
    fn drain(&mut self, accept_until: u64, until: u64) -> Then {
        self.take_over_last();
        self.deadlines.shorten_idle(accept_until);
        let is_over =
            self.connections.len() == 0 && self.listeners.iter().all(ListenerState::is_closed);
        if is_over || self.now.millis >= until {
            self.cut()
        } else {
            Then::Turn
        }
    }

    /// Closes what is left.
    #[cold]
    fn cut(&mut self) -> Then {
        self.take_over_last();
        for index in 0..self.connections.places() as Index {
            if let Some(connection) = self.connections.get_mut(index) {
                let reason = connection.cut_reason();
                self.close(index, reason);
            }
        }
        for id in 0..self.listeners.len() {
            self.close_listener(id as ListenerId);
        }
        self.ready.clear();
        self.publish_idle();
        self.publish_stats();
        self.publish_end();
        Then::Return
    }

    /// Are listeners closed once no connection waits at them?
    pub(super) fn accepts_last(&self) -> bool {
        matches!(self.phase, Phase::Drain { accept_until, .. } if self.now.millis >= accept_until)
    }

    pub(super) fn close_listener(&mut self, id: ListenerId) {
        if let Some(listener) = self.listeners.get_mut(usize::from(id))
            && !listener.is_closed()
        {
            listener.accepting = AcceptState::Closed;
            self.kernel.close_listener(id);
        }
    }

    /// When the drain has something to do without an event.
    pub(super) fn drain_due(&self) -> Option<u64> {
        let Phase::Drain {
            accept_until,
            until,
        } = self.phase
        else {
            return None;
        };
        let mut listeners = self.listeners.iter();
        let is_accepting = listeners.any(|listener| listener.accepting == AcceptState::Idle);
        Some(if is_accepting { accept_until } else { until })
    }
}

/// What reading as far as possible has shown.
enum Seen {
    /// The socket is empty.
    Empty,
    /// The peer has ended its side.
    End,
    /// There may be more.
    Unknown,
    Lost,
}

impl<S> Connection<S> {
    /// As [`converse`](Self::converse), in a drain: a request with which the input ends is the last one.
    #[cold]
    pub(super) fn converse_last<K, H>(
        &mut self,
        block: &mut [u8],
        held: Range<usize>,
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> (Next, Range<usize>)
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        let Range { mut start, mut end } = held;
        let mut reads = 0..READS_PER_TURN_MAX;
        while !reads.is_empty() {
            let seen = self.read_on(block, &mut end, &mut reads, context);
            let is_all = match seen {
                Seen::Lost => return (Next::Close, 0..0),
                Seen::Empty | Seen::End => true,
                Seen::Unknown => false,
            };
            // Without its last byte, input that may go on does not end with a request. So what is held may
            // hold more than the session has seen, even when nothing was read.
            let known = if is_all {
                end
            } else {
                end.saturating_sub(1).max(start)
            };
            self.session.set_draining(is_all);
            let step = self.advance(&block[start..known], token, context);
            start += step.consumed;
            let drained = matches!(seen, Seen::Empty);
            if let Some(next) = self.hand_over_seldom(step, drained, block, token, context) {
                return (next, start..end);
            }
            if matches!(seen, Seen::End) {
                self.end_session(token, context);
                return (Next::Close, 0..0);
            }
            if start == end {
                (start, end) = (0, 0);
            }
        }
        (Next::Again, start..end)
    }

    /// Reads behind `end` until the socket is empty, the block full, or the turn's share used up.
    fn read_on<K, H>(
        &mut self,
        block: &mut [u8],
        end: &mut usize,
        reads: &mut Range<usize>,
        context: &mut Context<'_, K, H>,
    ) -> Seen
    where
        K: Kernel<Stream = S>,
    {
        for _ in reads {
            let room = &mut block[*end..];
            let space = room.len();
            if space == 0 {
                break;
            }
            match outcome(|| context.kernel.read(&mut self.stream, room)) {
                Outcome::Done(0) => return Seen::End,
                Outcome::Done(read) => {
                    context.stats.bytes_in += read as u64;
                    *end += read;
                    if read < space && self.short_read_drains() {
                        return Seen::Empty;
                    }
                }
                Outcome::WouldBlock => {
                    self.has_urgent = false;
                    return Seen::Empty;
                }
                Outcome::Closed(()) => return Seen::Lost,
            }
        }
        Seen::Unknown
    }

    /// Why it is closed when the server ends.
    fn cut_reason(&self) -> CloseReason {
        match self.stage {
            Stage::Lingering(_) => self.close_reason(),
            Stage::Closing => CloseReason::Cut,
            Stage::HungUp => CloseReason::Failed,
            Stage::Talking if self.has_begun() => CloseReason::Cut,
            Stage::Talking => CloseReason::Ended(Reason::Shutdown),
        }
    }

    /// Is a request begun, or a response not wholly written?
    fn has_begun(&self) -> bool {
        let holds_more = |left: &Buffered| {
            let input = left.input.as_ref();
            // Half an empty line is no request.
            input.is_some_and(|input| input.block.bytes()[input.start..] != *b"\r")
        };
        self.owes()
            || self.session.phase() != http::Phase::Between
            || self.buffered.as_deref().is_some_and(holds_more)
    }
}

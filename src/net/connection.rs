//! A socket, its conversation, and what is left over of either direction.
//!
//! The blocks that bytes are read into and written from belong to the worker. Only what a turn
//! could not finish moves in here: half a head, or responses that the peer does not take. So an
//! idle connection owns no buffer.

use std::ops::Range;
use std::sync::Arc;

use super::buffered::{Buffered, COPY_BYTES_MAX, Input, Resumed};
use super::deadlines::Timeout;
use super::kernel::{Event, Kernel, Token};
use super::listener::ListenerId;
use super::mailbox::Mailbox;
use super::peer::PeerOf;
use super::stats::{CloseReason, Stats};
use super::timers::Timers;
use crate::http::{Blocks, Boxed, Handler, Output, Phase, Session, Shared, Step};
use crate::outcome::{Outcome, outcome};

/// How often a turn reads from one connection before the next one has its turn: enough for a body to
/// flow past, block by block.
pub(super) const READS_PER_TURN_MAX: usize = 4;

/// What a worker lends to a connection for its turn.
pub(crate) struct Context<'a, K, H> {
    pub(crate) kernel: &'a mut K,
    pub(crate) shared: &'a Shared<H>,
    pub(crate) input: &'a mut [u8],
    pub(crate) out: &'a mut Output,
    pub(crate) stats: &'a mut Stats,
    pub(crate) timers: &'a mut Timers,
    pub(crate) mailbox: &'a Arc<Mailbox>,
    /// The server drains.
    pub(crate) draining: bool,
}

impl<'a, K: Kernel, H> Context<'a, K, H> {
    /// The peer at the other end of a stream.
    #[inline]
    pub(super) fn peer(&self, stream: &'a K::Stream, token: Token) -> PeerOf<'a, K> {
        PeerOf {
            stream,
            token,
            mailbox: self.mailbox,
        }
    }
}

/// What becomes of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// There will be an event.
    Wait,
    /// There may be more to do, without an event.
    Again,
    /// The server has no memory for what it leaves over.
    OutOfMemory,
    /// It has ended.
    Close,
}

/// Whether a turn reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The conversation can do nothing more with the input that it has.
    Wanted,
    /// It has to go on with what it has first.
    Paused,
    /// Likewise; and the last read has emptied the socket, and there was no event since.
    Drained,
}

/// What of the stream has ended, as far as events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    /// The peer's side: read on until the end is seen, no event will come for it.
    Input,
    /// Both sides: nothing can be sent any more.
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Talking,
    /// Nothing can be sent any more.
    HungUp,
    /// The last answer is on its way.
    Closing,
    /// It was sent, and our side is shut: this many bytes may still come in.
    Lingering(u32),
}

/// What it counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    New,
    /// It is over the limit, and was accepted only to be answered 503.
    Rejected,
    /// It persists, and counts for the load of its worker.
    Settled,
}

/// One peer.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub(crate) struct Connection<S> {
    pub(super) stream: S,
    pub(super) session: Session,
    pub(super) buffered: Option<Boxed<Buffered>>,
    pub(super) stage: Stage,
    /// The listener that it came from, and so what it shares with others.
    pub(crate) listener: ListenerId,
    pub(super) reading: Reading,
    pub(super) ended: Ended,
    /// There is urgent data: a read stops before it, so that a short one has not emptied the socket.
    pub(super) has_urgent: bool,
    /// It is in the worker's list of connections to be served again.
    pub(crate) queued: bool,
    pub(super) standing: Standing,
    /// The kernel reports room for it.
    pub(super) watches_room: bool,
    /// Its last turn brought progress, so that its deadline starts again.
    pub(super) progressed: bool,
}

/// What an idle connection costs, besides its place in the table of deadlines. (In debug builds mio's
/// streams are longer.)
#[cfg(all(target_pointer_width = "64", not(debug_assertions)))]
const _: () = assert!(size_of::<Connection<super::socket::Stream>>() <= 80);

impl<S> Connection<S> {
    pub(crate) fn new(stream: S, listener: ListenerId) -> Self {
        Self {
            stream,
            session: Session::default(),
            buffered: None,
            stage: Stage::Talking,
            listener,
            reading: Reading::Wanted,
            ended: Ended::No,
            has_urgent: false,
            queued: false,
            standing: Standing::New,
            watches_room: false,
            progressed: false,
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The kernel says what a read or a write does not.
    pub(crate) fn on_event(&mut self, event: Event) {
        if event.hung_up {
            self.ended = Ended::Both;
        } else if event.read_closed && self.ended == Ended::No {
            self.ended = Ended::Input;
        }
        self.has_urgent |= event.urgent;
        if self.reading == Reading::Drained {
            self.reading = Reading::Paused;
        }
        // A read or a write would find out, but it waits for neither.
        if self.ended == Ended::Both && self.session.phase() == Phase::Response {
            self.stage = Stage::HungUp;
        }
    }

    /// Urgent data may have come of which no event has told yet: this turn reads to the end.
    pub(crate) fn expect_unreported(&mut self) {
        self.has_urgent = true;
    }

    /// Does a short read leave nothing in the socket? Not when an end of file is to come, or urgent
    /// data.
    pub(super) fn short_read_drains(&self) -> bool {
        self.ended == Ended::No && !self.has_urgent
    }

    /// What it waits for, if that has an end, and whether that wait starts again with its last turn.
    pub(crate) fn waits_for(&self) -> (Option<Timeout>, bool) {
        let timeout = match self.stage {
            Stage::Lingering(_) => Some(Timeout::Linger),
            _ if self.owes() => Some(Timeout::Write),
            _ => Timeout::of(self.session.phase()),
        };
        (timeout, self.progressed)
    }

    /// Was it answered in its last turn, and is there nothing about it that another worker would have to
    /// know?
    pub(super) fn has_settled(&self) -> bool {
        let is_waiting = self.stage == Stage::Talking && self.reading == Reading::Wanted;
        let is_plain = self.ended == Ended::No && !self.watches_room;
        self.progressed
            && is_waiting
            && is_plain
            && self.buffered.is_none()
            && self.session.is_fresh()
    }

    /// Is the peer taken to have ended its side?
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn is_read_closed(&self) -> bool {
        self.ended != Ended::No
    }

    /// How many bytes are held of this peer's input, and of the responses that it does not take.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        self.buffered
            .as_deref()
            .map_or((0, 0), Buffered::held_bytes)
    }

    /// Why it closes by itself.
    pub(crate) fn close_reason(&self) -> CloseReason {
        self.session
            .reason()
            .map_or(CloseReason::Failed, CloseReason::Ended)
    }

    /// How much memory it has taken from the worker's blocks.
    pub(crate) fn block_bytes(&self) -> usize {
        let left = self.buffered.as_deref();
        left.map_or(0, Buffered::block_bytes) + self.session.block_bytes()
    }

    /// Is there a response that the peer has not taken?
    pub(crate) fn owes(&self) -> bool {
        self.buffered
            .as_ref()
            .is_some_and(|left| left.output.is_some())
    }

    /// Takes a turn: writes what is owed, then reads, answers and writes as much as is its share.
    #[inline]
    pub(crate) fn serve<K, H>(&mut self, token: Token, context: &mut Context<'_, K, H>) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        self.progressed = false;
        if self.buffered.is_some() && self.owes() {
            match self.send_rest(context) {
                // That was a turn's worth of responses; there may be more input to answer.
                Outcome::Done(()) if self.stage == Stage::Talking => {
                    self.progressed = true;
                    return Next::Again;
                }
                Outcome::Done(()) => {}
                Outcome::WouldBlock => return Next::Wait,
                Outcome::Closed(()) => return Next::Close,
            }
        }
        match self.stage {
            Stage::Talking => self.talk(token, context),
            Stage::HungUp => Next::Close,
            Stage::Closing => {
                let block = std::mem::take(&mut context.input);
                self.shut(block, false, context)
            }
            Stage::Lingering(left) => {
                let block = std::mem::take(&mut context.input);
                self.linger(left, block, context)
            }
        }
    }

    #[inline]
    fn talk<K, H>(&mut self, token: Token, context: &mut Context<'_, K, H>) -> Next
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        let blocks = context.shared.blocks();
        let shared_block = std::mem::take(&mut context.input);
        let mut held = 0..0;
        let mut long = None;
        if let Some(buffered) = &mut self.buffered
            && let Some(input) = buffered.input.take()
        {
            match input.resume(shared_block, self.reading == Reading::Wanted, blocks) {
                Some(Resumed::Copied { bytes }) => held.end = bytes,
                Some(Resumed::InPlace(input)) => {
                    held = input.start..input.block.len();
                    long = Some(input);
                }
                None => return Next::OutOfMemory,
            }
        }
        let block = match &mut long {
            None => &mut *shared_block,
            Some(input) => input.block.own().unwrap_or_default(),
        };
        let (next, rest) = if context.draining {
            self.converse_last(block, held, token, context)
        } else {
            self.converse(block, held, token, context)
        };
        match long {
            None => self.keep(next, &shared_block[rest], blocks),
            Some(input) => self.keep_in_place(next, input, rest, blocks),
        }
    }

    /// Reads into `block`, behind the input that it `held` before, and answers. Returns also where
    /// the rest of the input is.
    #[inline]
    fn converse<K, H>(
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
        for _ in 0..READS_PER_TURN_MAX {
            let mut drained = self.reading == Reading::Drained;
            if self.reading == Reading::Wanted {
                let room = &mut block[end..];
                let space = room.len();
                if space == 0 {
                    break;
                }
                match outcome(|| context.kernel.read(&mut self.stream, room)) {
                    Outcome::Done(0) => {
                        self.end_session(token, context);
                        return (Next::Close, 0..0);
                    }
                    Outcome::Done(read) => {
                        context.stats.bytes_in += read as u64;
                        drained = read < space && self.short_read_drains();
                        end += read;
                    }
                    Outcome::WouldBlock => {
                        self.has_urgent = false;
                        return (Next::Wait, start..end);
                    }
                    Outcome::Closed(()) => return (Next::Close, 0..0),
                }
            }
            let step = self.advance(&block[start..end], token, context);
            start += step.consumed;
            if let Some(next) = self.hand_over(step, drained, block, token, context) {
                return (next, start..end);
            }
            if start == end {
                (start, end) = (0, 0);
            }
        }
        (Next::Again, start..end)
    }

    /// Lets the conversation go on with `input`, and with an empty output.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn advance<K, H>(
        &mut self,
        input: &[u8],
        token: Token,
        context: &mut Context<'_, K, H>,
    ) -> Step
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        context.out.clear();
        let peer = context.peer(&self.stream, token);
        self.session
            .advance(input, &peer, context.shared, context.out)
    }

    /// The peer will send nothing more.
    #[cold]
    pub(super) fn end_session<K, H>(&mut self, token: Token, context: &mut Context<'_, K, H>)
    where
        K: Kernel<Stream = S>,
        H: Handler,
    {
        if H::OBSERVES {
            let peer = context.peer(&self.stream, token);
            self.session.abandon(&peer, context.shared);
        }
        self.session.end();
    }

    /// As [`keep`](Self::keep), of input that was read into a block of its own.
    #[cold]
    fn keep_in_place(
        &mut self,
        next: Next,
        mut input: Input,
        rest: Range<usize>,
        blocks: &Blocks,
    ) -> Next {
        input.block.set_len(rest.end);
        if rest.len() <= COPY_BYTES_MAX {
            return self.keep(next, &input.block.bytes()[rest], blocks);
        }
        input.start = rest.start;
        if self.stage != Stage::Talking {
            return next;
        }
        match self.buffered_in(blocks) {
            Some(buffered) => {
                buffered.input = Some(input);
                next
            }
            None => self.out_of_memory(),
        }
    }

    /// Keeps what a turn has left of the input, unless nothing more is read. With nothing left of
    /// either direction, no memory is kept at all.
    #[inline]
    fn keep(&mut self, next: Next, rest: &[u8], blocks: &Blocks) -> Next {
        if !rest.is_empty() && next != Next::Close && self.stage == Stage::Talking {
            let block = blocks.filled(rest);
            let Some((block, buffered)) = block.zip(self.buffered_in(blocks)) else {
                return self.out_of_memory();
            };
            buffered.input = Some(Input { block, start: 0 });
        } else if self.buffered.is_some() && !self.owes() {
            self.buffered = None;
        }
        next
    }

    /// What outlives the turn; made if there is nothing yet. `None`: there is no memory for it.
    pub(super) fn buffered_in(&mut self, blocks: &Blocks) -> Option<&mut Buffered> {
        if self.buffered.is_none() {
            self.buffered = blocks.boxed(Buffered::default());
        }
        self.buffered.as_deref_mut()
    }

    /// In the middle of a response nothing else can be sent.
    #[cold]
    fn out_of_memory(&self) -> Next {
        if self.owes() {
            Next::Close
        } else {
            Next::OutOfMemory
        }
    }
}

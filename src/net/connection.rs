//! A socket, its conversation, and what is left over of either direction.
//!
//! The blocks that bytes are read into and written from belong to the worker. Only what a turn
//! could not finish moves in here: half a head, or a reply that the peer does not take. So an idle
//! connection owns no buffer at all.

use std::ops::Range;

use super::buffered::{Buffered, COPY_BYTES_MAX, Input, Resumed};
use super::deadlines::Timeout;
use super::kernel::{Event, Kernel, Outcome, Token, outcome};
use crate::http::{Blocks, Handler, Output, Phase, Reject, Session, Shared, Step, Wants};

/// The worker's block for input. Nothing longer is read at once.
pub(crate) const INPUT_BYTES: usize = 16 * 1024;

/// How often a turn reads from one connection before it is another's turn: enough for a body to
/// flow past, block by block.
const READS_PER_TURN_MAX: usize = 4;

/// How much is read and thrown away after a closing answer, so that no reset overtakes it.
const LINGER_BYTES_MAX: u32 = 256 * 1024;

/// So much of a body has to arrive for its deadline to start again: a trickle is not progress.
const BODY_PROGRESS_BYTES: u16 = 4 * 1024;

/// What a worker lends to a connection for its turn.
pub(crate) struct Context<'a, K, R> {
    pub(crate) kernel: &'a mut K,
    pub(crate) shared: &'a Shared<R>,
    pub(crate) input: &'a mut [u8],
    pub(crate) out: &'a mut Output,
}

/// What becomes of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// There will be an event.
    Wait,
    /// There may be more to do of which no event will tell.
    Again,
    /// There is no memory for what it leaves over.
    Refuse,
    /// It is over.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Talking,
    /// The last answer is on its way.
    Closing,
    /// It was sent, and our side is shut: so many bytes may still come in.
    Lingering(u32),
}

/// One peer.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, not a state"
)]
pub(crate) struct Connection<S> {
    stream: S,
    session: Session,
    buffered: Option<Box<Buffered>>,
    stage: Stage,
    /// The conversation has made all it could of the input that is left over.
    wants_read: bool,
    /// The peer has ended its side: read on until the end is seen, no event will come for it.
    read_closed: bool,
    /// There is urgent data: a read stops before it, so that a short one has not emptied the socket.
    has_urgent: bool,
    /// It stands in the worker's list of those to be served again.
    pub(crate) queued: bool,
    /// It is over the limit, and was accepted only to be answered 503.
    pub(crate) rejected: bool,
    /// The kernel tells of room for it.
    watches_room: bool,
    /// In its last turn something was finished, so that its deadline begins again.
    progressed: bool,
    body_bytes: u16,
}

/// What an idle connection costs, besides its place in the table of deadlines. (In debug builds mio's
/// streams are longer.)
#[cfg(all(target_pointer_width = "64", not(debug_assertions)))]
const _: () = assert!(size_of::<Connection<mio::net::TcpStream>>() <= 80);

impl<S> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            session: Session::default(),
            buffered: None,
            stage: Stage::Talking,
            wants_read: true,
            read_closed: false,
            has_urgent: false,
            queued: false,
            rejected: false,
            watches_room: false,
            progressed: false,
            body_bytes: 0,
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The kernel says that the peer has ended its side, or has sent urgent data.
    pub(crate) fn on_event(&mut self, event: Event) {
        self.read_closed |= event.read_closed;
        self.has_urgent |= event.urgent;
    }

    /// Does a short read leave nothing in the socket? Not when an end of file is to come, or urgent
    /// data.
    fn short_read_drains(&self) -> bool {
        !self.read_closed && !self.has_urgent
    }

    /// What it waits for, and whether that wait starts again.
    pub(crate) fn waits_for(&mut self) -> (Timeout, bool) {
        let kind = match (self.stage, self.session.phase()) {
            (Stage::Lingering(_), _) => Timeout::Linger,
            _ if self.owes() => Timeout::Write,
            (_, Phase::Head) => Timeout::Head,
            (_, Phase::Body) => Timeout::Body,
            (_, Phase::Between) => Timeout::Idle,
        };
        let flows = self.body_bytes >= BODY_PROGRESS_BYTES;
        if self.progressed || flows {
            self.body_bytes = 0;
        }
        (kind, self.progressed || (kind == Timeout::Body && flows))
    }

    /// Is the peer taken to have ended its side?
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn is_read_closed(&self) -> bool {
        self.read_closed
    }

    /// How many bytes are held of this peer's input, and of the replies that it does not take.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        self.buffered
            .as_deref()
            .map_or((0, 0), Buffered::held_bytes)
    }

    /// How much memory it has taken from the worker's blocks.
    pub(crate) fn block_bytes(&self) -> usize {
        let left = self.buffered.as_deref();
        left.map_or(0, Buffered::block_bytes) + self.session.block_bytes()
    }

    /// Is there a reply that the peer has not taken?
    pub(crate) fn owes(&self) -> bool {
        self.buffered
            .as_ref()
            .is_some_and(|left| left.output.is_some())
    }

    /// Takes a turn: writes what is owed, then reads, answers and writes as much as is its share.
    #[inline]
    pub(crate) fn serve<K, R>(&mut self, token: Token, context: &mut Context<'_, K, R>) -> Next
    where
        K: Kernel<Stream = S>,
        R: Handler,
    {
        self.progressed = false;
        if self.buffered.is_some() && self.owes() {
            match self.send_rest(context.kernel) {
                // That was a turn's worth of replies; there may be more input to answer.
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
            Stage::Closing => self.shut(context.input, context.kernel, false),
            Stage::Lingering(left) => self.linger(left, context.input, context.kernel),
        }
    }

    /// Ends the conversation with a refusal that is the shell's own.
    pub(crate) fn refuse<K, R>(
        &mut self,
        reject: Reject,
        token: Token,
        context: &mut Context<'_, K, R>,
    ) -> Next
    where
        K: Kernel<Stream = S>,
        R: Handler,
    {
        debug_assert!(!self.owes(), "a slow reader is closed, and not refused");
        self.buffered = None;
        context.out.clear();
        let step = self.session.refuse(reject, context.shared, context.out);
        let block = std::mem::take(&mut context.input);
        self.hand_over(step, false, block, token, context)
            .unwrap_or(Next::Wait)
    }

    #[inline]
    fn talk<K, R>(&mut self, token: Token, context: &mut Context<'_, K, R>) -> Next
    where
        K: Kernel<Stream = S>,
        R: Handler,
    {
        let blocks = context.shared.blocks();
        let shared_block = std::mem::take(&mut context.input);
        let mut held = 0..0;
        let mut long = None;
        if let Some(buffered) = &mut self.buffered
            && let Some(input) = buffered.input.take()
        {
            match input.resume(shared_block, self.wants_read, blocks) {
                Some(Resumed::Copied { bytes }) => held.end = bytes,
                Some(Resumed::InPlace(input)) => {
                    held = input.start..input.block.len();
                    long = Some(input);
                }
                None => return Next::Refuse,
            }
        }
        let block = match &mut long {
            None => &mut *shared_block,
            Some(input) => input.block.own().unwrap_or_default(),
        };
        let (next, rest) = self.converse(block, held, token, context);
        match long {
            None => self.keep(next, &shared_block[rest], blocks),
            Some(input) => self.keep_in_place(next, input, rest, blocks),
        }
    }

    /// Reads into `block`, behind the input that it `held` before, and answers. Returns also where
    /// the rest of the input is.
    #[inline]
    fn converse<K, R>(
        &mut self,
        block: &mut [u8],
        held: Range<usize>,
        token: Token,
        context: &mut Context<'_, K, R>,
    ) -> (Next, Range<usize>)
    where
        K: Kernel<Stream = S>,
        R: Handler,
    {
        let Range { mut start, mut end } = held;
        for _ in 0..READS_PER_TURN_MAX {
            let mut drained = false;
            if self.wants_read {
                let room = &mut block[end..];
                let space = room.len();
                if space == 0 {
                    break;
                }
                match outcome(|| context.kernel.read(&mut self.stream, room)) {
                    Outcome::Done(0) => {
                        self.session.end();
                        return (Next::Close, 0..0);
                    }
                    Outcome::Done(read) => {
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
            context.out.clear();
            let step = self
                .session
                .advance(&block[start..end], context.shared, context.out);
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

    /// Writes what a step has brought and does as it wants; `block` is for input to be discarded.
    /// `None`: the turn goes on.
    #[inline]
    fn hand_over<K, R>(
        &mut self,
        step: Step,
        drained: bool,
        block: &mut [u8],
        token: Token,
        context: &mut Context<'_, K, R>,
    ) -> Option<Next>
    where
        K: Kernel<Stream = S>,
        R: Handler,
    {
        self.wants_read = step.wants == Wants::Input;
        if self.session.phase() == Phase::Body {
            let consumed = u16::try_from(step.consumed).unwrap_or(u16::MAX);
            self.body_bytes = self.body_bytes.saturating_add(consumed);
        }
        let closes = matches!(step.wants, Wants::Close(_));
        if closes {
            self.stage = Stage::Closing;
        }
        let answered = !context.out.bytes().is_empty();
        if answered {
            self.progressed = true;
            match self.send(token, context) {
                Outcome::Done(()) => {}
                Outcome::WouldBlock => return Some(Next::Wait),
                Outcome::Closed(()) => return Some(Next::Close),
            }
        }
        match step.wants {
            Wants::Close(_) => Some(self.shut(block, context.kernel, drained)),
            Wants::Input if drained => Some(Next::Wait),
            // After an answer it is another's turn, unless the end of input is still to be seen.
            Wants::Input if !answered => None,
            Wants::Input | Wants::Room => Some(Next::Again),
        }
    }

    #[inline]
    fn send<K, R>(&mut self, token: Token, context: &mut Context<'_, K, R>) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let bytes = context.out.bytes();
        let sent = match outcome(|| context.kernel.write(&mut self.stream, bytes)) {
            Outcome::Done(sent) if sent == bytes.len() => return Outcome::Done(()),
            Outcome::Done(sent) => sent,
            Outcome::WouldBlock => 0,
            Outcome::Closed(()) => return Outcome::Closed(()),
        };
        let Some(block) = context.shared.blocks().filled(&bytes[sent..]) else {
            return Outcome::Closed(());
        };
        let left = self.buffered.get_or_insert_default();
        left.owe(block);
        // Once is enough: a peer that was slow may be slow again, and for another there is no event.
        if self.watches_room {
            return Outcome::WouldBlock;
        }
        self.watches_room = true;
        match context.kernel.watch_room(&mut self.stream, token) {
            Ok(()) => Outcome::WouldBlock,
            Err(_) => Outcome::Closed(()),
        }
    }

    /// Goes on with a reply that the peer did not take at once.
    #[cold]
    fn send_rest<K>(&mut self, kernel: &mut K) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let Some(left) = &mut self.buffered else {
            return Outcome::Done(());
        };
        let Some(output) = &left.output else {
            return Outcome::Done(());
        };
        match outcome(|| kernel.write(&mut self.stream, &output.bytes()[left.sent..])) {
            Outcome::Done(sent) => left.sent += sent,
            Outcome::WouldBlock => return Outcome::WouldBlock,
            Outcome::Closed(()) => return Outcome::Closed(()),
        }
        if left.sent < output.len() {
            return Outcome::WouldBlock;
        }
        left.output = None;
        Outcome::Done(())
    }

    /// The closing answer was sent. To close at once, with input unread or yet to come, would send
    /// a reset, which can destroy the answer on its way (RFC 9112 section 9.6).
    fn shut<K>(&mut self, block: &mut [u8], kernel: &mut K, drained: bool) -> Next
    where
        K: Kernel<Stream = S>,
    {
        self.buffered = None;
        self.stage = Stage::Lingering(LINGER_BYTES_MAX);
        match outcome(|| kernel.shut(&mut self.stream)) {
            Outcome::Done(()) if drained => Next::Wait,
            Outcome::Done(()) => self.linger(LINGER_BYTES_MAX, block, kernel),
            Outcome::WouldBlock | Outcome::Closed(()) => Next::Close,
        }
    }

    /// Reads and discards at most `left` bytes.
    fn linger<K>(&mut self, mut left: u32, block: &mut [u8], kernel: &mut K) -> Next
    where
        K: Kernel<Stream = S>,
    {
        for _ in 0..READS_PER_TURN_MAX {
            match outcome(|| kernel.read(&mut self.stream, block)) {
                Outcome::Done(0) | Outcome::Closed(()) => return Next::Close,
                Outcome::Done(read) => {
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
        if self.stage == Stage::Talking {
            self.buffered.get_or_insert_default().input = Some(input);
        }
        next
    }

    /// Keeps what a turn has left of the input, unless nothing more is read. With nothing left of
    /// either direction, no memory is kept at all.
    #[inline]
    fn keep(&mut self, next: Next, rest: &[u8], blocks: &Blocks) -> Next {
        if !rest.is_empty() && next != Next::Close && self.stage == Stage::Talking {
            let Some(block) = blocks.filled(rest) else {
                // In the middle of a reply there is nothing to say.
                return if self.owes() {
                    Next::Close
                } else {
                    Next::Refuse
                };
            };
            self.buffered.get_or_insert_default().input = Some(Input { block, start: 0 });
        } else if self.buffered.is_some() && !self.owes() {
            self.buffered = None;
        }
        next
    }
}

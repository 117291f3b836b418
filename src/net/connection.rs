//! A socket, its conversation, and what is left over of either direction.
//!
//! The blocks that bytes are read into and written from belong to the worker. Only what a turn
//! could not finish moves in here: half a head, or a reply that the peer does not take. So an idle
//! connection owns no buffer at all.

use std::ops::Range;

use super::deadlines::Kind;
use super::kernel::{Event, Kernel, Outcome, Token, outcome};
use super::leftovers::{Input, Leftovers};
use crate::http::{Blocks, Output, Phase, Reject, Respond, Service, Session, Step, Wants};

/// The worker's block for input. Nothing longer is read at once.
pub(crate) const INPUT_BYTES: usize = 16 * 1024;

/// A left-over of at most so many bytes is copied into the worker's block in each turn. A longer one
/// is read on in its own, for copying it again and again would take a long head quadratic time.
const COPY_BYTES_MAX: usize = 4 * 1024;

const _: () = assert!(COPY_BYTES_MAX < INPUT_BYTES);

/// How often a turn reads from one connection before it is another's turn: enough for a body to
/// flow past, block by block.
const READS_PER_TURN_MAX: usize = 4;

/// How much is read and thrown away after a closing answer, so that no reset overtakes it.
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// So much of a body has to come for its deadline to begin again: trickling is no progress.
const BODY_PROGRESS_BYTES: usize = 4 * 1024;

/// What a worker lends to the connection whose turn it is.
pub(crate) struct Desk<'a, K, R> {
    pub(crate) kernel: &'a mut K,
    pub(crate) service: &'a Service<R>,
    pub(crate) input: &'a mut [u8],
    pub(crate) out: &'a mut Output,
}

/// What becomes of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Fate {
    /// There will be an event.
    Wait,
    /// There may be more to do of which no event will tell.
    Again,
    /// It is over.
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Talking,
    /// The last answer is on its way.
    Closing,
    /// It was sent, and our side is shut: so much may still come in.
    Lingering(usize),
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
    leftovers: Option<Box<Leftovers>>,
    stage: Stage,
    /// The conversation has made all it could of the input that is left over.
    hungry: bool,
    /// The peer has ended its side: read on until the end is seen, no event will come for it.
    read_closed: bool,
    /// There is urgent data: a read stops before it, so that a short one has not emptied the socket.
    has_urgent: bool,
    /// It stands in the worker's list of those to be served again.
    pub(crate) queued: bool,
    /// It came when the house was full, and is let in only to be told so.
    pub(crate) turned_away: bool,
    /// The kernel tells of room for it.
    watches_room: bool,
    /// In its last turn something was finished, so that its deadline begins again.
    moved: bool,
    body_bytes: u32,
}

impl<S> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            session: Session::default(),
            leftovers: None,
            stage: Stage::Talking,
            hungry: true,
            read_closed: false,
            has_urgent: false,
            queued: false,
            turned_away: false,
            watches_room: false,
            moved: false,
            body_bytes: 0,
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The kernel says that the peer has ended its side, or has sent urgent data.
    pub(crate) fn note_event(&mut self, event: Event) {
        self.read_closed |= event.read_closed;
        self.has_urgent |= event.urgent;
    }

    /// Does a short read leave nothing in the socket? Not when an end of file is to come, or urgent
    /// data.
    fn short_read_drains(&self) -> bool {
        !self.read_closed && !self.has_urgent
    }

    /// What it is waited for, and whether that wait begins anew.
    pub(crate) fn waits_for(&mut self) -> (Kind, bool) {
        let kind = match (self.stage, self.session.phase()) {
            (Stage::Lingering(_), _) => Kind::Linger,
            _ if self.owes() => Kind::Write,
            (_, Phase::Head) => Kind::Head,
            (_, Phase::Body) => Kind::Body,
            (_, Phase::Between) => Kind::Idle,
        };
        let flows = self.body_bytes as usize >= BODY_PROGRESS_BYTES;
        if self.moved || flows {
            self.body_bytes = 0;
        }
        (kind, self.moved || (kind == Kind::Body && flows))
    }

    /// Is the peer taken to have ended its side?
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn is_read_closed(&self) -> bool {
        self.read_closed
    }

    /// How many bytes are held of this peer's input, and of the replies that it does not take.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        self.leftovers
            .as_deref()
            .map_or((0, 0), Leftovers::held_bytes)
    }

    /// How much memory it has taken from the worker's blocks.
    pub(crate) fn block_bytes(&self) -> usize {
        let left = self.leftovers.as_deref();
        left.map_or(0, Leftovers::block_bytes) + self.session.block_bytes()
    }

    fn owes(&self) -> bool {
        self.leftovers
            .as_ref()
            .is_some_and(|left| left.output.is_some())
    }

    /// Takes a turn: writes what is owed, then reads, answers and writes as much as is its share.
    #[inline]
    pub(crate) fn serve<K, R>(&mut self, token: Token, desk: &mut Desk<'_, K, R>) -> Fate
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        self.moved = false;
        if self.leftovers.is_some() && self.owes() {
            match self.send_rest(desk.kernel) {
                // That was a turn's worth of replies; there may be more input to answer.
                Outcome::Done(()) if self.stage == Stage::Talking => {
                    self.moved = true;
                    return Fate::Again;
                }
                Outcome::Done(()) => {}
                Outcome::Later => return Fate::Wait,
                Outcome::Lost => return Fate::Drop,
            }
        }
        match self.stage {
            Stage::Talking => self.talk(token, desk),
            Stage::Closing => self.shut(desk.input, desk.kernel, false),
            Stage::Lingering(left) => self.linger(left, desk.input, desk.kernel),
        }
    }

    /// Ends the conversation with a refusal that is the shell's own.
    pub(crate) fn refuse<K, R>(
        &mut self,
        reject: Reject,
        token: Token,
        desk: &mut Desk<'_, K, R>,
    ) -> Fate
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        debug_assert!(!self.owes(), "a slow reader is closed, and not refused");
        self.leftovers = None;
        desk.out.clear();
        let step = self.session.refuse(reject, desk.service, desk.out);
        let block = std::mem::take(&mut desk.input);
        self.hand_over(step, false, block, token, desk)
            .unwrap_or(Fate::Wait)
    }

    #[inline]
    fn talk<K, R>(&mut self, token: Token, desk: &mut Desk<'_, K, R>) -> Fate
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        if let Some(left) = &mut self.leftovers
            && let Some(input) = left.input.take()
        {
            return self.talk_on(input, token, desk);
        }
        let block = std::mem::take(&mut desk.input);
        let (fate, rest) = self.converse(block, 0..0, token, desk);
        self.keep(fate, &block[rest], desk.service.blocks())
    }

    /// Goes on with a conversation of which input is left over.
    #[cold]
    fn talk_on<K, R>(&mut self, mut input: Input, token: Token, desk: &mut Desk<'_, K, R>) -> Fate
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        let blocks = desk.service.blocks();
        let held = input.len();
        if held <= COPY_BYTES_MAX {
            let block = std::mem::take(&mut desk.input);
            block[..held].copy_from_slice(&input.block.bytes()[input.start..]);
            drop(input);
            let (fate, rest) = self.converse(block, 0..held, token, desk);
            return self.keep(fate, &block[rest], blocks);
        }
        if self.hungry && input.block.len() == input.block.capacity() {
            // A head that is not whole, and not too long yet.
            let grown = blocks.with_capacity(2 * held, &input.block.bytes()[input.start..]);
            let Some(block) = grown else {
                return Fate::Drop;
            };
            input = Input { block, start: 0 };
        }
        let held = input.start..input.block.len();
        let Some(block) = input.block.own() else {
            debug_assert!(false, "a block of that size is shared with no other");
            return Fate::Drop;
        };
        let (fate, rest) = self.converse(block, held, token, desk);
        if rest.len() <= COPY_BYTES_MAX {
            let rest = &block[rest];
            return self.keep(fate, rest, blocks);
        }
        input.block.set_len(rest.end);
        input.start = rest.start;
        if self.stage == Stage::Talking {
            self.leftovers.get_or_insert_default().input = Some(input);
        }
        fate
    }

    /// Reads into `block`, behind the input that it `held` before, and answers. Returns also where
    /// the rest of the input is.
    #[inline]
    fn converse<K, R>(
        &mut self,
        block: &mut [u8],
        held: Range<usize>,
        token: Token,
        desk: &mut Desk<'_, K, R>,
    ) -> (Fate, Range<usize>)
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        let Range { mut start, mut end } = held;
        for _ in 0..READS_PER_TURN_MAX {
            let mut drained = false;
            if self.hungry {
                let room = &mut block[end..];
                let space = room.len();
                if space == 0 {
                    break;
                }
                match outcome(|| desk.kernel.read(&mut self.stream, room)) {
                    Outcome::Done(0) => {
                        self.session.end();
                        return (Fate::Drop, 0..0);
                    }
                    Outcome::Done(read) => {
                        drained = read < space && self.short_read_drains();
                        end += read;
                    }
                    Outcome::Later => {
                        self.has_urgent = false;
                        return (Fate::Wait, start..end);
                    }
                    Outcome::Lost => return (Fate::Drop, 0..0),
                }
            }
            desk.out.clear();
            let step = self
                .session
                .advance(&block[start..end], desk.service, desk.out);
            start += step.consumed;
            if let Some(fate) = self.hand_over(step, drained, block, token, desk) {
                return (fate, start..end);
            }
            if start == end {
                (start, end) = (0, 0);
            }
        }
        (Fate::Again, start..end)
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
        desk: &mut Desk<'_, K, R>,
    ) -> Option<Fate>
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        self.hungry = step.wants == Wants::Input;
        if self.session.phase() == Phase::Body {
            self.body_bytes = self.body_bytes.saturating_add(step.consumed as u32);
        }
        let closes = matches!(step.wants, Wants::Close(_));
        if closes {
            self.stage = Stage::Closing;
        }
        let answered = !desk.out.bytes().is_empty();
        if answered {
            self.moved = true;
            match self.send(token, desk) {
                Outcome::Done(()) => {}
                Outcome::Later => return Some(Fate::Wait),
                Outcome::Lost => return Some(Fate::Drop),
            }
        }
        match step.wants {
            Wants::Close(_) => Some(self.shut(block, desk.kernel, drained)),
            Wants::Input if drained => Some(Fate::Wait),
            // After an answer it is another's turn, unless the end of input is still to be seen.
            Wants::Input if !answered => None,
            Wants::Input | Wants::Room => Some(Fate::Again),
        }
    }

    #[inline]
    fn send<K, R>(&mut self, token: Token, desk: &mut Desk<'_, K, R>) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let bytes = desk.out.bytes();
        let sent = match outcome(|| desk.kernel.write(&mut self.stream, bytes)) {
            Outcome::Done(sent) if sent == bytes.len() => return Outcome::Done(()),
            Outcome::Done(sent) => sent,
            Outcome::Later => 0,
            Outcome::Lost => return Outcome::Lost,
        };
        let Some(block) = desk.service.blocks().filled(&bytes[sent..]) else {
            return Outcome::Lost;
        };
        let left = self.leftovers.get_or_insert_default();
        left.owe(block);
        // Once is enough: whoever was slow may be slow again, and whoever is not is told nothing.
        if self.watches_room {
            return Outcome::Later;
        }
        self.watches_room = true;
        match desk.kernel.watch_room(&mut self.stream, token) {
            Ok(()) => Outcome::Later,
            Err(_) => Outcome::Lost,
        }
    }

    /// Goes on with a reply that the peer did not take at once.
    #[cold]
    fn send_rest<K>(&mut self, kernel: &mut K) -> Outcome<()>
    where
        K: Kernel<Stream = S>,
    {
        let Some(left) = &mut self.leftovers else {
            return Outcome::Done(());
        };
        let Some(output) = &left.output else {
            return Outcome::Done(());
        };
        match outcome(|| kernel.write(&mut self.stream, &output.bytes()[left.sent..])) {
            Outcome::Done(sent) => left.sent += sent,
            Outcome::Later => return Outcome::Later,
            Outcome::Lost => return Outcome::Lost,
        }
        if left.sent < output.len() {
            return Outcome::Later;
        }
        left.output = None;
        Outcome::Done(())
    }

    /// The closing answer was sent. To close at once, with input unread or yet to come, would send
    /// a reset, which can destroy the answer on its way (RFC 9112 section 9.6).
    fn shut<K>(&mut self, block: &mut [u8], kernel: &mut K, drained: bool) -> Fate
    where
        K: Kernel<Stream = S>,
    {
        self.leftovers = None;
        self.stage = Stage::Lingering(LINGER_BYTES_MAX);
        match outcome(|| kernel.shut(&mut self.stream)) {
            Outcome::Done(()) if drained => Fate::Wait,
            Outcome::Done(()) => self.linger(LINGER_BYTES_MAX, block, kernel),
            Outcome::Later | Outcome::Lost => Fate::Drop,
        }
    }

    /// Reads and discards at most `left` bytes.
    fn linger<K>(&mut self, mut left: usize, block: &mut [u8], kernel: &mut K) -> Fate
    where
        K: Kernel<Stream = S>,
    {
        for _ in 0..READS_PER_TURN_MAX {
            match outcome(|| kernel.read(&mut self.stream, block)) {
                Outcome::Done(0) | Outcome::Lost => return Fate::Drop,
                Outcome::Done(read) if read >= left => return Fate::Drop,
                Outcome::Done(read) => {
                    left -= read;
                    self.stage = Stage::Lingering(left);
                    if read < block.len() && self.short_read_drains() {
                        return Fate::Wait;
                    }
                }
                Outcome::Later => {
                    self.has_urgent = false;
                    return Fate::Wait;
                }
            }
        }
        Fate::Again
    }

    /// Keeps what a turn has left of the input, unless nothing more is read. With nothing left of
    /// either direction, no memory is kept at all.
    #[inline]
    fn keep(&mut self, fate: Fate, rest: &[u8], blocks: &Blocks) -> Fate {
        if !rest.is_empty() && fate != Fate::Drop && self.stage == Stage::Talking {
            let Some(block) = blocks.filled(rest) else {
                return Fate::Drop;
            };
            self.leftovers.get_or_insert_default().input = Some(Input { block, start: 0 });
        } else if self.leftovers.is_some() && !self.owes() {
            self.leftovers = None;
        }
        fate
    }
}

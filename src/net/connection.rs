//! A socket, its conversation, and what is left over of either direction.
//!
//! The blocks that bytes are read into and written from belong to the worker. Only what a turn
//! could not finish moves in here: half a head, or a reply that the peer does not take. So an idle
//! connection owns no buffer at all.

use super::deadlines::Kind;
use super::kernel::{Kernel, Outcome, Token, outcome};
use crate::http::{Output, Phase, Reject, Respond, Service, Session, Step, Wants};

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
    /// Longer than the longest head: a conversation that wants input always has room for it.
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

/// What a turn could not finish.
#[derive(Debug, Default)]
struct Leftovers {
    input: Box<[u8]>,
    output: Box<[u8]>,
    /// So much of the output has been sent.
    sent: usize,
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

    /// The kernel says that the peer has ended its side.
    pub(crate) fn note_read_closed(&mut self) {
        self.read_closed = true;
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

    /// What is held of this peer's input, and what it is owed.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        let left = self.leftovers.as_deref();
        left.map_or((0, 0), |left| (left.input.len(), left.output.len()))
    }

    fn owes(&self) -> bool {
        self.leftovers
            .as_ref()
            .is_some_and(|left| left.sent < left.output.len())
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
            Stage::Closing => self.shut(desk, false),
            Stage::Lingering(left) => self.linger(left, desk),
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
        self.hand_over(step, 0, false, token, desk)
            .unwrap_or(Fate::Wait)
    }

    #[inline]
    fn talk<K, R>(&mut self, token: Token, desk: &mut Desk<'_, K, R>) -> Fate
    where
        K: Kernel<Stream = S>,
        R: Respond,
    {
        let mut len = self.take_input(desk.input);
        for _ in 0..READS_PER_TURN_MAX {
            let mut drained = false;
            if self.hungry {
                let block = &mut desk.input[len..];
                let space = block.len();
                debug_assert!(space > 0, "a full block reads as the end of file");
                match outcome(|| desk.kernel.read(&mut self.stream, block)) {
                    Outcome::Done(0) => {
                        self.session.end();
                        return Fate::Drop;
                    }
                    Outcome::Done(read) => {
                        // A short read has emptied the socket, but for an end that was announced.
                        drained = read < space && !self.read_closed;
                        len += read;
                    }
                    Outcome::Later => {
                        self.keep_input(&desk.input[..len]);
                        return Fate::Wait;
                    }
                    Outcome::Lost => return Fate::Drop,
                }
            }
            desk.out.clear();
            let step = self
                .session
                .advance(&desk.input[..len], desk.service, desk.out);
            if let Some(fate) = self.hand_over(step, len, drained, token, desk) {
                return fate;
            }
            len -= step.consumed;
            desk.input
                .copy_within(step.consumed..step.consumed + len, 0);
        }
        self.keep_input(&desk.input[..len]);
        Fate::Again
    }

    /// Writes what a step has brought and does as it wants. `None`: the turn goes on.
    #[inline]
    fn hand_over<K, R>(
        &mut self,
        step: Step,
        len: usize,
        drained: bool,
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
                // After a closing answer nothing more is read, so nothing is kept.
                Outcome::Later if closes => return Some(Fate::Wait),
                Outcome::Later => {
                    self.keep_input(&desk.input[step.consumed..len]);
                    return Some(Fate::Wait);
                }
                Outcome::Lost => return Some(Fate::Drop),
            }
        }
        let fate = match step.wants {
            Wants::Close(_) => return Some(self.shut(desk, drained)),
            Wants::Input if drained => Fate::Wait,
            // Whoever was answered has had a turn, unless the end of input is still to be seen.
            Wants::Input if !answered => return None,
            Wants::Input | Wants::Room => Fate::Again,
        };
        self.keep_input(&desk.input[step.consumed..len]);
        Some(fate)
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
        let left = self.leftovers.get_or_insert_default();
        left.output = bytes[sent..].into();
        left.sent = 0;
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
        match outcome(|| kernel.write(&mut self.stream, &left.output[left.sent..])) {
            Outcome::Done(sent) => left.sent += sent,
            Outcome::Later => return Outcome::Later,
            Outcome::Lost => return Outcome::Lost,
        }
        if left.sent < left.output.len() {
            return Outcome::Later;
        }
        left.output = Box::default();
        left.sent = 0;
        Outcome::Done(())
    }

    /// The closing answer was sent. To close at once, with input unread or yet to come, would send
    /// a reset, which can destroy the answer on its way (RFC 9112 section 9.6).
    fn shut<K, R>(&mut self, desk: &mut Desk<'_, K, R>, drained: bool) -> Fate
    where
        K: Kernel<Stream = S>,
    {
        self.leftovers = None;
        self.stage = Stage::Lingering(LINGER_BYTES_MAX);
        match outcome(|| desk.kernel.shut(&mut self.stream)) {
            Outcome::Done(()) if drained => Fate::Wait,
            Outcome::Done(()) => self.linger(LINGER_BYTES_MAX, desk),
            Outcome::Later | Outcome::Lost => Fate::Drop,
        }
    }

    fn linger<K, R>(&mut self, mut left: usize, desk: &mut Desk<'_, K, R>) -> Fate
    where
        K: Kernel<Stream = S>,
    {
        for _ in 0..READS_PER_TURN_MAX {
            match outcome(|| desk.kernel.read(&mut self.stream, desk.input)) {
                Outcome::Done(0) | Outcome::Lost => return Fate::Drop,
                Outcome::Done(read) if read >= left => return Fate::Drop,
                Outcome::Done(read) => {
                    left -= read;
                    self.stage = Stage::Lingering(left);
                    if read < desk.input.len() && !self.read_closed {
                        return Fate::Wait;
                    }
                }
                Outcome::Later => return Fate::Wait,
            }
        }
        Fate::Again
    }

    /// Moves what was left over of the input into the block.
    #[inline]
    fn take_input(&mut self, block: &mut [u8]) -> usize {
        let Some(left) = &mut self.leftovers else {
            return 0;
        };
        let input = std::mem::take(&mut left.input);
        block[..input.len()].copy_from_slice(&input);
        input.len()
    }

    /// Keeps what a turn has left of the input, in a buffer that is just as long. With nothing left
    /// of either direction, no buffer is kept at all.
    #[inline]
    fn keep_input(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            self.leftovers.get_or_insert_default().input = rest.into();
        } else if self.leftovers.is_some() && !self.owes() {
            self.leftovers = None;
        }
    }
}

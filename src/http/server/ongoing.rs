//! A response that takes longer than the turn of its request: it is delayed, comes from another
//! thread, or its content is produced piece by piece.

use std::fmt;
use std::time::Duration;

use super::super::grammar::connection::Persistence;
use super::completion::Awaited;
use super::form::{Form, Written};
use super::held_request::HeldRequest;
use super::output::Output;
use super::response_value::Response;
use super::source::{Piece, Produced, Source};
use super::status::Status;
use super::step::Reason;

/// A source is asked so often in one turn, and no more when less room is left.
const PIECES_PER_TURN_MAX: usize = 64;
const PIECE_BYTES_MIN: usize = 1024;
/// The longest chunk: four digits of length.
const CHUNK_BYTES_MAX: usize = 0xFFFF;
/// What a chunk takes beside its data, the last chunk included.
const CHUNK_OVERHEAD: usize = b"ffff\r\n\r\n0\r\n\r\n".len();

/// A response that is not finished.
#[derive(Debug)]
pub(super) struct Ongoing {
    pub(super) form: Form,
    stage: Stage,
    /// The wait of a delay has begun, and has not ended.
    is_asleep: bool,
    /// A wait that the shell has not heard of.
    delay: Option<Duration>,
    /// When that wait ends, by the shell's clock.
    timer: Option<u64>,
    /// Its request, if there is an observer.
    pub(super) request: Option<HeldRequest>,
}

enum Stage {
    /// To be written, after a delay perhaps.
    Ready(Response),
    /// Taken from its `Ready`.
    Taken,
    Awaited(Awaited),
    Sending(Sending),
    Abort(Reason),
}

impl fmt::Debug for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ready(_) => "Ready",
            Self::Taken => "Taken",
            Self::Awaited(_) => "Awaited",
            Self::Sending(_) => "Sending",
            Self::Abort(_) => "Abort",
        })
    }
}

/// Content that is being sent.
pub(super) struct Sending {
    source: Box<dyn Source>,
    coding: Coding,
    status: Status,
    /// How much has been sent, without the framing.
    content_bytes: u64,
}

/// How the end of the content is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Coding {
    /// So much is left of the announced length.
    Length(u64),
    Chunked,
    /// By the end of the connection.
    Close,
}

/// How far a response came.
pub(super) enum Polled {
    /// The response is there, to be written.
    Ready(Response),
    Done(Written),
    /// There is more, once the peer has taken what is in the output.
    Room,
    /// It goes on after a wake-up.
    Wakeup,
    Closed(Reason),
}

impl Ongoing {
    fn new(form: Form, stage: Stage, delay: Option<Duration>) -> Self {
        Self {
            form,
            stage,
            is_asleep: delay.is_some(),
            delay,
            timer: None,
            request: None,
        }
    }

    pub(super) fn delayed(form: Form, response: Response, delay: Duration) -> Self {
        Self::new(form, Stage::Ready(response), Some(delay))
    }

    pub(super) fn ready(form: Form, response: Response) -> Self {
        Self::new(form, Stage::Ready(response), None)
    }

    pub(super) fn awaited(form: Form, awaited: Awaited) -> Self {
        Self::new(form, Stage::Awaited(awaited), None)
    }

    pub(super) fn sending(form: Form, sending: Sending) -> Self {
        Self::new(form, Stage::Sending(sending), None)
    }

    pub(super) fn abort(form: Form, reason: Reason, delay: Option<Duration>) -> Self {
        Self::new(form, Stage::Abort(reason), delay)
    }

    /// How the connection ends when the rest of the response cannot be sent. `None`: nothing has been
    /// sent of it.
    pub(super) fn failure(&self) -> Option<Reason> {
        match &self.stage {
            Stage::Sending(sending) => Some(sending.failure()),
            Stage::Abort(reason) => Some(*reason),
            Stage::Ready(_) | Stage::Awaited(_) | Stage::Taken => None,
        }
    }

    /// What has been sent of the response: the status, if it was begun, and so much content.
    pub(super) fn sent(&self) -> (Option<Status>, u64) {
        match &self.stage {
            Stage::Sending(sending) => (Some(sending.status), sending.content_bytes),
            Stage::Ready(_) | Stage::Awaited(_) | Stage::Taken | Stage::Abort(_) => (None, 0),
        }
    }

    /// How much memory it has taken from the blocks.
    pub(super) fn block_bytes(&self) -> usize {
        let request = self.request.as_ref();
        request.map_or(0, |request| request.head.capacity())
    }

    /// A source may have more.
    pub(super) fn wake(&mut self) {
        if let Stage::Sending(_) = self.stage {
            self.is_asleep = false;
        }
    }

    pub(super) fn take_delay(&mut self) -> Option<Duration> {
        self.delay.take()
    }

    pub(super) fn set_timer(&mut self, due: u64) {
        self.timer = Some(due);
    }

    pub(super) fn has_timer(&self, due: u64) -> bool {
        self.is_asleep && self.timer == Some(due)
    }

    /// A timer of the shell has ended. Was it this one's?
    pub(super) fn fire(&mut self, due: u64) -> bool {
        let is_own = self.has_timer(due);
        self.is_asleep &= !is_own;
        is_own
    }

    /// Goes on, as far as it can.
    pub(super) fn poll(&mut self, out: &mut Output) -> Polled {
        if self.is_asleep {
            return Polled::Wakeup;
        }
        if let Stage::Sending(sending) = &mut self.stage {
            let polled = sending.send(self.form.persistence, &mut self.delay, out);
            self.is_asleep = self.delay.is_some();
            return polled;
        }
        match std::mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Ready(response) => Polled::Ready(response),
            Stage::Awaited(awaited) => {
                let Some(response) = awaited.take() else {
                    self.stage = Stage::Awaited(awaited);
                    return Polled::Wakeup;
                };
                Polled::Ready(response)
            }
            Stage::Abort(reason) => Polled::Closed(reason),
            // It was taken to be written, and its writer has put another stage in its place.
            Stage::Sending(_) | Stage::Taken => Polled::Closed(Reason::ResponseFailed),
        }
    }
}

impl Sending {
    pub(super) fn new(source: Box<dyn Source>, coding: Coding, status: Status) -> Self {
        Self {
            source,
            coding,
            status,
            content_bytes: 0,
        }
    }

    /// It has ended.
    fn done(&self, persistence: Persistence) -> Polled {
        Polled::Done(Written {
            persistence,
            status: self.status,
            content_bytes: self.content_bytes,
        })
    }

    /// Asks the source for what the output has room for.
    fn send(
        &mut self,
        persistence: Persistence,
        delay: &mut Option<Duration>,
        out: &mut Output,
    ) -> Polled {
        for _ in 0..PIECES_PER_TURN_MAX {
            if let Coding::Length(0) = self.coding {
                return self.done(persistence);
            }
            let room = out.room().saturating_sub(CHUNK_OVERHEAD);
            if room < PIECE_BYTES_MIN {
                return Polled::Room;
            }
            match (self.piece(room, out), self.coding) {
                (Produced::More, _) => {}
                (Produced::End, Coding::Chunked) => {
                    out.push(b"0\r\n\r\n");
                    return self.done(persistence);
                }
                (Produced::End, Coding::Length(0)) => return self.done(persistence),
                (Produced::End, Coding::Close) => return self.done(Persistence::Close),
                (Produced::Wait, _) => return Polled::Wakeup,
                (Produced::WaitFor(time), _) => {
                    *delay = Some(time);
                    return Polled::Wakeup;
                }
                (Produced::Reset, _) => return Polled::Closed(Reason::Reset),
                (Produced::End, Coding::Length(_)) | (Produced::Failed, _) => {
                    return Polled::Closed(self.failure());
                }
            }
        }
        Polled::Room
    }

    /// Appends one piece of at most `room` bytes, framed.
    fn piece(&mut self, room: usize, out: &mut Output) -> Produced {
        out.mark();
        let most = match self.coding {
            Coding::Close => room,
            Coding::Length(left) => usize::try_from(left).map_or(room, |left| left.min(room)),
            Coding::Chunked => room.min(CHUNK_BYTES_MAX),
        };
        let is_chunked = matches!(self.coding, Coding::Chunked);
        let chunk = is_chunked.then(|| out.begin_chunk());
        let start = out.len();
        let produced = self.source.produce(&mut Piece::new(out, most));
        let bytes = (out.len() - start) as u64;
        if let Some(chunk) = chunk {
            out.end_chunk(chunk);
        }
        if let Coding::Length(left) = &mut self.coding {
            *left -= bytes;
        }
        self.content_bytes += bytes;
        produced
    }

    /// How the connection ends when the source fails: so that the peer sees it.
    fn failure(&self) -> Reason {
        match self.coding {
            Coding::Close => Reason::Reset,
            Coding::Length(_) | Coding::Chunked => Reason::ResponseFailed,
        }
    }
}

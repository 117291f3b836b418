//! One connection: what is in flight on it, and the bytes that a turn left over.
//!
//! A batch is written at once and read to its end before the next: at any time the places
//! `next..end` of a batch are in flight. The block that is read into belongs to the thread; only
//! half a head moves in here.

use std::time::Instant;

use mio::{Registry, Token};

use super::error::ErrorKind;
use super::pace::Pace;
use super::plan::Plan;
use super::response::{Answer, Reader};
use super::spread::Slot;
use super::stream::Stream;
use super::tally::Tally;
use crate::http::client::{Memo, ProtocolError};
use crate::net::kernel::Outcome;

/// How often a turn reads from one connection before it is another's turn.
const READS_PER_TURN_MAX: usize = 8;

/// What a thread lends to the connection whose turn it is.
pub(super) struct Desk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) registry: &'a Registry,
    /// Longer than the longest head.
    pub(super) block: &'a mut [u8],
    pub(super) memo: &'a mut Memo,
    pub(super) tally: &'a mut Tally,
    pub(super) clock: Clock,
    /// The last time that was read.
    pub(super) now: u64,
    /// From one request of a batch to the next, in the open model; else 0.
    pub(super) interval: u64,
    /// What connecting failed of, in the system's words.
    pub(super) complaint: &'a mut Option<String>,
}

/// Nanoseconds since the run began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[inline]
    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Turn {
    /// There will be an event.
    Wait,
    /// There may be more to read, of which no event will tell.
    Again,
    /// Everything was answered.
    Free,
    /// What is in flight has failed.
    Failed(ErrorKind),
}

#[derive(Debug, Default)]
pub(super) struct Connection {
    stream: Option<Stream>,
    /// The first byte was taken.
    is_open: bool,
    /// The server has ended its side: no event will come for the end.
    end_follows: bool,
    opened_at: u64,
    reader: Reader,
    /// Half a head.
    left: Vec<u8>,
    /// When the batch was sent, or its first request was due.
    since: u64,
    next: usize,
    end: usize,
    /// So much of the batch's bytes was taken.
    written: usize,
    pub(super) pace: Pace,
    /// Of this run, over all its streams.
    pub(super) slot: Slot,
}

impl Connection {
    #[inline]
    pub(super) fn in_flight(&self) -> usize {
        self.end - self.next
    }

    /// When the oldest request in flight was sent, or due.
    pub(super) fn oldest(&self, interval: u64) -> u64 {
        self.since + self.next as u64 * interval
    }

    /// Sends the first `count` requests of the batch, counted from `since`.
    #[inline]
    pub(super) fn send(
        &mut self,
        token: Token,
        (since, count): (u64, usize),
        desk: &mut Desk<'_>,
    ) -> Turn {
        debug_assert!(self.in_flight() == 0 && count > 0);
        self.since = since;
        self.next = 0;
        self.end = count;
        self.written = 0;
        self.go_on(token, desk)
    }

    /// Everything in flight is given up, and the connection with it. Returns how much that was.
    pub(super) fn give_up(&mut self) -> usize {
        let lost = self.in_flight();
        self.next = self.end;
        self.hang_up();
        lost
    }

    /// Gives up what is in flight, when there is something. Returns how much that was.
    pub(super) fn give_up_if_busy(&mut self) -> u64 {
        if self.in_flight() > 0 {
            self.give_up() as u64
        } else {
            0
        }
    }

    /// An event has come: there is room to write, or something to read, perhaps with the end
    /// behind it.
    #[inline]
    pub(super) fn heed(
        &mut self,
        token: Token,
        readable: bool,
        end_follows: bool,
        desk: &mut Desk<'_>,
    ) -> Turn {
        self.end_follows |= end_follows;
        if self.written < desk.plan.batch.start(self.end)
            && self.in_flight() > 0
            && let turn @ (Turn::Free | Turn::Failed(_) | Turn::Again) = self.write(token, desk)
        {
            return turn;
        }
        if readable || self.end_follows {
            self.read(token, desk)
        } else {
            Turn::Wait
        }
    }

    /// Writes what is in flight and not written, on a new connection if there is none.
    #[inline]
    fn go_on(&mut self, token: Token, desk: &mut Desk<'_>) -> Turn {
        if self.stream.is_none()
            && let Err(fault) = self.open(token, desk)
        {
            return Turn::Failed(fault);
        }
        self.write(token, desk)
    }

    fn open(&mut self, token: Token, desk: &mut Desk<'_>) -> Result<(), ErrorKind> {
        self.is_open = false;
        self.end_follows = false;
        self.opened_at = desk.clock.now();
        // Who was refused goes on at once, but not for ever at the same time.
        desk.now = self.opened_at;
        self.reader = Reader::default();
        let opened = Stream::open(&desk.plan.destination, desk.registry, token);
        self.stream = Some(opened.map_err(|error| desk.complain(&error))?);
        Ok(())
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.reader = Reader::default();
        self.left = Vec::new();
    }

    #[inline]
    fn write(&mut self, token: Token, desk: &mut Desk<'_>) -> Turn {
        let Some(stream) = &mut self.stream else {
            return Turn::Wait;
        };
        let end = desk.plan.batch.start(self.end);
        match stream.write(desk.plan.batch.bytes(self.written, end)) {
            Outcome::Done(written) => {
                self.written += written;
                if !self.is_open {
                    self.is_open = true;
                    desk.tally.opened += 1;
                    let took = desk.clock.now().saturating_sub(self.opened_at);
                    desk.tally.connect.record(took, 1);
                }
                Turn::Wait
            }
            Outcome::WouldBlock => Turn::Wait,
            Outcome::Closed(error) if !self.is_open => Turn::Failed(desk.complain(&error)),
            // Whoever refuses a long request says so before the end of it: read that first.
            Outcome::Closed(_) => {
                self.end_follows = true;
                match self.read(token, desk) {
                    Turn::Wait => Turn::Failed(ErrorKind::Reset),
                    turn => turn,
                }
            }
        }
    }

    /// Reads until the socket is empty. After a read that did not fill the block it is, unless the
    /// end is known to follow.
    #[inline]
    fn read(&mut self, token: Token, desk: &mut Desk<'_>) -> Turn {
        for _ in 0..READS_PER_TURN_MAX {
            let Some(stream) = &mut self.stream else {
                return Turn::Wait;
            };
            let kept = self.left.len();
            if kept > 0 {
                desk.block[..kept].copy_from_slice(&self.left);
                self.left.clear();
            }
            let space = &mut desk.block[kept..];
            let room = space.len();
            debug_assert!(room > 0, "a full block reads as the end of file");
            match stream.read(space) {
                Outcome::Done(0) => return self.end(token, kept, desk),
                Outcome::Done(read) => {
                    desk.tally.received_bytes += read as u64;
                    let turn = self.digest(token, kept + read, desk);
                    if turn != Turn::Again {
                        return turn;
                    }
                    if read < room && !self.end_follows {
                        return Turn::Wait;
                    }
                }
                Outcome::WouldBlock => {
                    self.left.extend_from_slice(&desk.block[..kept]);
                    return Turn::Wait;
                }
                Outcome::Closed(error) if !self.is_open => {
                    return Turn::Failed(desk.complain(&error));
                }
                Outcome::Closed(_) => return self.lost(),
            }
        }
        Turn::Again
    }

    /// A reset; with nothing in flight nothing is lost by it.
    fn lost(&mut self) -> Turn {
        self.hang_up();
        if self.in_flight() == 0 {
            Turn::Free
        } else {
            Turn::Failed(ErrorKind::Reset)
        }
    }

    /// Takes the answers out of the block. `Again`: more is to be read for the one that is due, or
    /// for the end that follows.
    #[inline]
    fn digest(&mut self, token: Token, len: usize, desk: &mut Desk<'_>) -> Turn {
        let first = self.next;
        let turn = self.answers(len, desk);
        if self.next > first {
            self.count(first, desk);
        }
        match turn {
            Digest::More => Turn::Again,
            Digest::Late => Turn::Failed(ErrorKind::TimeOut),
            Digest::Protocol(bad) => Turn::Failed(ErrorKind::Protocol(bad)),
            Digest::Closing => self.closed(token, desk),
            Digest::All if self.end_follows => Turn::Again,
            Digest::All => self.freed(desk),
        }
    }

    #[inline]
    fn answers(&mut self, len: usize, desk: &mut Desk<'_>) -> Digest {
        let mut at = 0;
        let first = self.next;
        while self.next < self.end {
            let input = &desk.block[at..len];
            let read = match self
                .reader
                .read(input, self.next, &desk.plan.expect, desk.memo)
            {
                Ok(read) => read,
                Err(bad) => return Digest::Protocol(bad),
            };
            at += read.consumed;
            let Some(answer) = read.answer else {
                self.left.extend_from_slice(&desk.block[at..len]);
                return Digest::More;
            };
            if self.next == first {
                desk.now = desk.clock.now();
            }
            if desk.is_late(self.since, self.next) {
                return Digest::Late;
            }
            let is_last = answer.closes || self.next + 1 == self.end;
            if is_last && at < len {
                return Digest::Protocol(ProtocolError::Unasked);
            }
            self.next += 1;
            desk.tally.answer(&answer);
            self.slot.errors += u64::from(answer.fault.is_some());
            if answer.closes {
                return Digest::Closing;
            }
        }
        if at < len {
            // Nothing is in flight: no request can be charged with it.
            desk.tally.unasked += 1;
            self.hang_up();
        }
        Digest::All
    }

    /// All is answered, and the connection is good for more.
    #[inline]
    fn freed(&mut self, desk: &Desk<'_>) -> Turn {
        // An answer that came before the end of its request leaves the rest of it unsent.
        let is_half_sent = self.written < desk.plan.batch.start(self.end);
        if is_half_sent || !desk.plan.keepalive {
            self.hang_up();
        }
        Turn::Free
    }

    /// The answer said that it is the last on this connection. RFC 9112 section 9.6: requests
    /// behind it are not answered and may be sent again.
    fn closed(&mut self, token: Token, desk: &mut Desk<'_>) -> Turn {
        self.hang_up();
        desk.tally.closed_by_server += u64::from(desk.plan.keepalive);
        let unanswered = self.in_flight();
        if unanswered == 0 {
            return Turn::Free;
        }
        desk.tally.resent += unanswered as u64;
        self.written = desk.plan.batch.start(self.next);
        self.go_on(token, desk)
    }

    /// The server has ended the connection, with `kept` bytes of half a head before.
    fn end(&mut self, token: Token, kept: usize, desk: &mut Desk<'_>) -> Turn {
        if self.in_flight() == 0 {
            desk.tally.closed_by_server += u64::from(desk.plan.keepalive && self.stream.is_some());
            self.hang_up();
            return Turn::Free;
        }
        match self.reader.end(kept, self.next, &desk.plan.expect) {
            Ok(answer) => {
                desk.now = desk.clock.now();
                if desk.is_late(self.since, self.next) {
                    return Turn::Failed(ErrorKind::TimeOut);
                }
                self.last(&answer, desk);
                self.closed(token, desk)
            }
            Err(fault) => {
                desk.tally.closed_by_server += 1;
                Turn::Failed(fault)
            }
        }
    }

    fn last(&mut self, answer: &Answer, desk: &mut Desk<'_>) {
        desk.tally.answer(answer);
        self.slot.errors += u64::from(answer.fault.is_some());
        self.next += 1;
        self.count(self.next - 1, desk);
    }

    /// The answers from the place `first` on have come, all in one read.
    #[inline]
    fn count(&mut self, first: usize, desk: &mut Desk<'_>) {
        self.slot.answers += (self.next - first) as u64;
        let took = desk.latencies(self.since, first, self.next);
        self.slot.latency_sum = self.slot.latency_sum.saturating_add(took);
    }
}

/// What was in the block.
enum Digest {
    /// Half an answer at the end.
    More,
    /// A whole answer, after its time-out.
    Late,
    All,
    /// An answer after which the connection is of no use.
    Closing,
    Protocol(ProtocolError),
}

impl Desk<'_> {
    /// Has the request in this place of a batch waited longer than its time-out? The clock decides,
    /// not whether a timer has rung yet.
    #[inline]
    fn is_late(&self, since: u64, place: usize) -> bool {
        let due = since + place as u64 * self.interval;
        let waited = self.now.saturating_sub(due);
        self.plan.timeout.is_some_and(|timeout| waited > timeout)
    }

    /// The answers to the places `first..end` of a batch have come, all in one read, by now. Returns
    /// the sum of their latencies.
    #[inline]
    fn latencies(&mut self, since: u64, first: usize, end: usize) -> u64 {
        let now = self.now;
        if self.interval == 0 {
            let (took, count) = (now.saturating_sub(since), (end - first) as u64);
            self.tally.latency.record(took, count);
            return took.saturating_mul(count);
        }
        let mut sum = 0_u64;
        for place in first..end {
            let due = since + place as u64 * self.interval;
            let took = now.saturating_sub(due);
            self.tally.latency.record(took, 1);
            sum = sum.saturating_add(took);
        }
        sum
    }

    #[cold]
    fn complain(&mut self, error: &std::io::Error) -> ErrorKind {
        self.complaint.get_or_insert_with(|| error.to_string());
        ErrorKind::of_connect(error)
    }
}

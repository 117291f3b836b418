//! One connection: the requests in flight on it, and the bytes buffered between turns.
//!
//! A batch is written at once and its answers are read before the next: at any time the requests
//! `next..end` of a batch are in flight. The input block belongs to the thread; only a partial head is
//! kept here.

mod counting;
#[cfg(test)]
mod tests;

use std::io;

use mio::Token;

use super::context::Context;
use super::error::ErrorKind;
use super::pace::Pace;
use super::per_connection::ConnectionCounts;
use super::plan::Plan;
use super::request::Batch;
use super::response::Reader;
use super::socket::Got;
use super::stream::Stream;
use super::tls;
use super::workload::{Awaited, InFlight};
use crate::http::client::ProtocolError;
use crate::outcome::Outcome;

/// Reads from one connection before the others get their turn.
const READS_PER_TURN_MAX: usize = 8;

/// What the thread does with the connection next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Wait for an event.
    Wait,
    /// Read again: there may be more, without another event.
    Again,
    /// All requests are answered: send more.
    Free,
    /// All requests in flight have failed.
    Failed(ErrorKind),
}

#[derive(Debug, Default)]
pub(super) struct Connection {
    stream: Option<Stream>,
    /// The first byte was written: it is connected.
    is_open: bool,
    /// The server has closed its side: no further event reports it.
    end_follows: bool,
    opened_at: u64,
    /// How long it took to open, unless a row has told it.
    connected_in: u64,
    reader: Reader,
    /// A partial head.
    buffered: Vec<u8>,
    /// When the batch was sent, or its first request was due.
    since: u64,
    /// When the batch was sent.
    sent_at: u64,
    /// When the first byte of the answer came, if the rest did not come with it.
    begun_at: Option<u64>,
    next: usize,
    end: usize,
    /// Bytes of the batch written so far.
    written: usize,
    /// Requests answered since it was opened.
    answered: u64,
    /// What is in flight, unless all requests are the same.
    requests: Option<Box<InFlight>>,
    pub(super) pace: Pace,
    /// Of this run, however often it was opened.
    pub(super) counts: ConnectionCounts,
}

impl Connection {
    /// A run begins. It stays open, if it is.
    pub(super) fn begin(&mut self) {
        self.pace = Pace::default();
        self.counts = ConnectionCounts::default();
        self.connected_in = 0;
    }

    #[inline]
    pub(super) fn in_flight(&self) -> usize {
        self.end - self.next
    }

    /// When the oldest request in flight was sent, or due.
    pub(super) fn oldest(&self, interval: u64) -> u64 {
        self.since + self.next as u64 * interval
    }

    /// How many requests the next batch may have.
    #[inline]
    pub(super) fn room(&self, plan: &Plan) -> usize {
        let left = plan.requests_per_connection.saturating_sub(self.answered);
        usize::try_from(left).map_or(plan.pipeline, |left| left.min(plan.pipeline))
    }

    /// Sends the first `count` requests of the batch, counted from `since`.
    #[inline]
    pub(super) fn send(
        &mut self,
        token: Token,
        (since, count): (u64, usize),
        context: &mut Context<'_>,
    ) -> Next {
        debug_assert!(self.in_flight() == 0 && count > 0);
        self.since = since;
        self.sent_at = context.now;
        self.next = 0;
        self.end = count;
        self.written = 0;
        if let (Some(composer), Some(workload)) = (&mut context.composer, &context.plan.workload) {
            composer.compose(workload, count, self.requests.get_or_insert_default());
        }
        self.resume(token, context)
    }

    /// The bytes of the requests in flight, and of those before them in the batch.
    #[inline]
    fn batch<'a>(&'a self, plan: &'a Plan) -> &'a Batch {
        batch(self.requests.as_deref(), plan)
    }

    /// The numbers of the names of the requests in flight.
    pub(super) fn names<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = usize> + 'a {
        let requests = self.requests.as_ref().zip(plan.workload.as_ref());
        let all = self.next..self.end;
        all.filter_map(move |place| {
            requests.map(|(requests, workload)| requests.name(workload, place))
        })
    }

    /// How long each request in flight has waited at this time.
    pub(super) fn waits(&self, now: u64, interval: u64) -> impl Iterator<Item = u64> + use<> {
        let since = self.since;
        let due = (self.next..self.end).map(move |position| since + position as u64 * interval);
        due.map(move |due| now.saturating_sub(due))
    }

    /// Closes the connection. Returns how many requests were in flight.
    pub(super) fn abandon(&mut self) -> usize {
        let lost = self.in_flight();
        self.next = self.end;
        self.close();
        lost
    }

    /// The same, unless nothing is in flight.
    pub(super) fn abandon_if_busy(&mut self) -> u64 {
        if self.in_flight() > 0 {
            self.abandon() as u64
        } else {
            0
        }
    }

    /// Handles an event: the socket is writable or readable, or the server has closed its side.
    #[inline]
    pub(super) fn on_event(
        &mut self,
        token: Token,
        readable: bool,
        end_follows: bool,
        context: &mut Context<'_>,
    ) -> Next {
        self.end_follows |= end_follows;
        if self.written < self.batch(context.plan).start(self.end)
            && self.in_flight() > 0
            && let next @ (Next::Free | Next::Failed(_) | Next::Again) = self.write(token, context)
        {
            return next;
        }
        if readable || self.end_follows {
            self.read(token, context)
        } else {
            Next::Wait
        }
    }

    /// Writes the unwritten rest of the batch, on a new connection if necessary.
    #[inline]
    fn resume(&mut self, token: Token, context: &mut Context<'_>) -> Next {
        if self.stream.is_none()
            && let Err(kind) = self.open(token, context)
        {
            return Next::Failed(kind);
        }
        self.write(token, context)
    }

    fn open(&mut self, token: Token, context: &mut Context<'_>) -> Result<(), ErrorKind> {
        self.is_open = false;
        self.end_follows = false;
        self.opened_at = context.clock.now();
        // A refused connection retries at once: time must pass, or that would never end.
        context.now = self.opened_at;
        self.reader = Reader::default();
        let place = (context.registry, token);
        let opened = Stream::open(&context.plan.destination, place, context.tls);
        self.stream = Some(opened.map_err(|error| context.record_connect_error(&error))?);
        Ok(())
    }

    fn close(&mut self) {
        self.stream = None;
        self.answered = 0;
        self.reader = Reader::default();
        self.begun_at = None;
        self.buffered = Vec::new();
    }

    #[inline]
    fn write(&mut self, token: Token, context: &mut Context<'_>) -> Next {
        let Some(stream) = &mut self.stream else {
            return Next::Wait;
        };
        let batch = batch(self.requests.as_deref(), context.plan);
        let end = batch.start(self.end);
        match stream.write(batch.bytes(self.written, end), context.tls) {
            Outcome::Done(written) => {
                self.written += written;
                if !self.is_open {
                    self.is_open = true;
                    context.tally.connections.opened += 1;
                    let took = || context.clock.now().saturating_sub(self.opened_at);
                    let took = stream.connected_after().unwrap_or_else(took);
                    context.tally.connect.record(took, 1);
                    self.connected_in = took;
                }
                Next::Wait
            }
            Outcome::WouldBlock => Next::Wait,
            Outcome::Closed(error) if !self.is_open => {
                Next::Failed(context.record_connect_error(&error))
            }
            // The server may have answered before the end of a long request: read that first.
            Outcome::Closed(_) => {
                self.end_follows = true;
                match self.read(token, context) {
                    Next::Wait => Next::Failed(ErrorKind::Reset),
                    next => next,
                }
            }
        }
    }

    /// Reads until the socket is empty, which it is after a read that did not fill the block, unless the
    /// end is known to follow.
    #[inline]
    fn read(&mut self, token: Token, context: &mut Context<'_>) -> Next {
        for _ in 0..READS_PER_TURN_MAX {
            let Some(stream) = &mut self.stream else {
                // Closed for bytes that no request asked for.
                return if self.in_flight() == 0 {
                    Next::Free
                } else {
                    Next::Wait
                };
            };
            let kept = self.buffered.len();
            if kept > 0 {
                context.block[..kept].copy_from_slice(&self.buffered);
                self.buffered.clear();
            }
            let space = &mut context.block[kept..];
            debug_assert!(!space.is_empty(), "a full block reads as the end of file");
            match stream.read(space, context.tls) {
                Outcome::Done(Got { bytes: 0, .. }) => {
                    return self.on_end(token, (kept, End::Clean), context);
                }
                Outcome::Done(got) => {
                    context.tally.received_bytes += got.bytes as u64;
                    let next = self.parse(token, kept + got.bytes, context);
                    if next != Next::Again {
                        return next;
                    }
                    if !got.may_have_more && !self.end_follows {
                        return Next::Wait;
                    }
                }
                Outcome::WouldBlock => {
                    self.buffered.extend_from_slice(&context.block[..kept]);
                    return Next::Wait;
                }
                Outcome::Closed(error) if !self.is_open => {
                    return Next::Failed(context.record_connect_error(&error));
                }
                Outcome::Closed(error) => return self.on_lost(token, kept, &error, context),
            }
        }
        if self.in_flight() == 0 {
            // Only the end is left, which is known to follow.
            return self.on_end(token, (0, End::Clean), context);
        }
        Next::Again
    }

    /// A reset, or an end or a failure of TLS. With nothing in flight, no request fails.
    #[cold]
    fn on_lost(
        &mut self,
        token: Token,
        kept: usize,
        error: &io::Error,
        context: &mut Context<'_>,
    ) -> Next {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.on_end(token, (kept, End::Truncated), context);
        }
        self.close();
        if self.in_flight() == 0 {
            Next::Free
        } else if tls::failure(error).is_some() {
            Next::Failed(context.record_connect_error(error))
        } else {
            Next::Failed(ErrorKind::Reset)
        }
    }

    /// Parses the answers in the block. `Again` if the next answer or the end of the connection is still
    /// to be read.
    #[inline]
    fn parse(&mut self, token: Token, len: usize, context: &mut Context<'_>) -> Next {
        let first = self.next;
        let parsed = self.answers(len, context);
        if self.next > first {
            self.count(first, context);
        }
        match parsed {
            Parsed::More => Next::Again,
            Parsed::Late => Next::Failed(ErrorKind::Timeout),
            Parsed::Protocol(bad) => Next::Failed(ErrorKind::Protocol(bad)),
            Parsed::Closing => self.on_closing(token, context),
            Parsed::All if self.end_follows => Next::Again,
            Parsed::All => self.release(context),
        }
    }

    #[inline]
    fn answers(&mut self, len: usize, context: &mut Context<'_>) -> Parsed {
        let mut at = 0;
        let first = self.next;
        while self.next < self.end {
            let input = &context.block[at..len];
            let awaited = awaited(self.requests.as_deref_mut(), context.plan, self.next);
            let name = awaited.name;
            let memo = &mut context.memos[name];
            let read = match self.reader.read(input, awaited, memo) {
                Ok(read) => read,
                Err(bad) => return Parsed::Protocol(bad),
            };
            let has_begun = at < len;
            at += read.consumed;
            let Some(answer) = read.answer else {
                if has_begun {
                    self.begun_at.get_or_insert_with(|| context.clock.now());
                }
                self.buffered.extend_from_slice(&context.block[at..len]);
                return Parsed::More;
            };
            if self.next == first {
                context.now = context.clock.now();
            }
            if context.is_late(self.since, self.next) {
                return Parsed::Late;
            }
            let is_last = answer.closes || self.next + 1 == self.end;
            if is_last && at < len {
                return Parsed::Protocol(ProtocolError::Unasked);
            }
            self.finish(&answer, name, context);
            if answer.closes {
                return Parsed::Closing;
            }
        }
        if at < len {
            // With nothing in flight, this is not the error of any request.
            context.tally.connections.closed_for_unasked_bytes += 1;
            self.close();
        }
        Parsed::All
    }

    /// All requests are answered, and the server keeps the connection open.
    #[inline]
    fn release(&mut self, context: &Context<'_>) -> Next {
        // After an early answer, the rest of its request was never sent.
        let is_half_sent = self.written < self.batch(context.plan).start(self.end);
        let is_last = self.answered >= context.plan.requests_per_connection;
        if is_half_sent || is_last || !context.plan.keepalive {
            self.close();
        }
        Next::Free
    }

    /// Handles an answer that is the last on this connection. RFC 9112 section 9.6: requests behind it
    /// are not answered and may be sent again.
    fn on_closing(&mut self, token: Token, context: &mut Context<'_>) -> Next {
        self.close();
        context.tally.connections.closed_by_server += u64::from(context.plan.keepalive);
        let unanswered = self.in_flight();
        if unanswered == 0 {
            return Next::Free;
        }
        context.tally.connections.requests_sent_again += unanswered as u64;
        self.written = self.batch(context.plan).start(self.next);
        self.resume(token, context)
    }

    /// Handles the end of the connection after `kept` bytes of a partial head.
    fn on_end(
        &mut self,
        token: Token,
        (kept, end): (usize, End),
        context: &mut Context<'_>,
    ) -> Next {
        if self.in_flight() == 0 {
            context.tally.connections.closed_by_server +=
                u64::from(context.plan.keepalive && self.stream.is_some());
            self.close();
            return Next::Free;
        }
        let awaited = awaited(self.requests.as_deref_mut(), context.plan, self.next);
        let name = awaited.name;
        match self.reader.end(kept, awaited.expected) {
            // RFC 9112 section 9.8: it may be incomplete.
            Ok(_) if end == End::Truncated => {
                context.tally.connections.closed_by_server += 1;
                Next::Failed(ErrorKind::Short)
            }
            Ok(answer) => {
                context.now = context.clock.now();
                if context.is_late(self.since, self.next) {
                    return Next::Failed(ErrorKind::Timeout);
                }
                self.last(&answer, name, context);
                self.on_closing(token, context)
            }
            Err(kind) => {
                context.tally.connections.closed_by_server += 1;
                Next::Failed(kind)
            }
        }
    }
}

#[inline]
fn batch<'a>(requests: Option<&'a InFlight>, plan: &'a Plan) -> &'a Batch {
    match (requests, &plan.workload) {
        (Some(requests), Some(workload)) => requests.batch(workload),
        _ => &plan.batch,
    }
}

/// What the answer to the request at this place should be.
#[inline]
fn awaited<'a>(requests: Option<&'a mut InFlight>, plan: &'a Plan, place: usize) -> Awaited<'a> {
    match (requests, &plan.workload) {
        (Some(requests), Some(workload)) => requests.awaited(workload, place),
        _ => Awaited::of(plan.expect.at(place)),
    }
}

/// How the server ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Clean,
    /// TLS was not ended before.
    Truncated,
}

/// What the block contained.
enum Parsed {
    /// A partial answer at the end.
    More,
    /// A complete answer, after its timeout.
    Late,
    /// All answers in flight.
    All,
    /// An answer that ends the connection.
    Closing,
    Protocol(ProtocolError),
}

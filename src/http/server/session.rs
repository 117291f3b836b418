//! One conversation: bytes in, responses out, in the order of the requests.
//!
//! A plain request is read, decided upon and answered within one [`Session::advance`], from the
//! bytes that the shell lends, and leaves nothing behind. Only a request whose body is still on its
//! way keeps a copy of its head, because the response follows the end of the request: an error in
//! the body still gets its status, and the next request begins where it should.
//!
//! The shell has the clock and counts connections and memory; what a time-out or a shortage means
//! for the conversation is decided here ([`Session::handle_timeout`], [`Session::handle_overload`]).

use super::super::blocks::Block;
use super::super::grammar::body::Body;
use super::super::grammar::connection::Persistence;
use super::super::grammar::fields::table;
use super::super::grammar::framing::Framing;
use super::body::skip;
use super::handler::Handler;
use super::head::Head;
use super::limits::{BODY_PROGRESS_BYTES, EMPTY_LINES_MAX, Limits, TURN_REQUESTS_MAX};
use super::method::Method;
use super::output::Output;
use super::reject::Reject;
use super::response::{CONTINUE, REPLY_HEAD_BYTES_MAX};
use super::scan::Scan;
use super::shared::Shared;

/// The result of a call on a [`Session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Step {
    /// How many bytes of the input were used up. The next `advance` needs the rest again, at the
    /// start of its input.
    pub consumed: usize,
    /// What has to happen before the next `advance`.
    pub wants: Wants,
}

/// What a conversation needs to go on. The output has to be written first in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// More bytes from the peer.
    Input,
    /// An empty output: the input holds more to answer, but this turn has had its share.
    Room,
    /// Nothing: the conversation has ended. If the output is empty, the peer gets no last answer.
    Close(Reason),
}

/// Where a conversation stands, and so what it waits for. Each phase has a time-out, which the shell
/// keeps:
///
/// - its clock starts when the phase does, and again when an answer was written;
/// - in [`Phase::Body`] it starts again also when [`Session::take_progress`] says so.
///
/// So no trickle extends a wait. When it has lasted too long: [`Session::handle_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Idle: no byte of a request has come yet; empty lines do not count.
    Between,
    /// A head has begun.
    Head,
    /// A body has begun.
    Body,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer left between two requests.
    PeerLeft,
    /// The peer left in the middle of a request.
    PeerLeftEarly,
    /// The last request asked for it, or was of HTTP/1.0 and did not ask otherwise.
    PeerAsked,
    /// The last request was refused.
    Refused(Reject),
    /// No request came in time.
    Idle,
    /// It was idle, and made room for another connection.
    Evicted,
    /// The server ends: the last request was answered, or none came.
    Shutdown,
}

/// What the server has run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overload {
    /// Connections: this one is over the limit.
    Connections,
    /// Connections: this one is to make room for a new one.
    Eviction,
    /// Memory for what conversations leave over between turns.
    Buffers,
}

/// One conversation with one peer.
#[derive(Debug, Default)]
pub struct Session {
    state: State,
    /// Empty lines since the last request.
    empty_lines: u8,
    draining: bool,
}

#[derive(Debug)]
enum State {
    Head(Scan),
    Body(Box<Pending>),
    Closed(Reason),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Scan::default())
    }
}

/// A request that waits for the rest of its body.
#[derive(Debug)]
struct Pending {
    body: Body,
    /// How much of the body has come since the last progress was reported.
    unreported: usize,
    head: Block,
    scan: Scan,
}

/// How far an exchange came, and how much input it took.
enum Progress {
    SkippedLine(usize),
    Answered(usize, Persistence),
    NeedsMore(usize),
}

impl Session {
    /// Reads as many requests from `input` as it holds and a turn may have, and appends their
    /// responses to `out`.
    #[inline]
    pub fn advance<H: Handler>(
        &mut self,
        input: &[u8],
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        let held = match &self.state {
            State::Head(_) => 0,
            State::Body(pending) => pending.head.len(),
            State::Closed(reason) => {
                return Step {
                    consumed: 0,
                    wants: Wants::Close(*reason),
                };
            }
        };
        // A response repeats the path, which stands in the input or in the head that is held.
        let path_bytes_max = shared.limits().target_bytes.min(held + input.len());
        let response_bytes_max = path_bytes_max + REPLY_HEAD_BYTES_MAX;
        let mut consumed = 0;
        for _ in 0..TURN_REQUESTS_MAX {
            if consumed == input.len() || !out.has_room(response_bytes_max) {
                break;
            }
            match self.exchange(&input[consumed..], shared, out) {
                Ok(Progress::Answered(taken, Persistence::Close)) => {
                    return self.close_after_answer(consumed + taken, input);
                }
                Ok(Progress::Answered(taken, _) | Progress::SkippedLine(taken)) => {
                    consumed += taken;
                }
                Ok(Progress::NeedsMore(taken)) => {
                    return Step {
                        consumed: consumed + taken,
                        wants: Wants::Input,
                    };
                }
                Err(reject) => {
                    let step = self.refuse(reject, shared, out);
                    return Step { consumed, ..step };
                }
            }
        }
        let wants = if consumed == input.len() {
            Wants::Input
        } else {
            Wants::Room
        };
        Step { consumed, wants }
    }

    /// Whether the server drains, and the input of the next [`advance`](Self::advance) is all that the peer has
    /// sent. Then a request with which it ends is the last one: its response says `Connection: close`.
    /// If half a request follows, that one is awaited. An idle conversation whose time is out ends for
    /// [`Reason::Shutdown`].
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// The peer will send nothing more. What it is owed stays owed.
    pub fn end(&mut self) -> Reason {
        let reason = match &self.state {
            State::Closed(reason) => *reason,
            State::Head(scan) if scan.is_new() => Reason::PeerLeft,
            _ => Reason::PeerLeftEarly,
        };
        self.state = State::Closed(reason);
        reason
    }

    /// The wait for what the [`phase`](Self::phase) names has lasted too long.
    #[cold]
    pub fn handle_timeout<H: Handler>(&mut self, shared: &Shared<H>, out: &mut Output) -> Step {
        match self.phase() {
            // RFC 9112 section 9.5: an idle connection may be closed at any time. Nothing was asked,
            // and a client might take a 408 for the answer to its next request.
            Phase::Between if self.draining => self.close(0, Reason::Shutdown),
            Phase::Between => self.close(0, Reason::Idle),
            // RFC 9110 section 15.5.9.
            Phase::Head | Phase::Body => self.refuse(Reject::RequestTimeout, shared, out),
        }
    }

    /// The server has run out of something, and this conversation has to end for it.
    #[cold]
    pub fn handle_overload<H: Handler>(
        &mut self,
        overload: Overload,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        match overload {
            // RFC 9110 section 15.6.4.
            Overload::Connections => self.refuse(Reject::Overloaded, shared, out),
            Overload::Buffers => self.refuse(Reject::BufferLimit, shared, out),
            Overload::Eviction => self.close(0, Reason::Evicted),
        }
    }

    #[cold]
    fn refuse<H: Handler>(&mut self, reject: Reject, shared: &Shared<H>, out: &mut Output) -> Step {
        shared.refuse(reject, self.method(), out);
        self.close(0, Reason::Refused(reject))
    }

    /// Whether enough of a body has come since the last call for its time-out to start again.
    #[inline]
    pub fn take_progress(&mut self) -> bool {
        let State::Body(pending) = &mut self.state else {
            return false;
        };
        let progressed = pending.unreported >= BODY_PROGRESS_BYTES;
        if progressed {
            pending.unreported = 0;
        }
        progressed
    }

    /// Why the conversation ended. `None`: it has not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match &self.state {
            State::Closed(reason) => Some(*reason),
            State::Head(_) | State::Body(_) => None,
        }
    }

    /// Where the conversation stands.
    #[must_use]
    #[inline]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head(scan) if !scan.is_new() => Phase::Head,
            State::Body(_) => Phase::Body,
            State::Head(_) | State::Closed(_) => Phase::Between,
        }
    }

    /// How much memory it has taken from the shared's blocks.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        match &self.state {
            State::Body(pending) => pending.head.capacity(),
            State::Head(_) | State::Closed(_) => 0,
        }
    }

    #[cold]
    fn close_after_answer(&mut self, consumed: usize, input: &[u8]) -> Step {
        let reason = if self.draining && consumed == input.len() {
            Reason::Shutdown
        } else {
            Reason::PeerAsked
        };
        self.close(consumed, reason)
    }

    fn close(&mut self, consumed: usize, reason: Reason) -> Step {
        self.state = State::Closed(reason);
        Step {
            consumed,
            wants: Wants::Close(reason),
        }
    }

    /// The method of the request that is being read, as far as it is known.
    fn method(&self) -> Method {
        match &self.state {
            State::Head(scan) => scan.line().method,
            State::Body(pending) => pending.scan.line().method,
            State::Closed(_) => Method::Unknown,
        }
    }

    /// Takes one request, or what there is of it.
    #[inline]
    fn exchange<H: Handler>(
        &mut self,
        input: &[u8],
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        match &mut self.state {
            State::Head(known) => {
                if known.is_new() && input[0] == b'\r' {
                    return self.empty_line(input);
                }
                let mut scan = *known;
                let progress = self.head(&mut scan, input, shared, out);
                // A head that comes whole is never written down.
                if let State::Head(known) = &mut self.state {
                    match progress {
                        Ok(Progress::Answered(..)) if known.is_new() => {}
                        Ok(Progress::Answered(..)) => *known = Scan::default(),
                        _ => *known = scan,
                    }
                }
                progress
            }
            State::Body(pending) => {
                let skipped = skip(&mut pending.body, input, shared.limits())?;
                if !skipped.ended {
                    pending.unreported = pending.unreported.saturating_add(skipped.consumed);
                    return Ok(Progress::NeedsMore(skipped.consumed));
                }
                let Pending { head, scan, .. } = &**pending;
                let is_last = self.draining && skipped.consumed == input.len();
                let persistence = with_head(&head.bytes(), scan, shared.limits(), |head| {
                    Ok(if is_last {
                        shared.answer_last(head, out)
                    } else {
                        shared.answer(head, out)
                    })
                })?;
                self.state = State::default();
                Ok(Progress::Answered(skipped.consumed, persistence))
            }
            State::Closed(_) => Ok(Progress::NeedsMore(0)),
        }
    }

    /// RFC 9112 section 2.2: an empty line before a request line is ignored.
    #[cold]
    fn empty_line(&mut self, input: &[u8]) -> Result<Progress, Reject> {
        match input {
            [_, b'\n', ..] if self.empty_lines < EMPTY_LINES_MAX => {
                self.empty_lines += 1;
                Ok(Progress::SkippedLine(2))
            }
            [_, b'\n', ..] => Err(Reject::EmptyLines),
            [_] => Ok(Progress::NeedsMore(0)),
            _ => Err(Reject::BareCarriageReturn),
        }
    }

    /// Looks on into a head; answers it if it is whole and its body is there as well.
    #[inline]
    fn head<H: Handler>(
        &mut self,
        scan: &mut Scan,
        input: &[u8],
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let limits = shared.limits();
        let is_new = scan.is_new();
        if !scan.request_line(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        if is_new {
            let mut table = table::<FIELDS_FEW>();
            if let Some(head) = Head::parse_fast(input, scan, &mut table, limits) {
                return self.whole_head(input, scan, &head?, shared, out);
            }
        }
        if !scan.field_lines(input, limits)? {
            return Ok(Progress::NeedsMore(0));
        }
        with_head(input, scan, limits, |head| {
            self.whole_head(input, scan, head, shared, out)
        })
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "on the path of every request; left alone, the compiler calls it"
    )]
    fn whole_head<H: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        self.empty_lines = 0;
        if head.framing == Framing::Length(0) {
            let persistence = if self.draining && scan.length() == input.len() {
                shared.answer_last(head, out)
            } else {
                shared.answer(head, out)
            };
            return Ok(Progress::Answered(scan.length(), persistence));
        }
        self.start_of_body(input, scan, head, shared, out)
    }

    fn start_of_body<H: Handler>(
        &mut self,
        input: &[u8],
        scan: &Scan,
        head: &Head<'_>,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Result<Progress, Reject> {
        let (head_bytes, rest) = input.split_at(scan.length());
        let mut body = Body::new(head.framing);
        let skipped = skip(&mut body, rest, shared.limits())?;
        let taken = scan.length() + skipped.consumed;
        if skipped.ended {
            let persistence = if self.draining && taken == input.len() {
                shared.answer_last(head, out)
            } else {
                shared.answer(head, out)
            };
            return Ok(Progress::Answered(taken, persistence));
        }
        // RFC 9110 section 10.1.1: not needed once some of the body has come.
        if head.wants_continue && rest.is_empty() {
            out.push(CONTINUE);
        }
        let pending = Pending {
            body,
            unreported: skipped.consumed,
            head: shared
                .blocks()
                .filled(head_bytes)
                .ok_or(Reject::BufferLimit)?,
            scan: *scan,
        };
        self.state = State::Body(Box::new(pending));
        Ok(Progress::NeedsMore(taken))
    }
}

/// The table of a head's fields is laid out on the stack, which takes longer the more places it
/// has. Few heads have more fields than this.
const FIELDS_FEW: usize = 16;

/// Reads the head that `scan` found at the start of `input`, and lends it to `use_it`.
fn with_head<T>(
    input: &[u8],
    scan: &Scan,
    limits: &Limits,
    use_it: impl FnOnce(&Head<'_>) -> Result<T, Reject>,
) -> Result<T, Reject> {
    const ALL: usize = Limits::FIELDS_MAX;
    if scan.field_count() <= FIELDS_FEW {
        use_it(&Head::read(
            input,
            scan,
            &mut table::<FIELDS_FEW>(),
            limits,
        )?)
    } else {
        use_it(&Head::read(input, scan, &mut table::<ALL>(), limits)?)
    }
}

//! One conversation: bytes in, responses out, in the order of the requests.
//!
//! A plain request is read, decided upon and answered within one [`Session::advance`], from the
//! bytes that the shell lends, and leaves nothing behind. Only a request whose body is still on its
//! way keeps a copy of its head, because the response follows the end of the request: an error in
//! the body still gets its status, and the next request begins where it should.
//!
//! The shell has the clock and counts connections and memory; what a time-out or a shortage means
//! for the conversation is decided here ([`Session::handle_timeout`], [`Session::handle_overload`]).

use std::time::Duration;

use super::super::boxed::Boxed;
use super::super::grammar::connection::Persistence;
use super::handler::Handler;
use super::limits::TURN_REQUESTS_MAX;
use super::method::Method;
use super::ongoing::Ongoing;
use super::output::Output;
use super::peer::Peer;
use super::receiving::Receiving;
use super::reject::Reject;
use super::response::REPLY_HEAD_BYTES_MAX;
use super::scan::Scan;
use super::shared::Shared;
use super::step::{Overload, Phase, Reason, Step, Wants};

/// One conversation with one peer.
#[derive(Debug, Default)]
pub struct Session {
    pub(super) state: State,
    /// Empty lines since the last request.
    pub(super) empty_lines: u8,
    pub(super) draining: bool,
}

#[derive(Debug)]
pub(super) enum State {
    Head(Scan),
    Body(Boxed<Receiving>),
    Responding(Box<Ongoing>),
    Closed(Reason),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Scan::default())
    }
}

/// How far an exchange came, and how much input it took.
pub(super) enum Progress {
    SkippedLine(usize),
    Answered(usize, Persistence),
    /// The response has not ended.
    Ongoing(usize, Box<Ongoing>),
    /// Neither the content of the request nor the response has ended.
    Exchanging(usize),
    NeedsMore(usize),
}

impl Session {
    /// Reads as many requests from `input` as it holds and a turn may have, and appends their
    /// responses to `out`.
    #[inline]
    pub fn advance<H: Handler>(
        &mut self,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        let held = match &self.state {
            State::Head(_) => 0,
            State::Body(receiving) if receiving.ongoing.is_none() => receiving.request.head.len(),
            State::Body(_) | State::Responding(_) => {
                return self.go_on(0, input, peer, shared, out);
            }
            State::Closed(reason) => return self.close(0, *reason),
        };
        // A response repeats the path, which stands in the input or in the head that is held.
        let path_bytes_max = shared.limits().target_bytes.min(held + input.len());
        let response_bytes_max = path_bytes_max + REPLY_HEAD_BYTES_MAX;
        let mut consumed = 0;
        for _ in 0..TURN_REQUESTS_MAX {
            if consumed == input.len() || !out.has_room(response_bytes_max) {
                break;
            }
            match self.exchange(&input[consumed..], peer, shared, out) {
                Ok(Progress::Answered(taken, Persistence::Close)) => {
                    return self.close_after_answer(consumed + taken, input);
                }
                Ok(Progress::Answered(taken, _) | Progress::SkippedLine(taken)) => {
                    consumed += taken;
                }
                Ok(Progress::Ongoing(taken, mut ongoing)) => {
                    if H::OBSERVES {
                        self.hold_request(&mut ongoing, &input[consumed..], peer, shared);
                    }
                    self.state = State::Responding(ongoing);
                    return self.go_on(consumed + taken, input, peer, shared, out);
                }
                Ok(Progress::Exchanging(taken)) => {
                    return self.go_on(consumed + taken, input, peer, shared, out);
                }
                Ok(Progress::NeedsMore(taken)) => {
                    return Step {
                        consumed: consumed + taken,
                        wants: Wants::Input,
                    };
                }
                Err(reject) => {
                    let step = self.refuse(reject, &input[consumed..], peer, shared, out);
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

    /// The peer will send nothing more. What it is owed stays owed. If the handler
    /// [observes](Handler::OBSERVES), [`abandon`](Self::abandon) comes before.
    pub fn end(&mut self) -> Reason {
        let reason = match &self.state {
            State::Closed(reason) => *reason,
            State::Head(scan) if scan.is_new() => Reason::PeerLeft,
            State::Head(_) | State::Body(_) | State::Responding(_) => Reason::PeerLeftEarly,
        };
        self.state = State::Closed(reason);
        reason
    }

    /// The wait for what the [`phase`](Self::phase) names has lasted too long. `input` is what it has not
    /// consumed, if the handler [observes](Handler::OBSERVES); otherwise it may be empty.
    #[cold]
    pub fn handle_timeout<H: Handler>(
        &mut self,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        match self.phase() {
            // RFC 9112 section 9.5: an idle connection may be closed at any time. Nothing was asked,
            // and a client might take a 408 for the answer to its next request.
            Phase::Between if self.draining => self.close(0, Reason::Shutdown),
            Phase::Between => self.close(0, Reason::Idle),
            // RFC 9110 section 15.5.9.
            Phase::Head | Phase::Body | Phase::Response => {
                self.refuse(Reject::RequestTimeout, input, peer, shared, out)
            }
        }
    }

    /// The server has run out of something, and this conversation has to end for it. `input` is as for
    /// [`handle_timeout`](Self::handle_timeout).
    #[cold]
    pub fn handle_overload<H: Handler>(
        &mut self,
        overload: Overload,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        match overload {
            // RFC 9110 section 15.6.4.
            Overload::Connections => self.refuse(Reject::Overloaded, input, peer, shared, out),
            Overload::Buffers => self.refuse(Reject::BufferLimit, input, peer, shared, out),
            Overload::Eviction => self.close(0, Reason::Evicted),
        }
    }

    /// The handler has panicked in the last call. The request is answered `500` if its response has not
    /// begun, and the conversation ends.
    #[cold]
    pub fn handle_panic<H: Handler>(
        &mut self,
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        if shared.take_observing() {
            // The response has been written.
        } else if self.failure().is_some() {
            out.cut();
            self.abandon(peer, shared);
        } else if self.reason().is_none() && !self.has_answered() {
            let answer = shared.apologize(out);
            self.observe_last(&[], &answer, None, peer, shared);
        }
        self.close(0, self.failure().unwrap_or(Reason::Panicked))
    }

    /// The wait that [`Wants::Wakeup`] or [`Wants::InputOrWakeup`] begins, if it has an end. The shell
    /// starts a timer for it, and calls [`set_timer`](Self::set_timer).
    #[cold]
    pub fn take_delay(&mut self) -> Option<Duration> {
        self.ongoing()?.take_delay()
    }

    /// When the wait ends, by any clock of the shell's: later it calls [`fire`](Self::fire) with the
    /// same number.
    #[cold]
    pub fn set_timer(&mut self, due: u64) {
        if let Some(ongoing) = self.ongoing() {
            ongoing.set_timer(due);
        }
    }

    /// Is it waiting for the timer that was set with this number?
    #[must_use]
    pub fn has_timer(&self, due: u64) -> bool {
        match &self.state {
            State::Responding(ongoing) => ongoing.has_timer(due),
            State::Body(receiving) => match &receiving.ongoing {
                Some(ongoing) => ongoing.has_timer(due),
                None => false,
            },
            State::Head(_) | State::Closed(_) => false,
        }
    }

    /// A timer has ended. `true`: it was the one of the present wait, and `advance` goes on.
    #[cold]
    pub fn fire(&mut self, due: u64) -> bool {
        self.ongoing().is_some_and(|ongoing| ongoing.fire(due))
    }

    /// A [`Waker`](super::Waker) of this conversation was used: `advance` may go on.
    #[cold]
    pub fn wake(&mut self) {
        if let Some(ongoing) = self.ongoing() {
            ongoing.wake();
        }
    }

    pub(super) fn ongoing(&mut self) -> Option<&mut Ongoing> {
        match &mut self.state {
            State::Responding(ongoing) => Some(ongoing),
            State::Body(receiving) => receiving.ongoing.as_deref_mut(),
            State::Head(_) | State::Closed(_) => None,
        }
    }

    /// How the conversation has to end when a response that has begun cannot be gone on with. `None`: none
    /// has.
    pub(super) fn failure(&self) -> Option<Reason> {
        match &self.state {
            State::Responding(ongoing) => ongoing.failure(),
            State::Body(receiving) => receiving.ongoing.as_ref()?.failure(),
            State::Head(_) | State::Closed(_) => None,
        }
    }

    /// Has a request come whose response is still to begin?
    #[must_use]
    pub fn owes_response(&self) -> bool {
        let ongoing = match &self.state {
            State::Responding(ongoing) => Some(ongoing),
            State::Body(receiving) => receiving.ongoing.as_ref(),
            State::Head(_) | State::Closed(_) => None,
        };
        ongoing.is_some_and(|ongoing| ongoing.failure().is_none())
    }

    /// Has the request whose content still arrives been answered?
    fn has_answered(&self) -> bool {
        matches!(&self.state, State::Body(receiving) if receiving.answered.is_some())
    }

    #[cold]
    pub(super) fn refuse<H: Handler>(
        &mut self,
        reject: Reject,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
        out: &mut Output,
    ) -> Step {
        if let Some(reason) = self.failure() {
            self.abandon(peer, shared);
            return self.close(0, reason);
        }
        if !self.has_answered() {
            let answer = shared.refuse(reject, self.method(), out);
            self.observe_last(input, &answer, Some(reject), peer, shared);
        }
        self.close(0, Reason::Refused(reject))
    }

    /// Whether enough of a body has come since the last call for its time-out to start again.
    #[inline]
    pub fn take_progress(&mut self) -> bool {
        match &mut self.state {
            State::Body(receiving) => receiving.take_progress(),
            State::Head(_) | State::Responding(_) | State::Closed(_) => false,
        }
    }

    /// Is it as a new one: between two requests, without even an empty line of the next?
    pub(crate) fn is_fresh(&self) -> bool {
        self.empty_lines == 0 && matches!(&self.state, State::Head(scan) if scan.is_new())
    }

    /// Why the conversation ended. `None`: it has not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match &self.state {
            State::Closed(reason) => Some(*reason),
            State::Head(_) | State::Body(_) | State::Responding(_) => None,
        }
    }

    /// Where the conversation stands.
    #[must_use]
    #[inline]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head(scan) if !scan.is_new() => Phase::Head,
            State::Body(_) => Phase::Body,
            State::Responding(_) => Phase::Response,
            State::Head(_) | State::Closed(_) => Phase::Between,
        }
    }

    /// How much memory it has taken from the shared's blocks.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        match &self.state {
            State::Body(receiving) => receiving.block_bytes(),
            State::Responding(ongoing) => ongoing.block_bytes(),
            State::Head(_) | State::Closed(_) => 0,
        }
    }

    #[cold]
    pub(super) fn close_after_answer(&mut self, consumed: usize, input: &[u8]) -> Step {
        let reason = if self.draining && consumed == input.len() {
            Reason::Shutdown
        } else {
            Reason::PeerAsked
        };
        self.close(consumed, reason)
    }

    pub(super) fn close(&mut self, consumed: usize, reason: Reason) -> Step {
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
            State::Body(receiving) => receiving.request.scan.line().method,
            State::Responding(ongoing) if ongoing.form.without_content => Method::Head,
            State::Responding(_) | State::Closed(_) => Method::Unknown,
        }
    }
}

//! What a conversation and its shell say to each other.

use super::reject::Reject;

/// The result of a call on a [`Session`](super::Session).
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
    /// An empty output: there is more to answer, but this turn has had its share.
    Room,
    /// A wake-up: a response is delayed ([`Session::take_delay`](super::Session::take_delay)), or comes from elsewhere
    /// ([`Session::wake`](super::Session::wake)).
    Wakeup,
    /// More bytes from the peer, or a wake-up.
    InputOrWakeup,
    /// Nothing: the conversation has ended. If the output is empty, the peer gets no last answer.
    Close(Reason),
}

/// Where a conversation stands, and so what it waits for. Each phase has a time-out, which the shell
/// keeps:
///
/// - its clock starts when the phase does, and again when an answer was written;
/// - in [`Phase::Body`] it starts again also when [`Session::take_progress`](super::Session::take_progress) says so.
///
/// So no trickle extends a wait. When it has lasted too long: [`Session::handle_timeout`](super::Session::handle_timeout).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Idle: no byte of a request has come yet; empty lines do not count.
    Between,
    /// A head has begun.
    Head,
    /// A body has begun.
    Body,
    /// The response to the last request has not ended. It has no time-out.
    Response,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The peer left between two requests.
    PeerLeft,
    /// The peer left in the middle of a request.
    PeerLeftEarly,
    /// The last response said so: the request asked for it, or was of HTTP/1.0, or the handler wants it.
    PeerAsked,
    /// The last request was refused.
    Refused(Reject),
    /// No request came in time.
    Idle,
    /// It was idle, and made room for another connection.
    Evicted,
    /// The server ends: the last request was answered, or none came.
    Shutdown,
    /// A handler closed it instead of answering.
    Aborted,
    /// The content of a response could not be sent to its end.
    ResponseFailed,
    /// As the two before, and the peer has to be sent a reset: it would take the end of the stream for
    /// the end of the content, or the handler wants it so.
    Reset,
    /// A handler panicked.
    Panicked,
}

/// What the server has run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overload {
    /// Connections: this one is over the limit.
    Connections,
    /// Connections: this one is to make room for a new one.
    Eviction,
    /// Memory for what conversations leave over between turns.
    Buffers,
}

//! All that the event loop asks of the kernel, as one small trait.
//!
//! It is a trait with static dispatch, so that a test can run the loop against a simulated kernel.
//! What an error of the kernel means to the loop is decided here alone.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;

use super::listener::{LISTENERS_MAX, ListenerId};

/// The name of a connection, a listener or the waker in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) usize);

impl Token {
    /// Another thread wakes this worker.
    pub(crate) const WAKER: Self = Self(usize::MAX);

    /// The least of the tokens that name no connection.
    const RESERVED_MIN: usize = usize::MAX - LISTENERS_MAX;

    /// A connection waits at this listener.
    pub(crate) const fn of_listener(listener: ListenerId) -> Self {
        Self(Self::RESERVED_MIN + listener as usize)
    }

    /// Does it name a listener or the waker?
    #[inline]
    pub(crate) const fn is_reserved(self) -> bool {
        self.0 >= Self::RESERVED_MIN
    }

    /// The listener that it names.
    pub(crate) fn listener(self) -> Option<ListenerId> {
        ListenerId::try_from(self.0.checked_sub(Self::RESERVED_MIN)?).ok()
    }
}

/// Something happened to a socket. Its next system call shows what; an event carries only what a
/// short read does not show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: Token,
    /// There is an end of file to come, perhaps after data.
    pub(crate) read_closed: bool,
    /// There is urgent data. Reads stop before it.
    pub(crate) urgent: bool,
    /// The connection has failed, or both its sides are shut: nothing can be sent any more.
    pub(crate) hung_up: bool,
}

/// The time, read once in a turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Milliseconds of a clock that never goes back.
    pub(crate) millis: u64,
    /// Microseconds of the same clock.
    pub(crate) micros: u64,
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub(crate) unix_seconds: u64,
}

/// What the loop asks of the kernel. Errors are the kernel's own; see [`outcome`](crate::outcome::outcome) and [`accepted`].
pub(crate) trait Kernel {
    /// A connected socket that does not block. To drop it is to close it.
    type Stream;

    /// Puts into `events` what has happened, after at most `timeout` (`None`: however long).
    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;
    fn now(&mut self) -> Now;
    /// The present value of [`Now::micros`].
    fn micros(&self) -> u64;
    /// The CPU time that the thread of this worker has taken so far, in nanoseconds.
    fn cpu_nanos(&self) -> u64;
    fn accept(&mut self, listener: ListenerId) -> io::Result<Self::Stream>;
    /// Closes a listener. A later `accept` from it finds no connection.
    fn close_listener(&mut self, listener: ListenerId);
    /// Reports input, and the end of it, by edge-triggered events.
    fn watch(&mut self, stream: &mut Self::Stream, token: Token) -> io::Result<()>;
    /// Reports no more: another worker will watch it.
    fn unwatch(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
    /// Reports from now on also room: at once if there is some, and then whenever there is again after
    /// a write found none.
    fn watch_room(&mut self, stream: &mut Self::Stream, token: Token) -> io::Result<()>;
    fn read(&mut self, stream: &mut Self::Stream, block: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<usize>;
    /// Writes the last bytes. The kernel may keep them until [`shut`](Self::shut), so that the end of the stream
    /// goes with them, in one packet.
    fn write_last(&mut self, stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<usize>;
    /// The close that follows sends a reset, and drops what the peer has not acknowledged.
    fn abort(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
    /// The addresses of the peer and of our side, where the socket has some.
    fn addresses(stream: &Self::Stream) -> (Option<SocketAddr>, Option<SocketAddr>);
    /// Shuts our side: the peer reads an end of file after what was written.
    fn shut(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
}

/// The outcomes of an `accept`.
#[derive(Debug)]
pub(crate) enum Accepted<S> {
    Stream(S),
    /// No connection waits: there will be an event.
    WouldBlock,
    /// The peer has left, or the network failed it: the next one may be fine.
    Aborted,
    /// The kernel is out of descriptors or memory: no event follows when it has some again.
    Exhausted(io::Error),
}

/// What an answer of `accept` means; the words are of accept(2), section "Error handling".
pub(crate) fn accepted<S>(answer: io::Result<S>) -> Accepted<S> {
    let error = match answer {
        Ok(stream) => return Accepted::Stream(stream),
        Err(error) => error,
    };
    match Errno::from_io_error(&error) {
        Some(Errno::AGAIN) => Accepted::WouldBlock,
        Some(
            Errno::INTR
            | Errno::CONNABORTED
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NONET
            | Errno::OPNOTSUPP
            | Errno::PERM
            | Errno::TIMEDOUT,
        ) => Accepted::Aborted,
        // EMFILE, ENFILE, ENOBUFS, ENOMEM; and what is not known is not asked for again at once.
        _ => Accepted::Exhausted(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept_of(errno: Errno) -> Accepted<()> {
        accepted(Err(errno.into()))
    }

    #[test]
    fn tokens_of_listeners_are_distinct_and_name_them() {
        for listener in 0..=ListenerId::MAX {
            let token = Token::of_listener(listener);
            assert!(token.is_reserved() && token != Token::WAKER);
            assert_eq!(token.listener(), Some(listener));
        }
        assert!(Token::WAKER.is_reserved());
        assert_eq!(Token::WAKER.listener(), None);
        assert_eq!(Token(7).listener(), None);
    }

    #[test]
    fn errors_of_accept_are_distinguished() {
        assert!(matches!(accepted(Ok(())), Accepted::Stream(())));
        assert!(matches!(accept_of(Errno::AGAIN), Accepted::WouldBlock));
        for errno in [Errno::INTR, Errno::CONNABORTED, Errno::PROTO, Errno::PERM] {
            assert!(matches!(accept_of(errno), Accepted::Aborted), "{errno}");
        }
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::INVAL,
        ] {
            assert!(
                matches!(accept_of(errno), Accepted::Exhausted(_)),
                "{errno}"
            );
        }
    }
}

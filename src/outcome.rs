//! How a call on a connection's socket ends, for the server's loop and the generator's.

use std::io;

/// The three outcomes of a system call on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T, E = ()> {
    Done(T),
    /// Not now: there will be an event.
    WouldBlock,
    /// The connection is gone, whatever the kernel calls it. `E` is what the caller keeps of that.
    Closed(E),
}

/// Makes a system call until it has an outcome.
#[inline]
pub(crate) fn outcome<T>(call: impl FnMut() -> io::Result<T>) -> Outcome<T> {
    outcome_or(drop, call)
}

/// The same, and keeps something of the error.
#[inline]
pub(crate) fn outcome_or<T, E>(
    keep: impl FnOnce(io::Error) -> E,
    mut call: impl FnMut() -> io::Result<T>,
) -> Outcome<T, E> {
    loop {
        match call() {
            Ok(value) => return Outcome::Done(value),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => return Outcome::WouldBlock,
                _ => return Outcome::Closed(keep(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn a_call_is_made_again_when_it_was_interrupted() {
        let mut answers = vec![Ok(7), Err(Errno::INTR.into()), Err(Errno::INTR.into())];
        assert_eq!(outcome(|| answers.pop().unwrap()), Outcome::Done(7));
        assert_eq!(
            outcome(|| Err::<(), _>(Errno::AGAIN.into())),
            Outcome::WouldBlock
        );
        for errno in [Errno::CONNRESET, Errno::PIPE, Errno::TIMEDOUT] {
            assert_eq!(outcome(|| Err::<(), _>(errno.into())), Outcome::Closed(()));
        }
    }
}

//! The socket of a connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

use crate::outcome::{Outcome, outcome_or};
use crate::socket_calls::{receive, send};

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Got {
    /// 0 at the end of the data.
    pub(super) bytes: usize,
    /// There may be more without another event.
    pub(super) may_have_more: bool,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Begins to connect, and registers for events.
    ///
    /// Both directions are registered at once: events are edge-triggered, so this costs no unwanted
    /// wake-ups and saves two system calls per connection.
    pub(super) fn open(
        destination: &Destination,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match destination {
            Destination::Tcp(address) => {
                let mut stream = TcpStream::connect(*address)?;
                stream.set_nodelay(true)?;
                registry.register(&mut stream, token, interest)?;
                Ok(Self::Tcp(stream))
            }
            Destination::Unix(path) => {
                let mut stream = UnixStream::connect(path)?;
                registry.register(&mut stream, token, interest)?;
                Ok(Self::Unix(stream))
            }
        }
    }

    #[inline]
    pub(super) fn read(&mut self, block: &mut [u8]) -> Outcome<usize, io::Error> {
        outcome_or(|error| error, || receive(self.as_fd(), block))
    }

    /// Also on a connection that is not there yet: then it would block, or fails as connecting did.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Outcome<usize, io::Error> {
        outcome_or(|error| error, || send(self.as_fd(), bytes))
    }
}

impl AsFd for Socket {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

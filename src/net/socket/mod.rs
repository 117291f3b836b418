//! The kinds of socket. Another kind is another file that binds listeners, and an arm in each
//! `match` here: a branch costs nothing beside the system call behind it.

pub(crate) mod tcp;
pub(crate) mod unix;

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use mio::event::Source;
use socket2::{SockRef, Socket, Type};

/// How many connections may wait to be accepted; the kernel's `somaxconn` may allow fewer.
const BACKLOG: i32 = 4096;

/// A socket that peers connect to. It does not block.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(mio::net::TcpListener),
    Unix(mio::net::UnixListener),
}

/// A connected socket. It does not block.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

impl Listener {
    /// A socket that listens already.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] when it is another kind of file; those of fcntl(2).
    pub(crate) fn inherited(socket: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(socket);
        if !(socket.r#type().is_ok_and(|kind| kind == Type::STREAM) && socket.is_listener()?) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a stream socket that listens",
            ));
        }
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        if address.is_unix() {
            Ok(std::os::unix::net::UnixListener::from(socket).into())
        } else if address.as_socket().is_some() {
            // Multipath TCP has not all of these options, and can be served without them.
            let _ = tcp::prepare(&socket);
            Ok(std::net::TcpListener::from(socket).into())
        } else {
            let error = "a socket of a kind other than TCP and Unix";
            Err(io::Error::new(io::ErrorKind::InvalidInput, error))
        }
    }

    /// For the poller: several of them may watch it.
    pub(crate) fn raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }

    /// Where it listens. `None`: a Unix socket.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The options of a TCP socket were set on its listener: Linux hands them on.
    pub(crate) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

impl Stream {
    pub(crate) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }

    /// The peer's address, and ours.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Self::Tcp(stream) => (stream.peer_addr().ok(), stream.local_addr().ok()),
            Self::Unix(_) => (None, None),
        }
    }

    /// Makes the close that follows send a reset. A Unix socket has none: its peer reads an end of
    /// file, or an error if it has sent what was not read.
    pub(crate) fn abort(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => SockRef::from(&*stream).set_linger(Some(Duration::ZERO)),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Shuts our side: the peer reads an end of file after what was written.
    pub(crate) fn shut(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl AsFd for Stream {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        Self::Tcp(mio::net::TcpListener::from_std(listener))
    }
}

impl From<std::os::unix::net::UnixListener> for Listener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self::Unix(mio::net::UnixListener::from_std(listener))
    }
}

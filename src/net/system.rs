//! The real kernel, by way of mio: epoll and sockets.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::{TcpListener, TcpStream};

use super::kernel::{Event, Kernel, Now, Token};

/// How many events a turn takes from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// Input, its end, and urgent data.
#[cfg(target_os = "linux")]
const INPUT: mio::Interest = mio::Interest::READABLE.add(mio::Interest::PRIORITY);
#[cfg(not(target_os = "linux"))]
const INPUT: mio::Interest = mio::Interest::READABLE;

/// A worker's own poller and listener.
pub(crate) struct System {
    poll: mio::Poll,
    events: mio::Events,
    listener: TcpListener,
    start: Instant,
}

impl System {
    /// Time counts from `start`, which all workers have to share.
    pub(crate) fn new(listener: std::net::TcpListener, start: Instant) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        let token = mio::Token(Token::LISTENER.0);
        poll.registry()
            .register(&mut listener, token, mio::Interest::READABLE)?;
        let events = mio::Events::with_capacity(EVENTS_MAX);
        Ok(Self {
            poll,
            events,
            listener,
            start,
        })
    }

    /// By which another thread wakes the worker.
    pub(crate) fn waker(&self) -> io::Result<mio::Waker> {
        mio::Waker::new(self.poll.registry(), mio::Token(Token::WAKER.0))
    }
}

impl Kernel for System {
    type Stream = TcpStream;

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        events.extend(self.events.iter().map(|event| Event {
            token: Token(event.token().0),
            read_closed: event.is_read_closed(),
            urgent: event.is_priority(),
        }));
        Ok(())
    }

    fn now(&self) -> Now {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            millis: self.start.elapsed().as_millis() as u64,
            unix_seconds: unix.as_secs(),
        }
    }

    fn accept(&mut self) -> io::Result<TcpStream> {
        // The options of the socket were set on the listener: Linux hands them on.
        self.listener.accept().map(|(stream, _)| stream)
    }

    fn watch(&mut self, stream: &mut TcpStream, token: Token) -> io::Result<()> {
        self.poll
            .registry()
            .register(stream, mio::Token(token.0), INPUT)
    }

    #[cold]
    fn watch_room(&mut self, stream: &mut TcpStream, token: Token) -> io::Result<()> {
        let interest = INPUT | mio::Interest::WRITABLE;
        self.poll
            .registry()
            .reregister(stream, mio::Token(token.0), interest)
    }

    #[inline]
    fn read(&mut self, stream: &mut TcpStream, block: &mut [u8]) -> io::Result<usize> {
        stream.read(block)
    }

    #[inline]
    fn write(&mut self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        stream.write(bytes)
    }

    fn shut(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)
    }
}

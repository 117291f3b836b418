//! The real kernel, by way of mio: epoll and sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::unix::SourceFd;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::kernel::{Event, Kernel, Now, Token};
use super::listener::ListenerId;
use super::socket::{Listener, Stream};
use crate::socket_calls::{receive, send, send_more};

/// How many events a turn takes from the kernel at once.
const EVENTS_MAX: usize = 1024;

/// Input, its end, and urgent data.
#[cfg(target_os = "linux")]
const INPUT: mio::Interest = mio::Interest::READABLE.add(mio::Interest::PRIORITY);
#[cfg(not(target_os = "linux"))]
const INPUT: mio::Interest = mio::Interest::READABLE;

/// A worker's own poller and listeners.
pub(crate) struct System {
    poll: mio::Poll,
    events: mio::Events,
    listeners: Vec<Sockets>,
    start: Instant,
    /// The date, and when it has to be read again: in microseconds since `start`.
    unix_seconds: u64,
    second_ends: u64,
}

/// The sockets of a listener: several if there were more workers before. None: it was closed.
struct Sockets {
    /// Others may hold them as well: then to drop one here does not close it.
    sockets: Vec<Arc<Listener>>,
    /// From which one to accept next.
    next: usize,
}

impl Sockets {
    /// Accepts from each in turn, so that none waits for the others.
    fn accept(&mut self) -> io::Result<Stream> {
        for _ in 0..self.sockets.len() {
            let Some(socket) = self.sockets.get(self.next) else {
                break;
            };
            self.next += 1;
            if self.next == self.sockets.len() {
                self.next = 0;
            }
            match socket.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                answer => return answer,
            }
        }
        Err(Errno::AGAIN.into())
    }
}

impl System {
    /// Time counts from `start`, which all workers have to share.
    pub(crate) fn new(listeners: Vec<Vec<Arc<Listener>>>, start: Instant) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        for (id, sockets) in (0..).zip(&listeners) {
            let token = mio::Token(Token::of_listener(id).0);
            for socket in sockets {
                let mut source = SourceFd(&socket.raw_fd());
                poll.registry()
                    .register(&mut source, token, mio::Interest::READABLE)?;
            }
        }
        let events = mio::Events::with_capacity(EVENTS_MAX);
        Ok(Self {
            poll,
            events,
            listeners: listeners
                .into_iter()
                .map(|sockets| Sockets { sockets, next: 0 })
                .collect(),
            start,
            unix_seconds: 0,
            second_ends: 0,
        })
    }

    /// Once a second, when the next one has begun: a turn reads one clock only.
    #[cold]
    fn read_date(&mut self, micros: u64) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix = unix.unwrap_or_default();
        self.unix_seconds = unix.as_secs();
        self.second_ends = micros + 1_000_000 - u64::from(unix.subsec_micros());
    }

    /// By which another thread wakes the worker.
    pub(crate) fn waker(&self) -> io::Result<mio::Waker> {
        mio::Waker::new(self.poll.registry(), mio::Token(Token::WAKER.0))
    }
}

impl Kernel for System {
    type Stream = Stream;

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
            hung_up: event.is_error() || event.is_write_closed(),
        }));
        Ok(())
    }

    #[inline]
    fn now(&mut self) -> Now {
        let micros = self.micros();
        if micros >= self.second_ends {
            self.read_date(micros);
        }
        Now {
            millis: micros / 1000,
            micros,
            unix_seconds: self.unix_seconds,
        }
    }

    #[inline]
    fn micros(&self) -> u64 {
        let elapsed = self.start.elapsed();
        elapsed.as_secs() * 1_000_000 + u64::from(elapsed.subsec_micros())
    }

    #[cold]
    fn cpu_nanos(&self) -> u64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
    }

    fn accept(&mut self, listener: ListenerId) -> io::Result<Stream> {
        match self.listeners.get_mut(usize::from(listener)) {
            Some(sockets) => sockets.accept(),
            None => Err(Errno::AGAIN.into()),
        }
    }

    fn close_listener(&mut self, listener: ListenerId) {
        let Some(own) = self.listeners.get_mut(usize::from(listener)) else {
            return;
        };
        for socket in own.sockets.drain(..) {
            // Others may have the same socket: then to drop it here ends no event.
            let _ = self
                .poll
                .registry()
                .deregister(&mut SourceFd(&socket.raw_fd()));
        }
    }

    fn watch(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        self.poll
            .registry()
            .register(stream.source(), mio::Token(token.0), INPUT)
    }

    #[cold]
    fn unwatch(&mut self, stream: &mut Stream) -> io::Result<()> {
        self.poll.registry().deregister(stream.source())
    }

    #[cold]
    fn watch_room(&mut self, stream: &mut Stream, token: Token) -> io::Result<()> {
        let interest = INPUT | mio::Interest::WRITABLE;
        self.poll
            .registry()
            .reregister(stream.source(), mio::Token(token.0), interest)
    }

    #[inline]
    fn read(&mut self, stream: &mut Stream, block: &mut [u8]) -> io::Result<usize> {
        receive(stream.as_fd(), block)
    }

    #[inline]
    fn write(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        send(stream.as_fd(), bytes)
    }

    #[inline]
    fn write_last(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        send_more(stream.as_fd(), bytes)
    }

    fn abort(&mut self, stream: &mut Stream) -> io::Result<()> {
        stream.abort()
    }

    fn addresses(stream: &Stream) -> (Option<SocketAddr>, Option<SocketAddr>) {
        stream.addresses()
    }

    fn shut(&mut self, stream: &mut Stream) -> io::Result<()> {
        stream.shut()
    }
}

//! A server that runs: how to wait for it, read its numbers and end it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::net::socket::unix::SocketFile;
use crate::net::{Lifecycle, Phase, PublishedStats, Stats};

/// A server that answers.
///
/// It is stopped when it is dropped: connections are closed as they stand.
#[derive(Debug)]
#[must_use = "a server stops when this is dropped"]
pub struct ServerHandle {
    pub(super) local_addr: SocketAddr,
    pub(super) local_addrs: Vec<Option<SocketAddr>>,
    pub(super) shutdown_handle: ShutdownHandle,
    pub(super) stats: StatsHandle,
    pub(super) _socket_files: Vec<SocketFile>,
    pub(super) threads: Vec<JoinHandle<io::Result<()>>>,
}

impl ServerHandle {
    /// Where it listens because of [`Options::address`](super::Options::address), with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where each listener listens: see [`Server::local_addrs`](super::Server::local_addrs).
    #[must_use]
    pub fn local_addrs(&self) -> &[Option<SocketAddr>] {
        &self.local_addrs
    }

    /// A handle by which another thread can stop it.
    #[must_use]
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        self.shutdown_handle.clone()
    }

    /// What each worker has done so far: see [`StatsHandle::read`].
    #[must_use]
    pub fn stats(&self) -> Vec<Stats> {
        self.stats.read()
    }

    /// A handle by which another thread can read the numbers, also after the server has stopped.
    #[must_use]
    pub fn stats_handle(&self) -> StatsHandle {
        self.stats.clone()
    }

    /// Waits until the server has been stopped, or has drained.
    ///
    /// # Errors
    ///
    /// When an event loop failed; the others are stopped then.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Drains the server and waits until it has ended: see [`ShutdownHandle::drain`]. Returns how many
    /// connections were cut, in the middle of a request or of its response. 0: all were answered.
    ///
    /// # Errors
    ///
    /// When an event loop failed.
    pub fn drain(self, delay: Duration, grace: Duration) -> io::Result<u64> {
        let stats = self.stats_handle();
        self.shutdown_handle.drain(delay, grace);
        self.wait()?;
        Ok(stats.read().iter().map(|worker| worker.closed_cut).sum())
    }

    /// Stops the server and waits until it has.
    ///
    /// # Errors
    ///
    /// When an event loop failed.
    pub fn stop(self) -> io::Result<()> {
        self.shutdown_handle.stop();
        self.wait()
    }

    fn join(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let end = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
            result = result.and(end);
        }
        result
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.shutdown_handle.stop();
        // `wait` and `stop` report how it ended; a drop cannot.
        let _ = self.join();
    }
}

/// Reads what a server has done from another thread.
#[derive(Clone, Debug)]
pub struct StatsHandle(pub(super) Arc<[PublishedStats]>);

impl StatsHandle {
    /// What each worker has done, as of the end of its last turn. `Stats` can be summed:
    /// `handle.read().into_iter().sum::<Stats>()`.
    #[must_use]
    pub fn read(&self) -> Vec<Stats> {
        self.0.iter().map(PublishedStats::read).collect()
    }
}

/// Stops or drains a server from another thread.
#[derive(Clone, Debug)]
pub struct ShutdownHandle {
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) wakers: Arc<[mio::Waker]>,
    /// When the clock of the workers began.
    pub(super) start: Instant,
}

impl ShutdownHandle {
    /// Makes every worker end its turn and return: connections are closed as they stand. It does not
    /// wait for them. [`Stats::closed_cut`] counts the requests that were begun and not answered.
    pub fn stop(&self) {
        self.advance(Phase::Stop);
    }

    /// Makes the server end when it has answered what it was asked. It does not wait for that:
    /// see [`ServerHandle::wait`].
    ///
    /// - From now on, the response to the last request that a peer has sent says `Connection: close`. A
    ///   pipelined batch is answered whole; a request that has begun to arrive is awaited, under the
    ///   usual time-outs.
    /// - New connections are accepted for `delay`: until then a load balancer may not know. Then those
    ///   that wait are accepted, and the listeners are closed.
    /// - A connection that is idle one second after that is closed.
    /// - What is left `grace` after `delay` is cut, and counted in [`Stats::closed_cut`].
    ///
    /// A further call can shorten a drain, and [`stop`](Self::stop) ends it; nothing extends it.
    pub fn drain(&self, delay: Duration, grace: Duration) {
        let after = |time: Duration| {
            let time = self.start.elapsed().saturating_add(time);
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        };
        self.advance(Phase::Drain {
            accept_until: after(delay),
            until: after(delay.saturating_add(grace)),
        });
    }

    fn advance(&self, phase: Phase) {
        self.lifecycle.advance(phase);
        for waker in &*self.wakers {
            // A worker that cannot be woken has ended already.
            let _ = waker.wake();
        }
    }
}

/// Stops the server when a worker fails or panics: the others do not go on without it.
pub(super) struct StopOnDrop {
    pub(super) handle: ShutdownHandle,
    pub(super) is_armed: bool,
}

impl StopOnDrop {
    pub(super) fn armed(handle: ShutdownHandle) -> Self {
        Self {
            handle,
            is_armed: true,
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if self.is_armed {
            self.handle.stop();
        }
    }
}

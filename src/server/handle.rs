//! A server that runs: how to wait for it, read its numbers and end it.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use super::listeners::{ListenersHandle, SocketFiles};
use super::observe::{HealthHandle, StatsHandle};
use super::shutdown::ShutdownHandle;
use crate::net::Stats;

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
    pub(super) listeners: ListenersHandle,
    pub(super) socket_files: SocketFiles,
    pub(super) threads: Vec<JoinHandle<io::Result<()>>>,
}

impl ServerHandle {
    /// The first address that it listens on: see [`Server::local_addr`](super::Server::local_addr).
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

    /// A handle by which its sockets can be handed on to another process.
    #[must_use]
    pub fn listeners_handle(&self) -> ListenersHandle {
        self.listeners.clone()
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

    /// A handle by which another thread can ask whether the server is ready, and whether its workers move.
    #[must_use]
    pub fn health_handle(&self) -> HealthHandle {
        HealthHandle::new(self.shutdown_handle(), self.stats_handle())
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
        self.socket_files.remove();
    }
}

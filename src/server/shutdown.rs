//! How a server is stopped or drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::net::{Lifecycle, Phase};

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
    /// wait for them. [`Stats::closed_cut`](super::Stats::closed_cut) counts the requests that were begun and not answered.
    pub fn stop(&self) {
        self.advance(Phase::Stop);
    }

    /// Makes the server end when it has answered what it was asked. It does not wait for that:
    /// see [`ServerHandle::wait`](super::ServerHandle::wait).
    ///
    /// - From now on, the response to the last request that a peer has sent says `Connection: close`. A
    ///   pipelined batch is answered whole; a request that has begun to arrive is awaited, under the
    ///   usual time-outs.
    /// - New connections are accepted for `delay`: until then a load balancer may not know. Then those
    ///   that wait are accepted, and the listeners are closed.
    /// - A connection that is idle one second after that is closed.
    /// - What is left `grace` after `delay` is cut, and counted in [`Stats::closed_cut`](super::Stats::closed_cut).
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
        self.wake();
    }

    /// Wakes every worker.
    pub(super) fn wake(&self) {
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

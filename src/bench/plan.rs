//! What a run does, settled before it begins.

use super::expect::Expect;
use super::request::Batch;
use super::stream::Destination;

/// How long requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// So many requests.
    Count(u64),
    /// So many nanoseconds; what is in flight then is still awaited.
    Time(u64),
}

/// Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) destination: Destination,
    pub(super) batch: Batch,
    pub(super) expect: Expect,
    pub(super) work: Work,
    pub(super) warmup: u64,
    /// Begin at a multiple of this by the clock.
    pub(super) align: Option<u64>,
    /// Connections of all threads together, at least one each.
    pub(super) connections: usize,
    pub(super) threads: usize,
    /// Requests a second of the open model, in all.
    pub(super) rate: Option<f64>,
    /// The least time between two requests of one connection.
    pub(super) pace: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) keepalive: bool,
}

impl Plan {
    /// How many connections a thread has.
    pub(super) fn share(&self, thread: usize) -> usize {
        self.connections / self.threads + usize::from(thread < self.connections % self.threads)
    }

    /// Of so many requests in all, how many a thread has to itself: a batch for each connection, or
    /// what there is for each.
    pub(super) fn own_requests(&self, thread: usize, requests: u64) -> u64 {
        let each = requests / self.connections as u64;
        self.share(thread) as u64 * each.min(self.batch.len() as u64)
    }
}

//! What a run does, decided before it begins.

use super::expect::Expect;
use super::request::Batch;
use super::stream::Destination;

/// When a run stops sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunLength {
    /// After this many requests.
    Requests(u64),
    /// After this many nanoseconds; requests in flight are still awaited.
    Time(u64),
}

/// Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) destination: Destination,
    pub(super) batch: Batch,
    pub(super) expect: Expect,
    pub(super) length: RunLength,
    pub(super) warmup: u64,
    /// Begin when the wall clock shows a multiple of this.
    pub(super) align: Option<u64>,
    /// In all threads, at least one each.
    pub(super) connections: usize,
    pub(super) threads: usize,
    /// Requests per second of the open model.
    pub(super) rate: Option<f64>,
    /// The shortest time between two requests on one connection.
    pub(super) pace: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) keepalive: bool,
}

impl Plan {
    /// The number of connections of a thread.
    pub(super) fn share(&self, thread: usize) -> usize {
        self.connections / self.threads + usize::from(thread < self.connections % self.threads)
    }

    /// How many of the requests are reserved for a thread: a batch for each of its connections, or an
    /// equal share if there are fewer.
    pub(super) fn own_requests(&self, thread: usize, requests: u64) -> u64 {
        let each = requests / self.connections as u64;
        self.share(thread) as u64 * each.min(self.batch.len() as u64)
    }
}

//! What a run does, decided before it begins.

use super::expect::Expect;
use super::pace::Arrivals;
use super::rates::Profile;
use super::request::Batch;
use super::socket::Destination;
use super::workload::Workload;
use crate::tls::Client;

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
    /// https.
    pub(super) tls: Option<Client>,
    /// Requests in one write.
    pub(super) pipeline: usize,
    /// The requests of one write, if they are always the same, and what is expected of their answers.
    pub(super) batch: Batch,
    pub(super) expect: Expect,
    /// Otherwise.
    pub(super) workload: Option<Workload>,
    pub(super) length: RunLength,
    pub(super) warmup: u64,
    /// Begin when the wall clock shows this.
    pub(super) start_at: Option<u64>,
    /// Begin when the wall clock shows a multiple of this.
    pub(super) align: Option<u64>,
    /// In all threads, at least one each.
    pub(super) connections: usize,
    pub(super) threads: usize,
    /// If so, `connections` is the most: they are opened when they are needed.
    pub(super) grows: bool,
    /// The open model.
    pub(super) offer: Option<Offer>,
    /// The run ends by this time, whatever is in flight.
    pub(super) deadline: Option<u64>,
    /// The shortest time between two requests on one connection.
    pub(super) pace: Option<u64>,
    pub(super) timeout: Option<u64>,
    /// A thread polls for so long before it sleeps.
    pub(super) poll: u64,
    pub(super) keepalive: bool,
    /// A connection is closed after so many answers.
    pub(super) requests_per_connection: u64,
}

/// The load of the open model.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) profile: Profile,
    /// The warm-up has the first rate.
    pub(super) warmup: Profile,
    pub(super) arrivals: Arrivals,
    pub(super) seed: u64,
}

impl Plan {
    /// The number of connections of a thread.
    pub(super) fn share(&self, thread: usize) -> usize {
        self.connections / self.threads + usize::from(thread < self.connections % self.threads)
    }

    /// How long requests are sent if none is late; `None` if that depends on the answers.
    pub(super) fn sending_nanos(&self) -> Option<u64> {
        match self.length {
            RunLength::Time(nanos) => Some(nanos),
            RunLength::Requests(requests) => {
                let offer = self.offer.as_ref()?;
                Some(offer.profile.time_at(requests as f64) as u64)
            }
        }
    }

    /// The load of the open model, and how long it is to be sent.
    pub(super) fn offered(&self) -> Option<(&Offer, u64)> {
        self.offer.as_ref().zip(self.sending_nanos())
    }

    /// When the warm-up must have ended, with the same time for late answers as the run has.
    pub(super) fn warmup_deadline(&self) -> Option<u64> {
        let late = self.deadline?.checked_sub(self.sending_nanos()?)?;
        Some(self.warmup.saturating_add(late))
    }

    /// How many of the requests are reserved for a thread: a batch for each of its connections, or an
    /// equal share if there are fewer.
    pub(super) fn own_requests(&self, thread: usize, requests: u64) -> u64 {
        let each = requests / self.connections as u64;
        self.share(thread) as u64 * each.min(self.pipeline as u64)
    }
}

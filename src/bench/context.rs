//! What a thread lends to a connection, and how times are recorded.

use std::io;
use std::time::Instant;

use mio::Registry;

use super::error::ErrorKind;
use super::live::Samples;
use super::plan::Plan;
use super::tally::Tally;
use super::tls::ThreadTls;
use super::workload::Composer;
use crate::http::client::Memo;

/// What a thread lends to a connection while handling it.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) registry: &'a Registry,
    /// Longer than the longest head.
    pub(super) block: &'a mut [u8],
    pub(super) tls: &'a mut ThreadTls,
    /// For each name of a workload: their answers differ. Without one, for all.
    pub(super) memos: &'a mut [Memo],
    /// Makes the requests, unless all are the same.
    pub(super) composer: Option<&'a mut Composer>,
    pub(super) tally: &'a mut Tally,
    pub(super) clock: Clock,
    /// The last reading of the clock.
    pub(super) now: u64,
    /// In the open model, latency counts from when a request is due.
    pub(super) is_open: bool,
    /// Between two requests of a batch in the open model; otherwise 0.
    pub(super) interval: u64,
    /// The system's message for the first connection that failed.
    pub(super) connect_error: &'a mut Option<String>,
    /// For rows of requests, if they are wanted.
    pub(super) samples: Option<&'a mut Samples>,
}

/// Nanoseconds since the run began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[inline]
    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

impl Context<'_> {
    /// Has the request at this position of a batch waited longer than its timeout? The clock decides,
    /// not whether the timer has fired yet.
    #[inline]
    pub(super) fn is_late(&self, since: u64, position: usize) -> bool {
        let due = since + position as u64 * self.interval;
        let waited = self.now.saturating_sub(due);
        self.plan.timeout.is_some_and(|timeout| waited > timeout)
    }

    /// Records the latencies of the requests `first..end` of a batch, whose answers arrived in one read.
    /// Returns their sum.
    #[inline]
    pub(super) fn latencies(
        &mut self,
        (since, sent_at): (u64, u64),
        first: usize,
        end: usize,
    ) -> u64 {
        let now = self.now;
        let count = (end - first) as u64;
        if !self.is_open {
            let took = now.saturating_sub(since);
            self.tally.latency.record(took, count);
            return took.saturating_mul(count);
        }
        self.tally
            .service
            .record(now.saturating_sub(sent_at), count);
        let mut sum = 0_u64;
        for position in first..end {
            let due = since + position as u64 * self.interval;
            let took = now.saturating_sub(due);
            self.tally.latency.record(took, 1);
            self.phase(due, took);
            sum = sum.saturating_add(took);
        }
        sum
    }

    /// Where the rate changes: counts the latency of a request that was due then.
    #[inline]
    fn phase(&mut self, due: u64, took: u64) {
        if self.tally.phases.is_empty() {
            return;
        }
        let offer = self.plan.offer.as_ref();
        let phase = offer.and_then(|offer| offer.profile.phase_at(due));
        if let Some(times) = phase.and_then(|phase| self.tally.phases.get_mut(phase)) {
            times.record(took, 1);
        }
    }

    #[cold]
    pub(super) fn record_reading(&mut self, begun_at: u64) {
        let took = self.now.saturating_sub(begun_at);
        self.tally.reading.record(took, 1);
    }

    #[cold]
    pub(super) fn record_connect_error(&mut self, error: &io::Error) -> ErrorKind {
        self.connect_error.get_or_insert_with(|| error.to_string());
        ErrorKind::of_connect(error)
    }
}

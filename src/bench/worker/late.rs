//! Requests that are late: those past their timeout, and those without an answer at the deadline.

use super::Worker;
use crate::bench::error::ErrorKind;
use crate::bench::work_source::WorkSource;

/// Connections are checked for timeouts when the oldest request could be late, but not more often than
/// this: with a timeout below a second, and with a longer one.
const SWEEP_NANOS_MIN: u64 = 1_000_000;
const SWEEP_NANOS_MIN_LONG: u64 = 10_000_000;
const LONG_NANOS: u64 = 1_000_000_000;

impl Worker<'_> {
    /// Fails requests that are late.
    #[cold]
    pub(super) fn sweep(&mut self) {
        let Some(timeout) = self.plan.timeout else {
            self.next_sweep = u64::MAX;
            return;
        };
        // Requests sent later have more time left than those in flight, and in the open model than
        // those waiting.
        let mut oldest = self.now;
        for index in 0..self.connections.len() {
            let connection = &self.connections[index];
            if connection.in_flight() == 0 {
                continue;
            }
            let since = connection.oldest(self.interval);
            if since.saturating_add(timeout) <= self.now {
                self.fail(index, ErrorKind::Timeout);
            } else {
                oldest = oldest.min(since);
            }
        }
        // In the open model the timeout counts from when a request is due, sent or not.
        if let WorkSource::Schedule(schedule) = &mut self.source
            && let Some(limit) = self.now.checked_sub(timeout)
            && let Some((_, late)) = schedule.claim(limit, usize::MAX)
        {
            self.tally.record_error(ErrorKind::Timeout, late as u64);
            if let Some(load) = &mut self.load {
                load.expire(late as u64, &mut self.tally);
            }
        }
        let oldest = self.source.due().map_or(oldest, |due| due.min(oldest));
        let least = match timeout {
            0..LONG_NANOS => SWEEP_NANOS_MIN,
            _ => SWEEP_NANOS_MIN_LONG,
        };
        self.next_sweep = oldest.saturating_add(timeout).max(self.now + least);
    }

    /// At the deadline: requests that are due, sent or not, have no answer.
    pub(super) fn give_up(&mut self) {
        let (now, interval) = (self.now, self.interval);
        for connection in &mut self.connections {
            for wait in connection.waits(now, interval) {
                self.tally.unanswered.record(wait, 1);
            }
            for name in connection.names(self.plan) {
                self.tally.template_unanswered(name);
            }
            self.tally.unanswered_sent += connection.abandon_if_busy();
        }
        if let WorkSource::Schedule(schedule) = &mut self.source {
            while let Some((due, _)) = schedule.claim(now, 1) {
                self.tally.unanswered.record(now - due, 1);
            }
        }
    }
}

//! What a thread counts, and how the counts of several threads or machines are joined.

use serde::{Deserialize, Serialize};

use super::error::{CAUSES, ErrorCounts, ErrorKind};
use super::per_connection::PerConnection;
use super::response::Answer;
use super::times::Times;
use super::tls::Handshakes;
use super::workload::TemplateCounts;
use crate::tls::Cause;

/// Answers and errors over time are counted in intervals of this length.
pub(super) const BIN_NANOS: u64 = 100_000_000;

/// The counts of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) responses: u64,
    pub(super) errors: u64,
}

/// What became of the connections.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Connections {
    /// Including those of the warm-up.
    pub(super) opened: u64,
    pub(super) opened_in_warmup: u64,
    pub(super) closed_by_server: u64,
    /// Pipelined requests that were sent again because the server closed the connection after an
    /// earlier answer.
    pub(super) requests_sent_again: u64,
    /// Closed because bytes arrived with no request in flight.
    pub(super) closed_for_unasked_bytes: u64,
}

/// All counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Of complete answers, expected or not.
    pub(super) latency: Times,
    /// Of new connections: from connecting to the first byte written.
    pub(super) connect: Times,
    /// Of answers that came in several reads: from the first byte to the last.
    pub(super) reading: Times,
    /// In the open model: of complete answers, from when the request was sent.
    pub(super) service: Times,
    /// In the open model: how late requests were sent although a connection was free.
    pub(super) lag: Times,
    /// At the deadline: how long requests had waited without an answer. Some of them were sent.
    pub(super) unanswered: Times,
    pub(super) unanswered_sent: u64,
    pub(super) statuses: Vec<u64>,
    pub(super) errors: ErrorCounts,
    pub(super) causes: [u64; CAUSES.len()],
    pub(super) tls_causes: [u64; Cause::ALL.len()],
    pub(super) handshakes: Handshakes,
    pub(super) responses: u64,
    pub(super) body_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) connections: Connections,
    /// In flight, or due and not sent, when the run was interrupted.
    pub(super) unfinished: u64,
    /// In the open model: the time of busy connections, of threads, and of threads without an idle
    /// connection.
    pub(super) busy_nanos: u64,
    pub(super) thread_nanos: u64,
    pub(super) all_busy_nanos: u64,
    /// In the open model, when the last request was due: requests due so far, sent so far, and still
    /// waiting for a connection.
    pub(super) due: u64,
    pub(super) sent: u64,
    pub(super) left_over: u64,
    /// In the open model: requests due and without an answer, at half of the time and at the end of it.
    pub(super) backlog_at_half: u64,
    pub(super) backlog_at_end: u64,
    /// Connections that had a request.
    pub(super) connections_used: u64,
    /// In the open model, where the rate changes: requests and latencies by the phase in which requests
    /// were due.
    pub(super) due_in_phase: Vec<u64>,
    pub(super) phases: Vec<Times>,
    /// With a request file: by the name of the request.
    pub(super) templates: Vec<TemplateCounts>,
    /// Known when a run has ended.
    pub(super) per_connection: PerConnection<Times>,
    pub(super) bins: Vec<Bin>,
    /// The totals when the current interval began.
    pub(super) bin_start: Bin,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            statuses: vec![0; 1000],
            ..Self::default()
        }
    }

    /// `name` is the number of the name of its request.
    #[inline]
    pub(super) fn answer(&mut self, answer: &Answer, name: usize) {
        if let Some(template) = self.templates.get_mut(name) {
            template.answer(answer.status, answer.body_bytes, answer.fault);
        }
        self.responses += 1;
        self.body_bytes += answer.body_bytes;
        if let Some(count) = self.statuses.get_mut(usize::from(answer.status)) {
            *count += 1;
        }
        if let Some(kind) = answer.fault {
            self.record_error(kind, 1);
        }
    }

    /// Counts the latency of an answer to a request of this name.
    #[inline]
    pub(super) fn template_took(&mut self, name: usize, nanos: u64) {
        if let Some(template) = self.templates.get_mut(name) {
            template.latency.record(nanos, 1);
        }
    }

    /// Counts an error of a request of this name, beside [`record_error`](Self::record_error).
    #[cold]
    pub(super) fn template_error(&mut self, name: usize, kind: ErrorKind) {
        if let Some(template) = self.templates.get_mut(name) {
            template.fail(kind);
        }
    }

    pub(super) fn template_unanswered(&mut self, name: usize) {
        if let Some(template) = self.templates.get_mut(name) {
            template.give_up();
        }
    }

    #[cold]
    pub(super) fn record_error(&mut self, kind: ErrorKind, count: u64) {
        *self.errors.count_mut(kind) += count;
        match kind {
            ErrorKind::Protocol(bad) => self.causes[bad.index()] += count,
            ErrorKind::Tls(cause) => self.tls_causes[cause.index()] += count,
            _ => {}
        }
    }

    /// Closes the intervals that have passed by `now`. What was counted since the last call belongs to
    /// the first of them.
    #[inline]
    pub(super) fn tick(&mut self, now: u64) {
        while now >= (self.bins.len() as u64 + 1) * BIN_NANOS {
            self.close_bin();
        }
    }

    /// Closes the interval that has begun.
    pub(super) fn close_bin(&mut self) {
        let total = Bin {
            responses: self.responses,
            errors: self.errors.total(),
        };
        self.bins.push(Bin {
            responses: total.responses - self.bin_start.responses,
            errors: total.errors - self.bin_start.errors,
        });
        self.bin_start = total;
    }

    /// Joins counts of the same time.
    pub(super) fn add(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.connect.add(&other.connect);
        self.reading.add(&other.reading);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        self.unanswered.add(&other.unanswered);
        self.per_connection.add(&other.per_connection);
        add_each(&mut self.statuses, &other.statuses);
        self.errors.add(&other.errors);
        TemplateCounts::add_all(&mut self.templates, &other.templates);
        add_each(&mut self.causes, &other.causes);
        add_each(&mut self.tls_causes, &other.tls_causes);
        self.handshakes.add(&other.handshakes);
        let (ours, theirs) = (&mut self.connections, &other.connections);
        for (sum, more) in [
            (&mut self.responses, other.responses),
            (&mut self.body_bytes, other.body_bytes),
            (&mut self.received_bytes, other.received_bytes),
            (&mut ours.opened, theirs.opened),
            (&mut ours.opened_in_warmup, theirs.opened_in_warmup),
            (&mut ours.closed_by_server, theirs.closed_by_server),
            (&mut ours.requests_sent_again, theirs.requests_sent_again),
            (
                &mut ours.closed_for_unasked_bytes,
                theirs.closed_for_unasked_bytes,
            ),
            (&mut self.unfinished, other.unfinished),
            (&mut self.busy_nanos, other.busy_nanos),
            (&mut self.thread_nanos, other.thread_nanos),
            (&mut self.all_busy_nanos, other.all_busy_nanos),
            (&mut self.unanswered_sent, other.unanswered_sent),
            (&mut self.due, other.due),
            (&mut self.sent, other.sent),
            (&mut self.left_over, other.left_over),
            (&mut self.backlog_at_half, other.backlog_at_half),
            (&mut self.backlog_at_end, other.backlog_at_end),
            (&mut self.connections_used, other.connections_used),
        ] {
            *sum = sum.saturating_add(more);
        }
        if self.phases.len() < other.phases.len() {
            self.phases.resize_with(other.phases.len(), Times::default);
        }
        if self.due_in_phase.len() < other.due_in_phase.len() {
            self.due_in_phase.resize(other.due_in_phase.len(), 0);
        }
        add_each(&mut self.due_in_phase, &other.due_in_phase);
        for (phase, more) in self.phases.iter_mut().zip(&other.phases) {
            phase.add(more);
        }
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), Bin::default());
        }
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.responses = bin.responses.saturating_add(more.responses);
            bin.errors = bin.errors.saturating_add(more.errors);
        }
    }

    /// Joins counts of a later time.
    pub(super) fn follow(&mut self, mut later: Self) {
        let mut bins = std::mem::take(&mut self.bins);
        bins.append(&mut later.bins);
        self.add(&later);
        self.bins = bins;
    }
}

fn add_each(sums: &mut [u64], more: &[u64]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_closed_as_time_passes() {
        let mut tally = Tally::new();
        tally.responses = 3;
        tally.tick(BIN_NANOS - 1);
        assert_eq!(tally.bins, []);
        tally.tick(BIN_NANOS);
        tally.responses = 5;
        tally.record_error(ErrorKind::Refused, 2);
        tally.tick(3 * BIN_NANOS + 1);
        let bin = |responses, errors| Bin { responses, errors };
        assert_eq!(tally.bins, [bin(3, 0), bin(2, 2), bin(0, 0)]);
        let mut other = Tally::new();
        other.bins = vec![bin(1, 1); 4];
        tally.add(&other);
        assert_eq!(tally.bins, [bin(4, 1), bin(3, 3), bin(1, 1), bin(1, 1)]);
        tally.follow(other);
        assert_eq!(tally.bins.len(), 8);
    }
}

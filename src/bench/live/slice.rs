//! What a thread hands over while it runs: at the end of each interval the histograms that it has filled, in
//! exchange for empty ones.
//!
//! It neither waits nor copies: two rings without locks lead to the one who watches and back. While the
//! first is full, the thread goes on filling what it has, and the next slice is a longer one: nothing is lost.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::bench::error::ErrorCounts;
use crate::bench::tally::Tally;
use crate::bench::times::Times;

/// Slices that a thread can hand over before they are taken.
const SLICES_MAX: usize = 64;

/// Histograms to begin with: one is filled while another is read.
const SPARE: usize = 2;

/// What a thread has counted in an interval.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Slice {
    /// The number of the interval in the run, from 0.
    pub(super) index: u64,
    /// When it was cut, in nanoseconds since the run began.
    pub(super) until: u64,
    pub(super) latency: Times,
    pub(super) service: Times,
    pub(super) totals: Totals,
}

/// Counts since the run began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::bench) struct Totals {
    pub(super) responses: u64,
    pub(super) errors: ErrorCounts,
    pub(super) body_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) connections_opened: u64,
    /// By status code.
    pub(super) statuses: Vec<u64>,
    /// At the end of the interval, not since the run began.
    pub(super) in_flight: u64,
}

impl Totals {
    fn copy(&mut self, tally: &Tally, in_flight: u64) {
        self.responses = tally.responses;
        self.errors = tally.errors;
        self.body_bytes = tally.body_bytes;
        self.received_bytes = tally.received_bytes;
        self.connections_opened = tally.connections.opened;
        // As long as at the first time: nothing is allocated.
        self.statuses.clone_from(&tally.statuses);
        self.in_flight = in_flight;
    }

    /// Adds the totals of another thread.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.responses, other.responses),
            (&mut self.body_bytes, other.body_bytes),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.connections_opened, other.connections_opened),
            (&mut self.in_flight, other.in_flight),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.errors.add(&other.errors);
        let missing = other.statuses.len().saturating_sub(self.statuses.len());
        self.statuses.extend(std::iter::repeat_n(0, missing));
        for (sum, more) in self.statuses.iter_mut().zip(&other.statuses) {
            *sum = sum.saturating_add(*more);
        }
    }
}

/// A thread's end.
#[derive(Debug)]
pub(in crate::bench) struct Publisher {
    interval: u64,
    /// The end of the interval.
    next: u64,
    full: Producer<Slice>,
    empty: Consumer<Slice>,
}

/// The end of the one who watches.
#[derive(Debug)]
pub(in crate::bench) struct Subscriber {
    full: Consumer<Slice>,
    empty: Producer<Slice>,
}

/// Both ends, for intervals of so many nanoseconds.
pub(in crate::bench) fn pair(interval: u64) -> (Publisher, Subscriber) {
    let (full, taken) = RingBuffer::new(SLICES_MAX);
    let (mut returned, empty) = RingBuffer::new(SLICES_MAX);
    for _ in 0..SPARE {
        let _ = returned.push(Slice::default());
    }
    let publisher = Publisher {
        interval: interval.max(1),
        next: interval.max(1),
        full,
        empty,
    };
    let subscriber = Subscriber {
        full: taken,
        empty: returned,
    };
    (publisher, subscriber)
}

impl Publisher {
    /// When the next slice is to be cut.
    pub(in crate::bench) fn next(&self) -> u64 {
        self.next
    }

    /// Hands over what was counted up to now.
    #[cold]
    pub(in crate::bench) fn cut(&mut self, now: u64, in_flight: u64, tally: &mut Tally) {
        let passed = now / self.interval;
        self.next = (passed + 1).saturating_mul(self.interval);
        self.hand_over(passed.saturating_sub(1), now, in_flight, tally);
    }

    /// The same at the end of the run, for the interval that it has not reached the end of.
    pub(in crate::bench) fn end(&mut self, now: u64, tally: &mut Tally) {
        // The last interval may have ended just now.
        let index = now.saturating_sub(1) / self.interval;
        self.hand_over(index, now, 0, tally);
    }

    fn hand_over(&mut self, index: u64, until: u64, in_flight: u64, tally: &mut Tally) {
        if self.full.is_full() {
            return;
        }
        let mut slice = self.empty.pop().unwrap_or_default();
        slice.index = index;
        slice.until = until;
        std::mem::swap(&mut slice.latency, &mut tally.latency);
        std::mem::swap(&mut slice.service, &mut tally.service);
        slice.totals.copy(tally, in_flight);
        // There is room: it is the only producer.
        let _ = self.full.push(slice);
    }
}

impl Subscriber {
    pub(super) fn take(&mut self) -> Option<Slice> {
        self.full.pop().ok()
    }

    /// Empties a slice, so that it can be filled again.
    pub(super) fn give_back(&mut self, mut slice: Slice) {
        slice.latency.clear();
        slice.service.clear();
        // Without room there are enough of them.
        let _ = self.empty.push(slice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(tally: &mut Tally, nanos: u64, count: u64) {
        tally.latency.record(nanos, count);
        tally.responses += count;
    }

    #[test]
    fn slices_add_up_and_histograms_are_used_again() {
        let (mut publisher, mut subscriber) = pair(100);
        let mut tally = Tally::new();
        let mut all = Times::default();
        for number in 0..1000_u64 {
            counted(&mut tally, number + 1, 2);
            let now = publisher.next() + 3;
            publisher.cut(now, 5, &mut tally);
            assert_eq!(publisher.next(), (number + 2) * 100);
            let slice = subscriber.take().unwrap();
            assert_eq!((slice.index, slice.until), (number, now));
            assert_eq!(
                (slice.latency.count(), slice.latency.max()),
                (2, number + 1)
            );
            assert_eq!(slice.totals.responses, 2 * (number + 1));
            assert_eq!(slice.totals.in_flight, 5);
            all.add(&slice.latency);
            subscriber.give_back(slice);
        }
        assert_eq!((all.count(), tally.latency.count()), (2000, 0));
    }

    /// A watcher that does not come for a while loses no answer.
    #[test]
    fn without_a_watcher_the_next_slice_is_longer() {
        let (mut publisher, mut subscriber) = pair(10);
        let mut tally = Tally::new();
        for _ in 0..1000 {
            counted(&mut tally, 7, 1);
            publisher.cut(publisher.next(), 0, &mut tally);
        }
        let mut seen = 0;
        while let Some(slice) = subscriber.take() {
            seen += slice.latency.count();
        }
        assert_eq!(seen, SLICES_MAX as u64);
        publisher.end(10_004, &mut tally);
        let last = subscriber.take().unwrap();
        assert_eq!((last.index, last.latency.count()), (1000, 1000 - seen));
    }

    #[test]
    fn a_run_may_end_at_the_end_of_an_interval() {
        let (mut publisher, mut subscriber) = pair(10);
        let mut tally = Tally::new();
        publisher.cut(10, 0, &mut tally);
        publisher.end(20, &mut tally);
        let indexes = [subscriber.take(), subscriber.take()].map(|slice| slice.unwrap().index);
        assert_eq!(indexes, [0, 1]);
    }
}

//! When delayed responses are due.
//!
//! Delays are of any length, so a list for each length, as for time-outs, would not do: this is a
//! heap. A timer is not cancelled. One whose connection has gone on without it finds nothing when it
//! ends, and such timers are cleared out when they are the majority.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, TryReserveError};

use super::kernel::Token;

/// Fewer timers than this are not worth clearing out.
const CLEAR_AT_MIN: usize = 256;

/// The timers of a worker.
#[derive(Debug)]
pub(crate) struct Timers {
    /// When each is due, in microseconds, and whose it is.
    heap: BinaryHeap<Reverse<(u64, Token)>>,
    /// At this number of timers it is time to clear out.
    clear_at: usize,
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            clear_at: CLEAR_AT_MIN,
        }
    }

    pub(crate) fn start(&mut self, due: u64, token: Token) -> Result<(), TryReserveError> {
        self.heap.try_reserve(1)?;
        self.heap.push(Reverse((due, token)));
        Ok(())
    }

    /// When the next one is due.
    #[inline]
    pub(crate) fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// Takes one that is due.
    #[inline]
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<(u64, Token)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }

    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.heap.len() >= self.clear_at
    }

    /// Drops the timers that are not `wanted`.
    #[cold]
    pub(crate) fn clear_out(&mut self, mut wanted: impl FnMut(u64, Token) -> bool) {
        self.heap
            .retain(|Reverse((due, token))| wanted(*due, *token));
        self.heap.shrink_to(2 * self.heap.len());
        self.clear_at = CLEAR_AT_MIN.max(2 * self.heap.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_end_in_order_and_not_early() {
        let mut timers = Timers::new();
        for due in [50, 10, 30, 10, 20] {
            timers.start(due, Token(due as usize)).unwrap();
        }
        assert_eq!((timers.next(), timers.pop_due(9)), (Some(10), None));
        let ended: Vec<u64> = std::iter::from_fn(|| timers.pop_due(30))
            .map(|(due, _)| due)
            .collect();
        assert_eq!((ended, timers.next()), (vec![10, 10, 20, 30], Some(50)));
    }

    #[test]
    fn abandoned_timers_are_cleared_out() {
        let mut timers = Timers::new();
        let mut most = 0;
        for due in 0..100_000_u64 {
            timers.start(1 << 40, Token(due as usize)).unwrap();
            if timers.is_crowded() {
                timers.clear_out(|_, token| token.0.is_multiple_of(1000));
            }
            most = most.max(timers.heap.len());
        }
        assert!(most <= CLEAR_AT_MIN + 200, "{most}");
    }
}

//! The requests still to be sent, and the times from which their latency counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::pace::Schedule;

/// The requests of one thread.
#[derive(Debug)]
pub(super) enum WorkSource<'a> {
    /// A number of requests. Some are reserved for this thread, so that each of its connections sends
    /// something; the threads share the rest, and claim it in chunks.
    Count {
        left: &'a AtomicU64,
        chunk: u64,
        mine: u64,
    },
    /// Until this time.
    Until(u64),
    /// The open model.
    Schedule(Schedule<'a>),
}

impl<'a> WorkSource<'a> {
    pub(super) fn count(left: &'a AtomicU64, mine: u64, threads: usize) -> Self {
        let shared = left.load(Ordering::Relaxed);
        // Small enough that all threads end together, large enough that few claims are made.
        let chunk = match threads {
            1 => shared,
            _ => (shared / (threads as u64 * 32)).min(4096),
        };
        Self::Count { left, chunk, mine }
    }

    /// Claims up to `most` requests for an idle connection: the time from which they count, and how many.
    #[inline]
    pub(super) fn claim(&mut self, now: u64, most: usize) -> Option<(u64, usize)> {
        match self {
            Self::Count { left, chunk, mine } => {
                if *mine == 0 {
                    *mine = claim_chunk(left, (*chunk).max(most as u64));
                }
                let count = (*mine).min(most as u64);
                *mine -= count;
                (count > 0).then_some((now, count as usize))
            }
            Self::Until(end) => (now < *end).then_some((now, most)),
            Self::Schedule(schedule) => schedule.claim(now, most),
        }
    }

    /// Are there no more requests, now or later?
    pub(super) fn is_over(&self, now: u64) -> bool {
        match self {
            Self::Count { left, mine, .. } => *mine == 0 && left.load(Ordering::Relaxed) == 0,
            Self::Until(end) => now >= *end,
            Self::Schedule(schedule) => schedule.due().is_none() && now >= schedule.length(),
        }
    }

    /// In the open model: when the next request is due.
    #[inline]
    pub(super) fn due(&self) -> Option<u64> {
        match self {
            Self::Count { .. } | Self::Until(_) => None,
            Self::Schedule(schedule) => schedule.due(),
        }
    }

    /// The schedule of the open model.
    pub(super) fn schedule(&self) -> Option<&Schedule<'a>> {
        match self {
            Self::Count { .. } | Self::Until(_) => None,
            Self::Schedule(schedule) => Some(schedule),
        }
    }

    /// When the time is over, if it is limited and not over yet.
    pub(super) fn end(&self, now: u64) -> Option<u64> {
        match self {
            Self::Count { .. } => None,
            Self::Until(end) => Some(*end).filter(|end| now < *end),
            Self::Schedule(schedule) => Some(schedule.length()).filter(|end| now < *end),
        }
    }
}

#[cold]
fn claim_chunk(left: &AtomicU64, chunk: u64) -> u64 {
    let take = |left: u64| Some(left - left.min(chunk));
    match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(before) | Err(before) => before.min(chunk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_claim_every_request_once() {
        let left = AtomicU64::new(1000);
        let mut sources: Vec<_> = (0..3)
            .map(|mine| WorkSource::count(&left, mine, 3))
            .collect();
        let mut taken = 0;
        loop {
            let before = taken;
            for source in &mut sources {
                taken += source.claim(7, 3).map_or(0, |(since, count)| {
                    assert_eq!(since, 7);
                    count
                });
            }
            if taken == before {
                break;
            }
        }
        assert_eq!(taken, 1000 + 1 + 2);
        assert!(sources.iter().all(|source| source.is_over(0)));
    }

    #[test]
    fn a_batch_is_cut_to_what_is_left() {
        let left = AtomicU64::new(5);
        let mut source = WorkSource::count(&left, 0, 1);
        assert_eq!(source.claim(1, 4), Some((1, 4)));
        assert!(!source.is_over(1));
        assert_eq!(source.claim(2, 4), Some((2, 1)));
        assert_eq!(source.claim(3, 4), None);
    }

    #[test]
    fn a_small_chunk_still_fills_a_batch() {
        let left = AtomicU64::new(20);
        let mut source = WorkSource::count(&left, 0, 2);
        assert_eq!(source.claim(1, 16), Some((1, 16)));
        assert_eq!(source.claim(1, 16), Some((1, 4)));
    }

    #[test]
    fn time_runs_out() {
        let mut source = WorkSource::Until(10);
        assert_eq!(source.claim(9, 2), Some((9, 2)));
        assert_eq!(source.claim(10, 2), None);
        assert!(source.is_over(10) && !source.is_over(9));
    }
}

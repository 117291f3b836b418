//! Keeping the workers equally busy.
//!
//! The kernel gives each new connection to a worker by a hash, which spreads many connections well and few of
//! them badly: of 16 connections, the busiest of 4 workers often has 7 or more. So a connection that persists
//! goes, after its first response, to the worker that has the fewest, if its own has clearly more. One that is
//! closed after its first response never moves, so a flood of short connections pays nothing for this, and
//! neither does any later request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kernel::Token;
use super::listener::ListenerId;

/// Of so many workers at most the loads are compared, so that a connection costs no more with many workers.
const COMPARED_MAX: usize = 8;

/// A connection moves only if its worker has more than this share of connections more than the other.
const SLACK: usize = 8;

/// How many connections that persist each worker has.
#[derive(Debug)]
pub(crate) struct Loads(Box<[Load]>);

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Load(AtomicUsize);

impl Loads {
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Load::default()).collect())
    }

    /// Counts one more connection at `own`, or at another worker if that has clearly fewer. Returns at which.
    pub(super) fn claim(&self, own: usize) -> usize {
        loop {
            let load = self.at(own);
            let Some((worker, least)) = self.least(own) else {
                break;
            };
            if least + load / SLACK >= load {
                break;
            }
            // Another worker may give it a connection in this moment.
            let claimed = self.0.get(worker).is_some_and(|load| {
                let (before, after) = (least, least + 1);
                let order = Ordering::Relaxed;
                load.0.compare_exchange(before, after, order, order).is_ok()
            });
            if claimed {
                return worker;
            }
        }
        self.add(own);
        own
    }

    pub(super) fn add(&self, worker: usize) {
        if let Some(load) = self.0.get(worker) {
            load.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection of this worker is closed.
    pub(super) fn release(&self, worker: usize) {
        if let Some(load) = self.0.get(worker) {
            load.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn at(&self, worker: usize) -> usize {
        self.0
            .get(worker)
            .map_or(0, |load| load.0.load(Ordering::Relaxed))
    }

    /// The least loaded of the workers behind `own`, and its load.
    fn least(&self, own: usize) -> Option<(usize, usize)> {
        let count = self.0.len();
        let first = if count <= COMPARED_MAX {
            own
        } else {
            // Others than last time, as the load of its own changes.
            own + self.at(own) * COMPARED_MAX
        };
        let others = (1..=COMPARED_MAX.min(count)).map(|step| (first + step) % count);
        let others = others.filter(|&worker| worker != own);
        let loads = others.map(|worker| (worker, self.at(worker)));
        loads.min_by_key(|(_, load)| *load)
    }
}

/// A connection on its way to another worker.
pub(crate) struct Moved<S> {
    pub(super) stream: S,
    pub(super) listener: ListenerId,
    /// The worker that it comes from, and what it was called there.
    pub(super) from: (usize, Token),
}

/// The connections on their way to a worker. `None`: it takes no more.
pub(crate) struct Inbox<S>(Mutex<Option<Vec<Moved<S>>>>);

impl<S> Inbox<S> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Vec<Moved<S>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what there is.
    pub(super) fn take(&self) -> Vec<Moved<S>> {
        self.lock().as_mut().map_or_else(Vec::new, std::mem::take)
    }

    /// Takes out what there is, and lets nothing more in.
    pub(super) fn close(&self) -> Vec<Moved<S>> {
        self.lock().take().unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    reason = "shares of a million need no more digits"
)]
mod tests {
    use super::*;

    /// Connections that a hash gives to workers, as the kernel does: how many each has then, and how many were
    /// moved.
    fn spread(workers: usize, connections: usize, seed: u64) -> (Vec<usize>, usize) {
        let loads = Loads::new(workers);
        let mut state = seed;
        let moved = (0..connections).filter(|_| {
            // SplitMix64.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let own = ((mixed ^ (mixed >> 31)) % workers as u64) as usize;
            loads.claim(own) != own
        });
        let moved = moved.count();
        ((0..workers).map(|worker| loads.at(worker)).collect(), moved)
    }

    fn busiest(loads: &[usize]) -> f64 {
        let sum: usize = loads.iter().sum();
        let most = loads.iter().max().copied().unwrap_or_default();
        most as f64 * loads.len() as f64 / sum as f64
    }

    #[test]
    fn few_connections_are_spread_evenly() {
        for seed in 0..100 {
            for (workers, connections) in [(2, 2), (4, 4), (8, 8), (4, 16), (2, 16), (8, 64)] {
                let (loads, _) = spread(workers, connections, seed);
                let share = busiest(&loads);
                assert!(share <= 1.15, "{connections} on {workers}: {loads:?}");
                let most = loads.iter().max().copied().unwrap_or_default();
                assert!(most < 2 || !loads.contains(&0), "{loads:?}");
            }
        }
    }

    /// What grows with the machine: nothing for a connection, and the shares stay even.
    #[test]
    fn a_million_connections_on_64_workers_are_spread_evenly() {
        for (connections, share_max, moved_max) in [
            (64, 2.01, 0.7),
            (1_000, 1.3, 0.35),
            (100_000, 1.1, 0.01),
            (1_000_000, 1.1, 0.01),
        ] {
            let (loads, moved) = spread(64, connections, 1);
            let (share, moved) = (busiest(&loads), moved as f64 / connections as f64);
            assert!(share < share_max, "{connections}: {share:.3}");
            assert!(moved < moved_max, "{connections}: {moved:.3} moved");
        }
    }

    #[test]
    fn what_is_closed_makes_room() {
        let loads = Loads::new(2);
        assert_eq!((loads.claim(0), loads.claim(0)), (0, 1));
        loads.release(0);
        assert_eq!(loads.claim(1), 0);
    }

    #[test]
    fn a_closed_inbox_takes_nothing() {
        let inbox = Inbox::<()>::new();
        assert!(inbox.take().is_empty() && inbox.lock().is_some());
        assert!(inbox.close().is_empty() && inbox.lock().is_none());
        assert!(inbox.take().is_empty() && inbox.lock().is_none());
    }
}

//! How many connections the server may have at once, over all its workers.
//!
//! A worker touches it when a connection comes or goes and once in a turn, never for a request.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::notice::Notice;

/// No connection of a worker is idle.
const NONE_IDLE: u64 = u64::MAX;

/// How many connections may be over the limit while another worker has yet to evict one for them.
pub(crate) const OVERCOMMIT_MAX: usize = 4;

/// Receives each [`Notice`]. It runs on an event loop: it must neither block nor panic.
pub(crate) type Hook = Box<dyn Fn(&Notice) + Send + Sync>;

/// The connections of all workers, and the hook for notices.
pub(crate) struct ConnectionLimit {
    max: usize,
    open: AtomicUsize,
    workers: Box<[WorkerState]>,
    notified: [AtomicBool; Notice::KINDS],
    hook: Hook,
}

/// What the other workers can see of a worker: on a cache line of its own, because the worker writes
/// to it in every turn.
#[repr(align(128))]
struct WorkerState {
    /// When, in milliseconds, its longest-idle connection became idle.
    idle_since: AtomicU64,
    /// How many of its connections are idle.
    idle: AtomicUsize,
    /// How many of them it is to evict.
    evictions: AtomicUsize,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl WorkerState {
    /// Does it have an idle connection that it was not yet asked to evict?
    fn can_evict(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > self.evictions.load(Ordering::Relaxed)
    }
}

/// Which worker has the connection that has been idle longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongestIdle {
    None,
    Local,
    /// Another worker, which was asked to evict it.
    Remote,
}

impl ConnectionLimit {
    /// At most `max` connections. `wakers` wake the workers, and `hook` receives notices.
    pub(crate) fn new(
        max: usize,
        wakers: impl IntoIterator<Item = Box<dyn Fn() + Send + Sync>>,
        hook: Hook,
    ) -> Self {
        let workers = wakers.into_iter().map(|wake| WorkerState {
            idle_since: AtomicU64::new(NONE_IDLE),
            idle: AtomicUsize::new(0),
            evictions: AtomicUsize::new(0),
            wake,
        });
        Self {
            max,
            open: AtomicUsize::new(0),
            workers: workers.collect(),
            notified: Default::default(),
            hook,
        }
    }

    /// How many connections there may be.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.max
    }

    pub(crate) fn acquire(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn release(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// May a connection be accepted for which another worker has yet to evict one? Only a few may:
    /// the other worker may find that all of its connections have become busy.
    fn may_overcommit(&self) -> bool {
        self.open.load(Ordering::Relaxed) < self.max.saturating_add(OVERCOMMIT_MAX)
    }

    /// Publishes how many connections of a worker are idle, and since when the first of them is.
    pub(crate) fn publish(&self, worker: usize, idle: usize, idle_since: Option<u64>) {
        if let Some(state) = self.workers.get(worker) {
            state.idle.store(idle, Ordering::Relaxed);
            state
                .idle_since
                .store(idle_since.unwrap_or(NONE_IDLE), Ordering::Relaxed);
        }
    }

    /// Can any worker make room?
    pub(crate) fn has_idle(&self) -> bool {
        self.workers.iter().any(WorkerState::can_evict)
    }

    /// Finds the longest-idle connection for worker `local`; when another worker has it, asks that
    /// one to evict it.
    pub(crate) fn make_room(&self, local: usize) -> LongestIdle {
        let since = |state: &WorkerState| state.idle_since.load(Ordering::Relaxed);
        let workers = self.workers.iter().enumerate();
        let candidates = workers.filter(|(_, state)| state.can_evict());
        let Some((worker, state)) = candidates.min_by_key(|(_, state)| since(state)) else {
            return LongestIdle::None;
        };
        if worker == local {
            return LongestIdle::Local;
        }
        if !self.may_overcommit() {
            return LongestIdle::None;
        }
        state.evictions.fetch_add(1, Ordering::Relaxed);
        (state.wake)();
        LongestIdle::Remote
    }

    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn pending_evictions(&self, worker: usize) -> usize {
        let state = self.workers.get(worker);
        state.map_or(0, |state| state.evictions.load(Ordering::Relaxed))
    }

    /// How many idle connections a worker was asked to evict since it last looked.
    pub(crate) fn take_evictions(&self, worker: usize) -> usize {
        let Some(state) = self.workers.get(worker) else {
            return 0;
        };
        match state.evictions.load(Ordering::Relaxed) {
            0 => 0,
            _ => state.evictions.swap(0, Ordering::Relaxed),
        }
    }

    /// Calls the hook, once for each kind of notice.
    pub(crate) fn notify_once(&self, notice: &Notice) {
        if !self.notified[notice.kind()].swap(true, Ordering::Relaxed) {
            (self.hook)(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn limit(max: usize, workers: usize) -> (ConnectionLimit, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let wakers = (0..workers).map(|worker| {
            let woken = Arc::clone(&woken);
            Box::new(move || {
                woken.fetch_add(10_usize.pow(worker as u32), Ordering::Relaxed);
            }) as Box<dyn Fn() + Send + Sync>
        });
        let limit = ConnectionLimit::new(max, wakers, Box::new(|_| {}));
        (limit, woken)
    }

    #[test]
    fn counts_over_all_workers() {
        let (limit, _) = limit(2, 2);
        limit.acquire();
        assert!(!limit.is_full());
        limit.acquire();
        assert!(limit.is_full());
        limit.release();
        assert!(!limit.is_full());
    }

    #[test]
    fn the_longest_idle_makes_room_wherever_it_is() {
        let (limit, woken) = limit(2, 3);
        assert_eq!(limit.make_room(0), LongestIdle::None);
        limit.publish(0, 1, Some(700));
        limit.publish(2, 2, Some(500));
        assert_eq!(limit.make_room(2), LongestIdle::Local);
        assert_eq!(limit.make_room(0), LongestIdle::Remote);
        assert_eq!(
            limit.make_room(0),
            LongestIdle::Remote,
            "it has two of them"
        );
        assert_eq!(woken.load(Ordering::Relaxed), 200, "the third was woken");
        let after = limit.make_room(0);
        assert_eq!(after, LongestIdle::Local, "the third is to evict both");
        assert_eq!(limit.take_evictions(2), 2);
        assert_eq!(limit.take_evictions(2), 0);
    }

    #[test]
    fn few_are_over_the_limit() {
        let (limit, _) = limit(2, 2);
        limit.publish(1, 1000, Some(1));
        let accepted = (0..100).filter(|_| {
            let may_enter = !limit.is_full() || limit.make_room(0) == LongestIdle::Remote;
            may_enter.then(|| limit.acquire()).is_some()
        });
        assert_eq!(accepted.count(), 2 + OVERCOMMIT_MAX);
    }
}

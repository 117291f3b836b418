//! How many peers the server may have at once, over all its workers.
//!
//! It is the one thing that workers share. Each touches it when a connection comes or goes, never
//! for a request.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::notice::Notice;

/// No connection of a worker is idle.
const NOBODY: u64 = u64::MAX;

/// So many may come in on a promise beyond the limit.
pub(crate) const PROMISED_MAX: usize = 4;

/// The connections of all workers.
pub(crate) struct House {
    limit: usize,
    open: AtomicUsize,
    posts: Box<[Post]>,
    told: [AtomicBool; 3],
    hook: Hook,
}

/// What is done with a [`Notice`]. It is called on an event loop: it must neither block nor panic.
pub(crate) type Hook = Box<dyn Fn(&Notice) + Send + Sync>;

/// Where a worker can be reached by the others: on a cache line of its own, for its owner writes to
/// it in every turn.
#[repr(align(128))]
struct Post {
    /// Since when, in milliseconds, its longest-idle connection has been idle.
    idle_since: AtomicU64,
    /// How many of its connections are idle.
    idle: AtomicUsize,
    /// So many of its idle connections are to make room.
    to_part_with: AtomicUsize,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Post {
    /// Has it an idle connection that is not promised to somebody yet?
    fn can_part(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > self.to_part_with.load(Ordering::Relaxed)
    }
}

/// Who has the connection that has been idle longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Longest {
    Nobody,
    Oneself,
    /// Another worker; it was told to part with it.
    Another,
}

impl House {
    /// Room for `limit` connections, a way to wake each of the workers, and one to tell the operator.
    pub(crate) fn new(
        limit: usize,
        wakers: impl IntoIterator<Item = Box<dyn Fn() + Send + Sync>>,
        hook: Hook,
    ) -> Self {
        let posts = wakers.into_iter().map(|wake| Post {
            idle_since: AtomicU64::new(NOBODY),
            idle: AtomicUsize::new(0),
            to_part_with: AtomicUsize::new(0),
            wake,
        });
        Self {
            limit,
            open: AtomicUsize::new(0),
            posts: posts.collect(),
            told: Default::default(),
            hook,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.limit
    }

    pub(crate) fn enter(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// May somebody come in for whom another worker has yet to part with one? Only so many may: the
    /// other may find that all of its own have come to life.
    pub(crate) fn may_be_promised(&self) -> bool {
        self.open.load(Ordering::Relaxed) < self.limit.saturating_add(PROMISED_MAX)
    }

    /// A worker says how many of its connections are idle, and since when the first of them is.
    pub(crate) fn publish(&self, worker: usize, idle: usize, idle_since: Option<u64>) {
        if let Some(post) = self.posts.get(worker) {
            post.idle.store(idle, Ordering::Relaxed);
            post.idle_since
                .store(idle_since.unwrap_or(NOBODY), Ordering::Relaxed);
        }
    }

    /// Could anybody make room?
    pub(crate) fn has_idle(&self) -> bool {
        self.posts.iter().any(Post::can_part)
    }

    /// Finds the longest-idle connection; when it is another worker's, has that one part with it.
    pub(crate) fn make_room(&self, oneself: usize) -> Longest {
        let since = |post: &Post| post.idle_since.load(Ordering::Relaxed);
        let posts = self
            .posts
            .iter()
            .enumerate()
            .filter(|(_, post)| post.can_part());
        let Some((worker, post)) = posts.min_by_key(|(_, post)| since(post)) else {
            return Longest::Nobody;
        };
        if worker == oneself {
            return Longest::Oneself;
        }
        if !self.may_be_promised() {
            return Longest::Nobody;
        }
        post.to_part_with.fetch_add(1, Ordering::Relaxed);
        (post.wake)();
        Longest::Another
    }

    /// How many idle connections a worker was told to part with since it last asked.
    pub(crate) fn told_to_part_with(&self, worker: usize) -> usize {
        let Some(post) = self.posts.get(worker) else {
            return 0;
        };
        match post.to_part_with.load(Ordering::Relaxed) {
            0 => 0,
            _ => post.to_part_with.swap(0, Ordering::Relaxed),
        }
    }

    /// Tells the operator, once, that connections are refused.
    pub(crate) fn complain_of_full(&self) {
        let limit = self.limit;
        self.tell_once(0, || Notice::ConnectionLimit { limit });
    }

    /// Tells the operator, once, that the kernel has no descriptor or memory to give.
    pub(crate) fn complain_of_exhaustion(&self, error: std::io::Error) {
        self.tell_once(1, || Notice::AcceptFailed { error });
    }

    /// Tells the operator, once, that slow peers have used up their memory.
    pub(crate) fn complain_of_buffers(&self, limit: usize) {
        self.tell_once(2, || Notice::BufferLimit { limit });
    }

    fn tell_once(&self, kind: usize, notice: impl FnOnce() -> Notice) {
        if !self.told[kind].swap(true, Ordering::Relaxed) {
            (self.hook)(&notice());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn house(limit: usize, workers: usize) -> (House, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let wakers = (0..workers).map(|worker| {
            let woken = Arc::clone(&woken);
            Box::new(move || {
                woken.fetch_add(10_usize.pow(worker as u32), Ordering::Relaxed);
            }) as Box<dyn Fn() + Send + Sync>
        });
        (House::new(limit, wakers, Box::new(|_| {})), woken)
    }

    #[test]
    fn counts_over_all_workers() {
        let (house, _) = house(2, 2);
        house.enter();
        assert!(!house.is_full());
        house.enter();
        assert!(house.is_full());
        house.leave();
        assert!(!house.is_full());
    }

    #[test]
    fn the_longest_idle_makes_room_wherever_it_is() {
        let (house, woken) = house(2, 3);
        assert_eq!(house.make_room(0), Longest::Nobody);
        house.publish(0, 1, Some(700));
        house.publish(2, 2, Some(500));
        assert_eq!(house.make_room(2), Longest::Oneself);
        assert_eq!(house.make_room(0), Longest::Another);
        assert_eq!(
            house.make_room(0),
            Longest::Another,
            "the third has two of them"
        );
        assert_eq!(woken.load(Ordering::Relaxed), 200, "the third was woken");
        assert_eq!(
            house.make_room(0),
            Longest::Oneself,
            "the third has promised both"
        );
        assert_eq!(house.told_to_part_with(2), 2);
        assert_eq!(house.told_to_part_with(2), 0);
    }

    #[test]
    fn promises_are_few() {
        let (house, _) = house(2, 2);
        house.publish(1, 1000, Some(1));
        let admitted = (0..100).filter(|_| {
            let may_enter = !house.is_full() || house.make_room(0) == Longest::Another;
            may_enter.then(|| house.enter()).is_some()
        });
        assert_eq!(admitted.count(), 2 + PROMISED_MAX);
    }
}

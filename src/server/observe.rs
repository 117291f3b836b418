//! What other threads can see of a server: its numbers, and whether it is well.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shutdown::ShutdownHandle;
use crate::http::Status;
use crate::net::{Phase, PublishedStats, ServiceTimes, Stats, Times};

/// Reads what a server has done from another thread.
#[derive(Clone, Debug)]
pub struct StatsHandle {
    pub(super) stats: Arc<[PublishedStats]>,
    pub(super) times: Option<Arc<[Times]>>,
}

impl StatsHandle {
    /// What each worker has done, as of the end of its last turn. `Stats` can be summed:
    /// `handle.read().into_iter().sum::<Stats>()`.
    #[must_use]
    pub fn read(&self) -> Vec<Stats> {
        self.stats.iter().map(PublishedStats::read).collect()
    }

    /// How many final responses with each status all workers have written, in the order of the codes, and without
    /// those of which there were none.
    #[must_use]
    pub fn responses(&self) -> Vec<(Status, u64)> {
        let mut sums = BTreeMap::new();
        for worker in &*self.stats {
            worker.responses(|status, count| *sums.entry(status).or_default() += count);
        }
        sums.into_iter().collect()
    }

    /// How long the responses of all workers took. Without [`Server::measure_times`](super::Server::measure_times)
    /// there are none.
    #[must_use]
    pub fn service_times(&self) -> ServiceTimes {
        let mut sum = ServiceTimes::new();
        for times in self.times.iter().flat_map(|times| &**times) {
            times.add_to(&mut sum);
        }
        sum
    }
}

/// Tells from another thread whether a server is ready, and whether its workers move.
#[derive(Clone, Debug)]
pub struct HealthHandle {
    shutdown_handle: ShutdownHandle,
    stats: StatsHandle,
}

impl HealthHandle {
    pub(super) fn new(shutdown_handle: ShutdownHandle, stats: StatsHandle) -> Self {
        Self {
            shutdown_handle,
            stats,
        }
    }

    /// Should it be sent new connections? Not from the moment that it drains or stops, though it still accepts
    /// some.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shutdown_handle.lifecycle.phase() == Phase::Run
    }

    /// Asks every worker to take a turn, and does not wait for it: a worker that sleeps is woken, and one that is busy
    /// takes it next.
    ///
    /// ```
    /// use std::thread;
    /// use std::time::{Duration, Instant};
    /// use hullo::server::HealthHandle;
    ///
    /// fn is_alive(health: &HealthHandle) -> bool {
    ///     let (check, start) = (health.check(), Instant::now());
    ///     while !check.stalled().is_empty() {
    ///         if start.elapsed() > Duration::from_secs(2) {
    ///             return false;
    ///         }
    ///         thread::sleep(Duration::from_millis(5));
    ///     }
    ///     true
    /// }
    /// # let options = hullo::server::Options::default().address(([127, 0, 0, 1], 0).into());
    /// # let running = hullo::server::Server::bind(options)?.start(hullo::Greeting)?;
    /// # assert!(is_alive(&running.health_handle()));
    /// # running.stop()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn check(&self) -> HealthCheck {
        let turns = self.stats.stats.iter().map(PublishedStats::turns);
        let check = HealthCheck {
            turns: turns.collect(),
            stats: Arc::clone(&self.stats.stats),
        };
        self.shutdown_handle.wake();
        check
    }
}

/// Asked of a server at some time: does every worker take a turn? See [`HealthHandle::check`].
#[derive(Debug)]
pub struct HealthCheck {
    /// How many turns each worker had ended at that time.
    turns: Vec<u64>,
    stats: Arc<[PublishedStats]>,
}

impl HealthCheck {
    /// The workers, from 0, that have not ended a turn since then. One that has
    /// [drained](super::ServerHandle::drain) and returned is not among them.
    #[must_use]
    pub fn stalled(&self) -> Vec<usize> {
        let workers = self.stats.iter().zip(&self.turns).enumerate();
        let stalled = workers.filter(|(_, (now, then))| now.turns() == **then && !now.has_ended());
        stalled.map(|(number, _)| number).collect()
    }
}

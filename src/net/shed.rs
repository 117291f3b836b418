//! Ending connections when they hold more memory between turns than they may.

use super::connection::Connection;
use super::deadlines::Timeout;
use super::kernel::Kernel;
use super::notice::Notice;
use super::slots::{Index, Slots};
use super::worker::Worker;
use crate::http::{Handler, Reject};

/// So many of the longest-waiting connections of each kind are considered.
const CANDIDATES: usize = 256;

/// A connection counts as having waited so much longer: what it holds matters, too.
const AGE_MS: u64 = 1_000;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Ends connections until they hold no more than they may.
    #[cold]
    pub(super) fn shed(&mut self) {
        let limit = self.buffered_bytes;
        self.limit.notify_once(&Notice::BufferLimit { limit });
        while self.shared.blocks().excess() > 0 {
            match self.costliest() {
                Some((index, Timeout::Head | Timeout::Body | Timeout::Idle)) => {
                    self.refuse(index, Reject::BufferLimit);
                }
                Some((index, Timeout::Write | Timeout::Linger)) => self.close(index),
                None => return,
            }
        }
    }

    /// Among those that have waited longest, the connection that has held the most memory for the
    /// longest time; if none of them holds any, one that is to be served again.
    fn costliest(&mut self) -> Option<(Index, Timeout)> {
        let kinds = [Timeout::Head, Timeout::Body, Timeout::Write].into_iter();
        let waiting = kinds.flat_map(|timeout| {
            let longest = self.deadlines.waiting(timeout).take(CANDIDATES);
            longest.map(move |(index, since)| (index, timeout, since))
        });
        let bytes = |connections: &mut Slots<Connection<K::Stream>>, index| {
            let connection = connections.get_mut(index);
            connection.map_or(0, |connection| connection.block_bytes() as u64)
        };
        let now = self.now.millis;
        let costs = waiting.map(|(index, timeout, since)| {
            let age = now.saturating_sub(since) + AGE_MS;
            let cost = bytes(&mut self.connections, index).saturating_mul(age);
            (cost, index, timeout)
        });
        if let Some((cost, index, timeout)) = costs.max_by_key(|(cost, ..)| *cost)
            && cost > 0
        {
            return Some((index, timeout));
        }
        let connections = &mut self.connections;
        let holder = self.ready.iter().take(CANDIDATES).find_map(|token| {
            let index = connections.find(*token)?;
            (bytes(connections, index) > 0).then_some(index)
        });
        holder.map(|index| (index, Timeout::Idle))
    }
}

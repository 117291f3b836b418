//! Ending connections when they hold more memory between turns than they may.

use super::kernel::Kernel;
use super::notice::Notice;
use super::slots::Index;
use super::stats::CloseReason;
use super::worker::Worker;
use crate::http::{Handler, Overload};

/// How many connections are ended after one look at all of them.
const BATCH: usize = 64;

/// Added to the age of each connection, so that what it holds matters from the start.
const AGE_MS: u64 = 1_000;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Ends connections until they hold an eighth less than they may: first those that have held the
    /// most memory for the longest time.
    #[cold]
    pub(super) fn shed(&mut self) {
        let blocks = &self.blocks;
        let limit = blocks.limit();
        self.limit.notify_once(&if blocks.is_refused() {
            Notice::OutOfMemory
        } else {
            Notice::BufferLimit { limit }
        });
        let goal = limit - limit / 8;
        while self.blocks.excess() > 0 {
            let costliest = self.costliest();
            if costliest[0].is_none() {
                return;
            }
            for (_, index) in costliest.into_iter().flatten() {
                if self.blocks.used() <= goal {
                    return;
                }
                self.end(index);
            }
        }
    }

    /// The costliest connections, the first of them first, each with its cost: the bytes that it
    /// holds, times the milliseconds that it has waited.
    fn costliest(&mut self) -> [Option<(u64, Index)>; BATCH] {
        let mut costliest = [None; BATCH];
        for index in 0..self.connections.places() as Index {
            let Some(connection) = self.connections.get_mut(index) else {
                continue;
            };
            let bytes = connection.block_bytes() as u64;
            if bytes == 0 {
                continue;
            }
            let since = self.deadlines.since(index).unwrap_or(self.now.millis);
            let age = self.now.millis.saturating_sub(since) + AGE_MS;
            let candidate = Some((bytes.saturating_mul(age), index));
            // Into its place among those that are sorted already; the cheapest falls out.
            let place = costliest.partition_point(|other| *other >= candidate);
            if let Some(rest @ [_, ..]) = costliest.get_mut(place..) {
                rest.rotate_right(1);
                rest[0] = candidate;
            }
        }
        costliest
    }

    fn end(&mut self, index: Index) {
        let connection = self.connections.get_mut(index);
        if connection.is_some_and(|connection| connection.owes()) {
            self.close(index, CloseReason::BufferLimit);
        } else {
            self.overload(index, Overload::Buffers);
        }
    }
}

//! A connection moves to another worker: see [`spread`](super::spread).

use std::sync::Arc;

use super::connection::{Connection, Standing};
use super::deadlines::Timeout;
use super::event::ConnectionEvent;
use super::kernel::Kernel;
use super::slots::Index;
use super::spread::Moved;
use super::stats::CloseReason;
use super::worker::Worker;
use crate::http::Handler;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// A connection has had its first response, and persists: from now on it counts, here or elsewhere.
    #[cold]
    pub(super) fn settle(&mut self, index: Index) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        connection.standing = Standing::Settled;
        let worker = self.loads.claim(self.number);
        if worker != self.number && !self.hand_over(index, worker) {
            self.loads.release(worker);
            self.loads.add(self.number);
        }
    }

    /// Gives a connection to another worker. `false`: that takes none.
    fn hand_over(&mut self, index: Index, worker: usize) -> bool {
        let inboxes = Arc::clone(&self.inboxes);
        let Some(inbox) = inboxes.get(worker) else {
            return false;
        };
        let mut inbox = inbox.lock();
        let Some(moved) = &mut *inbox else {
            return false;
        };
        let token = self.connections.token(index);
        let Some(connection) = self.connections.get_mut(index) else {
            return false;
        };
        if moved.try_reserve(1).is_err() || self.kernel.unwatch(connection.stream()).is_err() {
            return false;
        }
        self.deadlines.cancel(index);
        let Some(connection) = self.connections.remove(index) else {
            return false;
        };
        if let Some(meter) = &mut self.meter {
            meter.closed(index);
        }
        self.stats.handed_over += 1;
        moved.push(Moved {
            listener: connection.listener,
            stream: connection.stream,
            from: (self.number, token),
        });
        let is_first = moved.len() == 1;
        drop(inbox);
        if is_first && let Some(mailbox) = self.mailboxes.get(worker) {
            mailbox.wake_worker();
        }
        true
    }

    /// Takes over the connections that other workers have given to this one.
    pub(super) fn take_over(&mut self) {
        if let Some(inbox) = self.inboxes.get(self.number) {
            inbox.take().into_iter().for_each(|moved| self.adopt(moved));
        }
    }

    /// The same for the last time.
    pub(super) fn take_over_last(&mut self) {
        if let Some(inbox) = self.inboxes.get(self.number) {
            inbox
                .close()
                .into_iter()
                .for_each(|moved| self.adopt(moved));
        }
    }

    fn adopt(&mut self, moved: Moved<K::Stream>) {
        self.stats.taken_over += 1;
        if self.reserve().is_err() {
            // There is no memory for its place in the table.
            if let Some(hook) = &self.event_hook {
                let (worker, connection) = moved.from;
                hook(&ConnectionEvent::Closed {
                    worker,
                    connection: connection.0 as u64,
                    reason: CloseReason::Failed,
                });
            }
            self.stats.count_close(CloseReason::Failed);
            self.limit.release();
            return self.loads.release(self.number);
        }
        let mut connection = Connection::new(moved.stream, moved.listener);
        connection.standing = Standing::Settled;
        let index = self.connections.insert(connection);
        let token = self.connections.token(index);
        if let Some(hook) = &self.event_hook {
            let (worker, connection) = moved.from;
            hook(&ConnectionEvent::Moved {
                from: (worker, connection.0 as u64),
                to: (self.number, token.0 as u64),
            });
        }
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        // What has come meanwhile is reported now.
        if self.kernel.watch(connection.stream(), token).is_err() {
            return self.close(index, CloseReason::Failed);
        }
        self.deadlines.start(index, Timeout::Idle, self.now.millis);
    }
}

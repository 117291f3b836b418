//! What waits for too long is ended.

use super::deadlines::Timeout;
use super::kernel::Kernel;
use super::slots::Index;
use super::stats::CloseReason;
use super::worker::Worker;
use crate::http::Handler;

/// A drain makes all idle connections late at once: those with a request do not wait until all of them are closed.
const EXPIRED_PER_TURN_MAX: usize = 1024;

impl<K: Kernel, H: Handler> Worker<K, H> {
    /// Ends the waits that have lasted too long, as many as a turn may; the next turn follows at once.
    pub(super) fn expire(&mut self) {
        for _ in 0..EXPIRED_PER_TURN_MAX {
            let Some((index, timeout)) = self.deadlines.overdue(self.now.millis) else {
                return;
            };
            if timeout == Timeout::Linger {
                let reason = self
                    .connections
                    .get_mut(index)
                    .map_or(CloseReason::Failed, |connection| connection.close_reason());
                self.close(index, reason);
            } else if !self.still_waits(index, timeout) {
                // A last look has shown that it goes on.
            } else if timeout == Timeout::Write {
                self.close(index, CloseReason::SlowReader);
            } else {
                let token = self.connections.token(index);
                self.with_context(index, |connection, context| {
                    connection.handle_timeout(token, context)
                });
            }
        }
    }

    /// Serves a connection once more, and returns whether it waits for the same thing as before.
    /// After a stall the rest of a request may have come without an event yet, and Linux reports
    /// room only when a third of the send buffer is free.
    pub(super) fn still_waits(&mut self, index: Index, timeout: Timeout) -> bool {
        let token = self.connections.token(index);
        let Some(connection) = self.connections.get_mut(index) else {
            return false;
        };
        if connection.queued {
            // It has input to be answered: it waits for its turn, and for nothing else.
            self.deadlines.cancel(index);
            return false;
        }
        connection.expect_unreported();
        self.serve_catching(index, token);
        let connection = self
            .connections
            .find(token)
            .and_then(|index| self.connections.get_mut(index));
        // One that is queued by now has more input, of which no event will tell.
        connection.is_some_and(|connection| {
            !connection.queued && connection.waits_for() == (Some(timeout), false)
        })
    }
}
